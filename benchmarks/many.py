"""What more workers give: ``python -m benchmarks.many``.

wrk and the pod need a processor of their own, or the greatest rate tells nothing.  Where too few
are left for the workers, what tells is processor time per request: if it stays, as many processors
carry as many times the requests.  There workers take turns on processors that nothing else uses;
so do, for comparison, as many proxies that know nothing of each other, which shows what of the
cost is only the taking of turns.  Last, workers share a processor with wrk and the pod.  The last
column is workers, through processor time per request, against one worker of the same proxy.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import attrs

from benchmarks import wrk
from benchmarks.contenders import OTHERS, Contender, Place, Started, router, started
from benchmarks.proxy import available_reactors, url
from benchmarks.stage import processors, progress_is_over, say_progress, stage
from benchmarks.upstream import upstream


@attrs.frozen
class Crew:
    """So many workers of so many proxies on these processors."""

    label: str
    proxies: int
    workers: int  #: of each
    on: tuple[int, ...]


@attrs.frozen
class Turn:
    """What one turn of a crew took."""

    cpu_us: float  #: for each request
    per_second: float
    busy: float  #: processors that were at work for the proxies


def crews(available: tuple[int, ...], count: int) -> list[Crew]:
    """One worker, and more of them on as many processors as there are."""
    own = available[:-1] or available
    alone = Crew("1 worker on a processor of its own", 1, 1, own[:1])
    if len(own) >= count:
        return [alone, Crew(f"{count} workers, each on its own", 1, count, own[:count])]
    return [
        alone,
        Crew(f"{count} workers taking turns on {len(own)}", 1, count, own),
        Crew(f"{count} single ones taking turns on {len(own)}", count, 1, own),
        Crew(f"{count} workers, one beside the load", 1, count, available),
    ]


def arguments(args: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many", description=__doc__)
    parser.add_argument("--workers", type=int, default=2, help="(default: 2)")
    parser.add_argument("--reactor", default=available_reactors()[-1])
    parser.add_argument("--connections", type=int, default=64, help="(default: 64)")
    parser.add_argument("--seconds", type=float, default=4, help="of a turn (default: 4)")
    parser.add_argument("--rounds", type=int, default=5, help="(default: 5)")
    return parser.parse_args(args)


def one_turn(proxies: list[Started], options: argparse.Namespace, on: Sequence[int]) -> Turn:
    """All of them under full load at the same time; each has its share of the connections."""

    def load(one: Started) -> wrk.Load:
        connections = options.connections // len(proxies)
        target, cookies = url(one, "1k"), one.cookies
        return wrk.load(target, options.seconds, on, connections=connections, cookies=cookies)

    before = sum(one.running.cpu_seconds for one in proxies)
    with ThreadPoolExecutor(len(proxies)) as threads:
        loads = list(threads.map(load, proxies))
    cpu_seconds = sum(one.running.cpu_seconds for one in proxies) - before
    return Turn(
        cpu_us=cpu_seconds / sum(load.requests for load in loads) * 1e6,
        per_second=sum(load.per_second for load in loads),
        busy=cpu_seconds / max(load.seconds for load in loads),
    )


def main(args: Sequence[str]) -> int:
    options = arguments(args)
    available = tuple(processors())
    compared = [one for one in OTHERS if one.name == "nginx" and one.is_installed]
    name = f"router, {options.reactor}"
    compared.append(Contender(name, router(options.reactor), sets_cookie=True))
    with stage() as where:
        pods = upstream(where, available[-1:])
        running: dict[tuple[str, Crew], list[Started]] = {}
        for contender in compared:
            for crew in crews(available, options.workers):
                begin = partial(started, place=Place(where, pods, crew.on, crew.workers))
                running[contender.name, crew] = [
                    begin(attrs.evolve(contender, name=f"{contender.name} {len(running)} {number}"))
                    for number in range(crew.proxies)
                ]
        turns: dict[tuple[str, Crew], list[Turn]] = {key: [] for key in running}
        for number in range(options.rounds):
            for (name, crew), proxies in running.items():
                say_progress(f"round {number + 1} of {options.rounds}: {name}, {crew.label}")
                turns[name, crew].append(one_turn(proxies, options, available[-1:]))
    progress_is_over()
    print_table(turns)
    return 0


def print_table(turns: dict[tuple[str, Crew], list[Turn]]) -> None:
    print(f"{'proxy':<16}{'':<36}{'CPU us':>8}{'requests/s':>12}{'busy':>8}{'gain':>8}")
    alone_us = 0.0
    for (name, crew), measured in turns.items():
        cpu_us, per_second, busy = (
            statistics.median(getattr(turn, what) for turn in measured)
            for what in ("cpu_us", "per_second", "busy")
        )
        count = crew.proxies * crew.workers
        if count == 1:
            alone_us = cpu_us
        print(
            f"{name:<16}{crew.label:<36}"
            f"{cpu_us:>8.1f}{per_second:>12.0f}{busy:>8.0%}{count * alone_us / cpu_us:>8.2f}"
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
