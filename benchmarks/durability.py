"""Routes outlive ``kill -9``: ``python -m benchmarks.durability --rounds 200``.

Each round starts a router with two workers on the folder that the rounds before it have left,
looks whether routes of earlier rounds are still known, makes it learn as fast as it can, and kills
all of its processes at a random moment.  Then the database has to pass SQLite's own check, every
route that was taught a flush ago has to be in it, and none may name a wrong pod.  The exit code
is 1 if anything was lost or wrong, or a start took longer than a second.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from benchmarks.client import RIGHT, Client, Request
from benchmarks.pod import owner
from benchmarks.world import NAMES, PodProcesses, clean_up_when_terminated
from tests.integration.support import RouterProcess, wait_for

CLIENTS = 4
TTL_SECONDS = 86_400
#: A route that was answered so long before the kill has been written (two flushes and their time).
FLUSHED_SECONDS = 1.0
START_SECONDS = 1.0  #: the longest that a start may take, until the first answer
LOAD_SECONDS = (0.1, 2.5)  #: between these a round learns before it is killed
CHECKED_ROUTES = 20  #: of earlier rounds, asked for at each start


@attrs.define
class Ledger:
    """What has to be remembered, and what came of it."""

    taught: dict[str, float] = attrs.field(factory=dict)  #: tenant -> when its answer came
    durable: set[str] = attrs.field(factory=set)  #: tenants that were taught long enough ago
    starts: list[float] = attrs.field(factory=list)  #: seconds to the first answer
    faults: list[str] = attrs.field(factory=list)
    recalled: int = 0
    learned: int = 0
    _names: Iterator[int] = attrs.field(factory=lambda: iter(range(10**9)))

    def new_tenant(self) -> str:
        return f"/tenant-{next(self._names)}"

    def killed(self, at: float) -> None:
        """The router is dead: what of this round must be on disk?"""
        old = {tenant for tenant, when in self.taught.items() if when < at - FLUSHED_SECONDS}
        self.learned += len(self.taught)
        self.durable |= old
        self.taught.clear()


class Killable:
    """A router with two workers, and its files."""

    def __init__(self, folder: Path, pods: PodProcesses) -> None:
        urls = {name: {"url": f"http://127.0.0.1:{port}"} for name, port in pods.ports.items()}
        tables = {"pods": urls, "router": {"workers": 2}, "strategy": {"unknown": "any"}}
        self.router = RouterProcess(folder, tables)
        self.database = folder / "var" / "routes.sqlite"
        self.log = folder / "access.log"

    def kill(self) -> None:
        """End all of its processes by SIGKILL, and wait until they are gone."""
        if self.router.process is None:
            return
        pids = [self.router.pid, *children(self.router.pid)]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.router.wait()
        wait_for(lambda: not any(map(is_alive, pids)), "the workers to end", 10)


def children(pid: int) -> list[int]:
    try:
        told = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in told.split()]


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


async def learn(port: int, ledger: Ledger, is_over: asyncio.Event) -> None:
    """Ask for one new tenant after the other: each answer teaches a route."""
    client = Client(port, NAMES, [])
    while not is_over.is_set():
        tenant = ledger.new_tenant()
        outcome = await client.ask(Request("GET", f"{tenant}/hit"))
        if outcome == RIGHT:
            ledger.taught[tenant] = time.monotonic()
        elif not is_over.is_set():
            ledger.faults.append(f"{tenant}: {outcome}")
    client.abort()


async def ask_known(port: int, ledger: Ledger) -> list[Request]:
    """Ask for tenants of earlier rounds; the requests."""
    count = min(CHECKED_ROUTES, len(ledger.durable))
    requests = [Request("GET", f"{t}/hit") for t in random.sample(sorted(ledger.durable), count)]
    client = Client(port, NAMES, [])
    for request in requests:
        outcome = await client.ask(request)
        if outcome != RIGHT:
            ledger.faults.append(f"{request.target} right after a start: {outcome}")
    client.abort()
    return requests


async def live(router: Killable, ledger: Ledger, began: float) -> list[Request]:
    """From the start to the kill."""
    asked = await ask_known(router.router.port, ledger)
    if asked:
        ledger.starts.append(time.monotonic() - began)
    is_over = asyncio.Event()
    load = [learn(router.router.port, ledger, is_over) for _ in range(CLIENTS)]
    running = asyncio.gather(*load)
    await asyncio.sleep(random.uniform(*LOAD_SECONDS))
    is_over.set()
    at = time.monotonic()
    await asyncio.to_thread(router.kill)
    await running
    ledger.killed(at)
    return asked


def check_log(router: Killable, asked: Sequence[Request], ledger: Ledger) -> None:
    """Known routes needed neither a question nor a bounce."""
    tokens = {request.token for request in asked}
    for line in router.log.read_text().splitlines():
        with contextlib.suppress(ValueError):  # the last line may be cut off
            told = json.loads(line)
            if told["request_id"] in tokens:
                ledger.recalled += 1
                if told["route"] != "cache" or told["attempts"] != 1:
                    ledger.faults.append(f"not recalled: {line}")
    router.log.unlink()


def check_database(router: Killable, ledger: Ledger) -> None:
    """What is on disk is whole, right, and not too little."""
    with contextlib.closing(sqlite3.connect(router.database)) as database:
        [[verdict]] = database.execute("PRAGMA integrity_check").fetchall()
        made = database.execute("SELECT * FROM sqlite_master WHERE name = 'routes'").fetchall()
        stored = "SELECT key, pod FROM routes WHERE pod IS NOT NULL"
        rows = database.execute(stored).fetchall() if made else []
    if verdict != "ok":
        ledger.faults.append(f"integrity_check: {verdict}")
    ledger.faults += [f"{key} -> {pod}" for key, pod in rows if owner(key, NAMES) != pod]
    missing = ledger.durable - {key for key, _ in rows}
    ledger.faults += [f"{tenant} is lost" for tenant in sorted(missing)]


def play_round(router: Killable, ledger: Ledger) -> None:
    """One life of the router."""
    began = time.monotonic()
    router.router.start()
    asked = asyncio.run(live(router, ledger, began))
    check_log(router, asked, ledger)
    check_database(router, ledger)


def run(rounds: int) -> Ledger:
    """All rounds; leaves nothing behind."""
    clean_up_when_terminated()
    folder, pods, ledger = Path(tempfile.mkdtemp(prefix="pods-bench-")), PodProcesses(), Ledger()
    router = Killable(folder, pods)
    try:
        pods.start_all(TTL_SECONDS)
        for number in range(1, rounds + 1):
            play_round(router, ledger)
            if sys.stdout.isatty():
                told = f"round {number} of {rounds}, {len(ledger.durable)} routes"
                print(f"{told}, {len(ledger.faults)} faults", end="\r", flush=True)
    finally:
        router.kill()
        pods.kill_all()
        shutil.rmtree(folder)
    return ledger


def main(args: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.durability", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="how many (default: 200)")
    rounds = parser.parse_args(args).rounds
    ledger = run(rounds)
    late = [seconds for seconds in ledger.starts if seconds > START_SECONDS]
    print(f"rounds, each ended by kill -9       {rounds}")
    print(f"routes learned                      {ledger.learned}")
    print(f"routes that had to be on disk       {len(ledger.durable)}")
    print(f"known at the next start, asked for  {ledger.recalled}")
    print(f"start to first answer, median       {statistics.median(ledger.starts):.2f} s")
    print(f"start to first answer, longest      {max(ledger.starts):.2f} s")
    print(f"starts over {START_SECONDS:g} s                   {len(late)}")
    print(f"lost, wrong or damaged              {len(ledger.faults)}")
    print(*ledger.faults[:20], sep="\n")
    return 1 if ledger.faults or late else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
