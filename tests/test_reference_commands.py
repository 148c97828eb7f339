"""``twistd pods-pod`` and ``twistd pods-demo`` as processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any
from urllib.request import urlopen

from twisted.trial.unittest import SynchronousTestCase

from pods.reference.walkthrough import FLOWS

PLACE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TIMEOUT_SECONDS = 60


class CommandTestCase(SynchronousTestCase):
    """Runs twistd in an empty folder."""

    def setUp(self) -> None:
        self.folder = os.path.abspath(self.mktemp())
        os.makedirs(self.folder)

    def twistd(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        environment = os.environ | {"PYTHONPATH": PLACE, "PYTHONUNBUFFERED": "1"}
        code = "from twisted.scripts.twistd import run; run()"
        return subprocess.Popen(
            (sys.executable, "-c", code, "-n", *arguments),
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def run_to_end(self, *arguments: str) -> tuple[int, str, str]:
        process = self.twistd(*arguments)
        out, err = process.communicate(timeout=TIMEOUT_SECONDS)
        return process.returncode, out, err

    def write(self, name: str, text: str) -> str:
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path


POD = """
[pod]
name = "only"
listen = "tcp:0:interface=127.0.0.1"
shared_dir = "var"
data_dir = "{data_dir}"
[pods.only]
region = "us"
legacy = true
"""


class PodCommandTests(CommandTestCase):
    def test_every_fault_is_a_line_on_stderr_and_nothing_starts(self) -> None:
        self.write("pod.toml", '[pod]\nname = "x"\nlissten = 3\n[pods.only]\nregion = "us"\n')
        code, out, err = self.run_to_end("pods-pod", "--config", "pod.toml")
        self.assertEqual((code, out), (1, ""))
        lines = err.splitlines()
        self.assertEqual(len(lines), 6, err)
        self.assertTrue(all(line.startswith("pod.toml: pod") for line in lines), err)
        self.assertIn("nearest is listen", err)
        self.assertEqual(os.listdir(self.folder), ["pod.toml"])

    def test_no_configuration(self) -> None:
        code, _, err = self.run_to_end("pods-pod")
        self.assertEqual(code, 1)
        self.assertEqual(err, "pods-pod: --config is missing; allowed: the path of a pod.toml\n")

    def test_a_folder_that_cannot_be_made(self) -> None:
        self.write("pod.toml", POD.format(data_dir="pod.toml"))
        code, _, err = self.run_to_end("pods-pod", "--config", "pod.toml")
        self.assertEqual(code, 1)
        self.assertEqual(len(err.splitlines()), 1, err)
        self.assertIn("only cannot start", err)

    def test_it_runs_until_it_is_told_to_stop(self) -> None:
        self.write("pod.toml", POD.format(data_dir="own"))
        process = self.twistd("pods-pod", "--config", "pod.toml")
        self.addCleanup(process.communicate)
        assert process.stdout is not None
        port = next(line.split()[-1] for line in process.stdout if " starting on " in line)
        with urlopen(f"http://127.0.0.1:{port}/-/readiness", timeout=10) as response:
            self.assertEqual(response.read(), b"ready\n")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(TIMEOUT_SECONDS), -signal.SIGTERM)


class DemoCommandTests(CommandTestCase):
    def test_wrong_options(self) -> None:
        for arguments, fault in (
            (("--strategy", "x"), "--strategy is 'x'; allowed: bounce, learn"),
            (("--base-port", "x"), "--base-port is 'x'; allowed: a whole number, 1 to 65522"),
            (("--base-port", "65530"), "--base-port is '65530'"),
            (("--walkthrough", "--sessions", "token"), "--sessions has no place beside"),
            (("--sessions", "x"), "--sessions is 'x'; allowed: store, token"),
            (("--walkthrough", "--data-dir", "x"), "--data-dir has no place beside"),
            (("--data-dir", "x", "--move", "a", "b"), "--data-dir has no place beside --move"),
            (("--move", "my-organization"), "--move is followed by an organization and a pod"),
            (("--move", "a", "b", "--strategy", "learn"), "--move is followed by an organization"),
            (("--walkthrough", "--move", "a", "b"), "--walkthrough and --move are played one at"),
            (("pod_us1",), "'pod_us1' is no option"),
            (("--move", "my-organization", "pod_x"), "there is no pod 'pod_x'; there are pod_us0"),
            (("--move", "nobody", "pod_us1"), "there is no organization 'nobody'"),
            (("--move", "my-organization", "pod_eu0"), "my-organization is at pod_eu0 already"),
        ):
            code, _, err = self.run_to_end("pods-demo", *arguments)
            self.assertEqual(code, 1)
            self.assertTrue(err.startswith(f"pods-demo: {fault}"), err)
            self.assertEqual(len(err.splitlines()), 1, err)

    def test_a_folder_that_cannot_be_made(self) -> None:
        path = self.write("file", "")
        code, _, err = self.run_to_end("pods-demo", "--data-dir", path)
        self.assertEqual(code, 1)
        self.assertTrue(err.startswith("pods-demo: "), err)
        self.assertEqual(len(err.splitlines()), 1, err)

    def test_the_walkthrough_ends_by_itself(self) -> None:
        code, out, err = self.run_to_end("pods-demo", "--walkthrough")
        self.assertEqual((code, err), (0, ""), out)
        for strategy, flows in FLOWS.items():
            self.assertIn(f"Strategy {strategy}\n", out)
            count = len(flows)
            self.assertIn(f"\n{count} of {count} flows are as the proposal says.\n", out)
        self.assertEqual(os.listdir(self.folder), [])

    def test_a_walkthrough_of_one_strategy(self) -> None:
        code, out, _ = self.run_to_end("pods-demo", "--walkthrough", "--strategy", "learn")
        self.assertEqual(code, 0)
        self.assertNotIn("Strategy bounce", out)

    def test_a_move_ends_by_itself_and_says_what_people_noticed(self) -> None:
        arguments = ("--strategy", "learn", "--move", "my-organization", "pod_us1")
        code, out, err = self.run_to_end("pods-demo", *arguments)
        self.assertEqual((code, err), (0, ""), out)
        begun = "my-organization moved from pod_eu0 to pod_us1, strategy learn\n"
        self.assertTrue(out.startswith(begun), out)
        self.assertRegex(out, r"answered by the wrong pod +0\n +lost +0\n")
        self.assertRegex(out, r"longest wait +[0-9.]+ s\n")
        self.assertEqual(os.listdir(self.folder), [])

    def test_a_walkthrough_that_differs_exits_with_1(self) -> None:
        self.write(
            "run.py",
            "from twisted.scripts.twistd import run\n"
            "from pods.reference import walkthrough\n"
            "import attrs\n"
            "(first, *others) = walkthrough.FLOWS['bounce']\n"
            "walkthrough.FLOWS = {'bounce': [attrs.evolve(first, remembers=())]}\n"
            "run()\n",
        )
        done = subprocess.run(
            (sys.executable, "run.py", "-n", "pods-demo", "--walkthrough", "-s", "bounce"),
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": PLACE},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn("DIFFERS from the proposal", done.stdout)

    def test_the_world_prints_where_it_is_and_stops_when_told(self) -> None:
        process = self.twistd("pods-demo", "--base-port", "1")
        self.addCleanup(process.communicate)
        assert process.stdout is not None
        line = next(line for line in process.stdout if "router_eu, in region eu" in line)
        url = line.split()[0]
        with urlopen(f"{url}gitlab-org/gitlab", timeout=10) as response:
            self.assertIn(b"<h1>GitLab.org / GitLab</h1>", response.read())
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(TIMEOUT_SECONDS), 0)


class SharedFolderTests(CommandTestCase):
    def test_pods_that_start_at_the_same_time(self) -> None:
        """Each makes the shared databases, or finds them made."""
        script = (
            "import sys\n"
            "from pods.reference import seed\n"
            "from pods.reference.databases import default_places, open_databases\n"
            "from pods.reference.ids import Ids\n"
            "from pods.reference.people import People\n"
            "from pods.reference.tenants import Tenants\n"
            "places = default_places('shared', sys.argv[1], 'eu')\n"
            "view = open_databases(places, 'pod_eu0').view()\n"
            "people = People(view.users)\n"
            "tenants = Tenants(view.routes, view.main, Ids(view.routes, view.main, 'pod_eu0'))\n"
            "seed.plant(view, people, tenants, 'pod_eu0')\n"
        )
        environment = os.environ | {"PYTHONPATH": PLACE}
        processes = [
            subprocess.Popen(
                (sys.executable, "-c", script, f"own{number}"),
                cwd=self.folder,
                env=environment,
                stderr=subprocess.PIPE,
                text=True,
            )
            for number in range(6)
        ]
        for process in processes:
            _, err = process.communicate(timeout=TIMEOUT_SECONDS)
            self.assertEqual((process.returncode, err), (0, ""))
