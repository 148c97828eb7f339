"""What all workers of one router have in common: its keys, its certificates, its end."""

from __future__ import annotations

import contextlib
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from tests.integration.certificates import Authority
from tests.integration.crews import Crew, CrewTestCase, is_alive
from tests.integration.http_pod import Exchange
from tests.integration.support import PATIENCE_SECONDS, accepts, ask, free_port, wait_for

TRIES = 30


def yes(exchange: Exchange) -> None:
    exchange.respond(200, b"yes")


def teach(exchange: Exchange) -> None:
    """Say that all of this belongs to the pod that answers."""
    exchange.respond(200, b"yes", [("X-Gitlab-Pod-Cache", '{"path_prefix": "/a"}')])


class KeyTests(CrewTestCase):
    def keys(self, crew: Crew) -> Path:
        return crew.folder / "var" / "cookie.key"

    def test_a_faulty_file_of_keys_stops_the_start(self) -> None:
        crew = Crew(self.folder(), {"pods": {"only": {"url": "http://127.0.0.1:9"}}})
        crew.tables["router"]["workers"] = 2
        self.keys(crew).parent.mkdir()
        self.keys(crew).write_text("no key\n")
        self.addCleanup(crew.kill)
        with contextlib.suppress(AssertionError):  # unless it is caught before it has read it
            crew.start()
        self.assertEqual(crew.wait(), 1)
        self.assertIn(f"pods: {self.keys(crew)}: line 1: this is no key", crew.printed())
        self.assertNotIn("Traceback", crew.printed())

    def test_a_faulty_file_of_keys_changes_nothing_in_a_router_that_runs(self) -> None:
        crew = self.crew(pods={"only": {"url": self.pod("only", yes).url}})
        workers, good = crew.worker_pids(), self.keys(crew).read_text()
        self.keys(crew).write_text(good + "no key\n")
        crew.reload("Not reloaded: ")
        self.assertIn("line 3: this is no key", crew.said())
        os.kill(workers[0], signal.SIGKILL)
        wait_for(lambda: "signal 9" in crew.said(), "the supervisor to notice")
        crew.wait_until_serving(2)
        self.assertIn(workers[1], crew.worker_pids())
        for _ in range(TRIES):
            self.assertEqual(ask(crew.address, "/").body, b"yes")
        self.keys(crew).write_text(good)
        crew.reload("Reloaded ")

    def test_all_workers_have_the_keys_that_were_read_last(self) -> None:
        pod = self.pod("only", teach)
        crew = self.crew(pods={"only": {"url": pod.url}})
        old = self.cookie(crew)
        self.assertEqual(self.believed(crew, old), {True})
        self.keys(crew).unlink()
        crew.reload("Reloaded ")
        self.assertEqual(self.believed(crew, old), {False})
        self.assertEqual(self.believed(crew, self.cookie(crew)), {True})

    def cookie(self, crew: Crew) -> str:
        answer = ask(crew.address, "/a/x", headers={"Accept": "text/html"})
        return answer.headers["set-cookie"].partition(";")[0]

    def believed(self, crew: Crew, cookie: str) -> set[bool]:
        """Whether workers find nothing to put right about it."""
        answers = [ask(crew.address, "/a/x", headers={"Cookie": cookie}) for _ in range(TRIES)]
        return {"set-cookie" not in answer.headers for answer in answers}


class TlsTests(CrewTestCase):
    def test_clients_that_would_rather_speak_http2(self) -> None:
        folder, port = self.folder(), free_port()
        authority = Authority(folder)
        certificate, key = authority.issue("localhost")
        listen = f"ssl:{port}:interface=127.0.0.1:privateKey={key}:certKey={certificate}"
        pod = self.pod("only", yes)
        self.crew(pods={"only": {"url": pod.url}}, router={"listen": [listen]})
        context = authority.client_context()
        context.set_alpn_protocols(["h2", "http/1.1"])  # as curl and browsers do
        for _ in range(TRIES):
            self.assertEqual(ask(("127.0.0.1", port), "/", tls=context).body, b"yes")


class EndTests(CrewTestCase):
    def test_a_reload_that_comes_too_late(self) -> None:
        arrived, may_answer = Event(), Event()

        def answer(exchange: Exchange) -> None:
            arrived.set()
            may_answer.wait(PATIENCE_SECONDS)
            exchange.respond(200, b"done")

        crew = self.crew(pods={"only": {"url": self.pod("only", answer).url}})
        workers = crew.worker_pids()
        with ThreadPoolExecutor() as threads:
            asking = threads.submit(ask, crew.address, "/slow")
            self.assertTrue(arrived.wait(PATIENCE_SECONDS))
            crew.send_signal(signal.SIGTERM)
            wait_for(lambda: not accepts(crew.address), "it to stop listening")
            crew.send_signal(signal.SIGHUP)
            self.assertTrue(crew.readiness()["draining"], "it still runs")
            self.assertFalse(accepts(crew.address))
            may_answer.set()
            self.assertEqual(asking.result().body, b"done")
        self.assertEqual(crew.wait(), 0)
        self.assertFalse(any(map(is_alive, workers)))
