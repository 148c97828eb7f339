"""What the README tells people to type is what is run."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pods import config

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.rst").read_text()
CI_RUN = (ROOT / ".ci" / "run").read_text()


def code_block(name: str) -> str:
    """The text of the README's code block with that ``:name:``."""
    found = re.search(rf":name: {name}\n\n((?:   .*\n)+)", README)
    assert found is not None, f"README.rst has no code block named {name}"
    return "\n".join(line.strip() for line in found[1].splitlines())


def ci_function(name: str, arguments: str, variables: str = "") -> str:
    """What one of the functions of ``.ci/run`` prints."""
    function = re.search(rf"^{name}\(\) \{{\n.*?^\}}\n", CI_RUN, re.MULTILINE | re.DOTALL)
    assert function is not None, f".ci/run has no {name}"
    script = f"{variables}\n{function[0]}{name} {arguments}"
    done = subprocess.run(["bash", "-euc", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.removesuffix("\n")


class CommandTests(SynchronousTestCase):
    def test_ci_runs_the_commands_of_the_readme(self) -> None:
        for name in ("run-the-tests", "run-the-demo"):
            self.assertEqual(ci_function("readme_command", name), code_block(name))
            self.assertIn(f'"$(readme_command {name})"', CI_RUN)

    def test_each_is_one_line_that_sets_itself_up(self) -> None:
        for name, ends in (("run-the-tests", "-m tests"), ("run-the-demo", "--walkthrough")):
            command = code_block(name)
            self.assertNotIn("\n", command)
            self.assertTrue(command.startswith("python3 -m venv .venv && "), command)
            self.assertTrue(command.endswith(ends), command)


class SummaryTests(SynchronousTestCase):
    """``.ci/run`` takes the counts out of the last line that trial prints."""

    def counts(self, summary: str) -> list[int]:
        names = ("successes", "failures", "errors", "unexpectedSuccesses", "skips")
        return [int(ci_function("count", name, f"summary='{summary}'")) for name in names]

    def test_all_is_well(self) -> None:
        self.assertEqual(self.counts("PASSED (successes=12)"), [12, 0, 0, 0, 0])

    def test_some_of_each(self) -> None:
        summary = (
            "FAILED (skips=1, expectedFailures=2, failures=3, errors=4, unexpectedSuccesses=5,"
            " successes=60)"
        )
        self.assertEqual(self.counts(summary), [60, 3, 4, 5, 1])

    def test_nothing_ran(self) -> None:
        self.assertEqual(self.counts(""), [0, 0, 0, 0, 0])


class QuickStartTests(SynchronousTestCase):
    def test_the_router_toml_is_valid(self) -> None:
        found = re.search(r"code-block:: toml\n\n((?:   .*\n|\n)+)", README)
        assert found is not None
        table = tomllib.loads("\n".join(line.strip() for line in found[1].splitlines()))
        loaded = config.from_mapping(table, "router.toml", str(ROOT))
        self.assertEqual(list(loaded.pods), ["pod_eu0", "pod_us0"])
