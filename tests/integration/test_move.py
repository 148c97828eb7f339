"""Moving an organization between pods that run, while people use it, and while movers die."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import treq
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent, HTTPConnectionPool

from pods.reference.databases import writing
from pods.reference.databases.opening import open_databases
from pods.reference.moves.mover import Progress
from pods.reference.moves.playing import Plan, play
from pods.reference.moves.report import Report
from pods.reference.resource import Served
from pods.reference.tenancy import State, last_move
from pods.reference.world import LEGACY_POD, PODS, World, WorldSettings
from tests.integration.support import PATIENCE_SECONDS

ORGANIZATION, SOURCE, TARGET = "my-organization", "pod_eu0", "pod_us1"
PROJECT = "/my-company/my-project"
TABLES = {"not_found": {"delay": "off"}, "log": {"access": ""}}
_clock: Any = reactor


class LoadTests(TestCase):
    """Nobody loses anything, whatever the routers do and whatever they have kept."""

    timeout = 240

    async def check(self, strategy: str) -> None:
        seen: list[Progress] = []
        plan = Plan(strategy=strategy, organization=ORGANIZATION, destination=TARGET, people=2)
        report = await play(reactor, plan, seen.append)
        self.assert_nothing_lost(report)
        self.assertEqual(seen[-1].state, State.DONE)
        self.assertGreaterEqual(seen[-1].all_rows, plan.rows)

    def assert_nothing_lost(self, report: Report) -> None:
        self.assertEqual([request for request in report.requests if not request.status], [])
        self.assertEqual(report.lost, [])
        self.assertEqual(report.wrong, [])
        self.assertEqual(report.missing, [])
        self.assertEqual(report.notes.unread, [])
        self.assertEqual(report.left_rows, 0)
        self.assertTrue(report.notes.written)
        self.assertTrue(report.answers_of(SOURCE))
        self.assertTrue(report.answers_of(TARGET))
        self.assertTrue(report.is_good)
        text = "\n".join(report.lines())
        self.assertRegex(text, r"answered by the wrong pod +0\n")
        self.assertRegex(text, r"longest wait +[0-9.]+ s\n")

    async def test_under_bounce(self) -> None:
        await self.check("bounce")

    async def test_under_learn(self) -> None:
        await self.check("learn")


class RunningTestCase(TestCase):
    """Gives each test the demo's world, and the files from which a mover is started."""

    timeout = 240
    strategy = "bounce"

    async def setUp(self) -> None:  # type: ignore[override]
        self.folder = Path(self.mktemp()).absolute()
        chosen = WorldSettings(
            strategy=self.strategy,
            data_dir=str(self.folder),
            base_port=None,
            router_tables=TABLES,
        )
        self.served: list[Served] = []
        self.world = World(chosen, reactor, observe=lambda served: self.served.append(served))
        self.world.startService()
        self.addCleanup(self.world.stopService)
        await self.world.when_listening()
        self.files = [self.write(pod) for pod in PODS]
        self.cookies: dict[str, str] = {}
        self.agent = Agent(reactor, pool=HTTPConnectionPool(_clock, persistent=False))
        self.cookies = await self.sign_in("casey", "casey-pays-for-this")
        await self.until_shown_by(SOURCE)

    def write(self, pod: str) -> str:
        lines = [
            "[pod]",
            f'name = "{pod}"',
            'listen = "tcp:0:interface=127.0.0.1"',
            'shared_dir = "shared"',
            f'data_dir = "{pod}"',
        ]
        for name, region in PODS.items():
            lines += [f"[pods.{name}]", f'region = "{region}"']
            lines += ["legacy = true"] if name == LEGACY_POD else []
        path = self.folder / f"{pod}.toml"
        path.write_text("\n".join(lines))
        return str(path)

    async def sign_in(self, username: str, password: str) -> dict[str, str]:
        form = {"username": username, "password": password}
        response = await self.request("POST", "/users/sign_in", data=form)
        return {"pods_session": response.cookies()["pods_session"]}

    async def request(self, method: str, path: str, **more: Any) -> Any:
        response = await treq.request(
            method,
            self.world.url("router_eu") + path,
            agent=self.agent,
            cookies=self.cookies,
            allow_redirects=False,
            timeout=PATIENCE_SECONDS,
            **more,
        )
        response.body = await treq.content(response)
        return response

    async def shown_by(self) -> str:
        """The pod that shows the project's page, or the status of what came instead."""
        response = await self.request("GET", PROJECT)
        named = [name for name in PODS if name.encode() in response.body]
        return named[0] if response.code == 200 and len(named) == 1 else str(response.code)

    async def until_shown_by(self, pod: str) -> None:
        """Sessions reach every region's replica after a while."""
        while await self.shown_by() != pod:
            await deferLater(_clock, 0.1)

    # -- movers --------------------------------------------------------------

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            (
                sys.executable,
                "-m",
                "pods.reference.moves",
                ORGANIZATION,
                "--config",
                *self.files,
                *arguments,
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A shell that runs the tests in the background has its children ignore it.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    async def run_to_end(self, *arguments: str) -> tuple[int, str, str]:
        process = self.start(*arguments)
        out, err = await deferToThread(process.communicate)
        return process.returncode, out, err

    async def assert_ends_at(self, pod: str, *arguments: str) -> None:
        ended = await self.run_to_end(*arguments)
        self.assertEqual(ended, (0, f"{ORGANIZATION} is at {pod}\n", ""))
        self.assertEqual(await self.shown_by(), pod)

    def databases(self, pod: str) -> Any:
        return closing(open_databases(self.world.pods[pod].settings.places, pod))

    def state(self) -> State | None:
        with self.databases(SOURCE) as databases:
            move = last_move(databases.view().routes, ORGANIZATION)
        return None if move is None else move.state

    async def until(self, condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
        while not condition():
            self.assertIsNone(process.poll(), "the mover has ended")
            await deferLater(_clock, 0.01)

    async def kill_in(self, state: State) -> None:
        """Start a mover, and kill it as soon as it has come to that state."""
        process = self.start("--to", TARGET)
        await self.until(lambda: self.state() is state, process)
        os.kill(process.pid, signal.SIGKILL)
        await deferToThread(process.communicate)
        self.assertEqual(self.state(), state)


class KilledMoverTests(RunningTestCase):
    async def test_while_it_copies(self) -> None:
        await self.kill_in(State.COPYING)
        self.assertEqual(await self.shown_by(), SOURCE)
        code, _, err = await self.run_to_end("--to", TARGET)
        self.assertEqual(code, 1)
        self.assertIn("is being moved from pod_eu0 to pod_us1 (copying): resume or undo", err)
        await self.assert_ends_at(TARGET, "--resume")

    async def test_while_nobody_serves(self) -> None:
        """The old pod takes the organization back, and whoever waits is answered by it."""
        with self.databases(SOURCE) as databases, writing(databases.view().ci):
            await self.kill_in(State.HELD)  # it waits for its turn in this database
        self.assertEqual(await self.shown_by(), SOURCE)  # which has taken it back
        await self.assert_ends_at(SOURCE, "--resume")
        await self.assert_ends_at(TARGET, "--to", TARGET)

    async def test_after_the_switch(self) -> None:
        await self.kill_in(State.SWITCHED)
        self.assertEqual(await self.shown_by(), TARGET)
        code, _, err = await self.run_to_end("--undo")
        self.assertEqual(code, 1)
        self.assertIn("resume this move, and then move it back to pod_eu0", err)
        await self.assert_ends_at(TARGET, "--resume")

    async def test_interrupted_by_its_user(self) -> None:
        with self.databases(TARGET) as databases, writing(databases.view().ci):
            process = self.start("--to", TARGET)
            await self.until(lambda: self.state() is State.COPYING, process)
            process.send_signal(signal.SIGINT)  # it waits for its turn in this database
        _, err = await deferToThread(process.communicate)
        self.assertEqual(
            (process.returncode, err), (130, "pods.reference.moves: stopped; --resume goes on\n")
        )
        self.assertEqual(await self.shown_by(), SOURCE)
        await self.assert_ends_at(TARGET, "--resume")

    async def test_undone(self) -> None:
        await self.kill_in(State.COPYING)
        await self.assert_ends_at(SOURCE, "--undo")
        self.assertEqual(await self.shown_by(), SOURCE)


class CookieTests(RunningTestCase):
    async def test_a_cookie_that_names_the_old_pod_is_corrected(self) -> None:
        told = (await self.request("GET", PROJECT)).cookies()
        await self.assert_ends_at(TARGET, "--to", TARGET)
        memory = self.world.routers["router_eu"].router.memory
        for entry in memory.table.entries():
            memory.forget(entry)
        self.cookies |= {"_pods_routes": told["_pods_routes"]}
        served = self.served = []
        response = await self.request("GET", PROJECT)
        self.assertEqual(
            [(one.pod, one.request_headers["x-gitlab-pod-route"], one.status) for one in served],
            [(SOURCE, "cookie", 302), (TARGET, "cookie", 200)],
        )
        self.assertEqual(response.code, 200)
        self.assertNotEqual(response.cookies()["_pods_routes"], told["_pods_routes"])


class LongPollTests(RunningTestCase):
    async def test_a_runner_that_waits_gets_a_job_of_the_new_pod(self) -> None:
        member, self.cookies = self.cookies, {}  # who signs in ends the session that they had
        self.cookies = await self.sign_in("root", "root-sees-to-this")
        registered = await self.request("POST", "/api/v4/runners", json={"description": "all"})
        token = json.loads(registered.body)["token"]
        self.cookies = member
        asked: Deferred[Any] = Deferred.fromCoroutine(
            self.request("POST", "/api/v4/jobs/request", json={"token": token})
        )
        code, _, err = await self.run_to_end("--to", TARGET)
        self.assertEqual((code, err), (0, ""))
        self.assertFalse(asked.called)
        shown = await self.request("GET", f"/api/v4/projects/{PROJECT[1:].replace('/', '%2F')}")
        self.assertEqual(shown.code, 200, shown.body)
        number = json.loads(shown.body)["id"]
        path = f"/api/v4/projects/{number}/jobs"
        added = await self.request("POST", path, json={"name": "test"})
        answer = await asked
        self.assertEqual((added.code, answer.code), (201, 201))
        self.assertEqual(json.loads(answer.body)["id"], json.loads(added.body)["id"])


class CommandTests(RunningTestCase):
    async def test_faults(self) -> None:
        files = self.files
        for self.files, arguments, fault in (
            (files[1:], ("--to", TARGET), "--config: no file of pod_us0; give those of all pods"),
            ([*files, files[0]], ("--to", TARGET), "--config: two files are of one pod"),
            (files, ("--to", "pod_x"), "--to is 'pod_x'; allowed: pod_us0, pod_us1, pod_eu0"),
            (files, ("--to", TARGET, "--undo"), "not allowed with argument --to"),
            ([f"{files[0]}x"], ("--to", TARGET), "pod_us0.tomlx"),
        ):
            code, out, err = await self.run_to_end(*arguments)
            self.assertEqual((code, out), (2, ""), err)
            self.assertIn(fault, err)
        self.files = files
        code, _, err = await self.run_to_end("--resume")
        self.assertEqual(
            (code, err), (1, f"pods.reference.moves: {ORGANIZATION} is not being moved\n")
        )
