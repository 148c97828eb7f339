"""What the router remembers of routes: where facts come in, and which are believed.

Whatever is learned or forgotten is so in the table at once, and soon in the store behind it.
"""

from __future__ import annotations

from collections.abc import Collection, Container
from functools import lru_cache
from typing import Any

import attrs
from twisted.internet.defer import Deferred

from pods.cold_lookups import ColdLookups
from pods.counters import Counters
from pods.errors import ProtocolError
from pods.interfaces import Changes, Found, Route, StoredRoute
from pods.protocol import CacheClaim
from pods.routing.acceptance import Refused, acceptable, taught_route
from pods.routing.paths import normalized
from pods.routing.spots import key_of
from pods.routing.table import COLD, Entry, RouteTable

USED_AT_ONCE = 1000  #: so many routes are told to be of use at a time
CLAIMS_KEPT = 4096  #: pods teach the same again with each answer
CLAIM_LIMIT_BYTES = 512  #: longer ones are not kept
_TRIES = 8  #: so often the store is asked anew, when what it said was outdated on its arrival

known_claim = lru_cache(CLAIMS_KEPT)(CacheClaim.parse)


def _claim(value: bytes) -> CacheClaim:
    return known_claim(value) if len(value) <= CLAIM_LIMIT_BYTES else CacheClaim.parse(value)


def _cold_lookups(memory: RouteMemory) -> ColdLookups:
    return ColdLookups(memory._look_up, memory._clock, memory.counters)


@attrs.define(eq=False)
class RouteMemory:
    """The route table behind the rules of acceptance, and before a store.

    :param pods: the names of the configured pods; routes to others do not count.
    :param store: an :class:`~pods.interfaces.IRouteStore`.
    :param clock: IReactorTime, for how long the store may take.
    """

    table: RouteTable
    pods: Container[str]
    counters: Counters
    store: Any
    _clock: Any
    _cold: ColdLookups = attrs.field(
        default=attrs.Factory(_cold_lookups, takes_self=True), init=False
    )

    async def open(self) -> None:
        """Get ready: from now on it is the store that knows what there is."""
        self.table.clear()
        await self.store.open()

    async def close(self) -> None:
        """Have everything written, and let go of the store."""
        self._cold.stop()
        await self.store.close()

    # -- what is known -----------------------------------------------------------

    def recall(self, path: str) -> Entry | Deferred[Entry | None] | None:
        """The remembered route for a path.

        :returns: a Deferred only if the store must be waited for.  It never fails, and takes a
            quarter of a second at most.
        """
        entry = self.table.lookup(path)
        if entry is None:
            self.counters.route_misses += 1
        elif entry is COLD:
            answer = self._cold.ask(normalized(path))
            if isinstance(answer, Deferred):
                return answer.addCallback(self._counted)
            return self._counted(answer)
        else:
            self.counters.route_hits += 1
        return entry

    async def _look_up(self, path: str) -> Entry | None:
        for _ in range(_TRIES):
            asked_at = self.table.changes
            found = await self.store.find(path)
            entry = self.table.resolved(path, self._usable(found), asked_at)
            if entry is not COLD:
                return entry
        return None

    def _usable(self, found: Found) -> Found:
        routes = tuple(route for route in found.routes if route.pod in self.pods)
        return attrs.evolve(found, routes=routes)

    def _counted(self, entry: Entry | None) -> Entry | None:
        if entry is None:
            self.counters.route_misses += 1
        else:
            self.counters.route_hits += 1
        return entry

    # -- what comes in -----------------------------------------------------------

    def learn(self, claims: list[bytes], answered_by: str, asked_path: str) -> Entry | None:
        """Believe what a pod teaches with its cache headers, as far as it may.

        :param answered_by: the pod whose response carries them.
        :param asked_path: the path of the request.
        :returns: what is remembered, if anything; of several, the last.
        """
        entry = None
        for value in claims:
            try:
                route = taught_route(_claim(value), answered_by, asked_path)
            except ProtocolError:
                self.counters.refused_claims["unreadable"] += 1
                continue
            if isinstance(route, Refused):
                self.counters.refused_claims[route] += 1
            else:
                entry = self._believe(route, asked_path)
        return entry

    def remember(self, route: Route, asked_path: str) -> Entry | None:
        """Believe a strategy, as far as it may: it can name any configured pod.

        :returns: what is remembered, if anything.
        """
        refused = acceptable(route.path, route.exact, asked_path)
        if refused is not None:
            self.counters.refused_claims[refused] += 1
        elif route.pod not in self.pods:
            self.counters.refused_claims["unknown_pod"] += 1
        else:
            return self._believe(route, asked_path)
        return None

    def _believe(self, route: Route, asked_path: str) -> Entry | None:
        if route.ttl_seconds is not None and route.ttl_seconds <= 0:
            # If there is nothing to forget, nothing is stored: or else a pod could fill the store
            # with what is not so.
            if self._may_be_known(route, asked_path):
                self.store.put(self.table.forget(route.path, route.exact))
            return None
        entry = self.table.remember(route)
        if entry is not None and self.table.take_news(entry):
            self.store.put(_stored(entry))
        return entry

    def _may_be_known(self, route: Route, asked_path: str) -> bool:
        """Whether a route of this very path may be stored.  It covers what was asked for, so it is
        not if the look-up of that ends at a shorter one, or at none."""
        known = self.table.lookup(asked_path)
        if known is None or known is COLD:
            return known is COLD
        own = key_of(normalized(route.path), route.exact)
        return len(own) <= len(key_of(known.path, known.exact))

    def forget(self, entry: Entry) -> None:
        """This route was wrong; what has been learned for its path since then stays."""
        grave = self.table.discard(entry)
        if grave is not None:
            self.store.put(grave)

    # -- what others have done -----------------------------------------------------

    def adopt(self, pods: Collection[str]) -> None:
        """From now on these pods are configured; routes to others are as good as forgotten."""
        is_one_new = any(pod not in self.pods for pod in pods)
        self.pods = pods
        if is_one_new:
            self.table.clear()  # what is stored for it did not count until now
        else:
            self.table.keep_only(pods)

    def apply(self, changes: Changes) -> None:
        """Other processes have changed this in the store."""
        if changes.lost_track:
            self.table.clear()
        for route in changes.routes:
            usable = route if route.pod in self.pods else attrs.evolve(route, pod=None)
            newer = self.table.apply(usable)
            if newer is not None:
                self.store.put(_stored(newer))

    def tell_used(self) -> None:
        """Let the store know what has been of use; a part of it each time."""
        for entry in self.table.take_used(USED_AT_ONCE):
            self.store.used(_stored(entry))


def _stored(entry: Entry) -> StoredRoute:
    return StoredRoute(entry.path, entry.exact, entry.pod, entry.learned_at, entry.expires_at)
