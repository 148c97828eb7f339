"""What a request costs in a proxy: ``python -m benchmarks.proxy``, or ``--quick``.

The proxies run on one processor; wrk and the nginx behind them on another.  Each is measured in
turn, again and again, so that whatever else the machine does falls on all alike; what is told are
medians.  Processor time is that of the proxy's processes, as the kernel counts it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs

from benchmarks import wrk
from benchmarks.bars import Bar, bars
from benchmarks.contenders import (
    OTHERS,
    Contender,
    Place,
    Started,
    has_reactor,
    router_contenders,
    started,
)
from benchmarks.stage import processors, progress_is_over, say_progress, stage
from benchmarks.upstream import upstream

REACTORS = ("epoll", "uvloop")
MIB = 1024 * 1024
#: How the load is made: the name of the answer, and whether each request has its own connection.
LOADS = {
    "small": ("1k", False),
    "varying": ("1k", False),
    "large": ("64k", False),
    "connect": ("1k", True),
}
LOAD_TITLES = {
    "small": "GET, 1 KiB answer, keep-alive",
    "varying": "GET, 1 KiB answer, keep-alive, each request with a header section of its own",
    "large": "GET, 64 KiB answer, keep-alive",
    "connect": "GET, 1 KiB answer, a new connection for each request",
}


@attrs.frozen
class Measured:
    """One turn of one contender."""

    cpu_us: float  #: of the proxy, for each request
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    busy: float  #: the share of the time that the proxy's processor was at work for it


@attrs.frozen
class Result:
    """All turns of one contender; memory is the peak of the whole run."""

    name: str
    memory_mib: float
    turns: list[Measured]

    def median(self, what: str) -> float:
        return float(statistics.median(getattr(turn, what) for turn in self.turns))


def arguments(args: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.proxy", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one turn of 2 seconds each")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each (default: 5)")
    parser.add_argument("--seconds", type=float, default=4, help="of one turn (default: 4)")
    parser.add_argument("--connections", type=int, default=32, help="at a time (default: 32)")
    parser.add_argument("--load", choices=LOADS, default="small", help="(default: small)")
    parser.add_argument("--only", default="", help="names, or parts of them, with commas between")
    parser.add_argument(
        "--against", type=Path, metavar="CHECKOUT", help="compare with another checkout's router"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every turn to it")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="write an SVG to it")
    options = parser.parse_args(args)
    if options.quick:
        options.rounds, options.seconds = 1, 2
    return options


def available_reactors() -> list[str]:
    """Those that the router can run on here; the others are named."""
    available = [name for name in REACTORS if has_reactor(name)]
    for name in REACTORS:
        if name not in available:
            print(f"skipped: the router on {name}: it does not start here")
    return available


def installed(contenders: Iterable[Contender]) -> list[Contender]:
    """Those that can run; the others are named."""
    known = list(contenders)
    for contender in known:
        if not contender.is_installed:
            print(f"skipped: {contender.name}: {contender.program} is not installed")
    return [contender for contender in known if contender.is_installed]


def contenders(options: argparse.Namespace) -> list[Contender]:
    """Those that are asked for and can run."""
    candidates = [*OTHERS]
    for reactor in available_reactors():
        candidates += router_contenders(reactor)
        if options.against is not None:
            candidates += router_contenders(reactor, options.against.resolve(), "other")
    wanted = [part for part in options.only.split(",") if part]
    return installed(c for c in candidates if not wanted or any(w in c.name for w in wanted))


def url(one: Started, answer: str) -> str:
    return f"http://127.0.0.1:{one.port}{one.contender.path}/{answer}"


def measured(
    one: Started, options: argparse.Namespace, seconds: float, on: Sequence[int]
) -> Measured:
    """One turn."""
    answer, close = LOADS[options.load]
    before = one.running.cpu_seconds
    load = wrk.load(
        url(one, answer),
        seconds,
        on,
        connections=options.connections,
        script=script(one, options.load),
        close=close,
        cookies=one.cookies,
    )
    cpu_seconds = one.running.cpu_seconds - before
    return Measured(
        cpu_us=cpu_seconds / load.requests * 1e6,
        requests_per_second=load.per_second,
        p50_ms=load.p50_seconds * 1000,
        p99_ms=load.p99_seconds * 1000,
        busy=cpu_seconds / load.seconds,
    )


def script(one: Started, load: str) -> Path | None:
    """What wrk runs for each request, if anything."""
    if one.contender.counts:
        return wrk.COUNTING
    return wrk.VARYING if load == "varying" else None


def compared(options: argparse.Namespace) -> list[Result]:
    """Every contender, turn by turn."""
    first, *_, last = [*processors(), *processors()]
    with stage() as where:
        place = Place(where, upstream(where, [last]), [first])
        running = []
        for contender in contenders(options):
            say_progress(f"starting {contender.name}")
            running.append(started(contender, place))
        turns: dict[str, list[Measured]] = {one.name: [] for one in running}
        for number in range(options.rounds + 1):
            for one in running:
                say_progress(f"round {number} of {options.rounds}: {one.name}")
                seconds = options.seconds if number else 1  # the first is to warm up
                turn = tried(one, options, seconds, [last])
                turns[one.name] += turn if number else []
        progress_is_over()
        return [
            Result(one.name, one.running.memory_bytes() / MIB, turns[one.name])
            for one in running
            if turns[one.name]
        ]


def tried(
    one: Started, options: argparse.Namespace, seconds: float, on: Sequence[int]
) -> list[Measured]:
    """One turn; none if it went wrong, which is told."""
    try:
        return [measured(one, options, seconds, on)]
    except wrk.WrongAnswersError as error:
        print(f"\n{one.name} does not answer as it should, so this turn does not count: {error}")
        return []


HEADINGS = ("turns", "CPU us", "of nginx", "requests/s", "p50 ms", "p99 ms", "busy", "peak MiB")


def table(results: Sequence[Result]) -> Iterable[str]:
    """Line by line; CPU is per request, all but memory are medians."""
    nginx = next((r.median("cpu_us") for r in results if r.name == "nginx"), None)
    yield f"{'proxy':<26}" + "".join(f"{heading:>11}" for heading in HEADINGS)
    for result in results:
        cpu_us = result.median("cpu_us")
        ratio = f"{cpu_us / nginx:.2f}" if nginx else "-"
        yield (
            f"{result.name:<26}{len(result.turns):>11}{cpu_us:>11.1f}{ratio:>11}"
            f"{result.median('requests_per_second'):>11.0f}{result.median('p50_ms'):>11.2f}"
            f"{result.median('p99_ms'):>11.2f}{result.median('busy'):>11.0%}"
            f"{result.memory_mib:>11.1f}"
        )


def picture(results: Sequence[Result], load: str) -> str:
    """Processor time per request, as bars."""
    title = f"Processor time per request: {LOAD_TITLES[load]}"
    by_cost = sorted(results, key=lambda result: result.median("cpu_us"))
    ours = [
        Bar(r.name, r.median("cpu_us"), "us", is_ours=r.name.startswith("router")) for r in by_cost
    ]
    return bars(title, ours)


def main(args: Sequence[str]) -> int:
    options = arguments(args)
    missing = [name for name in ("wrk", "nginx", "taskset") if shutil.which(name) is None]
    if missing:
        print(f"needed, and not installed: {', '.join(missing)}; see benchmarks/README.rst")
        return 2
    results = compared(options)
    print(
        f"\n{LOAD_TITLES[options.load]}, {options.connections} connections;"
        f" medians of {options.rounds} turns of {options.seconds:g} s\n"
    )
    print("\n".join(table(results)))
    if options.json:
        options.json.write_text(json.dumps([attrs.asdict(r) for r in results], indent=2) + "\n")
    if options.picture:
        options.picture.write_text(picture(results, options.load))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
