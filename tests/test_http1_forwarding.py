"""Heads as they go on: read again by other parsers, and by the rules (requirements B and C)."""

from __future__ import annotations

from typing import Any

import attrs
import h11
import httptools
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pods.http1.fields import Field, request_kinds
from pods.http1.forwarding import Peer, request_to_pod, response_to_client, wants_trailers
from pods.http1.heads import HeadLimits, RequestHeadReader
from pods.http1.request import RequestHead
from pods.http1.response import CONTINUE, ResponseHead
from tests.support_heads import lines, response_head

PREFIX = "X-Gitlab-Pod-"
STRANGER = Peer("192.0.2.7", b"http")
PROXY = Peer("127.0.0.1", b"https", trusted=True)
OURS = [(b"X-Gitlab-Pod-Route", b"cache"), (b"X-Gitlab-Pod-Attempt", b"1")]
OUR_LINES = b"\r\n".join(lines(OURS))

NAMES = st.sampled_from(
    b"Accept accept X-A x-a X-B Cookie cookie Authorization Range If-Match Content-Type"
    b" X_Custom Sec-WebSocket-Key Cache-Control Origin".split()
)
VALUES = st.text("ab ,;=\"'\xe9(09:", max_size=10).map(lambda v: v.strip().encode("latin-1"))
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=8)
TARGETS = st.text([chr(c) for c in range(0x21, 0x7F) if chr(c) != "#"], max_size=20).map(
    lambda text: b"/" + text.encode()
)


@attrs.define
class Listener:
    """What httptools calls back into."""

    target: bytes = b""
    fields: list[Field] = attrs.Factory(list)

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value.rstrip(b" \t")))


def read(lines: bytes, trusted: bool = False) -> RequestHead:
    """A request of a client, from its first line on."""
    kinds = request_kinds(PREFIX, trusted)
    complete = RequestHeadReader(HeadLimits(), kinds).feed(lines + b"\r\n")
    assert complete is not None
    return RequestHead.read(complete[0], kinds)


def forwarded(
    head: RequestHead, peer: Peer = STRANGER, *, expects_continue: bool = False
) -> tuple[bytes, bytes, list[Field]]:
    """``(method, target, fields)`` as the pod reads them."""
    data = request_to_pod(
        head, peer, b"id-1", OUR_LINES, host=b"pod.internal", expects_continue=expects_continue
    )
    listener = Listener()
    parser = httptools.HttpRequestParser(listener)
    try:
        parser.feed_data(data)
    except httptools.HttpParserUpgrade:
        assert head.upgrade
    assert parser.get_http_version() == "1.1"
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    event = connection.next_event()
    assert isinstance(event, h11.Request)
    read_by_h11 = [(bytes(name), bytes(value)) for name, value in event.headers]
    assert read_by_h11 == [(name.lower(), value) for name, value in listener.fields]
    assert event.target == listener.target
    assert connection.trailing_data == (b"", False)
    return bytes(parser.get_method()), listener.target, listener.fields


def values(fields: list[Field], name: bytes) -> list[bytes]:
    return [value for field, value in fields if field.lower() == name.lower()]


class RequestLawTests(SynchronousTestCase):
    """What went in comes out."""

    @settings(deadline=None, max_examples=150)
    @given(
        st.sampled_from([b"GET", b"POST", b"DELETE", b"OPTIONS", b"PROPFIND"]),
        TARGETS,
        FIELDS,
        st.sampled_from(
            [b"", b"Content-Length: 0", b"Content-Length: 7", b"Transfer-Encoding: chunked"]
        ),
        st.sampled_from([STRANGER, PROXY]),
    )
    def test_round_trip(
        self, method: bytes, target: bytes, fields: list[Field], framing: bytes, peer: Peer
    ) -> None:
        lines = b"%b %b HTTP/1.1\r\nHost: a:8\r\n" % (method, target)
        lines += b"".join(b"%b: %b\r\n" % field for field in fields)
        head = read(lines + (framing + b"\r\n" if framing else b""), peer.trusted)
        sent_method, sent_target, sent = forwarded(head, peer)
        self.assertEqual((sent_method, sent_target), (method, target))
        self.assertEqual(sent[0], (b"Host", b"a:8"))
        self.assertEqual(sent[1 : 1 + len(fields)], fields)
        added = [name for name, _ in sent[1 + len(fields) :]]
        expected = [b"Via", b"X-Forwarded-For", b"X-Forwarded-Proto", b"X-Forwarded-Host"]
        expected += [b"X-Request-Id", *(name for name, _ in OURS)]
        expected += [framing.partition(b":")[0]] if framing else []
        self.assertEqual(added, expected)
        self.assertEqual(sent[-1], tuple(framing.split(b": ")) if framing else OURS[-1])


class RequestTests(SynchronousTestCase):
    """What changes, line by line."""

    def sent(self, lines: bytes, peer: Peer = STRANGER, *, minor: int = 1) -> list[Field]:
        first = b"GET / HTTP/1.%d\r\nHost: a\r\n" % minor
        return forwarded(read(first + lines, peer.trusted), peer)[2]

    def test_hop_by_hop_fields_end_here(self) -> None:
        sent = self.sent(
            b"Connection: close, X-Hop\r\nCONNECTION: keep-alive, x-other, Cookie, Range\r\n"
            b"Keep-Alive: 5\r\nX-Hop: 1\r\nx-hop: 2\r\nX-OTHER: 3\r\nTE: gzip\r\nUpgrade: h2c\r\n"
            b"Proxy-Connection: x\r\nProxy-Authorization: x\r\nHTTP2-Settings: x\r\n"
            b"Cookie: a\r\nRange: b\r\nX-Stays: c\r\n"
        )
        passed = [(b"Cookie", b"a"), (b"Range", b"b"), (b"X-Stays", b"c")]
        self.assertEqual(sent[1:4], passed)
        self.assertEqual(sent[4][0], b"Via")
        self.assertEqual(values(sent, b"Connection") + values(sent, b"Upgrade"), [])

    def test_one_host(self) -> None:
        for first, host in [
            (b"GET / HTTP/1.1\r\nHost: a.example:80\r\n", b"a.example:80"),
            (b"GET http://b:81/ HTTP/1.1\r\nHost: a\r\n", b"b:81"),
            (b"GET http://b/ HTTP/1.0\r\n", b"b"),
            (b"GET / HTTP/1.0\r\n", b"pod.internal"),
        ]:
            sent = forwarded(read(first))[2]
            self.assertEqual(values(sent, b"Host"), [host])
            seen = [] if host == b"pod.internal" else [host]
            self.assertEqual(values(sent, b"X-Forwarded-Host"), seen)

    def test_absolute_form_goes_on_as_origin_form(self) -> None:
        head = read(b"GET http://b/%2F//x/../y?z=%E4? HTTP/1.1\r\nHost: a\r\n")
        self.assertEqual(forwarded(head)[1], b"/%2F//x/../y?z=%E4?")

    def test_what_strangers_say_about_themselves(self) -> None:
        sent = self.sent(
            b"X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n"
            b"X-Forwarded-Port: 1\r\nX_Forwarded_For: 2\r\nX-Real-IP: 1.1.1.1\r\nX_Real_Ip: 1\r\n"
            b"Forwarded: for=1.1.1.1\r\nX-Gitlab-Pod-Route: rule\r\nX_Gitlab_Pod_Attempt: 9\r\n"
        )
        for name, value in [
            (b"X-Forwarded-For", b"192.0.2.7"),
            (b"X-Forwarded-Proto", b"http"),
            (b"X-Forwarded-Host", b"a"),
            (b"X-Real-IP", b"192.0.2.7"),
            (b"Forwarded", b"for=192.0.2.7;proto=http"),
            (b"X-Gitlab-Pod-Route", b"cache"),
            (b"X-Gitlab-Pod-Attempt", b"1"),
        ]:
            self.assertEqual(values(sent, name), [value], name)
        self.assertEqual([n for n, _ in sent if b"_" in n or n.lower() == b"x-forwarded-port"], [])

    def test_what_trusted_proxies_say(self) -> None:
        sent = self.sent(
            b"X-Forwarded-For: 1.1.1.1, 2.2.2.2\r\nx-forwarded-for: 3.3.3.3\r\n"
            b"X-Forwarded-Proto: http\r\nX-Forwarded-Host: shop\r\nX-Forwarded-Port: 80\r\n"
            b"X-Real-IP: 1.1.1.1\r\nForwarded: for=1.1.1.1\r\nForwarded: for=2.2.2.2\r\n"
            b"X_Forwarded_For: 2\r\nX-Gitlab-Pod-Route: rule\r\n",
            PROXY,
        )
        for name, value in [
            (b"X-Forwarded-For", b"1.1.1.1, 2.2.2.2, 3.3.3.3, 127.0.0.1"),
            (b"X-Forwarded-Proto", b"http"),
            (b"X-Forwarded-Host", b"shop"),
            (b"X-Forwarded-Port", b"80"),
            (b"X-Real-IP", b"1.1.1.1"),
            (b"Forwarded", b"for=1.1.1.1, for=2.2.2.2, for=127.0.0.1;proto=https"),
            (b"X-Gitlab-Pod-Route", b"cache"),
        ]:
            self.assertEqual(values(sent, name), [value], name)
        self.assertEqual([name for name, _ in sent if b"_" in name], [])

    def test_trusted_proxies_that_say_nothing(self) -> None:
        sent = self.sent(b"", PROXY)
        for name, found in [
            (b"X-Forwarded-For", [b"127.0.0.1"]),
            (b"X-Forwarded-Proto", [b"https"]),
            (b"X-Forwarded-Host", [b"a"]),
            (b"X-Real-IP", []),
            (b"Forwarded", []),
        ]:
            self.assertEqual(values(sent, name), found, name)

    def test_addresses_in_forwarded(self) -> None:
        for address, element in [
            ("2001:db8::7", b'for="[2001:db8::7]";proto=http'),
            ("unix:", b"for=unknown;proto=http"),
            ("192.0.2.7", b"for=192.0.2.7;proto=http"),
        ]:
            sent = self.sent(b"Forwarded: for=evil\r\n", Peer(address, b"http"))
            self.assertEqual(values(sent, b"Forwarded"), [element])
            self.assertEqual(values(sent, b"X-Forwarded-For"), [address.encode()])

    def test_via(self) -> None:
        sent = self.sent(b"Via: 1.0 x, 1.1 y\r\nvia: 1.1 z\r\n")
        self.assertEqual(values(sent, b"Via"), [b"1.0 x, 1.1 y, 1.1 z, 1.1 pods-router"])
        self.assertEqual(values(self.sent(b"", minor=0), b"Via"), [b"1.0 pods-router"])

    def test_request_id_is_the_one_given(self) -> None:
        self.assertEqual(values(self.sent(b"X-Request-Id: mine\r\n"), b"X-Request-Id"), [b"id-1"])

    def test_websocket(self) -> None:
        sent = self.sent(
            b"Upgrade: WebSocket\r\nConnection: Upgrade\r\nTE: trailers\r\nSec-WebSocket-Key: k\r\n"
        )
        self.assertEqual(values(sent, b"Upgrade"), [b"websocket"])
        self.assertEqual(values(sent, b"Connection"), [b"Upgrade"])
        self.assertEqual(values(sent, b"Sec-WebSocket-Key"), [b"k"])

    def test_trailers(self) -> None:
        for te, wanted in [
            (b"trailers", True),
            (b"gzip, Trailers", True),
            (b"gzip\r\nTE: trailers", True),
            (b"gzip", False),
            (b"trailersx", False),
        ]:
            head = read(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: TE\r\nTE: " + te + b"\r\n")
            self.assertEqual(wants_trailers(head), wanted, te)
            sent = forwarded(head)[2]
            self.assertEqual(values(sent, b"TE"), [b"trailers"] if wanted else [])
            self.assertEqual(values(sent, b"Connection"), [b"TE"] if wanted else [])

    def test_expect(self) -> None:
        head = read(b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n")
        for expects, sent in ((True, [b"100-continue"]), (False, [])):
            fields = forwarded(head, expects_continue=expects)[2]
            self.assertEqual(values(fields, b"Expect"), sent)

    def test_http_1_0_goes_on_as_1_1(self) -> None:
        lines = b"POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\n"
        sent = forwarded(read(lines))[2]
        self.assertEqual(values(sent, b"Content-Length"), [b"5"])
        self.assertEqual(values(sent, b"Connection"), [])


def response(fields: list[Field], status: int = 200, reason: bytes = b"OK") -> ResponseHead:
    return response_head(fields, status, reason)


def to_client(
    head: ResponseHead, *, chunked: bool = False, keep_alive: bool = True, minor: int = 1
) -> Any:
    """The h11 event that a client reads."""
    data = response_to_client(
        head, chunked=chunked, keep_alive=keep_alive, client_minor_version=minor
    )
    connection = h11.Connection(h11.CLIENT)
    asked = [("Connection", "Upgrade"), ("Upgrade", "websocket")] if head.status == 101 else []
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "a"), *asked]))
    connection.receive_data(data)
    event = connection.next_event()
    parser = httptools.HttpResponseParser(Listener())
    if head.status != 101:
        parser.feed_data(data)
        assert parser.get_status_code() == head.status
    return event


def fields_of(event: Any) -> list[Field]:
    return [(bytes(name), bytes(value)) for name, value in event.headers]


class ResponseTests(SynchronousTestCase):
    """What the client gets."""

    @settings(deadline=None, max_examples=150)
    @given(
        st.integers(200, 599).filter(lambda status: status not in (204, 304)),
        st.sampled_from([b"OK", b"", b"Not Found", b"\xe9 x"]),
        st.lists(st.tuples(st.sampled_from([b"Set-Cookie", b"ETag", b"Via", b"x_y"]), VALUES)),
        st.sampled_from([b"Content-Length", b"Transfer-Encoding", b""]),
        st.booleans(),
    )
    def test_round_trip(
        self, status: int, reason: bytes, fields: list[Field], framing: bytes, keep_alive: bool
    ) -> None:
        value = {b"Content-Length": b"7", b"Transfer-Encoding": b"chunked", b"": b""}[framing]
        framed = [(framing, value)] if framing else []
        head = response([*framed, *fields], status, reason)
        chunked = head.content_length is None
        event = to_client(head, chunked=chunked, keep_alive=keep_alive)
        self.assertEqual((event.status_code, bytes(event.reason)), (status, reason))
        expected = [(name.lower(), value) for name, value in fields]
        expected += [(b"transfer-encoding", b"chunked") if chunked else (b"content-length", b"7")]
        expected += [] if keep_alive else [(b"connection", b"close")]
        self.assertEqual(fields_of(event), expected)

    def test_statuses_without_a_body(self) -> None:
        length = (b"Content-Length", b"7")
        for status, kept in [(204, []), (304, [(b"content-length", b"7")]), (103, [])]:
            self.assertEqual(fields_of(to_client(response([length], status))), kept)
            self.assertEqual(fields_of(to_client(response([], status))), [])

    def test_interim_responses_say_nothing_about_the_connection(self) -> None:
        for minor in (0, 1):
            data = response_to_client(
                CONTINUE, chunked=False, keep_alive=False, client_minor_version=minor
            )
            self.assertEqual(data, b"HTTP/1.1 100 Continue\r\n\r\n")

    def test_http_1_0(self) -> None:
        head = response([(b"Content-Length", b"7")])
        for keep_alive, option in ((True, b"keep-alive"), (False, b"close")):
            fields = fields_of(to_client(head, keep_alive=keep_alive, minor=0))
            self.assertEqual(values(fields, b"connection"), [option])
        fields = fields_of(to_client(response([]), keep_alive=False, minor=0))
        self.assertEqual(fields, [(b"connection", b"close")])

    def test_switching_protocols(self) -> None:
        accept = (b"Sec-WebSocket-Accept", b"x")
        pods = [(b"Connection", b"Upgrade"), (b"Upgrade", b"websocket"), accept]
        head = response(pods, 101, b"Switching Protocols")
        fields = fields_of(to_client(head, keep_alive=False))
        self.assertEqual(values(fields, b"upgrade"), [b"websocket"])
        self.assertEqual(values(fields, b"connection"), [b"Upgrade"])
        self.assertEqual(values(fields, b"sec-websocket-accept"), [b"x"])

    def test_the_pods_own_fields_stay_inside(self) -> None:
        names = [b"X-Gitlab-Pod-Redirect", b"x-gitlab-pod-cache", b"X_Gitlab_Pod_X", b"Keep-Alive"]
        hop = [(b"Connection", b"close, X-Hop"), (b"X-Hop", b"1"), (b"Upgrade", b"h2c")]
        fields = [*((name, b"1") for name in names), *hop, (b"Content-Length", b"0")]
        self.assertEqual(fields_of(to_client(response(fields))), [(b"content-length", b"0")])
