"""Keeps the memory of one process up with what the others change in the store."""

from __future__ import annotations

from typing import Any

import attrs
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from pods.memory import RouteMemory

EVERY_SECONDS = 0.5


@attrs.define(eq=False)
class Follower:
    """Asks the store again and again; a failure changes nothing about that.

    :param clock: IReactorTime.
    """

    _memory: RouteMemory
    _clock: Any
    _loop: LoopingCall | None = attrs.field(default=None, init=False)
    _is_failing: bool = attrs.field(default=False, init=False)
    _log = Logger()

    def start(self) -> None:
        """Begin; the store must be open."""
        loop = self._loop = LoopingCall(self._follow)
        loop.clock = self._clock
        loop.start(EVERY_SECONDS, now=False)

    def stop(self) -> None:
        """Ask no more; an answer that is under way does not count."""
        loop, self._loop = self._loop, None
        if loop is not None and loop.running:
            loop.stop()

    async def _follow(self) -> None:
        loop = self._loop
        try:
            self._memory.tell_used()
            changes = await self._memory.store.changes()
            if self._loop is loop:
                self._memory.apply(changes)
            self._is_failing = False
        except Exception:
            if not self._is_failing:  # say it once
                self._log.failure("What other processes change in the route store is not known")
            self._is_failing = True
