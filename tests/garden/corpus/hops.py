"""What concerns one connection only: ``Connection``, upgrades, expectations."""

from __future__ import annotations

from tests.garden.case import (
    SMUGGLED,
    Family,
    Passed,
    chunked,
    get,
    lines,
    post,
    refuse,
    serve,
    with_length,
)

CONNECTION = "RFC 9110 7.6.1: Connection"
ABUSE = "advisories: hop-by-hop abuse"
PERSISTENCE = "RFC 9112 9.6: close"
UPGRADE = "RFC 9110 7.8: Upgrade"
H2C = "advisories: h2c smuggling"
WEBSOCKET = "advisories: WebSocket smuggling"
EXPECT = "RFC 9110 10.1.1: Expect"
DESYNC = "advisories: desync by Expect"
KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
HANDSHAKE = (b"Connection: Upgrade", b"Upgrade: websocket", KEY, b"Sec-WebSocket-Version: 13")
NEXT = Passed(b"GET", b"/smuggled")
CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"


def got(*has: bytes, lacks: tuple[bytes, ...] = ()) -> Passed:
    return Passed(b"GET", b"/g", has=has, lacks=lacks)


#: fields, what must be there, what must be gone.
CONNECTIONS = (
    ("custom", (b"Connection: X-Hop", b"X-Hop: 1"), (), (b"x-hop", b"connection"), CONNECTION),
    (
        "two-lines",
        (b"Connection: a", b"Connection: X-Hop", b"X-Hop: 1"),
        (),
        (b"x-hop",),
        CONNECTION,
    ),
    ("commas", (b"Connection: ,, X-Hop ,,", b"X-Hop: 1"), (), (b"x-hop",), CONNECTION),
    ("case", (b"CONNECTION: x-hOP", b"X-Hop: 1"), (), (b"x-hop",), CONNECTION),
    ("host", (b"Connection: Host",), (b"host: garden.example",), (), ABUSE),
    ("cookie", (b"Connection: Cookie", b"Cookie: a=b"), (b"cookie: a=b",), (), ABUSE),
    (
        "authorization",
        (b"Connection: authorization", b"Authorization: x"),
        (b"authorization: x",),
        (),
        ABUSE,
    ),
    (
        "content-type",
        (b"Connection: Content-Type", b"Content-Type: a/b"),
        (b"content-type: a/b",),
        (),
        ABUSE,
    ),
    ("if-match", (b"Connection: If-Match", b'If-Match: "a"'), (b'if-match: "a"',), (), ABUSE),
    ("range", (b"Connection: Range", b"Range: bytes=0-0"), (b"range: bytes=0-0",), (), ABUSE),
    (
        "forwarded-proto",
        (b"Connection: X-Forwarded-Proto",),
        (b"x-forwarded-proto: http",),
        (),
        ABUSE,
    ),
    ("forwarded-for", (b"Connection: close, X-Forwarded-For",), (), (b"connection",), ABUSE),
    ("via", (b"Connection: Via",), (b"via: 1.1 pods-router",), (), ABUSE),
    (
        "request-id",
        (b"Connection: X-Request-Id", b"X-Request-Id: a"),
        (b"x-request-id: a",),
        (),
        ABUSE,
    ),
    ("route", (b"Connection: X-Gitlab-Pod-Route",), (b"x-gitlab-pod-route: strategy",), (), ABUSE),
    (
        "proxy-connection",
        (b"Proxy-Connection: keep-alive",),
        (),
        (b"proxy-connection",),
        CONNECTION,
    ),
    ("keep-alive", (b"Keep-Alive: timeout=5",), (), (b"keep-alive",), CONNECTION),
    ("te-gzip", (b"Connection: TE", b"TE: gzip"), (), (b"te",), "RFC 9110 10.1.4"),
    (
        "te-trailers",
        (b"Connection: TE", b"TE: gzip, trailers"),
        (b"te: trailers",),
        (),
        "RFC 9110 10.1.4",
    ),
    (
        "proxy-authorization",
        (b"Proxy-Authorization: Basic eDp5",),
        (),
        (b"proxy-authorization",),
        CONNECTION,
    ),
    ("upgrade-alone", (b"Connection: Upgrade",), (), (b"connection", b"upgrade"), UPGRADE),
    ("quoted", (b'Connection: "close"',), (), (b"connection",), CONNECTION),
    ("no-token", (b"Connection: a b c",), (), (b"connection",), CONNECTION),
)

UPGRADES = (
    (
        "h2c",
        (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk"),
        H2C,
    ),
    (
        "h2c-settings-unnamed",
        (b"Connection: Upgrade", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk"),
        H2C,
    ),
    ("h2c-unnamed", (b"Upgrade: h2c",), H2C),
    ("h2", (b"Connection: Upgrade", b"Upgrade: h2"), H2C),
    ("tls", (b"Connection: Upgrade", b"Upgrade: TLS/1.0"), UPGRADE),
    ("http-2-0", (b"Connection: Upgrade", b"Upgrade: HTTP/2.0"), UPGRADE),
    ("websocket-and-h2c", (b"Connection: Upgrade", b"Upgrade: websocket, h2c"), WEBSOCKET),
    ("two-lines", (b"Connection: Upgrade", b"Upgrade: websocket", b"Upgrade: h2c"), WEBSOCKET),
    ("websocket-unnamed", (b"Upgrade: websocket",), WEBSOCKET),
    ("websocket-version", (b"Connection: Upgrade", b"Upgrade: websocket/13"), WEBSOCKET),
    ("empty", (b"Connection: Upgrade", b"Upgrade:"), UPGRADE),
    ("quoted", (b"Connection: Upgrade", b'Upgrade: "websocket"'), WEBSOCKET),
)

EXPECTATIONS = (
    ("other", (b"Expect: 200-ok",), EXPECT),
    ("garbled", (b"Expect: y 100-continue",), DESYNC),
    ("list", (b"Expect: 100-continue, 200-ok",), EXPECT),
    ("twice", (b"Expect: 100-continue", b"Expect: 100-continue"), EXPECT),
    ("parameter", (b"Expect: 100-continue;a=b",), EXPECT),
    ("empty", (b"Expect:",), EXPECT),
    ("commas", (b"Expect: ,",), EXPECT),
    ("number", (b"Expect: 100",), DESYNC),
    ("space", (b"Expect: 100 continue",), DESYNC),
)

CONNECTION_FAMILY = Family(
    "connection",
    "Connection and what it names",
    (
        *(
            serve(
                id,
                get(*fields),
                "what is named, and no more, is gone",
                source,
                got(*has, lacks=lacks),
            )
            for id, fields, has, lacks, source in CONNECTIONS
        ),
        serve(
            "content-length",
            with_length(b"hello", b"Connection: Content-Length"),
            "naming it does not take the length away",
            ABUSE,
            Passed(b"POST", b"/g", 5),
        ),
        serve(
            "content-length-next",
            with_length(SMUGGLED, b"Connection: close, content-length"),
            "nor does the body become a request",
            ABUSE,
            Passed(b"POST", b"/g", len(SMUGGLED)),
        ),
        serve(
            "close-and-request",
            get(b"Connection: close", body=SMUGGLED),
            "nothing is read after close",
            PERSISTENCE,
            got(),
        ),
        serve(
            "close-in-list",
            get(b"Connection: keep-alive, CLOSE", body=SMUGGLED),
            "close wins, in any case",
            PERSISTENCE,
            got(),
        ),
        serve(
            "body-close-and-request",
            with_length(b"hello", b"Connection: close") + SMUGGLED,
            "nothing is read after close",
            PERSISTENCE,
            Passed(b"POST", b"/g", 5),
        ),
        refuse("control", get(b"Connection: close\x0b"), "a control character", CONNECTION),
    ),
)

UPGRADE_FAMILY = Family(
    "upgrade",
    "Upgrade (h2c, WebSocket)",
    (
        *(
            serve(
                id,
                get(*fields, body=SMUGGLED),
                "an ordinary request; the next one is its own",
                source,
                got(lacks=(b"upgrade", b"http2-settings", b"connection")),
                NEXT,
            )
            for id, fields, source in UPGRADES
        ),
        serve(
            "h2c-body",
            with_length(SMUGGLED, b"Connection: Upgrade", b"Upgrade: h2c"),
            "the body stays a body",
            H2C,
            Passed(b"POST", b"/g", len(SMUGGLED), lacks=(b"upgrade",)),
        ),
        serve(
            "h2c-preface",
            get(b"Connection: Upgrade", b"Upgrade: h2c", body=b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            "the preface is a malformed request",
            H2C,
            got(lacks=(b"upgrade",)),
            answers=(200, 400),
        ),
        serve(
            "websocket-body",
            get(*HANDSHAKE, b"Content-Length: %d" % len(SMUGGLED), body=SMUGGLED),
            "a handshake with a body is none",
            WEBSOCKET,
            Passed(b"GET", b"/g", len(SMUGGLED), lacks=(b"upgrade",)),
        ),
        serve(
            "websocket-chunked",
            get(*HANDSHAKE, b"Transfer-Encoding: chunked", body=CHUNKS + SMUGGLED),
            "a handshake with a body is none",
            WEBSOCKET,
            Passed(b"GET", b"/g", 5, lacks=(b"upgrade",)),
            NEXT,
        ),
        serve(
            "websocket-post",
            post(*HANDSHAKE, body=SMUGGLED),
            "a handshake is a GET",
            WEBSOCKET,
            Passed(b"POST", b"/g", lacks=(b"upgrade",)),
            NEXT,
        ),
        serve(
            "websocket-1-0",
            lines(b"GET /g HTTP/1.0", b"Host: garden.example", *HANDSHAKE, body=SMUGGLED),
            "HTTP/1.0 has no upgrades",
            UPGRADE,
            got(lacks=(b"upgrade",)),
        ),
        serve(
            "websocket-refused",
            get(*HANDSHAKE, body=SMUGGLED),
            "the pod stays with HTTP, so what follows is a request",
            WEBSOCKET,
            got(b"upgrade: websocket"),
            NEXT,
        ),
        serve(
            "websocket-odd-version",
            get(*HANDSHAKE[:3], b"Sec-WebSocket-Version: 777", body=SMUGGLED),
            "the pod refuses the version, so what follows is a request",
            WEBSOCKET,
            got(b"upgrade: websocket"),
            NEXT,
        ),
    ),
)

EXPECT_FAMILY = Family(
    "expect",
    "Expect",
    (
        *(
            refuse(id, with_length(b"hello", *fields), "no expectation that exists", source, 417)
            for id, fields, source in EXPECTATIONS
        ),
        refuse(
            "417-then-request",
            with_length(SMUGGLED, b"Expect: x"),
            "the body of a refused request is no request",
            DESYNC,
            417,
        ),
        refuse("control", with_length(b"hello", b"Expect: 100-continue\x0b"), "a control", DESYNC),
        serve(
            "length",
            with_length(b"hello", b"Expect: 100-continue"),
            "the body comes unasked",
            EXPECT,
            Passed(b"POST", b"/g", 5),
        ),
        serve(
            "capitals",
            with_length(b"hello", b"EXPECT: 100-Continue"),
            "expectations know no case",
            EXPECT,
            Passed(b"POST", b"/g", 5),
        ),
        serve(
            "chunked",
            chunked(CHUNKS + SMUGGLED, b"Expect: 100-continue"),
            "the body comes unasked",
            EXPECT,
            Passed(b"POST", b"/g", 5),
            NEXT,
        ),
        serve(
            "no-body",
            get(b"Expect: 100-continue", body=SMUGGLED),
            "nothing to wait for, so no pod is asked for a 100",
            DESYNC,
            got(lacks=(b"expect",)),
            NEXT,
        ),
        serve(
            "zero",
            post(b"Expect: 100-continue", b"Content-Length: 0", body=SMUGGLED),
            "nothing to wait for, so no pod is asked for a 100",
            DESYNC,
            Passed(b"POST", b"/g", lacks=(b"expect",)),
            NEXT,
        ),
        serve(
            "get-body",
            get(
                b"Expect: 100-continue",
                b"Content-Length: %d" % len(SMUGGLED),
                body=SMUGGLED + SMUGGLED,
            ),
            "a GET with a body that is a request",
            DESYNC,
            Passed(b"GET", b"/g", len(SMUGGLED)),
            NEXT,
        ),
        serve(
            "head",
            get(b"Expect: 100-continue", b"Content-Length: 5", method=b"HEAD", body=b"hello"),
            "a HEAD with a body",
            DESYNC,
            Passed(b"HEAD", b"/g", 5),
        ),
        serve(
            "1-0",
            lines(
                b"POST /g HTTP/1.0", b"Expect: 100-continue", b"Content-Length: 5", body=b"hello"
            ),
            "HTTP/1.0 has no expectations",
            EXPECT,
            Passed(b"POST", b"/g", 5, lacks=(b"expect",)),
        ),
    ),
)
