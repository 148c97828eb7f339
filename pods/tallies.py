"""What plugins count.

A counter is declared once, with every value that its label may have, so however a plugin
uses it, it stays as small as it was declared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import attrs
from zope.interface import implementer

from pods.interfaces import ICounter

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


@implementer(ICounter)
@attrs.define(eq=False)
class Tally:
    """One counter; see :meth:`pods.interfaces.IServices.counter`."""

    name: str
    help: str
    label: str  #: empty: it has none
    counts: dict[str, int]  #: by the label's value; without a label that is ``""``

    def add(self, value: str = "") -> None:
        """Count one more.

        :raises ValueError: the label was not declared to have this value.
        """
        if value not in self.counts:
            allowed = ", ".join(map(repr, self.counts))
            raise ValueError(f"counter {self.name}: the value is {value!r}; allowed: {allowed}")
        self.counts[value] += 1


class Tallies:
    """The counters of all plugins."""

    def __init__(self) -> None:
        self._tallies: dict[str, Tally] = {}

    @property
    def all(self) -> Mapping[str, Tally]:
        """Every counter, by name."""
        return self._tallies

    def declare(self, name: str, help: str, label: str, values: Iterable[str]) -> Tally:
        """The counter of that name: a new one, or the one that is there already.

        :raises ValueError: see :meth:`pods.interfaces.IServices.counter`.
        """
        values = list(values) if label else [""]
        for word in (name, *([label] if label else [])):
            if not _NAME.fullmatch(word):
                allowed = "a letter, then letters, digits and _, all small, at most 63"
                raise ValueError(f"counter {name}: {word!r} is no name; allowed: {allowed}")
        if not values:
            raise ValueError(f"counter {name}: {label} has no values; allowed: one or more")
        tally = self._tallies.setdefault(name, Tally(name, help, label, {}))
        if tally.label != label:
            raise ValueError(
                f"counter {name}: its label is {label!r}, but it was declared before;"
                f" allowed: {tally.label!r}"
            )
        tally.counts = dict.fromkeys(values, 0) | tally.counts
        return tally
