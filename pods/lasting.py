"""What outlives a configuration: a reload makes a new router around the same of these."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
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
from pods.keys import KeyRing
from pods.memory import RouteMemory
from pods.outbox import Outbox
from pods.releases import Releases
from pods.routing.table import RouteTable


def _doubts(lasting: Lasting) -> Doubts:
    return Doubts(lasting.clock)


def _outbox(lasting: Lasting) -> Outbox:
    return Outbox(partial(lasting.clock.callLater, 0))


@attrs.define(eq=False, kw_only=True)
class Lasting:
    """The router's memory and its clients.

    :param clock: IReactorTime; on some reactors it does not know the time of day.
    :param wall_seconds: the time of day, in seconds since the epoch.
    """

    clock: Any
    wall_seconds: Callable[[], float]
    random: Random
    memory: RouteMemory
    budget: HoldBudget
    health: HealthWatch
    releases: Releases
    counters: Counters
    clients: Clients = attrs.field(factory=Clients)
    doubts: Doubts = attrs.field(default=attrs.Factory(_doubts, takes_self=True))
    outbox: Outbox = attrs.field(default=attrs.Factory(_outbox, takes_self=True))
    #: The router's own; those of this process until the file has been read.
    keys: KeyRing = attrs.field(factory=KeyRing.make)
    access_log: Sink = attrs.field(factory=NoAccessLog)

    @classmethod
    def begin(
        cls,
        config: Config,
        clock: Any,
        store: Any,
        chance: Random,
        wall_seconds: Callable[[], float] = time.time,
    ) -> Lasting:
        """What a router begins with: it has looked at nothing yet, and nobody is there.

        :param store: an :class:`~pods.interfaces.IRouteStore`.
        :param chance: the only source of chance.
        """
        cache, body = config.cache, config.body
        table = RouteTable(
            wall_seconds, cache.memory_entries, cache.ttl_seconds, cache.max_ttl_seconds
        )
        budget = HoldBudget(body.spool_dir, body.total_spool_bytes, body.total_memory_bytes)
        counters = Counters()
        memory = RouteMemory(table, config.pods, counters, store, clock)
        releases = Releases(clock, chance, counters, config.limits.held_not_found)
        return cls(
            clock=clock,
            wall_seconds=wall_seconds,
            random=chance,
            memory=memory,
            budget=budget,
            health=HealthWatch(clock),
            releases=releases,
            counters=counters,
        )

    def adopt(self, config: Config) -> None:
        """Live within another configuration; routes to pods that are gone are forgotten."""
        cache, body = config.cache, config.body
        table, store = self.memory.table, self.memory.store
        table.set_limits(cache.memory_entries, cache.ttl_seconds, cache.max_ttl_seconds)
        store.set_limits(cache.max_entries, cache.max_ttl_seconds)
        self.memory.adopt(config.pods)
        self.budget.directory = body.spool_dir
        self.budget.spool_limit_bytes = body.total_spool_bytes
        self.budget.memory_limit_bytes = body.total_memory_bytes
        self.releases.limit = config.limits.held_not_found
