"""What the router counts, as Prometheus metrics; made only when somebody asks for them.

:data:`METRICS` is all there is, but for what plugins count and what the library tells about
the process.  Labels are names of the configuration, or words of this program: nothing that
clients send becomes one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import attrs
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from pods.accesslog import AccessLog
from pods.counters import BOUNDS_SECONDS, Histogram
from pods.tallies import Tally

if TYPE_CHECKING:
    from pods.http1.pool import PodPool
    from pods.router import Router

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
#: Values of a metric's labels, and what they are told apart by.
Samples = Iterable[tuple[tuple[str, ...], Any]]

_FAMILIES: Mapping[str, Any] = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
    "histogram": HistogramMetricFamily,
}


@attrs.frozen
class Metric:
    """One metric.

    :param name: with ``_total`` if it is a counter.
    :param kind: ``counter``, ``gauge`` or ``histogram``.
    :param read: its values now; a histogram's are :class:`~pods.counters.Histogram`.
    """

    name: str
    kind: str
    help: str
    labels: tuple[str, ...]
    read: Callable[[Router], Samples]

    def family(self, router: Router) -> Any:
        """What the library writes out."""
        family = _FAMILIES[self.kind](self.name, self.help, labels=self.labels)
        for values, value in self.read(router):
            if isinstance(value, Histogram):
                family.add_metric(values, list(_buckets(value)), value.seconds)
            else:
                family.add_metric(values, value)
        return family


class _Collector:
    def __init__(self, router: Router) -> None:
        self._router = router

    def collect(self) -> Iterator[Any]:
        for metric in METRICS:
            yield metric.family(self._router)
        for tally in self._router.counters.tallies.all.values():
            yield of_plugin(tally).family(self._router)


def of_plugin(tally: Tally) -> Metric:
    """The metric for what a plugin counts."""
    labels = (tally.label,) if tally.label else ()

    def read(router: Router) -> Samples:
        return [((value,) if labels else (), count) for value, count in tally.counts.items()]

    return Metric(f"pods_plugin_{tally.name}_total", "counter", tally.help, labels, read)


def exposition(router: Router) -> bytes:
    """All metrics in Prometheus' text format; :data:`CONTENT_TYPE` is its type."""
    registry = CollectorRegistry()
    registry.register(_Collector(router))
    ProcessCollector(registry=registry)
    return bytes(generate_latest(registry))


def _buckets(histogram: Histogram) -> Iterator[tuple[str, float]]:
    ends = [*map(str, BOUNDS_SECONDS), "+Inf"]
    return zip(ends, map(float, accumulate(histogram.counts)), strict=True)


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
        "Routes that are remembered.",
        (),
        _one(lambda router: len(router.table)),
    ),
    Metric(
        "pods_route_lookups_total",
        "counter",
        "Requests whose route was looked up.",
        ("result",),
        _by(_lookups),
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
        "pods_pod_healthy", "gauge", "1 if a pod is in, 0 while it is out.", ("pod",), _by(_healthy)
    ),
    Metric(
        "pods_pod_outages_total",
        "counter",
        "How often a pod was taken out.",
        ("pod", "cause"),
        _outages,
    ),
    Metric(
        "pods_access_log_dropped_lines_total",
        "counter",
        "Lines of the access log that were lost because it was too slow.",
        (),
        _one(_dropped_lines),
    ),
)
