"""A strict reader of requests that shares no code with the router."""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs

LINE = re.compile(rb"([A-Z-]+) (/[\x21-\x7e]*|\*) HTTP/1\.1")
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t\x20-\x7e\x80-\xff]*)")
CHUNK = re.compile(rb"([0-9a-f]+)\r\n")


class Malformed(Exception):
    """These bytes are no request as a router should write it."""


@attrs.frozen
class Message:
    """One complete request."""

    method: bytes
    target: bytes
    body_length: int
    fields: Mapping[bytes, list[bytes]]  #: values by names in lower case, trailers included
    end: int  #: how many bytes it takes


def read_all(data: bytes) -> tuple[list[Message], bytes]:
    """All complete requests in a stream, and the rest.

    :raises Malformed: as soon as something is wrong.
    """
    messages: list[Message] = []
    while data and (message := read(data)) is not None:
        messages.append(message)
        data = data[message.end :]
    return messages, data


def read(data: bytes) -> Message | None:
    """The first request in a stream, or None while it is incomplete.

    :raises Malformed: it is none.
    """
    end = data.find(b"\r\n\r\n") + 4
    if end < 4:
        return None
    line, *rest = data[: end - 4].split(b"\r\n")
    match = LINE.fullmatch(line)
    if match is None:
        raise Malformed(f"request line {line[:80]!r}")
    fields = read_fields(rest)
    if len(fields.get(b"host", ())) != 1:
        raise Malformed("not one Host")
    extent = body_extent(data, end, fields)
    return None if extent is None else Message(match[1], match[2], extent[0], fields, extent[1])


def read_fields(lines: list[bytes]) -> dict[bytes, list[bytes]]:
    fields: dict[bytes, list[bytes]] = {}
    for line in lines:
        match = FIELD.fullmatch(line)
        if match is None:
            raise Malformed(f"field {line[:80]!r}")
        fields.setdefault(match[1].lower(), []).append(match[2])
    return fields


def body_extent(
    data: bytes, start: int, fields: dict[bytes, list[bytes]]
) -> tuple[int, int] | None:
    """``(length, end)`` of the body, or None while it is incomplete."""
    lengths, codings = fields.get(b"content-length", []), fields.get(b"transfer-encoding", [])
    if len(lengths) + len(codings) > 1:
        raise Malformed("more than one framing")
    if codings:
        return chunks_extent(data, start, codings[0], fields)
    if lengths and not re.fullmatch(rb"0|[1-9][0-9]{0,18}", lengths[0]):
        raise Malformed(f"Content-Length {lengths[0]!r}")
    length = int(lengths[0]) if lengths else 0
    return (length, start + length) if len(data) >= start + length else None


def chunks_extent(
    data: bytes, at: int, coding: bytes, fields: dict[bytes, list[bytes]]
) -> tuple[int, int] | None:
    if coding != b"chunked":
        raise Malformed(f"Transfer-Encoding {coding!r}")
    length = 0
    while match := CHUNK.match(data, at):
        size = int(match[1], 16)
        if not size:
            return trailers_extent(data, length, match.end(), fields)
        at = match.end() + size + 2
        length += size
        if len(data) >= at and data[at - 2 : at] != b"\r\n":
            raise Malformed("a chunk without its end")
    if b"\n" in data[at:]:
        raise Malformed(f"chunk size {data[at : at + 20]!r}")
    return None


def trailers_extent(
    data: bytes, length: int, at: int, fields: dict[bytes, list[bytes]]
) -> tuple[int, int] | None:
    end = data.find(b"\r\n\r\n", at - 2)
    if end < 0:
        return None
    trailers = read_fields(data[at:end].split(b"\r\n") if end > at else [])
    for name, values in trailers.items():
        fields.setdefault(name, []).extend(values)
    return length, end + 4
