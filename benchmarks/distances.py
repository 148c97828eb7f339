"""A router and two pods, 10 ms and 60 ms away, each a process of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from benchmarks.distant_pod import PODS
from benchmarks.world import SAMPLE
from tests.integration.support import RouterProcess, accepts, ask, free_port, wait_for

ROOT = Path(__file__).resolve().parent.parent
DELAYS_SECONDS = (0.01, 0.06)
NEAR, FAR = PODS


@attrs.frozen
class Cost:
    """What a delay policy costs."""

    held: int  #: 404s that it kept back
    mean_added_seconds: float
    overruns: int


@attrs.frozen
class Distances:
    """What is attacked.

    :param seed: decides where each name is; the attacker does not know it.
    """

    router: RouterProcess
    admin: tuple[str, int]
    seed: str

    def cost(self) -> Cost:
        """What the router's metrics say by now."""
        found = {name: float(value) for name, value in SAMPLE.findall(self._metrics())}
        held = int(found["pods_not_found_added_seconds_count"])
        mean = found["pods_not_found_added_seconds_sum"] / held if held else 0.0
        return Cost(held, mean, int(found.get("pods_plugin_padded_overruns_total", 0)))

    def _metrics(self) -> str:
        return ask(self.admin, "/metrics").body.decode()


@contextmanager
def running(policy: str, strategy: str, seed: str) -> Iterator[Distances]:
    """The three processes; they leave nothing behind.

    :raises AssertionError: the router did not stop cleanly.
    """
    folder = Path(tempfile.mkdtemp(prefix="pods-bench-"))
    ports = {name: free_port() for name in PODS}
    admin = free_port()
    tables = {
        "router": {"strategy": strategy},
        "strategy": {"unknown": "any"},
        "pods": {name: {"url": f"http://127.0.0.1:{port}"} for name, port in ports.items()},
        "not_found": {"delay": policy},
        "admin": {"listen": f"tcp:{admin}:interface=127.0.0.1"},
        "log": {"access": ""},
    }
    router = RouterProcess(folder, tables)
    pods: list[subprocess.Popen[bytes]] = []
    try:
        for (name, port), delay in zip(ports.items(), DELAYS_SECONDS, strict=True):
            module = [sys.executable, "-m", "benchmarks.distant_pod"]
            pods.append(subprocess.Popen([*module, name, str(port), str(delay), seed], cwd=ROOT))
        for name, port in ports.items():
            wait_for(lambda port=port: accepts(("127.0.0.1", port)), name, 30)
        router.start()
        yield Distances(router, ("127.0.0.1", admin), seed)
        router.stop()
    finally:
        router.kill()
        for pod in pods:
            pod.kill()
            pod.wait()
        shutil.rmtree(folder)
