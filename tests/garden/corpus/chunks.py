"""Chunked bodies: sizes, extensions, line ends and endings."""

from __future__ import annotations

from tests.garden.case import SMUGGLED, Family, Passed, chunked, refuse_body, serve, starve

SIZE = "RFC 9112 7.1: chunk-size = 1*HEXDIG"
LENIENT = "advisories: lenient chunk sizes"
OVERFLOW = "advisories: overflow of chunk sizes"
DATA = "RFC 9112 7.1: CRLF after the data"
ENDS = "RFC 9112 2.2: bare CR and LF"
EXTENSIONS = "RFC 9112 7.1.1: extensions"
EXTENSION_ENDS = "advisories: line ends in extensions (TERM.EXT, EXT.TERM)"
END = b"0\r\n\r\n"
POSTED = Passed(b"POST", b"/g", 5)


def sized(size: bytes) -> bytes:
    """Five bytes in a chunk that says this size."""
    return chunked(size + b"\r\nhello\r\n" + END)


SIZES = (
    ("prefix", b"0x5", "the prefix of C", LENIENT),
    ("prefix-capital", b"0X5", "the same, capital", LENIENT),
    ("plus", b"+5", "a sign", LENIENT),
    ("minus", b"-5", "a negative size", LENIENT),
    ("space-first", b" 5", "white space before", LENIENT),
    ("tab-first", b"\t5", "a tab before", LENIENT),
    ("space-behind", b"5 ", "white space behind", LENIENT),
    ("tab-behind", b"5\t", "a tab behind", LENIENT),
    ("underscore", b"0_5", "a separator that int() of Python takes", LENIENT),
    ("no-digit", b"g", "no hexadecimal digit", SIZE),
    ("digit-and-letter", b"5g", "a digit, then none", SIZE),
    ("suffix", b"5h", "hexadecimal in assemblers", LENIENT),
    ("fraction", b"5.0", "a fraction", LENIENT),
    ("comma", b"5,5", "a list", LENIENT),
    ("empty", b"", "no size", SIZE),
    ("wide-digit", "\uff15".encode(), "a full-width digit", LENIENT),
    ("nul", b"5\x00", "the end to a C string", LENIENT),
    ("nul-first", b"\x005", "nothing to a C string", LENIENT),
    ("vertical-tab", b"\x0b5", "white space in C", LENIENT),
    ("form-feed", b"5\x0c", "white space in C", LENIENT),
    ("no-break-space", b"5\xa0", "white space in Latin-1", LENIENT),
    ("quoted", b'"5"', "a quoted string", LENIENT),
    ("colon", b"5:", "a field name", SIZE),
    ("word", b"hello", "no number", SIZE),
    ("2-63", b"8000000000000000", "negative in signed 64 bits", OVERFLOW),
    ("2-64-less-1", b"f" * 16, "-1 in 64 bits", OVERFLOW),
    ("2-64-and-5", b"10000000000000005", "5 in 64 bits", OVERFLOW),
    ("2-32-times", b"1" + b"0" * 31 + b"5", "5 in 128 bits", OVERFLOW),
    ("many-zeros", b"0" * 40 + b"5", "more digits than any size has", OVERFLOW),
    ("endless-zeros", b"0" * 2000 + b"5", "a line without an end", OVERFLOW),
    ("hash", b"5#", "a comment", LENIENT),
    ("slash", b"5/5", "a quotient", LENIENT),
)

MALFORMED = (
    ("too-long", b"4\r\nhello\r\n" + END, "one byte more than its size", DATA),
    ("too-short", b"6\r\nhello\r\n" + END, "one byte less than its size", DATA),
    ("no-end-of-data", b"5\r\nhello" + END, "no CRLF after the data", DATA),
    ("lf-after-data", b"5\r\nhello\n" + END, "LF after the data", ENDS),
    ("cr-after-data", b"5\r\nhello\r" + END, "CR after the data", ENDS),
    ("other-after-data", b"5\r\nhelloXX" + END, "two other bytes for CRLF", "advisories: CRLF"),
    ("space-after-data", b"5\r\nhello \r\n" + END, "a space after the data", DATA),
    ("lf-after-size", b"5\nhello\r\n" + END, "LF after the size", ENDS),
    ("cr-after-size", b"5\rhello\r\n" + END, "CR after the size", ENDS),
    ("cr-cr-lf", b"5\r\r\nhello\r\n" + END, "CR CR LF after the size", ENDS),
    ("lf-cr", b"5\n\rhello\r\n" + END, "LF CR after the size", ENDS),
    ("empty-line-first", b"\r\n5\r\nhello\r\n" + END, "an empty line first", SIZE),
    ("empty-line-between", b"5\r\nhello\r\n\r\n" + END, "an empty line between", SIZE),
    ("lf-only", b"5\nhello\n0\n\n", "no CR anywhere", ENDS),
    ("last-lf", b"5\r\nhello\r\n0\n\n" + SMUGGLED, "the last chunk ends with LF", ENDS),
    ("last-crlf-lf", b"5\r\nhello\r\n0\r\n\n" + SMUGGLED, "the end is LF", ENDS),
    ("last-cr", b"0\r\r\n" + SMUGGLED, "the last chunk ends with CR CR LF", ENDS),
    ("last-plus", b"+0\r\n\r\n", "a sign before zero", LENIENT),
    ("last-minus", b"-0\r\n\r\n", "a sign before zero", LENIENT),
    ("last-prefix", b"0x0\r\n\r\n", "zero with a prefix", LENIENT),
    ("last-space", b"0 \r\n\r\n", "white space behind zero", LENIENT),
    ("last-garbage", b"0\r\nX\r\n" + SMUGGLED, "neither the end nor a trailer", SIZE),
    ("last-request", b"0\r\n" + SMUGGLED, "a request where a trailer could be", "RFC 9112 7.1.2"),
    ("negative-then-data", b"-1\r\nhello\r\n" + END, "a negative size", LENIENT),
    ("not-chunked", b"hello world, how are you?\r\n", "no chunks at all", SIZE),
    ("no-size", b"hello\r\n" + END, "data without a size", SIZE),
    (
        "second-is-bad",
        b"5\r\nhello\r\n0x5\r\nhello\r\n" + END,
        "the first chunk is right",
        LENIENT,
    ),
    (
        "lf-in-data-size",
        b"2\r\nab\n3\r\nabc\r\n" + END,
        "LF ends the data of a first chunk",
        "advisories: chunk data ends",
    ),
)

RIGHT = (
    ("capitals", b"A\r\n0123456789\r\n0\r\n\r\n", 10, "hexadecimal digits know no case"),
    ("small-letters", b"a\r\n0123456789\r\n0\r\n\r\n", 10, "hexadecimal digits know no case"),
    ("leading-zeros", b"0005\r\nhello\r\n0\r\n\r\n", 5, "zeros count for nothing"),
    ("sixteen-zeros", b"0" * 16 + b"5\r\nhello\r\n0\r\n\r\n", 5, "even many of them"),
    ("many-last-zeros", b"5\r\nhello\r\n0000\r\n\r\n", 5, "the last size is any zero"),
    ("byte-by-byte", b"1\r\nh\r\n1\r\ni\r\n0\r\n\r\n", 2, "small chunks"),
    ("only-last", b"0\r\n\r\n", 0, "an empty body"),
    ("data-looks-like-end", b"5\r\n0\r\n\r\n\r\n0\r\n\r\n", 5, "the data are the end of a body"),
    (
        "data-is-request",
        b"%x\r\n%b\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED),
        len(SMUGGLED),
        "the data are a request",
    ),
    ("data-line-ends", b"4\r\n\r\n\r\n\r\n0\r\n\r\n", 4, "the data are line ends"),
)

EXTENSION_SERVED = (
    ("name", b";a", "a name"),
    ("value", b";a=b", "a name and a value"),
    ("quoted", b';a="b"', "a quoted value"),
    ("quoted-semicolon", b';a="b;c"', "a quoted semicolon"),
    ("quoted-escape", b';a="b\\"c"', "a quoted quote"),
    ("several", b";a;b=c;d", "several"),
    ("long", b";a=" + b"b" * 900, "nearly as long as a line may be"),
    ("high-bytes", b";a=\xe4", "obs-text, which is ignored with the rest"),
    ("looks-like-size", b";5", "a second size"),
    ("looks-like-end", b";0", "a second size, zero"),
)

EXTENSION_REFUSED = (
    ("space", b" ;a", "a space before it"),
    ("tab", b"\t;a", "a tab before it"),
    ("no-semicolon", b" a", "no semicolon"),
    ("bare-lf", b";a\nb", "LF inside"),
    ("bare-lf-end", b";\n", "LF at its end, then CRLF"),
    ("bare-cr", b";a\rb", "CR inside"),
    ("cr-cr", b";a\r", "CR at its end, then CRLF"),
    ("nul", b";a\x00", "NUL inside"),
    ("control", b";a\x01", "a control character inside"),
    ("delete", b";a\x7f", "DEL inside"),
    ("too-long", b";" + b"a" * 1100, "longer than a line may be"),
    ("lf-hides-size", b";\n5;x", "a line's end to those that take LF"),
    ("equals", b"=5", "no semicolon"),
)

CHUNKS = Family(
    "chunks",
    "chunk sizes and data",
    (
        *(refuse_body(id, sized(size), why, source) for id, size, why, source in SIZES),
        *(refuse_body(id, chunked(body), why, source) for id, body, why, source in MALFORMED),
        *(
            serve("right-" + id, chunked(body), why, SIZE, Passed(b"POST", b"/g", length))
            for id, body, length, why in RIGHT
        ),
        starve("no-last", chunked(b"5\r\nhello\r\n"), "no last chunk", SIZE),
        starve("no-end", chunked(b"5\r\nhello\r\n0\r\n"), "no empty line at the end", SIZE),
        starve("half-end", chunked(b"5\r\nhello\r\n0\r\n\r"), "half a line end at the end", SIZE),
        starve(
            "largest",
            chunked(b"7fffffffffffffff\r\nhello\r\n" + END),
            "the largest size, of which little comes",
            OVERFLOW,
        ),
        starve("half-size", chunked(b"5"), "half a size line", SIZE),
    ),
)

CHUNK_EXTENSIONS = Family(
    "extensions",
    "chunk extensions",
    (
        *(
            serve(id, sized(b"5" + extension), why, EXTENSIONS, POSTED)
            for id, extension, why in EXTENSION_SERVED
        ),
        *(
            refuse_body(id, sized(b"5" + extension), why, EXTENSION_ENDS)
            for id, extension, why in EXTENSION_REFUSED
        ),
        serve("last", chunked(b"5\r\nhello\r\n0;a=b\r\n\r\n"), "the last", EXTENSIONS, POSTED),
        serve(
            "quoted-line-end",
            sized(b'5;a="') + b'"\r\n' + END,
            "CRLF ends the line, in quotes too; what follows the body is no request",
            EXTENSION_ENDS,
            POSTED,
            answers=(200, 400),
        ),
        refuse_body(
            "last-lf",
            chunked(b"5\r\nhello\r\n0;\n\r\n" + SMUGGLED),
            "LF in the last extension",
            EXTENSION_ENDS,
        ),
        refuse_body(
            "too-many",
            chunked((b"1;" + b"a" * 1000 + b"\r\nx\r\n") * 20 + END),
            "each is short, all together are long",
            "advisories: slow death by extensions",
        ),
    ),
)
