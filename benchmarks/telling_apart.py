"""How well two heaps of numbers can be told apart: the statistics of an attacker."""

from __future__ import annotations

import math
import statistics
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate, groupby

import attrs

Values = Sequence[float]
Classifier = Callable[[Values], float]

REPEATS = (1, 10, 100, 1000)
EDGE = "edge"  #: tried on half of the groups only
LEAST_GROUPS = 20  #: of a class; with fewer nothing can be said
TOLERATED = 0.02  #: how far from a half an AUC may be
#: How many standard errors off one of a few hundred AUCs may be by chance alone.
STANDARD_ERRORS = 4.0


def low_percentile(values: Values) -> float:
    """The 5th percentile."""
    return sorted(values)[len(values) // 20]


CLASSIFIERS: dict[str, Classifier] = {
    "mean": statistics.fmean,
    "median": statistics.median,
    "min": min,
    "max": max,
    "5th pct": low_percentile,
}


@attrs.frozen
class Comparison:
    """What an attacker reaches who compares groups of answers.

    :param repeats: how many answers are in a group.
    :param groups: how many groups there were, of the class that has fewer.
    :param aucs: by classifier: how likely a group of the first class scores over one of the second.
    """

    repeats: int
    groups: int
    aucs: dict[str, float]

    @property
    def best(self) -> tuple[str, float]:
        """The classifier that is farthest from a half, and its AUC."""
        return max(self.aucs.items(), key=lambda item: abs(item[1] - 0.5))

    @property
    def leaks(self) -> list[str]:
        """The classifiers that tell the classes apart better than chance does."""
        return [
            name
            for name, auc in self.aucs.items()
            if abs(auc - 0.5) > tolerated(self.groups // 2 if name == EDGE else self.groups)
        ]


def tolerated(groups: int) -> float:
    """0.02, or as much as chance does with so few groups of each class if that is more."""
    return max(TOLERATED, STANDARD_ERRORS * math.sqrt((2 * groups + 1) / 12) / groups)


def auc(one: Values, other: Values) -> float:
    """Mann-Whitney: how likely a value of ``one`` is over one of ``other``; ties count half."""
    tagged = sorted([(value, 1) for value in one] + [(value, 0) for value in other])
    below, wins = 0, 0.0
    for _, equal in groupby(tagged, key=lambda pair: pair[0]):
        tags = [tag for _, tag in equal]
        ours, theirs = sum(tags), len(tags) - sum(tags)
        wins += ours * (below + theirs / 2)
        below += theirs
    return wins / (len(one) * len(other))


def welch(one: Values, other: Values) -> tuple[float, float]:
    """Welch's t, and how likely one as large is by chance; for large samples."""
    variance = statistics.variance(one) / len(one) + statistics.variance(other) / len(other)
    difference = statistics.fmean(one) - statistics.fmean(other)
    if not variance:
        return 0.0, 1.0
    t = difference / math.sqrt(variance)
    return t, math.erfc(abs(t) / math.sqrt(2))


def kolmogorov_smirnov(one: Values, other: Values) -> tuple[float, float]:
    """The largest distance of the distributions, and how likely it is by chance."""
    distance = max(abs(gap) for _, gap in _gaps(one, other))
    scaled = distance * math.sqrt(len(one) * len(other) / (len(one) + len(other)))
    if scaled < 0.2:
        return distance, 1.0
    terms = ((-1) ** (j - 1) * math.exp(-2 * (j * scaled) ** 2) for j in range(1, 101))
    return distance, min(1.0, 2 * sum(terms))


def best_threshold(one: Values, other: Values) -> tuple[float, float]:
    """Where the distributions are farthest apart, and whose share below it is larger (1 or -1)."""
    at, gap = max(_gaps(one, other), key=lambda pair: abs(pair[1]))
    return at, math.copysign(1, gap)


def _gaps(one: Values, other: Values) -> list[tuple[float, float]]:
    """At each value: the share of ``one`` that is not over it, less that of ``other``."""
    steps = sorted([(x, 1 / len(one)) for x in one] + [(x, -1 / len(other)) for x in other])
    sums = list(accumulate(step for _, step in steps))
    last = [at for at, (x, _) in enumerate(steps) if at + 1 == len(steps) or steps[at + 1][0] > x]
    return [(steps[at][0], sums[at]) for at in last]


def in_groups(names: Sequence[Values], size: int) -> list[Values]:
    """Groups of so many consecutive answers of one name; what is left over is not used."""
    return [
        values[start : start + size]
        for values in names
        for start in range(0, len(values) - size + 1, size)
    ]


def compare(one: Sequence[Values], other: Sequence[Values], repeats: int) -> Comparison | None:
    """Try every classifier; None if there are too few answers.

    :param one: the answers of each name of a class, in order.
    :param other: those of the class that should score lower.
    """
    ours, theirs = in_groups(one, repeats), in_groups(other, repeats)
    groups = min(len(ours), len(theirs))
    if groups < LEAST_GROUPS:
        return None
    aucs = {
        name: auc([score(group) for group in ours], [score(group) for group in theirs])
        for name, score in CLASSIFIERS.items()
    }
    return Comparison(repeats, groups, aucs | {EDGE: edge(ours, theirs)})


def edge(ours: Sequence[Values], theirs: Sequence[Values]) -> float:
    """What counting beyond one threshold reaches: it is found in half of the groups, and tried on
    the others."""
    pooled = [[x for group in groups[::2] for x in group] for groups in (ours, theirs)]
    at, side = best_threshold(*pooled)
    scores = [
        [side * bisect_right(sorted(group), at) / len(group) for group in groups[1::2]]
        for groups in (ours, theirs)
    ]
    return auc(*scores)
