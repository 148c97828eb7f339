"""SQLite files.  A replica is a file of its own that a pod copies from the primary.

A connection belongs to the thread that opened it.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from pods.reference.databases.connections import (
    Conflict,
    Connection,
    Primary,
    Replica,
    UnusableError,
)

_TAKEN = frozenset(
    {sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE}
)  #: what SQLite says of a key


class _SqliteConnection(Connection):
    """A connection that begins no transaction by itself."""

    path: str
    _connection: sqlite3.Connection

    def _open(self, path: str) -> None:
        self.path = path
        self._connection = sqlite3.connect(path, isolation_level=None)

    def query(self, sql: str, values: Sequence[object] = ()) -> list[dict[str, Any]]:
        with self._telling():
            cursor = self._connection.execute(sql, values)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]

    def execute(self, sql: str, values: Sequence[object] = ()) -> int:
        with self._telling():
            return max(0, self._connection.execute(sql, values).rowcount)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Says of a failure what it is to us."""
        try:
            yield
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorcode in _TAKEN:
                raise Conflict(str(error)) from error
            raise
        except sqlite3.OperationalError as error:  # a full disk, a turn that does not come
            raise UnusableError(f"{self.path}: {error}") from error

    def close(self) -> None:
        self._connection.close()


class SqlitePrimary(_SqliteConnection, Primary):
    """A file to write to; made if it is missing.

    :param tables: the statements that make its tables.
    :raises OSError: its folder cannot be made.
    :raises sqlite3.Error: the file cannot be opened, or is no database.
    """

    def __init__(
        self, path: str, tables: Iterable[str], clock_seconds: Callable[[], float]
    ) -> None:
        super().__init__(clock_seconds)
        with _locked(path):
            self._open(path)
            try:
                self._connection.execute("pragma journal_mode = wal")
                for statement in tables:
                    self._connection.execute(statement)
            except BaseException:
                self.close()
                raise

    def begin(self) -> None:
        self.execute("begin immediate")

    def rollback(self) -> None:
        if self._connection.in_transaction:  # a full disk ends it without being asked
            super().rollback()


class SqliteReplica(_SqliteConnection, Replica):
    """A file that is a copy of another; made if it is missing.

    Several pods may copy to it; each of them copies only if something is new.

    :raises OSError: its folder cannot be made.
    :raises sqlite3.Error: the file cannot be opened, or is no database.
    """

    _primary: SqlitePrimary

    def __init__(
        self,
        path: str,
        primary: SqlitePrimary,
        copy_seconds: float,
        clock_seconds: Callable[[], float],
    ) -> None:
        super().__init__(primary, clock_seconds)
        self.copy_seconds = copy_seconds
        with _locked(path), _both(primary.path, path) as (source, target):
            source.backup(target)
        self._open(path)
        self.execute("pragma query_only = on")

    def catch_up(self) -> None:
        """In any thread: with connections of its own."""
        try:
            with _locked(self.path), _both(self._primary.path, self.path) as (source, target):
                if _newest(source) != _newest(target):
                    source.backup(target)
        except (OSError, sqlite3.Error) as error:
            raise UnusableError(str(error)) from error


def _newest(connection: sqlite3.Connection) -> Any:
    return connection.execute("select max(position) from writes").fetchone()


@contextmanager
def _both(source: str, target: str) -> Iterator[tuple[sqlite3.Connection, sqlite3.Connection]]:
    with closing(sqlite3.connect(source)) as first, closing(sqlite3.connect(target)) as second:
        yield first, second


@contextmanager
def _locked(path: str) -> Iterator[None]:
    """One pod at a time: SQLite does not wait for others who change the journal's mode, and
    a copy that nobody disturbs is made in one go.
    """
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with open(f"{path}.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
