"""A delay that makes near and far pods look alike, however often one asks.

A 404 leaves at ``arrived + q * ceil((max(E, F) + d) / q)``, where

* ``E`` is how long the answer took and ``F`` a floor above what recent 404s took, so that
  nearly all of them are padded to the same time;
* ``q`` is a quantum, so that what still sticks out shows in coarse steps only;
* ``d`` is a phase between 0 and ``q``, the same for every try at one name and unknown
  outside, so that repeating a question averages nothing out.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import attrs
from zope.interface import implementer

from pods.interfaces import IDelayPolicy
from pods.options import OptionReader
from pods.routing.paths import leading_names

_SECRET_BYTES = 32


@attrs.define
class Floor:
    """The most that was seen during the last window or two, within bounds.

    :param window_seconds: what is older than two windows is forgotten, what is younger
        than one never.
    :param least_seconds: what holds while nothing was seen.
    :param most_seconds: one slow answer must not slow down all others.
    """

    _window_seconds: float
    _least_seconds: float
    _most_seconds: float
    _window: int = attrs.field(default=0, init=False)
    _highest: float = attrs.field(default=0.0, init=False)  #: in the current window
    _highest_before: float = attrs.field(default=0.0, init=False)  #: in the window before it

    def at(self, now: float) -> float:
        """The floor, in seconds."""
        self._turn(now)
        highest = max(self._highest, self._highest_before, self._least_seconds)
        return min(highest, self._most_seconds)

    def saw(self, now: float, seconds: float) -> None:
        """Take into account what one answer took."""
        self._turn(now)
        self._highest = max(self._highest, seconds)

    def _turn(self, now: float) -> None:
        window = int(now // self._window_seconds)
        if window == self._window:
            return
        self._highest_before = self._highest if window == self._window + 1 else 0.0
        self._highest, self._window = 0.0, window


@implementer(IDelayPolicy)
@attrs.define(eq=False)
class Padded:
    """Pads 404s to a common time.

    :param quantum_seconds: the steps in which the time of a release shows.
    :param prefix_segments: how many segments of a path make the name that ``d`` is for.
    :param secret: what ``d`` is derived from.
    :param overruns: counts 404s that took longer than the floor.
    """

    _floor: Floor
    _quantum_seconds: float
    _prefix_segments: int
    _secret: bytes = attrs.field(repr=False)
    _overruns: Any

    def release_at(self, request: Any, arrived: float, answered: float) -> float:
        """The end of the quantum that holds the padded time, counted from the arrival."""
        took, quantum = answered - arrived, self._quantum_seconds
        floor = self._floor.at(answered)
        if took > floor:
            self._overruns.add()
        self._floor.saw(answered, took)
        steps = math.ceil((max(took, floor) + self._phase_seconds(request.path)) / quantum)
        return arrived + quantum * steps

    def _phase_seconds(self, path: str) -> float:
        name = leading_names(path, self._prefix_segments).encode("latin-1", "replace")
        digest = blake2b(name, digest_size=8, key=self._secret).digest()
        return self._quantum_seconds * int.from_bytes(digest, "big") / 2**64


def from_config(options: Mapping[str, Any], services: Any) -> Padded:
    """Make the policy from the rest of the ``[not_found]`` table.

    :param options: ``quantum_seconds``, ``floor_seconds`` (the floor before anything was
        learned), ``max_floor_seconds``, ``window_seconds``, and ``prefix_segments``: as many
        segments as the prefixes that pods teach mostly have.  With more, every path under a
        prefix has a phase of its own, and averaging over them finds the prefix' time.
    :param services: an :class:`~pods.interfaces.IServices`.
    :raises ConfigurationError: an option is unknown or has no allowed value.
    """
    reader = OptionReader(options)
    quantum_seconds = reader.seconds("quantum_seconds", 0.05, least=0.001, most=10)
    least_seconds = reader.seconds("floor_seconds", 0.1, least=0, most=60)
    most_seconds = reader.seconds("max_floor_seconds", max(1.0, least_seconds), least=0, most=60)
    window_seconds = reader.seconds("window_seconds", 60.0, least=1, most=86_400)
    prefix_segments = reader.whole("prefix_segments", 1, least=1, most=8)
    if least_seconds > most_seconds:
        reader.fault("floor_seconds", f"is over max_floor_seconds = {most_seconds:g}")
    reader.finish()
    floor = Floor(window_seconds, least_seconds, most_seconds)
    overruns = services.counter("padded_overruns", "A 404 took longer than the floor.")
    return Padded(floor, quantum_seconds, prefix_segments, os.urandom(_SECRET_BYTES), overruns)
