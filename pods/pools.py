"""The connection pools of a configuration, taken over from the one before where nothing changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pods.config import Config, PodConfig
from pods.dialing import dialer, is_tls
from pods.health import HealthWatch, PodObserver
from pods.http1.fields import response_kinds
from pods.http1.heads import HeadLimits
from pods.http1.pool import PodPool, PoolLimits
from pods.http1.secured import SecuredPodConnection
from pods.http1.upstream import PodConnection, UpstreamSettings
from pods.outbox import Outbox


def make_pools(
    config: Config,
    reactor: Any,
    outbox: Outbox,
    health: HealthWatch,
    before: tuple[Config, Mapping[str, PodPool]] | None,
) -> dict[str, PodPool]:
    """A pool for each pod.

    :param outbox: of whatever else has to do with these requests.
    :param health: is told how connecting goes.
    :param before: the last configuration and its pools: those that would be the same are kept,
        with their connections.
    :raises pods.errors.ConfigurationError: a ``ca_file`` cannot be read.
    """
    settings, limits = _upstream_settings(config, reactor, outbox), _pool_limits(config)

    def make(pod: PodConfig) -> PodPool:
        if before is not None and _is_unchanged(pod, config, before[0]):
            return before[1][pod.name]
        dial = dialer(pod, reactor, config.timeouts.connect)
        protocol = SecuredPodConnection if is_tls(pod) else PodConnection
        return PodPool(dial, settings, limits, PodObserver(health, pod.name), protocol)

    return {name: make(pod) for name, pod in config.pods.items()}


def _is_unchanged(pod: PodConfig, config: Config, before: Config) -> bool:
    return (
        before.pods.get(pod.name) == pod
        and before.limits == config.limits
        and before.timeouts == config.timeouts
        and before.router.header_prefix == config.router.header_prefix
        and before.cookie.name == config.cookie.name
    )


def head_limits(config: Config) -> HeadLimits:
    """How long heads may be, from clients and from pods."""
    limits = config.limits
    return HeadLimits(limits.header_bytes, limits.header_count, limits.url_bytes)


def _upstream_settings(config: Config, reactor: Any, outbox: Outbox) -> UpstreamSettings:
    timeouts = config.timeouts
    return UpstreamSettings(
        clock=reactor,
        outbox=outbox,
        kinds=response_kinds(config.router.header_prefix, config.cookie.name),
        limits=head_limits(config),
        response_head_seconds=timeouts.response_head,
        continue_seconds=timeouts.continue_,
        idle_seconds=timeouts.idle,
        pool_idle_seconds=timeouts.pod_idle,
    )


def _pool_limits(config: Config) -> PoolLimits:
    limits = config.limits
    return PoolLimits(
        connections=limits.pod_connections,
        idle_connections=limits.pod_idle_connections,
        queue=limits.pod_queue,
        queue_seconds=config.timeouts.queue,
    )
