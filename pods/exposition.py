"""Numbers in Prometheus' text format, by its own library."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any

import attrs
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from pods.counters import BOUNDS_SECONDS
from pods.numbers import Numbers

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_FAMILIES: Mapping[str, Any] = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
    "histogram": HistogramMetricFamily,
}


def text_of(told: Iterable[Numbers], pids: Mapping[str, int] | None = None) -> bytes:
    """All of it, and what the system knows of processes; :data:`CONTENT_TYPE` is its type.

    :param pids: the processes by name, which becomes a label; None: this one, without a label.
    """
    registry = CollectorRegistry()
    registry.register(_Collector(told))
    if pids is None:
        ProcessCollector(registry=registry)
    else:
        registry.register(_Processes(pids))
    return bytes(generate_latest(registry))


@attrs.frozen(eq=False)
class _Collector:
    _told: Iterable[Numbers]

    def collect(self) -> Iterator[Any]:
        return map(_family, self._told)


@attrs.frozen(eq=False)
class _Processes:
    """What the library tells of one process, of several."""

    _pids: Mapping[str, int]

    def collect(self) -> Iterator[Any]:
        families: dict[str, Any] = {}
        for name, pid in self._pids.items():
            for told in _of_process(pid):
                empty = type(told)(told.name, told.documentation, labels=("worker",))
                family = families.setdefault(told.name, empty)
                family.add_metric((name,), told.samples[0].value)
        return iter(families.values())


def _of_process(pid: int) -> Iterable[Any]:
    return ProcessCollector(pid=lambda: pid, registry=None).collect()


def _family(numbers: Numbers) -> Any:
    family = _FAMILIES[numbers.kind](numbers.name, numbers.help, labels=numbers.labels)
    for values, value in numbers.samples.items():
        if isinstance(value, list):
            family.add_metric(values, list(_buckets(value[:-1])), value[-1])
        else:
            family.add_metric(values, value)
    return family


def _buckets(counts: Iterable[float]) -> Iterator[tuple[str, float]]:
    ends = [*map(str, BOUNDS_SECONDS), "+Inf"]
    return zip(ends, map(float, accumulate(counts)), strict=True)
