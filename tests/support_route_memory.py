"""A route memory whose store and clock tests hold in their hands."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pods.counters import Counters
from pods.interfaces import StoredRoute
from pods.memory import RouteMemory
from pods.routing.table import Entry, RouteTable
from tests.support_store import ScriptedStore, stored

NOW = 1000.0
TTL, MAX_TTL = 3600.0, 86_400.0


def fresh(path: str, pod: str | None = "pod_a", exact: bool = False) -> StoredRoute:
    """A route that was stored just now."""
    return stored(path, pod, exact=exact, learned_at=NOW - 1, expires_at=NOW + TTL)


class MemoryTestCase(SynchronousTestCase):
    """A memory before a store that answers when it is told to."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.store = ScriptedStore(now=NOW)
        self.counters = Counters()
        table = RouteTable(self.clock.seconds, 10_000, TTL, MAX_TTL)
        pods = {"pod_a", "pod_b"}
        self.memory = RouteMemory(table, pods, self.counters, self.store, self.clock)
        self.successResultOf(Deferred.fromCoroutine(self.memory.open()))

    def has(self, *routes: StoredRoute) -> None:
        """Let the store have these."""
        for route in routes:
            self.store.routes[route.path, route.exact] = route

    def wait_for(self, path: str) -> Deferred[Entry | None]:
        """Recall what only the store can tell."""
        answer = self.memory.recall(path)
        assert isinstance(answer, Deferred)
        return answer

    def hot(self, path: str) -> str | None:
        """Recall what memory can tell, and must not ask for; the pod."""
        before = len(self.store.asked)
        answer = self.memory.recall(path)
        assert not isinstance(answer, Deferred)
        self.assertEqual(len(self.store.asked), before)
        return answer.pod if answer else None

    def pod_in(self, answer: Deferred[Entry | None]) -> str | None:
        entry = self.successResultOf(answer)
        return entry.pod if entry else None
