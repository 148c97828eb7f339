"""The head of a request: however it is cut, what goes to the pod is what was understood."""

from __future__ import annotations

from typing import Any

import h11

from pods.errors import Refusal
from pods.http1.fields import FieldKinds, field_of, request_kinds
from pods.http1.forwarding import Peer, request_to_pod
from pods.http1.heads import HeadLimits, RawRequest, RequestHeadReader
from pods.http1.request import RequestHead
from tests.fuzz.target import Target, cuttings, fed, promise, same, whole
from tests.support_heads import all_pass, lines

PREFIX = "X-Gitlab-Pod-"
COOKIE = "_r"
OURS = [(b"X-Gitlab-Pod-Route", b"cache"), (b"X-Gitlab-Pod-Attempt", b"1")]
OUR_LINES = b"\r\n".join(lines(OURS))
PEERS = (Peer("192.0.2.7", b"http"), Peer("unix:", b"https", trusted=True))
LIMITS = (HeadLimits(), HeadLimits(header_bytes=120, header_count=4, url_bytes=24))
EVENT_LIMIT_BYTES = 1_000_000


def check(data: bytes) -> bool:
    """Read it in every way; if it is a request, pass it on."""
    message, ways = cuttings(data)
    for limits in LIMITS:
        first, *others = [outcome(limits, parts) for parts in ways]
        for other in others:
            same(first, other, "the cut makes a difference")
    accepted = [passed_on(message, peer) for peer in PEERS]  # all of them are tried
    return all(accepted)


def read(
    limits: HeadLimits, kinds: FieldKinds, parts: list[bytes]
) -> tuple[RawRequest, bytes] | type | None:
    try:
        return fed(RequestHeadReader(limits, kinds).feed, parts)
    except Refusal as error:
        return type(error)


def outcome(limits: HeadLimits, parts: list[bytes]) -> Any:
    """What came of it, to be compared."""
    result = read(limits, all_pass(), parts)
    if not isinstance(result, tuple):
        return result
    raw, rest = result
    return raw.method, raw.target, raw.minor_version, raw.section.lines, rest


def passed_on(message: bytes, peer: Peer) -> bool:
    """Whether it goes to a pod; if so, it must arrive as it was understood."""
    kinds = request_kinds(PREFIX, peer.trusted, COOKIE)
    raw = read(HeadLimits(), kinds, [message])
    if not isinstance(raw, tuple):
        return False
    try:
        head = RequestHead.read(raw[0], kinds)
    except Refusal:
        return False
    sent = request_to_pod(
        head, peer, b"id-1", OUR_LINES, host=b"pod", expects_continue=head.expects_continue
    )
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=EVENT_LIMIT_BYTES)
    connection.receive_data(sent)
    event: Any = connection.next_event()
    promise(isinstance(event, h11.Request), "the pod reads no request", sent)
    same(connection.trailing_data, (b"", False), "bytes are left over")
    same((event.method, event.target), (head.method, head.target), "another request line")
    check_fields(head, [(bytes(name), bytes(value)) for name, value in event.headers])
    return True


def check_fields(head: RequestHead, fields: list[tuple[bytes, bytes]]) -> None:
    values: dict[bytes, list[bytes]] = {}
    for name, value in fields:
        values.setdefault(name, []).append(value)
    length = [] if head.content_length is None else [b"%d" % head.content_length]
    same(values[b"host"], [head.host or b"pod"], "another host")
    same(values.get(b"content-length", []), length, "another length")
    same(values.get(b"transfer-encoding", []), [b"chunked"] * head.chunked, "another framing")
    same(values.get(b"upgrade", []), [b"websocket"] * head.upgrade, "another upgrade")
    promise(not (head.chunked and length), "two framings")
    ours = [field for field in fields if field[0].startswith(PREFIX.lower().encode())]
    same(ours, [(name.lower(), value) for name, value in OURS], "the client speaks for us")
    pairs = b";".join(values.get(b"cookie", [])).split(b";")
    names = [pair.partition(b"=")[0].strip(b" \t") for pair in pairs]
    promise(COOKIE.encode() not in names, "our own cookie goes on", fields)
    if head.forwards_left is None:
        passing = [(name.lower(), value) for name, value in map(field_of, head.lines)]
        same(fields[1 : 1 + len(passing)], passing, "other fields")


GET = b"GET /a?b HTTP/1.1\r\nHost: a\r\n"
TARGET = Target(
    check,
    seeds=(
        whole(GET + b"\r\n"),
        whole(GET + b"Accept: */*\r\nCookie: a=b; c\r\nX-Empty:\r\naccept: \xe9 \r\n\r\n"),
        whole(GET + b"Cookie: a=b; _r=c\r\nCookie: _r=d;\r\ncookie:;;\r\n\r\n"),
        whole(b"\r\n" + GET + b"Connection: close, x-hop\r\nX-Hop: 1\r\n\r\nGET /next"),
        whole(b"POST http://b:8/c HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"),
        whole(b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n"),
        whole(b"OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 4\r\nVia: 1.1 pods-router\r\n\r\n"),
        whole(GET + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n"),
        whole(GET + b"X-Forwarded-For: 10.0.0.1\r\nForwarded: for=x\r\nX-Real-IP: 1\r\n\r\n"),
        whole(b"GET / HTTP/1.0\r\n\r\n"),
        whole(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"),
        whole(GET + b"X-Gitlab-Pod-Route: x\r\nX_Forwarded_For: y\r\n\r\n"),
        whole(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n"),
        whole(GET + b"A: b\n\r\n"),
        whole(b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ),
    words=(
        b"\r\n", b"\r\n\r\n", b": ", b" HTTP/1.1\r\n", b"HTTP/1.0", b"Host: ", b"\r\nConnection: ",
        b"\r\nContent-Length: ", b"\r\nTransfer-Encoding: chunked", b"\r\nExpect: 100-continue",
        b"\r\nUpgrade: websocket", b"\r\nMax-Forwards: 0", b"\r\nVia: 1.1 pods-router",
        b"\r\nX-Forwarded-Host: ", b"http://", b"OPTIONS ", b"CONNECT ", b"X-Gitlab-Pod-",
        b"\r\nCookie: ", b"_r=", b"; _r=",
    ),
)  # fmt: skip
