"""A 404 on its way out that has to wait."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pods.http1.fields import Field
from pods.http1.response import ResponseHead
from pods.interfaces import Clock

#: What of its body is kept, so that the pod's connection is free while it waits.
HELD_LIMIT_BYTES = 65_536


class HeldResponse:
    """A response that is kept back.

    :param head: its head.
    """

    def __init__(self, head: ResponseHead) -> None:
        self.head = head
        self.chunks: list[bytes] = []
        self.trailers: list[Field] | None = None  #: None until it is complete
        self._size = 0
        self._call: Any = None

    def append(self, data: bytes) -> bool:
        """Keep some of the body; False if the pod should send no more for now."""
        self.chunks.append(data)
        self._size += len(data)
        return self._size < HELD_LIMIT_BYTES

    def end(self, trailers: list[Field]) -> None:
        """The body is complete."""
        self.trailers = trailers

    @property
    def is_waiting(self) -> bool:
        """Whether it is known when it may leave."""
        return self._call is not None

    def wait(self, clock: Clock, seconds: float, then: Callable[[], None]) -> None:
        """Call in ``seconds``; at once if that is not in the future.

        :raises ValueError: it would be never.
        """
        if not math.isfinite(seconds):
            raise ValueError(f"a 404 cannot be released in {seconds} seconds")
        if seconds <= 0:
            then()
        else:
            self._call = clock.callLater(seconds, then)

    def cancel(self) -> None:
        """The client has left."""
        if self._call is not None and self._call.active():
            self._call.cancel()
