"""Routes in memory, and how many of them lie below each path."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator

import attrs

from pods.interfaces import StoredRoute
from pods.stores.keys import Known, key_of, keys_of, stems_of


@attrs.define(eq=False)
class RouteMap:
    """A bounded map of keys to routes, in which the oldest make room.

    :param max_entries: 1 or more.
    """

    max_entries: int
    _routes: OrderedDict[str, StoredRoute] = attrs.field(factory=OrderedDict, init=False)
    # By stem.  Routes without a pod count nowhere.
    _below: Counter[str] = attrs.field(factory=Counter, init=False)

    def put(self, route: StoredRoute) -> None:
        """Keep a route, unless one that was learned later is there."""
        key = key_of(route)
        there = self._routes.get(key)
        if there is not None:
            if there.learned_at > route.learned_at:
                return
            self.discard(there)
        self._routes[key] = route
        self._count(route, key, 1)
        self.trim()

    def trim(self) -> None:
        """Give up the oldest until the bound is kept."""
        while len(self._routes) > self.max_entries:
            self.discard(next(iter(self._routes.values())))

    def discard(self, route: StoredRoute) -> None:
        """Give up this route, but none that has taken its place."""
        key = key_of(route)
        if self._routes.get(key) is route:
            del self._routes[key]
            self._count(route, key, -1)

    def touch(self, route: StoredRoute) -> None:
        """From now on this one is the youngest."""
        key = key_of(route)
        if key in self._routes:
            self._routes.move_to_end(key)

    def is_newer_than(self, route: StoredRoute) -> bool:
        """Whether something is known for the same path that was learned no earlier."""
        there = self._routes.get(key_of(route))
        return there is not None and there.learned_at >= route.learned_at

    def known(self, path: str) -> Known:
        """What is known of a path."""
        routes = {key: self._routes[key] for key in keys_of(path) if key in self._routes}
        deepest = next((stem for stem in reversed(stems_of(path)) if stem in self._below), None)
        return Known(routes, () if deepest is None else (deepest + "/",))

    def _count(self, route: StoredRoute, key: str, by: int) -> None:
        if route.pod is None:
            return
        end = key.find("/")
        while end >= 0:
            stem = key[:end]
            self._below[stem] += by
            if not self._below[stem]:
                del self._below[stem]
            end = key.find("/", end + 1)

    def __iter__(self) -> Iterator[StoredRoute]:
        """The oldest first."""
        return iter(self._routes.values())

    def __len__(self) -> int:
        return len(self._routes)
