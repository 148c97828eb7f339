"""The connections to one pod: few, bounded, used again."""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.trial.unittest import SynchronousTestCase

from pods.errors import AtLimit, NoConnection, Refusal
from pods.http1.fields import response_kinds
from pods.http1.heads import HeadLimits
from pods.http1.pool import PodPool, PoolLimits
from pods.http1.upstream import Discarded, PodConnection, UpstreamSettings
from pods.outbox import Outbox
from tests.support_memory import MemoryReactor
from tests.support_messages import response
from tests.support_wire import Wire


class Waiting:
    """Somebody who wants a connection."""

    def __init__(self) -> None:
        self.connection: PodConnection | None = None
        self.refusal: Refusal | None = None

    def connected(self, connection: PodConnection) -> None:
        self.connection = connection

    def unreachable(self, refusal: Refusal) -> None:
        self.refusal = refusal


class Watching:
    """Somebody who is told how connecting goes."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def dialed(self) -> None:
        self.told.append("dialed")

    def could_not_dial(self, reason: str) -> None:
        self.told.append(reason)


class PoolTestCase(SynchronousTestCase):
    def make_pool(self, **limits: Any) -> PodPool:
        self.reactor = MemoryReactor()
        self.dialings: list[Deferred[PodConnection]] = []
        self.wires: list[Wire] = []
        self.observer = Watching()
        settings = UpstreamSettings(
            clock=self.reactor,
            outbox=Outbox(partial(self.reactor.callLater, 0)),
            kinds=response_kinds("X-Gitlab-Pod-"),
            limits=HeadLimits(),
            response_head_seconds=10,
            continue_seconds=1,
            idle_seconds=10,
            pool_idle_seconds=60,
        )
        self.pool = PodPool(self.dial, settings, PoolLimits(**limits), self.observer)
        self.addCleanup(self.check_that_nothing_is_left)
        return self.pool

    def dial(self, factory: Any) -> Deferred[PodConnection]:
        self.factory = factory
        self.dialings.append(Deferred())
        return self.dialings[-1]

    def connect(self, at: int = 0) -> PodConnection:
        """Let one of the dialled connections come about."""
        wire = Wire(self.reactor, "127.0.0.1")
        self.wires.append(wire)
        connection: PodConnection = self.factory.buildProtocol(None)
        wire.connect(connection)
        self.dialings.pop(at).callback(connection)
        return connection

    def refuse(self) -> None:
        """Let the first of the dialled connections fail."""
        self.dialings.pop(0).errback(ConnectionRefusedError())

    def serve(self, connection: PodConnection) -> None:
        """Let a connection do one exchange, after which the pool has it back."""
        connection.begin(Discarded(connection, 1000), b"GET / HTTP/1.1\r\n\r\n", to_head=False)
        connection.request_is_sent()
        wire = connection.transport
        wire = getattr(wire, "wire", wire)
        assert isinstance(wire, Wire)
        wire.say(response(200))

    def waiting(self, count: int) -> list[Waiting]:
        """So many who could not have a connection at once."""
        waiters = [Waiting() for _ in range(count)]
        for waiter in waiters:
            self.assertIsNone(self.pool.take(waiter))
        return waiters

    def check_that_nothing_is_left(self) -> None:
        self.pool.abort()
        self.reactor.settle()
        self.reactor.pass_time(10)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertEqual((self.pool.open_connections, self.pool.waiting_requests), (0, 0))


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

    def test_an_idle_one_makes_room_for_a_fresh_one(self) -> None:
        pool = self.make_pool(connections=1)
        self.waiting(1)
        used = self.connect()
        self.serve(used)
        waiter = Waiting()
        self.assertIsNone(pool.take(waiter, fresh=True))
        self.assertEqual((pool.idle_connections, len(self.dialings)), (0, 1))
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

    def idle(self, count: int, **limits: Any) -> list[PodConnection]:
        """So many idle connections, the one used last at the end."""
        self.make_pool(**limits)
        self.waiting(count)
        connections = [self.connect() for _ in range(count)]
        for connection in connections:
            self.serve(connection)
        return connections

    def test_more_idle_ones_than_wanted_are_closed(self) -> None:
        connections = self.idle(3, idle_connections=1)
        self.assertEqual(self.pool.idle_connections, 3)
        self.reactor.pass_time(1)
        self.assertEqual(self.pool.idle_connections, 2)  # the third came within that second
        self.reactor.pass_time(1)
        self.assertEqual((self.pool.idle_connections, self.pool.open_connections), (1, 1))
        self.assertIs(self.pool.take(Waiting()), connections[-1])

    def test_those_that_are_needed_are_not_closed(self) -> None:
        self.idle(4, idle_connections=1)
        for _ in range(5):
            self.reactor.pass_time(0.5)
            taken = [self.pool.take(Waiting()) for _ in range(3)]
            self.reactor.pass_time(0.5)
            for connection in taken:
                assert connection is not None
                self.serve(connection)
        self.assertEqual(self.pool.idle_connections, 4)
        self.reactor.pass_time(1)
        self.reactor.pass_time(1)
        self.assertEqual(self.pool.idle_connections, 1)

    def test_not_one_idle_one(self) -> None:
        self.idle(1, idle_connections=0)
        self.assertEqual(self.pool.open_connections, 0)

    def test_no_looking_for_ever(self) -> None:
        self.idle(3, idle_connections=1)
        self.pool.retire()
        self.assertEqual((self.pool.open_connections, self.reactor.getDelayedCalls()), (0, []))


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
