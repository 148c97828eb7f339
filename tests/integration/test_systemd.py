"""Socket activation: the sockets come from systemd, whose part a small launcher plays."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Self
from unittest import SkipTest

import attrs

from tests.integration.crews import CrewTestCase, is_alive
from tests.integration.support import (
    PATIENCE_SECONDS,
    ROOT,
    TWISTD,
    Address,
    ask,
    need,
    to_toml,
    wait_for,
)
from tests.integration.test_workers import yes

EXAMPLES = ROOT / "docs" / "examples"
#: What systemd does: its descriptors from 3 on, and the number of the process they are meant for.
LAUNCHER = """
import os, sys
names, *descriptors = sys.argv[1].split(":"); command = sys.argv[2:]
for number, descriptor in enumerate(map(int, descriptors), start=3):
    os.dup2(descriptor, number)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(descriptors))}
os.environ["LISTEN_FDNAMES"] = names.replace(",", ":")
os.execv(command[0], command)
"""


@attrs.define
class Activated:
    """A router that systemd has started for these sockets."""

    folder: Path
    sockets: dict[str, socket.socket]
    tables: dict[str, Any]
    process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> Self:
        (self.folder / "router.toml").write_text(to_toml(self.tables))
        numbers = [opened.fileno() for opened in self.sockets.values()]
        told = ":".join([",".join(self.sockets), *map(str, numbers)])
        command = [*TWISTD, "pods", "--config", "router.toml"]
        with (self.folder / "output.log").open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", LAUNCHER, told, *command],
                cwd=self.folder,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                pass_fds=numbers,
                stdout=output,
                stderr=output,
            )
        return self

    def printed(self) -> str:
        return (self.folder / "output.log").read_text()

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(PATIENCE_SECONDS)


class ActivationTests(CrewTestCase):
    def activated(self, workers: int, **sockets: socket.socket) -> Activated:
        """Its endpoints are ``systemd:`` with the names of the sockets."""
        for opened in sockets.values():
            opened.listen()
            self.addCleanup(opened.close)
        listen = [
            f"systemd:domain={opened.family.name.removeprefix('AF_')}:name={name}"
            for name, opened in sockets.items()
        ]
        router = {"listen": listen, "strategy": "bounce", "workers": workers, "data_dir": "var"}
        tables = {"router": router, "pods": {"only": {"url": self.pod("only", yes).url}}}
        activated = Activated(self.folder(), sockets, tables)
        self.addCleanup(activated.stop)
        return activated.start()

    def check(self, activated: Activated, *addresses: Address) -> None:
        """It serves on them, and so does the next one, without anything being turned away."""
        for address in addresses:
            self.assertEqual(ask(address, "/").body, b"yes")
        activated.stop()
        assert activated.process is not None
        self.assertEqual(activated.process.returncode, 0, activated.printed())
        activated.start()
        for address in addresses:
            self.assertEqual(ask(address, "/").body, b"yes")
        self.assertNotIn("Traceback", activated.printed())

    def test_one_process(self) -> None:
        public = socket.create_server(("127.0.0.1", 0))
        self.check(self.activated(1, public=public), public.getsockname())

    def test_workers(self) -> None:
        public, path = socket.create_server(("127.0.0.1", 0)), str(self.folder() / "r.sock")
        local = socket.socket(socket.AF_UNIX)
        local.bind(path)
        os.chmod(path, 0o600)
        activated = self.activated(2, public=public, local=local)
        self.check(activated, public.getsockname(), path)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)

    def test_a_reload_keeps_them(self) -> None:
        public = socket.create_server(("127.0.0.1", 0))
        activated = self.activated(2, public=public)
        self.assertEqual(ask(public.getsockname(), "/").body, b"yes")
        os.kill(activated.pid, signal.SIGHUP)
        wait_for(lambda: "Reloaded " in activated.printed(), "the reload")
        self.assertEqual(ask(public.getsockname(), "/").body, b"yes")

    def test_by_the_tool_of_systemd(self) -> None:
        need("systemd-socket-activate")
        pod, folder, path = self.pod("only", yes), self.folder(), str(self.folder() / "r.sock")
        listen = ["systemd:domain=UNIX:name=public"]
        router = {"listen": listen, "strategy": "bounce", "workers": 2, "data_dir": "var"}
        tables = {"router": router, "pods": {"only": {"url": pod.url}}}
        (folder / "router.toml").write_text(to_toml(tables))
        tool = ["systemd-socket-activate", "-l", path, "--fdname=public", f"-EPYTHONPATH={ROOT}"]
        process = subprocess.Popen(
            [*tool, *TWISTD, "pods", "--config", "router.toml"],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        wait_for(lambda: os.path.exists(path), "the socket")
        self.assertEqual(ask(path, "/").body, b"yes")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(PATIENCE_SECONDS), 0)
        self.assertFalse(is_alive(process.pid))


class UnitTests(CrewTestCase):
    """The unit files of the documentation."""

    def test_they_are_right(self) -> None:
        need("systemd-analyze")
        folder = self.folder()
        for unit in EXAMPLES.glob("pods-router.*"):
            # The programs are where the user has put them; their names cannot be verified here.
            text = unit.read_text().replace("/opt/pods/bin/twistd", "/bin/true")
            (folder / unit.name).write_text(text.replace("/opt/pods/bin/pods", "/bin/true"))
        units = [str(path) for path in folder.iterdir()]
        self.assertEqual(len(units), 2)
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True
        )
        if "Failed to" in done.stderr and "manager" in done.stderr:
            raise SkipTest(f"systemd-analyze does not work here: {done.stderr}")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
