"""A running router, watched from outside while its pods come and go."""

from __future__ import annotations

import json
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

from tests.integration.certificates import Authority
from tests.integration.http_pod import Exchange
from tests.integration.support import (
    PATIENCE_SECONDS,
    IntegrationTestCase,
    RouterProcess,
    accepts,
    ask,
    free_port,
    wait_for,
)

HEALTH = {
    "path": "/-/health",
    "interval_seconds": 0.1,
    "timeout_seconds": 5,
    "unhealthy_after": 2,
    "healthy_after": 1,
}


class AdminTestCase(IntegrationTestCase):
    def watched(self, **tables: Any) -> RouterProcess:
        self.admin = ("127.0.0.1", free_port())
        listen = f"tcp:{self.admin[1]}:interface=127.0.0.1"
        return self.router(admin={"listen": listen}, **tables)

    def readiness(self) -> dict[str, Any]:
        answer = ask(self.admin, "/readyz")
        told: dict[str, Any] = json.loads(answer.body)
        self.assertEqual(answer.status, 200 if told["ready"] else 503)
        return told

    def is_healthy(self, name: str = "only") -> bool:
        return bool(self.readiness()["pods"][name]["healthy"])


class ReadinessTests(AdminTestCase):
    def test_while_it_drains(self) -> None:
        arrived, may_answer = Event(), Event()

        def answer(exchange: Exchange) -> None:
            arrived.set()
            may_answer.wait(PATIENCE_SECONDS)
            exchange.respond(200, b"done")

        router = self.watched(pods={"only": {"url": self.pod("only", answer).url}})
        self.assertTrue(self.readiness()["ready"])
        with ThreadPoolExecutor() as threads:
            asking = threads.submit(ask, router.address, "/slow")
            self.assertTrue(arrived.wait(PATIENCE_SECONDS))
            router.send_signal(signal.SIGTERM)
            wait_for(lambda: not accepts(router.address), "the router to stop listening")
            self.assertTrue(self.readiness()["draining"])
            self.assertEqual(ask(self.admin, "/healthz").body, b"ok\n")
            may_answer.set()
            self.assertEqual(asking.result().status, 200)
        self.assertEqual(router.wait(), 0)
        self.assertFalse(accepts(self.admin))

    def test_a_pod_that_goes_and_comes_back(self) -> None:
        """Without ``[health]``: the first request notices, and the router itself finds it again."""
        port = free_port()
        stays = self.pod("stays", lambda exchange: exchange.respond(200))
        pods = {"stays": {"url": stays.url}, "goes": {"url": f"http://127.0.0.1:{port}"}}
        router = self.watched(pods=pods)
        wait_for(
            lambda: ask(router.address, "/").status == 200 and not self.is_healthy("goes"),
            "chance to pick the pod that is down",
        )
        with socket.create_server(("127.0.0.1", port)):
            wait_for(lambda: self.is_healthy("goes"), "the router to try it again")
        self.assertEqual(router.printed().count("Pod goes is out: ConnectionRefusedError"), 1)
        self.assertEqual(router.printed().count("Pod goes is in again"), 1)


class CheckTests(AdminTestCase):
    def check(self, pod: dict[str, Any], **server: Any) -> None:
        """The pod is asked, and believed, over whatever leads to it."""
        self.status = 200
        fake = self.pod("only", lambda exchange: exchange.respond(self.status), **server)
        url = pod.get("url") or fake.url
        router = self.watched(pods={"only": {**pod, "url": url}}, health=HEALTH)
        wait_for(lambda: len(fake.seen) > 2, "checks")
        self.assertTrue(self.is_healthy())
        self.status = 503
        wait_for(lambda: not self.is_healthy(), "the pod to be out")
        self.assertEqual(self.readiness()["pods"]["only"]["reason"], "status 503")
        self.assertEqual(ask(router.address, "/x").status, 503, "it is asked all the same")
        self.status = 200
        wait_for(self.is_healthy, "the pod to be in")
        paths = {seen.target for seen in fake.seen}
        self.assertEqual(paths, {"/-/health", "/x"})

    def test_http(self) -> None:
        self.check({})

    def test_unix_socket(self) -> None:
        path = self.folder() / "pod.sock"
        self.check({"url": "http://pod.invalid", "endpoint": f"unix:{path}"}, unix_path=path)

    def test_https(self) -> None:
        authority = Authority(self.folder())
        context = authority.server_context("localhost")
        self.check({"ca_file": str(authority.file)}, tls=context)

    def test_a_certificate_that_proves_nothing(self) -> None:
        authority = Authority(self.folder())
        context = authority.server_context("localhost")
        pod = self.pod("only", lambda exchange: exchange.respond(200), tls=context)
        self.watched(pods={"only": {"url": pod.url}}, health=HEALTH)
        wait_for(lambda: not self.is_healthy(), "the pod to be out")
        self.assertEqual(pod.seen, [])


class MetricsTests(AdminTestCase):
    def test_after_one_request(self) -> None:
        pod = self.pod("only", lambda exchange: exchange.respond(200))
        router = self.watched(pods={"only": {"url": pod.url}})
        ask(router.address, "/x")
        text = ask(self.admin, "/metrics").body.decode()
        self.assertIn('\npods_requests_total{route="strategy",status="2xx"} 1.0\n', text)
        self.assertIn("\nprocess_open_fds ", text)
