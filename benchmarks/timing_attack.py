"""Tries to learn from the time of a 404 where something private is.

``python -m benchmarks.timing_attack --picture timing-attack.svg``

A real router, and pods 10 ms and 60 ms away.  For each policy and each strategy it prints how well
each classifier tells far names from near ones: 0.5 is by chance, 1 always.  The exit code is 0 if
the attack fails where it should, and succeeds where there is no defence or a weak one.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import attrs

from benchmarks.attack import Attack, Findings, Pairs, Situation
from benchmarks.distances import running
from benchmarks.telling_apart import CLASSIFIERS, EDGE, Comparison, kolmogorov_smirnov, welch
from benchmarks.timing_picture import picture

POLICIES = ("off", "random", "padded")
WEAK = ("off", "random")  #: the attack must succeed
WEAK_SHARE, WEAK_SAMPLES = 0.1, 3000  #: of the samples, but at least so many; that is enough
STRATEGIES = ("bounce", "learn")
MOST_ADDED_SECONDS = 0.3
COLUMNS = (*CLASSIFIERS, EDGE)


@attrs.frozen
class Verdict:
    """What became of the attack on one policy."""

    policy: str
    leaks: int  #: how many comparisons told the classes apart
    added_seconds: float  #: the mean, with the strategy where it is higher

    @property
    def is_as_it_should_be(self) -> bool:
        if self.policy in WEAK:
            return self.leaks > 0
        return self.leaks == 0 and self.added_seconds <= MOST_ADDED_SECONDS


def arguments(args: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.timing_attack",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    policy = "a policy; give it again for more (default: off, random and padded)"
    parser.add_argument("--policy", action="append", metavar="P", help=policy)
    samples = "answers of each class for names asked for again and again (default: 30000)"
    parser.add_argument("--samples", type=int, default=30_000, help=samples)
    parser.add_argument("--connections", type=int, default=200, help="at a time (default: 200)")
    parser.add_argument("--quick", action="store_true", help="2000 samples: says little")
    parser.add_argument("--picture", type=Path, help="the SVG to write")
    parser.add_argument("--seed", default="1", help="of names, places and orders (default: 1)")
    return parser.parse_args(args)


def say(text: str = "") -> None:
    print(text, flush=True)


def attacked(policy: str, strategy: str, options: argparse.Namespace) -> Findings:
    """What an attack on a new router brings."""
    samples = 2000 if options.quick else options.samples
    if policy in WEAK and not options.quick:
        samples = max(min(samples, WEAK_SAMPLES), int(samples * WEAK_SHARE))
    seed = f"{options.seed} {policy} {strategy}"
    with running(policy, strategy, seed) as world:
        chance = random.Random(f"attacker {seed}")
        return asyncio.run(Attack(world, samples, options.connections, chance).run())


def row(title: str, comparison: Comparison) -> str:
    cells = "".join(f"{comparison.aucs[name]:>9.3f}" for name in COLUMNS)
    leaks = f"  told apart by {', '.join(comparison.leaks)}" if comparison.leaks else ""
    return f"{title:<19}{comparison.repeats:>6}{comparison.groups:>8}{cells}{leaks}"


def said(situation: Situation) -> int:
    """Print what the classifiers reach; how many groups of a size could be told apart."""
    comparisons = situation.comparisons()
    for comparison in comparisons:
        say(row(situation.title, comparison))
    return sum(bool(comparison.leaks) for comparison in comparisons)


def said_pairs(pairs: Pairs) -> int:
    leaks = "  told apart" if pairs.leaks else ""
    say(f"{pairs.title:<25}{len(pairs.lags):>8}{pairs.share:>9.3f}{leaks}")
    return int(pairs.leaks)


def said_tests(situation: Situation) -> None:
    """Print what the tests of single answers say."""
    slow, fast = ([x for name in side for x in name] for side in (situation.slow, situation.fast))
    (t, by_chance), (distance, ks_by_chance) = welch(slow, fast), kolmogorov_smirnov(slow, fast)
    say(
        f"{situation.title:<19}{(sum(slow) / len(slow)) * 1000:>9.2f}"
        f"{(sum(fast) / len(fast)) * 1000:>9.2f}"
        f"{t:>9.2f}{by_chance:>9.3f}{distance:>9.4f}{ks_by_chance:>9.3f}"
    )


def said_findings(policy: str, strategy: str, found: Findings, seconds: float) -> int:
    """Print the tables of one attack; how many comparisons told the classes apart."""
    cost = found.cost
    say(f"\n{policy}, {strategy}: {seconds:.0f} s; {cost.held} 404s were held, on average for")
    say(f"{cost.mean_added_seconds * 1000:.0f} ms; {cost.overruns} took longer than the floor\n")
    say(f"{'AUC of':<19}{'of':>6}{'groups':>8}" + "".join(f"{name:>9}" for name in COLUMNS))
    leaks = sum(said(situation) for situation in found.situations)
    say(f"\n{'far answers later':<25}{'pairs':>8}{'share':>9}")
    leaks += sum(said_pairs(pairs) for pairs in found.pairs)
    say(f"\n{'single answers':<19}{'slow ms':>9}{'fast ms':>9}{'t':>9}{'p':>9}{'KS':>9}{'p':>9}")
    for situation in found.situations:
        said_tests(situation)
    return leaks


def judged(policy: str, options: argparse.Namespace) -> tuple[Verdict, Findings]:
    """Attack a policy with every strategy; what was found with the first goes into the picture."""
    leaks, added, all_found = 0, 0.0, []
    for strategy in STRATEGIES:
        started = time.monotonic()
        found = attacked(policy, strategy, options)
        leaks += said_findings(policy, strategy, found, time.monotonic() - started)
        added = max(added, found.cost.mean_added_seconds)
        all_found.append(found)
    return Verdict(policy, leaks, added), all_found[0]


def main(args: Sequence[str]) -> int:
    options = arguments(args)
    findings, verdicts = {}, []
    for policy in options.policy or POLICIES:
        verdict, findings[policy] = judged(policy, options)
        verdicts.append(verdict)
    if options.picture:
        options.picture.write_text(picture(findings))
    say()
    for verdict in verdicts:
        outcome = "as it should be" if verdict.is_as_it_should_be else "WRONG"
        added = f"{verdict.added_seconds * 1000:.0f} ms added"
        say(f"{verdict.policy}: {verdict.leaks} comparisons tell, {added}: {outcome}")
    return 0 if all(verdict.is_as_it_should_be for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
