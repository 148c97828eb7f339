"""What metrics say at one moment, fit to be sent to another process and to be added up there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any

import attrs

#: A number, or a histogram: how many fell into each step, and then their sum.
Value = float | list[float]


class Merge(StrEnum):
    """What several processes say together."""

    SUM = "sum"
    LEAST = "least"
    MOST = "most"


@attrs.frozen
class Numbers:
    """What one metric says.

    :param name: with ``_total`` if it is a counter.
    :param kind: ``counter``, ``gauge`` or ``histogram``.
    :param samples: the values, by those of the labels.
    """

    name: str
    kind: str
    help: str
    labels: tuple[str, ...]
    samples: Mapping[tuple[str, ...], Value]
    merge: Merge = Merge.SUM

    def plus(self, other: Numbers) -> Numbers:
        """What both processes say together."""
        samples = dict(self.samples)
        for values, value in other.samples.items():
            samples[values] = (
                _together(self.merge, samples[values], value) if values in samples else value
            )
        return attrs.evolve(self, samples=samples)

    def as_json(self) -> list[Any]:
        """What ``json`` can write."""
        samples = [[list(values), value] for values, value in self.samples.items()]
        return [self.name, self.kind, self.help, list(self.labels), samples, self.merge]

    @classmethod
    def from_json(cls, told: list[Any]) -> Numbers:
        """The same again."""
        name, kind, help, labels, samples, merge = told
        read = {tuple(values): value for values, value in samples}
        return cls(name, kind, help, tuple(labels), read, Merge(merge))


def added_up(told: Iterable[Iterable[Numbers]]) -> list[Numbers]:
    """What all processes say together, in the order of the first."""
    sums: dict[str, Numbers] = {}
    for numbers in _each(told):
        known = sums.get(numbers.name)
        sums[numbers.name] = numbers if known is None else known.plus(numbers)
    return list(sums.values())


def lasting(told: Iterable[Numbers]) -> list[Numbers]:
    """What still counts when the process that said it is gone: not how things were with it."""
    return [numbers for numbers in told if numbers.kind != "gauge"]


def _each(told: Iterable[Iterable[Numbers]]) -> Iterator[Numbers]:
    for numbers in told:
        yield from numbers


def _together(merge: Merge, one: Value, other: Value) -> Value:
    if isinstance(one, list) and isinstance(other, list):
        return [a + b for a, b in zip(one, other, strict=True)]
    assert isinstance(one, int | float)
    assert isinstance(other, int | float)
    if merge is Merge.SUM:
        return one + other
    return min(one, other) if merge is Merge.LEAST else max(one, other)
