"""The ``pods`` command: what it prints where, and how it exits."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import closing
from io import StringIO
from pathlib import Path
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from pods import __version__
from pods.cli import run
from pods.errors import ConfigurationError
from pods.explain import Explanation, explain
from pods.interfaces import StoredRoute
from pods.stores.routefile import RouteFile
from pods.surroundings import STORE_FILE
from tests.test_config import MINIMAL, config

ROOT = Path(__file__).resolve().parent.parent
RULES = """
rules = [
    {path = "/admin", pod = "pod_0", methods = ["POST", "GET"]},
    {exact = "/-/profile", strategy = "learn"},
]
"""
WHATEVER = "whatever pod strategy bounce chooses"


class CommandCase(SynchronousTestCase):
    """Runs commands in this process."""

    def run_command(self, *arguments: str) -> tuple[int, str, str]:
        """Run one command: its exit code, standard output, standard error."""
        stdout, stderr = StringIO(), StringIO()
        code = run(arguments, stdout, stderr)
        return code, stdout.getvalue(), stderr.getvalue()

    def written(self, content: str) -> str:
        """The path of a new file."""
        path: str = self.mktemp()
        Path(path).write_text(content)
        return path


class CommonTests(CommandCase):
    """What every command line tool can do."""

    def test_version(self) -> None:
        self.assertEqual(self.run_command("--version"), (0, f"pods {__version__}\n", ""))

    def test_help(self) -> None:
        code, stdout, stderr = self.run_command("--help")
        self.assertEqual((code, stderr), (0, ""))
        for command in ("check-config", "explain", "routes"):
            self.assertIn(command, stdout)

    def test_no_command(self) -> None:
        code, stdout, stderr = self.run_command()
        self.assertEqual((code, stdout), (2, ""))
        self.assertIn("the following arguments are required: COMMAND", stderr)

    def test_unknown_command(self) -> None:
        code, stdout, stderr = self.run_command("chek-config")
        self.assertEqual((code, stdout), (2, ""))
        self.assertIn("invalid choice: 'chek-config'", stderr)

    def test_as_a_process(self) -> None:
        """Nothing but the fault is on standard error: no traceback of Twisted's log."""
        path, folder = self.written(MINIMAL.replace("bounce", "bonce")), self.mktemp()
        os.mkdir(folder)
        broken = Path(folder, "pods_test_broken.py").absolute()
        broken.write_text("import no_such_module")
        script = (
            "import sys, twisted.plugins\n"
            f"twisted.plugins.__path__.append({str(broken.parent)!r})\n"
            "from pods.cli import main\n"
            "sys.exit(main())\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, "check-config", os.path.abspath(path)],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertEqual(
            done.stderr,
            f'{os.path.abspath(path)}: router.strategy: no plugin "bonce" is installed, nearest is'
            f" bounce; {broken} cannot be imported (ModuleNotFoundError: No module named"
            " 'no_such_module'); allowed: bounce, learn\n",
        )


class CheckConfigTests(CommandCase):
    """``pods check-config FILE``"""

    def test_examples(self) -> None:
        for name in ("router.toml", "minimal.toml"):
            path = str(ROOT / "docs" / "examples" / name)
            self.assertEqual(self.run_command("check-config", path), (0, "ok\n", ""))

    def test_missing_file(self) -> None:
        self.assertEqual(
            self.run_command("check-config", "nowhere.toml"),
            (2, "", "nowhere.toml: cannot be read: No such file or directory\n"),
        )

    def test_faults_of_file_and_plugins_in_one_run(self) -> None:
        change = """
            latest = 1
            [limits]
            url_byte = 1
            [strategy]
            max_bounces = 0
            [not_found]
            quantum_seconds = 0
        """
        path = self.written(MINIMAL + change)
        code, stdout, stderr = self.run_command("check-config", path)
        self.assertEqual((code, stdout), (2, ""))
        self.assertEqual(
            [line.partition(";")[0] for line in stderr.splitlines()],
            [
                f"{path}: pods.pod_0.latest: is 1",
                f"{path}: limits.url_byte: unknown key, nearest is url_bytes",
                f"{path}: strategy.max_bounces: is 0",
                f"{path}: not_found.quantum_seconds: is 0",
            ],
        )

    def test_a_wrong_pod_makes_no_fault_of_a_strategy_that_needs_it(self) -> None:
        wrong = MINIMAL.replace("http", "htp") + "latest = true\n[strategy]\nunknown = 'latest'"
        _, _, stderr = self.run_command("check-config", self.written(wrong))
        self.assertEqual(stderr.count("\n"), 1, stderr)

    def test_folders_that_cannot_be_made_or_written(self) -> None:
        path = self.written(MINIMAL)
        folder = os.path.dirname(os.path.abspath(path))
        before = sorted(os.listdir(folder))
        name = os.path.basename(path)
        for data_dir, spool_dir, keys in (
            ("new/deep", "also/new", []),
            (name, "", ["router.data_dir"]),
            (f"{name}/below", "", ["router.data_dir"]),
            ("new", f"{name}/below", ["body.spool_dir"]),
        ):
            tables = f'data_dir = "{data_dir}"\n[body]\nspool_dir = "{spool_dir}"\n'
            own = os.path.join(folder, "folders.toml")
            with open(own, "w") as file:
                file.write(MINIMAL.replace("[pods", f"{tables}[pods", 1))
            code, _, stderr = self.run_command("check-config", own)
            self.assertEqual([line.split(": ")[1] for line in stderr.splitlines()], keys)
            self.assertEqual(code, 2 if keys else 0)
            os.unlink(own)
        self.assertEqual(sorted(os.listdir(folder)), before, "nothing is made")

    def test_a_folder_that_is_not_writable(self) -> None:
        if os.geteuid() == 0:
            raise SkipTest("the superuser can write everywhere")
        folder = self.mktemp()
        os.mkdir(folder, 0o500)
        line = f'data_dir = "{os.path.abspath(folder)}"\n'
        path = self.written(MINIMAL.replace("[pods", f"{line}[pods", 1))
        _, _, stderr = self.run_command("check-config", path)
        self.assertIn("router.data_dir: cannot be written: ", stderr)

    def test_plugins_that_do_not_exist_are_told_once(self) -> None:
        path = self.written(MINIMAL.replace("bounce", "bonce") + "[not_found]\ndelay = 'x'\ny = 1")
        _, _, stderr = self.run_command("check-config", path)
        self.assertEqual(stderr.count("\n"), 2, stderr)

    def test_makes_nothing(self) -> None:
        folder = self.mktemp()
        os.mkdir(folder)
        Path(folder, "router.toml").write_text(MINIMAL)
        self.run_command("check-config", f"{folder}/router.toml")
        self.assertEqual(os.listdir(folder), ["router.toml"])


class ExplainTests(SynchronousTestCase):
    """Where requests go, and why, as values."""

    def because(self, method: str, target: str) -> tuple[str, str]:
        found: Explanation = explain(config(RULES), method, target)
        return found.goes_to, found.because

    def test_rule_with_a_pod(self) -> None:
        self.assertEqual(
            self.because("GET", "/admin/users?page=2"),
            (
                "pod pod_0 at http://10.0.0.7:9100",
                "rules[1] has path = \"/admin\" and methods = ['GET', 'POST']",
            ),
        )

    def test_rule_with_a_strategy(self) -> None:
        self.assertEqual(
            self.because("GET", "/-/profile"),
            (
                "whatever pod strategy learn chooses",
                'rules[2] has exact = "/-/profile"; no route is stored for it',
            ),
        )

    def test_a_stored_route_comes_after_rules_for_pods_and_before_strategies(self) -> None:
        known = [
            StoredRoute("/-/profile", True, "of-another-configuration", 0, 9000),
            StoredRoute("/-", False, "pod_0", learned_at=4000, expires_at=7600),
        ]
        asked: list[str] = []

        def recall(path: str) -> list[StoredRoute]:
            asked.append(path)
            return known

        found = explain(config(RULES), "GET", "/-/profile?x", recall, now=4900)
        self.assertEqual(found.goes_to, "pod pod_0 at http://10.0.0.7:9100")
        self.assertEqual(found.because, "the route /- is stored, learned 15m ago, for 45m more")
        explain(config(RULES), "GET", "/admin/x", recall)
        explain(config(RULES), "GET", "/-/../profile", recall)
        self.assertEqual(asked, ["/-/profile"], "not for a rule's pod, not for an ambiguous path")

    def test_pod_with_an_endpoint(self) -> None:
        found = config("rules = [{path = '/', pod = 'pod_0'}]\npods.pod_0.endpoint = 'unix:/s'")
        self.assertEqual(explain(found, "GET", "/a").goes_to, "pod pod_0 at unix:/s")

    def test_no_rule(self) -> None:
        for method, target in (("DELETE", "/admin"), ("GET", "/-/profile/x"), ("GET", "/?/admin")):
            goes_to, because = self.because(method, target)
            self.assertEqual(goes_to, WHATEVER)
            self.assertEqual(because, "no rule matches; no route is stored for it")

    def test_ambiguous_path(self) -> None:
        goes_to, because = self.because("GET", "/a/../b")
        self.assertEqual(goes_to, WHATEVER)
        self.assertIn("the path is ambiguous, so no route is looked up or learned", because)

    def test_learn_endpoint_is_closed_before_any_rule(self) -> None:
        found = config("rules = [{path = '/', pod = 'pod_0'}]")
        for target in ("/api/v4/pods/learn?path_info=/x", "/API/v4//pods/%6cearn"):
            answer = explain(found, "GET", target)
            self.assertEqual(answer.goes_to, "nobody, the router answers 404")

    def test_methods_that_are_not_relayed(self) -> None:
        self.assertEqual(
            self.because("TRACE", "/admin"),
            ("nobody, the router answers 405", "TRACE is not relayed"),
        )
        self.assertEqual(
            self.because("FOO", "/admin"),
            ("nobody, the router answers 501", "FOO is no method it knows"),
        )


class ExplainCommandTests(CommandCase):
    """``pods explain --config FILE METHOD PATH``"""

    def explain(self, method: str, target: str, content: str = MINIMAL) -> tuple[int, str, str]:
        return self.run_command("explain", "--config", self.written(content), method, target)

    def test_prints_where_and_why(self) -> None:
        content = MINIMAL + "[[rules]]\npath = '/a'\npod = 'pod_0'"
        self.assertEqual(
            self.explain("GET", "/a?b", content),
            (
                0,
                "GET /a?b\n"
                "goes to: pod pod_0 at http://10.0.0.7:9100\n"
                'because: rules[1] has path = "/a"\n',
                "",
            ),
        )

    def test_a_stored_route_and_its_age(self) -> None:
        config_file = self.written(MINIMAL)
        now, path = time.time(), os.path.join(os.path.dirname(config_file), "var", STORE_FILE)
        with closing(RouteFile(path, make=True)) as file:
            list(file.merge([StoredRoute("/a", False, "pod_0", now - 600, now + 3000)], now))
        code, stdout, _ = self.run_command("explain", "--config", config_file, "GET", "/a/b")
        self.assertEqual(code, 0)
        self.assertIn("goes to: pod pod_0 at http://10.0.0.7:9100\n", stdout)
        self.assertIn("because: the route /a is stored, learned 10m ago, for 50m more\n", stdout)

    def test_a_store_that_cannot_be_read(self) -> None:
        config_file = self.written(MINIMAL)
        path = os.path.join(os.path.dirname(config_file), "var", STORE_FILE)
        os.makedirs(path)
        code, stdout, stderr = self.run_command("explain", "--config", config_file, "GET", "/a/b")
        self.assertEqual((code, stdout), (1, ""))
        self.assertTrue(stderr.startswith(f"{os.path.abspath(path)}: cannot be opened"), stderr)

    def test_faulty_configuration(self) -> None:
        code, stdout, stderr = self.explain("GET", "/", MINIMAL + "latest = 1\nregion = 1")
        self.assertEqual((code, stdout, stderr.count("\n")), (2, "", 2))

    def test_method(self) -> None:
        for method in ("get", "G ET", ""):
            self.assertEqual(
                self.explain(method, "/"),
                (2, "", "METHOD: is no method; allowed: capitals, such as GET\n"),
            )

    def test_path(self) -> None:
        for path in ("a", "", "/a b", "/ü", "/a#b", "http://h/a"):
            code, stdout, stderr = self.explain("GET", path)
            self.assertEqual((code, stdout), (2, ""))
            self.assertIn("PATH: is no path; allowed: what a request line has: / first", stderr)

    def test_without_a_configuration(self) -> None:
        code, _, stderr = self.run_command("explain", "GET", "/")
        self.assertEqual(code, 2)
        self.assertIn("the following arguments are required: --config", stderr)


class ErrorTests(SynchronousTestCase):
    """What a caller of ``config`` relies on here."""

    def test_faults_name_the_file(self) -> None:
        error = self.assertRaises(ConfigurationError, config, "limits = 1")
        self.assertEqual([fault.file for fault in error.faults], ["router.toml"])
