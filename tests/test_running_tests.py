"""``python -m tests``: what it runs, what it says of it, and what it leaves behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests import selecting
from tests.integration.support import PATIENCE_SECONDS, wait_for

RUNNER = ("__init__.py", "__main__.py", "running.py", "selecting.py")
GOOD = """
from unittest import TestCase

class Tests(TestCase):
    def test_good(self):
        pass
"""
MIXED = """
from twisted.trial.unittest import SynchronousTestCase

class Tests(SynchronousTestCase):
    def test_good(self):
        pass

    def test_wrong(self):
        self.fail("this is wrong")

    def test_broken(self):
        raise KeyError("this is broken")

    def test_left_out(self):
        self.skipTest("there is no such program")

    def test_known_to_be_wrong(self):
        self.fail("as expected")

    test_known_to_be_wrong.todo = "later"
"""
SKIPPED = """
from unittest import TestCase

class Tests(TestCase):
    def test_left_out(self):
        self.skipTest("there is no such program")
"""
DIES = """
import os
from unittest import TestCase

class Tests(TestCase):
    def test_that_ends_the_process(self):
        print("its last words", flush=True)
        os._exit(0)
"""
WAITS = """
import os, subprocess, tempfile, time
from pathlib import Path
from unittest import TestCase

class Tests(TestCase):
    def test_that_waits(self):
        started = subprocess.Popen(["sleep", "1000"])
        file = Path(tempfile.mkdtemp(), "pids")
        file.write_text(" ".join(map(str, (os.getpid(), started.pid, file))))
        file.rename("{folder}/pids")
        time.sleep(1000)
"""
LEAVES = """
import subprocess
from pathlib import Path
from unittest import TestCase

class Tests(TestCase):
    def test_that_leaves_a_process(self):
        Path("{folder}", "pids").write_text(str(subprocess.Popen(["sleep", "1000"]).pid))
"""
ON_REACTOR = """
import os
from twisted.internet import reactor
from twisted.trial.unittest import TestCase

class Tests(TestCase):
    def test_reactor(self):
        self.assertEqual(type(reactor).__name__, "AsyncioSelectorReactor")
        self.assertEqual(os.environ["PODS_TEST_REACTOR"], "asyncio")
"""


def is_there(pid: int) -> bool:
    """Whether a process has not ended; one that nobody has waited for yet has."""
    said = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return said.stdout.strip()[:1] not in ("", "Z")


class RunnerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pods-"))
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / "tests" / "integration").mkdir(parents=True)
        (self.folder / "tests" / "integration" / "__init__.py").touch()
        for name in RUNNER:
            shutil.copy(selecting.TESTS / name, self.folder / "tests")

    def write(self, **modules: str) -> None:
        """Give it these modules, each of which has a process of its own."""
        for name, text in modules.items():
            (self.folder / "tests" / "integration" / f"test_{name}.py").write_text(
                text.replace("{folder}", str(self.folder))
            )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        environment = {name: os.environ[name] for name in os.environ if name != "PYTHONPATH"}
        environment["TMPDIR"] = str(self.folder)
        return subprocess.Popen(
            [sys.executable, "-m", "tests", *arguments],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run_all(self, *arguments: str) -> tuple[int, str]:
        """The exit status, and what is printed."""
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=PATIENCE_SECONDS)
        return process.returncode, output

    def last_line(self, output: str) -> str:
        return output.splitlines()[-1]

    def left_behind(self) -> list[Path]:
        return list(self.folder.glob("pods-tests-*/*"))

    def pids(self) -> list[str]:
        file = self.folder / "pids"
        wait_for(file.exists, "the test to run")
        return file.read_text().split()

    def test_all_pass(self) -> None:
        self.write(one=GOOD, other=GOOD, skipped=SKIPPED)
        exit_status, output = self.run_all()
        self.assertEqual(exit_status, 0, output)
        self.assertEqual(self.last_line(output), "PASSED (skips=1, successes=2)")
        self.assertRegex(output, r"(?m)^ +\d+\.\d s  tests\.integration\.test_one: PASSED \(suc")
        self.assertIn("there is no such program", output)
        self.assertEqual(output.count("test_good"), 0, "nothing more to say of what passes")
        self.assertEqual(self.left_behind(), [])

    def test_some_do_not(self) -> None:
        self.write(one=GOOD, mixed=MIXED)
        exit_status, output = self.run_all()
        self.assertEqual(exit_status, 1, output)
        counts = "skips=1, expectedFailures=1, failures=1, errors=1, successes=2"
        self.assertIn(f"\nFAILED ({counts})\n", output)
        self.assertIn("this is wrong", output)
        self.assertIn("this is broken", output)
        self.assertEqual(len(self.left_behind()), 1, "the files of the one that failed")

    def test_one_breaks_off(self) -> None:
        """Though its exit status is 0."""
        self.write(one=GOOD, dies=DIES)
        exit_status, output = self.run_all()
        self.assertEqual(exit_status, 1, output)
        self.assertIn("\nFAILED (errors=1, successes=1)\n", output)
        self.assertIn("its last words", output)

    def test_one_that_cannot_be_imported(self) -> None:
        self.write(one=GOOD, broken="import nonsense")
        self.assertIn("\nFAILED (errors=1, successes=1)\n", self.run_all()[1])

    def test_only_some(self) -> None:
        self.write(one=GOOD, mixed=MIXED)
        (self.folder / "tests" / "test_else.py").write_text(GOOD)
        output = self.run_all("--jobs", "1", "tests.test_else", "tests.integration.test_one")[1]
        self.assertEqual(self.last_line(output), "PASSED (successes=2)")
        exit_status, output = self.run_all("tests.test_other")
        self.assertEqual(exit_status, 2)
        self.assertIn("there is no module of tests 'tests.test_other'", output)

    def test_on_another_reactor(self) -> None:
        self.write(reactor=ON_REACTOR, reference=MIXED)
        (self.folder / "tests" / "test_without_reactor.py").write_text(MIXED)
        output = self.run_all("--reactor", "asyncio")[1]
        self.assertEqual(self.last_line(output), "PASSED (successes=1)", output)

    def test_an_interrupt_ends_all_of_it(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self.write(waits=WAITS)
            process = self.start()
            *pids, file = self.pids()
            self.assertTrue(file.startswith(f"{self.folder}/pods-tests-"), file)
            process.send_signal(number)
            output, _ = process.communicate(timeout=PATIENCE_SECONDS)
            self.assertEqual((process.returncode, self.last_line(output)), (130, "interrupted"))
            self.assertEqual([pid for pid in pids if is_there(int(pid))], [])
            self.assertEqual(self.left_behind(), [])
            (self.folder / "pids").unlink()

    def test_what_a_test_leaves_behind_is_ended(self) -> None:
        self.write(leaves=LEAVES)
        self.assertEqual(self.run_all()[0], 0)
        (pid,) = self.pids()
        wait_for(lambda: not is_there(int(pid)), "it to end")


class SelectionTests(SynchronousTestCase):
    def test_every_module_is_run_once(self) -> None:
        modules = selecting.all_modules()
        self.assertIn(__name__, modules)
        groups = [list(group) for group in selecting.grouped(modules)]
        self.assertEqual(sorted(name for group in groups for name in group), modules)

    def test_those_that_take_long_are_there(self) -> None:
        self.assertEqual(set(selecting.SLOW) - set(selecting.all_modules()), set())

    def test_a_name_is_that_of_a_module_or_of_a_package(self) -> None:
        self.assertEqual(selecting.below([__name__]), [__name__])
        self.assertIn("tests.garden.test_judge", selecting.below(["tests.garden"]))
        self.assertRaises(ValueError, selecting.below, ["tests.test_run"])

    def test_what_has_to_do_with_a_reactor(self) -> None:
        on_reactor = set(filter(selecting.meets_reactor, selecting.all_modules()))
        self.assertLess(
            {"tests.integration.test_git", "tests.garden.test_garden", "tests.test_tap"}, on_reactor
        )
        self.assertEqual(on_reactor & {"tests.integration.test_move", "tests.test_delays"}, set())
