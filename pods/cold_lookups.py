"""Look-ups that only the store can answer, and what is done about a store that does not answer."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import attrs
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from pods.counters import Counters
from pods.interfaces import Clock
from pods.routing.table import Entry

PATIENCE_SECONDS = 0.25  #: a request waits no longer for the store

LookUp = Callable[[str], Coroutine[Deferred[Any], Any, Entry | None]]


@attrs.define(eq=False)
class _Flight:
    """One question to the store, and those who wait for its answer."""

    path: str
    timer: Any = None
    has_landed: bool = False
    entry: Entry | None = None
    waiting: list[Deferred[Entry | None]] = attrs.field(factory=list)

    def board(self) -> Deferred[Entry | None]:
        """Wait for the answer; who cancels it leaves the others alone."""
        waiter: Deferred[Entry | None] = Deferred(self._leave)
        self.waiting.append(waiter)
        return waiter

    def land(self, entry: Entry | None) -> None:
        """Tell all who wait."""
        self.has_landed, self.entry = True, entry
        waiting, self.waiting = self.waiting, []
        for waiter in waiting:
            if not waiter.called:  # one told before may have cancelled another
                waiter.callback(entry)

    def _leave(self, waiter: Deferred[Entry | None]) -> None:
        if waiter in self.waiting:
            self.waiting.remove(waiter)


@attrs.define(eq=False)
class ColdLookups:
    """Asks once for all who ask for the same path at the same time, and does not wait for long.

    A look-up that takes longer than :data:`PATIENCE_SECONDS` is a miss.  From then on each is one
    at once, until the store has answered: a locked or stuck disk delays no request.

    :param look_up: asks the store.
    """

    _look_up: LookUp
    _clock: Clock
    _counters: Counters
    _flights: dict[str, _Flight] = attrs.field(factory=dict, init=False)
    _is_stuck: bool = attrs.field(default=False, init=False)
    _is_failing: bool = attrs.field(default=False, init=False)
    _log = Logger()

    def ask(self, path: str) -> Entry | Deferred[Entry | None] | None:
        """The route for a path.

        :returns: a Deferred only if the store does not answer at once.  It never fails, and
            cancelling it disturbs nobody.
        """
        self._counters.route_cold += 1
        flight = self._flights.get(path)
        if flight is not None:
            return flight.board()
        if self._is_stuck:
            self._counters.store_timeouts += 1
            return None
        flight = self._flights[path] = _Flight(path)
        Deferred.fromCoroutine(self._fly(flight))
        if flight.has_landed:
            return flight.entry
        flight.timer = self._clock.callLater(PATIENCE_SECONDS, self._give_up, flight)
        return flight.board()

    def stop(self) -> None:
        """Wait for nothing any more: what is under way is a miss."""
        for flight in list(self._flights.values()):
            self._land(flight, None)

    async def _fly(self, flight: _Flight) -> None:
        entry = None
        try:
            entry = await self._look_up(flight.path)
            self._is_failing = False
        except Exception:
            if not self._is_failing:
                self._log.failure(
                    "The route store failed; what it knows is not known until it answers"
                )
            self._is_failing = True
        self._is_stuck = False
        if not flight.has_landed:
            self._land(flight, entry)

    def _give_up(self, flight: _Flight) -> None:
        self._is_stuck = True
        self._counters.store_timeouts += len(flight.waiting)
        self._land(flight, None)

    def _land(self, flight: _Flight, entry: Entry | None) -> None:
        del self._flights[flight.path]
        if flight.timer is not None and flight.timer.active():
            flight.timer.cancel()
        flight.land(entry)
