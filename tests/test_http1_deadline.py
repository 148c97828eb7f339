"""Deadlines against a naive model, and what they leave with the clock."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pods.http1.deadline import Deadline

STEPS = st.lists(
    st.tuples(st.sampled_from(["set", "set", "advance", "advance", "clear"]), st.integers(0, 20)),
    max_size=30,
)


class DeadlineTests(SynchronousTestCase):
    """One movable point in time."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.expired: list[float] = []
        self.deadline = Deadline(self.clock, lambda: self.expired.append(self.clock.seconds()))

    def test_expires_once(self) -> None:
        self.deadline.set(5)
        self.clock.advance(4)
        self.assertEqual(self.expired, [])
        self.clock.advance(1)
        self.clock.advance(100)
        self.assertEqual(self.expired, [5])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_moves_later_without_touching_the_clock(self) -> None:
        self.deadline.set(5)
        calls = self.clock.getDelayedCalls()
        for _ in range(100):
            self.deadline.set(9)
        self.assertEqual(self.clock.getDelayedCalls(), calls)
        self.clock.advance(5)
        self.assertEqual(self.expired, [])
        self.clock.advance(4)
        self.assertEqual(self.expired, [9])

    def test_moves_earlier(self) -> None:
        self.deadline.set(50)
        self.deadline.set(5)
        self.clock.advance(5)
        self.assertEqual(self.expired, [5])
        self.clock.advance(100)
        self.assertEqual(self.expired, [5])

    def test_set_again_by_what_it_calls(self) -> None:
        times: list[float] = []

        def again() -> None:
            times.append(self.clock.seconds())
            if len(times) < 3:
                deadline.set(5)

        deadline = Deadline(self.clock, again)
        deadline.set(5)
        for _ in range(20):
            self.clock.advance(1)
        self.assertEqual(times, [5, 10, 15])

    def test_closed_by_what_it_calls(self) -> None:
        deadline = Deadline(self.clock, lambda: deadline.close())
        deadline.set(1)
        self.clock.advance(1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_cleared_one_goes_away_by_itself(self) -> None:
        self.deadline.set(5)
        self.deadline.clear()
        self.clock.advance(5)
        self.assertEqual((self.expired, self.clock.getDelayedCalls()), ([], []))

    @settings(deadline=None, max_examples=150)
    @given(STEPS)
    def test_against_a_model(self, steps: list[tuple[str, int]]) -> None:
        """It expires when, and as often as, a timer that is made anew each time would."""
        self.setUp()
        due: float | None = None
        expected = 0
        for step, seconds in steps:
            if step == "set":
                self.deadline.set(seconds)
                due = self.clock.seconds() + seconds
            elif step == "clear":
                self.deadline.clear()
                due = None
            else:
                self.clock.advance(seconds)
                if due is not None and due <= self.clock.seconds():
                    due, expected = None, expected + 1
            self.assertEqual(len(self.expired), expected)
            self.assertLessEqual(len(self.clock.getDelayedCalls()), 1)
        self.deadline.close()
        self.deadline.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.clock.advance(100)
        self.assertEqual(len(self.expired), expected)
