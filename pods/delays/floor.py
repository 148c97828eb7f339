"""What a padded 404 has to be padded to, learned from what 404s took."""

from __future__ import annotations

import math
from collections import deque

import attrs

#: So many different seconds must have seen a time before it counts: a stall is no distance.
SECONDS_SEEN = 10
#: How far the floor lies above the times that count.
HEADROOM = 1.1


@attrs.define
class Floor:
    """A tenth above what 404s took in at least ten different seconds, within bounds.

    Only time lowers it, never what anybody asks for.

    :param window_seconds: what is older than two windows is forgotten, what is younger than one
        never.
    :param least_seconds: the floor while nothing higher was seen.
    :param most_seconds: slow answers must not slow down all others beyond this.
    """

    _window_seconds: float
    _least_seconds: float
    _most_seconds: float
    _window: int = attrs.field(default=0, init=False)
    #: The seconds of this window that saw the highest times, and these times.
    _peaks: dict[int, float] = attrs.field(factory=dict, init=False)
    _peaks_before: dict[int, float] = attrs.field(factory=dict, init=False)

    def at(self, now: float) -> float:
        """The floor, in seconds."""
        self._turn(now)
        seen = max(_seen_often(self._peaks), _seen_often(self._peaks_before))
        return min(max(seen * HEADROOM, self._least_seconds), self._most_seconds)

    def saw(self, now: float, seconds: float) -> None:
        """Take into account what one 404 took."""
        self._turn(now)
        peaks, second = self._peaks, int(now)
        peaks[second] = max(seconds, peaks.get(second, 0.0))
        if len(peaks) > SECONDS_SEEN:
            del peaks[min(peaks, key=peaks.__getitem__)]

    def _turn(self, now: float) -> None:
        window = int(now // self._window_seconds)
        if window == self._window:
            return
        self._peaks_before = self._peaks if window == self._window + 1 else {}
        self._peaks, self._window = {}, window


def _seen_often(peaks: dict[int, float]) -> float:
    return min(peaks.values()) if len(peaks) == SECONDS_SEEN else 0.0


@attrs.define
class Quantum:
    """Steps that become coarser while 404s overrun the floor, and slowly finer again.

    :param least_seconds: the width of a step while all is well.
    :param most_seconds: no step becomes wider.
    :param window_seconds: after so long without an overrun steps become half as wide.
    """

    least_seconds: float
    _most_seconds: float
    _window_seconds: float
    _seconds: float = attrs.field(init=False)
    _since: float = attrs.field(default=0.0, init=False)  #: when it was changed, or overrun

    @_seconds.default
    def _at_first(self) -> float:
        return self.least_seconds

    def at(self, now: float) -> float:
        """The width of a step, in seconds."""
        while self._seconds > self.least_seconds and now - self._since >= self._window_seconds:
            self._seconds = max(self._seconds / 2, self.least_seconds)
            self._since += self._window_seconds
        return self._seconds

    def overrun(self, now: float) -> None:
        """A 404 took longer than the floor; those of one second count once."""
        if int(now) != int(self._since) or self._seconds == self.least_seconds:
            self._seconds = min(self.at(now) * 2, self._most_seconds)
        self._since = now


@attrs.frozen
class Step:
    """How requests of some time are padded.

    :param since: the first moment of arrival for which it holds.
    :param floor: in quanta.
    """

    since: float
    quantum_seconds: float
    floor: int


#: So many changes are kept; requests from before them are padded as at the first of these.
_CHANGES_KEPT = 100


class Padding:
    """What requests are padded to, by the time of their *arrival*.

    By the time of the answer, two requests of one moment would be padded differently if the
    floor was raised after the near one's answer and before the far one's.
    """

    def __init__(self, floor: Floor, quantum: Quantum) -> None:
        self._floor = floor
        self._quantum = quantum
        self._steps = deque([self._step(0.0)], _CHANGES_KEPT)

    def at(self, arrived: float) -> Step:
        """How a request that came at this time is padded."""
        for step in reversed(self._steps):
            if step.since <= arrived:
                return step
        return self._steps[0]

    def learn(self, arrived: float, now: float) -> bool:
        """Take into account a 404 that is there now; whether it took longer than the floor."""
        took, step = now - arrived, self.at(arrived)
        is_overrun = took > step.floor * step.quantum_seconds
        if is_overrun:
            self._quantum.overrun(now)
        self._floor.saw(now, took)
        new, last = self._step(now), self._steps[-1]
        if (new.quantum_seconds, new.floor) != (last.quantum_seconds, last.floor):
            self._steps.append(new)
        return is_overrun

    def _step(self, now: float) -> Step:
        quantum_seconds = self._quantum.at(now)
        return Step(now, quantum_seconds, math.ceil(self._floor.at(now) / quantum_seconds))
