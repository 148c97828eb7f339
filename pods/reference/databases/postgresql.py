"""PostgreSQL servers.  A replica is a standby that the server's own streaming keeps up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row

from pods.reference.databases.connections import (
    Conflict,
    Connection,
    Primary,
    Replica,
    UnusableError,
)

CONNECT_TIMEOUT_SECONDS = 5
LOCK_TIMEOUT = "5s"  #: as long as SQLite waits for its turn
#: What whoever writes to the database holds, so that writers take turns as they do with SQLite.
_TURN = "select pg_advisory_xact_lock(hashtextextended(current_schema(), 0))"
_IS_STANDBY = "select pg_is_in_recovery() as yes"
_SERVER = "select system_identifier from pg_control_system()"


class _PostgresqlConnection(Connection):
    """A connection that begins no transaction by itself, and comes back after the server does.

    Its URL is ``postgresql://...``, as libpq reads it.
    """

    _url: str
    _connection: psycopg.Connection[DictRow]

    @contextmanager
    def _opened(self, url: str) -> Iterator[None]:
        """Connect, and let go again if what follows fails.

        :raises UnusableError: the server cannot be reached, or does not let us do that.
        """
        self._open(url)
        try:
            yield
        except BaseException as error:
            self.close()
            if isinstance(error, psycopg.Error):
                raise UnusableError(_in_one_line(error)) from error
            raise

    def _open(self, url: str) -> None:
        """Connect.

        :raises UnusableError: the server cannot be reached, or does not let us in.
        """
        self._url = url
        try:
            self._connection = psycopg.connect(
                url,
                autocommit=True,
                row_factory=dict_row,
                connect_timeout=CONNECT_TIMEOUT_SECONDS,
                fallback_application_name="pods",
            )
        except psycopg.Error as error:
            raise UnusableError(_in_one_line(error)) from error
        self.query("select set_config('lock_timeout', ?, false)", [LOCK_TIMEOUT])

    def _run(self, sql: str, values: Sequence[object]) -> psycopg.Cursor[DictRow]:
        if self._connection.closed:
            self._open(self._url)
        try:
            return self._connection.execute(_translated(sql), values)
        except psycopg.errors.UniqueViolation as error:
            raise Conflict(_in_one_line(error)) from error
        except psycopg.OperationalError as error:
            raise UnusableError(_in_one_line(error)) from error

    def query(self, sql: str, values: Sequence[object] = ()) -> list[dict[str, Any]]:
        return self._run(sql, values).fetchall()

    def execute(self, sql: str, values: Sequence[object] = ()) -> int:
        return max(0, self._run(sql, values).rowcount)

    def close(self) -> None:
        self._connection.close()


class PostgresqlPrimary(_PostgresqlConnection, Primary):
    """A server to write to.

    :param tables: the statements that make its tables.
    :raises UnusableError: it cannot be reached, or not be written to.
    """

    def __init__(self, url: str, tables: Iterable[str], clock_seconds: Callable[[], float]) -> None:
        super().__init__(clock_seconds)
        with self._opened(url):
            if self.query(_IS_STANDBY) == [{"yes": True}]:
                raise UnusableError("is a standby, which cannot be written to")
            self.begin()
            for statement in tables:
                self.execute(statement)
            self.execute("commit")

    def begin(self) -> None:
        self.execute("begin")
        try:
            self.execute(_TURN)
        except BaseException:
            self.rollback()
            raise


class PostgresqlReplica(_PostgresqlConnection, Replica):
    """A standby of ``primary``.

    :raises UnusableError: it cannot be reached, is no standby, or that of another server.
    """

    def __init__(self, url: str, primary: Connection, clock_seconds: Callable[[], float]) -> None:
        super().__init__(primary, clock_seconds)
        with self._opened(url):
            if self.query(_IS_STANDBY) != [{"yes": True}]:
                raise UnusableError("is no standby, so not a replica of anything")
            if self.query(_SERVER) != primary.query(_SERVER):
                raise UnusableError("is a standby of another server than the primary")

    def _run(self, sql: str, values: Sequence[object]) -> psycopg.Cursor[DictRow]:
        try:
            return super()._run(sql, values)
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
            raise UnusableError(f"has not got its tables yet: {_in_one_line(error)}") from error


@lru_cache(maxsize=256)
def _translated(sql: str) -> str:
    """With the driver's own mark for a value."""
    return sql.replace("%", "%%").replace("?", "%s")


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())
