"""Looks routes up in a file, in a process of its own: ``python -m benchmarks.lookups_probe``.

Arguments: the file, the number of routes in it, how many to look up.  Prints JSON.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import react

from benchmarks.world import NAMES
from pods.counters import Counters
from pods.memory import RouteMemory
from pods.routing.table import Entry, RouteTable
from pods.stores.sqlite import SQLiteStore

MEMORY_ENTRIES = 100_000  #: the default of ``cache.memory_entries``
AT_ONCE = 50  #: cold look-ups, while memory fills
TIMED = 2000  #: cold look-ups, one after the other
ROUNDS = 9
CALLS = 20_000


@attrs.frozen
class Measured:
    """What one probe has found."""

    hot_microseconds: float  #: of the processor, for one path again and again
    many_microseconds: float  #: the same for many in turn, which the processor's caches cannot hold
    cold_median_milliseconds: float
    cold_slowest_milliseconds: float  #: 99 of 100 are faster
    late: int  #: look-ups that were given up because the store took too long
    megabytes: float  #: more than before the file was opened


def path_of(number: int) -> str:
    """Of five segments; the route is to the first, which is the longest walk there is."""
    return f"/organisation-{number:08d}/project/-/merge_requests/17"


def resident_bytes(pid: int | str = "self") -> int:
    """How much memory a process has."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def microseconds(table: RouteTable, paths: Sequence[str]) -> float:
    """For one look-up, in the fastest of a few rounds: whatever else runs only slows them down."""
    lookup = table.lookup
    rounds = []
    for _ in range(ROUNDS):
        began = time.thread_time()
        for path in paths:
            lookup(path)
        rounds.append(time.thread_time() - began)
    return min(rounds) / len(paths) * 1e6


async def found(memory: RouteMemory, path: str) -> None:
    """Wait for what must be there."""
    late = memory.counters.store_timeouts
    answer = memory.recall(path)
    entry = await answer if isinstance(answer, Deferred) else answer
    if not isinstance(entry, Entry) and memory.counters.store_timeouts == late:
        raise LookupError(f"{path} is not found")


async def filled(memory: RouteMemory, paths: Sequence[str]) -> None:
    """Look all of them up, some at the same time."""
    for start in range(0, len(paths), AT_ONCE):
        some = paths[start : start + AT_ONCE]
        await DeferredList([Deferred.fromCoroutine(found(memory, p)) for p in some], False, True)


async def cold(memory: RouteMemory, paths: Sequence[str]) -> list[float]:
    """The seconds that each took, in order."""
    times = []
    for path in paths:
        began = time.perf_counter()
        await found(memory, path)
        times.append(time.perf_counter() - began)
    return sorted(times)


async def probe(reactor: Any, file: str, rows: int, lookups: int) -> Measured:
    store = SQLiteStore(file, 10**9, 86_400, time.time, reactor, reactor.callFromThread)
    table = RouteTable(time.time, MEMORY_ENTRIES, 3600, 86_400)
    memory = RouteMemory(table, NAMES, Counters(), store, reactor)
    chance = random.Random(rows)
    numbers = chance.sample(range(1, rows + 1), min(rows, lookups + TIMED))
    paths = [path_of(number) for number in numbers]
    before = resident_bytes()
    await memory.open()
    timed = await cold(memory, paths[: min(TIMED, rows // 2)])
    await filled(memory, paths)
    grown = resident_bytes() - before
    hot = paths[-min(len(table), CALLS) :]
    measured = Measured(
        hot_microseconds=microseconds(table, hot[:1] * CALLS),
        many_microseconds=microseconds(table, hot),
        cold_median_milliseconds=timed[len(timed) // 2] * 1e3,
        cold_slowest_milliseconds=timed[len(timed) * 99 // 100] * 1e3,
        late=memory.counters.store_timeouts,
        megabytes=grown / 1e6,
    )
    await memory.close()
    return measured


def main(reactor: Any, file: str, rows: str, lookups: str) -> Deferred[None]:
    measuring = Deferred.fromCoroutine(probe(reactor, file, int(rows), int(lookups)))
    return measuring.addCallback(lambda measured: print(json.dumps(attrs.asdict(measured))))


if __name__ == "__main__":
    react(main, sys.argv[1:])
