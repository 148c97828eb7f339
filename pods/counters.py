"""What is counted: plain integers on the hot path, made into metrics when somebody asks."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING

import attrs

from pods.tallies import Tallies

if TYPE_CHECKING:
    from pods.journal import Journal

#: The upper ends of a histogram's steps, in seconds; one more step is for all that is slower.
BOUNDS_SECONDS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0),
)


class Histogram:
    """How long something took, in steps."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_SECONDS) + 1)  #: how many fell into each step
        self.seconds = 0.0  #: all together

    def observe(self, seconds: float) -> None:
        """Count one that took so long."""
        self.counts[bisect_left(BOUNDS_SECONDS, seconds)] += 1
        self.seconds += seconds


def _phases() -> dict[str, Histogram]:
    return {phase: Histogram() for phase in ("placed", "answered", "released", "total")}


@attrs.define(eq=False)
class Counters:
    """Since the process was started."""

    requests: Counter[tuple[str, int]] = attrs.field(factory=Counter)  #: (route, status class)
    phases: dict[str, Histogram] = attrs.field(factory=_phases)  #: from a request's arrival on
    client_aborts: int = 0  #: clients that left before their response was complete
    bounces: int = 0
    route_hits: int = 0  #: requests whose path was remembered
    route_misses: int = 0
    route_cold: int = 0  #: of both, those for which the store was asked
    store_timeouts: int = 0  #: of the misses, those because the store did not answer in time
    refused_claims: Counter[str] = attrs.field(factory=Counter)  #: by reason
    refusals: Counter[int] = attrs.field(factory=Counter)  #: the router's own answers, by status
    not_found_held: int = 0  #: 404s that had to wait
    not_found_waiting: int = 0  #: 404s that wait now
    not_found_added: Histogram = attrs.field(factory=Histogram)  #: how long they waited
    tallies: Tallies = attrs.field(factory=Tallies)  #: what plugins count

    def finished(self, record: Journal) -> None:
        """A request is over."""
        self.requests[record.route or "none", record.status // 100] += 1
        for phase, seconds in (
            ("placed", record.placed_seconds),
            ("answered", record.answered_seconds),
            ("released", record.released_seconds),
            ("total", record.total_seconds),
        ):
            if seconds is not None:
                self.phases[phase].observe(seconds)
