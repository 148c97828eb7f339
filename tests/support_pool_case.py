"""A pool of connections to a pod, whose network is in memory."""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.trial.unittest import SynchronousTestCase

from pods.errors import Refusal
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
