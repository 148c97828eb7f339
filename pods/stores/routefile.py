"""The file of a store, for programs that can wait: beside routers that use it, or without any."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import TypeVar

from pods.interfaces import StoredRoute
from pods.routing.paths import normalized
from pods.stores import reading, writing
from pods.stores.keys import found, key_of
from pods.stores.opening import open_as_it_is
from pods.stores.trouble import Kind, StoreTrouble, trouble_of

T = TypeVar("T")

#: So long it is tried to get at a file that is locked.
PATIENCE_SECONDS = 30.0
#: What lies together is read in pages, so that nobody's changes have to be kept apart for long.
PAGE = 2000
_NEXT = "\0"  # what makes a key the one that comes next
# New routes belong all over the index of keys, and each page of it that has changed is written
# once for each batch: the larger the batch, the less is written.  Routers wait meanwhile before
# they write, about a second, but not to read.
BATCH = 100_000
_IMPORT_PRAGMAS = ("PRAGMA cache_size = -65536", "PRAGMA wal_autocheckpoint = 16000")


class RouteFile:
    """What is in a store's file, and a way to change it.

    :param path: of the file.
    :param make: make the file if there is none.
    :raises StoreTrouble: it cannot be used; it is left as it is.
    """

    def __init__(self, path: str, make: bool = False) -> None:
        if make:
            _make_folder(os.path.dirname(path))
        elif not os.path.exists(path):
            raise StoreTrouble(Kind.UNREACHABLE, "there is no such file")
        self._connection = _patiently(lambda: open_as_it_is(path)).connection

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def count(self) -> int:
        """How many routes are stored, those included whose time is over."""
        return _patiently(lambda: reading.count(self._connection))

    def routes(self, now: float, below: str = "/") -> Iterator[StoredRoute]:
        """The routes that hold, in the order of their paths.

        :param below: only those of this path and of all below it.
        """
        stem = normalized(below).rstrip("/")
        if stem:
            yield from self._between(stem, stem + _NEXT, now)
        yield from self._between(stem + "/", stem + "0", now)  # "0" is what comes after "/"

    def covering(self, path: str, now: float) -> tuple[StoredRoute, ...]:
        """The routes that hold for a path, the exact one first, then the longer before the shorter.

        :param path: not ambiguous.
        """
        known = _patiently(lambda: reading.known(self._connection, path, now))
        return found(path, [known], now).routes

    def same(self, route: StoredRoute, now: float) -> Iterator[StoredRoute]:
        """The route that holds for the same path, if there is one."""
        key = key_of(route)
        return self._between(key, key + _NEXT, now)

    def merge(self, routes: Iterable[StoredRoute], now: float) -> Iterator[int]:
        """Store routes, unless something was learned later for their path.

        :returns: after each batch, how many of it were stored.
        """
        for pragma in _IMPORT_PRAGMAS:
            self._connection.execute(pragma)
        remaining = iter(routes)
        while batch := list(islice(remaining, BATCH)):
            batch.sort(key=key_of)  # the order of the index
            yield _patiently(partial(self._merge, batch, now))

    def forget(self, routes: Iterable[StoredRoute], now: float) -> None:
        """Say that what was learned until now for the same paths is wrong."""
        graves = (
            StoredRoute(route.path, route.exact, None, max(now, route.learned_at), now)
            for route in routes
        )
        for _ in self.merge(graves, now):
            pass

    def tidy(self, limits: writing.Limits, now: float) -> None:
        """Drop what has expired, and what is too much."""
        while _patiently(lambda: self._tidy(limits, now)):
            pass

    def _between(self, start: str, end: str, now: float) -> Iterator[StoredRoute]:
        while page := _patiently(partial(reading.page, self._connection, start, end, PAGE)):
            yield from (route for route in page if route.pod is not None and now < route.expires_at)
            start = key_of(page[-1]) + _NEXT

    def _merge(self, batch: list[StoredRoute], now: float) -> int:
        with writing.transaction(self._connection):
            return writing.merge(self._connection, batch, now).made

    def _tidy(self, limits: writing.Limits, now: float) -> bool:
        with writing.transaction(self._connection):
            return writing.tidy(self._connection, limits, now)


def _make_folder(folder: str) -> None:
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as error:
        raise trouble_of(error) from error


def _patiently(action: Callable[[], T]) -> T:
    """Do it again while the file is locked, for so long."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return action()
        except (sqlite3.Error, StoreTrouble) as error:
            trouble = trouble_of(error)
            if trouble.kind is not Kind.LOCKED or time.monotonic() > give_up_at:
                raise trouble from error
