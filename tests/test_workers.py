"""The parts of a router of several workers that need no processes."""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IReactorTCP
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import LogLevel, capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from pods.checking import checked
from pods.config import Config, from_mapping
from pods.listeners import CannotStart
from pods.workers.line import Line, Message, connect
from pods.workers.logs import PipeObserver, Relay
from pods.workers.process import command, environment, reactor_name
from pods.workers.shares import share_of
from pods.workers.sockets import GivenSockets, HeldSockets
from pods.workers.supervisor import Supervisor
from pods.workers.watching import CrewReadiness

MINIMAL = {"pods": {"pod_a": {"url": "http://127.0.0.1:9"}}}
ROUTER = {"listen": ["tcp:8080"], "strategy": "bounce"}


class ShareTests(SynchronousTestCase):
    def share(self, workers: int, **tables: Any) -> Config:
        table = {**MINIMAL, "router": {**ROUTER, "workers": workers}, **tables}
        return share_of(from_mapping(table, "router.toml", "/"))

    def test_what_is_shared(self) -> None:
        limits = {
            **{"client_connections": 100, "pod_connections": 10, "pod_idle_connections": 7},
            **{"pod_queue": 0, "held_not_found": 1},
        }
        body = {"total_spool_bytes": 1001, "total_memory_bytes": 8}
        share = self.share(2, limits=limits, body=body)
        self.assertEqual((share.limits.client_connections, share.limits.pod_connections), (50, 5))
        self.assertEqual(share.limits.pod_idle_connections, 4)
        self.assertEqual((share.limits.pod_queue, share.limits.held_not_found), (0, 1))
        self.assertEqual((share.body.total_spool_bytes, share.body.total_memory_bytes), (501, 4))

    def test_what_is_not(self) -> None:
        share = self.share(4, admin={}, limits={"body_bytes": 9}, body={"spool_bytes": 5})
        self.assertEqual((share.limits.body_bytes, share.body.spool_bytes), (9, 5))
        self.assertIsNone(share.admin)

    def test_one_worker_has_everything(self) -> None:
        self.assertEqual(self.share(1).limits.client_connections, 10_000)


class LineTests(TestCase):
    """Two ends in one process."""

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.heard: list[tuple[Message, list[int]]] = []
        self.lost: Deferred[None] = Deferred()
        one, other = socket.socketpair()
        self.supervisor = Line(lambda message, descriptors: None, lambda: None)
        self.worker = Line(self.hear, lambda: self.lost.callback(None))
        with one, other:
            connect(self.supervisor, one.fileno(), reactor)
            connect(self.worker, other.fileno(), reactor)
        self.addCleanup(lambda: self.lost)
        self.addCleanup(self.supervisor.hang_up)

    def hear(self, message: Message, descriptors: list[int]) -> None:
        self.heard.append((message, descriptors))
        if "number" in message:
            self.worker.answer(message, {"answer": message["question"]})

    async def test_answers_come_to_their_questions(self) -> None:
        asked = [self.supervisor.ask({"question": number}) for number in range(3)]
        self.assertEqual([(await answer)["answer"] for answer in asked], [0, 1, 2])

    async def test_descriptors_come_with_their_message(self) -> None:
        files = [os.memfd_create(name) for name in ("a", "b", "c")]
        for number, file in enumerate(files):
            os.write(file, b"%d" % number)
        self.supervisor.say({"say": "one"}, files[:1])
        self.supervisor.say({"say": "none", "long": "x" * 300_000})
        await self.supervisor.ask({"question": "two"}, files[1:])
        numbers = [[os.pread(file, 9, 0) for file in found] for _, found in self.heard]
        self.assertEqual(numbers, [[b"0"], [], [b"1", b"2"]])
        for file in (*files, *(file for _, found in self.heard for file in found)):
            os.close(file)

    async def test_a_question_to_somebody_who_goes(self) -> None:
        asked = self.supervisor.ask({"question": 1})
        self.worker.transport.abortConnection()
        with self.assertRaises(Exception):  # noqa: B017
            await asked
        with self.assertRaises(ConnectionLost):
            await self.supervisor.ask({"question": 2})
        self.supervisor.say({"say": "nothing"}, [0])


class SupervisorTests(TestCase):
    """A supervisor that starts no worker."""

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.file = Path(self.mktemp(), "router.toml")
        self.file.parent.mkdir()
        self.file.write_text(
            '[router]\nworkers = 2\nstrategy = "bounce"\nlisten = ["tcp:0:interface=127.0.0.1"]\n'
            '[pods.pod_a]\nurl = "http://127.0.0.1:9"\n[log]\naccess = ""\n'
        )
        self.supervisor = Supervisor(checked(str(self.file)), reactor)

    async def test_a_faulty_file_of_keys_stops_the_start(self) -> None:
        keys = self.file.parent / "var" / "cookie.key"
        keys.parent.mkdir()
        keys.write_text("no key\n")
        with self.assertRaises(CannotStart) as raised:
            self.supervisor.startService()
        self.assertIn(f"{keys.absolute()}: line 1: this is no key", str(raised.exception))
        self.assertEqual(self.supervisor.addresses, [])

    async def test_one_that_stops_does_not_listen_again(self) -> None:
        self.supervisor.privilegedStartService()
        self.assertEqual(len(self.supervisor.addresses), 1)
        await self.supervisor.stopService()
        with capturedLogs() as events:
            await self.supervisor.reload()
        self.assertEqual((events, self.supervisor.addresses), ([], []))


class SocketTests(TestCase):
    """Sockets that one side holds and the other accepts on, in one process."""

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.held, self.given = HeldSockets(reactor), GivenSockets(reactor)
        self.factory = Factory.forProtocol(_Greeter)
        self.nobody = Factory.forProtocol(Protocol)  # whom it accepts hears nothing

    def give(self) -> None:
        offers = self.held.offers()
        self.given.offer((name, list(map(os.dup, numbers))) for name, numbers in offers)

    def short_path(self) -> str:
        """Short enough for a UNIX socket."""
        folder = tempfile.mkdtemp(prefix="pods-")
        self.addCleanup(shutil.rmtree, folder)
        return os.path.join(folder, "r.sock")

    async def check(self, description: str) -> None:
        """Held, it accepts nobody; given, it does, until the taker stops; then others may."""
        holding: Any = await self.held.endpoint(description).listen(self.nobody)
        self.addCleanup(holding.stopListening)
        self.assertNotIn(holding, self.reactor.getReaders())
        address = holding.getHost()
        for _ in range(2):
            self.give()
            taking: Any = await self.given.endpoint(description).listen(self.factory)
            self.given.withdraw()
            self.assertEqual(await self.greeting(address), b"hello")
            await taking.stopListening()

    async def greeting(self, address: Any) -> bytes:
        listener = _Listener()
        if hasattr(address, "port"):
            self.reactor.connectTCP(address.host, address.port, _Once(listener))
        else:
            self.reactor.connectUNIX(address.name, _Once(listener))
        return await listener.heard

    async def test_tcp(self) -> None:
        await self.check("tcp:0:interface=127.0.0.1")

    async def test_unix(self) -> None:
        path = self.short_path()
        await self.check(f"unix:{path}:mode=600")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)

    async def test_the_holder_may_end_first(self) -> None:
        path = self.short_path()
        for description in ("tcp:0:interface=127.0.0.1", f"unix:{path}"):
            holding: Any = await self.held.endpoint(description).listen(self.nobody)
            self.give()
            taking: Any = await self.given.endpoint(description).listen(self.factory)
            with socket.socket(holding.socket.family) as client:
                client.connect(holding.socket.getsockname())  # waits in the queue of both
                await holding.stopListening()
                listener = _Listener()
                moved = self.reactor.adoptStreamConnection(
                    client.fileno(), client.family, _Once(listener)
                )
                self.assertEqual(await listener.heard, b"hello")
                self.assertIsNotNone(moved)
            self.assertTrue(taking.connected)
            await taking.stopListening()

    async def test_of_many_clients_the_other_workers_get_some(self) -> None:
        path = self.short_path()
        for description in ("tcp:0:interface=127.0.0.1", f"unix:{path}"):
            factory = _Noting()
            holding: Any = await self.held.endpoint(description).listen(self.nobody)
            self.addCleanup(holding.stopListening)
            self.give()
            taking: Any = await self.given.endpoint(description).listen(factory)
            self.given.withdraw()
            with ExitStack() as clients:
                for _ in range(11):
                    client = clients.enter_context(socket.socket(holding.socket.family))
                    client.connect(holding.socket.getsockname())
                for total in (4, 8, 11):
                    taking.doRead()
                    self.assertEqual(len(factory.accepted), total)
            for each in factory.accepted:
                each.transport.abortConnection()
            await taking.stopListening()

    async def test_systemd_is_whatever_was_given(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as opened:
            number, address = os.dup(opened.fileno()), opened.getsockname()
            self.given.offer([("systemd:domain=INET:name=x", [number])])
            endpoint = self.given.endpoint("systemd:domain=INET:name=x")
            opened.setblocking(False)
            taking: Any = await endpoint.listen(self.factory)
            self.assertEqual(taking.getHost().port, address[1])
            self.assertEqual(await self.greeting(taking.getHost()), b"hello")
            await taking.stopListening()

    def test_nothing_was_given(self) -> None:
        with self.assertRaises(LookupError):
            self.given.endpoint("tcp:0")

    async def test_what_is_not_taken_is_closed(self) -> None:
        number = os.open(os.devnull, os.O_RDONLY)
        self.given.offer([("tcp:1", [number])])
        self.given.withdraw()
        with self.assertRaises(OSError):
            os.fstat(number)

    async def test_what_was_closed_is_not_offered(self) -> None:
        port: Any = await self.held.endpoint("tcp:0:interface=127.0.0.1").listen(self.factory)
        self.assertEqual(len(self.held.offers()), 1)
        await port.stopListening()
        self.assertEqual(self.held.offers(), [])

    def test_it_passes_for_the_reactor(self) -> None:
        endpoint: Any = self.held.endpoint("tcp:0")
        self.assertTrue(IReactorTCP.providedBy(endpoint._reactor))
        self.assertIsInstance(endpoint, type(serverFromString(self.reactor, "tcp:0")))


class _Noting(Factory[Protocol]):
    noisy = False

    def __init__(self) -> None:
        self.accepted: list[Any] = []

    def buildProtocol(self, addr: Any) -> Protocol:
        self.accepted.append(Protocol())
        made: Protocol = self.accepted[-1]
        return made


class _Greeter(Protocol):
    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(b"hello")
        self.transport.loseConnection()


class _Listener(Protocol):
    def __init__(self) -> None:
        self.heard: Deferred[bytes] = Deferred()
        self._data = b""

    def dataReceived(self, data: bytes) -> None:
        self._data += data

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self.heard.callback(self._data)


class _Once(Factory[Protocol]):
    """Makes the one connection that it is given."""

    noisy = False

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol

    def buildProtocol(self, address: Any) -> Protocol:
        return self._protocol

    def startedConnecting(self, connector: Any) -> None: ...

    def clientConnectionLost(self, connector: Any, reason: Failure) -> None: ...

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None: ...


class LogTests(SynchronousTestCase):
    def relayed(self, *pieces: bytes) -> list[tuple[str, str, str]]:
        relay = Relay("3")
        with capturedLogs() as events:
            for piece in pieces:
                relay.received(piece)
            relay.ended()
        return [(e["log_level"].name, e["log_namespace"], e["text"]) for e in events]

    def test_events_keep_their_level_and_their_source(self) -> None:
        line = json.dumps({"level": "warn", "namespace": "pods.x", "text": "a\nb"}).encode()
        self.assertEqual(self.relayed(line[:9], line[9:] + b"\n"), [("warn", "pods.x", "a\nb")])

    def test_other_lines_are_errors(self) -> None:
        for line in (b"Fatal Python error", b'{"level": 1}', b"[1]", b'"x"', b"\xff"):
            ((level, _, text),) = self.relayed(line)
            self.assertEqual((level, text), ("error", line.decode("utf-8", "replace")))

    def test_a_level_that_nobody_knows(self) -> None:
        line = json.dumps({"level": "loud", "namespace": "pods.x", "text": "a"}).encode()
        self.assertEqual(self.relayed(line + b"\n"), [("error", "pods.x", "a")])

    def test_a_worker_says_what_the_supervisor_understands(self) -> None:
        read, write = os.pipe()
        observer = PipeObserver()
        os.dup2(write, observer._pipe)
        os.close(write)
        event = {"log_level": LogLevel.critical, "log_namespace": "n", "log_format": "{a}", "a": 7}
        observer(event)
        os.close(observer._pipe)
        with open(read, "rb") as pipe:
            self.assertEqual(self.relayed(pipe.read()), [("critical", "n", "7")])


class ReadinessTests(SynchronousTestCase):
    WELL = {"ready": True, "pods": {"a": {"healthy": True}, "b": {"healthy": True}}}
    SICK = {"ready": False, "pods": {"a": {"healthy": False}, "b": {"healthy": True}}}

    def test_one_worker_that_is_ready_is_enough(self) -> None:
        for workers, expected in (
            ({"1": self.WELL, "2": None}, True),
            ({"1": self.SICK, "2": None}, False),
            ({}, False),
        ):
            self.assertEqual(CrewReadiness(True, False, workers).is_ready, expected)
        self.assertFalse(CrewReadiness(True, True, {"1": self.WELL}).is_ready)
        self.assertFalse(CrewReadiness(False, False, {"1": self.WELL}).is_ready)

    def test_pods_are_as_the_worker_says_that_thinks_worst(self) -> None:
        for workers in ({"1": self.WELL, "2": self.SICK}, {"1": self.SICK, "2": self.WELL}):
            told = json.loads(CrewReadiness(True, False, workers).as_json())
            self.assertEqual(told["pods"], {"a": {"healthy": False}, "b": {"healthy": True}})
            self.assertEqual(told["workers"], workers)


class CommandTests(SynchronousTestCase):
    def test_the_reactor_is_the_supervisors(self) -> None:
        from twisted.internet import reactor
        from twisted.internet.selectreactor import SelectReactor

        self.assertEqual(reactor_name(object.__new__(SelectReactor)), "select")
        self.assertIsNone(reactor_name(object()))
        self.assertIsNotNone(reactor_name(reactor))
        self.assertIn("--reactor=select", command("1", "select"))
        self.assertEqual(command("2", None)[-2:], ["pods", "--worker=2"])

    def test_workers_find_the_same_packages(self) -> None:
        self.assertNotIn("", environment()["PYTHONPATH"].split(os.pathsep))
