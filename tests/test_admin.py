"""The listener for monitoring: what it says, and when it is open."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.trial.unittest import SynchronousTestCase

from pods import listeners as listeners_module
from pods.health import Cause, PodState
from pods.listeners import CannotStart
from pods.readiness import Readiness
from pods.service import RouterService
from tests.support_messages import Message, get, request, response
from tests.test_service import MemoryPort, ScriptedEndpoint, ServiceTestCase

ROOT = Path(__file__).resolve().parent.parent
PORT = 9000
ADMIN = {"listen": f"tcp:{PORT}:interface=127.0.0.1"}


class ReadinessTests(SynchronousTestCase):
    """When a router is fit to serve."""

    def state(self, *reasons: str) -> PodState:
        return PodState(since=1_000_000_000.5, reasons=dict(zip(Cause, reasons, strict=False)))

    def test_ready(self) -> None:
        pods = {"pod_a": self.state("down"), "pod_b": self.state()}
        ready = Readiness(is_listening=True, is_draining=False, pods=pods)
        self.assertTrue(ready.is_ready)
        since = "2001-09-09T01:46:40.500+00:00"
        self.assertEqual(
            json.loads(ready.as_json()),
            {
                "ready": True,
                "listening": True,
                "draining": False,
                "pods": {
                    "pod_a": {"healthy": False, "since": since, "reason": "down"},
                    "pod_b": {"healthy": True, "since": since},
                },
            },
        )

    def test_not_ready(self) -> None:
        well, sick = {"pod_a": self.state()}, {"pod_a": self.state("down")}
        for is_listening, is_draining, pods in (
            (False, False, well),
            (True, True, well),
            (True, False, sick),
        ):
            self.assertFalse(Readiness(is_listening, is_draining, pods).is_ready)


class AdminTestCase(ServiceTestCase):
    def start(self, **tables: Any) -> RouterService:
        service = self.make_service(**{"admin": ADMIN} | tables)
        service.startService()
        return service

    def ask(self, path: str, method: str = "GET") -> Message:
        client = self.reactor.client(PORT)
        client.say(request(method, path))
        answer = client.take(to_head=method == "HEAD")
        client.leave()
        return answer

    def readiness(self) -> tuple[int, dict[str, Any]]:
        answer = self.ask("/readyz")
        self.assertEqual(answer.get("Content-Type"), "application/json")
        told: dict[str, Any] = json.loads(answer.body)
        self.assertEqual(answer.status == 200, told["ready"])
        return answer.status, told


class PageTests(AdminTestCase):
    """What is asked for."""

    def setUp(self) -> None:
        self.service = self.start()
        self.addCleanup(self.stopped, self.service)

    def test_alive(self) -> None:
        answer = self.ask("/healthz")
        self.assertEqual((answer.status, answer.body), (200, b"ok\n"))

    def test_ready(self) -> None:
        self.assertEqual(self.readiness()[0], 200)

    def test_every_pod_is_out(self) -> None:
        self.service.router.health.refused("pod_a", "Refused:\r\n<b>down</b>")
        status, told = self.readiness()
        self.assertEqual(status, 503)
        self.assertEqual(told["pods"]["pod_a"]["reason"], r"Refused:\r\n<b>down</b>")
        self.service.router.health.connected("pod_a")
        self.assertEqual(self.readiness()[0], 200)

    def test_metrics(self) -> None:
        answer = self.ask("/metrics")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.get("Content-Type"), "text/plain; version=0.0.4; charset=utf-8")
        self.assertIn(b"\npods_client_connections 0.0\n", answer.body)

    def test_a_query_changes_nothing(self) -> None:
        self.assertEqual(self.ask("/healthz?x=1").status, 200)

    def test_head(self) -> None:
        for path in ("/healthz", "/readyz", "/metrics"):
            answer = self.ask(path, "HEAD")
            self.assertEqual((answer.status, answer.body), (200, b""))
            self.assertEqual(int(answer.get("Content-Length") or 0) > 0, True, path)

    def test_there_is_nothing_else(self) -> None:
        for path in ("/", "/x", "/healthz/", "/healthz/x", "/metrics/../x", "//healthz", "/%2e"):
            for method in ("GET", "POST"):
                answer = self.ask(path, method)
                self.assertEqual((answer.status, answer.body), (404, b"There is nothing here.\n"))

    def test_other_methods(self) -> None:
        for path in ("/healthz", "/readyz", "/metrics"):
            for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "FROBNICATE"):
                answer = self.ask(path, method)
                self.assertEqual((answer.status, answer.get("Allow")), (405, "GET, HEAD"), method)

    def test_several_questions_on_one_connection(self) -> None:
        client = self.reactor.client(PORT)
        for path in ("/healthz", "/readyz", "/healthz"):
            client.say(get(path))
            self.assertEqual(client.take().status, 200)
        client.leave()

    def test_it_is_not_on_the_public_listeners(self) -> None:
        client = self.reactor.client(8080)
        client.say(get("/healthz", "Connection: close"))
        self.pod.say(response(200, b"the pod's own"))
        self.assertEqual(client.take().body, b"the pod's own")

    def test_watching_is_not_counted_as_a_client(self) -> None:
        for path in ("/healthz", "/metrics"):
            self.ask(path)
        self.assertEqual(dict(self.service.router.counters.requests), {})


class OpenTests(AdminTestCase):
    """From before the first client until after the last."""

    def test_alive_but_not_ready_before_it_listens(self) -> None:
        public: Deferred[MemoryPort] = Deferred()

        def endpoint(reactor: Any, description: str) -> Any:
            if description == ADMIN["listen"]:
                return serverFromString(reactor, description)
            return ScriptedEndpoint(public)

        self.patch(listeners_module, "serverFromString", endpoint)
        service = self.start(router={"listen": ["tcp:8080"], "strategy": "bounce"})
        self.assertEqual(self.ask("/healthz").status, 200)
        status, told = self.readiness()
        self.assertEqual((status, told["listening"]), (503, False))
        self.reactor.ports[8080] = MemoryPort(self.reactor, 8080, None)
        public.callback(self.reactor.ports[8080])
        self.assertEqual(self.readiness()[0], 200)
        self.stopped(service)

    def test_not_ready_while_it_drains_and_closed_last(self) -> None:
        service = self.start()
        client = self.reactor.client(8080)
        client.say(get("/slow"))
        stopping = self.stop(service)
        self.assertEqual(list(self.reactor.ports), [PORT])
        status, told = self.readiness()
        self.assertEqual((status, told["draining"]), (503, True))
        self.assertEqual(self.ask("/healthz").status, 200)
        self.pod.say(response(200))
        self.successResultOf(stopping)
        self.assertEqual(client.take().status, 200)
        self.assertEqual(self.reactor.ports, {})
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_stopping_ends_the_connections_of_who_watches(self) -> None:
        service = self.start()
        watcher = self.reactor.client(PORT)
        watcher.say(get("/healthz"))
        self.assertTrue(watcher.connected)
        self.stopped(service)
        self.assertFalse(watcher.connected)

    def test_when_listening_tells_of_the_public_listeners(self) -> None:
        service = self.start()
        addresses: list[Any] = self.successResultOf(service.when_listening())
        self.assertEqual([address.port for address in addresses], [8080, 8081])
        self.stopped(service)

    def test_it_cannot_listen(self) -> None:
        service = self.make_service(admin=ADMIN)
        self.reactor.taken = {PORT}
        with self.assertRaises(CannotStart) as raised:
            service.startService()
        self.assertIn(f"cannot listen on {ADMIN['listen']}", str(raised.exception))
        self.stopped(service)

    def test_pods_are_checked_from_the_start_to_the_end(self) -> None:
        service = self.start(health={"path": "/-/health", "interval_seconds": 5})
        self.reactor.pass_time(5)
        self.assertEqual(self.pod.take().first_line, b"GET /-/health HTTP/1.1")
        self.stopped(service)

    def test_without_the_table(self) -> None:
        service = self.make_service()
        service.startService()
        self.assertEqual(list(self.reactor.ports), [8080, 8081])
        self.stopped(service)


class ReloadTests(AdminTestCase):
    """Another ``[admin]``, or none."""

    def reload(self, service: RouterService, admin: str, port: int = 8080) -> None:
        Path(service._file).write_text(
            f"router = {{listen = ['tcp:{port}'], strategy = 'bounce'}}\n"
            "pods.pod_a.url = 'http://127.0.0.1:9100'\n"
            "log.access = ''\n"
            f"{admin}\n"
        )
        self.successResultOf(service.reload())

    def begin(self, **tables: Any) -> RouterService:
        service = self.make_service(**tables)
        service._file = str(Path(self.mktemp()).absolute())
        service.startService()
        return service

    def test_it_comes_moves_and_goes(self) -> None:
        service = self.begin()
        for admin, ports in (
            ("admin = {listen = 'tcp:9000'}", [8080, 9000]),
            ("admin = {listen = 'tcp:9001'}", [8080, 9001]),
            ("", [8080]),
            ("admin = {listen = 'tcp:9000'}", [8080, 9000]),
        ):
            self.reload(service, admin)
            self.assertEqual(sorted(self.reactor.ports), ports)
        self.assertEqual(self.readiness()[0], 200)
        self.stopped(service)

    def test_it_cannot_move(self) -> None:
        service = self.begin(admin=ADMIN)
        self.reactor.taken = {9001}
        self.reload(service, "admin = {listen = 'tcp:9001'}")
        self.assertEqual(sorted(self.reactor.ports), [8080, 8081, PORT])
        self.assertEqual(self.readiness()[0], 200)
        self.stopped(service)

    def test_it_does_not_move_if_something_else_is_wrong(self) -> None:
        service = self.begin(admin=ADMIN)
        self.reactor.taken = {8082}
        self.reload(service, "admin = {listen = 'tcp:9001'}", port=8082)
        self.assertEqual(sorted(self.reactor.ports), [8080, 8081, PORT])
        self.stopped(service)

    def test_it_tells_of_the_new_configuration(self) -> None:
        service = self.begin(admin=ADMIN)
        self.reload(
            service, f"admin = {{listen = '{ADMIN['listen']}'}}\npods.pod_b.url = 'http://b'"
        )
        self.assertEqual(list(self.readiness()[1]["pods"]), ["pod_a", "pod_b"])
        self.assertIn(b'pods_pod_healthy{pod="pod_b"} 1.0', self.ask("/metrics").body)
        self.stopped(service)


class LazyTests(SynchronousTestCase):
    """What stands behind the listener is loaded by those who have one."""

    SCRIPT = """
import sys
from twisted.internet import reactor
from pods.config import from_mapping
from pods.service import RouterService

config = {
    "router": {"listen": ["tcp:0:interface=127.0.0.1"], "strategy": "learn"},
    "pods": {"pod_a": {"url": "https://127.0.0.1:1"}},
    "log": {"access": ""},
    "health": {"interval_seconds": 0.01},
} | ADMIN
service = RouterService(from_mapping(config, "router.toml", sys.argv[1]), reactor)
service.startService()
reactor.callLater(0.1, lambda: service.stopService().addBoth(lambda _: reactor.stop()))
reactor.run()
print([name for name in ("twisted.web.http", "twisted.web.server", "prometheus_client", "treq")
       if name in sys.modules])
"""

    def loaded(self, admin: dict[str, Any]) -> str:
        script = self.SCRIPT.replace("ADMIN", repr(admin))
        done = subprocess.run(
            [sys.executable, "-c", script, os.path.abspath(self.mktemp())],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.strip()

    def test_without(self) -> None:
        self.assertEqual(self.loaded({}), "[]")

    def test_with(self) -> None:
        admin = {"admin": {"listen": "tcp:0:interface=127.0.0.1"}}
        self.assertEqual(
            self.loaded(admin), "['twisted.web.http', 'twisted.web.server', 'prometheus_client']"
        )
