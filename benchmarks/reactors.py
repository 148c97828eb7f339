"""What the same protocols cost on each reactor: ``python -m benchmarks.reactors``.

Processor time of the server alone, over loopback, from one process of its own for each reactor and
round; the reactors take turns, and the table has the medians of all rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import uvloop

from benchmarks.bars import Bar, bars
from benchmarks.reactor_load import (
    Giving,
    Pinging,
    Taking,
    memory_per_connection,
    per_connection,
    per_count,
)
from benchmarks.reactor_subject import BODY, HEAD, SERVICES

REACTORS = ("select", "epoll", "asyncio", "asyncio+uvloop", "uvloop")
CONNECTIONS = 32
IDLE_CONNECTIONS = 900
SHORT_CONNECTIONS = 1000
MESSAGE = b"m" * 64
REQUEST = b"GET /some/path HTTP/1.1\r\nHost: example.com\r\n" + b"X: y\r\n" * 14 + b"\r\n"
MEGABYTE = 1_000_000

#: The name of a measurement, its unit, and by what the number in seconds or bytes is multiplied.
COLUMNS: Mapping[str, tuple[str, float]] = {
    "echo, 64 bytes": ("us", 1e6),
    "request and response": ("us", 1e6),
    "download": ("us/MB", 1e6 * MEGABYTE),
    "upload": ("us/MB", 1e6 * MEGABYTE),
    "short connection": ("us", 1e6),
    "idle connection": ("KiB", 1 / 1024),
}

Numbers = Mapping[str, float]


class Subject:
    """A server that runs.

    :param process: its process.
    :param ports: of its services.
    """

    def __init__(self, process: subprocess.Popen[str], ports: Mapping[str, int]) -> None:
        self.ports = ports
        self._folder = Path("/proc") / str(process.pid)

    def processor_seconds(self) -> float:
        return int((self._folder / "schedstat").read_text().split()[0]) / 1e9

    def resident_bytes(self) -> float:
        pages = int((self._folder / "statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def subject(reactor: str) -> Iterator[Subject]:
    """A server on this reactor, until the end of the block."""
    command = [sys.executable, "-m", "benchmarks.reactor_subject", reactor]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        ports = map(int, process.stdout.readline().split())
        try:
            yield Subject(process, dict(zip(SERVICES, ports, strict=True)))
        finally:
            process.stdin.close()


async def measure(served: Subject, seconds: float, connections: int) -> Numbers:
    """One round of everything."""
    ports, cost = served.ports, served.processor_seconds
    answer_bytes = len(HEAD) + len(BODY)
    load = partial(per_count, seconds=seconds, cost=cost)
    return {
        "idle connection": await memory_per_connection(
            ports["echo"], IDLE_CONNECTIONS, served.resident_bytes
        ),
        "echo, 64 bytes": await load(
            lambda: Pinging(MESSAGE, len(MESSAGE)), ports["echo"], connections
        ),
        "request and response": await load(
            lambda: Pinging(REQUEST, answer_bytes), ports["answer"], connections
        ),
        "download": await load(Taking, ports["pour"], 2),
        "upload": await load(Giving, ports["swallow"], 2),
        "short connection": await per_connection(ports["greet"], SHORT_CONNECTIONS, cost),
    }


def median_of(rounds: Sequence[Numbers]) -> Numbers:
    return {
        name: statistics.median(numbers[name] for numbers in rounds) * factor
        for name, (_, factor) in COLUMNS.items()
    }


def table(medians: Mapping[str, Numbers]) -> str:
    """The medians, one reactor in each line."""
    heads = [f"{name}, {unit}" for name, (unit, _) in COLUMNS.items()]
    lines = ["  ".join([f"{'reactor':<15}", *heads])]
    for reactor, numbers in medians.items():
        cells = [
            f"{numbers[name]:>{len(head)}.1f}" for name, head in zip(COLUMNS, heads, strict=True)
        ]
        lines.append("  ".join([f"{reactor:<15}", *cells]))
    return "\n".join(lines)


def picture(medians: Mapping[str, Numbers]) -> str:
    """Processor time per request, as bars."""
    return bars(
        "Processor time for a request of 130 bytes and a response of 1 KiB",
        [
            Bar(reactor, numbers["request and response"], "us", reactor == "uvloop")
            for reactor, numbers in medians.items()
        ],
    )


def run(
    rounds: int, seconds: float, connections: int, reactors: Sequence[str]
) -> dict[str, Numbers]:
    results: dict[str, list[Numbers]] = {reactor: [] for reactor in reactors}
    for number in range(rounds):
        for reactor in reactors:
            with (
                subject(reactor) as served,
                asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
            ):
                results[reactor].append(runner.run(measure(served, seconds, connections)))
        print(f"round {number + 1} of {rounds} is done", file=sys.stderr)
    return {reactor: median_of(numbers) for reactor, numbers in results.items()}


def main() -> int:
    """Compare the reactors; the exit code is 1 if ours misses its goal."""
    parser = argparse.ArgumentParser(prog="benchmarks.reactors", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    parser.add_argument("--connections", type=int, default=CONNECTIONS, help="that send messages")
    parser.add_argument("--reactors", nargs="+", default=list(REACTORS), choices=REACTORS)
    parser.add_argument("--picture", type=Path, help="an SVG file to write")
    options = parser.parse_args()
    medians = run(options.rounds, options.seconds, options.connections, options.reactors)
    print(table(medians))
    if options.picture:
        options.picture.write_text(picture(medians))
    if not {"epoll", "uvloop"} <= medians.keys():
        return 0
    return verdict(medians["epoll"], medians["uvloop"])


def verdict(epoll: Numbers, ours: Numbers) -> int:
    """Print how many times cheaper than epoll it is; small messages 1.6 times is the goal."""
    times = {name: epoll[name] / ours[name] for name in COLUMNS}
    print("epoll costs, of what uvloop does:")
    print("\n".join(f"  {name}: {ratio:.2f} times" for name, ratio in times.items()))
    small = min(times["echo, 64 bytes"], times["request and response"])
    bulk = min(times["download"], times["upload"])
    return 0 if small >= 1.6 and bulk >= 1 else 1


if __name__ == "__main__":
    sys.exit(main())
