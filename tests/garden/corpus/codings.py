"""``Transfer-Encoding``: obfuscated, stacked, and next to a length."""

from __future__ import annotations

from tests.garden.case import (
    SMUGGLED,
    Case,
    Family,
    Passed,
    get,
    lines,
    post,
    refuse,
    serve,
)

CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"
TOKENS = "RFC 9112 6.1: registered codings only"
FINAL = "RFC 9112 6.1: chunked is the last, and once"
OBFUSCATED = "advisories: TE.TE"
BOTH = "RFC 9112 6.3: both framings"
OLD = "RFC 9112 6.1: HTTP/1.0 has no codings"
POSTED = Passed(b"POST", b"/g", 5)

VALUES = (
    ("xchunked", b"xchunked", "not the name", OBFUSCATED),
    ("chunk", b"chunk", "not the whole name", OBFUSCATED),
    ("chunkedx", b"chunkedx", "more than the name", OBFUSCATED),
    ("cow", b"cow", "no coding at all", TOKENS),
    ("identity", b"identity", "gone from HTTP since RFC 7230", TOKENS),
    ("gzip", b"gzip", "ends nowhere", FINAL),
    ("empty", b"", "no coding", TOKENS),
    ("chunked-identity", b"chunked, identity", "chunked is not the last", FINAL),
    ("identity-chunked", b"identity, chunked", "chunked is the last of two", TOKENS),
    ("gzip-chunked", b"gzip, chunked", "right, but the router undoes no gzip", TOKENS),
    ("chunked-gzip", b"chunked, gzip", "chunked is not the last", FINAL),
    ("chunked-twice", b"chunked, chunked", "chunked twice", FINAL),
    ("chunked-space-chunked", b"chunked chunked", "no list", FINAL),
    ("comma-first", b",chunked", "an empty member", OBFUSCATED),
    ("comma-last", b"chunked,", "an empty member", OBFUSCATED),
    ("semicolon", b"chunked;", "an empty parameter", OBFUSCATED),
    ("parameter", b"chunked;q=1", "chunked has no parameters", "RFC 9112 7: chunked"),
    ("quoted", b'"chunked"', "a quoted string", OBFUSCATED),
    ("single-quoted", b"'chunked'", "a token with quotes in it", OBFUSCATED),
    ("vertical-tab", b"\x0bchunked", "a control character before", OBFUSCATED),
    ("form-feed", b"chunked\x0c", "a control character behind", OBFUSCATED),
    ("nul", b"chunked\x00", "the end to a C string", OBFUSCATED),
    ("nul-first", b"\x00chunked", "nothing to a C string", OBFUSCATED),
    ("delete", b"chunked\x7f", "DEL behind", OBFUSCATED),
    ("no-break-space", b"\xa0chunked", "white space in Latin-1", OBFUSCATED),
    ("next-line", b"\x85chunked", "a line's end in Latin-1", OBFUSCATED),
    ("kelvin", "chun\u212aed".encode(), "k when lower-cased by Unicode", OBFUSCATED),
    ("dotless", "chunked\u200b".encode(), "a space of no width", OBFUSCATED),
    ("bare-cr", b"chunked\r", "a bare CR before the line's end", "RFC 9112 2.2: bare CR"),
    ("bare-cr-inside", b"chun\rked", "a bare CR inside", "RFC 9112 2.2: bare CR"),
    ("bare-lf", b"\nchunked", "a bare LF first", "RFC 9112 2.2: line ends"),
    ("folded", b"\r\n chunked", "a fold first", "RFC 9112 5.2: obs-fold"),
    ("folded-tab", b"\r\n\tchunked", "a fold with a tab", "RFC 9112 5.2: obs-fold"),
    ("folded-behind", b"chunked\r\n , identity", "a fold behind", "RFC 9112 5.2: obs-fold"),
    ("tab-inside", b"chunked\tx", "a tab, then more", OBFUSCATED),
    ("backslash", b"chunked\\", "a backslash behind", OBFUSCATED),
    ("percent", b"%63hunked", "percent encoding", OBFUSCATED),
    ("trailing-tab", b"chunked\t", "right, but refused, which harms nobody", OBFUSCATED),
    ("trailers", b"trailers, chunked", "a value of TE", OBFUSCATED),
)

LINES = (
    ("twice", (b"Transfer-Encoding: chunked",) * 2, "two equal lines"),
    ("twice-identity", (b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked"), "two"),
    ("twice-cow", (b"Transfer-Encoding: chunked", b"Transfer-Encoding: cow"), "two lines"),
    ("twice-cases", (b"transfer-encoding: chunked", b"TRANSFER-ENCODING: x"), "two lines"),
    ("twice-empty", (b"Transfer-Encoding: chunked", b"Transfer-Encoding:"), "the second is empty"),
    ("space-colon", (b"Transfer-Encoding : chunked",), "a space before the colon"),
    ("tab-colon", (b"Transfer-Encoding\t: chunked",), "a tab before the colon"),
    ("leading-space", (b"X: y", b" Transfer-Encoding: chunked"), "a fold of the line before"),
    ("leading-tab", (b"X: y", b"\tTransfer-Encoding: chunked"), "a fold with a tab"),
    ("bare-lf-before", (b"X: y\nTransfer-Encoding: chunked",), "a line to some"),
    ("bare-cr-before", (b"X: y\rTransfer-Encoding: chunked",), "a line to some"),
    ("nul-name", (b"Transfer-Encoding\x00: chunked",), "NUL in the name"),
    ("nul-name-first", (b"\x00Transfer-Encoding: chunked",), "NUL before the name"),
    ("control-name", (b"\x01Transfer-Encoding: chunked",), "a control character before it"),
    ("quoted-name", (b'"Transfer-Encoding": chunked',), "a name in quotes"),
    ("no-colon", (b"Transfer-Encoding",), "a name alone"),
    ("equals", (b"Transfer-Encoding= chunked",), "no colon"),
    ("colon-first", (b":Transfer-Encoding: chunked",), "an empty name"),
    ("high-name", (b"Transfer\xadEncoding: chunked",), "a soft hyphen"),
)

LENGTH = b"Content-Length: 5"
CODING = b"Transfer-Encoding: chunked"
#: CL.TE: the one in front takes the length, the pod the chunks.
CL_TE_BODY = b"0\r\n\r\n" + SMUGGLED
CL_TE = b"Content-Length: %d" % len(CL_TE_BODY)
#: TE.CL: the other way round.
TE_CL_BODY = b"%x\r\n%b\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)
TE_CL = b"Content-Length: 4"

BOTHS = (
    ("cl-te", (CL_TE, CODING), CL_TE_BODY, "the length in front, the chunks behind"),
    ("te-cl", (CODING, TE_CL), TE_CL_BODY, "the chunks in front, the length behind"),
    ("cl-te-zero", (b"Content-Length: 0", CODING), CL_TE_BODY, "a length of 0"),
    ("te-cl-right", (CODING, b"Content-Length: 15"), CHUNKS, "even if the numbers agree"),
    ("cl-te-space", (CL_TE, b"Transfer-Encoding : chunked"), CL_TE_BODY, "hidden by a space"),
    ("cl-te-tab", (CL_TE, b"Transfer-Encoding:\tchunked"), CL_TE_BODY, "hidden by a tab"),
    ("cl-te-case", (CL_TE, b"tRANSFER-eNCODING: cHUNKED"), CL_TE_BODY, "hidden by case"),
    ("cl-te-vt", (CL_TE, b"Transfer-Encoding: \x0bchunked"), CL_TE_BODY, "hidden by a control"),
    ("cl-te-xchunked", (CL_TE, b"Transfer-Encoding: xchunked"), CL_TE_BODY, "no coding"),
    ("cl-te-identity", (CL_TE, b"Transfer-Encoding: identity"), CL_TE_BODY, "an old coding"),
    ("cl-te-list", (CL_TE, b"Transfer-Encoding: x, chunked"), CL_TE_BODY, "a list"),
    ("cl-te-empty", (CL_TE, b"Transfer-Encoding:"), CL_TE_BODY, "an empty coding"),
    ("cl-te-te", (CL_TE, CODING, b"Transfer-Encoding: x"), CL_TE_BODY, "two codings"),
    ("cl-cl-te", (CL_TE, b"Content-Length: 0", CODING), CL_TE_BODY, "two lengths"),
    ("cl-te-lf", (CL_TE, b"X: y\nTransfer-Encoding: chunked"), CL_TE_BODY, "behind a bare LF"),
    ("cl-te-fold", (CL_TE, b"X: y\r\n Transfer-Encoding: chunked"), CL_TE_BODY, "in a fold"),
    ("cl-te-named", (CL_TE, CODING, b"Connection: Content-Length"), CL_TE_BODY, "named away"),
    ("te-cl-named", (CODING, TE_CL, b"Connection: Transfer-Encoding"), TE_CL_BODY, "named away"),
    ("cl-te-te-header", (CL_TE, CODING, b"TE: chunked"), CL_TE_BODY, "TE means something else"),
    ("cl-te-expect", (CL_TE, CODING, b"Expect: 100-continue"), CL_TE_BODY, "a 100 asked for"),
    ("cl-te-upgrade", (CL_TE, CODING, b"Upgrade: h2c"), CL_TE_BODY, "an upgrade asked for"),
)


def old_version(id: str, *fields: bytes) -> Case:
    data = lines(b"POST /g HTTP/1.0", b"Host: garden.example", *fields, body=CHUNKS)
    return refuse(id, data, "chunks in HTTP/1.0", OLD)


CODINGS = Family(
    "coding",
    "Transfer-Encoding",
    (
        *(
            refuse(id, post(b"Transfer-Encoding: " + value, body=CHUNKS), why, source)
            for id, value, why, source in VALUES
        ),
        *(refuse(id, post(*fields, body=CHUNKS), why, OBFUSCATED) for id, fields, why in LINES),
        old_version("http-1-0", CODING),
        old_version("http-1-0-keep-alive", CODING, b"Connection: keep-alive"),
        old_version("http-1-0-length", CODING, LENGTH),
        serve("plain", post(CODING, body=CHUNKS), "right", FINAL, POSTED),
        serve(
            "capitals", post(b"TRANSFER-ENCODING: CHUNKED", body=CHUNKS), "right", TOKENS, POSTED
        ),
        serve(
            "trailing-spaces",
            post(b"Transfer-Encoding:chunked  ", body=CHUNKS),
            "right",
            TOKENS,
            POSTED,
        ),
        serve(
            "get",
            get(CODING, body=CHUNKS),
            "a GET has a body if it says so",
            "RFC 9110 9.3.1; advisories: 0.TE",
            Passed(b"GET", b"/g", 5),
        ),
        serve(
            "and-request",
            post(CODING, body=CHUNKS + SMUGGLED),
            "what follows is the next request",
            FINAL,
            POSTED,
            Passed(b"GET", b"/smuggled"),
        ),
        serve(
            "te-is-not-it",
            post(b"TE: chunked", LENGTH, body=b"hello"),
            "TE says what the client takes, not what it sends",
            "RFC 9110 10.1.4",
            Passed(b"POST", b"/g", 5, lacks=(b"te",)),
        ),
        serve(
            "content-encoding",
            post(b"Content-Encoding: chunked", LENGTH, body=b"hello"),
            "another field altogether",
            TOKENS,
            POSTED,
        ),
        serve(
            "named-in-connection",
            post(CODING, b"Connection: Transfer-Encoding", body=CHUNKS),
            "naming it does not take it away",
            "advisories: hop-by-hop abuse",
            POSTED,
        ),
    ),
)

BOTH_FRAMINGS = Family(
    "both",
    "both framings (CL.TE, TE.CL)",
    (
        *(refuse(id, post(*fields, body=body), why, BOTH) for id, fields, body, why in BOTHS),
        refuse(
            "get",
            get(CL_TE, CODING, body=CL_TE_BODY),
            "a GET with both",
            BOTH,
        ),
        refuse(
            "http-1-0",
            lines(b"POST /g HTTP/1.0", CL_TE, CODING, body=CL_TE_BODY),
            "both in HTTP/1.0",
            OLD,
        ),
    ),
)
