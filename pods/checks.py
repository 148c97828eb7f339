"""Asks pods how they are, again and again: ``[health]`` in ``router.toml``."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

import attrs
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from pods.errors import AskFailed, NotAsked
from pods.health import HealthWatch
from pods.interfaces import Clock, PodAnswer

#: By so much of it an interval is shortened or lengthened, so that checks do not keep step.
JITTER = 0.1


class Checks:
    """Checks each pod once in an interval, and tells the watch what came of it.

    :param ask: sends the check to the pod of that name; fails with ``AskFailed``.
    :param interval_seconds: from the beginning of one check to that of the next.
    """

    def __init__(
        self,
        names: Iterable[str],
        ask: Callable[[str], Deferred[PodAnswer]],
        watch: HealthWatch,
        clock: Clock,
        chance: random.Random,
        interval_seconds: float,
    ) -> None:
        self._rounds = [
            _Rounds(name, ask, watch, clock, chance, interval_seconds) for name in names
        ]

    def start(self) -> None:
        """Begin; the first checks are spread over the first interval."""
        for rounds in self._rounds:
            rounds.start()

    def stop(self) -> None:
        """End; a check that is under way counts for nothing."""
        for rounds in self._rounds:
            rounds.stop()


@attrs.define(eq=False)
class _Rounds:
    """The checks of one pod; never two at a time."""

    _name: str
    _ask: Callable[[str], Deferred[PodAnswer]]
    _watch: HealthWatch
    _clock: Clock
    _random: random.Random
    _interval_seconds: float
    _next: Any = None
    _asking: Deferred[Any] | None = None
    _log = Logger()

    def start(self) -> None:
        self._wait(self._interval_seconds * self._random.random())

    def stop(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None
        if self._asking is not None:
            self._asking.cancel()

    def _wait(self, seconds: float) -> None:
        self._next = self._clock.callLater(seconds, self._begin)

    def _begin(self) -> None:
        self._wait(self._interval_seconds * self._random.uniform(1 - JITTER, 1 + JITTER))
        if self._asking is None:
            self._asking = asking = self._ask(self._name)
            asking.addBoth(self._end).addErrback(self._broken)

    def _end(self, outcome: PodAnswer | Failure) -> None:
        self._asking = None
        if isinstance(outcome, PodAnswer):
            is_well = 200 <= outcome.status <= 299
            self._watch.checked(self._name, None if is_well else f"status {outcome.status}")
        elif not outcome.check(NotAsked, CancelledError):  # which say nothing about the pod
            outcome.trap(AskFailed)
            self._watch.checked(self._name, outcome.getErrorMessage())

    def _broken(self, failure: Failure) -> None:
        self._log.failure("A check of pod {pod} went wrong", failure, pod=self._name)
