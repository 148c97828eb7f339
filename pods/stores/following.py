"""Which changes in the file are those of others."""

from __future__ import annotations

import sqlite3
from collections import deque
from threading import Lock

import attrs

from pods.interfaces import Changes
from pods.stores import reading
from pods.stores.opening import Identity

#: More changes at once than these are not worth following one by one.
MOST_CHANGES = 10_000
_MOST_RANGES = 1000


@attrs.define(eq=False)
class OwnChanges:
    """The numbers of the changes that this process has made; for several threads."""

    # Who never asks for changes shall not fill the memory; own changes told back do no harm.
    _ranges: deque[tuple[Identity, int, int]] = attrs.field(
        factory=lambda: deque(maxlen=_MOST_RANGES), init=False
    )
    _lock: Lock = attrs.field(factory=Lock, init=False)

    def add(self, file: Identity, numbers: range) -> None:
        """These are ours.  Say so before anybody can see them."""
        if numbers:
            with self._lock:
                self._ranges.append((file, numbers.start, numbers.stop))

    def withdraw(self, file: Identity, numbers: range) -> None:
        """They were not made after all, and others can have these numbers."""
        withdrawn = file, numbers.start, numbers.stop
        with self._lock:
            if withdrawn in self._ranges:
                self._ranges.remove(withdrawn)

    def others(self, file: Identity, after: int, last: int) -> list[tuple[int, int]]:
        """First and last of each range of changes that others have made; forgets all up to then.

        :param after: the last change that was seen before.
        """
        with self._lock:
            own = sorted(range_[1:] for range_ in self._ranges if range_[0] == file)
            while self._ranges and (self._ranges[0][0] != file or self._ranges[0][2] <= last + 1):
                self._ranges.popleft()
        gaps, start = [], after + 1
        for first, end in own:
            if start <= min(first - 1, last):
                gaps.append((start, min(first - 1, last)))
            start = max(start, end)
        return [*gaps, (start, last)] if start <= last else gaps


@attrs.define(eq=False)
class Follower:
    """Reads what is new, from where it read last."""

    own: OwnChanges
    #: True: what was said of some paths was said without the file.
    is_blind: bool = False
    _file: Identity | None = attrs.field(default=None, init=False)
    _seen: int = attrs.field(default=0, init=False)
    # Its number means something only for the same connection.
    _version: tuple[sqlite3.Connection, int] | None = attrs.field(default=None, init=False)

    def begin(self, connection: sqlite3.Connection, file: Identity) -> None:
        """All that is there now is old."""
        self._file, self._seen, self._version = file, reading.last_change(connection), None

    def changes(self, connection: sqlite3.Connection, file: Identity) -> Changes:
        """What others have changed since this was last asked."""
        if self._file is None or self.is_blind:
            self.begin(connection, file)
            self.is_blind = False
            return Changes(lost_track=True)
        if file != self._file:
            self._file, self._seen, self._version = file, 0, None
        version = connection, reading.data_version(connection)
        if version == self._version:
            return Changes()
        last = reading.last_change(connection)
        spans = self.own.others(file, self._seen, last)
        routes = reading.changed(connection, spans, MOST_CHANGES)
        self._seen, self._version = last, version
        if len(routes) > MOST_CHANGES:
            return Changes(lost_track=True)
        return Changes(tuple(routes))
