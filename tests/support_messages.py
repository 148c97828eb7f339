"""HTTP messages as tests write and read them; shares nothing with the code under test."""

from __future__ import annotations

import json
from typing import Any

import attrs


@attrs.frozen
class Message:
    """A request or a response, as it stood on the wire."""

    first_line: bytes
    fields: list[tuple[str, str]]
    body: bytes
    trailers: list[tuple[str, str]] = attrs.field(factory=list)

    @property
    def status(self) -> int:
        """Of a response."""
        return int(self.first_line.split(b" ")[1])

    @property
    def target(self) -> bytes:
        """Of a request."""
        return self.first_line.split(b" ")[1]

    def get(self, name: str) -> str | None:
        """The value of a field, or None; there must not be two."""
        values = [value for field, value in self.fields if field.lower() == name.lower()]
        assert len(values) <= 1, f"{name} is there {len(values)} times"
        return values[0] if values else None


def parse(
    data: bytes, *, to_head: bool = False, is_ended: bool = False
) -> tuple[Message, bytes] | None:
    """The first message and what follows it, or None while it is not complete."""
    head, end, rest = data.partition(b"\r\n\r\n")
    if not end:
        return None
    first_line, *lines = head.split(b"\r\n")
    message = Message(first_line, [_field(line) for line in lines], b"")
    is_response = first_line.startswith(b"HTTP/")
    if is_response and (to_head or message.status < 200 or message.status in (204, 304)):
        return message, rest
    if message.get("Transfer-Encoding") == "chunked":
        return _chunked(message, rest)
    length = message.get("Content-Length")
    if length is None and is_response:
        return (attrs.evolve(message, body=rest), b"") if is_ended else None
    size = int(length or 0)
    return (attrs.evolve(message, body=rest[:size]), rest[size:]) if len(rest) >= size else None


def _chunked(message: Message, data: bytes) -> tuple[Message, bytes] | None:
    body = b""
    while True:
        line, end, data = data.partition(b"\r\n")
        if not end:
            return None
        size = int(line, 16)
        if size == 0:
            break
        if len(data) < size + 2 or data[size : size + 2] != b"\r\n":
            return None
        body, data = body + data[:size], data[size + 2 :]
    trailers = []
    while not data.startswith(b"\r\n"):
        line, end, data = data.partition(b"\r\n")
        if not end:
            return None
        trailers.append(_field(line))
    return attrs.evolve(message, body=body, trailers=trailers), data[2:]


def _field(line: bytes) -> tuple[str, str]:
    name, _, value = line.decode("latin-1").partition(":")
    return name, value.strip(" ")


def request(method: str, target: str, *fields: str, body: bytes | None = None) -> bytes:
    """A request of HTTP/1.1; its length is told if there is a body."""
    lines = [f"{method} {target} HTTP/1.1", "Host: example.org", *fields]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def get(target: str, *fields: str) -> bytes:
    """A GET."""
    return request("GET", target, *fields)


def chunked(method: str, target: str, *fields: str) -> bytes:
    """The head of a request whose body comes in chunks."""
    return request(method, target, "Transfer-Encoding: chunked", *fields)


def chunk(data: bytes) -> bytes:
    """A chunk; the last one if there is no data."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def response(status: int, body: bytes = b"", *fields: str) -> bytes:
    """A response whose length is told."""
    lines = [f"HTTP/1.1 {status} Some Reason", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def head_of_response(status: int, *fields: str) -> bytes:
    """The head of a response; how its body is framed is for the fields to say."""
    return "\r\n".join([f"HTTP/1.1 {status} Some Reason", *fields, "", ""]).encode("latin-1")


def bounce(pod: str, *, once: bool = False, status: int = 307, body: bytes = b"not mine") -> bytes:
    """The answer of a pod that another pod should be asked."""
    value: dict[str, Any] = {"pod": pod} | ({"once": True} if once else {})
    fields = (f"X-Gitlab-Pod-Redirect: {json.dumps(value)}", "Set-Cookie: of-the-wrong-pod=1")
    return response(status, body, "Location: https://wrong.example/", *fields)


def teaching(prefix: str, **more: Any) -> str:
    """The field by which a pod teaches a route."""
    key = "path" if more.get("exact") else "path_prefix"
    return "X-Gitlab-Pod-Cache: " + json.dumps({key: prefix} | more)
