"""The uvloop reactor: choosing it, what runs on it unchanged, and Twisted's own cases."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.trial.unittest import SynchronousTestCase

from tests import reactor_conformance
from tests.support_uvloop import NO_UVLOOP, Noting, UvloopTestCase, factory_of

ROOT = Path(__file__).resolve().parent.parent


def run_tool(tool: str, *arguments: str, without_uvloop: bool = False) -> str:
    """What a command of Twisted's prints."""
    hide = "sys.modules['uvloop'] = None\n" if without_uvloop else ""
    script = (
        f"import sys\n{hide}"
        f"from twisted.scripts.{tool} import run\n"
        f"sys.argv = [{tool!r}, *{list(arguments)!r}]\nrun()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    return done.stdout + done.stderr


class InstallerTests(SynchronousTestCase):
    """``--reactor=uvloop``."""

    def test_it_is_listed(self) -> None:
        listed = run_tool("twistd", "--help-reactors")
        self.assertRegex(listed, r"(?m)^\s+uvloop\s")

    def test_without_uvloop_it_says_what_to_install(self) -> None:
        said = run_tool("twistd", "--reactor=uvloop", "web", without_uvloop=True)
        self.assertIn("pip install 'pods-router[uvloop]'", said)
        self.assertNotIn("Traceback", said)

    def test_twistd_takes_it(self) -> None:
        if NO_UVLOOP:
            self.skipTest(NO_UVLOOP)
        said = run_tool("twistd", "--reactor=uvloop", "web", "--help")
        self.assertIn("Usage: twistd [options] web", said)

    def test_a_loop_of_another_kind_is_refused(self) -> None:
        if NO_UVLOOP:
            self.skipTest(NO_UVLOOP)
        from pods.uvloop_reactor.reactor import UvloopReactor

        loop = asyncio.SelectorEventLoop()
        self.addCleanup(loop.close)
        with self.assertRaisesRegex(TypeError, "needs a loop of uvloop's"):
            UvloopReactor(loop)


class UnchangedTests(UvloopTestCase):
    """What is written for any reactor."""

    def test_timers_wake_it_once_each(self) -> None:
        looks, fired = [], []
        run_due = self.reactor.runUntilCurrent

        def look() -> None:
            looks.append(1)
            run_due()

        self.reactor.runUntilCurrent = look

        def again() -> None:
            fired.append(1)
            self.reactor.callLater(0.0103, again)

        self.reactor.callWhenRunning(again)
        self.reactor.callLater(0.35, self.reactor.stop)
        self.reactor.run(installSignalHandlers=False)
        # Spinning until the time has come, it would look dozens of times for each.
        self.assertLess(len(looks), 3 * len(fired) + 10)

    def run_guest(self, name: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "tests.uvloop_guests", name],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_site_and_a_treq_client(self) -> None:
        self.run_guest("web")

    def test_tls_from_the_start_and_later(self) -> None:
        self.run_guest("tls")

    def test_a_unix_endpoint(self) -> None:
        path = os.path.join(tempfile.mkdtemp(dir="."), "s")
        server = Noting(data=lambda it, data: it.transport.write(data))
        client = Noting(made=lambda it: it.transport.write(b"over UNIX"))
        client.on["data"] = lambda it, data: it.transport.loseConnection()

        async def talk() -> None:
            await serverFromString(self.reactor, f"unix:{path}").listen(factory_of(server))
            await clientFromString(self.reactor, f"unix:{path}").connect(factory_of(client))

        self.reactor.callWhenRunning(lambda: Deferred.fromCoroutine(talk()))
        self.run_until(lambda: client.reasons and server.reasons)
        self.assertEqual(client.data, b"over UNIX")


class ConformanceTests(SynchronousTestCase):
    """Twisted's own cases."""

    timeout = 600

    if NO_UVLOOP:
        skip = NO_UVLOOP

    def test_nothing_fails_that_passes_elsewhere(self) -> None:
        folder = Path(self.mktemp()).absolute()
        folder.mkdir(parents=True)
        verdicts = reactor_conformance.run_all(reactor_conformance.REACTORS, folder)
        self.assertEqual(reactor_conformance.surprises(verdicts), {})
        self.assertGreater(verdicts["uvloop"].count("passed"), 600)

    def test_each_difference_is_explained(self) -> None:
        page = (ROOT / "docs" / "reference" / "uvloop-reactor.rst").read_text()
        for name in reactor_conformance.DIFFERENCES:
            self.assertIn(name.rpartition(".")[2], page)
