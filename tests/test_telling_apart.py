"""The statistics of the timing attack."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from benchmarks.telling_apart import (
    TOLERATED,
    auc,
    best_threshold,
    compare,
    in_groups,
    kolmogorov_smirnov,
    tolerated,
    welch,
)

#: Few different values, so that many are equal.
samples = st.lists(st.integers(0, 5).map(float), min_size=1, max_size=30)


def drawn(mean: float, count: int, seed: int) -> list[float]:
    chance = random.Random(seed)
    return [chance.gauss(mean, 1) for _ in range(count)]


class TellingApartTests(SynchronousTestCase):
    """``benchmarks.telling_apart``"""

    @given(samples, samples)
    def test_auc_is_the_share_of_pairs(self, one: list[float], other: list[float]) -> None:
        wins = sum((x > y) + (x == y) / 2 for x in one for y in other)
        self.assertAlmostEqual(auc(one, other), wins / len(one) / len(other))

    @given(samples, samples)
    def test_ks_is_the_largest_distance(self, one: list[float], other: list[float]) -> None:
        def share(values: list[float], at: float) -> float:
            return sum(x <= at for x in values) / len(values)

        gaps = [abs(share(one, at) - share(other, at)) for at in [*one, *other]]
        distance, by_chance = kolmogorov_smirnov(one, other)
        self.assertAlmostEqual(distance, max(gaps))
        self.assertTrue(0 <= by_chance <= 1)
        at, _ = best_threshold(one, other)
        self.assertAlmostEqual(abs(share(one, at) - share(other, at)), max(gaps))

    def test_welch(self) -> None:
        """Against values worked out by hand."""
        t, by_chance = welch([1.0, 2.0, 3.0], [2.0, 4.0, 6.0])
        self.assertAlmostEqual(t, -2 / (5 / 3) ** 0.5)
        self.assertAlmostEqual(by_chance, 0.12134, places=4)
        self.assertEqual(welch([1.0, 1.0], [1.0, 1.0]), (0.0, 1.0))

    def test_chance_is_taken_for_chance(self) -> None:
        """p values of equal heaps are spread over 0 to 1."""
        heaps = [(drawn(0, 300, 2 * n), drawn(0, 300, 2 * n + 1)) for n in range(200)]
        for test in (welch, kolmogorov_smirnov):
            small = sum(test(one, other)[1] < 0.1 for one, other in heaps)
            self.assertTrue(8 <= small <= 35, (test, small))

    def test_groups_are_of_one_name(self) -> None:
        self.assertEqual(in_groups([[1, 2, 3, 4, 5], [6], [7, 8]], 2), [[1, 2], [3, 4], [7, 8]])

    def test_a_difference_shows_the_sooner_the_more_are_compared(self) -> None:
        single = compare([drawn(0.3, 3000, 1)], [drawn(0, 3000, 2)], 1)
        tens = compare([drawn(0.3, 3000, 1)], [drawn(0, 3000, 2)], 10)
        assert single is not None and tens is not None
        self.assertEqual((single.groups, tens.groups), (3000, 300))
        self.assertEqual(sorted(single.leaks), sorted(single.aucs))
        for classifier in ("mean", "median", "edge"):
            self.assertGreater(tens.aucs[classifier], single.aucs[classifier] + 0.05, classifier)
        self.assertEqual(tens.best[0], "mean")

    def test_none_shows_none(self) -> None:
        for repeats in (1, 10, 100):
            found = compare([drawn(0, 3000, 1)], [drawn(0, 3000, 2)], repeats)
            assert found is not None
            self.assertEqual(found.leaks, [])

    def test_too_few(self) -> None:
        self.assertIsNone(compare([drawn(0, 99, 1)], [drawn(0, 500, 2)], 10))

    def test_what_is_tolerated_shrinks_to_two_hundredths(self) -> None:
        self.assertGreater(tolerated(100), tolerated(1000))
        self.assertEqual(tolerated(20_000), TOLERATED)
