"""What operators do to a running router: stop it, rotate its log."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

from tests.integration.http_pod import Exchange
from tests.integration.support import (
    PATIENCE_SECONDS,
    IntegrationTestCase,
    RouterProcess,
    accepts,
    ask,
    wait_for,
)


class StopTests(IntegrationTestCase):
    def test_sigterm_finishes_what_runs(self) -> None:
        """No new connection is accepted, the request that runs is answered, the exit code is 0."""
        arrived, may_answer = Event(), Event()

        def answer(exchange: Exchange) -> None:
            arrived.set()
            may_answer.wait(PATIENCE_SECONDS)
            exchange.respond(200, b"done")

        router = self.router(pods={"only": {"url": self.pod("only", answer).url}})
        with ThreadPoolExecutor() as threads:
            asking = threads.submit(ask, router.address, "/slow")
            self.assertTrue(arrived.wait(PATIENCE_SECONDS))
            router.send_signal(signal.SIGTERM)
            wait_for(lambda: not accepts(router.address), "the router to stop listening")
            may_answer.set()
            self.assertEqual((asking.result().status, asking.result().body), (200, b"done"))
        self.assertEqual(router.wait(), 0)
        (line,) = router.access_log()
        self.assertEqual(line["status"], 200)


class EarlyTests(IntegrationTestCase):
    def test_sighup_as_soon_as_it_listens(self) -> None:
        """It has not begun to run then; it reloads when it does."""
        pod = self.pod("only", lambda exchange: exchange.respond(200, b"yes"))
        for _ in range(3):
            self.check({"pods": {"only": {"url": pod.url}}})

    def check(self, tables: Any) -> None:
        router = RouterProcess(self.folder(), tables)
        self.addCleanup(router.kill)
        with ThreadPoolExecutor() as threads:
            starting = threads.submit(router.start)
            while not accepts(router.address):
                if starting.done():
                    starting.result()
            router.send_signal(signal.SIGHUP)
            starting.result()
        wait_for(lambda: "Reloaded " in router.printed(), "the router to reload")
        self.assertEqual(ask(router.address, "/").body, b"yes")
        router.stop()


class LogTests(IntegrationTestCase):
    def check(self, number: signal.Signals) -> None:
        """The log is moved away; after the signal, lines go to a new file of the old name."""
        pod = self.pod("only", lambda exchange: exchange.respond(200, b"yes"))
        router = self.router(pods={"only": {"url": pod.url}})
        ask(router.address, "/before")
        wait_for(router.access_log, "the first line of the log")

        current, old = router.folder / "access.log", router.folder / "access.log.1"
        current.rename(old)
        router.send_signal(number)
        wait_for(current.exists, "the log to be opened again")
        ask(router.address, "/after")
        wait_for(router.access_log, "the first line of the new log")

        self.assertEqual([line["path"] for line in router.access_log()], ["/after"])
        self.assertIn("/before", old.read_text())
        self.assertNotIn("/after", old.read_text())

    def test_sighup(self) -> None:
        self.check(signal.SIGHUP)

    def test_sigusr1(self) -> None:
        self.check(signal.SIGUSR1)
