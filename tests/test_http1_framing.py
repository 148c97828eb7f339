"""Where bodies end: against two other parsers, and under any cut (requirements 5, 10 and 12)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import attrs
import h11
import httptools
from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pods.http1.fields import Field
from pods.http1.framing import (
    CHUNK_EXTENSIONS_LIMIT_BYTES,
    CHUNK_LINE_LIMIT_BYTES,
    TRAILERS_LIMIT_BYTES,
    BodyReader,
    ChunkedReader,
    FramingError,
    LengthReader,
    UntilCloseReader,
    allowed_trailers,
    chunk,
    last_chunk,
)

HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
PAYLOADS = st.lists(st.binary(min_size=1, max_size=40), max_size=5)
TRAILERS = st.lists(
    st.tuples(
        st.sampled_from([b"X-A", b"x-a", b"X-Checksum", b"!#$%&'*+-.^_`|~09"]),
        st.sampled_from([b"", b"x", b"a b", b"\xe9", b'"q"; a=b']),
    ),
    max_size=3,
)
CUTS = st.lists(st.integers(0, 200), max_size=8)


@st.composite
def chunked_bodies(draw: st.DrawFn) -> tuple[bytes, bytes, list[Field]]:
    """``(on the wire, payload, trailers)``: sizes and extensions in every allowed spelling."""
    payloads = draw(PAYLOADS)
    trailers = draw(TRAILERS)
    wire = b""
    for payload in payloads:
        size = draw(st.sampled_from([b"%x", b"%X", b"00%x"])) % len(payload)
        extension = draw(st.sampled_from([b"", b"", b";a", b";a=b", b';a="b c"']))
        wire += size + extension + b"\r\n" + payload + b"\r\n"
    wire += draw(st.sampled_from([b"0", b"000"])) + b"\r\n"
    wire += b"".join(b"%b: %b\r\n" % trailer for trailer in trailers) + b"\r\n"
    return wire, b"".join(payloads), trailers


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """The data, cut at these places."""
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    parts = [data[a:b] for a, b in pairwise(edges)]
    return [part for part in parts if part]


def read(reader: BodyReader, parts: list[bytes]) -> tuple[bytes, bytes | None, list[Field]]:
    """Payload, rest and trailers after feeding these."""
    payload = b""
    for index, part in enumerate(parts):
        data, rest = reader.feed(part)
        payload += data
        if rest is not None:
            return payload, rest + b"".join(parts[index + 1 :]), reader.trailers
    return payload, None, reader.trailers


def outcome(parts: list[bytes]) -> Any:
    """The same, or the class of the error."""
    try:
        return read(ChunkedReader(), parts)
    except FramingError as error:
        return type(error)


@attrs.define
class Listener:
    """What httptools calls back into."""

    body: bytes = b""
    fields: list[Field] = attrs.Factory(list)
    is_complete: bool = False

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value))

    def on_message_complete(self) -> None:
        self.is_complete = True


class ChunkedLawTests(SynchronousTestCase):
    """What holds for all bodies."""

    @settings(deadline=None, max_examples=150)
    @given(chunked_bodies(), CUTS, st.sampled_from([b"", b"\r\n", b"GET / HTTP/1.1\r\n\r\n"]))
    def test_read_right_however_it_is_cut(
        self, body: tuple[bytes, bytes, list[Field]], cuts: list[int], rest: bytes
    ) -> None:
        wire, payload, trailers = body
        expected = (payload, rest, trailers)
        bytewise = [bytes([byte]) for byte in wire + rest]
        for parts in ([wire + rest], pieces(wire + rest, cuts), bytewise):
            self.assertEqual(read(ChunkedReader(), parts), expected)
        self.assertIsNone(read(ChunkedReader(), pieces(wire[:-1], cuts))[1])

    @settings(deadline=None, max_examples=150)
    @given(chunked_bodies())
    def test_read_as_by_others(self, body: tuple[bytes, bytes, list[Field]]) -> None:
        wire, payload, trailers = body
        connection = h11.Connection(h11.SERVER)
        connection.receive_data(HEAD + wire)
        data = b""
        event: Any = connection.next_event()
        while not isinstance(event, h11.EndOfMessage):
            data += bytes(event.data) if isinstance(event, h11.Data) else b""
            event = connection.next_event()
        read_by_h11 = [(bytes(name), bytes(value)) for name, value in event.headers]
        self.assertEqual(data, payload)
        self.assertEqual(read_by_h11, [(name.lower(), value) for name, value in trailers])
        listener = Listener()
        httptools.HttpRequestParser(listener).feed_data(HEAD + wire)
        self.assertEqual((listener.body, listener.is_complete), (payload, True))
        self.assertEqual(listener.fields[2:], trailers)

    @settings(deadline=None, max_examples=300)
    @given(
        chunked_bodies(),
        st.lists(
            st.tuples(
                st.integers(0, 150),
                st.sampled_from([b"\r", b"\n", b"\r\n", b" ", b"0", b"x", b"\0", b";", b":", b"-"]),
            ),
            min_size=1,
            max_size=2,
        ),
        CUTS,
    )
    @example((b"5\r\nhello\r\n0\r\n\r\n", b"", []), [(8, b"x")], [9])
    def test_a_cut_makes_no_difference_to_bad_ones(
        self,
        body: tuple[bytes, bytes, list[Field]],
        wrongs: list[tuple[int, bytes]],
        cuts: list[int],
    ) -> None:
        wire = body[0]
        for at, wrong in wrongs:
            wire = wire[: at % len(wire)] + wrong + wire[at % len(wire) :]
        whole = outcome([wire])
        for parts in (pieces(wire, cuts), [bytes([byte]) for byte in wire]):
            self.assertEqual(outcome(parts), whole, parts)

    @settings(deadline=None, max_examples=100)
    @given(PAYLOADS, TRAILERS, st.binary(max_size=5))
    def test_written_and_read_again(
        self, payloads: list[bytes], trailers: list[Field], rest: bytes
    ) -> None:
        wire = b"".join(map(chunk, payloads)) + last_chunk(trailers)
        got = read(ChunkedReader(), [wire + rest])
        self.assertEqual(got, (b"".join(payloads), rest, trailers))


class ChunkedTableTests(SynchronousTestCase):
    """Requirement 5, line by line."""

    def assert_refused(self, *wires: bytes) -> None:
        for wire in wires:
            self.assertEqual(outcome([wire]), FramingError, wire[:60])
            self.assertEqual(outcome([bytes([byte]) for byte in wire]), FramingError, wire[:60])

    def test_sizes(self) -> None:
        for size in (b"0x5", b"+5", b"-5", b"5_0", b" 5", b"5 ", b"5\t", b"", b"g", b"5,", b"5 ;a",
                     b"\xd9\xa3", b"5h", b"8000000000000000", b"10000000000000000",
                     b"0" * 17 + b"8000000000000000", b"f" * 16):  # fmt: skip
            self.assert_refused(size + b"\r\n")

    def test_the_largest_size(self) -> None:
        for size in (b"7fffffffffffffff", b"07FFFFFFFFFFFFFFF", b"0000000000000000001"):
            self.assertEqual(read(ChunkedReader(), [size + b"\r\n"]), (b"", None, []))

    def test_line_ends(self) -> None:
        self.assert_refused(
            b"5\nhello\r\n0\r\n\r\n",
            b"5\rhello\r\n0\r\n\r\n",
            b"5\r\nhello\n",
            b"5\r\nhello\r0",
            b"5\r\nhello0",
            b"5\r\nhello!",
            b"5\r\nhello!\r\n",
            b"5\r\nhello\r\n\r\n",
            b"0\n",
            b"0\r\n\n",
            b"0\r\nA: b\n",
            b"5;a\n",
            b"5;a\rb\r\n",
            b"5;a\0b\r\n",
            b"5;a\x7f\r\n",
            b"\r\n",
        )

    def test_extensions(self) -> None:
        """At most 1 KiB a line, and 16 KiB a body."""
        longest = CHUNK_LINE_LIMIT_BYTES - len(b"1\r")
        line = b"1" + b";" * longest + b"\r\n"
        self.assertEqual(read(ChunkedReader(), [line + b"a"]), (b"a", None, []))
        self.assert_refused(b"1;" + line[1:], b"1" + b";" * CHUNK_LINE_LIMIT_BYTES)
        count, left = divmod(CHUNK_EXTENSIONS_LIMIT_BYTES, longest)
        wire = (line + b"a\r\n") * count
        last = b"1" + b";" * left + b"\r\na\r\n"
        payload, _, _ = read(ChunkedReader(), [wire + last + chunk(b"z") * 9])
        self.assertEqual(payload, b"a" * (count + 1) + b"z" * 9)
        self.assert_refused(wire + b"1;" + last[1:])

    def test_trailers(self) -> None:
        for line in (
            b"A : b",
            b" A: b",
            b"A",
            b": b",
            b"A: b\x01",
            b"A(: b",
            b"A: b\rc",
            b"A: b\0",
        ):
            self.assert_refused(
                b"0\r\n" + line + b"\r\n\r\n", b"0\r\nX: y\r\n" + line + b"\r\n\r\n"
            )
        self.assert_refused(b"0\r\nA: b\r\n c: d\r\n\r\n")
        _, rest, trailers = read(ChunkedReader(), [b"0\r\nA:\r\nB:  c \t\r\n\r\n!"])
        self.assertEqual((rest, trailers), (b"!", [(b"A", b""), (b"B", b"c")]))
        long = (b"A", b"a" * 2 * CHUNK_LINE_LIMIT_BYTES)
        self.assertEqual(read(ChunkedReader(), [last_chunk([long])])[2], [long])

    def test_trailers_are_bounded(self) -> None:
        self.assert_refused(
            b"0\r\nA: " + b"a" * TRAILERS_LIMIT_BYTES,
            b"0\r\n" + (b"A: " + b"a" * 97 + b"\r\n") * (TRAILERS_LIMIT_BYTES // 100 + 1),
        )
        fits = b"0\r\n" + (b"A: " + b"a" * 97 + b"\r\n") * (TRAILERS_LIMIT_BYTES // 100)
        self.assertEqual(read(ChunkedReader(), [fits + b"\r\n"])[1], b"")

    def test_as_soon_as_it_is_wrong(self) -> None:
        for begun in (
            b"5\n",
            b"5\rx",
            b"5\r\nhellox",
            b"5\r\nhello\rx",
            b"5 \r\n",
            b"0\r\nA: b\rc",
        ):
            self.assert_refused(begun)


class OtherReadersTests(SynchronousTestCase):
    """Bodies of a known length, and those that end with their connection."""

    @settings(deadline=None, max_examples=100)
    @given(st.binary(min_size=1, max_size=60), st.binary(max_size=20), CUTS)
    def test_length(self, body: bytes, rest: bytes, cuts: list[int]) -> None:
        parts = pieces(body + rest, cuts)
        self.assertEqual(read(LengthReader(len(body)), parts), (body, rest, []))
        short = LengthReader(len(body) + 1)
        self.assertEqual(read(short, pieces(body, cuts)), (body, None, []))

    def test_until_close(self) -> None:
        self.assertEqual(read(UntilCloseReader(), [b"a", b"bc"]), (b"abc", None, []))


class TrailersTests(SynchronousTestCase):
    """Trailers never say what only heads may say (requirement 12)."""

    def test_table(self) -> None:
        allowed: list[Field] = [(b"X-Checksum", b"1"), (b"Server-Timing", b"a"), (b"ETag", b"b")]
        names = b"""Content-Length transfer-encoding HOST Cookie Set-Cookie Authorization Connection
            Content_Length Proxy-Authorization TE Trailer Upgrade Via X-Forwarded-For Expect
            X_Forwarded_Proto X-Request-Id Forwarded X-Real-IP X-Gitlab-Pod-Cache Content-Type
            x_gitlab_pod_redirect Keep-Alive WWW-Authenticate Content-Encoding Content-Range"""
        refused = [(name, b"x") for name in names.split()]
        trailers = [allowed[0], *refused[:9], allowed[1], *refused[9:], allowed[2]]
        self.assertEqual(allowed_trailers(trailers, b"x-gitlab-pod-"), allowed)
