"""The syntax of heads: line ends, names and values of fields, request lines and versions."""

from __future__ import annotations

from tests.garden.case import HOST, SMUGGLED, Family, Passed, get, lines, refuse, serve, starve

ENDS = "RFC 9112 2.2: line ends"
BARE_CR = "RFC 9112 2.2: bare CR"
BARE_LF = "advisories: bare LF as a line's end"
CONTROLS = "RFC 9110 5.5: control characters"
NAMES = "RFC 9110 5.1: names are tokens"
SPACE = "RFC 9112 5.1: no space before the colon"
FOLDS = "RFC 9112 5.2: obs-fold"
LINE = "RFC 9112 3: request-line"
VERSION = "RFC 9112 2.3: HTTP-version"
FOREIGN = "advisories: other protocols to an HTTP port"
GOT = Passed(b"GET", b"/g")
RIGHT = b"GET /g HTTP/1.1\r\nHost: garden.example\r\n"

LINE_ENDS = (
    ("lf-request-line", b"GET /g HTTP/1.1\nHost: garden.example\r\n\r\n", BARE_LF),
    ("lf-field", b"GET /g HTTP/1.1\r\nHost: garden.example\nX: y\r\n\r\n", BARE_LF),
    ("lf-everywhere", b"GET /g HTTP/1.1\nHost: garden.example\n\n", BARE_LF),
    ("lf-end", RIGHT + b"\n", BARE_LF),
    ("lf-lf-end", RIGHT[:-2] + b"\n\n", BARE_LF),
    ("lf-cr-lf-end", RIGHT[:-2] + b"\n\r\n", BARE_LF),
    ("cr-request-line", b"GET /g HTTP/1.1\rHost: garden.example\r\n\r\n", BARE_CR),
    ("cr-field", RIGHT + b"X: y\rZ: z\r\n\r\n", BARE_CR),
    ("cr-field-end", RIGHT + b"X: y\r\r\n\r\n", BARE_CR),
    ("cr-name", RIGHT + b"X\r: y\r\n\r\n", BARE_CR),
    ("cr-before-name", RIGHT + b"\rX: y\r\n\r\n", BARE_CR),
    ("cr-hides-request", RIGHT + b"X: y\r\r\n" + SMUGGLED, BARE_CR),
    ("lf-hides-request", RIGHT + b"X: y\n\n" + SMUGGLED, BARE_LF),
    ("cr-target", b"GET /g\r HTTP/1.1\r\nHost: garden.example\r\n\r\n", BARE_CR),
    ("lf-target", b"GET /g\n HTTP/1.1\r\nHost: garden.example\r\n\r\n", BARE_LF),
    ("lf-cr", b"GET /g HTTP/1.1\n\rHost: garden.example\n\r\n\r", ENDS),
    ("two-empty-first", b"\r\n\r\n" + RIGHT + b"\r\n", ENDS),
    ("lf-first", b"\n" + RIGHT + b"\r\n", BARE_LF),
    ("cr-first", b"\r" + RIGHT + b"\r\n", BARE_CR),
    ("space-first", b" " + RIGHT + b"\r\n", LINE),
    ("next-line", b"GET /g HTTP/1.1\x85Host: garden.example\r\n\r\n", ENDS),
    ("vertical-tab-line", b"GET /g HTTP/1.1\x0bHost: garden.example\r\n\r\n", ENDS),
)

VALUES = (
    ("nul", b"y\x00z"),
    ("nul-end", b"y\x00"),
    ("start-of-head", b"\x01"),
    ("backspace", b"y\x08"),
    ("vertical-tab", b"\x0by"),
    ("form-feed", b"y\x0c"),
    ("escape", b"\x1b[31m"),
    ("unit-separator", b"y\x1f"),
    ("delete", b"y\x7f"),
    ("bare-cr-request", b"y\rGET /smuggled HTTP/1.1"),
)

BAD_NAMES = (
    ("empty", b": y", NAMES),
    ("space-colon", b"X : y", SPACE),
    ("tab-colon", b"X\t: y", SPACE),
    ("many-spaces-colon", b"X   : y", SPACE),
    ("inner-space", b"X Y: z", NAMES),
    ("no-colon", b"X", NAMES),
    ("no-colon-value", b"X y", NAMES),
    ("parenthesis", b"X(: y", NAMES),
    ("at", b"X@Y: z", NAMES),
    ("bracket", b"X[0]: y", NAMES),
    ("quote", b'"X": y', NAMES),
    ("brace", b"{X}: y", NAMES),
    ("slash", b"X/Y: z", NAMES),
    ("backslash", b"X\\Y: z", NAMES),
    ("comma", b"X,Y: z", NAMES),
    ("semicolon", b"X;Y: z", NAMES),
    ("equals", b"X=Y: z", NAMES),
    ("question", b"X?: y", NAMES),
    ("less", b"<X>: y", NAMES),
    ("high-byte", b"X\xe4: y", NAMES),
    ("utf-8", "\u1e8c: y".encode(), NAMES),
    ("nul", b"X\x00Y: z", NAMES),
    ("delete", b"X\x7f: y", NAMES),
    ("pseudo-method", b":method: POST", "advisories: HTTP/2 downgrades"),
    ("pseudo-path", b":path: /smuggled", "advisories: HTTP/2 downgrades"),
    ("pseudo-authority", b":authority: evil.example", "advisories: HTTP/2 downgrades"),
    ("second-request-line", b"GET /smuggled HTTP/1.1", NAMES),
    ("fold-space", b"X: y\r\n z", FOLDS),
    ("fold-tab", b"X: y\r\n\tz", FOLDS),
    ("fold-empty", b"X: y\r\n \r\nZ: z", FOLDS),
    ("fold-field", b"X: y\r\n Host: evil.example", FOLDS),
    ("fold-request", b"X: y\r\n GET /smuggled HTTP/1.1", FOLDS),
)

RIGHT_FIELDS = (
    ("empty-value", b"X:", b"x: ", "an empty value"),
    ("inner-space", b"X:  y  z  ", b"x: y  z", "white space within stays, around it goes"),
    ("inner-tab", b"X: y\tz", b"x: y\tz", "a tab is white space"),
    ("colons", b"X: y: z:", b"x: y: z:", "colons in a value"),
    ("obs-text", b"X: \xe4\xff", b"x: \xe4\xff", "bytes above 127 pass as they are"),
    ("utf-8-line-end", "X: y\u2028z".encode(), b"x: y\xe2\x80\xa8z", "a line's end in Unicode"),
    ("latin-1-line-end", b"X: y\x85z", b"x: y\x85z", "a line's end in Latin-1"),
    ("all-token-characters", b"!#$%&'*+-.^`|~0: y", b"!#$%&'*+-.^`|~0: y", "a strange token"),
    ("request-in-value", b"X: GET /x HTTP/1.1", b"x: GET /x HTTP/1.1", "a request in a value"),
    ("escaped-line-end", b"X: a\\r\\nb", b"x: a\\r\\nb", "a backslash is itself"),
    ("encoded-line-end", b"X: a%0d%0ab", b"x: a%0d%0ab", "percent encoding is not decoded"),
)

VERSIONS = (
    ("2-0", b"GET /g HTTP/2.0", "a version of another wire format"),
    ("2", b"GET /g HTTP/2", "no minor version"),
    ("3-0", b"GET /g HTTP/3.0", "a version of another wire format"),
    ("0-9", b"GET /g HTTP/0.9", "older than heads"),
    ("1-10", b"GET /g HTTP/1.10", "two digits"),
    ("01-1", b"GET /g HTTP/01.1", "two digits"),
    ("1-1-1", b"GET /g HTTP/1.1.1", "three numbers"),
    ("1-1-x", b"GET /g HTTP/1.1x", "a letter behind"),
    ("1-comma-1", b"GET /g HTTP/1,1", "a comma"),
    ("no-minor", b"GET /g HTTP/1.", "no minor version"),
    ("no-major", b"GET /g HTTP/.1", "no major version"),
    ("no-dot", b"GET /g HTTP/11", "no dot"),
    ("no-number", b"GET /g HTTP/", "no version"),
    ("minus", b"GET /g HTTP/-1.1", "a sign"),
    ("lower-case", b"GET /g http/1.1", "the name of the protocol knows case"),
    ("https", b"GET /g HTTPS/1.1", "another name"),
    ("rtsp", b"GET /g RTSP/1.0", "another protocol"),
    ("space-inside", b"GET /g HTTP/ 1.1", "a space inside"),
    ("no-slash", b"GET /g HTTP 1.1", "no slash"),
    ("space-behind", b"GET /g HTTP/1.1 ", "a space behind"),
    ("two-versions", b"GET /g HTTP/1.1 HTTP/1.1", "which one?"),
    ("two-versions-old", b"GET /g HTTP/1.0 HTTP/1.1", "which one?"),
    ("tab-for-space", b"GET\t/g\tHTTP/1.1", "tabs for spaces"),
    ("two-spaces", b"GET  /g HTTP/1.1", "two spaces"),
    ("two-spaces-version", b"GET /g  HTTP/1.1", "two spaces"),
    ("vertical-tab", b"GET\x0b/g HTTP/1.1", "a control character for a space"),
    ("no-target", b"GET HTTP/1.1", "no target"),
    ("empty-target", b"GET  HTTP/1.1", "an empty target"),
    ("no-version", b"GET /g", "HTTP/0.9"),
    ("no-version-space", b"GET /g ", "HTTP/0.9 and a space"),
    ("method-alone", b"GET", "nothing but a method"),
)

FOREIGNS = (
    ("http-2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "the preface of HTTP/2"),
    ("tls", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(64)), "a ClientHello"),
    ("ssh", b"SSH-2.0-OpenSSH_9.6\r\n", "SSH"),
    ("proxy-1", b"PROXY TCP4 192.0.2.7 192.0.2.8 56324 443\r\n" + RIGHT + b"\r\n", "PROXY, v1"),
    ("proxy-2", b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + bytes(12), "PROXY, v2"),
    ("smtp", b"EHLO garden.example\r\nMAIL FROM:<a@garden.example>\r\n", "SMTP"),
    ("redis", b"*1\r\n$4\r\nPING\r\n", "Redis"),
    ("memcached", b"stats items\r\n", "memcached"),
    ("fastcgi", b"\x01\x01\x00\x01\x00\x08\x00\x00" + bytes(8), "FastCGI"),
    ("ajp", b"\x12\x34\x00\x01\x0a", "AJP"),
    ("utf-16", "GET /g HTTP/1.1\r\n".encode("utf-16"), "UTF-16"),
    ("byte-order-mark", b"\xef\xbb\xbf" + RIGHT + b"\r\n", "a mark before the method"),
    ("response", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "a response"),
    ("nul", b"\x00" + RIGHT + b"\r\n", "NUL first"),
    ("chunk", b"5\r\nhello\r\n0\r\n\r\n", "chunks without a head"),
    ("field-first", b"Host: garden.example\r\nGET /g HTTP/1.1\r\n\r\n", "a field first"),
)

LINE_END_FAMILY = Family(
    "line-ends",
    "bare CR, LF, NUL and controls",
    (
        *(
            refuse(id, data, "a line that does not end with CRLF", why)
            for id, data, why in LINE_ENDS
        ),
        *(
            refuse("value-" + id, get(b"X: " + value), "a control character in a value", CONTROLS)
            for id, value in VALUES
        ),
        serve("one-empty-first", b"\r\n" + RIGHT + b"\r\n", "one empty line is skipped", ENDS, GOT),
        starve("no-end", RIGHT, "no empty line at the end", ENDS),
        starve("half-end", RIGHT + b"\r", "half a line end at the end", ENDS),
    ),
)

FIELD_FAMILY = Family(
    "fields",
    "names, values, folds",
    (
        *(
            refuse("name-" + id, get(b"A: b", field, b"C: d"), "no field", source)
            for id, field, source in BAD_NAMES
        ),
        refuse(
            "fold-first",
            lines(b"GET /g HTTP/1.1", b" X: y", HOST),
            "a fold of the request line",
            FOLDS,
        ),
        refuse("fold-host", lines(b"GET /g HTTP/1.1", HOST, b" X: y"), "a fold of Host", FOLDS),
        *(
            serve(
                "right-" + id,
                get(field),
                why,
                "RFC 9110 5.5: field values",
                Passed(b"GET", b"/g", has=(has,)),
            )
            for id, field, has, why in RIGHT_FIELDS
        ),
    ),
)

VERSION_FAMILY = Family(
    "versions",
    "request lines and versions",
    (
        *(refuse(id, lines(line, HOST), why, VERSION) for id, line, why in VERSIONS),
        *(
            serve(
                "1-" + minor,
                lines(b"GET /g HTTP/1." + minor.encode(), HOST),
                "a later minor version is served as 1.1",
                "RFC 9110 2.5: versions",
                GOT,
            )
            for minor in "1239"
        ),
        serve("1-0", lines(b"GET /g HTTP/1.0", HOST), "goes on as 1.1", VERSION, GOT),
        serve("1-0-no-host", lines(b"GET /g HTTP/1.0"), "gets a Host", VERSION, GOT),
        serve(
            "1-0-length",
            lines(b"POST /g HTTP/1.0", HOST, b"Content-Length: 5", body=b"hello"),
            "a length is right there",
            VERSION,
            Passed(b"POST", b"/g", 5),
        ),
        serve(
            "1-0-second",
            lines(b"GET /g HTTP/1.0", HOST, body=SMUGGLED),
            "the connection ends after the first answer",
            "RFC 9112 9.3: persistence",
            GOT,
        ),
        serve(
            "1-0-kept",
            lines(b"GET /g HTTP/1.0", HOST, b"Connection: keep-alive", body=SMUGGLED),
            "the connection goes on if that was asked for",
            "RFC 9112 9.3: persistence",
            GOT,
            Passed(b"GET", b"/smuggled"),
        ),
    ),
)

FOREIGN_FAMILY = Family(
    "foreign",
    "other protocols",
    tuple(refuse(id, data, why, FOREIGN) for id, data, why in FOREIGNS),
)
