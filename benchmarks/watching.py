"""What a router holds, seen from outside while it runs."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

import attrs

from benchmarks.world import World

MIB = 1024 * 1024


@attrs.frozen
class Sample:
    """All that must not grow, at one moment."""

    seconds: float  #: since the run began
    memory_mib: float  #: resident
    descriptors: float
    threads: float
    timers: float  #: calls that the reactor is to make later
    client_connections: float
    pod_connections: float
    routes: float
    held_files: float
    held_kib: float  #: of bodies, in memory and in files
    waiting_404s: float


def sample(world: World, seconds: float) -> Sample:
    """What the kernel and the router's ``/metrics`` say now."""
    metrics = world.metrics()
    process = Path(f"/proc/{world.router.pid}")
    return Sample(
        seconds=seconds,
        memory_mib=world.router.memory_bytes() / MIB,
        descriptors=len(list((process / "fd").iterdir())),
        threads=len(list((process / "task").iterdir())),
        timers=metrics["pods_timers"],
        client_connections=metrics["pods_client_connections"],
        pod_connections=metrics["pods_pod_connections"],
        routes=metrics["pods_routes"],
        held_files=metrics["pods_held_files"],
        held_kib=metrics["pods_held_bytes"] / 1024,
        waiting_404s=metrics["pods_not_found_waiting"],
    )


@attrs.frozen
class Series:
    """One of the things that must not grow.

    :param name: the attribute of :class:`Sample`.
    :param spread: so much may the median differ without being growth; it is what chance does to
        the median of a few samples of bounded traffic.
    """

    name: str
    title: str
    unit: str
    spread: float

    def values(self, samples: Sequence[Sample]) -> list[float]:
        return [float(getattr(sample, self.name)) for sample in samples]


SERIES = (
    Series("memory_mib", "Resident memory", "MiB", 3),
    Series("descriptors", "Descriptors", "", 8),
    Series("threads", "Threads", "", 0),
    Series("timers", "Timers", "", 8),
    Series("client_connections", "Connections of clients", "", 4),
    Series("pod_connections", "Connections to pods", "", 8),
    Series("routes", "Routes", "", 10),
    Series("held_files", "Spool files", "", 4),
    Series("held_kib", "Held bodies", "KiB", 1024),
    Series("waiting_404s", "404s that wait", "", 4),
)


@attrs.frozen
class Growth:
    """Medians of the first and the last quarter."""

    series: Series
    first: float
    last: float

    @property
    def is_growth(self) -> bool:
        return self.last - self.first > self.series.spread


def growths(samples: Sequence[Sample]) -> list[Growth]:
    """How each series went."""
    return [growth(series, series.values(samples)) for series in SERIES]


def growth(series: Series, values: Sequence[float]) -> Growth:
    """How one series went, given at least one value."""
    quarter = max(1, len(values) // 4)
    return Growth(series, statistics.median(values[:quarter]), statistics.median(values[-quarter:]))


def header() -> str:
    names = (f"{series.name:>{width(series)}}" for series in SERIES)
    return " ".join([f"{'seconds':>8}", *names])


def row(sample: Sample) -> str:
    numbers = (f"{getattr(sample, s.name):>{width(s)}.{digits(s)}f}" for s in SERIES)
    return " ".join([f"{sample.seconds:>8.0f}", *numbers])


def width(series: Series) -> int:
    return len(series.name)


def digits(series: Series) -> int:
    return 1 if series.name == "memory_mib" else 0
