"""Routers of several workers, and what can be seen of their processes from outside."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any
from unittest import SkipTest

from tests.integration.support import (
    REACTOR_OPTIONS,
    RUN_TWISTD,
    IntegrationTestCase,
    RouterProcess,
    ask,
    free_port,
    to_toml,
    wait_for,
)

_RUN_TWIST = "from twisted.application.twist._twist import Twist; Twist.main()"


class Crew(RouterProcess):
    """A router with workers and a listener for monitoring."""

    def __init__(self, folder: Path, tables: dict[str, Any]) -> None:
        self.admin = ("127.0.0.1", free_port())
        listen = f"tcp:{self.admin[1]}:interface=127.0.0.1"
        super().__init__(folder, {"admin": {"listen": listen}, **tables})

    def readiness(self) -> dict[str, Any]:
        """What ``/readyz`` says; nothing while nobody listens there."""
        try:
            told: dict[str, Any] = json.loads(ask(self.admin, "/readyz").body)
        except OSError:
            return {"ready": False, "workers": {}}
        return told

    def serving(self) -> list[str]:
        """The numbers of the workers that are ready."""
        workers = self.readiness()["workers"]
        return [name for name, told in workers.items() if told and told["ready"]]

    def wait_until_serving(self, workers: int) -> None:
        names = [str(number) for number in range(1, workers + 1)]
        wait_for(lambda: self.serving() == names, f"{workers} workers to serve")

    def worker_pids(self) -> list[int]:
        """The processes that it has started."""
        return children(self.pid)

    def reload(self, word: str, **tables: Any) -> None:
        """Change the configuration, and wait until the supervisor says the word once more."""
        before = self.said().count(word)
        self.tables = {**self.tables, **tables}
        self.config.write_text(to_toml(self.tables))
        self.send_signal(signal.SIGHUP)
        wait_for(lambda: self.said().count(word) > before, word)

    def said(self) -> str:
        """Its log."""
        return self.printed()


class Daemon(Crew):
    """The same in the background."""

    command = (
        *(sys.executable, "-c", RUN_TWISTD, "--pidfile=twistd.pid", "--logfile=twistd.log"),
        *REACTOR_OPTIONS,
    )

    @property
    def pid(self) -> int:
        return int((self.folder / "twistd.pid").read_text())

    def _serves(self) -> bool:
        assert self.process is not None
        if self.process.poll():  # its first process ends with 0 once it has started
            raise AssertionError(f"the router ended\n{self.printed()}")
        return bool(self.serving())

    def said(self) -> str:
        return (self.folder / "twistd.log").read_text()

    def stop(self) -> None:
        """End it by SIGTERM, if it still runs, and wait until it is gone."""
        if not (self.folder / "twistd.pid").exists():
            return
        pid = self.pid
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not is_alive(pid), "the daemon to end")

    def kill(self) -> None:
        if (self.folder / "twistd.pid").exists() and is_alive(self.pid):
            os.kill(self.pid, signal.SIGKILL)


class Twist(Crew):
    """The same by ``twist``."""

    command = (sys.executable, "-c", _RUN_TWIST)


class Selecting(Crew):
    """The same with another reactor."""

    command = (sys.executable, "-c", RUN_TWISTD, "-n", "--pidfile=", "--reactor=select")


class CrewTestCase(IntegrationTestCase):
    """Gives routers of two workers."""

    def crew(self, kind: type[Crew] = Crew, **tables: Any) -> Crew:
        """A running router; at the end of the test it must stop cleanly."""
        router = {"workers": 2, **tables.pop("router", {})}
        crew = kind(self.folder(), {**tables, "router": router})
        self.addCleanup(crew.kill)
        crew.start()
        self.addCleanup(crew.stop)
        crew.wait_until_serving(router["workers"])
        return crew


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    if not listed.exists():
        raise SkipTest("needs /proc to see the children of a process")
    return [int(word) for word in listed.read_text().split()]


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that nobody has waited for has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return re.sub(r".*\) ", "", stat)[0] != "Z"
