"""Lets held responses go: all that are due at one tick together, in an order that says nothing.

Without ticks, whoever asks for two things at once would see which of them was ready first.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import attrs
from twisted.logger import Logger

from pods.counters import Counters
from pods.interfaces import Clock

#: Ticks are the multiples of this on the reactor's clock, the same for all responses.
TICK_SECONDS = 0.01
_ROUNDING = 1e-6  #: what sums of times may be wrong by, in ticks

_log = Logger()


@attrs.define(eq=False)
class Release:
    """One response that waits.

    :param tick: the number of the tick at which it leaves.
    :param since: when it began to wait.
    :param takes_room: whether it counts towards the limit.
    """

    tick: int
    since: float
    then: Callable[[], None]
    takes_room: bool
    is_over: bool = False


@attrs.frozen(eq=False)
class _Tick:
    """What is due at one tick, and the timer for it."""

    call: Any
    due: dict[Release, None] = attrs.field(factory=dict)


class Releases:
    """All responses that wait.

    :param random: draws the order of those that are due together; nobody outside may be able to
        foresee it.
    :param counters: count those that wait, and for how long.
    :param limit: of those that take room; whoever holds one asks :attr:`is_full` before.
    """

    def __init__(self, clock: Clock, random: random.Random, counters: Counters, limit: int) -> None:
        self.limit = limit
        self._clock = clock
        self._random = random
        self._counters = counters
        self._ticks: dict[int, _Tick] = {}

    @property
    def is_full(self) -> bool:
        """Whether as many wait as may."""
        return self._counters.not_found_waiting >= self.limit

    def now(self) -> float:
        """The time on the reactor's clock."""
        return self._clock.seconds()

    def hold(self, at: float, then: Callable[[], None], takes_room: bool = True) -> Release:
        """Call at the first tick that is not before a time.

        :param at: that time, on the reactor's clock.
        :returns: what :meth:`drop` takes.
        """
        now, number = self.now(), math.ceil(at / TICK_SECONDS - _ROUNDING)
        if number not in self._ticks:
            seconds = max(0.0, number * TICK_SECONDS - now)
            self._ticks[number] = _Tick(self._clock.callLater(seconds, self._let_go, number))
        release = Release(number, now, then, takes_room)
        self._ticks[number].due[release] = None
        self._counters.not_found_held += takes_room
        self._counters.not_found_waiting += takes_room
        return release

    def drop(self, release: Release) -> None:
        """Nobody waits for it any more; nothing happens if it has left."""
        if release.is_over:
            return
        self._is_over(release)
        if tick := self._ticks.get(release.tick):
            del tick.due[release]
            if not tick.due:
                del self._ticks[release.tick]
                tick.call.cancel()

    def _let_go(self, number: int) -> None:
        leaving = list(self._ticks.pop(number).due)
        self._random.shuffle(leaving)
        now = self.now()
        for release in leaving:
            if release.is_over:  # because of what another one did
                continue
            self._is_over(release)
            self._counters.not_found_added.observe(now - release.since)
            try:
                release.then()
            except Exception:  # the others leave all the same
                _log.failure("A held response could not be released")

    def _is_over(self, release: Release) -> None:
        release.is_over = True
        self._counters.not_found_waiting -= release.takes_room
