"""Many waits with one timer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pods.timeouts import Timeouts


class Wait:
    """Notes when it expires."""

    def __init__(self, clock: Clock, then: Callable[[], object] = lambda: None) -> None:
        self.clock = clock
        self.then = then
        self.expired_at: list[float] = []

    def expired(self) -> None:
        self.expired_at.append(self.clock.seconds())
        self.then()


class StrictClock(Clock):
    """As reactors are."""

    def callLater(self, delay: float, callable: Any, *args: Any, **kw: Any) -> Any:
        assert delay >= 0
        return super().callLater(delay, callable, *args, **kw)


class TimeoutsTests(SynchronousTestCase):
    """Each expires in its own time, and the reactor has one timer for all of one length."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.timeouts = Timeouts(self.clock)

    def waiting(self, seconds: float, then: Callable[[], object] = lambda: None) -> Wait:
        wait = Wait(self.clock, then)
        self.timeouts.begin(seconds, wait)
        return wait

    def test_each_in_its_own_time(self) -> None:
        first = self.waiting(2)
        self.clock.advance(0.5)
        second, short = self.waiting(2), self.waiting(1)
        self.assertEqual(len(self.clock.getDelayedCalls()), 2)
        self.clock.pump([0.5] * 6)
        self.assertEqual([first.expired_at, second.expired_at], [[2.0], [2.5]])
        self.assertEqual(short.expired_at, [1.5])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_those_that_end_leave_nothing(self) -> None:
        first, second = self.waiting(2), self.waiting(2)
        self.timeouts.end(2, first)
        self.timeouts.end(2, first)
        self.timeouts.end(3, first)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.timeouts.end(2, second)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.clock.advance(5)
        self.assertEqual(first.expired_at + second.expired_at, [])

    def test_one_that_expires_may_end_another(self) -> None:
        first = self.waiting(2, lambda: self.timeouts.end(2, second))
        second = self.waiting(2)
        self.clock.advance(2)
        self.assertEqual([first.expired_at, second.expired_at], [[2.0], []])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_one_that_raises_harms_no_other(self) -> None:
        raising = self.waiting(2, lambda: 1 // 0)
        others = [self.waiting(2)]
        self.clock.advance(1)
        others.append(self.waiting(2))
        self.clock.pump([1, 1])
        self.assertEqual([wait.expired_at for wait in [raising, *others]], [[2.0], [2.0], [3.0]])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_time_that_cannot_be_leaves_nothing(self) -> None:
        timeouts = Timeouts(StrictClock())
        wait = Wait(self.clock)
        for _ in range(2):
            self.assertRaises(AssertionError, timeouts.begin, -1, wait)
        timeouts.end(-1, wait)

    def test_one_that_expires_may_begin_another(self) -> None:
        begun: list[Wait] = []
        for others in (0, 1):
            self.waiting(2, lambda: begun.append(self.waiting(2)))
            for _ in range(others):
                self.waiting(2)
        self.clock.advance(2)
        self.assertEqual([wait.expired_at for wait in begun], [[], []])
        self.clock.advance(2)
        self.assertEqual([wait.expired_at for wait in begun], [[4.0], [4.0]])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    @settings(max_examples=100, deadline=None)
    @given(
        steps=st.lists(
            st.tuples(st.sampled_from([0, 0.25, 1]), st.sampled_from([1, 2]), st.integers(-1, 9)),
            max_size=40,
        )
    )
    def test_as_with_a_timer_for_each(self, steps: list[tuple[float, float, int]]) -> None:
        self.setUp()
        waits: list[tuple[float, Wait]] = []
        right: list[tuple[Wait, list[float]]] = []
        ended: dict[Wait, float] = {}
        for pause, seconds, end in steps:
            self.clock.pump([0.25] * int(pause * 4))
            if 0 <= end < len(waits):
                length, wait = waits[end]
                self.timeouts.end(length, wait)
                ended.setdefault(wait, self.clock.seconds())
            due = self.clock.seconds() + seconds
            waits.append((seconds, self.waiting(seconds)))
            right.append((waits[-1][1], [due]))
        self.clock.pump([0.25] * 12)
        for wait, due_at in right:
            is_in_time = ended.get(wait, due_at[0] + 1) < due_at[0]
            self.assertEqual(wait.expired_at, [] if is_in_time else due_at)
        self.assertEqual(self.clock.getDelayedCalls(), [])
