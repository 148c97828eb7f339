"""What a request head means, and which requests are refused (requirements 1 to 4, 7 and 11, 26)."""

from __future__ import annotations

import attrs
from twisted.trial.unittest import SynchronousTestCase

from pods.errors import BadRequest, ExpectationFailed, MethodNotAllowed
from pods.http1.fields import (
    SECTION_LIMIT_BYTES,
    SECTIONS_LIMIT_BYTES,
    Field,
    Section,
    request_kinds,
)
from pods.http1.heads import HeadLimits, RequestHeadReader
from pods.http1.request import RequestHead
from tests.support_heads import KINDS, fields_of, request_head

HOST = (b"Host", b"a.example")
KEY = (b"Sec-WebSocket-Key", b"x")
HANDSHAKE = [HOST, (b"Connection", b"keep-alive, Upgrade"), (b"Upgrade", b"WebSocket"), KEY]


def read(
    fields: list[Field], method: bytes = b"GET", target: bytes = b"/", minor: int = 1
) -> RequestHead:
    return request_head(fields, method, target, minor)


def read_wire(data: bytes) -> RequestHead:
    complete = RequestHeadReader(HeadLimits(), KINDS).feed(data)
    assert complete is not None
    return RequestHead.read(complete[0], KINDS)


class SectionTests(SynchronousTestCase):
    """Requests that repeat their fields are understood once, and none the less right."""

    FIELDS = (
        b"Host: a.example\r\nCookie: _r=hint; a=1\r\nConnection: close, x-b\r\nX-B: 1\r\nX-C: 2\r\n"
        b"X-Forwarded-Port: 8443\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    )

    def setUp(self) -> None:
        self.kinds = request_kinds("X-Gitlab-Pod-", trusted=False, cookie="_r")
        self.reader = RequestHeadReader(HeadLimits(), self.kinds)

    def read(self, line: bytes, fields: bytes = FIELDS) -> RequestHead:
        complete = self.reader.feed(line + fields)
        assert complete is not None
        return RequestHead.read(complete[0], self.kinds)

    def fresh(self, line: bytes, fields: bytes = FIELDS) -> RequestHead:
        kinds = request_kinds("X-Gitlab-Pod-", trusted=False, cookie="_r")
        complete = RequestHeadReader(HeadLimits(), kinds).feed(line + fields)
        assert complete is not None
        return RequestHead.read(complete[0], kinds)

    def test_each_is_as_if_it_were_the_first(self) -> None:
        lines = [
            b"%b %b HTTP/1.%d\r\n" % (method, target, minor)
            for method in (b"GET", b"PUT", b"POST")
            for target in (b"/", b"/a?b", b"http://b.example/c", b"/c")
            for minor in (1, 0, 9)
        ]
        for line in lines + lines[::-1]:
            got, wanted = self.read(line), self.fresh(line)
            self.assertEqual(attrs.asdict(got), attrs.asdict(wanted), line)

    def test_the_same_fields_are_shared(self) -> None:
        one, other = self.read(b"GET /1 HTTP/1.1\r\n"), self.read(b"GET /2?x HTTP/1.1\r\n")
        self.assertIs(one.lines, other.lines)
        self.assertEqual((one.target, one.path), (b"/1", "/1"))
        self.assertEqual((other.target, other.path), (b"/2?x", "/2"))

    def test_what_is_refused_is_refused_again(self) -> None:
        for fields in (b"\r\n", b"Host: a\r\nHost: b\r\n\r\n", b"Host: a\r\nExpect: tea\r\n\r\n"):
            for _ in range(2):
                with self.assertRaises((BadRequest, ExpectationFailed)):
                    self.read(b"GET / HTTP/1.1\r\n", fields)

    def test_other_kinds_make_something_else_of_them(self) -> None:
        self.assertEqual(self.read(b"GET / HTTP/1.1\r\n").own_cookie, b"hint")
        self.kinds = request_kinds("X-Gitlab-Pod-", trusted=True)
        self.reader.change(HeadLimits(), self.kinds)  # as after a reload
        head = self.read(b"GET / HTTP/1.1\r\n")
        self.assertEqual(head.own_cookie, b"")
        self.assertIn(b"X-Forwarded-Port: 8443", head.lines)

    def test_only_so_many_are_kept(self) -> None:
        sections = self.kinds.sections
        for number in range(SECTIONS_LIMIT_BYTES // 4096):
            key = (b"GET", b"%04096d" % number)
            sections.add(key, Section([], {}))
            self.assertIsNotNone(sections.get(key))
        last = (b"GET", b"x")
        sections.add(last, Section([], {}))
        self.assertIsNotNone(sections.get(last))
        self.assertIsNone(sections.get((b"GET", b"%04096d" % 0)))

    def test_long_ones_are_not_kept(self) -> None:
        fields = b"Host: a\r\nX: %b\r\n\r\n" % (b"x" * SECTION_LIMIT_BYTES)
        one, other = (
            self.read(b"GET / HTTP/1.1\r\n", fields),
            self.read(b"GET / HTTP/1.1\r\n", fields),
        )
        self.assertIsNot(one.lines, other.lines)
        self.assertEqual(one.lines, other.lines)


class HostTests(SynchronousTestCase):
    """Exactly one, and one that is a host."""

    def test_right(self) -> None:
        for host in (
            b"a",
            b"gitlab.example.com",
            b"A-b_c.d~:443",
            b"192.0.2.7:80",
            b"a:",
            b"[::1]",
            b"[2001:db8::7]:8080",
            b"[fe80::1%25eth0]",
            b"[::ffff:192.0.2.7]:1",
            b"xn--bcher-kva.example",
            b"a%20b",
        ):
            self.assertEqual(read([(b"host", host)]).host, host)

    def test_wrong(self) -> None:
        for host in (
            b"a b",
            b"a/b",
            b"a?b",
            b"a#b",
            b"user@a",
            b"a:b",
            b"a:80:80",
            b"a:123456",
            b"::1",
            b"[::1",
            b"[::1]a",
            b"[g::1]",
            b"a%2",
            b"a,b c",
            b":80",
            b"",
            b"a\xe9",
            b'a"',
            b"http://a",
        ):
            self.assertRaises(BadRequest, read, [(b"Host", host)])

    def test_missing_and_repeated(self) -> None:
        self.assertRaises(BadRequest, read, [])
        self.assertRaises(BadRequest, read, [HOST, HOST])
        self.assertRaises(BadRequest, read, [HOST, (b"hOSt", b"b")])
        self.assertRaises(BadRequest, read, [HOST, HOST], minor=0)
        self.assertRaises(BadRequest, read, [(b"Host_", b"a")])

    def test_http_1_0_needs_none(self) -> None:
        self.assertEqual(read([], minor=0).host, b"")
        self.assertEqual(read([(b"Host", b"")], minor=0).host, b"")
        self.assertEqual(read([HOST], minor=0).host, b"a.example")
        self.assertRaises(BadRequest, read, [(b"Host", b"a b")], minor=0)


class TargetTests(SynchronousTestCase):
    """Origin form, absolute form with http(s), or ``*``."""

    def test_origin_form_is_untouched(self) -> None:
        for target, path in [
            (b"/", "/"),
            (b"/a/b", "/a/b"),
            (b"//a//b/../c", "//a//b/../c"),
            (b'/%2F%e4;x=1|{}"<>^`\\?', '/%2F%e4;x=1|{}"<>^`\\'),
            (b"/a?b?c=/d", "/a"),
            (b"/http://b/", "/http://b/"),
        ]:
            head = read([HOST], target=target)
            self.assertEqual((head.target, head.path), (target, path))
            self.assertEqual(head.host, b"a.example")

    def test_absolute_form(self) -> None:
        """Its authority is the host, whatever Host says."""
        for target, origin, host in [
            (b"http://b", b"/", b"b"),
            (b"HTTP://b:81/x/../y?z", b"/x/../y?z", b"b:81"),
            (b"https://[::1]:8/%2f", b"/%2f", b"[::1]:8"),
            (b"http://b?", b"/?", b"b"),
            (b"http://b?q=/", b"/?q=/", b"b"),
            (b"http://b//x", b"//x", b"b"),
        ]:
            head = read([HOST], target=target)
            self.assertEqual((head.target, head.host), (origin, host))
            self.assertEqual(head.path, origin.partition(b"?")[0].decode())
        self.assertEqual(read([], target=b"http://b/", minor=0).host, b"b")

    def test_absolute_form_does_not_replace_a_host(self) -> None:
        self.assertRaises(BadRequest, read, [], target=b"http://b/")
        self.assertRaises(BadRequest, read, [HOST, HOST], target=b"http://b/")

    def test_absolute_form_of_asterisk_form(self) -> None:
        head = read([HOST], method=b"OPTIONS", target=b"http://b:80")
        self.assertEqual((head.target, head.path, head.host), (b"*", "*", b"b:80"))
        for target, origin in [(b"http://b/", b"/"), (b"http://b?q", b"/?q")]:
            self.assertEqual(read([HOST], method=b"OPTIONS", target=target).target, origin)

    def test_asterisk_form(self) -> None:
        head = read([HOST], method=b"OPTIONS", target=b"*")
        self.assertEqual((head.target, head.path), (b"*", "*"))
        self.assertRaises(BadRequest, read, [HOST], target=b"*")

    def test_other_forms(self) -> None:
        for target in (
            b"a",
            b"a.example:443",
            b"?",
            b"*/",
            b"**",
            b"http:/a",
            b"http:///a",
            b"http://",
            b"http://user@a/",
            b"http://user:password@a/",
            b"http://a b/",
            b"http://a:b/",
            b"ftp://a/",
            b"ws://a/",
            b"file:///etc/passwd",
            b"\\a",
        ):
            self.assertRaises(BadRequest, read, [HOST], target=target)
            self.assertRaises(BadRequest, read, [HOST], method=b"OPTIONS", target=target)

    def test_methods_that_are_not_relayed(self) -> None:
        for method in (b"CONNECT", b"TRACE"):
            self.assertRaises(MethodNotAllowed, read, [HOST], method=method)
            self.assertRaises(MethodNotAllowed, read, [], method=method, target=b"a:443")


class FramingTests(SynchronousTestCase):
    """One framing, or none, and nothing ambiguous."""

    def test_right(self) -> None:
        longest = 2**63 - 1
        for field, length, chunked in [
            ((b"Content-Length", b"0"), 0, False),
            ((b"content-length", b"5"), 5, False),
            ((b"Content-Length", b"0005"), 5, False),
            ((b"Content-Length", b"%d" % longest), longest, False),
            ((b"Transfer-Encoding", b"chunked"), None, True),
            ((b"transfer-encoding", b"CHUNKED"), None, True),
            ((b"Accept", b"x"), None, False),
        ]:
            head = read([HOST, field], method=b"POST")
            self.assertEqual((head.content_length, head.chunked), (length, chunked))
            self.assertEqual(head.has_body, bool(length) or chunked)

    def test_wrong_lengths(self) -> None:
        for value in (b"", b"+3", b"-1", b"3.0", b"0x3", b"1_0", b"3,3", b"3, 4", b"three",
                       b"%d" % 2**63, b"9" * 30, "٣".encode()):  # fmt: skip
            self.assertRaises(BadRequest, read, [HOST, (b"Content-Length", value)])
        for second in (b"3", b"4"):
            lengths = [(b"Content-Length", b"3"), (b"content-length", second)]
            self.assertRaises(BadRequest, read, [HOST, *lengths])

    def test_wrong_codings(self) -> None:
        for value in (b"", b"identity", b"gzip, chunked", b"chunked, chunked", b"chunked,",
                      b"chunked;q=1", b"xchunked"):  # fmt: skip
            self.assertRaises(BadRequest, read, [HOST, (b"Transfer-Encoding", value)])
        chunked = (b"Transfer-Encoding", b"chunked")
        self.assertRaises(BadRequest, read, [HOST, chunked, chunked])
        self.assertRaises(BadRequest, read, [HOST, chunked, (b"transfer-encoding", b"")])
        self.assertRaises(BadRequest, read, [HOST, chunked], minor=0)

    def test_both(self) -> None:
        both = [(b"Content-Length", b"3"), (b"Transfer-Encoding", b"chunked")]
        self.assertRaises(BadRequest, read, [HOST, *both])
        self.assertRaises(BadRequest, read, [HOST, *reversed(both)])

    def test_off_the_wire(self) -> None:
        """What llhttp already refuses is refused the same way."""
        for lines in (
            b"Content-Length: 3\r\nContent-Length: 3\r\n",
            b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            b"Transfer-Encoding: \x0bchunked\r\n",
            b"Transfer-Encoding: chunked\x0b\r\n",
            b"Transfer-Encoding:\r\n chunked\r\n",
        ):
            data = b"POST / HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n"
            self.assertRaises(BadRequest, read_wire, data)

    def test_aliases_of_framing_fields_mean_nothing(self) -> None:
        aliases = [(b"Content_Length", b"3"), (b"Transfer_Encoding", b"chunked")]
        head = read([HOST, *aliases])
        self.assertEqual((head.has_body, head.lines), (False, []))


class ConnectionTests(SynchronousTestCase):
    """Whether another request may follow on the connection."""

    def test_keep_alive(self) -> None:
        for minor, values, keep_alive in [
            (1, [], True),
            (1, [b"close"], False),
            (1, [b"Keep-Alive, Close"], False),
            (1, [b"keep-alive"], True),
            (1, [b"x", b"CLOSE"], False),
            (1, [b"closed"], True),
            (0, [], False),
            (0, [b"Keep-Alive"], True),
            (0, [b"keep-alive", b"close"], False),
        ]:
            head = read([HOST, *((b"Connection", value) for value in values)], minor=minor)
            self.assertEqual(head.keep_alive, keep_alive, (minor, values))

    def test_idempotent(self) -> None:
        for method, is_idempotent in [
            (b"GET", True),
            (b"HEAD", True),
            (b"PUT", True),
            (b"DELETE", True),
            (b"OPTIONS", True),
            (b"POST", False),
            (b"PATCH", False),
            (b"LOCK", False),
        ]:
            self.assertEqual(read([HOST], method=method).is_idempotent, is_idempotent, method)


class UpgradeTests(SynchronousTestCase):
    """Only a WebSocket handshake becomes a tunnel (requirement 11)."""

    def test_handshake(self) -> None:
        head = read(HANDSHAKE)
        self.assertTrue(head.upgrade)
        self.assertEqual(fields_of(head.lines), [KEY])
        self.assertTrue(read([*HANDSHAKE, (b"Content-Length", b"0")]).upgrade)

    def test_everything_else_stays_an_ordinary_request(self) -> None:
        connection, upgrade = HANDSHAKE[1:3]
        for fields, method, minor in [
            (HANDSHAKE, b"GET", 0),
            (HANDSHAKE, b"POST", 1),
            ([*HANDSHAKE, (b"Content-Length", b"1")], b"GET", 1),
            ([*HANDSHAKE, (b"Transfer-Encoding", b"chunked")], b"GET", 1),
            ([HOST, upgrade], b"GET", 1),
            ([HOST, connection], b"GET", 1),
            ([HOST, upgrade, (b"Connection", b"x-upgrade")], b"GET", 1),
            ([HOST, connection, (b"Upgrade", b"h2c")], b"GET", 1),
            ([HOST, connection, (b"Upgrade", b"websocket, h2c")], b"GET", 1),
            ([HOST, connection, upgrade, (b"Upgrade", b"h2c")], b"GET", 1),
            ([HOST, connection, (b"Upgrade", b"websocket/13")], b"GET", 1),
        ]:
            head = read(fields, method=method, minor=minor)
            self.assertFalse(head.upgrade, fields)
            self.assertEqual(
                [f for f in fields_of(head.lines) if f != KEY], [], "no Upgrade goes on"
            )


class ExpectTests(SynchronousTestCase):
    """``100-continue`` and nothing else (requirement 26)."""

    def test_table(self) -> None:
        for value, minor, expects in [
            (b"100-continue", 1, True),
            (b"100-Continue", 1, True),
            (b"100-continue", 0, False),
            (b"other", 0, False),
        ]:
            fields = [HOST, (b"Expect", value), (b"Content-Length", b"5")]
            head = read(fields, method=b"PUT", minor=minor)
            self.assertEqual((head.expects_continue, head.lines), (expects, []), value)
        self.assertFalse(read([HOST]).expects_continue)

    def test_without_a_body(self) -> None:
        """A pod that is asked for a 100 might take the next request for the missing body."""
        expect = (b"Expect", b"100-continue")
        self.assertFalse(read([HOST, expect]).expects_continue)
        self.assertFalse(read([HOST, expect, (b"Content-Length", b"0")]).expects_continue)
        self.assertTrue(read([HOST, expect, (b"Transfer-Encoding", b"chunked")]).expects_continue)

    def test_other_expectations(self) -> None:
        for value in (b"200-ok", b"100-continue, x", b"", b"100-continue;x", b"100"):
            self.assertRaises(ExpectationFailed, read, [HOST, (b"Expect", value)])


class ValuesTests(SynchronousTestCase):
    """Looking a field up."""

    def test_passing_and_special(self) -> None:
        head = read([HOST, (b"X-A", b"1"), (b"x-a", b"2"), (b"VIA", b"v"), (b"Via", b"w")])
        self.assertEqual(head.values(b"x-a"), [b"1", b"2"])
        self.assertEqual(head.values(b"via"), [b"v", b"w"])
        self.assertEqual(head.values(b"x-b"), [])
