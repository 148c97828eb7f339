"""A delay that makes near and far pods look alike, however often one asks.

A 404 leaves at ``arrived + q * ceil((max(E, F) + d) / q)``, where

* ``E`` is how long it took;
* ``F`` is a floor above what 404s take, a bounce or a learn question included: a multiple of
  ``q``, so that every 404 below it leaves ``F + q`` after its request came, whatever its name;
* ``q`` is a quantum, so that what still sticks out shows in coarse steps only;
* ``d`` is a phase between 0 and ``q``, the same for every try at one name and unknown outside,
  so that where the step lies says nothing, and repeating a question averages nothing out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import attrs
from zope.interface import implementer

from pods.delays.floor import Floor, Padding, Quantum
from pods.interfaces import IDelayPolicy
from pods.options import OptionReader
from pods.routing.paths import leading_names

SECRET = "padded"


@implementer(IDelayPolicy)
@attrs.define(eq=False)
class Padded:
    """Pads 404s to a common time.

    :param padding: learns how.
    :param prefix_segments: how many segments of a path make the name that ``d`` is for.
    :param overruns: counts 404s that took longer than the floor.
    """

    _padding: Padding
    _prefix_segments: int
    _services: Any
    _overruns: Any
    _secret: bytes = attrs.field(default=b"", init=False, repr=False)

    def release_at(self, request: Any, arrived: float, answered: float) -> float:
        """The end of the quantum that holds the padded time, counted from the arrival."""
        if not _has_body(request) and self._padding.learn(arrived, answered):
            self._overruns.add()
        step = self._padding.at(arrived)
        quantum_seconds = step.quantum_seconds
        quanta = max((answered - arrived) / quantum_seconds, step.floor)
        phase = self._phase(request.path, quantum_seconds)
        return arrived + quantum_seconds * math.ceil(quanta + phase)

    def _phase(self, path: str, quantum_seconds: float) -> float:
        """The share of a quantum, 0 to 1, that belongs to a name.

        Each quantum has its own: two that were known to lie at the same share would tell
        together what neither tells alone.
        """
        if not self._secret:
            self._secret = self._services.secret(SECRET)
        name = f"{quantum_seconds:g} {leading_names(path, self._prefix_segments)}"
        digest = blake2b(name.encode("latin-1", "replace"), digest_size=8, key=self._secret)
        return int.from_bytes(digest.digest(), "big") / 2**64


def _has_body(request: Any) -> bool:
    """Whether the client could make its 404 as slow as it likes, by sending slowly."""
    length = request.headers.get("content-length")
    return length not in (None, "0") or request.headers.get("transfer-encoding") is not None


def from_config(options: Mapping[str, Any], services: Any) -> Padded:
    """Make the policy from the rest of the ``[not_found]`` table.

    :param options: ``quantum_seconds`` and ``max_quantum_seconds``, ``floor_seconds`` and
        ``max_floor_seconds``, ``window_seconds``, and ``prefix_segments``: as many segments as
        the prefixes that pods teach mostly have.  With more, every path under a prefix has a
        phase of its own, and averaging over them finds the prefix' time.
    :param services: an :class:`~pods.interfaces.IServices`.
    :raises ConfigurationError: an option is unknown or has no allowed value.
    """
    reader = OptionReader(options)
    least, most = _range(reader, "quantum_seconds", 0.05, 0.1, least=0.001, highest=10)
    window_seconds = reader.seconds("window_seconds", 600.0, least=1, most=86_400)
    quantum = Quantum(least, most, window_seconds)
    least, most = _range(reader, "floor_seconds", 0.2, 0.5, least=0, highest=60)
    floor = Floor(window_seconds, least, most)
    prefix_segments = reader.whole("prefix_segments", 1, least=1, most=8)
    reader.finish()
    overruns = services.counter("padded_overruns", "A 404 took longer than the floor.")
    return Padded(Padding(floor, quantum), prefix_segments, services, overruns)


def _range(
    reader: OptionReader, key: str, default: float, max_default: float, least: float, highest: float
) -> tuple[float, float]:
    """An option and the one that bounds it from above, which it raises if that is left out."""
    low = reader.seconds(key, default, least=least, most=highest)
    high = reader.seconds(f"max_{key}", max(max_default, low), least=least, most=highest)
    if low > high:
        reader.fault(key, f"is over max_{key} = {high:g}", "at most that")
    return low, high
