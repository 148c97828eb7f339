"""Keeps the replicas that are copied up to date, each in its own time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from pods.reference.databases import Replica, UnusableError

_log = Logger()


@attrs.define
class Replication:
    """Copies again and again.

    :param replicas: by the names of their databases.
    :param clock: IReactorTime.
    :param in_thread: runs a slow function elsewhere.
    """

    _replicas: Mapping[str, Replica]
    _clock: Any
    _in_thread: Callable[[Callable[[], None]], Awaitable[None]]
    _loops: list[tuple[LoopingCall, Deferred[LoopingCall]]] = attrs.field(factory=list, init=False)
    _failing: set[str] = attrs.field(factory=set, init=False)

    def start(self) -> None:
        """Begin, with the first copy after its time."""
        for name, replica in self._replicas.items():
            if replica.copy_seconds is not None:
                loop = LoopingCall(self._copy, name, replica)
                loop.clock = self._clock
                self._loops.append((loop, loop.start(replica.copy_seconds, now=False)))

    async def stop(self) -> None:
        """End; what is being copied is finished first."""
        ended = [deferred for _, deferred in self._loops]
        for loop, _ in self._loops:
            loop.stop()
        self._loops.clear()
        await DeferredList(ended)

    def _copy(self, name: str, replica: Replica) -> Deferred[None]:
        return Deferred.fromCoroutine(self._try_to_copy(name, replica))

    async def _try_to_copy(self, name: str, replica: Replica) -> None:
        try:
            await self._in_thread(replica.catch_up)
        except UnusableError as error:
            if name not in self._failing:
                _log.error(
                    "the replica of {name} stays behind, it cannot be copied: {error}",
                    name=name,
                    error=error,
                )
            self._failing.add(name)
        else:
            self._failing.discard(name)
