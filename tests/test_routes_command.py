"""``pods routes list`` and ``forget``: what they print, what they change, how they exit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from pods.protocol import PATH_LIMIT_BYTES
from pods.surroundings import STORE_FILE
from pods.wording import shown
from tests.support_routes import HELPER, ROOT, RoutesCase
from tests.support_stores import HANGS_SECONDS, Pump, StoreCase

PATH_ALLOWED = (
    "allowed: a path as in a request line: / first, percent-encoded, without a query, no empty or"
    " dot segments, at most 255 bytes\n"
)
LONG = "/".ljust(PATH_LIMIT_BYTES, "a")


class ListTests(RoutesCase):
    """``pods routes list``"""

    def test_rows(self) -> None:
        self.fill(
            self.route("/a/b", "pod_eu1", age=1500),
            self.route("/a", exact=True, age=3),
            self.route("/old", expires_at=self.now - 1),
        )
        code, stdout, stderr = self.run_command("list")
        self.assertEqual((code, stderr), (0, ""))
        head, exact, prefix = stdout.splitlines()
        self.assertEqual(head, "POD      KIND    LEARNED  EXPIRES  PATH")
        self.assertRegex(exact, r"^pod_0    exact    \ds ago  in  50m  /a$")
        self.assertRegex(prefix, r"^pod_eu1  prefix  25m ago  in  50m  /a/b$")

    def test_below_and_pod(self) -> None:
        self.fill(*(self.route(path) for path in ("/a", "/a/b", "/a-b", "/ab", "/b")))
        self.fill(self.route("/a/c", "pod_eu1"), self.route("/a", "pod_eu1", exact=True))
        self.assertEqual(self.listed("--below", "/a"), ["/a", "/a", "/a/b", "/a/c"])
        self.assertEqual(self.listed("--below", "/a/"), ["/a", "/a", "/a/b", "/a/c"])
        self.assertEqual(self.listed("--below", "/a", "--pod", "pod_eu1"), ["/a", "/a/c"])
        self.assertEqual(len(self.listed("--below", "/")), 7)

    def listed(self, *arguments: str) -> list[str]:
        _, stdout, _ = self.run_command("list", *arguments)
        return [line.split()[-1] for line in stdout.splitlines()[1:]]

    def test_limit(self) -> None:
        self.fill(*(self.route(f"/a{number:05}") for number in range(4001)))
        code, stdout, stderr = self.run_command("list", "--limit", "2")
        self.assertEqual((code, len(stdout.splitlines())), (0, 3))
        self.assertEqual(stderr, "more than 2 are stored; --limit 0 shows all\n")
        self.assertEqual(len(self.listed()), 100)
        self.assertEqual(self.listed("--limit", "0"), [f"/a{number:05}" for number in range(4001)])

    def test_faults(self) -> None:
        for arguments, fault in {
            ("--limit", "-1"): "--limit: is -1; allowed: 0 or more\n",
            ("--below", "a"): f'--below: is "a"; {PATH_ALLOWED}',
            ("--pod", "pod_eu"): (
                '--pod: is "pod_eu" (no such pod, nearest is pod_eu1); allowed: pod_0, pod_eu1\n'
            ),
        }.items():
            self.assertEqual(self.run_command("list", *arguments), (2, "", fault))

    def test_no_store(self) -> None:
        for command in (["list"], ["export"], ["forget", "/a"]):
            self.assertEqual(
                self.run_command(*command),
                (1, "", f"{self.store}: cannot be opened (there is no such file)\n"),
            )
        self.assertFalse(os.path.exists(os.path.dirname(self.store)))

    def test_a_store_that_is_no_use_stays(self) -> None:
        os.mkdir(os.path.dirname(self.store))
        Path(self.store).write_text("I am no database. " * 100)
        for command in (["list"], ["import", self.written()]):
            code, _, stderr = self.run_command(*command)
            self.assertEqual(code, 1)
            self.assertIn(f"{self.store}: is damaged, or no SQLite database (", stderr)
        self.assertEqual(os.listdir(os.path.dirname(self.store)), [STORE_FILE])


class ForgetTests(RoutesCase):
    """``pods routes forget``"""

    def setUp(self) -> None:
        super().setUp()
        self.fill(*(self.route(path) for path in ("/a", "/a/b", "/a/b/c", "/a-b")))
        self.fill(self.route("/a/b", exact=True))

    def test_scopes(self) -> None:
        for arguments, count, left in (
            (["/a/b/"], 1, [("/a", False), ("/a-b", False), ("/a/b", True), ("/a/b/c", False)]),
            (["/a/b"], 0, [("/a", False), ("/a-b", False), ("/a/b", True), ("/a/b/c", False)]),
            (["/a/b", "--exact"], 1, [("/a", False), ("/a-b", False), ("/a/b/c", False)]),
            (["/a", "--below"], 2, [("/a-b", False)]),
            (["/", "--below"], 1, []),
        ):
            self.assertEqual(
                self.run_command("forget", *arguments), (0, f"forgotten: {count}\n", "")
            )
            self.assertEqual([(path, exact) for path, exact, _ in self.stored()], left, arguments)

    def test_faults(self) -> None:
        for arguments, fault in (
            *(
                ([path], f"PATH: is {shown(path)}; {PATH_ALLOWED}")
                for path in ("", "a", "/a?b", "/a#b", "/a//b", "/a b", "/é", "/a\n", "/\udcff")
            ),
            ([LONG + "b"], f"PATH: is {shown(LONG)}; {PATH_ALLOWED}"),
            (["/"], "PATH: no route has this path; allowed: with --below: all\n"),
            (
                ["/a", "--exact", "--below"],
                "--exact: does not go with --below; allowed: one of the two\n",
            ),
        ):
            self.assertEqual(self.run_command("forget", *arguments), (2, "", fault))

    def test_the_longest_path(self) -> None:
        self.fill(self.route(LONG))
        self.assertEqual(self.run_command("forget", LONG + "/"), (0, "forgotten: 1\n", ""))


class EndTests(RoutesCase):
    """As a shell runs it: whatever comes between, there is no traceback."""

    def shell(self, command: str, end: str = "") -> tuple[int, str, str]:
        script = f'{sys.executable} -c "{HELPER}" routes {command} --config {self.config} {end}'
        done = subprocess.run(
            ["sh", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=HANGS_SECONDS
        )
        return done.returncode, done.stdout, done.stderr

    def test_whoever_reads_may_stop(self) -> None:
        self.fill(*(self.route(f"/a{number}") for number in range(20_000)))
        _, stdout, stderr = self.shell("export", "| head -1")
        self.assertEqual((len(stdout.splitlines()), stderr), (1, ""))

    def test_a_full_disk_behind_standard_output(self) -> None:
        told = (1, "", "pods: [Errno 28] No space left on device\n")
        self.fill(self.route("/a"))
        self.assertEqual(self.shell("export", "> /dev/full"), told, "at the end")
        self.fill(*(self.route(f"/a{number}") for number in range(2000)))
        self.assertEqual(self.shell("export", "> /dev/full"), told, "in between")

    def test_standard_output_is_closed(self) -> None:
        self.fill(self.route("/a"))
        for command in ("list", "export"):
            self.assertEqual(self.shell(command, ">&-"), (0, "", ""))
        self.assertEqual(self.shell("list --limit -1", "2>&-"), (2, "", ""))

    def test_standard_input_is_closed(self) -> None:
        told = (2, "", "-: cannot be read: standard input is closed\n")
        self.assertEqual(self.shell("import", "<&-"), told)
        self.assertEqual(self.shell("import -", "<&-"), told)

    def test_interrupted(self) -> None:
        self.fill(*(self.route(f"/a{number}") for number in range(20_000)))
        # Whoever runs the tests in the background may have it ignored.
        helper = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        with subprocess.Popen(
            [sys.executable, "-c", helper + HELPER, "routes", "export", "--config", self.config],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()  # more of it than a pipe holds waits for us
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=HANGS_SECONDS)
        self.assertEqual((process.returncode, stderr), (130, b""))


class InUseTests(StoreCase, RoutesCase):
    """Beside a router that uses the same file."""

    def setUp(self) -> None:
        StoreCase.setUp(self)
        RoutesCase.setUp(self)
        self.path, self.pump = self.store, Pump()

    def test_routers_see_what_was_forgotten_and_imported(self) -> None:
        running = self.opened_store()
        running.put(self.route("/a"))
        self.flush(running)
        self.assertEqual(self.run_command("forget", "/a")[1], "forgotten: 1\n")
        self.now += 1
        told = self.pump.wait(running.changes())
        self.assertEqual([(each.path, each.pod) for each in told.routes], [("/a", None)])
        line = {"path": "/b/", "pod": "pod_eu1"}
        self.assertEqual(self.run_command("import", self.written(line))[0], 0)
        told = self.pump.wait(running.changes())
        self.assertEqual([(each.path, each.pod) for each in told.routes], [("/b", "pod_eu1")])
        self.assertEqual(self.paths(running, "/a/x", "/b/x"), [(), ("/b",)])

    def test_what_a_router_is_about_to_write_is_forgotten_too(self) -> None:
        running = self.opened_store()
        for path, exact in (("/a", False), ("/a", True), ("/b", False)):
            running.put(self.route(path, exact=exact, age=1))
        self.run_command("forget", "/a", "--below")
        self.run_command("forget", "/b")
        self.flush(running)
        self.assertEqual(self.paths(running, "/a", "/b"), [(), ()])

    def test_a_large_import_is_seen_as_a_whole(self) -> None:
        running = self.opened_store(10**6)
        lines = ({"path": f"/a{number}", "pod": "pod_0"} for number in range(20_000))
        self.assertEqual(self.run_command("import", self.written(*lines))[0], 0)
        self.assertTrue(self.pump.wait(running.changes()).lost_track)
        self.assertEqual(self.paths(running, "/a19999/x"), [("/a19999",)])

    def test_locked_for_a_while(self) -> None:
        self.fill(self.route("/a"))
        holder = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import sqlite3, sys, time\n"
                "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
                "connection.execute('BEGIN IMMEDIATE')\n"
                "print('holding', flush=True)\n"
                "time.sleep(2)\n",
                self.store,
            ],
            stdout=subprocess.PIPE,
        )
        self.addCleanup(holder.communicate, timeout=HANGS_SECONDS)
        assert holder.stdout is not None
        holder.stdout.readline()
        self.assertEqual(self.run_command("forget", "/a"), (0, "forgotten: 1\n", ""))
