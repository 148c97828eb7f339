"""What the router remembers of routes: where facts come in, and which are believed."""

from __future__ import annotations

from collections.abc import Container

import attrs

from pods.counters import Counters
from pods.errors import ProtocolError
from pods.interfaces import Route
from pods.protocol import CacheClaim
from pods.routing.acceptance import Refused, acceptable, taught_route
from pods.routing.table import Entry, RouteTable


@attrs.frozen
class RouteMemory:
    """The route table behind the rules of acceptance.

    :param pods: the names of the configured pods.
    """

    table: RouteTable
    pods: Container[str]
    counters: Counters

    def recall(self, path: str) -> Entry | None:
        """The remembered route for a path."""
        entry = self.table.lookup(path)
        if entry is None:
            self.counters.route_misses += 1
        else:
            self.counters.route_hits += 1
        return entry

    def learn(self, claims: list[bytes], answered_by: str, asked_path: str) -> None:
        """Believe what a pod teaches with its cache headers, as far as it may.

        :param answered_by: the pod whose response carries them.
        :param asked_path: the path of the request.
        """
        for value in claims:
            try:
                route = taught_route(CacheClaim.parse(value), answered_by, asked_path)
            except ProtocolError:
                self.counters.refused_claims["unreadable"] += 1
                continue
            if isinstance(route, Refused):
                self.counters.refused_claims[route] += 1
            else:
                self.table.remember(route)

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
            return self.table.remember(route)
        return None

    def forget(self, entry: Entry) -> None:
        """This route was wrong; what has been learned for its path since then stays."""
        self.table.discard(entry)
