"""What one worker may take of the bounds that ``router.toml`` sets for the whole router."""

from __future__ import annotations

from typing import Any

import attrs

from pods.config import Config

#: The bounds of the whole router.  All others are for one request, one connection or one process.
SHARED_OF_BODY = ("total_spool_bytes", "total_memory_bytes")
SHARED_OF_LIMITS = (
    *("client_connections", "pod_connections", "pod_idle_connections", "pod_queue"),
    "held_not_found",
)


def share_of(config: Config) -> Config:
    """The configuration of each worker.

    Bounds are rounded up, so that nobody is left with nothing; together the workers may exceed
    one by less than their number.  What watches the router is the supervisor's.
    """
    workers = config.router.workers
    return attrs.evolve(
        config,
        admin=None,
        body=_divided(config.body, SHARED_OF_BODY, workers),
        limits=_divided(config.limits, SHARED_OF_LIMITS, workers),
    )


def _divided(table: Any, names: tuple[str, ...], workers: int) -> Any:
    return attrs.evolve(table, **{name: -(-getattr(table, name) // workers) for name in names})
