"""A store that answers when it is told to, and what any store should answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import attrs
from twisted.internet.defer import Deferred
from zope.interface import implementer

from pods.interfaces import Changes, Found, IRouteStore, StoredRoute
from pods.routing.paths import ROOT, covers, normalized, prefixes


def naive_find(routes: Iterable[StoredRoute], path: str, now: float) -> Found:
    """What is known of a path, by trying every route each time."""
    living = [route for route in routes if route.pod is not None and now < route.expires_at]
    covering = [route for route in living if covers(route.path, path, route.exact)]
    covering.sort(key=lambda route: (route.exact, len(route.path)), reverse=True)
    least = max((len(route.path) for route in covering if not route.exact), default=0)
    if not living:
        return Found((), ROOT)
    candidates = reversed([prefix for prefix in prefixes(path) if len(prefix) >= least])
    empty = (prefix for prefix in candidates if not _has_below(living, prefix))
    return Found(tuple(covering), next(empty, None))


def _has_below(routes: Iterable[StoredRoute], prefix: str) -> bool:
    return any(
        covers(prefix, route.path) and (route.exact or route.path != prefix) for route in routes
    )


@attrs.define(eq=False)
@implementer(IRouteStore)
class ScriptedStore:
    """Remembers what it is told, and answers when the test says so.

    :param routes: what it has to begin with.
    """

    routes: dict[tuple[str, bool], StoredRoute] = attrs.field(factory=dict)
    now: float = 0.0
    is_open: bool = False
    finds: list[tuple[str, Deferred[Found]]] = attrs.field(factory=list)  #: not answered yet
    asked: list[str] = attrs.field(factory=list)  #: the paths that were looked up
    polls: list[Deferred[Changes]] = attrs.field(factory=list)  #: not answered yet
    puts: list[StoredRoute] = attrs.field(factory=list)
    uses: list[StoredRoute] = attrs.field(factory=list)
    at_once: bool = False  #: answer look-ups immediately
    pending: int = 0
    is_healthy: bool = True
    failures: Counter[str] = attrs.field(factory=Counter)

    @property
    def rows(self) -> int:
        return len(self.routes)

    async def open(self) -> None:
        self.is_open = True

    def find(self, path: str) -> Deferred[Found]:
        self.asked.append(path)
        answer: Deferred[Found] = Deferred()
        self.finds.append((path, answer))
        if self.at_once:
            self.answer()
        return answer

    def answer(self) -> None:
        """Answer the look-up that has waited longest."""
        path, answer = self.finds.pop(0)
        answer.callback(naive_find(self.routes.values(), path, self.now))

    def put(self, route: StoredRoute) -> None:
        self.puts.append(route)
        there = self.routes.get((route.path, route.exact))
        if there is None or there.learned_at <= route.learned_at:
            self.routes[route.path, route.exact] = route

    def used(self, route: StoredRoute) -> None:
        self.uses.append(route)

    def set_limits(self, max_entries: int, max_ttl_seconds: float) -> None:
        """There are none."""

    def changes(self) -> Deferred[Changes]:
        answer: Deferred[Changes] = Deferred()
        self.polls.append(answer)
        return answer

    async def close(self) -> None:
        self.is_open = False


def stored(
    path: str,
    pod: str | None = "pod_a",
    *,
    exact: bool = False,
    learned_at: float = 0.0,
    expires_at: float = 1000.0,
) -> StoredRoute:
    """A route as a store has it."""
    return StoredRoute(normalized(path), exact, pod, learned_at, expires_at)
