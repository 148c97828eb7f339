"""Reads the options of a plugin, for its author as for the plugins built in.

Ask for each option that there is, then finish::

    reader = OptionReader(options)
    header = reader.text("header", "X-Tenant")
    limit = reader.whole("limit", 3, least=1, most=20)
    reader.finish()         # ConfigurationError with every fault, unknown options too

Whoever calls the plugin's factory adds the file and the table to the faults.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from pods.errors import ConfigurationError, Fault
from pods.wording import listed, nearest, shown


@attrs.define
class OptionReader:
    """Takes options from a table and notes what is wrong with them.

    Each method gives the default as well for a value that will not do, so that
    reading goes on and :meth:`finish` tells every fault at once.

    :param table: the table as it stands in ``router.toml``.
    """

    _table: Mapping[str, Any]
    _known: list[str] = attrs.field(factory=list, init=False)
    _faults: list[Fault] = attrs.field(factory=list, init=False)

    def choice(self, key: str, default: str, allowed: Sequence[str]) -> str:
        """One of a few words."""
        value = self._take(key, default)
        if isinstance(value, str) and value in allowed:
            return value
        near = nearest(value, allowed) if isinstance(value, str) else ""
        self.fault(key, f"is {shown(value)}{near}", listed(allowed))
        return default

    def text(self, key: str, default: str) -> str:
        """A string that is not empty."""
        value = self._take(key, default)
        if isinstance(value, str) and value:
            return value
        self.fault(key, f"is {shown(value)}", "a string that is not empty")
        return default

    def whole(self, key: str, default: int, least: int, most: int) -> int:
        """A whole number within bounds."""
        value = self._take(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self.fault(key, f"is {shown(value)}", f"a whole number, {least} to {most}")
        return default

    def seconds(self, key: str, default: float, least: float, most: float) -> float:
        """A time within bounds; fractions are fine."""
        value = self._take(key, default)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and least <= value <= most:  # nan is not
            return float(value)
        self.fault(key, f"is {shown(value)}", f"a number of seconds, {least:g} to {most:g}")
        return default

    def table(self, key: str) -> Mapping[str, Any]:
        """A table, empty if it is left out; what stands in it is for the caller to check."""
        value = self._take(key, {})
        if isinstance(value, Mapping):
            return value
        self.fault(key, f"is {shown(value)}", "a table")
        return {}

    def fault(self, key: str, problem: str, allowed: str = "") -> None:
        """Note something else that is wrong.

        :param key: the option; dotted for a key of a table in it.
        :param problem: what is wrong.
        :param allowed: what would be right.
        """
        self._faults.append(Fault(key, problem, allowed))

    def finish(self) -> None:
        """Refuse the options if anything is wrong with them.

        :raises ConfigurationError: with every fault noted, and one for each option
            that was never asked for.
        """
        for key in self._table:
            if key not in self._known:
                problem = f"unknown option{nearest(key, self._known)}"
                self.fault(key, problem, listed(self._known) or "no options")
        if self._faults:
            raise ConfigurationError(*self._faults)

    def _take(self, key: str, default: Any) -> Any:
        self._known.append(key)
        return self._table.get(key, default)
