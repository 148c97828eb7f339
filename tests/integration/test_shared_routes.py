"""Requirements 45 to 47 with real processes: routes outlive routers, and routers share them."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.integration.http_pod import Exchange
from tests.integration.support import IntegrationTestCase, RouterProcess, ask, wait_for

#: The longest that another router may take to see a change (requirement 47).
SEEN_SECONDS = 2.0
TEACHES = ("X-Gitlab-Pod-Cache", '{"path_prefix": "/tenant/"}')


class SharedRoutesTests(IntegrationTestCase):
    def setUp(self) -> None:
        self.owner = "pod_a"
        self.data_dir = str(self.folder() / "var")

    def answer(self, exchange: Exchange) -> None:
        """Both pods know who owns everything."""
        name = exchange.server.pod.name
        if name == self.owner:
            route = exchange.seen.headers["x-gitlab-pod-route"]
            exchange.respond(200, f"{name} by {route}".encode(), [TEACHES])
        else:
            redirect = f'{{"pod": "{self.owner}"}}'
            exchange.respond(307, b"", [("X-Gitlab-Pod-Redirect", redirect)])

    def make_routers(self, count: int, **tables: Any) -> list[RouterProcess]:
        pods = {name: {"url": self.pod(name, self.answer).url} for name in ("pod_a", "pod_b")}
        router = {"data_dir": self.data_dir}
        return [self.router(pods=pods, router=router, **tables) for _ in range(count)]

    def get(self, router: RouterProcess) -> str:
        answer = ask(router.address, "/tenant/page")
        self.assertEqual(answer.status, 200)
        return answer.body.decode()

    def wait_until_stored(self) -> None:
        database = Path(self.data_dir, "routes.sqlite")

        def is_stored() -> bool:
            with closing(sqlite3.connect(database)) as connection:
                question = "SELECT count(*) FROM routes WHERE key = '/tenant' AND pod = ?"
                return bool(connection.execute(question, (self.owner,)).fetchone()[0])

        wait_for(is_stored, "the route to be stored")

    def test_g45_a_restart_keeps_routes(self) -> None:
        (router,) = self.make_routers(1)
        self.get(router)
        router.stop()
        router.start()
        self.assertEqual(self.get(router), "pod_a by cache")

    def test_g45_and_so_does_a_kill(self) -> None:
        (router,) = self.make_routers(1)
        self.get(router)
        self.wait_until_stored()
        router.send_signal(signal.SIGKILL)
        router.wait()
        router.start()
        self.assertEqual(self.get(router), "pod_a by cache")

    def test_g47_two_routers_share_what_they_learn_and_what_they_forget(self) -> None:
        one, other = self.make_routers(2)
        self.get(one)
        self.wait_until_stored()
        self.assertEqual(self.get(other), "pod_a by cache", "read from disk")
        self.owner = "pod_b"
        self.assertEqual(self.get(other), "pod_b by cache", "bounced, and learned anew")
        time.sleep(SEEN_SECONDS)
        seen = len(one.access_log())
        self.assertEqual(self.get(one), "pod_b by cache")
        wait_for(lambda: len(one.access_log()) > seen, "the line in the log")
        self.assertEqual(one.access_log()[-1]["attempts"], 1, "it had heard of it")

    def test_g47_a_lock_that_is_held_delays_no_request(self) -> None:
        (router,) = self.make_routers(1)
        self.get(router)
        self.wait_until_stored()
        database = sqlite3.connect(Path(self.data_dir, "routes.sqlite"), isolation_level=None)
        with closing(database):
            database.execute("BEGIN EXCLUSIVE")
            connection = HTTPConnection("127.0.0.1", router.port, timeout=4)
            with closing(connection):
                for number in range(20):
                    connection.request("GET", f"/tenant-{number}/page")
                    response = connection.getresponse()
                    self.assertEqual((response.status, bool(response.read())), (200, True))
            database.execute("ROLLBACK")

    def test_g46_whatever_is_in_the_file_the_router_serves(self) -> None:
        os.makedirs(self.data_dir)
        Path(self.data_dir, "routes.sqlite").write_bytes(b"no database at all" * 1000)
        (router,) = self.make_routers(1)
        self.get(router)
        self.wait_until_stored()
        aside = [name for name in os.listdir(self.data_dir) if ".bad-" in name]
        self.assertEqual(len(aside), 1, os.listdir(self.data_dir))
        self.assertEqual(router.printed().count(aside[0]), 1, "one warning")
