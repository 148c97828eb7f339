"""A 404 on its way out that has to wait."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from twisted.logger import Logger

from pods.counters import Counters
from pods.errors import AtLimit, StrategyFailed
from pods.http1.fields import Field
from pods.http1.response import ResponseHead
from pods.interfaces import Clock

#: What of its body is kept, so that the pod's connection is free while it waits.
HELD_LIMIT_BYTES = 65_536

_log = Logger()


class HeldResponse:
    """A response that is kept back.

    :param head: its head.
    :param counters: count those that wait.
    :param limit: how many may wait at a time.
    """

    def __init__(self, head: ResponseHead, counters: Counters, limit: int) -> None:
        self.head = head
        self.chunks: list[bytes] = []
        self.trailers: list[Field] | None = None  #: None until it is complete
        self._counters = counters
        self._limit = limit
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

    def wait(
        self, clock: Clock, release_at: Callable[[float], float], then: Callable[[], None]
    ) -> None:
        """Call when it may leave; at once if that is not in the future.

        :param release_at: the delay policy's: from the time now to that time.
        :raises StrategyFailed: the policy failed, or said never.
        :raises AtLimit: too many wait already; none of them leaves earlier for that.
        """
        now = clock.seconds()
        try:
            seconds = release_at(now) - now
            if not math.isfinite(seconds):
                raise ValueError(f"a 404 cannot be released in {seconds} seconds")
        except Exception:
            _log.failure("The delay policy failed")
            raise StrategyFailed("The router failed.", "the delay policy failed") from None
        if seconds <= 0:
            then()
        elif self._counters.not_found_waiting >= self._limit:
            raise AtLimit("Too many responses wait.", "over limits.held_not_found")
        else:
            self._counters.not_found_held += 1
            self._counters.not_found_waiting += 1
            self._call = clock.callLater(seconds, self._release, then)

    def cancel(self) -> None:
        """The client has left."""
        if self._call is not None and self._call.active():
            self._counters.not_found_waiting -= 1
            self._call.cancel()

    def _release(self, then: Callable[[], None]) -> None:
        self._counters.not_found_waiting -= 1
        then()
