"""Long polls: whoever asks for work stays until there is some, or for long enough."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import attrs
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime

_T = TypeVar("_T")
#: How long a question may stay; under the 300 s after which a router gives a pod up by default.
POLL_SECONDS = 50
#: How often those who stay look for what other pods have; nobody wakes them for that.
LOOK_SECONDS = 1


@attrs.define(eq=False)
class Bell:
    """Wakes all who wait for work at one pod.

    :param clock: measures how long they stay.
    """

    clock: IReactorTime
    _is_open: bool = attrs.field(default=True, init=False)
    _sleepers: set[Deferred[None]] = attrs.field(factory=set, init=False)

    def open(self) -> None:
        """Let people wait."""
        self._is_open = True

    def close(self) -> None:
        """Let nobody wait any more."""
        self._is_open = False
        self.ring()

    def ring(self) -> None:
        """There is work: wake everybody."""
        for sleeper in list(self._sleepers):
            sleeper.callback(None)

    async def until(self, look: Callable[[], _T | None], stay_seconds: float) -> _T | None:
        """What ``look`` finds in the end, or None after ``stay_seconds``.

        :param look: called at once, whenever the bell rings, and every :data:`LOOK_SECONDS`.
        """
        leaves_at = self.clock.seconds() + stay_seconds
        while (found := look()) is None:
            left_seconds = leaves_at - self.clock.seconds()
            if left_seconds <= 0 or not self._is_open:
                break
            await self._sleep(min(left_seconds, LOOK_SECONDS))
        return found

    async def _sleep(self, seconds: float) -> None:
        sleeper: Deferred[None] = Deferred()
        self._sleepers.add(sleeper)
        try:
            await sleeper.addTimeout(seconds, self.clock)
        except TimeoutError:
            pass
        finally:
            self._sleepers.discard(sleeper)
