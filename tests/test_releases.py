"""``pods.releases``: held responses leave at ticks, and in no order."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pods.counters import Counters
from pods.releases import TICK_SECONDS, Release, Releases


class ReleasesTests(SynchronousTestCase):
    """``Releases``"""

    def setUp(self) -> None:
        self.clock = Clock()
        self.counters = Counters()
        self.left: list[str] = []
        self.releases = Releases(self.clock, random.Random(1), self.counters, limit=2)

    def hold(self, at: float, name: str, takes_room: bool = True) -> Release:
        return self.releases.hold(at, lambda: self.left.append(name), takes_room)

    @given(st.floats(0, 1e6), st.floats(0, 60))
    def test_at_the_first_tick_that_is_not_before(self, now: float, seconds: float) -> None:
        clock = Clock()
        clock.advance(now)
        releases = Releases(clock, random.Random(), Counters(), limit=2)
        left: list[float] = []
        releases.hold(now + seconds, lambda: left.append(clock.seconds()))
        (call,) = clock.getDelayedCalls()
        clock.advance(call.getTime() - clock.seconds())
        clock.advance(1e-9)
        late = left[0] - (now + seconds)
        self.assertTrue(-1e-6 < late < TICK_SECONDS + 1e-6, late)
        ticks = left[0] / TICK_SECONDS
        self.assertAlmostEqual(ticks, round(ticks), places=4)

    def test_the_time_of_a_tick_means_that_tick(self) -> None:
        """Also where the number that says it is a little more than so many ticks."""
        for number in range(1, 3000):
            at = number * TICK_SECONDS
            self.assertEqual(self.hold(at, "").tick, number)
        sums = 0.0
        for number in range(1, 3000):
            sums += TICK_SECONDS
            self.assertEqual(self.hold(sums, "").tick, number)

    def test_what_is_due_together_shares_a_timer_and_leaves_together(self) -> None:
        for at, name in ((0.0971, "a"), (0.0999, "b"), (0.1, "c"), (0.1001, "d")):
            self.hold(at, name)
        self.assertEqual(len(self.clock.getDelayedCalls()), 2)
        self.clock.advance(0.0999)
        self.assertEqual(self.left, [])
        self.clock.advance(0.0001)
        self.assertEqual(sorted(self.left), ["a", "b", "c"])
        self.clock.advance(0.01)
        self.assertEqual(self.left[3:], ["d"])

    def test_the_order_says_nothing(self) -> None:
        orders: Counter[str] = Counter()
        for _ in range(600):
            at = self.clock.seconds() + 0.1
            for name in "abc":
                self.hold(at, name)
            self.clock.advance(0.11)
            orders["".join(self.left)] += 1
            self.left.clear()
        self.assertEqual(len(orders), 6)
        self.assertGreater(min(orders.values()), 60)

    def test_the_order_is_drawn_from_the_chance_that_is_given(self) -> None:
        orders = []
        for seed in (1, 1, 2, 3):
            self.releases = Releases(self.clock, random.Random(seed), self.counters, limit=2)
            for name in "abcdefghij":
                self.hold(self.clock.seconds() + 0.1, name)
            self.clock.advance(0.11)
            orders.append("".join(self.left))
            self.left.clear()
        self.assertEqual(orders[0], orders[1])
        self.assertEqual(len(set(orders)), 3)

    def test_dropped(self) -> None:
        one, other = self.hold(0.1, "one"), self.hold(0.1, "other")
        self.releases.drop(one)
        self.releases.drop(one)
        self.assertEqual(self.counters.not_found_waiting, 1)
        self.clock.advance(0.1)
        self.assertEqual(self.left, ["other"])
        self.releases.drop(other)
        self.assertEqual(self.counters.not_found_waiting, 0)

    def test_the_timer_goes_with_the_last(self) -> None:
        for release in [self.hold(0.1, "one"), self.hold(0.1, "other")]:
            self.assertEqual(len(self.clock.getDelayedCalls()), 1)
            self.releases.drop(release)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_full(self) -> None:
        first = self.hold(0.1, "first")
        self.hold(0.1, "refusal", takes_room=False)
        self.assertFalse(self.releases.is_full)
        self.hold(0.1, "second")
        self.assertTrue(self.releases.is_full)
        self.releases.drop(first)
        self.assertFalse(self.releases.is_full)
        self.clock.advance(0.1)
        self.assertEqual(sorted(self.left), ["refusal", "second"])
        self.assertEqual(self.counters.not_found_waiting, 0)
        self.assertEqual(self.counters.not_found_held, 2)

    def test_what_was_added_is_counted(self) -> None:
        self.hold(0.3, "one")
        self.clock.advance(0.1)
        self.releases.drop(self.hold(0.3, "dropped"))
        self.hold(0.3, "other")
        self.clock.advance(0.2)
        added = self.counters.not_found_added
        self.assertEqual(sum(added.counts), 2)
        self.assertAlmostEqual(added.seconds, 0.5)

    def test_one_that_fails_keeps_nobody_back(self) -> None:
        def fail() -> None:
            raise ZeroDivisionError

        self.releases.hold(0.1, fail)
        self.hold(0.1, "other")
        self.clock.advance(0.1)
        self.assertEqual(self.left, ["other"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_one_that_drops_another_of_its_tick(self) -> None:
        """A client may leave because of what another one got."""
        held: list[Release] = []

        def drop_all() -> None:
            self.left.append("one")
            for release in held:
                self.releases.drop(release)

        held.extend(self.releases.hold(0.1, drop_all) for _ in range(3))
        self.clock.advance(0.1)
        self.assertEqual(self.left, ["one"])
        self.assertEqual(self.counters.not_found_waiting, 0)
