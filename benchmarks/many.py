"""What more workers give: ``python -m benchmarks.many``.

wrk and the pod need a processor of their own, or the greatest rate tells nothing.  Where too few
are left for the workers, what tells is processor time per request: if it stays, as many processors
carry as many times the requests.  So workers also take turns on processors that nothing else uses,
which shows what they cost each other; and, for comparison, they share one with wrk and the pod,
which shows what that costs.  The last column is workers, through processor time per request,
against one worker of the same proxy.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence

import attrs

from benchmarks.contenders import OTHERS, Contender, Place, Started, router, started
from benchmarks.proxy import Measured, available_reactors
from benchmarks.proxy import measured as one_turn
from benchmarks.stage import processors, progress_is_over, say_progress, stage
from benchmarks.upstream import upstream


@attrs.frozen
class Crew:
    """So many workers on these processors."""

    workers: int
    where: str
    on: tuple[int, ...]


def crews(available: tuple[int, ...], workers: int) -> list[Crew]:
    """One worker, and more of them on as many processors as there are."""
    own = available[:-1] or available
    alone = Crew(1, "one of its own", own[:1])
    if len(own) >= workers:
        return [alone, Crew(workers, "each one of its own", own[:workers])]
    return [
        alone,
        Crew(workers, f"{len(own)} of their own", own),
        Crew(workers, "shared with the load", available),
    ]


def arguments(args: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many", description=__doc__)
    parser.add_argument("--workers", type=int, default=2, help="(default: 2)")
    parser.add_argument("--reactor", default=available_reactors()[-1])
    parser.add_argument("--seconds", type=float, default=4, help="of a turn (default: 4)")
    parser.add_argument("--rounds", type=int, default=5, help="(default: 5)")
    parser.set_defaults(connections=64, load="small")
    return parser.parse_args(args)


def main(args: Sequence[str]) -> int:
    options = arguments(args)
    available = tuple(processors())
    compared = [one for one in OTHERS if one.name == "nginx" and one.is_installed]
    name = f"router, {options.reactor}"
    compared.append(Contender(name, router(options.reactor), sets_cookie=True))
    turns: dict[tuple[str, Crew], list[Measured]] = {}
    with stage() as where:
        pods = upstream(where, available[-1:])
        running: dict[tuple[str, Crew], Started] = {}
        for contender in compared:
            for crew in crews(available, options.workers):
                named = attrs.evolve(contender, name=f"{contender.name} {len(running)}")
                place = Place(where, pods, crew.on, crew.workers)
                running[contender.name, crew] = started(named, place)
        for number in range(options.rounds):
            for key, one in running.items():
                say_progress(f"round {number + 1} of {options.rounds}: {key[0]}, {key[1].where}")
                turn = one_turn(one, options, options.seconds, available[-1:])
                turns.setdefault(key, []).append(turn)
    progress_is_over()
    print_table(turns)
    return 0


def print_table(turns: dict[tuple[str, Crew], list[Measured]]) -> None:
    print(
        f"{'proxy':<18}{'workers':>8}  {'processors':<22}"
        f"{'CPU us':>8}{'requests/s':>12}{'busy':>8}{'gain':>8}"
    )
    alone_us = 0.0
    for (name, crew), measured in turns.items():
        cpu_us, per_second, busy = (
            statistics.median(getattr(turn, what) for turn in measured)
            for what in ("cpu_us", "requests_per_second", "busy")
        )
        if crew.workers == 1:
            alone_us = cpu_us
        print(
            f"{name:<18}{crew.workers:>8}  {crew.where:<22}"
            f"{cpu_us:>8.1f}{per_second:>12.0f}{busy:>8.0%}{crew.workers * alone_us / cpu_us:>8.2f}"
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
