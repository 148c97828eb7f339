"""The router as a service: listening, draining, its log, and what happens when it cannot."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
from twisted.application.service import IService
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pods import listeners as listeners_module
from pods.config import Config, from_mapping, load
from pods.errors import ConfigurationError
from pods.listeners import CannotStart
from pods.service import RouterService
from pods.signals import RELOAD_SIGNALS, REOPEN_SIGNALS, STOP_SIGNALS, catch
from pods.stores.memory import MemoryStore
from pods.surroundings import Surroundings
from tests.support_memory import MemoryPod, MemoryReactor
from tests.support_messages import get, response
from tests.support_wire import Wire


@attrs.define(eq=False)
class MemoryPort:
    """A listening port."""

    reactor: ServiceReactor
    number: int
    factory: Any

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", "127.0.0.1", self.number)

    def stopListening(self) -> None:
        del self.reactor.ports[self.number]


class ServiceReactor(MemoryReactor):
    """A reactor that also listens, and that can be told to stop."""

    def __init__(self) -> None:
        super().__init__()
        self.ports: dict[int, MemoryPort] = {}
        self.taken: set[int] = set()
        self.is_stopped = False

    def listenTCP(self, port: int, factory: Any, backlog: int, interface: str) -> MemoryPort:
        if port in self.taken:
            raise CannotListenError(interface, port, OSError("in use"))
        self.ports[port] = MemoryPort(self, port, factory)
        return self.ports[port]

    def callWhenRunning(self, function: Callable[..., object], *args: Any) -> None:
        function(*args)

    def callFromThread(self, function: Callable[..., object], *args: Any) -> None:
        self.callLater(0, function, *args)

    def stop(self) -> None:
        self.is_stopped = True

    def client(self, port: int) -> Wire:
        """A client that connects to a listener."""
        wire = Wire(self, "192.0.2.7")
        wire.connect(self.ports[port].factory.buildProtocol(None))
        self.settle()
        return wire


@attrs.frozen
class ScriptedEndpoint:
    """A server endpoint whose listening comes about when the test says so."""

    opening: Deferred[MemoryPort]

    def listen(self, factory: Any) -> Deferred[MemoryPort]:
        return self.opening


class InMemory(Surroundings):
    """As in production, but for the routes: no thread has any business on this reactor."""

    def store(self, config: Config) -> MemoryStore:
        return MemoryStore(config.cache.max_entries, self._reactor.seconds)


class ServiceTestCase(SynchronousTestCase):
    def make_service(self, **tables: Any) -> RouterService:
        self.reactor = ServiceReactor()
        self.pod = MemoryPod("pod_a", 9100)
        self.reactor.pods = {9100: self.pod}
        self.log = os.path.abspath(self.mktemp())
        config = {
            "router": {
                "listen": ["tcp:8080", "tcp:8081:interface=127.0.0.1"],
                "strategy": "bounce",
            },
            "pods": {"pod_a": {"url": "http://127.0.0.1:9100"}},
            "log": {"access": self.log},
        } | tables
        loaded = from_mapping(config, "router.toml", self.mktemp())
        return RouterService(loaded, self.reactor, surroundings=InMemory(self.reactor))

    def stop(self, service: RouterService) -> Deferred[None]:
        stopping = service.stopService()
        self.reactor.settle()
        return stopping

    def stopped(self, service: RouterService) -> None:
        """Stop, and see that nothing is left."""
        stopping = self.stop(service)
        self.reactor.pass_time(40)
        self.successResultOf(stopping)
        self.assertEqual(self.reactor.ports, {})
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def logged(self) -> list[tuple[str, int]]:
        with open(self.log) as file:
            return [(line["path"], line["status"]) for line in map(json.loads, file)]


class StartTests(ServiceTestCase):
    """From the value to listeners."""

    def test_making_it_opens_nothing(self) -> None:
        service = self.make_service()
        verifyObject(IService, service)
        self.assertEqual((self.reactor.ports, self.reactor.getDelayedCalls()), ({}, []))
        self.assertFalse(os.path.exists(self.log))
        self.assertFalse(os.path.exists(service.router.config.router.data_dir))

    def test_a_wrong_option_of_a_plugin_is_found_before_anything_is_opened(self) -> None:
        with self.assertRaises(ConfigurationError) as raised:
            self.make_service(strategy={"max_bouncess": 3})
        self.assertIn("strategy.max_bouncess", str(raised.exception))
        self.assertEqual(self.reactor.ports, {})

    def test_listening_and_serving(self) -> None:
        service = self.make_service()
        before = service.when_listening()
        self.assertNoResult(before)
        service.privilegedStartService()
        service.startService()
        for told in (before, service.when_listening()):
            addresses = self.successResultOf(told)
            self.assertEqual(addresses, [port.getHost() for port in self.reactor.ports.values()])
        for port in (8080, 8081):
            client = self.reactor.client(port)
            client.say(get(f"/{port}", "Connection: close"))
            self.pod.say(response(200, b"ok"))
            self.assertEqual(client.take().body, b"ok")
        self.stopped(service)
        self.assertEqual(self.logged(), [("/8080", 200), ("/8081", 200)])

    def test_without_the_privileged_part(self) -> None:
        service = self.make_service()
        service.startService()
        self.assertEqual(list(self.reactor.ports), [8080, 8081])
        self.stopped(service)

    def test_a_port_that_is_in_use(self) -> None:
        for start in ("privilegedStartService", "startService"):
            service = self.make_service()
            self.reactor.taken = {8081}
            with self.assertRaises(CannotStart) as raised:
                getattr(service, start)()
            self.assertIn("tcp:8081:interface=127.0.0.1", str(raised.exception))
            self.assertIn("in use", str(raised.exception))
            self.stopped(service)

    def test_those_who_wait_for_it_are_told_that_it_cannot(self) -> None:
        service = self.make_service()
        self.reactor.taken = {8080}
        before = service.when_listening()
        self.assertRaises(CannotStart, service.startService)
        for told in (before, service.when_listening()):
            self.failureResultOf(told, CannotStart)
        self.stopped(service)

    def test_a_listener_that_takes_its_time_to_fail(self) -> None:
        service = self.make_service()
        opening: Deferred[MemoryPort] = Deferred()
        endpoint = ScriptedEndpoint(opening)
        self.patch(listeners_module, "serverFromString", lambda reactor, description: endpoint)
        service.startService()
        waiting = service.when_listening()
        self.assertFalse(self.reactor.is_stopped)
        opening.errback(OSError("not today"))
        self.assertIn("not today", self.failureResultOf(waiting, CannotStart).getErrorMessage())
        self.assertTrue(self.reactor.is_stopped)
        self.stopped(service)

    def test_a_log_that_cannot_be_opened(self) -> None:
        service = self.make_service(log={"access": os.path.join(self.mktemp(), "x", "access.log")})
        with self.assertRaises(CannotStart) as raised:
            service.startService()
        self.assertIn("log.access", str(raised.exception))
        self.stopped(service)

    def test_no_log(self) -> None:
        service = self.make_service(log={"access": ""})
        service.startService()
        self.stopped(service)
        self.assertFalse(os.path.exists(self.log))


class StopTests(ServiceTestCase):
    """Graceful first, and then not."""

    def busy(self, **tables: Any) -> tuple[RouterService, Wire]:
        service = self.make_service(**tables)
        service.startService()
        client = self.reactor.client(8080)
        client.say(get("/slow"))
        return service, client

    def test_what_runs_is_finished(self) -> None:
        service, client = self.busy()
        stopping = self.stop(service)
        self.assertEqual(self.reactor.ports, {}, "nobody new comes in")
        self.assertNoResult(stopping)
        self.pod.say(response(200, b"done"))
        self.assertEqual((client.take().body, client.is_ended), (b"done", True))
        self.successResultOf(stopping)
        self.assertFalse(self.pod.wire.connected)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertEqual(self.logged(), [("/slow", 200)])

    def test_until_the_deadline(self) -> None:
        service, client = self.busy(timeouts={"shutdown": 5})
        stopping = self.stop(service)
        self.reactor.pass_time(4.9)
        self.assertTrue(client.connected)
        self.reactor.pass_time(0.1)
        self.assertTrue(client.is_broken and self.pod.wire.is_broken)
        self.successResultOf(stopping)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertEqual(self.logged(), [("/slow", 499)], "what was broken off is in the log")

    def test_a_deadline_of_zero(self) -> None:
        service, client = self.busy(timeouts={"shutdown": 0})
        self.stopped(service)
        self.assertTrue(client.is_broken)
        self.assertEqual(self.logged(), [("/slow", 499)])

    def test_a_service_that_was_never_started(self) -> None:
        self.stopped(self.make_service())


class ReloadTests(ServiceTestCase):
    """Another configuration in the same file."""

    def written_service(self) -> RouterService:
        """A running router with a file of its own."""
        self.reactor, folder = ServiceReactor(), self.mktemp()
        os.mkdir(folder)
        self.file = Path(folder, "router.toml")
        self.write("one")
        loaded = load(str(self.file))
        service = RouterService(loaded, self.reactor, surroundings=InMemory(self.reactor))
        service.startService()
        return service

    def write(self, data_dir: str) -> None:
        self.file.write_text(
            f'[router]\nlisten = ["tcp:8080"]\nstrategy = "bounce"\ndata_dir = "{data_dir}"\n'
            '[pods.pod_a]\nurl = "http://127.0.0.1:9100"\n[log]\naccess = ""\n'
        )

    def reload(self, service: RouterService) -> list[str]:
        """Reload it: what it says."""
        with capturedLogs() as events:
            self.successResultOf(service.reload())
        return [formatEvent(event).partition(" ")[0] for event in events]

    def test_a_changed_data_dir_counts_from_the_next_start_on(self) -> None:
        service = self.written_service()
        before = service.router.lasting.keys
        self.write("two")
        self.assertEqual(self.reload(service), ["Reloaded"])
        self.assertEqual(service.router.lasting.keys, before)
        self.assertEqual(sorted(os.listdir(self.file.parent)), ["one", "router.toml"])
        self.stopped(service)

    def test_a_router_that_stops_does_not_listen_again(self) -> None:
        service = self.written_service()
        client = self.reactor.client(8080)
        self.reactor.pods = {9100: MemoryPod("pod_a", 9100)}
        client.say(get("/slow"))
        stopping = self.stop(service)
        self.assertNoResult(stopping)
        self.assertEqual((self.reload(service), self.reactor.ports), ([], {}))
        self.stopped(service)


class RotationTests(ServiceTestCase):
    """The log is moved away while the router runs."""

    def test_a_rotated_log_is_opened_anew(self) -> None:
        service = self.make_service()
        service.startService()
        os.rename(self.log, self.log + ".1")
        service.reopen_logs()
        client = self.reactor.client(8080)
        client.say(get("/after", "Connection: close"))
        self.pod.say(response(200))
        self.stopped(service)
        self.assertEqual(self.logged(), [("/after", 200)])

    def test_without_a_log(self) -> None:
        service = self.make_service(log={"access": ""})
        service.reopen_logs()
        service.startService()
        service.reopen_logs()
        self.stopped(service)


class SignalTests(SynchronousTestCase):
    """What a process does on signals."""

    def test_the_handler_is_called_in_the_reactor(self) -> None:
        reactor = ServiceReactor()
        called: list[str] = []
        for number in (*RELOAD_SIGNALS, *REOPEN_SIGNALS, *STOP_SIGNALS):
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        catch(reactor, RELOAD_SIGNALS, lambda: called.append("reload"))
        catch(reactor, REOPEN_SIGNALS, lambda: called.append("reopen"))
        catch(reactor, STOP_SIGNALS, lambda: called.append("stop"))
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
            signal.raise_signal(number)
        self.assertEqual(called, [], "not in the middle of whatever runs")
        reactor.settle()
        self.assertEqual(called, ["reload", "stop", "reopen", "stop"])
