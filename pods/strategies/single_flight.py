"""One question for all who ask the same at the same time."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

import attrs
from twisted.internet.defer import Deferred

Result = TypeVar("Result")


@attrs.define(eq=False)
class SingleFlight(Generic[Result]):
    """Lets equal calls that overlap share one run and its outcome.

    Nothing is kept after a run has ended, however it ended: the next call starts anew.
    """

    _flights: dict[Hashable, _Flight[Result]] = attrs.field(factory=dict, init=False)

    def join(
        self, key: Hashable, start: Callable[[], Coroutine[Deferred[Any], Any, Result]]
    ) -> Deferred[Result]:
        """The outcome of the run for ``key``: the one under way, or else a new one.

        Cancelling what is returned leaves the other callers alone; once all of them
        have left, the run is cancelled.

        :param start: makes the coroutine of a new run.
        """
        flight = self._flights.get(key)
        if flight is not None:
            return flight.board()
        flight = self._flights[key] = _Flight(forget=lambda: self._flights.pop(key, None))
        waiter = flight.board()
        flight.take_off(start())
        return waiter

    def __len__(self) -> int:
        """How many runs are under way."""
        return len(self._flights)


@attrs.define(eq=False)
class _Flight(Generic[Result]):
    """One run and those who wait for it."""

    _forget: Callable[[], object]  #: called once: when it ends, or when nobody waits any more
    _waiters: list[Deferred[Result]] = attrs.field(factory=list, init=False)
    _run: Deferred[Result] | None = attrs.field(default=None, init=False)

    def board(self) -> Deferred[Result]:
        waiter: Deferred[Result] = Deferred(self._leave)
        self._waiters.append(waiter)
        return waiter

    def take_off(self, run: Coroutine[Deferred[Any], Any, Result]) -> None:
        self._run = Deferred.fromCoroutine(run)
        self._run.addBoth(self._land)

    def _leave(self, waiter: Deferred[Result]) -> None:
        if waiter not in self._waiters:
            return  # the flight has landed; this one is about to be told
        self._waiters.remove(waiter)
        if not self._waiters and self._run is not None:
            self._forget()
            self._run.cancel()

    def _land(self, outcome: Any) -> None:
        waiters, self._waiters = self._waiters, []
        if waiters:
            self._forget()
        for waiter in waiters:
            if not waiter.called:  # one told before may have cancelled another
                waiter.callback(outcome)
