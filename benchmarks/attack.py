"""All that an attacker tries against one policy and one strategy."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence

import attrs

from benchmarks.attacker import numbered, orders, times
from benchmarks.distances import FAR, NEAR, Cost, Distances
from benchmarks.distant_pod import NEVER_LEARNED, PRIVATE, PUBLIC, placed
from benchmarks.telling_apart import REPEATS, STANDARD_ERRORS, TOLERATED, Comparison, compare

COINS = 30  #: names of each class that are asked for again and again
MISSES_SHARE = 0.6  #: of the number of samples that known names get
MANY_SHARE = 0.4
PAIRS_SHARE = 0.1
ABSENT = "absent"
SIDES = {FAR: "far", NEAR: "near", None: ABSENT}

Answers = Sequence[Sequence[float]]  #: of each name of a class, in the order of asking


@attrs.frozen
class Situation:
    """Two classes of answers that should look alike."""

    title: str
    slow: Answers
    fast: Answers

    def comparisons(self) -> list[Comparison]:
        """What can be told from single answers, and from groups of them."""
        found = [compare(self.slow, self.fast, repeats) for repeats in REPEATS]
        return [comparison for comparison in found if comparison is not None]


@attrs.frozen
class Pairs:
    """Two requests at the same moment: by how much the far one's answer came later."""

    title: str
    lags: Sequence[float]

    @property
    def share(self) -> float:
        """How often the near one's answer came first."""
        return sum(lag > 0 for lag in self.lags) / len(self.lags)

    @property
    def leaks(self) -> bool:
        by_chance = STANDARD_ERRORS * 0.5 / math.sqrt(len(self.lags))
        return abs(self.share - 0.5) > max(TOLERATED, by_chance)


@attrs.frozen
class Findings:
    """What one attack brought."""

    situations: Sequence[Situation]
    pairs: Sequence[Pairs]
    cost: Cost


@attrs.frozen
class Attack:
    """An attacker at work.

    :param samples: answers of each class for names that are asked for again and again.
    :param connections: how many requests are under way at a time.
    """

    world: Distances
    samples: int
    connections: int
    chance: random.Random

    async def run(self) -> Findings:
        hits = await self._repeated(self.samples, PRIVATE)
        misses = await self._repeated(int(self.samples * MISSES_SHARE), NEVER_LEARNED)
        situations = [Situation("one name, hit", *hits), Situation("one name, miss", *misses)]
        situations += await self._many(int(self.samples * MANY_SHARE))
        hits_at_once = await self._pairs("pair, hit", PRIVATE)
        misses_at_once = await self._pairs("pair, miss", NEVER_LEARNED)
        return Findings(situations, [hits_at_once, misses_at_once], self.world.cost())

    async def _repeated(self, samples: int, below: str) -> tuple[Answers, ...]:
        """The same names again and again, far and near ones interleaved."""
        names = await self._known_names()
        targets = [name for side in names for name in side] * math.ceil(samples / COINS)
        self.chance.shuffle(targets)
        answers: dict[str, list[float]] = {name: [] for name in targets}
        for name, seconds in zip(targets, await self._times(targets, below), strict=True):
            answers[name].append(seconds)
        return tuple([answers[name] for name in side] for side in names)

    async def _known_names(self) -> tuple[list[str], ...]:
        """Far and near names of which the router has learned where they are."""
        names = self._names("c", COINS, (FAR, NEAR))
        await self._times([name for side in names for name in side], PUBLIC)
        return names

    async def _many(self, samples: int) -> Iterator[Situation]:
        """Names that nobody has asked for before, each once."""
        sides = (FAR, NEAR, None)
        names = self._names("m", samples, sides)
        targets = [name for side in names for name in side]
        self.chance.shuffle(targets)
        seconds = dict(zip(targets, await self._times(targets, PRIVATE), strict=True))
        found = {
            side: [[seconds[name] for name in of_side]]
            for side, of_side in zip(sides, names, strict=True)
        }
        return (
            Situation(f"many, {SIDES[slow]}/{SIDES[fast]}", found[slow], found[fast])
            for slow, fast in ((FAR, NEAR), (FAR, None), (None, NEAR))
        )

    async def _pairs(self, title: str, below: str) -> Pairs:
        """A far and a near name at a time, in either order."""
        far, near = await self._known_names()
        pairs = [
            (f"/{self.chance.choice(far)}/{below}", f"/{self.chance.choice(near)}/{below}")
            for _ in range(int(self.samples * PAIRS_SHARE))
        ]
        lags = await orders(self.world.router.port, pairs, self.connections, self.chance)
        return Pairs(title, lags)

    def _names(self, letter: str, count: int, sides: Sequence[str | None]) -> tuple[list[str], ...]:
        """So many new names for each side; only their pods know where they are."""
        names: dict[str | None, list[str]] = {side: [] for side in sides}
        for name in numbered(letter, self.chance):
            of_side = names.get(placed(name, self.world.seed))
            if of_side is not None and len(of_side) < count:
                of_side.append(name)
            if all(len(of_side) == count for of_side in names.values()):
                break
        return tuple(names.values())

    async def _times(self, names: Sequence[str], below: str) -> list[float]:
        targets = [f"/{name}/{below}" for name in names]
        return await times(self.world.router.port, targets, self.connections, self.chance)
