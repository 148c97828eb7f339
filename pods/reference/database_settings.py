"""``[databases.NAME]`` of ``pod.toml``: where the primary and the replicas of a database are."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any
from urllib.parse import urlsplit

import attrs

from pods.config import checks
from pods.config.reading import NOTHING, Check, Place, Source, Table, note_unknown
from pods.reference.databases import SCHEMAS
from pods.reference.databases.opening import COPY_SECONDS, POSTGRESQL, SQLITE
from pods.wording import listed, nearest, shown

_ALLOWED = "sqlite:PATH, or postgresql://USER@HOST/DATABASE"


def _place(value: Any, source: Source) -> str:
    text = checks.text(value)
    if text.startswith(SQLITE):
        path = text.removeprefix(SQLITE)
        if not path or "\0" in path:
            raise ValueError
        return SQLITE + os.path.normpath(os.path.join(source.base_dir, path))
    if not text.startswith(POSTGRESQL) or len(urlsplit(text).path) < 2:
        raise ValueError
    return text


place_of_database = Check(_ALLOWED, _place)


@attrs.frozen
class _Replicas:
    """Reads ``[databases.NAME.replicas]``: a place for each region that has one."""

    allowed: str = f"a table REGION = {_ALLOWED}"

    def read(self, value: Any, place: Place) -> Any:
        if not isinstance(value, Mapping):
            place.fault(f"is {shown(value)}", self.allowed)
            return NOTHING
        read = {
            region: place_of_database.read(where, place.at(region))
            for region, where in value.items()
        }
        return MappingProxyType({region: where for region, where in read.items() if where})


@attrs.frozen(kw_only=True)
class DatabaseSettings:
    """``[databases.NAME]``: one database."""

    primary: Annotated[str, place_of_database]
    replicas: Annotated[Mapping[str, str], _Replicas()] = NOTHING
    copy_seconds: Annotated[float, checks.seconds(0.05, 3600)] = COPY_SECONDS

    def places(self, place: Place) -> Iterator[tuple[str, Place]]:
        """Where each database is, and where in the file that stands."""
        yield self.primary, place.at("primary")
        for region, where in self.replicas.items():
            yield where, place.at("replicas").at(region)


@attrs.frozen
class DatabasesReader:
    """Reads ``[databases]``: a table for each database that is not where it is by default."""

    allowed: str = "tables [databases.NAME]"

    def read(self, value: Any, place: Place) -> Any:
        if not isinstance(value, Mapping):
            place.fault(f"is {shown(value)}", self.allowed)
            return NOTHING
        note_unknown(value, SCHEMAS, place)
        before = len(place.faults)
        tables = {
            name: Table(DatabaseSettings).read(value[name], place.at(name))
            for name in SCHEMAS
            if name in value
        }
        if len(place.faults) == before:
            _note_kinds(tables, place)
            _note_repeated(tables, place)
        return MappingProxyType(tables)


def _note_kinds(tables: Mapping[str, DatabaseSettings], place: Place) -> None:
    for name, table in tables.items():
        kind = table.primary.partition(":")[0]
        for where, at in table.places(place.at(name)):
            if where.partition(":")[0] != kind:
                at.fault(f"is {shown(where)}", f"{kind}:, as its primary is")


def note_regions(
    databases: Mapping[str, DatabaseSettings], regions: frozenset[str], place: Place
) -> None:
    """Note a fault for each replica that is in no pod's region."""
    for name, table in databases.items():
        for region in sorted(table.replicas.keys() - regions):
            replicas = place.at("databases").at(name).at("replicas")
            near = nearest(region, sorted(regions))
            replicas.at(region).fault(f"no pod is in this region{near}", listed(sorted(regions)))


def _note_repeated(tables: Mapping[str, DatabaseSettings], place: Place) -> None:
    seen: dict[str, str] = {}
    for name, table in tables.items():
        for where, at in table.places(place.at(name)):
            if where in seen:
                at.fault(f"is the place of {seen[where]}", "a place of its own")
            seen.setdefault(where, at.key)
