"""Mixed traffic for a long time: ``python -m benchmarks.soak --minutes 20 --picture soak.svg``.

Prints what the router holds, and whether any of it grew; the exit code is 1 if so, or if any
answer was wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks import traffic
from benchmarks.picture import picture
from benchmarks.watching import Growth, Sample, growths, header, row, sample
from benchmarks.world import World, be_nice, running

Outcomes = Counter[tuple[str, str]]


def arguments(args: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20, help="how long (default: 20)")
    parser.add_argument("--every", type=float, default=5, help="seconds between two samples")
    parser.add_argument("--picture", type=Path, help="the SVG to write")
    return parser.parse_args(args)


def say(text: str) -> None:
    print(text, flush=True)


def say_progress(share: float) -> None:
    """On a terminal: how much is done, on a line that the next row of the table overwrites."""
    if sys.stdout.isatty():
        print(f"{share:7.0%} done", end="\r", flush=True)


async def watched(world: World, seconds: float, every_seconds: float) -> list[Sample]:
    """A sample each few seconds; each is printed as it is taken."""
    say(header())
    started = time.monotonic()
    samples: list[Sample] = []
    while (passed := time.monotonic() - started) < seconds:
        samples.append(await asyncio.to_thread(sample, world, passed))
        say(row(samples[-1]))
        say_progress(passed / seconds)
        await asyncio.sleep(min(every_seconds, seconds - passed))
    return samples


async def soaked(world: World, options: argparse.Namespace) -> tuple[list[Sample], Outcomes, int]:
    """Traffic and watch together: samples, outcomes, and how often a pod was killed."""
    outcomes: Outcomes = Counter()
    seconds = options.minutes * 60
    load = asyncio.create_task(traffic.run(world, seconds, outcomes))
    samples = await watched(world, seconds, options.every)
    return samples, outcomes, await load


def said_outcomes(outcomes: Outcomes, kills: int) -> int:
    """Print what became of the requests; how many answers were wrong."""
    say(f"\n{outcomes.total()} requests; pods were killed {kills} times")
    for (kind, outcome), count in sorted(outcomes.items()):
        say(f"  {kind:<18}{count:>8}  {outcome}")
    return sum(count for (_, outcome), count in outcomes.items() if outcome.startswith("wrong"))


def said_growths(found: Sequence[Growth]) -> int:
    """Print how each series went from the first quarter to the last; how many grew."""
    say(f"\n{'median of':<26}{'first quarter':>14}{'last quarter':>14}")
    for one in found:
        title = f"{one.series.title} {one.series.unit}"
        verdict = "  GROWS" if one.is_growth else ""
        say(f"{title:<26}{one.first:>14.1f}{one.last:>14.1f}{verdict}")
    return sum(one.is_growth for one in found)


def main(args: Sequence[str]) -> int:
    options = arguments(args)
    be_nice()
    with running() as world:
        samples, outcomes, kills = asyncio.run(soaked(world, options))
        unexplained = world.unexplained()
    if options.picture:
        options.picture.write_text(picture(samples))
    wrong = said_outcomes(outcomes, kills) + len(unexplained)
    growing = said_growths(growths(samples))
    say(f"\n{growing or 'nothing'} grows, {wrong} wrong answers, in {options.minutes:g} minutes")
    return 1 if growing or wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
