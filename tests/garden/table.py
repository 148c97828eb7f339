"""The garden as a table for the documentation: families by servers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from tests.garden.case import Family
from tests.garden.corpus import FAMILIES, all_cases
from tests.garden.growing import Garden
from tests.garden.judge import Sent
from tests.garden.replay import DIFFERENT, OWN, SAME, Reading
from tests.garden.servers import SERVERS

FIXED_COLUMNS = ("family", "cases", "requests for a pod", "router")


def rendered(garden: Garden) -> str:
    """The table in reStructuredText."""
    names = [kind.name for kind in SERVERS]
    rows = [[*fixed(family), *measured(garden, family, names)] for family in FAMILIES]
    header = ", ".join((*FIXED_COLUMNS, *names))
    lines = [f".. csv-table::\n   :header: {header}\n", *map(line, [*rows, total(garden, names)])]
    return "\n".join([*lines, ""])


def fixed(family: Family) -> list[str]:
    """What the corpus alone says of a family."""
    requests = sum(len(case.passes) for case in family.cases)
    return [family.title, str(len(family.cases)), str(requests)]


def measured(garden: Garden, family: Family, names: Sequence[str]) -> Iterator[str]:
    prefix = family.name + "/"
    yield by_router([s for s in (*garden.whole, *garden.in_pieces) if s.name.startswith(prefix)])
    for name in names:
        if name in garden.missing:
            yield "missing"
        else:
            yield by_server([r for r in garden.readings[name] if r.name.startswith(prefix)])


def total(garden: Garden, names: Sequence[str]) -> list[str]:
    everything = Family("", "all", tuple(case for _, case in all_cases()))
    cells = [by_server(garden.readings.get(name, ())) for name in names]
    return [*fixed(everything), by_router([*garden.whole, *garden.in_pieces]), *cells]


def by_router(sent: Sequence[Sent]) -> str:
    wrong = sum(bool(one.faults) for one in sent)
    return f"{wrong} wrong" if wrong else "right"


def by_server(readings: Sequence[Reading]) -> str:
    counts = Counter(reading.verdict for reading in readings)
    others = [f"{counts[kind]} {kind}" for kind in (OWN, DIFFERENT) if counts[kind]]
    return ", ".join([f"{counts[SAME]} same", *others]) if readings else "none"


def line(cells: Sequence[str]) -> str:
    return "   " + ", ".join(f'"{cell}"' for cell in cells)
