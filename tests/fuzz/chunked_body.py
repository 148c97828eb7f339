"""A body in chunks: however it is cut, it ends where others see its end."""

from __future__ import annotations

from typing import Any

import h11

from pods.http1.fields import Field
from pods.http1.framing import ChunkedReader, FramingError, allowed_trailers, chunk, last_chunk
from tests.fuzz.target import Target, cuttings, promise, same, whole

HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENT_LIMIT_BYTES = 1_000_000
#: Payload, what comes after the body (None: it is incomplete), trailers.
Body = tuple[bytes, bytes | None, list[Field]]


def check(data: bytes) -> bool:
    """Read it in every way; if it is a body, pass it on."""
    message, ways = cuttings(data)
    ours, *others = [outcome(parts) for parts in ways]
    for other in others:
        same(ours, other, "the cut makes a difference")
    theirs = read_by_h11(message)
    if theirs is None or not isinstance(ours, tuple):
        return False
    if ours[1] is None:
        promise(theirs[1] is None, "others see an end and we do not", theirs)
        return False
    same(without_lengths(ours), without_lengths(theirs), "others read another body")
    check_passed_on(ours)
    return True


def without_lengths(body: Body) -> Body:
    """The body without what its trailers say of lengths, none of which goes on: h11 makes one of
    several that are equal."""
    payload, rest, trailers = body
    return payload, rest, [field for field in trailers if field[0].lower() != b"content-length"]


def outcome(parts: list[bytes]) -> Body | type:
    """What our reader makes of it; of a broken body only that it is broken."""
    reader, payload = ChunkedReader(), b""
    try:
        for index, part in enumerate(parts):
            data, rest = reader.feed(part)
            payload += data
            if rest is not None:
                return payload, rest + b"".join(parts[index + 1 :]), reader.trailers
    except FramingError as error:
        return type(error)
    return payload, None, reader.trailers


def read_by_h11(message: bytes) -> Body | None:
    """What h11 makes of it, names of trailers as they were sent; None if it refuses."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=EVENT_LIMIT_BYTES)
    connection.receive_data(HEAD + message)
    payload = b""
    try:
        while True:
            event: Any = connection.next_event()
            if isinstance(event, h11.Data):
                payload += event.data
            elif isinstance(event, h11.EndOfMessage):
                trailers = [(bytes(name), bytes(value)) for name, value in raw_items(event)]
                return payload, connection.trailing_data[0], trailers
            elif not isinstance(event, h11.Request):
                return payload, None, []
    except h11.RemoteProtocolError:
        return None


def raw_items(event: h11.EndOfMessage) -> list[tuple[bytes, bytes]]:
    return event.headers.raw_items()


def check_passed_on(body: Body) -> None:
    """What goes on is read as the same body, by us and by others."""
    payload, _, trailers = body
    passing = allowed_trailers(trailers, b"x-gitlab-pod-")
    sent = (chunk(payload) if payload else b"") + last_chunk(passing)
    expected = (payload, b"", passing)
    same(outcome([sent]), expected, "we read what we sent differently")
    same(read_by_h11(sent), expected, "others read what we sent differently")


TARGET = Target(
    check,
    seeds=(
        whole(b"3\r\nabc\r\n0\r\n\r\n"),
        whole(b"0\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
        whole(b'0a;x="y z"\r\n0123456789\r\n1;a\r\nb\r\n000\r\nX-Sum: 1\r\n\r\n'),
        whole(b"0\r\nContent-Type: a\r\nX-Gitlab-Pod-Cache: b\r\nX-A:\r\n\r\n"),
        whole(b"5\r\nab"),
        whole(b"3\nabc\r\n0\r\n\r\n"),
        whole(b"0x3\r\nabc\r\n0\r\n\r\n"),
        whole(b"3\r\nabcd\r\n0\r\n\r\n"),
        whole(b"7fffffffffffffff\r\na"),
    ),
    words=(
        b"\r\n", b"0\r\n\r\n", b"\r\n\r\n", b";a=b", b";", b"1\r\na\r\n", b"0000000000000000",
        b"ffffffffffffffff", b"X-A: b\r\n", b"Content-Length: 1\r\n", b"\n", b"\r",
    ),
    findings=(
        b"\0\0\0\x000\r\nob:\r\nX-A:\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
    ),
)  # fmt: skip
