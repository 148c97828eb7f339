"""SIGHUP: another configuration, without dropping a connection."""

from __future__ import annotations

import signal
import time
from http.client import HTTPConnection
from threading import Event, Thread
from typing import Any

from tests.integration.http_pod import Exchange
from tests.integration.support import (
    PATIENCE_SECONDS,
    IntegrationTestCase,
    RouterProcess,
    accepts,
    ask,
    free_port,
    to_toml,
    wait_for,
)


def named(name: str) -> Any:
    def answer(exchange: Exchange) -> None:
        exchange.respond(200, name.encode())

    return answer


class ReloadTests(IntegrationTestCase):
    def reload(self, process: RouterProcess, /, *, word: str = "Reloaded ", **tables: Any) -> None:
        """Write another configuration, and wait for the router's word about it."""
        before = process.output.read_text().count(word)
        process.config.write_text(to_toml(process.tables | tables))
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: process.output.read_text().count(word) > before, word)

    def get(self, connection: HTTPConnection, path: str = "/") -> bytes:
        connection.request("GET", path)
        return connection.getresponse().read()

    def test_a_kept_connection_is_served_under_the_new_configuration(self) -> None:
        urls = {name: {"url": self.pod(name, named(name)).url} for name in ("one", "two")}
        router = self.router(pods=urls, rules=[{"path": "/", "pod": "one"}])
        connection = HTTPConnection(*router.address, timeout=PATIENCE_SECONDS)
        self.addCleanup(connection.close)
        self.assertEqual(self.get(connection), b"one")
        socket_before = connection.sock
        self.reload(router, rules=[{"path": "/", "pod": "two"}])
        self.assertEqual(self.get(connection), b"two")
        self.assertIs(connection.sock, socket_before)

    def test_a_faulty_configuration_changes_nothing_and_is_told(self) -> None:
        router = self.router(pods={"one": {"url": self.pod("one", named("one")).url}})
        self.reload(router, word="Not reloaded: ", rules=[{"path": "/", "pod": "nobody"}])
        self.assertIn('rules[1].pod: is "nobody"', router.output.read_text())
        self.assertEqual(ask(router.address, "/").body, b"one")

    def test_a_listener_that_cannot_be_opened_changes_nothing(self) -> None:
        one, two = (self.pod(name, named(name)) for name in ("one", "two"))
        router = self.router(pods={"one": {"url": one.url}})
        own = router.tables["router"]
        taken = two.url.rpartition(":")[2]
        listen = [*own["listen"], f"tcp:{taken}:interface=127.0.0.1"]
        self.reload(
            router,
            word="Not reloaded: ",
            router=own | {"listen": listen},
            pods={"two": {"url": two.url}},
        )
        self.assertEqual(ask(router.address, "/").body, b"one")

    def test_listeners_come_and_go(self) -> None:
        router = self.router(pods={"one": {"url": self.pod("one", named("one")).url}})
        port = free_port()
        own = router.tables["router"] | {"listen": [f"tcp:{port}:interface=127.0.0.1"]}
        self.reload(router, router=own)
        self.assertEqual(ask(("127.0.0.1", port), "/").body, b"one")
        wait_for(lambda: not accepts(router.address), "the old listener to close")

    def test_the_log_moves(self) -> None:
        router = self.router(pods={"one": {"url": self.pod("one", named("one")).url}})
        ask(router.address, "/before")
        new = router.folder / "new.log"
        self.reload(router, log={"access": str(new), "format": "text"})
        ask(router.address, "/after")
        wait_for(lambda: new.exists() and "/after" in new.read_text(), "the line in the new log")
        self.assertIn("/before", (router.folder / "access.log").read_text())

    def test_what_is_remembered_stays_but_for_pods_that_are_gone(self) -> None:
        def teaching(name: str) -> Any:
            def answer(exchange: Exchange) -> None:
                field = ("X-Gitlab-Pod-Cache", f'{{"path_prefix": "/{name}"}}')
                exchange.respond(200, name.encode(), [field])

            return answer

        pods = {name: self.pod(name, teaching(name)) for name in ("one", "two")}
        urls = {name: {"url": pod.url} for name, pod in pods.items()}
        rules = [{"path": f"/{name}", "pod": name} for name in pods]
        router = self.router(pods=urls, rules=rules)
        for name in pods:
            ask(router.address, f"/{name}/x")
        self.reload(router, pods={"one": urls["one"]}, rules=[])
        for name in pods:
            ask(router.address, f"/{name}/x")
        routes = [seen.headers["x-gitlab-pod-route"] for seen in pods["one"].seen]
        self.assertEqual(routes, ["rule", "cache", "strategy"])

    def test_a_request_that_runs_ends_as_it_began(self) -> None:
        arrived, may_answer = Event(), Event()

        def answer(exchange: Exchange) -> None:
            arrived.set()
            may_answer.wait(PATIENCE_SECONDS)
            exchange.respond(200, b"slow one")

        slow, two = self.pod("slow", answer), self.pod("two", named("two"))
        router = self.router(pods={"slow": {"url": slow.url}})
        answers: list[bytes] = []
        thread = Thread(target=lambda: answers.append(ask(router.address, "/").body))
        thread.start()
        self.assertTrue(arrived.wait(PATIENCE_SECONDS))
        self.reload(router, pods={"two": {"url": two.url}})
        self.assertEqual(ask(router.address, "/").body, b"two")
        may_answer.set()
        thread.join(PATIENCE_SECONDS)
        self.assertEqual(answers, [b"slow one"])

    def test_no_request_is_lost_while_it_is_reloaded_again_and_again(self) -> None:
        urls = {name: {"url": self.pod(name, named(name)).url} for name in ("one", "two")}
        router = self.router(pods=urls, rules=[{"path": "/", "pod": "one"}])
        wrong: list[bytes] = []
        count = [0]
        until = time.monotonic() + 3

        def load() -> None:
            connection = HTTPConnection(*router.address, timeout=PATIENCE_SECONDS)
            while time.monotonic() < until:
                body = self.get(connection)
                count[0] += 1
                if body not in (b"one", b"two"):
                    wrong.append(body)
            connection.close()

        threads = [Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        for pod in ("two", "one", "two", "one", "two"):
            self.reload(router, rules=[{"path": "/", "pod": pod}])
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
        self.assertEqual(wrong, [])
        self.assertGreater(count[0], 50)
