"""Request bodies whose beginning was looked at: the application gets all of them."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

Receive = Callable[[], Awaitable[dict[str, Any]]]


class Replayed(io.RawIOBase):
    """A WSGI body, from its beginning.

    :param begun: what was read of it.
    :param rest: where the rest is read from.
    :param left_bytes: so long is the rest; None: it ends by itself.
    """

    def __init__(self, begun: bytes, rest: Any, left_bytes: int | None) -> None:
        super().__init__()
        self._begun = memoryview(begun)
        self._rest = rest
        self._left = left_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        wanted = len(buffer)
        if self._begun:
            data = bytes(self._begun[:wanted])
            self._begun = self._begun[wanted:]
        else:
            data = self._next(wanted)
        buffer[: len(data)] = data
        return len(data)

    def read(self, size: int | None = -1) -> bytes:
        """``size`` bytes, or what there is if the body ends before.

        Servers' bodies wait for all of them, and applications rely on it.
        """
        if size is None or size < 0:
            return self.readall()
        parts, length = [], 0
        while length < size and (data := super().read(size - length)):
            parts.append(data)
            length += len(data)
        return b"".join(parts)

    def _next(self, wanted: int) -> bytes:
        if self._left is not None:
            wanted = min(wanted, self._left)
        data: bytes = self._rest.read(wanted) if wanted else b""
        if self._left is not None:
            self._left -= len(data)
        return data


class Peeked:
    """An ASGI request's messages, of which some were looked at."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._kept: deque[dict[str, Any]] = deque()

    @property
    def is_used(self) -> bool:
        """Whether there are messages that the application has not got."""
        return bool(self._kept)

    async def body(self, limit_bytes: int) -> bytes:
        """The body's first bytes."""
        begun, more = b"", True
        while more and len(begun) < limit_bytes:
            message = await self._receive()
            self._kept.append(message)
            begun += message.get("body", b"")
            more = message["type"] == "http.request" and message.get("more_body", False)
        return begun[:limit_bytes]

    async def receive(self) -> dict[str, Any]:
        """The next message for the application."""
        return self._kept.popleft() if self._kept else await self._receive()
