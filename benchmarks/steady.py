"""How long a request takes at 70 % load: ``python -m benchmarks.steady``.

At full load a proxy's times tell how many clients wait, and nothing else.  So each proxy's greatest
rate is measured first, and then its times at a share of that rate.  wrk's connections think before
each request, for a time by chance; there are so many of them that their requests come nearly
independently of each other.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import attrs

from benchmarks import wrk
from benchmarks.contenders import OTHERS, Place, Started, router_contenders, started
from benchmarks.proxy import available_reactors, installed, url
from benchmarks.stage import processors, progress_is_over, say_progress, stage
from benchmarks.upstream import upstream

CONNECTIONS = 128


@attrs.frozen
class Steady:
    """One turn of one proxy."""

    name: str
    full_per_second: float
    per_second: float
    p50_ms: float
    p99_ms: float


def arguments(args: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.steady", description=__doc__)
    parser.add_argument("--share", type=float, default=0.7, help="of full load (default: 0.7)")
    parser.add_argument("--seconds", type=float, default=5, help="of a turn (default: 5)")
    parser.add_argument("--rounds", type=int, default=5, help="(default: 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every turn to it")
    return parser.parse_args(args)


def loaded(one: Started, seconds: float, on: Sequence[int], think_ms: float = 0) -> wrk.Load:
    script = wrk.THINKING if think_ms else None
    return wrk.load(
        url(one, "1k"),
        seconds,
        on,
        connections=CONNECTIONS,
        script=script,
        think_ms=think_ms,
        cookies=one.cookies,
    )


def measured(one: Started, options: argparse.Namespace, on: Sequence[int]) -> Steady:
    """Full load, a try at the share, and then what counts."""
    full = loaded(one, 2, on)
    think_ms = cycle_ms = CONNECTIONS / (full.per_second * options.share) * 1000
    tried = loaded(one, 2, on, think_ms)
    taken_ms = CONNECTIONS / tried.per_second * 1000 - think_ms  # but for thinking
    load = loaded(one, options.seconds, on, max(0.5, cycle_ms - taken_ms))
    return Steady(
        one.name,
        full.per_second,
        load.per_second,
        load.p50_seconds * 1000,
        load.p99_seconds * 1000,
    )


def row(turns: Sequence[Steady]) -> str:
    def median(name: str) -> float:
        return float(statistics.median(getattr(turn, name) for turn in turns))

    share = statistics.median(turn.per_second / turn.full_per_second for turn in turns)
    return (
        f"{turns[0].name:<26}{median('full_per_second'):>10.0f}{median('per_second'):>10.0f}"
        f"{share:>8.0%}{median('p50_ms'):>9.2f}{median('p99_ms'):>9.2f}"
    )


def main(args: Sequence[str]) -> int:
    options = arguments(args)
    first, *_, last = [*processors(), *processors()]
    contenders = installed([c for c in OTHERS if c.name in ("nginx", "HAProxy")])
    contenders += [router_contenders(reactor)[0] for reactor in available_reactors()]
    turns: list[list[Steady]] = [[] for _ in contenders]
    with stage() as where:
        place = Place(where, upstream(where, [last]), [first])
        running = [started(contender, place) for contender in contenders]
        for number in range(options.rounds):
            for index, one in enumerate(running):
                say_progress(f"round {number + 1} of {options.rounds}: {one.name}")
                turns[index].append(measured(one, options, [last]))
    progress_is_over()
    print(f"{'proxy':<26}{'full/s':>10}{'load/s':>10}{'share':>8}{'p50 ms':>9}{'p99 ms':>9}")
    print("\n".join(map(row, turns)))
    if options.json:
        told = [attrs.asdict(turn) for one in turns for turn in one]
        options.json.write_text(json.dumps(told, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
