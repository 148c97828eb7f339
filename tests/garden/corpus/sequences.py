"""More than one request on a connection, trailers, and what is over a limit."""

from __future__ import annotations

from tests.garden.case import (
    HOST,
    SMUGGLED,
    Family,
    Passed,
    chunked,
    get,
    lines,
    post,
    refuse,
    refuse_body,
    serve,
    starve,
    with_length,
)

PIPELINING = "RFC 9112 9.3.2: pipelining"
AFTER_ERRORS = "advisories: requests after a refused one"
GLUED = "advisories: prefix of the next request"
CL_0 = "advisories: CL.0 and client-side desync"
TRAILERS = "RFC 9110 6.5.1: trailers"
TRAILER_SYNTAX = "RFC 9112 7.1.2: trailer section"
LIMITS = "RFC 9112 3, RFC 6585 5: limits"
GOT = Passed(b"GET", b"/g")
NEXT = Passed(b"GET", b"/smuggled")
POSTED = Passed(b"POST", b"/g", 5)
HELLO = with_length(b"hello")
CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"

#: What is refused by its head; whatever follows must not be read.
REFUSED = (
    ("two-lengths", 400, post(b"Content-Length: 5", b"Content-Length: 0", body=b"hello")),
    ("both-framings", 400, post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=CHUNKS)),
    ("no-host", 400, lines(b"GET /g HTTP/1.1")),
    ("bad-name", 400, get(b"X Y: z")),
    ("bare-lf", 400, get(b"X: y\nZ: z")),
    ("bad-target", 400, get(target=b"g")),
    ("http-2", 400, lines(b"GET /g HTTP/2.0", HOST)),
    ("connect", 405, get(method=b"CONNECT", target=b"garden.example:80")),
    ("expectation", 417, with_length(b"hello", b"Expect: x")),
    ("long-target", 414, get(target=b"/" + b"a" * 20_000)),
    ("many-fields", 431, get(*(b"X: y",) * 201)),
    ("long-head", 431, get(b"X: " + b"y" * 70_000)),
)

#: trailer line, and the name that must not arrive.
DROPPED = (
    ("content-length", b"Content-Length: 100", b"content-length"),
    ("host", b"Host: evil.example", b""),
    ("cookie", b"Cookie: admin=1", b"cookie"),
    ("authorization", b"Authorization: Basic eDp5", b"authorization"),
    ("content-type", b"Content-Type: text/html", b"content-type"),
    ("connection", b"Connection: close", b"connection"),
    ("upgrade", b"Upgrade: h2c", b"upgrade"),
    ("expect", b"Expect: 100-continue", b""),
    ("trailer", b"Trailer: X", b"trailer"),
    ("te", b"TE: trailers", b"te"),
    ("real-ip", b"X-Real-IP: 192.0.2.7", b"x-real-ip"),
    ("redirect", b"X-Gitlab-Pod-Redirect: pod_us0", b"x-gitlab-pod-redirect"),
    ("underscore", b"X_Forwarded_Proto: https", b"x_forwarded_proto"),
)

BAD_TRAILERS = (
    ("space-colon", b"X : y\r\n"),
    ("tab-colon", b"X\t: y\r\n"),
    ("no-colon", b"X\r\n"),
    ("empty-name", b": y\r\n"),
    ("no-token", b"X(: y\r\n"),
    ("fold", b"X: y\r\n z\r\n"),
    ("fold-first", b" X: y\r\n"),
    ("bare-lf", b"X: y\nZ: z\r\n"),
    ("bare-cr", b"X: y\rZ: z\r\n"),
    ("nul", b"X: y\x00\r\n"),
    ("control", b"X: y\x0b\r\n"),
    ("request", SMUGGLED),
    ("chunk", b"5\r\nhello\r\n"),
    ("too-long", b"X: " + b"y" * 17_000 + b"\r\n"),
    ("too-many", b"X: yyyyyyyyyyyyyyyyyyyyyyyy\r\n" * 700),
)


def trailed(trailers: bytes, *fields: bytes) -> bytes:
    return chunked(b"5\r\nhello\r\n0\r\n" + trailers + b"\r\n", *fields)


PIPELINE_FAMILY = Family(
    "pipelining",
    "pipelining and glued prefixes",
    (
        *(
            refuse("after-" + id, data + SMUGGLED, "nothing after it is read", AFTER_ERRORS, status)
            for id, status, data in REFUSED
        ),
        serve("two", get(body=SMUGGLED), "two requests", PIPELINING, GOT, NEXT),
        serve("three", get() * 2 + SMUGGLED, "three requests", PIPELINING, GOT, GOT, NEXT),
        serve("ten", get() * 10, "ten requests", PIPELINING, *(GOT,) * 10),
        serve("body-first", HELLO + SMUGGLED, "a body between", PIPELINING, POSTED, NEXT),
        serve("body-last", get() + HELLO, "a body at the end", PIPELINING, GOT, POSTED),
        serve("bodies", HELLO * 3, "three bodies", PIPELINING, *(POSTED,) * 3),
        serve(
            "chunked-and-length",
            chunked(CHUNKS) + HELLO + chunked(CHUNKS),
            "framings take turns",
            PIPELINING,
            *(POSTED,) * 3,
        ),
        serve(
            "head-and-get",
            get(method=b"HEAD") + SMUGGLED,
            "an answer without a body, then one more",
            "advisories: HEAD and responses",
            Passed(b"HEAD", b"/g"),
            NEXT,
        ),
        serve(
            "good-then-bad",
            get() + get(b"X : y") + SMUGGLED,
            "the first is answered, the third is not read",
            AFTER_ERRORS,
            GOT,
            answers=(200, 400),
        ),
        serve(
            "good-then-both-framings",
            HELLO + post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=CHUNKS),
            "the first is answered",
            AFTER_ERRORS,
            POSTED,
            answers=(200, 400),
        ),
        serve(
            "good-then-bad-chunk",
            get() + chunked(b"0x5\r\nhello\r\n0\r\n\r\n") + SMUGGLED,
            "the first is answered",
            AFTER_ERRORS,
            GOT,
            answers=(200, 400),
        ),
        refuse_body(
            "bad-chunk-then-good",
            chunked(b"5;\n\r\nhello\r\n0\r\n\r\n") + SMUGGLED,
            "nothing is read after a bad chunk",
            AFTER_ERRORS,
        ),
        serve(
            "empty-line-between",
            HELLO + b"\r\n" + SMUGGLED,
            "old clients send a line more after a body",
            "RFC 9112 2.2: empty lines",
            POSTED,
            NEXT,
        ),
        serve(
            "empty-lines-between",
            HELLO + b"\r\n\r\n" + SMUGGLED,
            "but not two of them",
            "RFC 9112 2.2: empty lines",
            POSTED,
            answers=(200, 400),
        ),
        serve(
            "body-too-long",
            post(b"Content-Length: 4", body=b"hello" + SMUGGLED),
            "a byte too much is glued to the next method",
            GLUED,
            Passed(b"POST", b"/g", 4),
            answers=(200, 501),
        ),
        serve(
            "chunked-too-long",
            chunked(CHUNKS + b"0" + SMUGGLED),
            "a digit too much is glued to the next method",
            GLUED,
            POSTED,
            answers=(200, 501),
        ),
        serve(
            "chunked-end-twice",
            chunked(CHUNKS + b"0\r\n\r\n" + SMUGGLED),
            "a second end is no request",
            GLUED,
            POSTED,
            answers=(200, 400),
        ),
        serve(
            "prefix",
            with_length(b"hello") + b"GET /smuggled HTTP/1.1\r\nX: ",
            "half a request waits for its rest, and has no pod",
            GLUED,
            POSTED,
        ),
        serve(
            "prefix-in-body",
            with_length(b"GET /smuggled HTTP/1.1\r\nX: ") + get(),
            "half a request in a body is a body",
            GLUED,
            Passed(b"POST", b"/g", 27),
            GOT,
        ),
        starve(
            "body-without-end",
            post(b"Content-Length: 500", body=SMUGGLED),
            "a request in an incomplete body is none",
            CL_0,
        ),
        serve(
            "response-in-body",
            with_length(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") + SMUGGLED,
            "a response in a body is a body",
            CL_0,
            Passed(b"POST", b"/g", 38),
            NEXT,
        ),
        serve(
            "post-without-length",
            post(body=SMUGGLED),
            "no framing is no body",
            CL_0,
            Passed(b"POST", b"/g"),
            NEXT,
        ),
        serve(
            "delete-body",
            get(b"Content-Length: %d" % len(SMUGGLED), method=b"DELETE", body=SMUGGLED * 2),
            "a DELETE has a body if it says so",
            CL_0,
            Passed(b"DELETE", b"/g", len(SMUGGLED)),
            NEXT,
        ),
        serve(
            "options-body",
            get(b"Content-Length: 5", target=b"/o", method=b"OPTIONS", body=b"hello" + SMUGGLED),
            "an OPTIONS has a body if it says so",
            CL_0,
            Passed(b"OPTIONS", b"/o", 5),
            NEXT,
        ),
        serve(
            "large-body",
            with_length(SMUGGLED * 2000) + SMUGGLED,
            "many requests in a body are a body",
            CL_0,
            Passed(b"POST", b"/g", len(SMUGGLED) * 2000),
            NEXT,
        ),
        serve(
            "learn-then-good",
            get(b"Content-Length: 5", target=b"/api/v4/pods/learn", body=b"hello") + SMUGGLED,
            "the body of a request that is answered at once is no request",
            AFTER_ERRORS,
            answers=(404,),
        ),
    ),
)

TRAILER_FAMILY = Family(
    "trailers",
    "trailers",
    (
        *(
            serve(
                "dropped-" + id,
                trailed(line + b"\r\nX-Sum: 1\r\n"),
                "has no place in trailers",
                TRAILERS,
                Passed(b"POST", b"/g", 5, has=(b"x-sum: 1",), lacks=(name,) if name else ()),
            )
            for id, line, name in DROPPED
        ),
        *(
            refuse_body(id, trailed(trailers), "a malformed trailer", TRAILER_SYNTAX)
            for id, trailers in BAD_TRAILERS
        ),
        serve(
            "coding",
            trailed(b"Transfer-Encoding: chunked\r\n") + SMUGGLED,
            "a framing in trailers frames nothing",
            TRAILERS,
            POSTED,
            NEXT,
        ),
        serve(
            "announced",
            trailed(b"X-Sum: 1\r\n", b"Trailer: X-Sum"),
            "nothing hostile",
            TRAILERS,
            Passed(b"POST", b"/g", 5, has=(b"x-sum: 1",)),
        ),
        serve(
            "and-request",
            trailed(b"X-Sum: 1\r\n") + SMUGGLED,
            "the next request is its own",
            TRAILERS,
            POSTED,
            NEXT,
        ),
    ),
)

LIMIT_FAMILY = Family(
    "limits",
    "over-long things",
    (
        refuse("target", get(target=b"/" + b"a" * 16_384), "one byte too long", LIMITS, 414),
        refuse("endless-target", b"GET /" + b"a" * 100_000, "and no end in sight", LIMITS, 414),
        refuse("query", get(target=b"/?" + b"a" * 16_384), "the query counts", LIMITS, 414),
        refuse("value", get(b"X: " + b"y" * 65_536), "a long value", LIMITS, 431),
        refuse("name", get(b"X" * 65_536 + b": y"), "a long name", LIMITS, 431),
        refuse("endless-value", get()[:-2] + b"X: " + b"y" * 100_000, "and no end", LIMITS, 431),
        refuse("endless-name", get()[:-2] + b"X" * 100_000, "and no colon", LIMITS, 431),
        refuse("fields", get(*(b"X: y",) * 200), "one field too many", LIMITS, 431),
        refuse("many-fields", get(*(b"X: y",) * 5000), "many too many", LIMITS, 431),
        refuse("many-long", get(*(b"X: " + b"y" * 1000,) * 100), "many long fields", LIMITS, 431),
        refuse("cookies", get(*(b"Cookie: " + b"a" * 4000,) * 20), "many cookies", LIMITS, 431),
        refuse("spaces", get(b"X:" + b" " * 66_000 + b"y"), "white space counts", LIMITS, 431),
        refuse("host", lines(b"GET /g HTTP/1.1", b"Host: " + b"a" * 66_000), "Host", LIMITS, 431),
        serve(
            "right-target",
            get(target=b"/" + b"a" * 8_000),
            "long, and right",
            LIMITS,
            Passed(b"GET", b"/" + b"a" * 8_000),
        ),
        serve("right-fields", get(*(b"X: y",) * 90), "many, and right", LIMITS, GOT),
        serve("right-value", get(b"X: " + b"y" * 7_000), "long, and right", LIMITS, GOT),
    ),
)
