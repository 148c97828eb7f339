"""How a TOML table becomes a frozen value, with every fault noted on the way.

Each attribute of a configuration class is annotated with the :class:`Reader` of
its key::

    max_bytes: Annotated[int, whole(64, 4096)] = 1024

A reader never stops at a fault: it notes it at its :class:`Place` and goes on, so
that one run finds them all.  What could not be read is None then, or is left out
of its list or table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Protocol, get_origin, get_type_hints

import attrs

from pods.errors import Fault
from pods.wording import listed, nearest, one_line, shown

NOTHING: Mapping[str, Any] = MappingProxyType({})
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@attrs.frozen
class Source:
    """What a reader may have to know about the file as a whole."""

    base_dir: str  #: absolute; relative paths start here
    pod_names: frozenset[str] = frozenset()  #: under ``[pods]``, right or wrong
    rule_strategies: frozenset[str] = frozenset()  #: what ``[[rules]]`` name
    strategy: str | None = None  #: what ``[router]`` names


@attrs.frozen
class Place:
    """Where in the file a value stands, and where its faults are noted."""

    source: Source
    faults: list[Fault]
    key: str = ""

    def at(self, name: str) -> Place:
        """The place of one key of the table that stands here."""
        shown_name = name if _BARE_KEY.fullmatch(name) else json.dumps(name)
        return attrs.evolve(self, key=f"{self.key}.{shown_name}" if self.key else shown_name)

    def item(self, number: int) -> Place:
        """The place of one item of the list that stands here, counted from 1."""
        return attrs.evolve(self, key=f"{self.key}[{number}]")

    def fault(self, problem: str, allowed: str = "") -> None:
        """Note what is wrong here."""
        self.faults.append(Fault(self.key, problem, allowed))


class Reader(Protocol):
    """Turns what stands under one key into a value."""

    @property
    def allowed(self) -> str:
        """What may stand there, as a fault says it."""

    def read(self, value: Any, place: Place) -> Any:
        """The value, or what is left of it with faults noted."""


@attrs.frozen
class Check:
    """Reads a plain value with a function that raises ValueError if it will not do."""

    allowed: str
    convert: Callable[[Any, Source], Any]

    def read(self, value: Any, place: Place) -> Any:
        try:
            return self.convert(value, place.source)
        except ValueError as error:
            detail = f" ({one_line(error)})" if str(error) else ""
            place.fault(f"is {shown(value)}{detail}", self.allowed)
            return None


@attrs.frozen
class Each:
    """Reads a list of things of one kind."""

    item: Reader
    least: int = 0
    collect: Callable[[Iterable[Any]], Any] = tuple

    @property
    def allowed(self) -> str:
        return f"a list of {'one or more' if self.least else 'any number'} of: {self.item.allowed}"

    def read(self, value: Any, place: Place) -> Any:
        if not isinstance(value, list) or len(value) < self.least:
            place.fault(f"is {shown(value)}", self.allowed)
            return self.collect([])
        numbered = enumerate(value, start=1)
        read = [self.item.read(item, place.item(number)) for number, item in numbered]
        return self.collect([item for item in read if item is not None])


@attrs.frozen
class Options:
    """Passes a table on as it is: whoever it is for checks what stands in it."""

    allowed: str = "a table"

    def read(self, value: Any, place: Place) -> Any:
        if not isinstance(value, Mapping):
            place.fault(f"is {shown(value)}", self.allowed)
            return NOTHING
        return MappingProxyType(dict(value))


@attrs.frozen
class Table:
    """Reads a table into a frozen value of the class that describes its keys."""

    into: type[Any]
    #: What is wrong between keys, each of which may be right by itself.
    between: Callable[[Mapping[str, Any], Place], None] = lambda table, place: None
    allowed: str = "a table"

    def read(self, value: Any, place: Place, **known: Any) -> Any:
        """The value; of something that is no table, a value of defaults.

        :param known: attributes that are no keys of the table.
        """
        if not isinstance(value, Mapping):
            place.fault(f"is {shown(value)}", self.allowed)
            return self.read({}, attrs.evolve(place, faults=[]), **known)
        keys = keys_of(self.into)
        note_unknown(value, keys, place)
        self.between(value, place)
        read = {key.attribute: key.read(value, place.at(name)) for name, key in keys.items()}
        given = {name: it for name, it in read.items() if it is not attrs.NOTHING}
        return self.into(**given, **known)


@attrs.frozen
class Key:
    """One key of a table, as its class declares it."""

    name: str
    attribute: str
    reader: Reader
    default: Any  #: ``attrs.NOTHING`` if the key must be there

    def read(self, table: Mapping[str, Any], place: Place) -> Any:
        """What stands under the key, or else a plain default, read likewise.

        :returns: ``attrs.NOTHING`` to leave the default to the class.
        """
        value = table.get(self.name, self.default)
        if value is attrs.NOTHING:
            place.fault("is missing", self.reader.allowed)
            return None
        if self.name in table or isinstance(value, str | int | float):
            return self.reader.read(value, place)
        return attrs.NOTHING


def keys_of(into: type[Any]) -> Mapping[str, Key]:
    """The keys that a configuration class declares, by their name in the file.

    ``continue_`` stands for ``continue``: Python keeps some words for itself.
    """
    hints = get_type_hints(into, include_extras=True)
    found = {}
    for field in attrs.fields(into):
        if get_origin(hints[field.name]) is Annotated:
            name = field.name.rstrip("_")
            reader = hints[field.name].__metadata__[0]
            found[name] = Key(name, field.name, reader, field.default)
    return MappingProxyType(found)


def note_unknown(names: Iterable[str], known: Iterable[str], place: Place) -> None:
    """Note a fault for each name that is not known, with the nearest that is."""
    allowed = sorted(known)
    for name in names:
        if name not in allowed:
            place.at(name).fault(f"unknown key{nearest(name, allowed)}", listed(allowed))
