"""``pods routes export`` and ``import``: lines of JSON, what is wrong with some, and the bar."""

from __future__ import annotations

import json
import os
import pty
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pods.errors import ConfigurationError
from pods.interfaces import StoredRoute
from pods.route_lines import LineReader, line_of
from tests.support_routes import HELPER, ROOT, RoutesCase
from tests.support_stores import HANGS_SECONDS


class ImportTests(RoutesCase):
    """``pods routes export`` and ``pods routes import``"""

    def test_there_and_back(self) -> None:
        routes = [self.route(f"/a{number}", age=number) for number in range(5)]
        routes.append(self.route("/a1", "pod_eu1", exact=True))
        self.fill(*routes)
        output = os.path.join(self.folder, "exported")
        self.assertEqual(self.run_command("export", "--output", output), (0, "", ""))
        before = self.run_command("export")[1]
        self.assertEqual(Path(output).read_text(), before)
        self.assertEqual(len(before.splitlines()), 6)
        os.remove(self.store)
        self.assertEqual(
            self.run_command("import", output),
            (0, "stored: 6; known better: 0; expired: 0; refused: 0\n", ""),
        )
        self.assertEqual(self.run_command("export")[1], before)

    def test_what_is_known_better_stays(self) -> None:
        self.fill(self.route("/a", "pod_eu1"))
        lines = self.written(
            {"path": "/a", "pod": "pod_0", "learned_at": self.now - 1},
            {"path": "/b", "pod": "pod_0", "learned_at": 5, "expires_at": 6},
            "",
            {"path": "/c", "pod": "pod_0", "exact": True},
        )
        self.assertEqual(
            self.run_command("import", lines),
            (0, "stored: 1; known better: 1; expired: 1; refused: 0\n", ""),
        )
        self.assertEqual(self.stored(), [("/a", False, "pod_eu1"), ("/c", True, "pod_0")])

    def test_times(self) -> None:
        lines = self.written(
            {"path": "/a", "pod": "pod_0"},
            {"path": "/b", "pod": "pod_0", "expires_at": self.now + 10**6},
        )
        self.run_command("import", lines)
        exported = self.run_command("export")[1].splitlines()
        spans = [json.loads(line)["expires_at"] - self.now for line in exported]
        self.assertApproximates(spans[0], 600, 30)
        self.assertApproximates(spans[1], 7200, 30)

    def test_over_the_limit_the_rest_goes(self) -> None:
        with open(self.config, "a") as file:
            file.write("max_entries = 3\n")
        lines = ({"path": f"/a{number}", "pod": "pod_0"} for number in range(5000))
        self.run_command("import", self.written(*lines))
        self.assertEqual(len(self.stored()), 3)

    def test_faults(self) -> None:
        good: dict[str, Any] = {"path": "/a", "pod": "pod_0"}
        path_allowed = (
            "what a request can have: / first, percent-encoded, no empty or dot segments, not /"
            " itself, at most 255 bytes"
        )
        cases: list[tuple[Any, str]] = [
            ("nonsense", ' is no JSON object; allowed: {"path": ..., "pod": ...}'),
            ([1], ' is no JSON object; allowed: {"path": ..., "pod": ...}'),
            (good | {"pods": 1}, ' unknown field "pods"; allowed: path, pod, exact, learned_at,'),
            ({"pod": "pod_0"}, f"path: is missing; allowed: {path_allowed}"),
            ({"path": "/a"}, "pod: is missing; allowed: the name of a configured pod"),
            (good | {"pod": "pod_9"}, 'pod: is "pod_9"; allowed: the name of a configured pod'),
            (good | {"exact": 1}, "exact: is 1; allowed: true or false"),
            (good | {"learned_at": "now"}, 'learned_at: is "now"; allowed: seconds since the'),
            (good | {"expires_at": True}, "expires_at: is true; allowed: seconds since the epoch"),
            (good | {"expires_at": 18e11}, "expires_at: is 1800000000000.0; allowed: seconds"),
            (good | {"learned_at": 9e9}, "learned_at: is 9000000000.0; allowed: at most"),
            *(
                (good | {"path": path}, f"path: is {json.dumps(path)}; allowed: {path_allowed}")
                for path in ("a", "/", "/a//b", "/a/../b", "/a b", "/a?b", "/é", "/a%2Fb", 7)
            ),
        ]
        for line, fault in cases:
            self.check_refused(line, fault)

    def check_refused(self, line: Any, fault: str) -> None:
        good = {"path": "/good", "pod": "pod_0"}
        path = self.written(good, line)
        code, stdout, stderr = self.run_command("import", path)
        self.assertEqual(code, 1)
        self.assertTrue(stdout.endswith("refused: 1\n"), stdout)
        self.assertTrue(stderr.startswith(f"{path}: line 2: {fault}".replace(":  ", ": ")), stderr)
        self.assertEqual(self.stored(), [("/good", False, "pod_0")])

    def test_not_all_faults_are_told(self) -> None:
        code, stdout, stderr = self.run_command("import", self.written(*["?"] * 25))
        self.assertEqual((code, len(stderr.splitlines())), (1, 21))
        self.assertEqual(stderr.splitlines()[-1], "and 5 lines more")
        self.assertEqual(stdout, "stored: 0; known better: 0; expired: 0; refused: 25\n")

    def test_files_that_cannot_be_used(self) -> None:
        for name, file, arguments in (
            ("import", "/nowhere/x", ["/nowhere/x"]),
            ("export", "/nowhere/y", ["--output", "/nowhere/y"]),
        ):
            self.fill()
            code, _, stderr = self.run_command(name, *arguments)
            self.assertEqual(code, 2)
            self.assertRegex(stderr, f"^{file}: cannot be (read|written): No such file or dir")

    @given(
        st.from_regex(r"(/[a-z0-9.~%_-]{1,9}[a-z]){1,4}", fullmatch=True),
        st.booleans(),
        st.floats(0, 1e9),
    )
    def test_lines(self, path: str, exact: bool, learned_at: float) -> None:
        route = StoredRoute(path, exact, "pod_0", learned_at, 1e9 + 1)
        reader = LineReader({"pod_0"}, 600, 7200, now=1e9)
        try:
            self.assertEqual(reader.read(line_of(route).encode()), route)
        except ConfigurationError as error:
            self.assertIn("path: is", str(error))
            self.assertIn("%", path)


class TerminalTests(RoutesCase):
    """The bar, as a terminal gets it."""

    def on_terminal(self, *arguments: str, stdin: int = subprocess.DEVNULL) -> tuple[str, bytes]:
        """Run a command with a terminal as its standard error: what came on either."""
        ours, theirs = pty.openpty()
        with open(os.path.join(self.folder, "stdout"), "w+") as output:
            process = subprocess.Popen(
                [sys.executable, "-c", HELPER, "routes", *arguments, "--config", self.config],
                cwd=ROOT,
                stdin=stdin,
                stdout=output,
                stderr=theirs,
            )
            os.close(theirs)
            shown = self.all_of(ours)
            os.close(ours)
            self.assertEqual(process.wait(HANGS_SECONDS), 0)
            output.seek(0)
            return output.read(), shown

    def all_of(self, terminal: int) -> bytes:
        shown = b""
        while True:
            try:
                shown += os.read(terminal, 65_536)
            except OSError:  # that is how a terminal says that nobody writes any more
                return shown

    def test_bars(self) -> None:
        lines = ({"path": f"/a{number}", "pod": "pod_0"} for number in range(20_000))
        printed, shown = self.on_terminal("import", self.written(*lines))
        self.assertEqual(printed, "stored: 20000; known better: 0; expired: 0; refused: 0\n")
        self.assertIn(b"importing  [", shown)
        self.assertIn(b"100%", shown)
        printed, shown = self.on_terminal("export")
        self.assertEqual(len(printed.splitlines()), 20_000)
        self.assertIn(b"exporting  [", shown)
        self.assertIn(b"100%", shown)

    def test_a_pipe_has_no_end_that_is_known(self) -> None:
        inner, outer = os.pipe()
        os.write(outer, b'{"path": "/a", "pod": "pod_0"}\n')
        os.close(outer)
        printed, shown = self.on_terminal("import", "-", stdin=inner)
        os.close(inner)
        self.assertEqual(printed, "stored: 1; known better: 0; expired: 0; refused: 0\n")
        self.assertIn(b"importing", shown)
        self.assertNotIn(b"%", shown)

    def test_no_terminal_no_bar(self) -> None:
        line = {"path": "/a", "pod": "pod_0"}
        code, _, stderr = self.run_command("import", self.written(line))
        self.assertEqual((code, stderr), (0, ""))
        connection = sqlite3.connect(self.store)
        self.addCleanup(connection.close)
        self.assertEqual(connection.execute("SELECT count(*) FROM routes").fetchone(), (1,))
