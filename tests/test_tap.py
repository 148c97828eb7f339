"""``twistd pods`` and ``twist pods``: a bad configuration never starts half; a good one serves."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.support import wait_for

ROOT = Path(__file__).resolve().parent.parent
WAIT_SECONDS = 60  #: only until something is clearly broken

GOOD = """
[router]
listen = ["{listen}"]
strategy = "bounce"
[pods.pod_a]
url = "http://127.0.0.1:9"
[log]
access = "{access}"
"""
BAD = """
[router]
listen = ["tcp:99999"]
strateggy = "bounce"
[pods.pod_a]
url = "ftp://example.org"
[strategy]
max_bouncess = 3
[not_found]
delay = "paddedd"
"""


SCRIPTS = {
    "twist": "from twisted.application.twist._twist import Twist; Twist.main()",
    "twistd": "from twisted.scripts.twistd import run; run()",
}


class CommandTestCase(SynchronousTestCase):
    """Runs the real commands, in a folder of their own."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir(parents=True)

    def configure(self, text: str) -> None:
        (self.folder / "router.toml").write_text(text)

    def good(self, listen: str = "tcp:0:interface=127.0.0.1", access: str = "") -> None:
        self.configure(GOOD.format(listen=listen, access=access))

    def start(self, command: str, *options: str) -> subprocess.Popen[str]:
        """Start ``twist`` or ``twistd`` with options before ``pods``."""
        return subprocess.Popen(
            [sys.executable, "-c", SCRIPTS[command], *options, "pods", "--config", "router.toml"],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run_to_the_end(self, command: str, *options: str) -> tuple[int, list[str], str]:
        """Exit code, lines on standard error, and standard output."""
        process = self.start(command, *options)
        try:
            out, err = process.communicate(timeout=WAIT_SECONDS)
        finally:
            process.kill()
        return process.returncode, err.splitlines(), out

    def left(self) -> set[str]:
        """What lies in the folder."""
        return {path.name for path in self.folder.iterdir()} - {"twistd.pid"}


FOREGROUND = (("twistd", "-n", "--pidfile="), ("twist",))


class BadConfigurationTests(CommandTestCase):
    """Every fault, one line each, on standard error; exit code not 0; nothing started."""

    def test_faults(self) -> None:
        self.configure(BAD)
        for command in FOREGROUND:
            code, lines, out = self.run_to_the_end(*command)
            self.assertEqual(code, 1)
            self.assertEqual(out, "")
            keys = [line.split(": ")[1] for line in lines]
            self.assertEqual(
                sorted(keys),
                [
                    "not_found.delay",
                    "pods.pod_a.url",
                    "router.listen[1]",
                    "router.strateggy",
                    "router.strategy",
                ],
            )
            self.assertTrue(all(line.startswith("router.toml: ") for line in lines), lines)
            self.assertEqual(self.left(), {"router.toml"}, "no folder, no file, no log")

    def test_faults_of_plugins(self) -> None:
        self.good()
        with (self.folder / "router.toml").open("a") as file:
            file.write("[strategy]\nmax_bouncess = 3\n[not_found]\nquantum = 1\n")
        code, lines, _ = self.run_to_the_end("twistd", "-n", "--pidfile=")
        self.assertEqual(code, 1)
        self.assertEqual(
            [line.split(": ")[1] for line in lines],
            ["strategy.max_bouncess", "not_found.quantum"],
        )

    def test_no_file(self) -> None:
        code, lines, _ = self.run_to_the_end("twistd", "-n", "--pidfile=")
        self.assertEqual(code, 1)
        self.assertEqual(lines, ["router.toml: cannot be read: No such file or directory"])

    def test_no_toml(self) -> None:
        self.configure("[router\n")
        code, (line,), _ = self.run_to_the_end("twistd", "-n", "--pidfile=")
        self.assertEqual(code, 1)
        self.assertIn("router.toml: is not TOML", line)


class CannotStartTests(CommandTestCase):
    """A good configuration that this machine does not allow."""

    def setUp(self) -> None:
        super().setUp()
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        self.good(f"tcp:{taken.getsockname()[1]}:interface=127.0.0.1")

    def test_a_port_that_is_in_use(self) -> None:
        for command in FOREGROUND:
            code, (line,), _ = self.run_to_the_end(*command)
            self.assertEqual(code, 1)
            self.assertIn("cannot listen on tcp:", line)
            self.assertIn("in use", line)

    def test_the_second_listener_is_in_use(self) -> None:
        taken = re.findall(r'"(tcp:.*)"', (self.folder / "router.toml").read_text())[0]
        self.good(f'tcp:0:interface=127.0.0.1", "{taken}')
        for command in FOREGROUND:
            code, (line,), _ = self.run_to_the_end(*command)
            self.assertEqual(code, 1)
            self.assertIn(f"cannot listen on {taken}:", line)

    def test_a_daemon_reports_it_too(self) -> None:
        code, lines, _ = self.run_to_the_end("twistd", "--pidfile=twistd.pid", "--logfile=log")
        self.assertEqual(code, 1)
        self.assertIn("cannot listen on tcp:", "\n".join(lines))

    def test_no_pid_file_is_left(self) -> None:
        for options in (("-n",), ("--logfile=log",)):
            code, _, _ = self.run_to_the_end("twistd", *options)
            self.assertEqual(code, 1)
            # A daemon reports its end before it takes its file away.
            wait_for(lambda: not (self.folder / "twistd.pid").exists(), f"no pid file: {options}")

    def test_a_log_that_cannot_be_written(self) -> None:
        self.good(access="missing/access.log")
        code, (line,), _ = self.run_to_the_end("twistd", "-n", "--pidfile=")
        self.assertEqual(code, 1)
        self.assertIn("cannot write log.access", line)


class ServingTests(CommandTestCase):
    """It serves, and ends with 0 when it is told to."""

    def test_both_commands(self) -> None:
        self.good()
        for command in FOREGROUND:
            process = self.start(*command)
            self.addCleanup(process.kill)
            assert process.stdout is not None
            address = self.address(process)
            with socket.create_connection(address, timeout=WAIT_SECONDS) as client:
                client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                answer = client.makefile("rb").read()
            self.assertTrue(answer.startswith(b"HTTP/1.1 502 "), answer)
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=WAIT_SECONDS)
            self.assertEqual((process.returncode, err), (0, ""))

    def address(self, process: subprocess.Popen[str]) -> tuple[str, int]:
        """Where it says that it listens."""
        assert process.stdout is not None
        for line in process.stdout:
            listening = re.search(r"Listening on .*port=(\d+)", line)
            if listening:
                return "127.0.0.1", int(listening[1])
        raise AssertionError("it ended without listening")


class CollectorTests(CommandTestCase):
    """What a router that is made asks of Python's garbage collector."""

    def test_it_comes_rarely(self) -> None:
        self.good()
        script = (
            "import gc; from pods.tap import Options, makeService; options = Options();"
            "options.parseOptions(['--config', 'router.toml']); makeService(options);"
            "print(gc.get_threshold()[0])"
        )
        printed = subprocess.check_output(
            [sys.executable, "-c", script],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            text=True,
            timeout=WAIT_SECONDS,
        )
        self.assertEqual(printed, "5000\n")
