"""Which modules of tests there are, and which of them one process of trial runs together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
#: Of the quick modules, which run together, as each process takes about a second to start.
BATCH_MODULES = 12
#: Modules that take long, the slowest first, so that none is left alone at the end.  They have
#: processes of their own; so has all else of :data:`ALONE`.
SLOW = (
    *("tests.integration.test_reference_postgres", "tests.integration.test_benchmarks"),
    *("tests.integration.test_move", "tests.test_uvloop_reactor", "tests.test_reference_commands"),
    *("tests.integration.test_example_fastapi", "tests.integration.test_example_flask"),
    *("tests.test_reference_moves_deaths", "tests.integration.test_git"),
    *("tests.integration.test_example_twisted", "tests.integration.test_example_django"),
    *("tests.integration.test_workers", "tests.test_requirements_e_sockets"),
    *("tests.integration.test_browser", "tests.test_reference_walkthrough", "tests.test_packaging"),
    *("tests.garden.test_garden", "tests.test_requirements_i_timing", "tests.test_http1_direct"),
    "tests.test_stores_processes",
)
#: They start programs, so most are slow.
ALONE = ("tests.integration.", "tests.garden.")
#: What stands behind the router does not see on which reactor it runs; all that has a word of
#: these, and is not of that kind, does.
_BEHIND = re.compile(r"_(reference|demo|browser|move|sidecar|example_(django|fastapi|twisted))")
_MEETS = re.compile(r"\bTestCase\b|tests\.(integration|garden)|internet import reactor")


def all_modules() -> list[str]:
    """The names of all modules of tests."""
    paths = sorted(path.relative_to(ROOT) for path in TESTS.rglob("test_*.py"))
    return [".".join(path.with_suffix("").parts) for path in paths]


def below(names: Sequence[str]) -> list[str]:
    """The modules of these names, and those in packages of these names.

    :raises ValueError: there are none of a name.
    """
    chosen: set[str] = set()
    for name in names:
        found = {one for one in all_modules() if f"{one}.".startswith(f"{name}.")}
        if not found:
            raise ValueError(f"there is no module of tests {name!r}")
        chosen |= found
    return sorted(chosen)


def meets_reactor(module: str) -> bool:
    """Whether it may make a difference to this module on which reactor it runs."""
    path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
    return not _BEHIND.search(module) and bool(_MEETS.search(path.read_text()))


def grouped(modules: Sequence[str]) -> Iterator[list[str]]:
    """What one process runs, each; in the order in which they are best started."""
    alone = [name for name in modules if name.startswith(ALONE) and name not in SLOW]
    yield from ([name] for name in SLOW if name in modules)
    yield from ([name] for name in alone)
    quick = [name for name in modules if name not in {*SLOW, *alone}]
    for first in range(0, len(quick), BATCH_MODULES):
        yield quick[first : first + BATCH_MODULES]
