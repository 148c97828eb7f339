"""Routes that go with the process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from pods.interfaces import Changes, Found, IRouteStore, StoredRoute
from pods.stores.keys import found
from pods.stores.routemap import RouteMap


@implementer(IRouteStore)
class MemoryStore:
    """Keeps routes in memory: for a router that shall write nothing, and for tests.

    :param max_entries: 1 or more; over it, those that were not used for the longest time go.
    :param wall_seconds: the time in seconds since the epoch.
    """

    is_persistent = False
    is_healthy = True
    pending = 0

    def __init__(self, max_entries: int, wall_seconds: Callable[[], float]) -> None:
        self._routes = RouteMap(max_entries)
        self._wall_seconds = wall_seconds
        self.failures: Counter[str] = Counter()

    @property
    def rows(self) -> int:
        """How many are kept, those included whose time is over."""
        return len(self._routes)

    def open(self) -> Deferred[None]:
        return succeed(None)

    def find(self, path: str) -> Deferred[Found]:
        now = self._wall_seconds()
        known = self._routes.known(path)
        for route in known.routes.values():
            if route.expires_at <= now and route.pod is not None:
                self._routes.discard(route)
        return succeed(found(path, [known], now))

    def put(self, route: StoredRoute) -> None:
        self._routes.put(route)

    def used(self, route: StoredRoute) -> None:
        self._routes.touch(route)

    def set_limits(self, max_entries: int, max_ttl_seconds: float) -> None:
        """Live within other bounds from now on.

        :param max_ttl_seconds: means nothing here: what comes has its time.
        """
        self._routes.max_entries = max_entries
        self._routes.trim()

    def changes(self) -> Deferred[Changes]:
        return succeed(Changes())

    def close(self) -> Deferred[None]:
        return succeed(None)
