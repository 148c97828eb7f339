"""The rows of an organization in a pod's own databases: making them the same in another pod's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Any

import attrs

from pods.reference.databases import SCHEMAS, Database, Transaction

PAGE_ROWS = 200  #: read at once, and written in one transaction, for which others have to wait
Row = dict[str, Any]
Writing = Callable[[], AbstractContextManager[Transaction]]


@attrs.frozen
class Belonging:
    """Which rows of a table belong to a top-level namespace."""

    condition: str  #: SQL, with one ``?``
    value: str = "{}"  #: for that, where ``{}`` is the namespace

    def of(self, namespace: str) -> str:
        """The value for a namespace."""
        return self.value.format(namespace)


_BELOW = "{}/%"
#: The tables in which an organization has rows, those that others depend on first.
BELONGINGS: Mapping[str, Mapping[str, Belonging]] = MappingProxyType(
    {
        "main": {
            "namespaces": Belonging("path = ?"),
            "projects": Belonging("namespace = ?"),
            "issues": Belonging("project like ?", _BELOW),
            "recent_issues": Belonging(
                "issue_id in (select id from issues where project like ?)", _BELOW
            ),
        },
        "ci": {"jobs": Belonging("project like ?", _BELOW)},
    }
)
#: The tables that are about the pod itself.
STAYING: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "main": frozenset({"next_ids", "tenancies"}),
        "ci": frozenset({"runners", "tenancies"}),
    }
)


@attrs.frozen
class Rows:
    """The rows of one table that belong to a namespace, at one pod's primary."""

    database: Database
    table: str
    belonging: Belonging
    namespace: str

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that tell rows apart."""
        return SCHEMAS[self.database.source.name][self.table].key

    def at(self, database: Database) -> Rows:
        """The same at another pod."""
        return attrs.evolve(self, database=database)

    def count(self) -> int:
        """How many there are."""
        sql = f"select count(*) as rows from {self.table} where {self.belonging.condition}"
        (found,) = self._query(sql)
        return int(found["rows"])

    def pages(self) -> Iterator[list[Row]]:
        """All of them, in the order of their keys."""
        where, names = self.belonging.condition, ", ".join(self.key)
        beyond = f" and ({names}) > ({_marks(self.key)})"
        last: Sequence[object] | None = None
        while True:
            sql = f"select * from {self.table} where {where}{'' if last is None else beyond}"
            page = self._query(f"{sql} order by {names} limit {PAGE_ROWS}", *(last or ()))
            if not page:
                return
            yield page
            last = self.key_of(page[-1])

    def with_keys_of(self, page: Sequence[Row]) -> list[Row]:
        """Those of the same keys."""
        sql = f"select * from {self.table} where {self.belonging.condition} and {self.among(page)}"
        return self._query(sql, *self.keys_of(page))

    def among(self, page: Sequence[Row]) -> str:
        """SQL for: the key is one of those; takes :meth:`keys_of`."""
        keys = ", ".join(f"({_marks(self.key)})" for _ in page)
        return f"({', '.join(self.key)}) in (values {keys})"

    def keys_of(self, page: Sequence[Row]) -> list[object]:
        """The keys of some rows, one after the other."""
        return [value for row in page for value in self.key_of(row)]

    def key_of(self, row: Row) -> tuple[object, ...]:
        """The key of a row."""
        return tuple(row[name] for name in self.key)

    def _query(self, sql: str, *values: object) -> list[Row]:
        return self.database.fresh.query(sql, (self.belonging.of(self.namespace), *values))


def rows_of(database: Database, namespaces: Sequence[str]) -> Iterator[Rows]:
    """All that belongs to some namespaces, what others depend on first."""
    for namespace in namespaces:
        for table, belonging in BELONGINGS[database.source.name].items():
            yield Rows(database, table, belonging, namespace)


def put(
    rows: Rows, target: Database, write: Writing, note: Callable[[list[Row]], object]
) -> Iterator[tuple[int, int]]:
    """Make all rows at another pod that are missing or different there.

    :param write: a transaction there.
    :param note: called with rows that are about to be made there.
    :returns: page by page: how many rows were read, and how many of them were written.
    """
    there = rows.at(target)
    for page in rows.pages():
        known = {rows.key_of(row): row for row in there.with_keys_of(page)}
        new = [row for row in page if known.get(rows.key_of(row)) != row]
        if new:
            note(new)
            with write() as tx:
                for row in new:
                    tx.upsert(rows.table, row)
        yield len(page), len(new)


def drop(rows: Rows, write: Writing, source: Database | None = None) -> Iterator[int]:
    """Delete the rows.

    :param write: a transaction where they are.
    :param source: another pod; what it has is kept.
    :returns: page by page, how many were deleted.
    """
    for page in rows.pages():
        known = [] if source is None else rows.at(source).with_keys_of(page)
        kept = {rows.key_of(row) for row in known}
        extra = [row for row in page if rows.key_of(row) not in kept]
        if extra:
            with write() as tx:
                tx.execute(
                    f"delete from {rows.table} where {rows.among(extra)}", rows.keys_of(extra)
                )
        yield len(extra)


def _marks(columns: Sequence[str]) -> str:
    return ", ".join("?" for _ in columns)
