"""What more workers give: ``python -m benchmarks.many``.

wrk and the pod need a processor of their own.  Where there are fewer processors than workers and
that one, the workers share, and the greatest rate tells nothing; then what tells is processor time
per request: if it stays, as many processors carry as many times the requests.  The last column is
that: workers, through processor time per request, against one worker.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence

from benchmarks.contenders import Contender, Place, router, started
from benchmarks.proxy import Measured, available_reactors
from benchmarks.proxy import measured as one_turn
from benchmarks.stage import processors, progress_is_over, say_progress, stage
from benchmarks.upstream import upstream


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
    available = processors()
    *others, last = available if len(available) > 1 else available * 2
    where_workers_run = others if len(others) >= options.workers else available
    counts = (1, options.workers)
    turns: dict[int, list[Measured]] = {count: [] for count in counts}
    with stage() as where:
        pods = upstream(where, [last])
        places = {count: Place(where, pods, where_workers_run, count) for count in counts}
        contender = {n: Contender(f"{n} workers", router(options.reactor)) for n in counts}
        running = {count: started(contender[count], places[count]) for count in counts}
        for number in range(options.rounds):
            for count, one in running.items():
                say_progress(f"round {number + 1} of {options.rounds}: {count} workers")
                turns[count].append(one_turn(one, options, options.seconds, [last]))
    progress_is_over()
    print(f"{len(available)} processors, {options.reactor}")
    print(f"{'workers':>8}{'CPU us':>10}{'requests/s':>12}{'busy':>8}{'gain':>8}")
    alone_us = statistics.median(turn.cpu_us for turn in turns[1])
    for count in counts:
        cpu_us, per_second, busy = (
            statistics.median(getattr(turn, name) for turn in turns[count])
            for name in ("cpu_us", "requests_per_second", "busy")
        )
        gain = count * alone_us / cpu_us
        print(f"{count:>8}{cpu_us:>10.1f}{per_second:>12.0f}{busy:>8.0%}{gain:>8.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
