"""How long an organization that is in use is at no pod: ``python -m benchmarks.moves``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from pods.reference.moves.playing import Plan, play
from pods.reference.moves.report import Report
from pods.reference.tenancy import State

ROWS = (1_000, 10_000, 50_000)
HEADING = "    rows  strategy  requests  lost  wrong pod  again    held  longest  median    move"


def line(plan: Plan, report: Report) -> str:
    """One move as a line of the table."""
    reached = report.reached
    seconds = (
        reached[State.SWITCHED] - reached[State.HELD],
        report.longest_wait_seconds,
        report.median_wait_seconds,
        reached[State.DONE] - reached[State.COPYING],
    )
    counts = (len(report.requests), len(report.lost), len(report.wrong))
    shown = "{:10,}{:>6}{:>11}".format(*counts)
    again = len(report.told_to_come_again)
    times = "{:6.2f} s{:7.2f} s{:6.2f} s{:6.1f} s".format(*seconds)
    return f"{plan.rows:8,}  {plan.strategy:8}{shown}{again:7}{times}"


def plans(rows: Sequence[int]) -> Iterator[Plan]:
    """What is played, in turn."""
    for count in rows:
        for strategy in ("bounce", "learn"):
            yield Plan(
                strategy=strategy,
                organization="my-organization",
                destination="pod_us1",
                people=2,
                rows=count,
            )


async def measure(reactor: Any, rows: Sequence[int]) -> bool:
    """Play all of it; whether nobody lost anything."""
    good = True
    print(HEADING)
    for plan in plans(rows):
        report = await play(reactor, plan)
        print(line(plan, report), flush=True)
        good = good and report.is_good
    return good


async def main(reactor: Any, *arguments: str) -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(prog="benchmarks.moves", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS, metavar="COUNT")
    if not await measure(reactor, parser.parse_args(arguments).rows):
        raise SystemExit(1)


if __name__ == "__main__":
    react(lambda reactor, *given: Deferred.fromCoroutine(main(reactor, *given)), sys.argv[1:])
