"""What a response head means (requirements 20, 21 and 23)."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pods.errors import BadResponse
from pods.http1.fields import Field
from pods.http1.framing import ChunkedReader, LengthReader, UntilCloseReader
from pods.http1.response import CONTINUE, ResponseHead
from tests.support_heads import fields_of, response_head

CHUNKED = (b"Transfer-Encoding", b"chunked")
LENGTH = (b"Content-Length", b"5")


def read(
    fields: list[Field], status: int = 200, minor: int = 1, to_head: bool = False
) -> ResponseHead:
    return response_head(fields, status, minor=minor, to_head=to_head)


class FramingTests(SynchronousTestCase):
    """Where the body ends."""

    def test_by_fields(self) -> None:
        for fields, reader, length, chunked in [
            ([], UntilCloseReader, None, False),
            ([LENGTH], LengthReader, 5, False),
            ([CHUNKED], ChunkedReader, None, True),
            ([(b"transfer-encoding", b"CHUNKED")], ChunkedReader, None, True),
        ]:
            head = read(fields)
            self.assertIsInstance(head.body_reader(), reader)
            self.assertEqual((head.content_length, head.chunked), (length, chunked))
            self.assertTrue(head.has_body)
        self.assertIsNone(read([(b"Content-Length", b"0")]).body_reader())

    def test_never_a_body(self) -> None:
        """Whatever the fields say; the length is known all the same."""
        cases = [(100, False), (103, False), (204, False), (304, False), (200, True), (404, True)]
        for status, to_head in cases:
            for fields in ([], [LENGTH], [CHUNKED]):
                head = read(fields, status=status, to_head=to_head)
                self.assertFalse(head.has_body)
                self.assertIsNone(head.body_reader())
                self.assertTrue(head.keep_alive)
                self.assertEqual(head.content_length, 5 if fields == [LENGTH] else None)

    def test_ambiguous(self) -> None:
        for fields in [
            [LENGTH, CHUNKED],
            [LENGTH, LENGTH],
            [LENGTH, (b"content-length", b"6")],
            [CHUNKED, CHUNKED],
            [(b"Transfer-Encoding", b"gzip")],
            [(b"Transfer-Encoding", b"gzip, chunked")],
            [(b"Transfer-Encoding", b"")],
            *([(b"Content-Length", v)] for v in (b"", b"-1", b"+5", b"5,5", b"0x5")),
        ]:
            for status in (200, 204, 304):
                self.assertRaises(BadResponse, read, fields, status=status)


class ConnectionTests(SynchronousTestCase):
    """Whether the pod would take another request."""

    def test_table(self) -> None:
        close, keep = (b"Connection", b"x, Close"), (b"Connection", b"Keep-Alive")
        for minor, fields, keep_alive in [
            (1, [LENGTH], True),
            (1, [CHUNKED], True),
            (1, [LENGTH, close], False),
            (1, [], False),
            (1, [keep], False),
            (0, [LENGTH], False),
            (0, [LENGTH, keep], True),
            (0, [LENGTH, keep, close], False),
            (0, [keep], False),
            (0, [CHUNKED, keep], False),
        ]:
            self.assertEqual(read(fields, minor=minor).keep_alive, keep_alive, (minor, fields))


class MeaningTests(SynchronousTestCase):
    """The rest of a head."""

    def test_informational(self) -> None:
        upgrade = [(b"Upgrade", b"websocket"), (b"Connection", b"Upgrade")]
        for status, is_informational in [(100, True), (102, True), (103, True), (101, False)]:
            head = read(upgrade, status=status)
            self.assertEqual(head.is_informational, is_informational)
        self.assertFalse(read([]).is_informational)
        self.assertTrue(CONTINUE.is_informational)

    def test_a_101_that_names_no_protocol(self) -> None:
        """Both fields do (RFC 9110, section 7.8)."""
        for field in ((b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")):
            self.assertRaises(BadResponse, read, [field], status=101)

    def test_fields(self) -> None:
        cookies = [(b"Set-Cookie", b"a"), (b"set-cookie", b"b")]
        ours = (b"X-Gitlab-Pod-Redirect", b"pod_eu0")
        dropped = [(b"Keep-Alive", b"5"), (b"X-Gitlab-Pod-X", b"1"), (b"Connection", b"X-Hop")]
        head = read([cookies[0], ours, *dropped, (b"X-Hop", b"1"), cookies[1], LENGTH])
        self.assertEqual(fields_of(head.lines), cookies)
        self.assertEqual(head.special[b"x-gitlab-pod-redirect"], [b"pod_eu0"])
