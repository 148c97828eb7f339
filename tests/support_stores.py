"""Stores on real files, with time that stands still and threads that do not."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from pods.interfaces import StoredRoute
from pods.stores.sqlite import TIDY_SECONDS, SQLiteStore

T = TypeVar("T")

NOW = 1_800_000_000.0
HANGS_SECONDS = 60.0  #: whoever takes that long will never be done


class Pump:
    """Stands in for a reactor: runs what threads hand over, when the test says so."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Callable[..., object], tuple[Any, ...]]] = SimpleQueue()

    def __call__(self, function: Callable[..., object], *args: Any) -> None:
        self._calls.put((function, args))

    def until(self, is_so: Callable[[], bool]) -> None:
        """Run what comes until something is so."""
        while not is_so():
            try:
                function, args = self._calls.get(timeout=HANGS_SECONDS)
            except Empty:
                raise AssertionError("nothing happens any more") from None
            function(*args)

    def wait(self, awaitable: Awaitable[T]) -> T:
        """What an awaitable results in."""

        async def outcome() -> T:
            return await awaitable

        results: list[Any] = []
        Deferred.fromCoroutine(outcome()).addBoth(results.append)
        self.until(lambda: bool(results))
        if isinstance(results[0], Failure):
            results[0].raiseException()
        result: T = results[0]
        return result


def route(path: str, pod: str | None = "pod_0", **changes: Any) -> StoredRoute:
    """A route that was learned now and holds for an hour."""
    values = {"exact": False, "learned_at": NOW, "expires_at": NOW + 3600}
    return StoredRoute(path=path, pod=pod, **(values | changes))


class StoreCase(SynchronousTestCase):
    """Makes stores on files in a folder that goes when the test is over."""

    now = NOW

    def setUp(self) -> None:
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        self.path = os.path.join(folder, "var", "routes.sqlite")
        self.pump, self.clock = Pump(), Clock()

    def new_store(self, max_entries: int = 1000, max_ttl_seconds: float = 86_400) -> SQLiteStore:
        """A store that is not open yet."""
        return SQLiteStore(
            self.path, max_entries, max_ttl_seconds, lambda: self.now, self.clock, self.pump
        )

    def opened_store(self, max_entries: int = 1000) -> SQLiteStore:
        """An open store; closed at the end."""
        store = self.new_store(max_entries)
        self.pump.wait(store.open())
        self.addCleanup(lambda: self.pump.wait(store.close()))
        return store

    def flush(self, store: SQLiteStore) -> None:
        """Have everything written, and tidied up."""
        self.pump.until(lambda: not store.is_writing)
        self.clock.advance(TIDY_SECONDS)
        self.pump.until(lambda: not store.is_writing)

    def paths(self, store: SQLiteStore, *asked: str) -> list[tuple[str, ...]]:
        """The paths of the routes that are found for each."""
        return [
            tuple(route.path for route in self.pump.wait(store.find(path)).routes) for path in asked
        ]
