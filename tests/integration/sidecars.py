"""What makes a pod of an application that cannot be changed: nginx or HAProxy before it.

They are run by the commands of their how-to pages, in copies of their examples on free ports.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self
from unittest import SkipTest

from tests.integration.support import PATIENCE_SECONDS, ROOT, accepts, free_port, wait_for
from tests.integration.support_examples import HowTo

ROUTER, EU, US, EU_APPLICATION, US_APPLICATION = 8080, 9100, 9101, 9200, 9201
#: Where Debian has what only administrators run, and where pip put what belongs to this Python.
_PATH = (str(Path(sys.executable).parent), os.environ.get("PATH", ""), "/usr/sbin")
_ENVIRONMENT = os.environ | {
    "PATH": os.pathsep.join(_PATH),
    "PYTHONPATH": str(ROOT),
    "PYTHONDONTWRITEBYTECODE": "1",
}


class Sidecars:
    """An example and the programs that run in it.

    :param name: of its folder and of its how-to page: ``nginx`` or ``haproxy``.
    :param folder: an empty one.
    :raises SkipTest: the program is not installed.
    """

    def __init__(self, name: str, folder: Path) -> None:
        if shutil.which(name, path=_ENVIRONMENT["PATH"]) is None:
            raise SkipTest(f"{name} not installed")
        self.folder = folder
        self.how_to = HowTo(name, f"put-{name}-before-a-pod")
        self.ran: set[str] = set()  #: steps of the page
        self._commands = self.how_to.commands()
        self._running: list[subprocess.Popen[bytes]] = []
        self._printed = folder / "printed.log"
        example = ROOT / "docs" / "examples" / f"{name}-sidecar"
        said = {path.name: path.read_text() for path in example.iterdir()}
        text = "\n".join((*said.values(), *self._commands.values()))
        #: The page's ports, and what stands for them here.
        self.ports = {int(port): free_port() for port in set(re.findall(r"\b[89]\d{3}\b", text))}
        for file, content in said.items():
            (folder / file).write_text(self._on_free_ports(content))

    def url(self, port: int) -> str:
        """The URL of what listens on this port of the page's."""
        return f"http://127.0.0.1:{self.ports[port]}"

    def address(self, port: int) -> tuple[str, int]:
        return ("127.0.0.1", self.ports[port])

    def move(self, port: int, to: int) -> None:
        """Have what the page has on one port on another one."""
        was, self.ports[port] = str(self.ports[port]), to
        for path in self.folder.iterdir():
            path.write_text(path.read_text().replace(was, str(to)))

    def change(self, file: str, old: str, new: str) -> None:
        """Change a configuration, as somebody may who does not know better."""
        path = self.folder / file
        text = path.read_text()
        assert text.count(old) == 1, f"{text.count(old)} times {old!r} in {file}"
        path.write_text(text.replace(old, new))

    def own(self, tenants: Mapping[str, str]) -> Self:
        """Write the map of who owns what."""
        lines = [f"{path} {pod}\n" for path, pod in tenants.items()]
        (self.folder / "tenants.map").write_text("".join(lines))
        return self

    def run(self, step: str) -> str:
        """What the commands of a step of the page print.

        :raises AssertionError: one of them fails.
        """
        done = subprocess.run(
            self._shell(step),
            cwd=self.folder,
            env=_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE_SECONDS,
            text=True,
        )
        assert done.returncode == 0, f"{step}: exit code {done.returncode}\n{done.stdout}"
        return done.stdout

    def start(self, step: str, *ports: int) -> None:
        """Run a step that goes on until it is stopped, and wait until it listens on its ports.

        A pod then also heeds a signal.
        """
        with self._printed.open("ab") as printed:
            process = subprocess.Popen(
                self._shell(step),
                cwd=self.folder,
                env=_ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=printed,
                start_new_session=True,  # so that all it starts can be ended
            )
        self._running.append(process)

        def is_ready() -> bool:
            if process.poll() is not None:
                raise AssertionError(f"{step} ended\n{self.printed()}")
            is_listening = all(accepts(self.address(port)) for port in ports)
            return is_listening and (not step.startswith("pod-") or self._heeds_signals(step))

        wait_for(is_ready, f"{step} to listen")

    def _heeds_signals(self, step: str) -> bool:
        """Whether this pod would reload: HAProxy ignores signals for a moment after it listens."""
        file = self.folder / f"{step.replace('-', '_')}.pid"
        if not (pid := file.read_text().strip() if file.exists() else ""):
            return False
        status = Path(f"/proc/{pid}/status")
        return not status.exists() or catches(status.read_text(), signal.SIGUSR2)

    def printed(self) -> str:
        """What was printed by the steps that go on."""
        return self._printed.read_text(errors="replace")

    def stop(self) -> None:
        """End, with all that they started, the programs that still run, the last one first."""
        while self._running:
            process = self._running.pop()
            for number in (signal.SIGTERM, signal.SIGKILL):
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, number)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(PATIENCE_SECONDS)

    def _shell(self, step: str) -> list[str]:
        self.ran.add(step)
        command = self._on_free_ports(self._commands[step])
        return ["bash", "-euo", "pipefail", "-c", command]

    def _on_free_ports(self, text: str) -> str:
        return re.sub(r"\b[89]\d{3}\b", lambda found: str(self.ports[int(found[0])]), text)


def catches(status: str, number: signal.Signals) -> bool:
    """Whether the process of which the kernel says this has a handler for a signal."""
    masks = dict(re.findall(r"^(Sig\w+):\s*(\w+)$", status, re.MULTILINE))
    bit = 1 << (number - 1)
    return bool(int(masks["SigCgt"], 16) & bit) and not int(masks["SigBlk"], 16) & bit
