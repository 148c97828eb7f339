"""Prints the garden's table; what it is at goes to the standard error.

The exit code is 1 if the router was wrong anywhere, or a server saw something else.
"""

from __future__ import annotations

import sys

from tests.garden.growing import grow
from tests.garden.replay import DIFFERENT
from tests.garden.table import rendered


def say(text: str) -> None:
    print(text, file=sys.stderr)


def main() -> int:
    garden = grow(say)
    print(rendered(garden), end="")
    for name, reason in garden.missing.items():
        say(f"without {name}: {reason}")
    faults = [
        f"{one.name}: {fault}" for one in (*garden.whole, *garden.in_pieces) for fault in one.faults
    ]
    for name, readings in garden.readings.items():
        faults += [f"{name}: {r.name}: {r.detail}" for r in readings if r.verdict == DIFFERENT]
    for fault in faults:
        say(fault)
    return 1 if faults else 0


sys.exit(main())
