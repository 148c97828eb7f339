"""A router whose network is in memory: clients and pods are scripts, and time is moved by hand."""

from __future__ import annotations

from typing import Any

import attrs
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from pods.config import from_mapping
from pods.http1.server import ClientConnection
from pods.journal import Journal
from pods.lasting import Lasting
from pods.router import Router
from pods.stores.memory import MemoryStore
from pods.testing import ScriptedRandom
from tests.support_messages import Message
from tests.support_wire import Wire

#: The time of day at which a world begins.
MIDNIGHT_SECONDS = 1_700_006_400.0


@attrs.define(eq=False)
class MemoryPod:
    """A pod that says what the test says."""

    name: str
    port: int
    mode: str = "accepts"  #: or ``refuses``, or ``silent``: connecting takes for ever
    wires: list[Wire] = attrs.field(factory=list)  #: its connections, the newest last

    @property
    def wire(self) -> Wire:
        """The newest connection."""
        return self.wires[-1]

    def say(self, data: bytes) -> None:
        """Send on the newest connection."""
        self.wire.say(data)

    def take(self) -> Message:
        """The next complete request on the newest connection."""
        return self.wire.take()

    @property
    def was_contacted(self) -> bool:
        """Whether anybody has connected, or asked for more on a connection that is there."""
        return any(wire.received or wire.is_broken for wire in self.wires)


@attrs.define(eq=False)
class _Dialing:
    """A connection that is being made; the ``IConnector`` of it."""

    pod: MemoryPod
    factory: Any
    is_over: bool = False

    def stopConnecting(self) -> None:
        self.is_over = True

    def getDestination(self) -> IPv4Address:
        return IPv4Address("TCP", "127.0.0.1", self.pod.port)


class MemoryReactor(Clock):
    """Time that is moved by hand, and connections to pods in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.wires: list[Wire] = []
        self.pods: dict[int, MemoryPod] = {}
        self._dialings: list[_Dialing] = []

    def connectTCP(self, host: str, port: int, factory: Any, *args: Any, **kw: Any) -> Any:
        dialing = _Dialing(self.pods[port], factory)
        factory.doStart()
        factory.startedConnecting(dialing)
        self._dialings.append(dialing)
        return dialing

    def wall_seconds(self) -> float:
        """The time of day: not what the reactor's clock counts from."""
        return MIDNIGHT_SECONDS + self.seconds()

    def settle(self) -> None:
        """Let everything happen that can happen now."""
        self.advance(0)
        while self._connect() or self._give_turns():
            pass

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and everything happen that follows."""
        self.advance(seconds)
        self.settle()

    def _give_turns(self) -> bool:
        turns = [wire.turn() for wire in list(self.wires)]
        return any(turns)

    def _connect(self) -> bool:
        ready = [d for d in self._dialings if d.is_over or d.pod.mode != "silent"]
        self._dialings = [d for d in self._dialings if d not in ready]
        for dialing in ready:
            if dialing.is_over:
                continue
            if dialing.pod.mode == "refuses":
                dialing.factory.clientConnectionFailed(dialing, Failure(ConnectionRefusedError()))
                continue
            wire = Wire(self, "127.0.0.1")
            dialing.pod.wires.append(wire)
            wire.connect(dialing.factory.buildProtocol(dialing.getDestination()))
        return bool(ready)


POD_NAMES = ("pod_a", "pod_b", "pod_c", "pod_d")


class World:
    """A router with four pods, and everything there is to look at.

    :param folder: for held bodies.
    :param choices: the pods that chance picks, in turn.
    :param tables: of ``router.toml``; each is laid over a small default.
    """

    def __init__(self, folder: str, choices: tuple[str, ...], tables: dict[str, Any]) -> None:
        self.records: list[Journal] = []
        self.reactor = MemoryReactor()
        self.pods = {name: MemoryPod(name, 9100 + at) for at, name in enumerate(POD_NAMES)}
        self.reactor.pods = {pod.port: pod for pod in self.pods.values()}
        self.chance = ScriptedRandom(choices)
        config = from_mapping(_with_defaults(tables, self.pods), "router.toml", folder)
        wall_seconds = self.reactor.wall_seconds
        store = MemoryStore(config.cache.max_entries, wall_seconds)
        lasting = Lasting.begin(config, self.reactor, store, self.chance, wall_seconds)
        self.router = Router(config, self.reactor, lasting)
        Deferred.fromCoroutine(self.router.memory.open())
        self.router.lasting.access_log = self

    def write(self, record: Journal) -> None:
        """The access log."""
        self.records.append(record)

    def client(self, address: str = "192.0.2.7") -> Wire:
        """A new client."""
        wire = Wire(self.reactor, address)
        wire.connect(ClientConnection(self.router, self.router.server_settings))
        self.reactor.settle()
        return wire

    def use_strategy(self, strategy: Any) -> None:
        """Let this strategy place the requests that come next."""
        self.router.strategy = strategy

    def use_delay(self, policy: Any) -> None:
        """Let this policy decide when the 404s that come next may leave."""
        self.router.delay = policy

    def knows(self, path: str) -> str | None:
        """The pod that is remembered for a path."""
        entry = self.router.memory.recall(path)
        assert not isinstance(entry, Deferred), "the store in memory answers at once"
        return entry.pod if entry is not None else None

    def contacted(self) -> list[str]:
        """The pods that have been connected to."""
        return [pod.name for pod in self.pods.values() if pod.wires]


def _with_defaults(tables: dict[str, Any], pods: dict[str, MemoryPod]) -> dict[str, Any]:
    urls = {pod.name: {"url": f"http://127.0.0.1:{pod.port}"} for pod in pods.values()}
    defaults: dict[str, Any] = {
        "router": {"listen": ["tcp:8080"], "strategy": "bounce"},
        "pods": urls,
        "not_found": {"delay": "off"},
        "log": {"access": ""},
    }
    for name, table in tables.items():
        is_laid_over = isinstance(table, dict) and name in ("router", "pods", "log")
        defaults[name] = defaults[name] | table if is_laid_over else table
    return defaults


class RouterTestCase(SynchronousTestCase):
    """Every world that a test makes must be left empty: no timer, no held byte, no connection."""

    def make_world(self, *choices: str, **tables: Any) -> World:
        """A world of its own for this test; see :class:`World`."""
        world = World(self.mktemp(), choices, tables)
        self.addCleanup(self._check_that_nothing_is_left, world)
        return world

    def _check_that_nothing_is_left(self, world: World) -> None:
        router, reactor = world.router, world.reactor
        reactor.settle()
        self.assert_nothing_runs(world)
        for wire in [wire for wire in reactor.wires if wire.connected]:
            wire.reset()
        router.abort()
        reactor.settle()
        self.assertEqual(router.clients.connections, set())
        self.assertEqual(reactor.getDelayedCalls(), [])

    def assert_nothing_runs(self, world: World) -> None:
        """No exchange holds anything: bytes, files, a pod's connection, or a place in a queue."""
        budget = world.router.budget
        self.assertEqual((budget.memory_bytes, budget.spool_bytes, budget.files), (0, 0, 0))
        for name, pool in world.router.pools.items():
            self.assertEqual(pool.waiting_requests, 0, name)
            self.assertEqual(pool.open_connections, pool.idle_connections, name)
