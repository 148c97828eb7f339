"""The databases as one visit sees them: reads from the region's replica, writes to the primary,
and whoever has written sees it at once.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import attrs
from twisted.logger import Logger

from pods.reference.databases.connections import Primary, Replica, UnusableError, insert, upsert
from pods.reference.databases.schema import SCHEMAS

AWAY_SECONDS = 10  #: for so long a replica that did not answer is not asked again
_log = Logger()


@attrs.define
class Source:
    """One database as a pod has it open; all visits share it."""

    name: str
    mark: str  #: what it is called in marks: unique among all pods
    primary: Primary
    replica: Replica | None
    transaction: Transaction | None = None  #: the one that is open at the primary
    _clock_seconds: Callable[[], float] = time.monotonic
    _replica_position: int = 0  #: at least so far
    _away_until: float = -math.inf

    def query(
        self, sql: str, values: Sequence[object], written: int, fresh: bool
    ) -> list[dict[str, Any]]:
        """Read for somebody whose last write has the position ``written``."""
        if self.replica is not None and not fresh and self.transaction is None:
            try:
                if self._has(self.replica, written):
                    return self.replica.query(sql, values)
            except UnusableError as error:
                self._leave_alone(error)
        return self.primary.query(sql, values)

    def _has(self, replica: Replica, written: int) -> bool:
        """Whether the replica can answer, and has got that write."""
        if self._clock_seconds() < self._away_until:
            return False
        if self._replica_position < written:
            self._replica_position = replica.position()
        return self._replica_position >= written

    def _leave_alone(self, error: UnusableError) -> None:
        """Read at the primary for a while: to find that a replica is away takes time."""
        self._away_until = self._clock_seconds() + AWAY_SECONDS
        self._replica_position = 0  # who comes back may be another
        _log.warn(
            "the replica of {name} is away, its primary is read: {error}",
            name=self.name,
            error=error,
        )

    def close(self) -> None:
        """Let go of the primary and of the replica."""
        self.primary.close()
        if self.replica is not None:
            self.replica.close()


@attrs.define
class Transaction:
    """Reads and writes at the primary."""

    _primary: Primary
    _database: str
    changed: bool = attrs.field(default=False, init=False)  #: whether any row did

    def query(self, sql: str, values: Sequence[object] = ()) -> list[dict[str, Any]]:
        """The rows, by the names of their columns."""
        return self._primary.query(sql, values)

    def one(self, sql: str, *values: object) -> dict[str, Any] | None:
        """The first row."""
        return next(iter(self.query(sql, values)), None)

    def execute(self, sql: str, values: Sequence[object] = ()) -> int:
        """Change something.

        :returns: the number of rows that changed.
        :raises Conflict: a key is taken; leave the transaction then.
        """
        rows = self._primary.execute(sql, values)
        self.changed |= rows > 0
        return rows

    def insert(self, table: str, row: Mapping[str, object], *, ignore: bool = False) -> None:
        """Make a row.

        :param ignore: leave the row that has its key as it is.
        :raises Conflict: there is one, and it is not to be ignored.
        """
        on_conflict = "on conflict do nothing" if ignore else ""
        self.execute(insert(table, row, on_conflict=on_conflict), list(row.values()))

    def upsert(self, table: str, row: Mapping[str, object]) -> None:
        """Make a row, or change the one that has its key."""
        key = SCHEMAS[self._database][table].key
        self.execute(upsert(table, row, key), list(row.values()))


@attrs.frozen
class Database:
    """One database as one visit sees it."""

    source: Source
    marks: dict[str, int]  #: of the whole visit
    _always_fresh: bool = False

    def query(self, sql: str, values: Sequence[object] = ()) -> list[dict[str, Any]]:
        """The rows, by the names of their columns: as this session has left them, but perhaps
        not yet with what others have just written.

        :param sql: with ``?`` for each of ``values``, and in words that all kinds take.
        """
        written = self.marks.get(self.source.mark, 0)
        return self.source.query(sql, values, written, self._always_fresh)

    def one(self, sql: str, *values: object) -> dict[str, Any] | None:
        """The first row."""
        return next(iter(self.query(sql, values)), None)

    def sought(self, sql: str, *values: object) -> dict[str, Any] | None:
        """The first row, also if it has just been made: the primary is asked for what the replica
        does not have.  For those who cannot say what their session has written, such as routers.
        """
        return self.one(sql, *values) or self.fresh.one(sql, *values)

    @property
    def fresh(self) -> Database:
        """The same, read at the primary: for what must not be a moment old."""
        return attrs.evolve(self, always_fresh=True)


@contextmanager
def writing(database: Database) -> Iterator[Transaction]:
    """A transaction at the primary: all of it happens, or nothing.

    Within another in the same database it is a part of that.  Nothing may be awaited in it: all
    visits to a pod share a connection.
    """
    source = database.source
    if source.transaction is not None:
        with source.primary.part():
            yield source.transaction
        return
    source.primary.begin()
    source.transaction = Transaction(source.primary, source.name)
    try:
        yield source.transaction
        position = source.primary.commit(source.transaction.changed)
    except BaseException:
        source.primary.rollback()
        raise
    else:
        if source.transaction.changed:
            database.marks.pop(source.mark, None)  # the newest mark stands last
            database.marks[source.mark] = position
    finally:
        source.transaction = None


@attrs.frozen
class View:
    """All databases as one visit sees them."""

    _sources: Mapping[str, Source]
    marks: dict[str, int]  #: the positions of the session's last writes; grows with the visit
    is_fresh: bool = False  #: everything is read at the primaries

    @property
    def fresh(self) -> View:
        """The same, read at the primaries."""
        return attrs.evolve(self, is_fresh=True)

    @property
    def users(self) -> Database:
        """Accounts, memberships and sessions; shared by all pods."""
        return self.of("users")

    @property
    def routes(self) -> Database:
        """Which pod holds what; shared by all pods."""
        return self.of("routes")

    @property
    def admin(self) -> Database:
        """The settings of the application; shared by all pods."""
        return self.of("admin")

    @property
    def main(self) -> Database:
        """What this pod holds of its tenants."""
        return self.of("main")

    @property
    def ci(self) -> Database:
        """The runners and jobs of this pod."""
        return self.of("ci")

    def of(self, name: str) -> Database:
        """The database of that name."""
        return Database(self._sources[name], self.marks, self.is_fresh)


@attrs.frozen
class Databases:
    """The open databases of one pod."""

    sources: Mapping[str, Source]

    def view(self, marks: Mapping[str, int] | None = None) -> View:
        """The databases for one visit.

        :param marks: the positions of the session's last writes.
        """
        return View(self.sources, dict(marks or {}))

    def replicas(self) -> dict[str, Replica]:
        """Those that this pod reads from."""
        found = ((name, source.replica) for name, source in self.sources.items())
        return {name: replica for name, replica in found if replica is not None}

    def lag_seconds(self) -> dict[str, float | None]:
        """For each replica, for how long something has been waiting to come there; None: it
        cannot be reached.
        """
        return {name: _lag_seconds(replica) for name, replica in self.replicas().items()}

    def catch_up(self) -> None:
        """Bring every replica that this pod copies to where its primary is."""
        for replica in self.replicas().values():
            replica.catch_up()

    def close(self) -> None:
        """Let go of all."""
        for source in self.sources.values():
            source.close()


def _lag_seconds(replica: Replica) -> float | None:
    try:
        return replica.lag_seconds()
    except UnusableError:
        return None
