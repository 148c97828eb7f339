"""A random delay, as the proposals have it.

It does not hold against someone who asks often: the shortest of many answers shows
the pod's own time.  Use ``padded`` where that matters.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import attrs
from zope.interface import implementer

from pods.interfaces import IDelayPolicy
from pods.options import OptionReader


@implementer(IDelayPolicy)
@attrs.frozen
class Random:
    """Adds a time between two bounds, all equally likely.

    :param random: the source of chance.
    :param min_seconds: the least that is added.
    :param max_seconds: the most that is added.
    """

    _random: random.Random
    _min_seconds: float
    _max_seconds: float

    def release_at(self, request: Any, arrived: float, answered: float) -> float:
        """Some time after the answer was complete."""
        return answered + self._random.uniform(self._min_seconds, self._max_seconds)


def from_config(options: Mapping[str, Any], services: Any) -> Random:
    """Make the policy from the rest of the ``[not_found]`` table.

    :param options: ``min_seconds`` and ``max_seconds``, 0 to 60; 0 and 0.5 if left out.
    :param services: an :class:`~pods.interfaces.IServices`.
    :raises ConfigurationError: an option is unknown or has no allowed value.
    """
    reader = OptionReader(options)
    min_seconds = reader.seconds("min_seconds", 0.0, least=0, most=60)
    max_seconds = reader.seconds("max_seconds", max(0.5, min_seconds), least=0, most=60)
    if min_seconds > max_seconds:
        reader.fault("min_seconds", f"is over max_seconds = {max_seconds:g}", "at most that")
    reader.finish()
    return Random(services.random, min_seconds, max_seconds)
