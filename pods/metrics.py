"""What the router counts, as Prometheus metrics; made only when somebody asks for them.

:data:`METRICS` is all there is, but for what plugins count and what the library tells about
the process.  Labels are names of the configuration, or words of this program: nothing that
clients send becomes one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from pods.accesslog import AccessLog
from pods.counters import Histogram
from pods.exposition import text_of
from pods.numbers import Merge, Numbers, Value
from pods.tallies import Tally

if TYPE_CHECKING:
    from pods.http1.pool import PodPool
    from pods.router import Router

#: Values of a metric's labels, and what they are told apart by.
Samples = Iterable[tuple[tuple[str, ...], Any]]


@attrs.frozen
class Metric:
    """One metric.

    :param name: with ``_total`` if it is a counter.
    :param kind: ``counter``, ``gauge`` or ``histogram``.
    :param read: its values now; a histogram's are :class:`~pods.counters.Histogram`.
    :param merge: what several workers say together.
    """

    name: str
    kind: str
    help: str
    labels: tuple[str, ...]
    read: Callable[[Router], Samples]
    merge: Merge = Merge.SUM

    def numbers(self, router: Router) -> Numbers:
        """What it says now."""
        samples = {values: _plain(value) for values, value in self.read(router)}
        return Numbers(self.name, self.kind, self.help, self.labels, samples, self.merge)


def of_plugin(tally: Tally) -> Metric:
    """The metric for what a plugin counts."""
    labels = (tally.label,) if tally.label else ()

    def read(router: Router) -> Samples:
        return [((value,) if labels else (), count) for value, count in tally.counts.items()]

    return Metric(f"pods_plugin_{tally.name}_total", "counter", tally.help, labels, read)


def numbers_of(router: Router) -> list[Numbers]:
    """All metrics of this router, as they are now."""
    plugins = map(of_plugin, router.counters.tallies.all.values())
    return [metric.numbers(router) for metric in (*METRICS, *plugins)]


def exposition(router: Router) -> bytes:
    """All metrics of this router and its process in Prometheus' text format."""
    return text_of(numbers_of(router))


def _plain(value: Any) -> Value:
    return [*value.counts, value.seconds] if isinstance(value, Histogram) else value


# -- where the numbers are -----------------------------------------------------


def _one(read: Callable[[Router], float]) -> Callable[[Router], Samples]:
    return lambda router: [((), read(router))]


def _by(read: Callable[[Router], Mapping[Any, Any]]) -> Callable[[Router], Samples]:
    """By the keys of a mapping."""
    return lambda router: [((str(key),), value) for key, value in read(router).items()]


def _requests(router: Router) -> Samples:
    for (route, status_class), count in router.counters.requests.items():
        yield (route, f"{status_class}xx"), count


def _held_bytes(router: Router) -> Mapping[str, int]:
    return {"memory": router.budget.memory_bytes, "disk": router.budget.spool_bytes}


def _most_held_bytes(router: Router) -> Mapping[str, int]:
    return {"memory": router.budget.most_memory_bytes, "disk": router.budget.most_spool_bytes}


def _lookups(router: Router) -> Mapping[str, int]:
    return {"hit": router.counters.route_hits, "miss": router.counters.route_misses}


def _pod_connections(router: Router) -> Samples:
    for name, pool in router.pools.items():
        yield (name, "busy"), pool.open_connections - pool.idle_connections
        yield (name, "idle"), pool.idle_connections


def _per_pool(read: Callable[[PodPool], float]) -> Callable[[Router], Samples]:
    return _by(lambda router: {name: read(pool) for name, pool in router.pools.items()})


def _healthy(router: Router) -> Mapping[str, int]:
    return {name: int(state.is_healthy) for name, state in router.health.states.items()}


def _outages(router: Router) -> Samples:
    for name, state in router.health.states.items():
        for cause, count in state.outages.items():
            yield (name, cause), count


def _timers(router: Router) -> Samples:
    if hasattr(router.clock, "getDelayedCalls"):  # no interface promises it
        yield (), len(router.clock.getDelayedCalls())


def _dropped_lines(router: Router) -> int:
    log = router.lasting.access_log
    return log.dropped if isinstance(log, AccessLog) else 0


METRICS = (
    Metric(
        "pods_requests_total", "counter", "Requests that are over.", ("route", "status"), _requests
    ),
    Metric(
        "pods_request_seconds",
        "histogram",
        "Seconds from a request's arrival to the end of a phase.",
        ("phase",),
        _by(lambda router: router.counters.phases),
    ),
    Metric(
        "pods_refusals_total",
        "counter",
        "Answers of the router's own.",
        ("status",),
        _by(lambda router: router.counters.refusals),
    ),
    Metric(
        "pods_client_aborts_total",
        "counter",
        "Requests whose client left before the response was complete.",
        (),
        _one(lambda router: router.counters.client_aborts),
    ),
    Metric(
        "pods_bounces_total",
        "counter",
        "Responses by which a pod sent a request to another.",
        (),
        _one(lambda router: router.counters.bounces),
    ),
    Metric(
        "pods_replays_total",
        "counter",
        "Bodies that were sent again from their first byte.",
        (),
        _one(lambda router: router.budget.replays),
    ),
    Metric(
        "pods_held_bytes",
        "gauge",
        "Bytes of request bodies that are held for a replay.",
        ("where",),
        _by(_held_bytes),
    ),
    Metric(
        "pods_held_bytes_max",
        "gauge",
        "The most bytes that were held at any time.",
        ("where",),
        _by(_most_held_bytes),
    ),
    Metric(
        "pods_held_files",
        "gauge",
        "Files that hold bodies.",
        (),
        _one(lambda router: router.budget.files),
    ),
    Metric(
        "pods_routes",
        "gauge",
        "Routes in memory.",
        (),
        _one(lambda router: len(router.memory.table)),
        Merge.MOST,
    ),
    Metric(
        "pods_route_lookups_total",
        "counter",
        "Requests whose route was looked up.",
        ("result",),
        _by(_lookups),
    ),
    Metric(
        "pods_route_cold_lookups_total",
        "counter",
        "Look-ups that memory could not answer, so that the route store was asked.",
        (),
        _one(lambda router: router.counters.route_cold),
    ),
    Metric(
        "pods_route_store_timeouts_total",
        "counter",
        "Look-ups that the route store did not answer in time.",
        (),
        _one(lambda router: router.counters.store_timeouts),
    ),
    Metric(
        "pods_route_store_routes",
        "gauge",
        "Routes in the route store.",
        (),
        _one(lambda router: router.memory.store.rows),
        Merge.MOST,
    ),
    Metric(
        "pods_route_store_pending_changes",
        "gauge",
        "Changes that are not written yet.",
        (),
        _one(lambda router: router.memory.store.pending),
    ),
    Metric(
        "pods_route_store_healthy",
        "gauge",
        "1 if the route store can be read and written, 0 if not.",
        (),
        _one(lambda router: int(router.memory.store.is_healthy)),
        Merge.LEAST,
    ),
    Metric(
        "pods_route_store_failures_total",
        "counter",
        "What went wrong with the route store.",
        ("kind",),
        _by(lambda router: router.memory.store.failures),
    ),
    Metric(
        "pods_refused_claims_total",
        "counter",
        "Claims about a path that were not believed.",
        ("reason",),
        _by(lambda router: router.counters.refused_claims),
    ),
    Metric(
        "pods_not_found_held_total",
        "counter",
        "Responses 404 that had to wait.",
        (),
        _one(lambda router: router.counters.not_found_held),
    ),
    Metric(
        "pods_not_found_waiting",
        "gauge",
        "Responses 404 that wait now.",
        (),
        _one(lambda router: router.counters.not_found_waiting),
    ),
    Metric(
        "pods_not_found_added_seconds",
        "histogram",
        "Seconds that responses 404 were kept back.",
        (),
        lambda router: [((), router.counters.not_found_added)],
    ),
    Metric(
        "pods_client_connections",
        "gauge",
        "Connections of clients.",
        (),
        _one(lambda router: len(router.clients.connections)),
    ),
    Metric(
        "pods_pod_connections", "gauge", "Connections to a pod.", ("pod", "state"), _pod_connections
    ),
    Metric(
        "pods_pod_waiting_requests",
        "gauge",
        "Requests that wait for a connection to a pod.",
        ("pod",),
        _per_pool(lambda pool: pool.waiting_requests),
    ),
    Metric(
        "pods_pod_healthy",
        "gauge",
        "1 if a pod is in, 0 while it is out.",
        ("pod",),
        _by(_healthy),
        Merge.LEAST,
    ),
    Metric(
        "pods_pod_outages_total",
        "counter",
        "How often a pod was taken out.",
        ("pod", "cause"),
        _outages,
    ),
    Metric("pods_timers", "gauge", "Calls that the reactor is to make later.", (), _timers),
    Metric(
        "pods_access_log_dropped_lines_total",
        "counter",
        "Lines of the access log that were lost because it was too slow.",
        (),
        _one(_dropped_lines),
    ),
)
