"""``Content-Length``: what is no number, and what is more than one."""

from __future__ import annotations

from tests.garden.case import (
    SMUGGLED,
    Family,
    Passed,
    get,
    lines,
    post,
    refuse,
    serve,
    starve,
    with_length,
)

DIGITS = "RFC 9110 8.6: 1*DIGIT"
LISTS = "RFC 9110 8.6: lists of lengths"
REPEATED = "RFC 9112 6.3: invalid Content-Length is unrecoverable"
SIGNS = "advisories: lenient number parsers"
OVERFLOW = "advisories: integer overflow of lengths"
SPACE = "RFC 9112 5.1: space around names"
POSTED = Passed(b"POST", b"/g", 5)

NO_NUMBERS = (
    ("plus", b"+5", "a sign is no digit", SIGNS),
    ("minus", b"-5", "a negative length", SIGNS),
    ("minus-zero", b"-0", "zero with a sign", SIGNS),
    ("hex", b"0x5", "hexadecimal with its prefix", SIGNS),
    ("hex-letter", b"a", "ten, to those that read hexadecimal", SIGNS),
    ("octal", b"0o5", "octal as Python writes it", SIGNS),
    ("binary", b"0b101", "binary with its prefix", SIGNS),
    ("underscore", b"1_0", "a digit separator that int() of Python takes", SIGNS),
    ("fraction", b"5.0", "a fraction", SIGNS),
    ("exponent", b"5e0", "an exponent", SIGNS),
    ("suffix", b"5L", "digits, then a letter", SIGNS),
    ("semicolon", b"5;", "digits, then a parameter", SIGNS),
    ("quoted", b'"5"', "a quoted string", DIGITS),
    ("inner-space", b"5 5", "two numbers to some, 55 to others", DIGITS),
    ("inner-tab", b"5\t5", "the same with a tab", DIGITS),
    ("word", b"five", "a word", DIGITS),
    ("infinite", b"inf", "a float without an end", SIGNS),
    ("not-a-number", b"NaN", "a float that is none", SIGNS),
    ("arabic-digit", "\u0665".encode(), "a digit to Unicode, not to HTTP", SIGNS),
    ("wide-digit", "\uff15".encode(), "a full-width digit", SIGNS),
    ("superscript", b"\xb9", "a digit in Latin-1 to isdigit()", SIGNS),
    ("no-break-space", b"\xa05", "white space in Latin-1, which strip() takes off", SIGNS),
    ("byte-order-mark", b"\xef\xbb\xbf5", "a mark that decoders skip", SIGNS),
    ("empty", b"", "no number at all", DIGITS),
    ("only-tabs", b"\t \t", "no number but white space", DIGITS),
    ("comma", b"5,", "a list with an empty member", LISTS),
    ("list-same", b"5, 5", "a list of equal numbers: refused, which is allowed", LISTS),
    ("list-different", b"5, 6", "a list of different numbers", LISTS),
    ("list-empty-first", b",5", "a list with an empty first member", LISTS),
    ("list-zero-first", b"0, 5", "the first or the last?", LISTS),
    ("twenty-digits", b"0" * 19 + b"5", "more digits than any length has", OVERFLOW),
    ("2-63", b"9223372036854775808", "negative in signed 64 bits", OVERFLOW),
    ("2-64-and-5", b"18446744073709551621", "5 in unsigned 64 bits", OVERFLOW),
    ("2-32-times", b"%d" % (2**70 + 5), "5 in any common width", OVERFLOW),
    ("a-thousand-digits", b"9" * 1000, "costs square time to convert", OVERFLOW),
    ("vertical-tab", b"\x0b5", "a control character that strip() takes off", SIGNS),
    ("form-feed", b"5\x0c", "the same behind it", SIGNS),
    ("nul", b"5\x00", "the end to a C string", SIGNS),
    ("bare-cr", b"5\r", "a bare CR before the line's end", "RFC 9112 2.2: bare CR"),
    ("escape", b"\\x35", "an escape sequence", SIGNS),
    ("percent", b"%35", "percent encoding, which fields do not have", SIGNS),
)

REPEATS = (
    ("twice", (b"Content-Length: 5", b"Content-Length: 5"), "equal, but two of them"),
    ("twice-different", (b"Content-Length: 5", b"Content-Length: 6"), "which one?"),
    ("twice-zero-first", (b"Content-Length: 0", b"Content-Length: 5"), "none, or five?"),
    ("twice-zero-last", (b"Content-Length: 5", b"Content-Length: 0"), "five, or none?"),
    ("twice-cases", (b"content-length: 5", b"CONTENT-LENGTH: 6"), "names know no case"),
    ("twice-empty", (b"Content-Length: 5", b"Content-Length:"), "the second is empty"),
    ("twice-apart", (b"Content-Length: 5", b"X: y", b"Content-Length: 6"), "one between them"),
    ("twice-padded", (b"Content-Length: 5", b"Content-Length: 05"), "equal as numbers only"),
    ("thrice", (b"Content-Length: 5",) * 3, "three of them"),
)

FAMILY = Family(
    "length",
    "Content-Length",
    (
        *(
            refuse(id, post(b"Content-Length: " + value, body=b"hello"), why, source)
            for id, value, why, source in NO_NUMBERS
        ),
        *(refuse(id, post(*fields, body=b"hello"), why, REPEATED) for id, fields, why in REPEATS),
        refuse(
            "space-colon", post(b"Content-Length : 5", body=b"hello"), "before the colon", SPACE
        ),
        refuse("tab-colon", post(b"Content-Length\t: 5", body=b"hello"), "before the colon", SPACE),
        refuse("nul-name", post(b"Content-Length\x00: 5", body=b"hello"), "NUL in a name", SPACE),
        refuse(
            "folded",
            post(b"X: y\r\n Content-Length: 5", body=b"hello"),
            "a length to those that do not unfold",
            "RFC 9112 5.2: obs-fold",
        ),
        refuse(
            "folded-value",
            post(b"Content-Length:\r\n 5", body=b"hello"),
            "a length to those that unfold",
            "RFC 9112 5.2: obs-fold",
        ),
        refuse(
            "two-after-http-1-0",
            lines(b"POST /g HTTP/1.0", b"Content-Length: 5", b"Content-Length: 0", body=b"hello"),
            "the old version is no excuse",
            REPEATED,
        ),
        serve("plain", with_length(b"hello"), "right", DIGITS, POSTED),
        serve("no-space", post(b"Content-Length:5", body=b"hello"), "right", SPACE, POSTED),
        serve(
            "much-space", post(b"Content-Length: \t 5\t ", body=b"hello"), "right", SPACE, POSTED
        ),
        serve(
            "leading-zeros",
            post(b"Content-Length: 0000000005", body=b"hello"),
            "right, and goes on without the zeros",
            DIGITS,
            Passed(b"POST", b"/g", 5, has=(b"content-length: 5",)),
        ),
        serve(
            "zero",
            post(b"Content-Length: 0"),
            "right, and not the same as none",
            DIGITS,
            Passed(b"POST", b"/g", 0, has=(b"content-length: 0",)),
        ),
        serve(
            "zero-and-request",
            post(b"Content-Length: 0", body=SMUGGLED),
            "what follows is the next request",
            "advisories: CL.0",
            Passed(b"POST", b"/g"),
            Passed(b"GET", b"/smuggled"),
        ),
        serve(
            "body-is-request",
            with_length(SMUGGLED),
            "what is inside is no request",
            "advisories: CL.0",
            Passed(b"POST", b"/g", len(SMUGGLED)),
        ),
        serve(
            "get-body-is-request",
            get(b"Content-Length: %d" % len(SMUGGLED), body=SMUGGLED),
            "a GET has a body if it says so",
            "RFC 9110 9.3.1; advisories: 0.CL",
            Passed(b"GET", b"/g", len(SMUGGLED)),
        ),
        serve(
            "other-name",
            post(b"Content-Length-X: 5", b"X-Content-Length: 7"),
            "names that only look like it",
            DIGITS,
            Passed(b"POST", b"/g", 0, has=(b"content-length-x: 5",)),
        ),
        starve("short-body", post(b"Content-Length: 6", body=b"hello"), "one byte short", DIGITS),
        starve(
            "largest",
            post(b"Content-Length: 9223372036854775807", body=b"hello"),
            "the largest length, of which little comes",
            OVERFLOW,
        ),
        starve(
            "swallows-next",
            post(b"Content-Length: %d" % (len(SMUGGLED) + 1), body=SMUGGLED),
            "a request short of a body is no request",
            "advisories: TE.CL",
        ),
    ),
)
