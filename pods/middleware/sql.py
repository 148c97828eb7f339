"""Pods by their keys in a database."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from typing import Any
from urllib.parse import quote

from pods.errors import Fault
from pods.middleware.lookups import Table, spellings
from pods.protocol import is_pod_name
from pods.wording import nearest, one_line

#: Makes a connection of DB-API 2 (PEP 249).
Connect = Callable[[], Any]
TRIAL_KEY = "pods-middleware-trial"  #: looked up once, to see that the query works
SQLITE_WAIT_SECONDS = 5.0


class SqlQuery(Table):
    """Pods by their keys, from a query of any database with a DB-API driver.

    :param connect: makes a connection.  Each thread has one and keeps it.
    :param query: has one parameter, the key, in the driver's own style (``?`` or ``%s``), and
        gives the pod's name in the first column of the first row, or no row.
    """

    blocks = True

    def __init__(self, connect: Connect, query: str) -> None:
        self._connect = connect
        self._query = query
        self._own = threading.local()

    def pod_of(self, key: str) -> str | None:
        """The pod of this key, or None.

        :raises Exception: whatever the driver raises; a connection that was in use before is
            replaced first.
        :raises ValueError: the database has something else than the name of a pod.
        """
        if "\0" in key:
            return None  # no database has it in a text, and drivers take it for a fault
        parameters = self._parameters(key)
        connection = self._kept()
        if connection is not None:
            try:
                return self._asked(connection, parameters)
            except ValueError:
                raise
            except Exception:  # whatever the driver calls a connection that was cut
                self._drop(connection)
        connection = self._connect()
        self._own.connection = os.getpid(), connection
        try:
            return self._asked(connection, parameters)
        except ValueError:
            raise
        except Exception:
            self._drop(connection)
            raise

    def faults(self, pods: frozenset[str] | None) -> Iterator[Fault]:
        """Whether the query can be made."""
        try:
            with closing(self._connect()) as connection:
                self._asked(connection, self._parameters(TRIAL_KEY))
        except Exception as error:
            yield Fault(f"query {self._query!r}", one_line(error), "a query with one parameter")

    def _parameters(self, key: str) -> Sequence[str]:
        return (key,)

    def _asked(self, connection: Any, parameters: Sequence[str]) -> str | None:
        with closing(connection.cursor()) as cursor:
            cursor.execute(self._query, parameters)
            row = cursor.fetchone()
        # Without this some databases would show the tables as they were at the first query.
        connection.rollback()
        pod = None if row is None else row[0]
        if pod is not None and not (isinstance(pod, str) and is_pod_name(pod)):
            raise ValueError(f"{self._query!r} gave {pod!r}; allowed: the name of a pod")
        return pod

    def _kept(self) -> Any:
        """This thread's connection; none that another process has opened before a fork."""
        process, connection = getattr(self._own, "connection", (None, None))
        return connection if process == os.getpid() else None

    def _drop(self, connection: Any) -> None:
        self._own.connection = None, None
        with suppress(Exception):
            connection.close()


class SqliteTable(SqlQuery):
    """Pods by their keys in a table of a SQLite file, which is only read.

    :param path: of the file.
    :param table: the name of the table.
    :param key: the column with keys, such as ``/my-company`` or ``my-company``; have an index
        on it.
    :param pod: the column with pods' names.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        table: str = "routes",
        key: str = "path",
        pod: str = "pod",
    ) -> None:
        self._path = os.fspath(path)
        self._table, self._columns = table, (key, pod)
        query = (
            f"SELECT {_quoted(pod)} FROM {_quoted(table)} WHERE {_quoted(key)} IN (?, ?, ?) LIMIT 1"
        )
        super().__init__(self._open, query)

    def faults(self, pods: frozenset[str] | None) -> Iterator[Fault]:
        try:
            with closing(self._open()) as database:
                yield from self._schema_faults(database)
        except sqlite3.Error as error:
            yield Fault("", one_line(error), "a SQLite file that can be read", self._path)

    def _schema_faults(self, database: sqlite3.Connection) -> Iterator[Fault]:
        query = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
        tables = [name for (name,) in database.execute(query)]
        if self._table not in tables:
            problem = f"there is no such table{nearest(self._table, tables)}"
            yield Fault(f"table {self._table}", problem, ", ".join(tables) or "a table", self._path)
            return
        rows = database.execute(f"PRAGMA table_info({_quoted(self._table)})")
        columns = [row[1] for row in rows]
        for column in self._columns:
            if column not in columns:
                problem = f"there is no such column{nearest(column, columns)}"
                place = f"table {self._table}, column {column}"
                yield Fault(place, problem, ", ".join(columns), self._path)

    def _parameters(self, key: str) -> Sequence[str]:
        return spellings(key)

    def _open(self) -> sqlite3.Connection:
        address = f"file:{quote(os.path.abspath(self._path))}?mode=ro"
        return sqlite3.connect(
            address, uri=True, timeout=SQLITE_WAIT_SECONDS, check_same_thread=False
        )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
