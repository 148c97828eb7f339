"""Idle connections: how many are kept, and who may need their room."""

from __future__ import annotations

from typing import Any

from pods.http1.pool import SPARE_SECONDS
from pods.http1.upstream import PodConnection
from tests.support_pool_case import PoolTestCase, Waiting


class IdleTests(PoolTestCase):
    """More than wanted are closed, but not while they are needed."""

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
        self.reactor.pass_time(SPARE_SECONDS)
        self.assertEqual(self.pool.idle_connections, 2)  # the third came after it was begun to look
        self.reactor.pass_time(SPARE_SECONDS)
        self.assertEqual((self.pool.idle_connections, self.pool.open_connections), (1, 1))
        self.assertIs(self.pool.take(Waiting()), connections[-1])

    def test_those_that_are_needed_are_not_closed(self) -> None:
        self.idle(4, idle_connections=1)
        for _ in range(5):
            self.reactor.pass_time(SPARE_SECONDS / 2)
            taken = [self.pool.take(Waiting()) for _ in range(3)]
            self.reactor.pass_time(SPARE_SECONDS / 2)
            for connection in taken:
                assert connection is not None
                self.serve(connection)
        self.assertEqual(self.pool.idle_connections, 4)
        self.reactor.pass_time(SPARE_SECONDS)
        self.reactor.pass_time(SPARE_SECONDS)
        self.assertEqual(self.pool.idle_connections, 1)

    def test_not_one_idle_one(self) -> None:
        self.idle(1, idle_connections=0)
        self.assertEqual(self.pool.open_connections, 0)

    def test_no_looking_for_ever(self) -> None:
        self.idle(3, idle_connections=1)
        self.pool.retire()
        self.assertEqual((self.pool.open_connections, self.reactor.getDelayedCalls()), (0, []))


class FreshTests(PoolTestCase):
    """Who wants a connection that has not been used does not wait beside idle ones."""

    def test_an_idle_one_makes_room_for_a_fresh_one(self) -> None:
        pool = self.make_pool(connections=1)
        self.waiting(1)
        used = self.connect()
        self.serve(used)
        waiter = Waiting()
        self.assertIsNone(pool.take(waiter, fresh=True))
        self.assertEqual((pool.idle_connections, len(self.dialings)), (0, 1))
        self.assertIs(self.connect(), waiter.connection)

    def check_released(self, connections: int, *, idle: int) -> None:
        """One is given back while somebody waits for a fresh one.

        :param idle: how many are idle then.
        """
        pool = self.make_pool(connections=connections)
        self.waiting(1)
        used = self.connect()
        waiter = Waiting()
        self.assertIsNone(pool.take(waiter, fresh=True))
        self.serve(used)
        self.assertEqual((pool.idle_connections, len(self.dialings)), (idle, 1))
        self.assertIs(self.connect(), waiter.connection)

    def test_one_that_is_released_makes_room_for_a_fresh_one(self) -> None:
        self.check_released(connections=1, idle=0)

    def test_one_that_is_released_while_a_fresh_one_is_made_is_kept(self) -> None:
        self.check_released(connections=2, idle=1)
