"""Full load while pods are killed: ``python -m benchmarks.killing --seconds 60``.

wrk, if it is installed, keeps the router busy; clients that know the one right answer to each of
their requests look whether it is what they get.  Every second a pod is killed by SIGKILL and
started again.  The exit code is 1 if any answer was wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.client import Client, Request
from benchmarks.traffic import come_and_go, known, new
from benchmarks.world import NAMES, World, be_nice, running

CLIENTS = 16
UPLOAD_BYTES = 40_000
UP_SECONDS, DOWN_SECONDS = 0.7, 0.3
WRK = ("wrk", "--threads", "1", "--connections", "32", "--timeout", "30s")
SCRIPT = Path(__file__).with_name("killing.lua")
WRONG = re.compile(r"^wrong answers: (\d+)$", re.MULTILINE)


def any_request() -> Request:
    """A request of any kind, to a tenant that is known or new."""
    kind = random.choices(("hit", "slow", "missing", "late", "early"), (60, 10, 2, 14, 14))[0]
    tenant = known() if random.random() < 0.7 else new()
    if kind not in ("late", "early"):
        return Request("GET", f"{tenant}/{kind}")
    body = random.randbytes(random.randrange(1, UPLOAD_BYTES))
    method = random.choice(("PUT", "POST"))
    return Request(method, f"{tenant}/{kind}", body, chunked=random.random() < 0.5)


async def ask_on(world: World, until: float, outcomes: Counter[str]) -> None:
    """One request after the other, as fast as they are answered."""
    client = Client(world.router.port, NAMES, world.unanswered)
    while time.monotonic() < until:
        outcomes[await client.ask(any_request())] += 1
    client.abort()


async def wrk(world: World, seconds: float) -> str:
    """Full load; what wrk says of it."""
    if shutil.which(WRK[0]) is None:
        return "wrk is not installed: only the verifying clients made load"
    process = await asyncio.create_subprocess_exec(
        *WRK,
        f"--duration={max(1, round(seconds))}s",
        f"--script={SCRIPT}",
        world.router.url,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return output.decode()


async def say_progress(seconds: float, outcomes: Counter[str]) -> None:
    """On a terminal: a line that says how far it is."""
    for second in range(round(seconds)):
        if sys.stdout.isatty():
            print(f"{second:>5} s of {seconds:.0f}, {outcomes.total()}", end="\r", flush=True)
        await asyncio.sleep(1)


async def killed(world: World, seconds: float, outcomes: Counter[str]) -> tuple[int, str]:
    """All of it at once; how often a pod was killed, and what wrk says."""
    until = time.monotonic() + seconds
    killer = come_and_go(world, until, UP_SECONDS, DOWN_SECONDS)
    clients = [ask_on(world, until, outcomes) for _ in range(CLIENTS)]
    verified = asyncio.gather(say_progress(seconds, outcomes), *clients)
    kills, load, _ = await asyncio.gather(killer, wrk(world, seconds), verified)
    return kills, load


def main(args: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.killing", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long (default: 60)")
    seconds = parser.parse_args(args).seconds
    outcomes: Counter[str] = Counter()
    be_nice()
    with running() as world:
        kills, load = asyncio.run(killed(world, seconds, outcomes))
        unexplained = world.unexplained()
    print(f"{load}\n{outcomes.total()} verified requests; pods were killed {kills} times")
    for outcome, count in outcomes.most_common():
        print(f"{count:>8}  {outcome}")
    wrong = sum(count for outcome, count in outcomes.items() if outcome.startswith("wrong"))
    wrong += sum(map(int, WRONG.findall(load))) + len(unexplained)
    print(f"\n{wrong} wrong answers in {seconds:g} seconds")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
