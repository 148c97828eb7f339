"""Both stores keep the contract of stores."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from twisted.trial.unittest import SynchronousTestCase

from pods.stores.memory import MemoryStore
from pods.stores.sqlite import SQLiteStore
from pods.testing import RouteStoreContractTests
from tests.support_stores import StoreCase

T = TypeVar("T")


class MemoryStoreContract(RouteStoreContractTests, SynchronousTestCase):
    """Routes in memory."""

    def make_store(self, now: Callable[[], float], max_entries: int) -> Any:
        return MemoryStore(max_entries, now)


class SQLiteStoreContract(RouteStoreContractTests, StoreCase):
    """Routes in a file."""

    is_shared = is_lasting = True

    def make_store(self, now: Callable[[], float], max_entries: int) -> SQLiteStore:
        return self.new_store(max_entries)

    def wait(self, awaitable: Awaitable[T]) -> T:
        return self.pump.wait(awaitable)

    def settle(self, store: Any) -> None:
        self.flush(store)
