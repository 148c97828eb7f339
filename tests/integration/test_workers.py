"""``workers = 2``: one supervisor, two processes that accept on its sockets."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Event, Thread
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.integration.certificates import Authority
from tests.integration.crews import Crew, CrewTestCase, Daemon, Selecting, Twist, is_alive
from tests.integration.http_pod import Exchange
from tests.integration.support import PATIENCE_SECONDS, accepts, ask, free_port, wait_for

REQUESTS = 60


def yes(exchange: Exchange) -> None:
    exchange.respond(200, b"yes")


class WorkersTestCase(CrewTestCase):
    def serving_crew(self, kind: type[Crew] = Crew, **tables: Any) -> Crew:
        pod = self.pod("only", yes)
        return self.crew(kind, pods={"only": {"url": pod.url}}, **tables)

    def ask_many(self, crew: Crew, requests: int = REQUESTS) -> None:
        """Many requests at once, each on a connection of its own; all are answered."""
        with ThreadPoolExecutor(8) as threads:
            targets = [f"/{number}" for number in range(requests)]
            answers = list(threads.map(lambda target: ask(crew.address, target), targets))
        self.assertEqual({answer.status for answer in answers}, {200})

    def logged(self, crew: Crew, lines: int) -> list[dict[str, Any]]:
        wait_for(lambda: len(crew.access_log()) >= lines, f"{lines} lines of the log")
        return crew.access_log()


class ServingTests(WorkersTestCase):
    def test_all_workers_serve(self) -> None:
        crew = self.serving_crew()
        self.ask_many(crew)
        lines = self.logged(crew, REQUESTS)
        self.assertEqual(len(lines), REQUESTS)
        self.assertEqual({line["worker"] for line in lines}, {1, 2})
        self.assertEqual(len(crew.worker_pids()), 2)
        self.assertIn("[worker 1] Listening on ", crew.said())
        self.assertIn("[worker 2] Listening on ", crew.said())

    def test_twist(self) -> None:
        crew = self.serving_crew(Twist)
        self.ask_many(crew)
        self.assertEqual({line["worker"] for line in self.logged(crew, REQUESTS)}, {1, 2})

    def test_workers_have_the_reactor_of_the_supervisor(self) -> None:
        crew = self.serving_crew(Selecting)
        for worker in ("", "[worker 1] ", "[worker 2] "):
            self.assertRegex(crew.said(), rf"\] {re.escape(worker)}reactor class: \S*SelectReactor")

    def test_a_daemon(self) -> None:
        crew = self.serving_crew(Daemon)
        self.ask_many(crew)
        self.assertEqual({line["worker"] for line in self.logged(crew, REQUESTS)}, {1, 2})
        crew.reload("Reloaded ", log={"access": str(crew.folder / "new.log")})
        supervisor, workers = crew.pid, crew.worker_pids()
        self.assertEqual(len(workers), 2)
        os.kill(supervisor, signal.SIGTERM)
        wait_for(lambda: not any(map(is_alive, [supervisor, *workers])), "all to end")
        self.assertFalse((crew.folder / "twistd.pid").exists())
        self.assertNotIn("Traceback", crew.said())

    def test_unix_and_tls(self) -> None:
        folder = self.folder()
        authority, port, path = Authority(folder), free_port(), str(folder / "router.sock")
        certificate, key = authority.issue("localhost")
        listen = [
            f"unix:{path}:mode=600",
            f"ssl:{port}:interface=127.0.0.1:privateKey={key}:certKey={certificate}",
        ]
        crew = self.serving_crew(router={"listen": listen})
        for _ in range(10):
            self.assertEqual(ask(path, "/unix").body, b"yes")
            answer = ask(("127.0.0.1", port), "/tls", tls=authority.client_context())
            self.assertEqual(answer.body, b"yes")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        os.kill(crew.worker_pids()[0], signal.SIGTERM)
        wait_for(lambda: "has ended" in crew.said(), "a worker to end")
        for _ in range(10):
            self.assertEqual(ask(path, "/unix").body, b"yes")
        crew.stop()
        self.assertFalse(os.path.exists(path))

    def test_all_write_to_standard_output(self) -> None:
        crew = self.serving_crew(log={"access": "-"})
        self.ask_many(crew)

        def lines() -> list[str]:
            return [line for line in crew.printed().splitlines() if line.startswith("{")]

        wait_for(lambda: len(lines()) == REQUESTS, "the lines")
        self.assertEqual({json.loads(line)["worker"] for line in lines()}, {1, 2})

    def test_no_worker_is_named_if_there_is_one_process(self) -> None:
        crew = self.router(pods={"only": {"url": self.pod("only", yes).url}})
        ask(crew.address, "/")
        wait_for(crew.access_log, "the line")
        self.assertNotIn("worker", crew.access_log()[0])


class EndTests(WorkersTestCase):
    def test_e33_sigterm_under_load_loses_no_answered_request(self) -> None:
        pod = self.pod("only", yes)
        crew = self.crew(pods={"only": {"url": pod.url}})
        answered: set[str] = set()
        threads = [Thread(target=self.load, args=(crew, name, answered)) for name in "abcdef"]
        for thread in threads:
            thread.start()
        wait_for(lambda: len(answered) > 200, "some load")
        crew.send_signal(signal.SIGTERM)
        self.assertEqual(crew.wait(), 0)
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
        self.assertEqual({seen.path for seen in pod.seen} - answered, set())
        self.assertNotIn("Traceback", crew.said())

    def load(self, crew: Crew, name: str, answered: set[str]) -> None:
        """Ask again and again on kept connections, until nobody listens any more."""
        number = 0
        connection = HTTPConnection(*crew.address, timeout=PATIENCE_SECONDS)
        while True:
            number += 1
            path = f"/{name}/{number}"
            try:
                connection.request("GET", path)
                response = connection.getresponse()
                response.read()
            except ConnectionRefusedError:
                return
            except (OSError, HTTPException):
                connection.close()  # it was idle, or never accepted
            else:
                answered.add(path)

    def test_sigint_ends_it_with_0(self) -> None:
        crew = self.serving_crew()
        workers = crew.worker_pids()
        for pid in (*workers, crew.pid):  # as a terminal does
            os.kill(pid, signal.SIGINT)
        self.assertEqual(crew.wait(), 0)
        self.assertFalse(any(map(is_alive, workers)))

    def test_it_waits_for_what_runs(self) -> None:
        arrived, may_answer = Event(), Event()

        def answer(exchange: Exchange) -> None:
            arrived.set()
            may_answer.wait(PATIENCE_SECONDS)
            exchange.respond(200, b"done")

        crew = self.crew(pods={"only": {"url": self.pod("only", answer).url}})
        with ThreadPoolExecutor() as threads:
            asking = threads.submit(ask, crew.address, "/slow")
            self.assertTrue(arrived.wait(PATIENCE_SECONDS))
            crew.send_signal(signal.SIGTERM)
            wait_for(lambda: not accepts(crew.address), "it to stop listening")
            self.assertTrue(crew.readiness()["draining"])
            may_answer.set()
            self.assertEqual(asking.result().body, b"done")
        self.assertEqual(crew.wait(), 0)

    def test_workers_end_if_the_supervisor_is_killed(self) -> None:
        crew = self.serving_crew()
        workers = crew.worker_pids()
        os.kill(crew.pid, signal.SIGKILL)
        wait_for(lambda: not any(map(is_alive, workers)), "the workers to end")
        self.assertFalse(accepts(crew.address))

    def test_a_port_in_use(self) -> None:
        pod = self.pod("only", yes)
        crew = Crew(self.folder(), {"pods": {"only": {"url": pod.url}}, "router": {"workers": 2}})
        own = crew.tables["router"]["listen"]
        taken = pod.url.rpartition(":")[2]
        crew.tables["router"]["listen"] = [*own, f"tcp:{taken}:interface=127.0.0.1"]
        self.addCleanup(crew.kill)
        with contextlib.suppress(AssertionError):  # unless it is caught between the two listeners
            crew.start()
        self.assertEqual(crew.wait(), 1)
        self.assertIn(f"pods: cannot listen on tcp:{taken}", crew.printed())


class DeathTests(WorkersTestCase):
    def test_a_worker_that_dies_is_replaced_and_nobody_is_refused(self) -> None:
        crew = self.serving_crew()
        before = crew.worker_pids()
        refused: list[OSError] = []
        ended = Event()

        def connect() -> None:
            while not ended.is_set():
                try:
                    self.assertEqual(ask(crew.address, "/").status, 200)
                except ConnectionRefusedError as error:
                    refused.append(error)
                except (OSError, HTTPException):
                    pass  # the one that was with the worker that died

        with ThreadPoolExecutor() as threads:
            connecting = [threads.submit(connect) for _ in range(4)]
            for pid in before:
                os.kill(pid, signal.SIGKILL)
            wait_for(lambda: "signal 9" in crew.said(), "the supervisor to notice")
            crew.wait_until_serving(2)
            ended.set()
        for result in connecting:
            result.result()
        self.assertEqual(refused, [])
        self.assertEqual(set(before) & set(crew.worker_pids()), set())
        self.assertEqual(self.number(crew, "pods_worker_restarts_total"), 2)

    def number(self, crew: Crew, name: str) -> float:
        return sum(value for (sample, _), value in numbers(crew).items() if sample == name)


class WatchingTests(WorkersTestCase):
    def test_numbers_are_added_up(self) -> None:
        crew = self.serving_crew()
        self.ask_many(crew)
        wait_for(lambda: self.requests(crew) >= REQUESTS, "the numbers")
        self.assertEqual(self.requests(crew), REQUESTS)
        told = numbers(crew)
        self.assertEqual(told["pods_workers", ()], 2)
        self.assertEqual(told["pods_pod_healthy", (("pod", "only"),)], 1)
        count = told["pods_request_seconds_count", (("phase", "total"),)]
        self.assertEqual(count, REQUESTS)
        for worker in ("supervisor", "1", "2"):
            self.assertGreater(told["process_resident_memory_bytes", (("worker", worker),)], 0)

    def test_what_a_worker_has_counted_outlives_it(self) -> None:
        crew = self.serving_crew()
        self.ask_many(crew)
        for pid in crew.worker_pids():
            os.kill(pid, signal.SIGTERM)  # it says what it has counted
        wait_for(lambda: crew.said().count("has ended") == 2, "them to end")
        crew.wait_until_serving(2)
        self.ask_many(crew)
        wait_for(lambda: self.requests(crew) >= 2 * REQUESTS, "the numbers")
        self.assertEqual(self.requests(crew), 2 * REQUESTS)

    def requests(self, crew: Crew) -> float:
        told = numbers(crew)
        return sum(value for (name, _), value in told.items() if name == "pods_requests_total")


class ReloadTests(WorkersTestCase):
    def crew_of_pods(self) -> Crew:
        urls = {name: {"url": self.pod(name, named(name)).url} for name in ("one", "two")}
        return self.crew(pods=urls, rules=[{"path": "/", "pod": "one"}])

    def test_no_connection_is_dropped(self) -> None:
        crew = self.crew_of_pods()
        connections = [HTTPConnection(*crew.address, timeout=PATIENCE_SECONDS) for _ in range(20)]
        for connection in connections:
            self.addCleanup(connection.close)
            self.assertEqual(get(connection), b"one")
        sockets = [connection.sock for connection in connections]
        pids = crew.worker_pids()
        crew.reload("Reloaded ", rules=[{"path": "/", "pod": "two"}])
        for connection in connections:
            self.assertEqual(get(connection), b"two")
        self.assertEqual([connection.sock for connection in connections], sockets)
        self.assertEqual(crew.worker_pids(), pids)

    def test_no_request_is_lost_while_it_is_reloaded_again_and_again(self) -> None:
        crew = self.crew_of_pods()
        wrong: list[object] = []
        count = [0]
        ended = Event()

        def load() -> None:
            connection = HTTPConnection(*crew.address, timeout=PATIENCE_SECONDS)
            while not ended.is_set():
                try:
                    body = get(connection)
                except (OSError, HTTPException) as error:
                    wrong.append(error)
                    return
                count[0] += 1
                if body not in (b"one", b"two"):
                    wrong.append(body)
                if count[0] % 7 == 0:
                    connection.close()  # and the next one may come to another worker
            connection.close()

        own, port = crew.tables["router"], free_port()
        more = {**own, "listen": [*own["listen"], f"tcp:{port}:interface=127.0.0.1"]}
        threads = [Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        for round, pod in enumerate(("two", "one", "two", "one")):
            router, before = own if round % 2 else more, count[0]
            crew.reload("Reloaded ", rules=[{"path": "/", "pod": pod}], router=router)
            wait_for(lambda before=before: wrong or count[0] > before + 20, "some load")
        ended.set()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
        self.assertEqual(wrong, [])

    def test_listeners_come_and_go(self) -> None:
        crew = self.crew_of_pods()
        port = free_port()
        own = crew.tables["router"]
        crew.reload("Reloaded ", router={**own, "listen": [f"tcp:{port}:interface=127.0.0.1"]})
        self.assertFalse(accepts(crew.address))
        for _ in range(20):
            self.assertEqual(ask(("127.0.0.1", port), "/").body, b"one")

    def test_workers_come_and_go(self) -> None:
        crew = self.crew_of_pods()
        connections = [HTTPConnection(*crew.address, timeout=PATIENCE_SECONDS) for _ in range(20)]
        for connection in connections:
            self.addCleanup(connection.close)
            get(connection)
        crew.reload("Reloaded ", router={**crew.tables["router"], "workers": 3})
        crew.wait_until_serving(3)
        for connection in connections:
            self.assertEqual(get(connection), b"one")
        crew.reload("Reloaded ", router={**crew.tables["router"], "workers": 1})
        wait_for(lambda: len(crew.worker_pids()) == 1, "two workers to end")
        self.assertEqual(ask(crew.address, "/").body, b"one")

    def test_faults_change_nothing(self) -> None:
        crew = self.crew_of_pods()
        crew.reload("Not reloaded: ", rules=[{"path": "/", "pod": "nobody"}])
        self.assertIn('rules[1].pod: is "nobody"', crew.said())
        self.assertEqual(ask(crew.address, "/").body, b"one")

    def test_a_new_worker_serves_by_what_was_accepted(self) -> None:
        crew = self.crew_of_pods()
        crew.reload("Not reloaded: ", rules=[{"path": "/", "pod": "nobody"}])
        for pid in crew.worker_pids():
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: crew.said().count("signal 9") == 2, "them to end")
        crew.wait_until_serving(2)
        self.assertEqual(ask(crew.address, "/").body, b"one")

    def test_the_log_is_opened_anew(self) -> None:
        crew = self.crew_of_pods()
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda _: ask(crew.address, "/before"), range(REQUESTS)))
        self.logged(crew, REQUESTS)
        current, old = crew.folder / "access.log", crew.folder / "access.log.1"
        current.rename(old)
        crew.send_signal(signal.SIGUSR1)
        wait_for(lambda: self.open_in(crew, current) == 2, "all workers to open it")
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda _: ask(crew.address, "/after"), range(REQUESTS)))
        self.assertEqual({line["path"] for line in self.logged(crew, REQUESTS)}, {"/after"})

    def open_in(self, crew: Crew, path: Path) -> int:
        """How many workers have the file open."""
        return sum(str(path) in opened(pid) for pid in crew.worker_pids())


def opened(pid: int) -> list[str]:
    """What a process has open."""
    targets = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            targets.append(str(link.readlink()))
    return targets


def named(name: str) -> Callable[[Exchange], None]:
    return lambda exchange: exchange.respond(200, name.encode())


def get(connection: HTTPConnection) -> bytes:
    connection.request("GET", "/")
    return connection.getresponse().read()


def numbers(crew: Crew) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """What ``/metrics`` says: by name and labels."""
    text = ask(crew.admin, "/metrics").body.decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
