"""A 404 on its way out that has to wait."""

from __future__ import annotations

import math
from collections.abc import Callable

from twisted.logger import Logger

from pods.errors import AtLimit, Refusal, StrategyFailed
from pods.http1.fields import Field
from pods.http1.response import ResponseHead
from pods.releases import Release, Releases

#: What of its body is kept, so that the pod's connection is free while it waits.
HELD_LIMIT_BYTES = 65_536

_log = Logger()


class HeldResponse:
    """A response that is kept back.

    :param head: its head.
    :param releases: where it waits.
    """

    def __init__(self, head: ResponseHead, releases: Releases) -> None:
        self.head = head
        self.chunks: list[bytes] = []
        self.trailers: list[Field] | None = None  #: None until it is complete
        #: What leaves in its place, and not a moment earlier: too many wait already.
        self.refusal: Refusal | None = None
        self._releases = releases
        self._release: Release | None = None
        self._size = 0

    def append(self, data: bytes) -> bool:
        """Keep some of the body; False if it is as much as may be kept: the pod must wait."""
        if self.refusal is None:
            self.chunks.append(data)
            self._size += len(data)
        return self._size < HELD_LIMIT_BYTES

    def end(self, trailers: list[Field]) -> None:
        """The body is complete."""
        self.trailers = trailers

    @property
    def is_waiting(self) -> bool:
        """Whether it is known when it may leave."""
        return self._release is not None

    def wait(self, release_at: Callable[[float], float], then: Callable[[], None]) -> None:
        """Call when it may leave; at once if that is not in the future.

        If too many wait already, it becomes a :attr:`refusal` of which nothing is kept.  That
        waits as long as the response would have: or whoever fills the queue could see in the
        refusals how far away the pods are.

        :param release_at: the delay policy's: from the time now to that time.
        :raises StrategyFailed: the policy failed, or said never.
        """
        now = self._releases.now()
        at = self._asked(release_at, now)
        if at <= now:
            then()
            return
        is_full = self._releases.is_full
        if is_full:
            self.refusal = AtLimit("Too many responses wait.", "over limits.held_not_found")
            self.chunks, self._size = [], 0
        self._release = self._releases.hold(at, then, takes_room=not is_full)

    def cancel(self) -> None:
        """The client has left."""
        if self._release is not None:
            self._releases.drop(self._release)

    def _asked(self, release_at: Callable[[float], float], now: float) -> float:
        try:
            at = release_at(now)
            if not math.isfinite(at):
                raise ValueError(f"a 404 cannot be released at {at}")
        except Exception:
            _log.failure("The delay policy failed")
            raise StrategyFailed("The router failed.", "the delay policy failed") from None
        return at
