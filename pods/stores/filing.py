"""What the two threads of a store do: one reads, the other one writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from threading import Event
from typing import TypeVar

import attrs

from pods.interfaces import Changes, StoredRoute
from pods.stores import reading, writing
from pods.stores.following import Follower, OwnChanges
from pods.stores.keys import Known
from pods.stores.link import Link
from pods.stores.opening import Identity
from pods.stores.trouble import Kind, StoreTrouble

T = TypeVar("T")

#: SQLite has waited for a lock before; this keeps a thread from spinning if it did not.
PAUSE_SECONDS = 0.05
TRIES = 10  #: so often it is tried to write before a lock counts as trouble
LAST_TRIES = 2  #: the same for what is left at the end


@attrs.frozen
class Batch:
    """What shall be written."""

    routes: Sequence[StoredRoute]
    used_keys: Sequence[str]
    limits: writing.Limits
    now: float  #: seconds since the epoch


@attrs.frozen
class Written:
    """What has become of a batch."""

    rows: int  #: so many routes are stored
    more: bool  #: there is more to tidy up


@attrs.define(eq=False)
class Reader:
    """Reads for as long as it takes: who cannot wait does not wait for it.

    :param tell: is called with each trouble, and with None when there is none any more.
    :param is_leaving: set: nobody waits for anything that is locked.
    """

    _link: Link
    _follower: Follower
    _tell: Callable[[StoreTrouble | None], object]
    _is_leaving: Event
    _is_in_trouble: bool = attrs.field(default=False, init=False)

    def open(self) -> int:
        """Open the file; from now on changes are followed.

        :returns: how many routes are stored.
        """

        def begin(connection: sqlite3.Connection, file: Identity) -> int:
            self._follower.begin(connection, file)
            return reading.count(connection)

        return self._read(begin, 0)

    def known(self, path: str, now: float) -> Known:
        """What the file knows of a path; without a file nothing."""

        def know(connection: sqlite3.Connection, file: Identity) -> Known:
            return reading.known(connection, path, now)

        return self._read(know, Known())

    def changes(self) -> Changes:
        """What other processes have changed."""
        return self._read(self._follower.changes, Changes())

    def close(self) -> None:
        """Let go of the file."""
        self._link.close()

    def _read(self, action: Callable[[sqlite3.Connection, Identity], T], otherwise: T) -> T:
        while True:
            try:
                result = self._link.use(action)
            except StoreTrouble as trouble:
                self._is_in_trouble = True
                self._tell(trouble)
                if trouble.kind is not Kind.LOCKED or self._is_leaving.wait(PAUSE_SECONDS):
                    # What is said now of a path may be wrong later.
                    self._follower.is_blind = True
                    return otherwise
            else:
                if self._is_in_trouble:
                    self._is_in_trouble = False
                    self._tell(None)
                return result


@attrs.define(eq=False)
class Writer:
    """Writes a batch at a time, and tidies up a little each time.

    :param is_leaving: set: nobody waits any more for what is locked.
    """

    _link: Link
    _own: OwnChanges
    _is_leaving: Event

    def write(self, batch: Batch) -> Written:
        """Write a batch: all of it, or nothing.

        :raises StoreTrouble: it cannot be written now.
        """
        for _ in range(TRIES - 1):
            try:
                return self._write(batch)
            except StoreTrouble as trouble:
                if trouble.kind is not Kind.LOCKED or self._is_leaving.wait(PAUSE_SECONDS):
                    raise
        return self._write(batch)

    def finish(self, batch: Batch) -> None:
        """Write what is left, and let go of the file.

        :raises StoreTrouble: it could not be written.
        """
        try:
            for tries_left in reversed(range(LAST_TRIES)):
                try:
                    self._write(batch)
                    return
                except StoreTrouble as trouble:
                    if trouble.kind is not Kind.LOCKED or not tries_left:
                        raise
        finally:
            self._link.close()

    def _write(self, batch: Batch) -> Written:
        def act(connection: sqlite3.Connection, file: Identity) -> Written:
            numbers = range(0)
            try:
                with writing.transaction(connection):
                    numbers = writing.merge(connection, batch.routes, batch.now).numbers
                    self._own.add(file, numbers)
                    writing.mark_used(connection, batch.used_keys, batch.now)
                    more = writing.tidy(connection, batch.limits, batch.now)
            except sqlite3.Error:
                self._own.withdraw(file, numbers)
                raise
            return Written(reading.count(connection), more)

        return self._link.use(act)
