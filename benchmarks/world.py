"""A router and its pods, each a process of its own."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.support import RouterProcess, accepts, ask, free_port, wait_for

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("pod_a", "pod_b", "pod_c")
MAX_ROUTES = 1000  #: so few that the cache is soon full, and memory can be compared
ROUTE_SECONDS = 30  #: so short that routes expire while a benchmark runs
MEMORY_BYTES = 16_384  #: so few that uploads go to disk
SAMPLE = re.compile(r"^(\w+)(?:\{.*\})? (\S+)$", re.MULTILINE)


class PodProcesses:
    """The pods.  Each keeps its port when it comes back."""

    def __init__(self) -> None:
        self.ports = {name: free_port() for name in NAMES}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._ttl_seconds = 0

    def start(self, name: str) -> None:
        command = [sys.executable, "-m", "benchmarks.pod", name, str(self.ports[name])]
        command += [",".join(NAMES), str(self._ttl_seconds)]
        self._processes[name] = subprocess.Popen(command, cwd=ROOT)

    def start_all(self, ttl_seconds: int = ROUTE_SECONDS) -> None:
        """Start every pod and wait until all accept connections.

        :param ttl_seconds: how long the routes hold that they teach.
        """
        self._ttl_seconds = ttl_seconds
        for name in NAMES:
            self.start(name)
        for name in NAMES:
            wait_for(lambda name=name: accepts(("127.0.0.1", self.ports[name])), name, 30)

    def kill(self, name: str) -> None:
        """End it by SIGKILL, in the middle of whatever it does."""
        self._processes[name].kill()
        self._processes[name].wait()

    def kill_all(self) -> None:
        for name in self._processes:
            self.kill(name)

    def any_name(self) -> str:
        return random.choice(NAMES)


class World:
    """What the benchmarks send their requests to."""

    def __init__(self, folder: Path) -> None:
        self.pods = PodProcesses()
        self._admin = ("127.0.0.1", free_port())
        urls = {name: {"url": f"http://127.0.0.1:{p}"} for name, p in self.pods.ports.items()}
        tables = {
            "pods": urls,
            "strategy": {"unknown": "any"},
            "cache": {"max_entries": MAX_ROUTES, "memory_entries": MAX_ROUTES},
            "body": {"memory_bytes": MEMORY_BYTES},
            "admin": {"listen": f"tcp:{self._admin[1]}:interface=127.0.0.1"},
        }
        self.router = RouterProcess(folder, tables)
        self.unanswered: list[str] = []  #: tokens of requests of whose answer not a byte came

    def metrics(self) -> dict[str, float]:
        """What ``/metrics`` says now; the values of one metric for all its labels are added up."""
        sums: dict[str, float] = {}
        for name, value in SAMPLE.findall(ask(self._admin, "/metrics").body.decode()):
            sums[name] = sums.get(name, 0) + float(value)
        return sums

    def unexplained(self) -> list[str]:
        """Stop the router; the unanswered requests that its log does not say a pod broke off.

        If a pod dies right after it began to answer, breaking off overtakes the head: the client
        sees the end of the connection and nothing else.
        """
        self.router.stop()
        left = set(self.unanswered)
        with (self.router.folder / "access.log").open() as lines:
            records = [json.loads(line) for line in lines if left and '"error"' in line]
            left -= {told["request_id"] for told in records if "answered_seconds" in told}
        return sorted(left)


@contextmanager
def running() -> Iterator[World]:
    """A world that runs, and leaves nothing behind.

    :raises AssertionError: the router did not stop cleanly, logged a traceback or left files.
    """
    clean_up_when_terminated()
    folder = Path(tempfile.mkdtemp(prefix="pods-bench-"))
    world = World(folder)
    try:
        world.pods.start_all()
        world.router.start()
        yield world
        world.router.stop()
    finally:
        world.router.kill()
        world.pods.kill_all()
        shutil.rmtree(folder)


def clean_up_when_terminated() -> None:
    """Let SIGTERM end this program as Ctrl-C does: nothing that it has started is left."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))


def be_nice() -> None:
    """Leave the processors to the router: the load yields to it."""
    os.nice(5)
