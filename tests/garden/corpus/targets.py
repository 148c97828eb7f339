"""Where a request says that it goes: targets, ``Host``, methods, the routers' own endpoint."""

from __future__ import annotations

from tests.garden.case import (
    HOST,
    SMUGGLED,
    Case,
    Family,
    Passed,
    get,
    lines,
    refuse,
    serve,
    with_length,
)

FORMS = "RFC 9112 3.2: forms of a target"
ABSOLUTE = "RFC 9112 3.2.2: absolute-form"
CHARACTERS = "RFC 3986 2: characters of a URI"
PATHS = "advisories: path confusion"
HOSTS = "RFC 9112 3.2: one valid Host"
HOST_ATTACKS = "advisories: Host header attacks"
METHODS = "RFC 9110 9.1: methods"
LEARN = "the routers' own endpoint is closed to clients"


def got(target: bytes, host: bytes = b"garden.example") -> Passed:
    return Passed(b"GET", target, has=(b"host: " + host,))


BAD_TARGETS = (
    ("relative", b"g", "a path without its slash", FORMS),
    ("query-only", b"?a=b", "a query alone", FORMS),
    ("fragment", b"/g#f", "a fragment", FORMS),
    ("fragment-only", b"#", "a fragment alone", FORMS),
    ("asterisk", b"*", "for OPTIONS only", FORMS),
    ("asterisk-path", b"*/g", "an asterisk and more", FORMS),
    ("authority", b"garden.example:80", "for CONNECT only", FORMS),
    ("at", b"@evil.example/", "becomes a user's name when glued to a host", PATHS),
    ("port", b":80/g", "becomes a port when glued to a host", PATHS),
    ("dot-host", b".evil.example/", "becomes a domain when glued to a host", PATHS),
    ("backslash", b"\\g", "a slash to some", PATHS),
    ("space", b"/g h", "a space inside", FORMS),
    ("tab", b"/g\th", "a tab inside", CHARACTERS),
    ("nul", b"/g\x00", "NUL inside", CHARACTERS),
    ("high-byte", b"/g\xe4", "a byte above 127", CHARACTERS),
    ("utf-8", "/gä".encode(), "UTF-8 without encoding", CHARACTERS),
    ("delete", b"/g\x7f", "DEL inside", CHARACTERS),
    ("ftp", b"ftp://garden.example/g", "another scheme", ABSOLUTE),
    ("file", b"file:///etc/passwd", "another scheme", ABSOLUTE),
    ("ws", b"ws://garden.example/g", "another scheme", ABSOLUTE),
    ("javascript", b"javascript:alert(1)", "another scheme", ABSOLUTE),
    ("one-slash", b"http:/garden.example/g", "one slash", ABSOLUTE),
    ("no-slash", b"http:garden.example/g", "no slash", ABSOLUTE),
    ("no-host", b"http:///g", "no host", ABSOLUTE),
    ("nothing", b"http://", "no host", ABSOLUTE),
    ("user", b"http://user@garden.example/g", "a user's name", ABSOLUTE),
    ("user-host", b"http://garden.example@evil.example/g", "which host?", ABSOLUTE),
    ("no-port", b"http://garden.example:x/g", "a port that is no number", ABSOLUTE),
    ("port-sign", b"http://garden.example:+80/g", "a port with a sign", ABSOLUTE),
    ("open-bracket", b"http://[::1/g", "half a bracket", ABSOLUTE),
    ("absolute-fragment", b"http://garden.example#f", "a fragment", ABSOLUTE),
    ("absolute-backslash", b"http://garden.example\\@evil.example/", "which host?", ABSOLUTE),
    ("absolute-list", b"http://a.example,b.example:80:80/", "two ports", ABSOLUTE),
)

GOOD_TARGETS = (
    ("double-slash", b"//evil.example/g", "an origin-form, not a host", PATHS),
    ("dots", b"/a/../b", "goes on as it is", PATHS),
    ("dot", b"/a/./b", "goes on as it is", PATHS),
    ("encoded-dots", b"/a/%2e%2e/b", "goes on as it is", PATHS),
    ("encoded-slash", b"/a%2fb", "goes on as it is", PATHS),
    ("encoded-line-end", b"/a%0d%0aX:%20y", "goes on as it is", "advisories: response splitting"),
    ("encoded-space", b"/a%20HTTP/1.1", "goes on as it is", PATHS),
    ("encoded-question", b"/a%3fb", "goes on as it is", PATHS),
    ("encoded-latin-1", b"/a%E4", "goes on as it is", PATHS),
    ("double-encoded", b"/a%252fb", "goes on as it is", PATHS),
    ("semicolon", b"/..;/g", "a parameter to some", PATHS),
    ("absolute-in-path", b"/http://evil.example/", "a path", PATHS),
    ("at-in-path", b"/@evil.example", "a path", PATHS),
    ("empty-query", b"/g?", "the question mark stays", PATHS),
    ("questions", b"/g?a?b=/../c", "the first question mark counts", PATHS),
    ("backslash", b"/a\\b", "goes on as it is", PATHS),
    ("pipe", b"/a|b", "goes on as it is", CHARACTERS),
    ("quotes", b"/a\"b'", "goes on as it is", CHARACTERS),
    ("angles", b"/<a>", "goes on as it is", CHARACTERS),
    ("braces", b"/{a}^`", "goes on as it is", CHARACTERS),
    ("brackets", b"/a[0]", "goes on as it is", CHARACTERS),
    ("commas", b"/a,b;c=d&e=f:g", "goes on as it is", CHARACTERS),
    ("root", b"/", "nothing hostile", FORMS),
)

#: target, what the pod must get, and as which host.
ABSOLUTES = (
    ("path", b"http://garden.example/g", b"/g", b"garden.example", "becomes origin-form"),
    ("query", b"http://garden.example?a", b"/?a", b"garden.example", "an empty path is a slash"),
    ("empty", b"http://garden.example", b"/", b"garden.example", "an empty path is a slash"),
    ("https", b"https://garden.example/g", b"/g", b"garden.example", "the scheme is the client's"),
    ("capitals", b"HTTP://garden.example/g", b"/g", b"garden.example", "schemes know no case"),
    ("conflict", b"http://other.example/g", b"/g", b"other.example", "the target's host wins"),
    ("port", b"http://garden.example:8080/g", b"/g", b"garden.example:8080", "with a port"),
    ("ipv6", b"http://[::1]:80/g", b"/g", b"[::1]:80", "an address of IPv6"),
    ("slashes", b"http://garden.example//g", b"//g", b"garden.example", "the path is as it is"),
    ("nested", b"http://garden.example/http://e/", b"/http://e/", b"garden.example", "a path"),
)

BAD_HOSTS = (
    ("empty", b"", HOSTS),
    ("space", b"a b", HOSTS),
    ("list", b"garden.example, evil.example", HOST_ATTACKS),
    ("slash", b"garden.example/g", HOSTS),
    ("question", b"garden.example?a", HOSTS),
    ("fragment", b"garden.example#a", HOSTS),
    ("user", b"user@garden.example", HOST_ATTACKS),
    ("port-user", b"garden.example:80@evil.example", HOST_ATTACKS),
    ("two-ports", b"garden.example:80:81", HOSTS),
    ("word-port", b"garden.example:http", HOSTS),
    ("negative-port", b"garden.example:-1", HOSTS),
    ("long-port", b"garden.example:999999", HOSTS),
    ("space-port", b"garden.example: 80", HOSTS),
    ("only-port", b":80", HOSTS),
    ("url", b"http://garden.example", HOST_ATTACKS),
    ("double-slash", b"//garden.example", HOST_ATTACKS),
    ("backslash", b"garden.example\\evil.example", HOST_ATTACKS),
    ("open-bracket", b"[::1", HOSTS),
    ("behind-bracket", b"[::1]evil.example", HOSTS),
    ("no-bracket", b"::1", HOSTS),
    ("quotes", b'"garden.example"', HOST_ATTACKS),
    ("angle", b"<script>", HOST_ATTACKS),
    ("percent", b"garden%zz.example", HOSTS),
    ("high-byte", b"g\xe4rden.example", HOSTS),
    ("nul", b"garden.example\x00.evil.example", HOST_ATTACKS),
    ("control", b"garden.example\x0b", HOST_ATTACKS),
    ("pipe", b"garden.example|evil.example", HOST_ATTACKS),
)

HOST_LINES = (
    ("missing", (), "no Host"),
    ("twice", (HOST, HOST), "two, even if they agree"),
    ("twice-different", (HOST, b"Host: evil.example"), "two"),
    ("twice-cases", (HOST, b"hOST: evil.example"), "names know no case"),
    ("twice-empty", (HOST, b"Host:"), "the second is empty"),
    ("space-colon", (b"Host : garden.example",), "a space before the colon"),
    ("twice-space-colon", (HOST, b"Host : evil.example"), "a space before the colon"),
    ("leading-space", (b" Host: garden.example",), "a fold of the request line"),
    ("second-is-fold", (HOST, b" Host: evil.example"), "a fold"),
    ("nul", (HOST, b"Host\x00: evil.example"), "NUL in the name"),
    ("bare-lf", (HOST + b"\nHost: evil.example",), "a bare LF between two"),
    ("bare-cr", (HOST + b"\rHost: evil.example",), "a bare CR between two"),
)

BAD_METHODS = (
    ("connect", b"CONNECT", 405, "no tunnels"),
    ("trace", b"TRACE", 405, "would show what is between"),
    ("lower-case", b"get", 501, "methods know case"),
    ("mixed-case", b"Post", 501, "methods know case"),
    ("unknown", b"FOO", 501, "unknown"),
    ("longer", b"GETS", 501, "begins with one"),
    ("pri", b"PRI", 501, "that of HTTP/2's preface"),
    ("rtsp", b"DESCRIBE", 501, "of another protocol"),
    ("glued", b"GGET", 501, "what a left-over byte does to the next request"),
    ("glued-post", b"0POST", 501, "what a left-over digit does to the next request"),
    ("parenthesis", b"G(T", 400, "no token"),
    ("slash", b"GET/", 400, "no token"),
    ("nul", b"GE\x00T", 400, "no token"),
    ("high-byte", b"G\xcbT", 400, "no token"),
    ("quote", b'"GET"', 400, "no token"),
    ("brackets", b"[GET]", 400, "no token"),
    ("comma", b"GET,POST", 400, "no token"),
    ("colon", b"GET:", 400, "no token"),
    ("very-long", b"A" * 65, 400, "longer than any"),
    ("endless", b"A" * 100_000, 400, "longer than any, by far"),
)

GOOD_METHODS = (
    b"PUT PATCH DELETE OPTIONS PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK REPORT SEARCH PURGE"
).split()

LEARN_TARGETS = (
    ("plain", b"/api/v4/pods/learn"),
    ("query", b"/api/v4/pods/learn?method=GET&path_info=/a"),
    ("slash", b"/api/v4/pods/learn/"),
    ("double-slash", b"//api/v4/pods/learn"),
    ("inner-double-slash", b"/api//v4/pods///learn"),
    ("encoded-letter", b"/api/v4/pods/%6cearn"),
    ("encoded-slash", b"/api/v4%2fpods/learn"),
    ("capitals", b"/API/v4/Pods/LEARN"),
    ("dot", b"/api/./v4/pods/learn"),
    ("dots", b"/api/v4/x/../pods/learn"),
    ("encoded-dots", b"/x/%2e%2e/api/v4/pods/learn"),
    ("parameter", b"/api/v4/pods/learn;x"),
    ("absolute", b"http://garden.example/api/v4/pods/learn"),
)


def learn(id: str, target: bytes) -> Case:
    data = get(target=target, body=get(target=b"/next"))
    answers = (404, 200)
    return serve(id, data, "no pod is asked", LEARN, Passed(b"GET", b"/next"), answers=answers)


TARGETS = Family(
    "targets",
    "targets",
    (
        *(refuse(id, get(target=target), why, source) for id, target, why, source in BAD_TARGETS),
        *(
            serve("right-" + id, get(target=target), why, source, got(target))
            for id, target, why, source in GOOD_TARGETS
        ),
        *(
            serve("absolute-right-" + id, get(target=target), why, ABSOLUTE, got(becomes, host))
            for id, target, becomes, host, why in ABSOLUTES
        ),
        serve(
            "absolute-1-0",
            lines(b"GET http://garden.example/g HTTP/1.0"),
            "its host is the only one",
            ABSOLUTE,
            got(b"/g"),
        ),
        refuse(
            "absolute-two-hosts",
            lines(b"GET http://garden.example/g HTTP/1.1", HOST, b"Host: evil.example"),
            "the target's host is no excuse",
            HOSTS,
        ),
        refuse(
            "absolute-no-host",
            lines(b"GET http://garden.example/g HTTP/1.1"),
            "the target's host is no excuse",
            HOSTS,
        ),
        serve(
            "asterisk-options",
            get(target=b"*", method=b"OPTIONS"),
            "the server as a whole",
            "RFC 9112 3.2.4: asterisk-form",
            Passed(b"OPTIONS", b"*"),
        ),
        serve(
            "absolute-options",
            get(target=b"http://garden.example", method=b"OPTIONS"),
            "an empty path is the server as a whole",
            "RFC 9112 3.2.4: asterisk-form",
            Passed(b"OPTIONS", b"*"),
        ),
        serve(
            "absolute-options-path",
            get(target=b"http://garden.example/", method=b"OPTIONS"),
            "a slash is a path",
            "RFC 9112 3.2.4: asterisk-form",
            Passed(b"OPTIONS", b"/"),
        ),
    ),
)

HOST_FAMILY = Family(
    "hosts",
    "Host",
    (
        *(
            refuse(id, lines(b"GET /g HTTP/1.1", b"Host: " + host), "no host", source)
            for id, host, source in BAD_HOSTS
        ),
        *(
            refuse("line-" + id, lines(b"GET /g HTTP/1.1", *fields), why, HOSTS)
            for id, fields, why in HOST_LINES
        ),
        refuse(
            "1-0-twice",
            lines(b"GET /g HTTP/1.0", HOST, b"Host: evil.example"),
            "the old version is no excuse",
            HOSTS,
        ),
        *(
            serve(
                "right-" + id,
                lines(b"GET /g HTTP/1.1", b"Host: " + host),
                "nothing hostile",
                HOSTS,
                got(b"/g", host),
            )
            for id, host in (
                ("port", b"garden.example:8080"),
                ("empty-port", b"garden.example:"),
                ("ipv4", b"192.0.2.7"),
                ("ipv6", b"[2001:db8::1]:80"),
                ("capitals", b"GARDEN.Example"),
                ("dot", b"garden.example."),
            )
        ),
        serve(
            "others",
            get(b"X-Host: evil.example", b"X-Forwarded-Host: evil.example"),
            "what the client says of X-Forwarded-Host is replaced",
            HOST_ATTACKS,
            Passed(
                b"GET", b"/g", has=(b"host: garden.example", b"x-forwarded-host: garden.example")
            ),
        ),
    ),
)

METHOD_FAMILY = Family(
    "methods",
    "methods",
    (
        *(
            refuse(id, get(method=method, body=SMUGGLED), why, METHODS, status)
            for id, method, status, why in BAD_METHODS
        ),
        *(
            serve(
                "right-" + method.decode().lower(),
                get(b"Content-Length: 5", method=method, body=b"hello"),
                "a body if it says so",
                METHODS,
                Passed(method, b"/g", 5),
            )
            for method in GOOD_METHODS
        ),
        refuse(
            "connect-authority",
            get(target=b"garden.example:443", method=b"CONNECT", body=SMUGGLED),
            "no tunnels",
            METHODS,
            405,
        ),
        serve("head", get(method=b"HEAD"), "nothing hostile", METHODS, Passed(b"HEAD", b"/g")),
        serve(
            "head-body",
            get(b"Content-Length: 5", method=b"HEAD", body=b"hello" + SMUGGLED),
            "a body if it says so",
            METHODS,
            Passed(b"HEAD", b"/g", 5),
            Passed(b"GET", b"/smuggled"),
        ),
        serve(
            "override",
            with_length(b"_method=DELETE", b"X-HTTP-Method-Override: DELETE"),
            "a field and a body like others",
            "advisories: method override",
            Passed(b"POST", b"/g", 14),
        ),
        serve(
            "post-without-length",
            lines(b"POST /g HTTP/1.1", HOST),
            "no framing is no body",
            "RFC 9112 6.3: no framing",
            Passed(b"POST", b"/g"),
        ),
    ),
)

LEARN_FAMILY = Family(
    "learn", "the routers' own endpoint", tuple(learn(*pair) for pair in LEARN_TARGETS)
)
