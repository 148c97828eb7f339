"""What a database must be able to do, whichever kind it is.

How far a database is, its position, is the number of the last transaction that wrote something.
A table says it, ``writes``, which goes to the replicas with everything else: so a replica has got
all transactions up to its own position.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pods.errors import PodsError

WRITES_KEPT = 1_000  #: a replica that is further behind counts from the oldest of these
_POSITION = "select coalesce(max(position), 0) as position from writes"
_WRITE = (
    "insert into writes (position, written_at)"
    " select coalesce(max(position), 0) + 1, ? from writes returning position"
)


class Conflict(PodsError):
    """A row with this key is there already."""


class UnusableError(PodsError):
    """A database cannot be opened or reached; says which and why."""


class Connection(ABC):
    """A connection to one database, outside of transactions unless told otherwise."""

    @abstractmethod
    def query(self, sql: str, values: Sequence[object] = ()) -> list[dict[str, Any]]:
        """The rows, by the names of their columns.

        :param sql: with ``?`` for each of ``values``.
        :raises UnusableError: the database cannot be reached.
        """

    @abstractmethod
    def execute(self, sql: str, values: Sequence[object] = ()) -> int:
        """Change something.

        :returns: the number of rows that changed.
        :raises Conflict: a key is taken.
        :raises UnusableError: the database cannot be reached.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of it."""

    def position(self) -> int:
        """How far this database is; 0 if nothing was ever written."""
        (row,) = self.query(_POSITION)
        return int(row["position"])


class Primary(Connection):
    """Where everything is written.

    :param clock_seconds: the time in seconds since 1970.
    """

    def __init__(self, clock_seconds: Callable[[], float]) -> None:
        self._clock_seconds = clock_seconds

    @abstractmethod
    def begin(self) -> None:
        """Begin a transaction, after those of all others: what it reads cannot change before it
        writes.
        """

    def commit(self, changed: bool) -> int:
        """End the transaction with all of it done.

        :param changed: whether any row did.
        :returns: the position that it has; 0 if nothing changed.
        """
        position = 0
        if changed:
            (row,) = self.query(_WRITE, [self._clock_seconds()])
            position = int(row["position"])
            self.execute("delete from writes where position <= ?", [position - WRITES_KEPT])
        self.execute("commit")
        return position

    def rollback(self) -> None:
        """End the transaction with nothing of it done."""
        self.execute("rollback")

    @contextmanager
    def part(self) -> Iterator[None]:
        """A part of the transaction: if it fails, nothing of this part is done."""
        self.execute("savepoint part")
        try:
            yield
        except BaseException:
            self.execute("rollback to savepoint part")
            raise
        finally:
            self.execute("release savepoint part")


class Replica(Connection):
    """A copy of a primary, for reading only; what is written there comes a little later.

    :param clock_seconds: the time in seconds since 1970.
    """

    #: How often it must be made to catch up; None: it does so by itself.
    copy_seconds: float | None = None

    def __init__(self, primary: Connection, clock_seconds: Callable[[], float]) -> None:
        self._primary = primary
        self._clock_seconds = clock_seconds

    def lag_seconds(self) -> float:
        """For how long something has been waiting at the primary to come here; 0 if nothing.

        :raises UnusableError: one of the two cannot be reached.
        """
        sql = "select min(written_at) as oldest from writes where position > ?"
        (row,) = self._primary.query(sql, [self.position()])
        return 0.0 if row["oldest"] is None else max(0.0, self._clock_seconds() - row["oldest"])

    def catch_up(self) -> None:
        """Copy what is new, if that is this side's work.

        :raises UnusableError: that is not possible now.
        """


def insert(table: str, row: Mapping[str, object], *, on_conflict: str = "") -> str:
    """The statement that inserts a row."""
    marks = ", ".join("?" for _ in row)
    return f"insert into {table} ({', '.join(row)}) values ({marks}) {on_conflict}".rstrip()


def upsert(table: str, row: Mapping[str, object], key: Sequence[str]) -> str:
    """The statement that inserts a row, or changes the one with its key."""
    changes = ", ".join(f"{name} = excluded.{name}" for name in row if name not in key)
    done = f"update set {changes}" if changes else "nothing"
    return insert(table, row, on_conflict=f"on conflict ({', '.join(key)}) do {done}")
