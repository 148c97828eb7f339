"""What outlives a configuration: a reload makes a new router around the same of these."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import attrs

from pods.accesslog import NoAccessLog, Sink
from pods.clients import Clients
from pods.config import Config
from pods.counters import Counters
from pods.doubts import Doubts
from pods.health import HealthWatch
from pods.http1.held import HoldBudget
from pods.routing.table import RouteTable


def _doubts(lasting: Lasting) -> Doubts:
    return Doubts(lasting.clock)


@attrs.define(eq=False)
class Lasting:
    """The router's memory and its clients.

    :param clock: IReactorTime; on some reactors it does not know the time of day.
    :param wall_seconds: the time of day, in seconds since the epoch.
    """

    clock: Any
    wall_seconds: Callable[[], float]
    random: Random
    table: RouteTable
    budget: HoldBudget
    health: HealthWatch
    counters: Counters = attrs.field(factory=Counters)
    clients: Clients = attrs.field(factory=Clients)
    doubts: Doubts = attrs.field(default=attrs.Factory(_doubts, takes_self=True))
    access_log: Sink = attrs.field(factory=NoAccessLog)

    @classmethod
    def begin(
        cls, config: Config, clock: Any, wall_seconds: Callable[[], float], chance: Random
    ) -> Lasting:
        """What a router begins with: it remembers nothing and nobody is there."""
        cache, body = config.cache, config.body
        table = RouteTable(
            wall_seconds, cache.max_entries, cache.ttl_seconds, cache.max_ttl_seconds
        )
        budget = HoldBudget(body.spool_dir, body.total_spool_bytes, body.total_memory_bytes)
        return cls(clock, wall_seconds, chance, table, budget, HealthWatch(clock))

    def adopt(self, config: Config) -> None:
        """Live within another configuration; routes to pods that are gone are forgotten."""
        cache, body = config.cache, config.body
        self.table.set_limits(cache.max_entries, cache.ttl_seconds, cache.max_ttl_seconds)
        self.table.keep_only(config.pods)
        self.budget.directory = body.spool_dir
        self.budget.spool_limit_bytes = body.total_spool_bytes
        self.budget.memory_limit_bytes = body.total_memory_bytes
