"""Bytes to raw heads: what is read, what is refused, and that cuts make no difference
(requirements 6 to 10 and 23)."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import h11
import httptools
from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pods.errors import (
    BadRequest,
    BadResponse,
    HeadersTooLarge,
    MethodUnknown,
    PodsError,
    UriTooLong,
)
from pods.http1.fields import Field
from pods.http1.heads import (
    KNOWN_METHODS,
    HeadLimits,
    RawRequest,
    RequestHeadReader,
    ResponseHeadReader,
)
from pods.http1.request import RequestHead
from tests.support_heads import KINDS, all_pass, lines

Reader = type[RequestHeadReader] | type[ResponseHeadReader]

ORDINARY = HeadLimits()
#: Low enough that a mutated head goes over each of them now and then.
TIGHT = HeadLimits(header_bytes=90, header_count=3, url_bytes=12)
GET = b"GET / HTTP/1.1\r\n"

TOKEN = st.text("abcXYZ019!#$%&'*+-.^_`|~", min_size=1, max_size=8).map(str.encode)
VALUE = st.text('ab \t:,;"()\xe9\xff09', max_size=12).map(lambda text: text.encode("latin-1"))
FRAMING_NAMES = (b"content-length", b"transfer-encoding", b"connection", b"upgrade")
FIELDS = st.lists(st.tuples(TOKEN, VALUE.map(lambda value: value.strip(b" \t"))), max_size=5)
TARGET = st.text([chr(c) for c in range(0x21, 0x7F) if chr(c) != "#"], min_size=1, max_size=20).map(
    lambda text: b"/" + text.encode()
)
CUTS = st.lists(st.integers(0, 200), max_size=6)
NASTY = st.sampled_from(
    [
        b"\r",
        b"\n",
        b"\r\n",
        b"\r\n\r\n",
        b"\0",
        b" ",
        b"\t",
        b":",
        b"#",
        b"\x7f",
        b"\x80",
        b"HTTP/1.1",
    ]
)


def wire(first_line: bytes, fields: Iterable[Field]) -> bytes:
    return first_line + b"".join(b"%b: %b\r\n" % field for field in fields) + b"\r\n"


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """The data, cut at these places."""
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    parts = [data[a:b] for a, b in pairwise(edges)]
    return [part for part in parts if part]


def outcome(reader_class: Reader, limits: HeadLimits, parts: list[bytes]) -> Any:
    """What comes of feeding these: an error's class, ``(head, rest)``, or None if it needs more."""
    reader = reader_class(limits, all_pass())
    for index, part in enumerate(parts):
        try:
            complete = reader.feed(part)
        except PodsError as error:
            return type(error)
        if complete is not None:
            head: Any = complete[0]
            names = (name for name in type(head).__slots__ if name[0] != "_")
            values = [getattr(head, name) for name in names]
            if isinstance(head, RawRequest):
                values[-1] = head.section.lines
            return values, complete[1] + b"".join(parts[index + 1 :])
    return None


def read_request(data: bytes, limits: HeadLimits = ORDINARY) -> Any:
    return RequestHeadReader(limits, all_pass()).feed(data)


def understood(data: bytes) -> RequestHead:
    complete = RequestHeadReader(ORDINARY, KINDS).feed(data)
    assert complete is not None
    return RequestHead.read(complete[0], KINDS)


class LinesByLlhttp:
    """What httptools calls back into."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.lines.append(b"%b: %b" % (name, value.rstrip(b" \t")))


class RequestTableTests(SynchronousTestCase):
    """One head at a time."""

    def test_a_head_and_what_follows(self) -> None:
        head, rest = read_request(
            b"POST /a?b HTTP/1.1\r\nHost: a\r\nEmpty:\r\nX:  \t y \t\r\nx:z\r\n\r\nbody"
        )
        self.assertEqual((head.method, head.target, head.minor_version), (b"POST", b"/a?b", 1))
        self.assertEqual(head.section.lines, [b"Host: a", b"Empty: ", b"X: y", b"x: z"])
        self.assertEqual(rest, b"body")

    def test_no_fields(self) -> None:
        head, rest = read_request(GET + b"\r\n")
        self.assertEqual((head.section.lines, rest), ([], b""))

    def test_versions(self) -> None:
        for version, minor in ((b"1.0", 0), (b"1.1", 1), (b"1.2", 1), (b"1.9", 1)):
            for line in (b"A: b", b"A:b"):  # llhttp has to look at the second
                head, rest = read_request(b"GET /x HTTP/%b\r\n%b\r\n\r\nrest" % (version, line))
                read = (head.target, head.minor_version, head.section.lines, rest)
                self.assertEqual(read, (b"/x", minor, [b"A: b"], b"rest"))

    def test_every_known_method(self) -> None:
        for method in KNOWN_METHODS:
            self.assertEqual(read_request(method + b" / HTTP/1.1\r\n\r\n")[0].method, method)

    def test_what_llhttp_makes_of_upgrades_and_lengths_does_not_matter(self) -> None:
        for field in (b"Upgrade: x\r\nConnection: upgrade", b"Content-Length: 9", b"Connection: a"):
            head, rest = read_request(GET + field + b"\r\nLast: 1\r\n\r\nGET")
            self.assertEqual((head.section.lines[-1], rest), (b"Last: 1", b"GET"))

    def test_one_reader_reads_heads_in_turn(self) -> None:
        reader = RequestHeadReader(ORDINARY, all_pass())
        data = (
            b"\r\nGET /1 HTTP/1.1\r\nA: 1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n\r\nGET /3 HTTP/1.0\r\n\r\n"
        )
        targets = []
        while data:
            complete = reader.feed(data)
            assert complete is not None
            targets.append(complete[0].target)
            data = complete[1]
        self.assertEqual(targets, [b"/1", b"/2", b"/3"])
        self.assertFalse(reader.is_midway)

    def test_is_midway(self) -> None:
        reader = RequestHeadReader(ORDINARY, all_pass())
        for data, is_midway in ((b"\r\n", False), (b"G", True), (b"ET / HTTP/1.1\r\n\r", True)):
            self.assertIsNone(reader.feed(data))
            self.assertEqual(reader.is_midway, is_midway, data)
        self.assertIsNotNone(reader.feed(b"\n"))
        self.assertFalse(reader.is_midway)

    def test_malformed(self) -> None:
        """Requirement 6, and 8 for what is no HTTP/1.1 at all."""
        fields = [
            b"A : b", b"A\r\n b: c", b" A: b", b"A: b\r\n c", b"A: \r\n c", b": b", b"A", b"A(: b",
            b"A: b\nC: d", b"A: b\rC: d", b"A: b\0", b"A: b\x01", b"A: \x7f", b"A: b\n", b"\xe9: b",
        ]  # fmt: skip
        lines = [
            b"GET  / HTTP/1.1", b"GET /  HTTP/1.1", b"GET / HTTP/1.1 ", b" GET / HTTP/1.1",
            b"GET\t/ HTTP/1.1", b"GET /a#b HTTP/1.1", b"GET /\x80 HTTP/1.1", b"GET /\x7f HTTP/1.1",
            b"GET /a b HTTP/1.1", b"GET / http/1.1", b"GET / HTTP/1.", b"GET / HTTP/1.10", b"GET /",
            b"GET / HTTP/2.0", b"GET / HTTP/0.9", b"PRI * HTTP/2.0", b"GET / HTTP/11", b"GET",
            b"G\x00T / HTTP/1.1", b"\n\nGET / HTTP/1.1", b"A" * 65 + b" / HTTP/1.1",
        ]  # fmt: skip
        heads = [GET + field + b"\r\n\r\n" for field in fields]
        heads += [line + b"\r\nHost: a\r\n\r\n" for line in lines]
        heads += [b"\r\n\r\n" + GET + b"\r\n", b"\n" + GET + b"\r\n", GET + b"A: b\n\r\n\r\n"]
        for head in heads:
            self.assertRaises(BadRequest, read_request, head)

    def test_bad_framing_fields(self) -> None:
        for field in (
            b"Content-Length: +3",
            b"Content-Length:",
            b"Content-Length: 1, 1",
            b"Transfer-Encoding: gzip",
            b"Transfer-Encoding: chunked, identity",
            b"Transfer-Encoding: chunked\r\nContent-Length: 3",
        ):
            self.assertRaises(BadRequest, understood, GET + b"Host: a\r\n" + field + b"\r\n\r\n")

    def test_too_many_fields_are_not_looked_at(self) -> None:
        """Or else a head full of them costs much, and takes the place of lines that come again."""
        for line in (b"x:", b"x%d: y"):
            kinds = all_pass()
            many = b"".join((line % n if b"%" in line else line) + b"\r\n" for n in range(9000))
            reader = RequestHeadReader(HeadLimits(), kinds)
            self.assertRaises(HeadersTooLarge, reader.feed, GET + many[:60_000] + b"\r\n\r\n")
            self.assertEqual(len(kinds), 0)

    def test_methods_that_are_not_known(self) -> None:
        for method in (b"get", b"FOO", b"PRI", b"A" * 64, b"SOURCE"):
            self.assertRaises(MethodUnknown, read_request, method + b" / HTTP/1.1\r\n\r\n")

    def test_limits_are_met_exactly(self) -> None:
        error: type[PodsError] | None
        for target_size, error in ((12, None), (13, UriTooLong)):
            self._check(wire(b"GET /%b HTTP/1.1\r\n" % (b"a" * (target_size - 1)), []), error)
        size = len(wire(GET, [(b"A", b"")]))
        for head_size, error in ((90, None), (91, HeadersTooLarge)):
            self._check(wire(GET, [(b"A", b"a" * (head_size - size))]), error)
        for count, error in ((3, None), (4, HeadersTooLarge)):
            self._check(wire(GET, [(b"A", b"b")] * count), error)

    def _check(self, head: bytes, error: type[Exception] | None) -> None:
        for parts in ([head], [head[i : i + 1] for i in range(len(head))]):
            got = outcome(RequestHeadReader, TIGHT, parts)
            if error is None:
                self.assertIsInstance(got, tuple)
            else:
                self.assertEqual(got, error)

    def test_refused_at_once(self) -> None:
        """Whoever can no longer send a head is not waited for (requirement 8)."""
        for data, error in [
            (b"\x16\x03\x01", BadRequest),
            (b"SSH-2.0-OpenSSH_9.6\r\n", BadRequest),
            (b"\n", BadRequest),
            (b"\r\r", BadRequest),
            (b"\r\n\r\n", BadRequest),
            (b"GET /\r", BadRequest),
            (b"GET / FTP", BadRequest),
            (b"GET / HTTP/1.10\r", BadRequest),
            (b"PRI * HTTP/2.0\r\n", BadRequest),
            (GET + b"A: b\n", BadRequest),
            (b"A" * 65, BadRequest),
            (b"GET /" + b"a" * 12, UriTooLong),
            (GET + b"A: " + b"a" * 90, HeadersTooLarge),
        ]:
            self.assertEqual(outcome(RequestHeadReader, TIGHT, [data]), error, data)

    def test_the_second_head_is_checked_like_the_first(self) -> None:
        reader = RequestHeadReader(ORDINARY, all_pass())
        for part in (b"GET / HTTP/1.1\r\nA: b", b"\r\n\r\n"):
            complete = reader.feed(part)
        self.assertIsNotNone(complete)
        self.assertRaises(BadRequest, reader.feed, b"\x16\x03\x01")


class ResponseTableTests(SynchronousTestCase):
    """The same from a pod."""

    def test_status_lines(self) -> None:
        for line, read in [
            (b"HTTP/1.1 200 OK", [200, b"OK", 1]),
            (b"HTTP/1.0 404 Not Found", [404, b"Not Found", 0]),
            (b"HTTP/1.1 204", [204, b"", 1]),
            (b"HTTP/1.1 204 ", [204, b"", 1]),
            (b"HTTP/1.1 599 \xe9\t x", [599, b"\xe9\t x", 1]),
        ]:
            data = line + b"\r\nA: b\r\nEmpty:\r\n\r\nbody"
            values, rest = outcome(ResponseHeadReader, ORDINARY, [data])
            self.assertEqual(values, [*read, [b"A: b", b"Empty: "], {}], line)
            self.assertEqual(rest, b"body")

    def test_switching_protocols(self) -> None:
        """What follows a 101 is not for the parser."""
        fields = [(b"Connection", b"Upgrade"), (b"Upgrade", b"websocket"), (b"Last", b"1")]
        data = wire(b"HTTP/1.1 101 S\r\n", fields) + b"\x81\x00"
        values, rest = outcome(ResponseHeadReader, ORDINARY, [data])
        self.assertEqual((values, rest), ([101, b"S", 1, lines(fields), {}], b"\x81\x00"))

    def test_malformed(self) -> None:
        heads = [
            b"HTTP/1.1 20 OK", b"HTTP/1.1 2000 OK", b"HTTP/1.1 099 OK", b"HTTP/2.0 200 OK",
            b"HTTP/1.2 200 OK", b"HTTP/1.1  200 OK", b"HTTP/1.1 200 O\0K", b"HTTP/1.1 200 O\rK",
            b"HTTP/1.1 +20 OK", b"http/1.1 200 OK", b"200 OK", b"\r\nHTTP/1.1 200 OK",
            b"HTTP/1.1 200 OK\r\nA : b", b"HTTP/1.1 200 OK\r\nA: b\r\n c", b"HTTP/1.1 200 OK\nA: b",
            b"HTTP/1.1 200 OK\r\nA: b\nC: d", b"HTTP/1.1 200 OK\r\nA: \x01",
]  # fmt: skip
        for head in heads:
            self.assertEqual(
                outcome(ResponseHeadReader, ORDINARY, [head + b"\r\n\r\n"]), BadResponse, head
            )

    def test_limits(self) -> None:
        line = b"HTTP/1.1 200 OK\r\n"
        for fields in ([(b"A", b"b")] * 4, [(b"A", b"a" * 80)]):
            head = wire(line, fields)
            self.assertEqual(outcome(ResponseHeadReader, TIGHT, [head]), BadResponse)
        self.assertIsNotNone(outcome(ResponseHeadReader, TIGHT, [wire(line, [(b"A", b"b")] * 3)]))

    def test_refused_at_once(self) -> None:
        for data in (b"SSH-", b"\x15", b"HTTP/2", b"HTTP/1.1 2x0 OK\r\n", b"HTTP/1.1 200 OK\n"):
            self.assertEqual(outcome(ResponseHeadReader, TIGHT, [data]), BadResponse, data)
        for more in (b"A: " + b"a" * 90, b"A: b\n"):
            begun = b"HTTP/1.1 200 OK\r\n" + more
            self.assertEqual(outcome(ResponseHeadReader, TIGHT, [begun]), BadResponse)


def mutated(first_lines: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Heads with something wrong in them, or not, and something after them."""

    def build(line: bytes, fields: list[Field], wrongs: list[tuple[int, bytes]]) -> bytes:
        data = wire(line, fields)
        for at, nasty in wrongs:
            data = data[: at % len(data)] + nasty + data[at % len(data) :]
        return data + b"rest"

    wrongs = st.lists(st.tuples(st.integers(0, 150), NASTY), max_size=3)
    return st.builds(build, first_lines, FIELDS, wrongs)


REQUEST_LINES = st.builds(
    lambda method, target: b"%b %b HTTP/1.1\r\n" % (method, target),
    st.sampled_from([b"GET", b"POST", b"FOO", b"\r\nPUT", b"A" * 64, b"A" * 65]),
    TARGET,
)
RESPONSE_LINES = st.sampled_from([b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 404\r\n", b"HTTP/1.1 x\r\n"])


class LawTests(SynchronousTestCase):
    """What holds for all heads."""

    @settings(deadline=None, max_examples=300)
    @given(mutated(REQUEST_LINES), CUTS, st.sampled_from([ORDINARY, TIGHT]))
    @example(b"G@T /" + b"a" * 20 + b" HTTP/1.1\r\n\r\n", [3], TIGHT)
    @example(b"GET /" + b"a" * 20 + b"\x80 HTTP/1.1\r\n\r\n", [8], TIGHT)
    @example(b"GET /aaa\x80" + b"a" * 20 + b" HTTP/1.1\r\n\r\n", [9], TIGHT)
    @example(b"FOO / HTTP/1.1\r\nA: b\nC: d\r\n\r\n", [22], ORDINARY)
    @example(GET + b"A: b\nC: " + b"d" * 90 + b"\r\n\r\n", [25], TIGHT)
    @example(GET + b"A: " + b"d" * 90 + b"\n\r\n\r\n", [105], TIGHT)
    def test_cutting_requests(self, data: bytes, cuts: list[int], limits: HeadLimits) -> None:
        whole = outcome(RequestHeadReader, limits, [data])
        for parts in (pieces(data, cuts), [data[i : i + 1] for i in range(len(data))]):
            self.assertEqual(outcome(RequestHeadReader, limits, parts), whole, parts)

    @settings(deadline=None, max_examples=200)
    @given(mutated(RESPONSE_LINES), CUTS, st.sampled_from([ORDINARY, TIGHT]))
    def test_cutting_responses(self, data: bytes, cuts: list[int], limits: HeadLimits) -> None:
        whole = outcome(ResponseHeadReader, limits, [data])
        for parts in (pieces(data, cuts), [data[i : i + 1] for i in range(len(data))]):
            self.assertEqual(outcome(ResponseHeadReader, limits, parts), whole, parts)

    @settings(deadline=None, max_examples=300)
    @given(mutated(REQUEST_LINES))
    @example(GET + b"A\r\n\r\n")
    @example(GET + b"A:b\r\nC: d: e\r\nF:g: h\r\n\r\n")
    @example(GET + b"A: b\r\n: c\r\n\r\n")
    @example(GET + b"A: b\x85\x0b\r\n\r\n")
    def test_what_is_read_is_read_as_by_llhttp(self, data: bytes) -> None:
        """But for framing: what such fields mean is decided later."""
        result = outcome(RequestHeadReader, ORDINARY, [data])
        if not isinstance(result, tuple):
            return
        (_, _, _, read), rest = result
        if not {line.partition(b":")[0].lower() for line in read}.isdisjoint(FRAMING_NAMES):
            return
        head = data[: len(data) - len(rest)].lstrip(b"\r\n")
        by_llhttp = LinesByLlhttp()
        fields = head[head.index(b"\r\n") :]
        httptools.HttpRequestParser(by_llhttp).feed_data(b"GET / HTTP/1.1" + fields)
        self.assertEqual(read, by_llhttp.lines)

    @settings(deadline=None, max_examples=100)
    @given(TARGET, FIELDS)
    def test_requests_are_read_as_by_h11(self, target: bytes, fields: list[Field]) -> None:
        fields = [(b"Host", b"a"), *(f for f in fields if f[0].lower() not in FRAMING_NAMES)]
        data = wire(b"PUT %b HTTP/1.1\r\n" % target, fields)
        head, rest = read_request(data)
        self.assertEqual((head.target, head.section.lines, rest), (target, lines(fields), b""))
        connection = h11.Connection(h11.SERVER)
        connection.receive_data(data)
        event = connection.next_event()
        assert isinstance(event, h11.Request)
        self.assertEqual(event.target, target)
        self.assertEqual(
            [tuple(field) for field in event.headers],
            [(name.lower(), value) for name, value in fields],
        )
