"""The connections to one pod: few, bounded, used again."""

from __future__ import annotations

from pods.errors import AtLimit, NoConnection, Refusal
from tests.support_pool_case import PoolTestCase, Waiting


class TakeTests(PoolTestCase):
    """Handing out."""

    def test_a_new_connection_comes_later(self) -> None:
        self.make_pool()
        (waiter,) = self.waiting(1)
        connection = self.connect()
        self.assertIs(waiter.connection, connection)
        self.assertEqual((self.pool.open_connections, self.pool.idle_connections), (1, 0))

    def test_an_idle_one_comes_at_once_last_used_first(self) -> None:
        pool = self.make_pool()
        self.waiting(2)
        first, second = self.connect(), self.connect()
        self.serve(second)
        self.serve(first)
        self.assertEqual(pool.idle_connections, 2)
        self.assertIs(pool.take(Waiting()), first)
        self.assertIs(pool.take(Waiting()), second)
        self.assertEqual(self.dialings, [])

    def test_a_fresh_one_if_that_is_wanted(self) -> None:
        pool = self.make_pool()
        self.waiting(1)
        self.serve(self.connect())
        waiter = Waiting()
        self.assertIsNone(pool.take(waiter, fresh=True))
        self.assertIs(self.connect(), waiter.connection)

    def test_one_that_is_released_goes_to_who_waits_longest(self) -> None:
        self.make_pool(connections=1)
        self.waiting(1)
        connection = self.connect()
        first, second = self.waiting(2)
        self.assertEqual(self.dialings, [], "the pod has all its connections")
        self.serve(connection)
        self.assertIs(first.connection, connection)
        self.assertIsNone(second.connection)
        self.serve(connection)
        self.assertIs(second.connection, connection)

    def test_one_that_ends_makes_room(self) -> None:
        self.make_pool(connections=1)
        self.waiting(1)
        connection = self.connect()
        (waiter,) = self.waiting(1)
        connection.abort()
        self.assertIs(self.connect(), waiter.connection)

    def test_one_that_nobody_wants_any_more_becomes_idle(self) -> None:
        pool = self.make_pool()
        (waiter,) = self.waiting(1)
        pool.forget(waiter)
        self.connect()
        self.assertIsNone(waiter.connection)
        self.assertEqual(pool.idle_connections, 1)

    def test_forgetting_a_stranger_does_nothing(self) -> None:
        self.make_pool().forget(Waiting())


class RefusalTests(PoolTestCase):
    """There is none."""

    def test_each_failure_ends_one_who_waits(self) -> None:
        self.make_pool()
        first, second = self.waiting(2)
        self.refuse()
        self.assertIsInstance(first.refusal, NoConnection)
        self.assertIn("ConnectionRefusedError", str(first.refusal))
        self.assertIsNone(second.refusal)
        self.connect()
        self.assertIsNotNone(second.connection)

    def test_after_a_failure_the_next_who_waits_is_dialled_for(self) -> None:
        self.make_pool(connections=1)
        first, second = self.waiting(2)
        self.refuse()
        self.assertIsNotNone(first.refusal)
        self.assertEqual(len(self.dialings), 1)
        self.connect()
        self.assertIsNotNone(second.connection)

    def test_a_failure_ends_nobody_who_came_when_it_had_begun(self) -> None:
        pool = self.make_pool()
        (gone,) = self.waiting(1)
        pool.forget(gone)
        (waiter,) = self.waiting(1)
        self.assertEqual(len(self.dialings), 1)
        self.refuse()  # its time ran for who is gone
        self.assertIsNone(waiter.refusal)
        self.refuse()
        self.assertIsInstance(waiter.refusal, NoConnection)
        self.assertEqual((pool.waiting_requests, self.dialings), (0, []))

    def test_a_try_that_fails_ends_nobody(self) -> None:
        pool = self.make_pool()
        pool.reconnect()
        (waiter,) = self.waiting(1)
        self.refuse()
        self.assertIsNone(waiter.refusal)
        self.assertIs(self.connect(), waiter.connection)

    def test_the_queue_is_bounded(self) -> None:
        pool = self.make_pool(connections=1, queue=2)
        self.waiting(1)
        self.connect()
        self.waiting(2)
        with self.assertRaises(AtLimit):
            pool.take(Waiting())

    def test_a_queue_of_none_still_lets_connections_be_made(self) -> None:
        pool = self.make_pool(connections=2, queue=0)
        waiters = self.waiting(2)
        with self.assertRaises(AtLimit):
            pool.take(Waiting())
        for waiter in waiters:
            self.assertIs(self.connect(), waiter.connection)

    def test_too_long_in_the_queue(self) -> None:
        self.make_pool(connections=1, queue_seconds=5)
        self.waiting(1)
        self.connect()
        (waiter,) = self.waiting(1)
        self.reactor.pass_time(4.9)
        self.assertIsNone(waiter.refusal)
        self.reactor.pass_time(0.1)
        self.assertIsInstance(waiter.refusal, AtLimit)
        self.assertEqual(self.pool.waiting_requests, 0)

    def test_a_pod_that_is_down_refuses_all_who_wait_at_once(self) -> None:
        self.make_pool(connections=2)
        waiters = self.waiting(5)
        while self.dialings:
            self.refuse()
        self.assertEqual({type(waiter.refusal) for waiter in waiters}, {NoConnection})


class EndTests(PoolTestCase):
    """The end: slowly, or at once."""

    def test_retired_it_closes_idle_ones_now_and_busy_ones_when_they_are_done(self) -> None:
        pool = self.make_pool()
        self.waiting(2)
        busy, idle = self.connect(), self.connect()
        self.serve(idle)
        pool.retire()
        self.reactor.settle()
        self.assertEqual([wire.connected for wire in self.wires], [True, False])
        self.serve(busy)
        self.reactor.settle()
        self.assertFalse(self.wires[0].connected)

    def test_retired_it_still_serves_those_who_have_begun(self) -> None:
        pool = self.make_pool()
        (waiter,) = self.waiting(1)
        pool.retire()
        self.assertIs(self.connect(), waiter.connection)

    def test_aborted_it_tells_those_who_wait_and_hands_out_nothing(self) -> None:
        pool = self.make_pool(connections=1)
        waiters = self.waiting(2)
        pool.abort()
        self.assertEqual([isinstance(w.refusal, Refusal) for w in waiters], [True, True])
        with self.assertRaises(AtLimit):
            pool.take(Waiting())

    def test_everything_at_once(self) -> None:
        pool = self.make_pool()
        self.waiting(1)
        self.connect()
        pool.abort()
        self.reactor.settle()
        self.assertTrue(self.wires[0].is_broken)


class ObserverTests(PoolTestCase):
    """How connecting goes, and trying it for its own sake."""

    def test_each_outcome_is_told_before_who_waits_acts_on_it(self) -> None:
        self.make_pool()
        first, _ = self.waiting(2)
        told_before: list[list[str]] = []
        first.unreachable = lambda refusal: told_before.append(list(self.observer.told))  # type: ignore[method-assign]
        self.refuse()
        self.connect()
        self.assertEqual(self.observer.told[1:], ["dialed"])
        self.assertEqual(told_before, [self.observer.told[:1]])
        self.assertIn("ConnectionRefusedError", self.observer.told[0])

    def test_nothing_is_told_of_dialling_that_was_given_up(self) -> None:
        pool = self.make_pool()
        self.waiting(1)
        pool.abort()
        self.assertEqual(self.observer.told, [])

    def test_nothing_is_told_by_a_pool_that_is_retired(self) -> None:
        pool = self.make_pool()
        self.waiting(2)
        pool.retire()
        self.connect()
        self.refuse()
        self.assertEqual(self.observer.told, [])

    def test_a_connection_for_nobody_waits_for_the_next_request(self) -> None:
        pool = self.make_pool()
        pool.reconnect()
        connection = self.connect()
        self.assertEqual((self.observer.told, pool.idle_connections), (["dialed"], 1))
        self.assertIs(pool.take(Waiting()), connection)

    def test_a_connection_for_nobody_does_not_wait_for_ever(self) -> None:
        pool = self.make_pool()
        pool.reconnect()
        self.connect()
        self.reactor.pass_time(59)
        self.assertEqual(pool.idle_connections, 1)
        self.reactor.pass_time(1)
        self.assertEqual(pool.open_connections, 0)

    def test_one_try_at_a_time_and_none_for_a_pool_that_can_have_no_more(self) -> None:
        pool = self.make_pool(connections=2)
        pool.reconnect()
        pool.reconnect()
        self.assertEqual(len(self.dialings), 1)
        self.connect()
        pool.reconnect()
        self.connect()
        pool.reconnect()
        self.assertEqual(self.dialings, [])

    def test_a_try_serves_who_came_meanwhile(self) -> None:
        pool = self.make_pool()
        pool.reconnect()
        (waiter,) = self.waiting(1)
        self.assertEqual(len(self.dialings), 1)
        self.assertIs(self.connect(), waiter.connection)

    def test_no_try_after_the_end(self) -> None:
        pool = self.make_pool()
        pool.abort()
        pool.reconnect()
        self.assertEqual(self.dialings, [])
