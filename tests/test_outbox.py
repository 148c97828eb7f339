"""When those that have something to send are told to send it."""

from __future__ import annotations

from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pods.outbox import EVENTS_SENT_SINGLY, LARGE_BYTES, MANY, WORTHWHILE, Outbox


class Sender:
    """Counts what it is told."""

    def __init__(self) -> None:
        self.flushed = 0

    def flush(self) -> None:
        self.flushed += 1


class OutboxTests(SynchronousTestCase):
    """Events and turns of a loop."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.outbox = Outbox(partial(self.clock.callLater, 0))

    def event(self, senders: int = 1, size_bytes: int = 1) -> list[Sender]:
        """An event in which so many are written to."""
        made = [Sender() for _ in range(senders)]
        self.outbox.promised = True
        for sender in made:
            self.outbox.add(sender)
        self.outbox.event_is_over(size_bytes)
        return made

    def turn(self) -> None:
        self.clock.advance(0)

    def wait_for_turns(self) -> None:
        """Have as many events as it takes until it is tried to wait for the end of a turn."""
        for _ in range(EVENTS_SENT_SINGLY):
            self.assert_sent(self.event())

    def assert_sent(self, senders: list[Sender]) -> None:
        self.assertEqual([sender.flushed for sender in senders], [1] * len(senders))

    def assert_not_sent(self, senders: list[Sender]) -> None:
        self.assertEqual([sender.flushed for sender in senders], [0] * len(senders))

    def test_at_first_each_event_is_for_itself(self) -> None:
        self.wait_for_turns()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_many_events_in_a_turn_wait_for_its_end(self) -> None:
        self.wait_for_turns()
        for _ in range(10):
            waiting = [sender for _ in range(WORTHWHILE) for sender in self.event()]
            self.assert_not_sent(waiting)
            self.turn()
            self.assert_sent(waiting)
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_few_events_in_a_turn_are_for_themselves_again(self) -> None:
        self.wait_for_turns()
        few = self.event(WORTHWHILE - 1)
        self.assert_not_sent(few)
        self.turn()
        self.assert_sent(few)
        self.wait_for_turns()
        self.assert_not_sent(self.event())

    def test_many_do_not_wait(self) -> None:
        self.wait_for_turns()
        waiting = self.event(MANY - 1)
        self.assert_not_sent(waiting)
        self.assert_sent(waiting + self.event())
        late = self.event()
        self.assert_not_sent(late)
        self.turn()
        self.assert_sent(late)
        self.assert_not_sent(self.event())  # there were many in that turn

    def test_much_does_not_wait(self) -> None:
        self.wait_for_turns()
        self.assert_sent(self.event() + self.event(size_bytes=LARGE_BYTES + 1))

    def test_an_event_without_anything_to_send(self) -> None:
        self.wait_for_turns()
        self.event(0)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        late = Sender()
        self.outbox.add(late)
        self.turn()
        self.assert_sent([late])

    def test_one_that_fails_takes_nobody_along(self) -> None:
        failing = Sender()
        failing.flush = lambda: 1 // 0  # type: ignore[method-assign, assignment]
        others = [Sender(), Sender()]
        self.outbox.promised = True
        for sender in (others[0], failing, others[1]):
            self.outbox.add(sender)
        self.outbox.event_is_over(1)
        self.assert_sent(others)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_outside_of_events_it_takes_a_turn(self) -> None:
        sender = Sender()
        self.outbox.add(sender)
        self.assert_not_sent([sender])
        self.turn()
        self.assert_sent([sender])
        self.assert_sent(self.event())

    @settings(max_examples=200, deadline=None)
    @given(
        st.lists(
            st.one_of(
                st.tuples(st.integers(0, 5), st.sampled_from([1, LARGE_BYTES + 1])),
                st.sampled_from(["add", "turn", "events"]),
            ),
            max_size=30,
        )
    )
    def test_nobody_is_forgotten_or_told_twice(self, steps: list[tuple[int, int] | str]) -> None:
        self.setUp()
        senders: list[Sender] = []
        for step in steps:
            if step == "turn":
                self.turn()
                self.assert_sent(senders)
            elif step == "add":
                senders.append(Sender())
                self.outbox.add(senders[-1])
            elif step == "events":
                senders += [one for _ in range(EVENTS_SENT_SINGLY) for one in self.event()]
            else:
                senders += self.event(int(step[0]), int(step[1]))
        self.turn()
        self.assert_sent(senders)
        self.assertEqual(self.clock.getDelayedCalls(), [])
