"""The head of a pod's response: however it is cut, the client gets what was understood."""

from __future__ import annotations

from typing import Any

import h11

from pods.errors import BadResponse
from pods.http1.fields import FieldKinds, field_of, response_kinds
from pods.http1.forwarding import response_to_client
from pods.http1.heads import HeadLimits, RawResponse, ResponseHeadReader
from pods.http1.response import ResponseHead
from tests.fuzz.target import Target, cuttings, fed, promise, same, whole
from tests.support_heads import all_pass

PREFIX = "X-Gitlab-Pod-"
COOKIE = "_r"
LIMITS = (HeadLimits(), HeadLimits(header_bytes=80, header_count=3))
EVENT_LIMIT_BYTES = 1_000_000


def check(data: bytes) -> bool:
    """Read it in every way; if it is a response, pass it on to every kind of client."""
    message, ways = cuttings(data)
    for limits in LIMITS:
        first, *others = [outcome(limits, parts) for parts in ways]
        for other in others:
            same(first, other, "the cut makes a difference")
    cases = [(to_head, minor) for to_head in (False, True) for minor in (0, 1)]
    accepted = [passed_on(message, to_head, minor) for to_head, minor in cases]  # all are tried
    return all(accepted)


def read(
    limits: HeadLimits, kinds: FieldKinds, parts: list[bytes]
) -> tuple[RawResponse, bytes] | type | None:
    try:
        return fed(ResponseHeadReader(limits, kinds).feed, parts)
    except BadResponse as error:
        return type(error)


def outcome(limits: HeadLimits, parts: list[bytes]) -> Any:
    """What came of it, to be compared."""
    result = read(limits, all_pass(), parts)
    if not isinstance(result, tuple):
        return result
    raw, rest = result
    return raw.status, raw.reason, raw.minor_version, raw.lines, rest


def passed_on(message: bytes, to_head: bool, client_minor: int) -> bool:
    """Whether it goes to a client; if so, it must arrive as it was understood."""
    kinds = response_kinds(PREFIX, COOKIE)
    raw = read(HeadLimits(), kinds, [message])
    if not isinstance(raw, tuple):
        return False
    try:
        head = ResponseHead.read(raw[0], kinds, to_head)
    except BadResponse:
        return False
    chunked = head.has_body and head.content_length is None and client_minor == 1
    sent = response_to_client(
        head, chunked=chunked, keep_alive=head.keep_alive, client_minor_version=client_minor
    )
    event = received(sent, b"HEAD" if to_head else b"GET")
    same((event.status_code, event.reason), (head.status, head.reason), "another status line")
    fields = [(bytes(name), bytes(value)) for name, value in event.headers]
    check_fields(head, fields, chunked)
    return True


def received(sent: bytes, method: bytes) -> Any:
    """The response as a client reads it that asked for an upgrade."""
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=EVENT_LIMIT_BYTES)
    fields = [(b"Host", b"a"), (b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")]
    connection.send(h11.Request(method=method, target=b"/", headers=fields))
    connection.send(h11.EndOfMessage())
    connection.receive_data(sent)
    event = connection.next_event()
    kinds = (h11.Response, h11.InformationalResponse)
    promise(isinstance(event, kinds), "the client reads no response", sent)
    same(connection.trailing_data[0], b"", "bytes are left over")
    return event


def check_fields(head: ResponseHead, fields: list[tuple[bytes, bytes]], chunked: bool) -> None:
    passing = [(name.lower(), value) for name, value in map(field_of, head.lines)]
    same(fields[: len(passing)], passing, "other fields")
    framings = [value for name, value in fields if name == b"content-length"]
    codings = [value for name, value in fields if name == b"transfer-encoding"]
    same(codings, [b"chunked"] * chunked, "another framing")
    promise(len(framings + codings) <= 1, "two framings", fields)
    if framings:
        same(framings, [b"%d" % (head.content_length or 0)], "another length")
    ours = [name for name, _ in fields if name.startswith(PREFIX.lower().encode())]
    same(ours, [], "the client sees what is between pod and router")
    pairs = [value.partition(b";")[0] for name, value in fields if name == b"set-cookie"]
    names = [pair.partition(b"=")[0].strip(b" \t") for pair in pairs]
    promise(COOKIE.encode() not in names, "the pod sets our own cookie", fields)


TARGET = Target(
    check,
    seeds=(
        whole(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"),
        whole(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n"),
        whole(b"HTTP/1.0 404 Not Found\r\nContent-Type: a/b\r\n\r\n"),
        whole(b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"),
        whole(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204\r\n\r\n"),
        whole(b'HTTP/1.1 307 Go\r\nX-Gitlab-Pod-Redirect: {"pod": "b"}\r\nLocation: /\r\n\r\n'),
        whole(b"HTTP/1.1 426 No\r\nUpgrade: h2c\r\nConnection: Upgrade, x-a\r\nX-A: 1\r\n\r\n"),
        whole(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nSet-Cookie: a=b\r\n\r\n"),
        whole(b"HTTP/1.1 204 No\r\nSet-Cookie: _r=b; Path=/\r\nset-cookie: a=_r\r\n\r\n"),
        whole(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
        whole(b"HTTP/2 200\r\n\r\n"),
    ),
    words=(
        b"\r\n", b"\r\n\r\n", b": ", b"HTTP/1.1 ", b"HTTP/1.0 ", b"\r\nContent-Length: ",
        b"\r\nTransfer-Encoding: chunked", b"\r\nConnection: ", b"\r\nUpgrade: ", b"keep-alive",
        b"\r\nX-Gitlab-Pod-Cache: ", b"101", b"204", b"304", b"426", b"999",
        b"\r\nSet-Cookie: ", b"_r=",
    ),
)  # fmt: skip
