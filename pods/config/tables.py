"""The tables of ``router.toml``: each key, its default, and what may stand there.

``docs/reference/configuration`` says what each is for and what it can cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import attrs

from pods.config import checks, endpoints
from pods.config.checks import seconds, whole
from pods.config.reading import NOTHING, Each
from pods.protocol import DEFAULT_HEADER_PREFIX

_YEAR_SECONDS = 31_536_000
_PIB = 2**50

Bytes = Annotated[int, whole(0, _PIB)]
Wait = Annotated[float, seconds(0.01, 86_400)]  #: something has to be waited for
Grace = Annotated[float, seconds(0, 86_400)]  #: 0: not at all


@attrs.frozen(kw_only=True)
class RouterConfig:
    """``[router]``"""

    listen: Annotated[tuple[str, ...], Each(endpoints.server, least=1)]
    region: Annotated[str | None, checks.name] = None
    strategy: Annotated[str, checks.strategy]
    data_dir: Annotated[str, checks.path("a folder")] = "./var"
    workers: Annotated[int, whole(1, 1024)] = 1
    trusted_proxies: Annotated[tuple[str, ...], Each(checks.network)] = ()
    header_prefix: Annotated[str, checks.header_prefix] = DEFAULT_HEADER_PREFIX


@attrs.frozen(kw_only=True)
class PodConfig:
    """``[pods.NAME]``"""

    name: str
    url: Annotated[str, checks.url]  #: without a slash at the end
    region: Annotated[str | None, checks.name] = None
    latest: Annotated[bool, checks.flag] = False
    endpoint: Annotated[str | None, endpoints.client] = None
    ca_file: Annotated[str | None, checks.path("a file")] = None


@attrs.frozen(kw_only=True)
class RuleConfig:
    """``[[rules]]``: exactly one of path and exact, exactly one of pod and strategy."""

    path: Annotated[str | None, checks.request_path] = None
    exact: Annotated[str | None, checks.request_path] = None
    #: None: all of them
    methods: Annotated[frozenset[str] | None, Each(checks.method, 1, frozenset)] = None
    pod: Annotated[str | None, checks.pod_of_this_file] = None
    strategy: Annotated[str | None, checks.strategy] = None


@attrs.frozen(kw_only=True)
class CacheConfig:
    """``[cache]``"""

    max_entries: Annotated[int, whole(1, 10**9)] = 1_000_000
    memory_entries: Annotated[int, whole(1, 10**8)] = 100_000
    ttl_seconds: Annotated[float, seconds(0.01, _YEAR_SECONDS)] = 3600
    max_ttl_seconds: Annotated[float, seconds(0.01, _YEAR_SECONDS)] = 86_400


@attrs.frozen(kw_only=True)
class CookieConfig:
    """``[cookie]``"""

    enabled: Annotated[bool, checks.flag] = True
    name: Annotated[str, checks.name] = "_pods_routes"
    ttl_seconds: Annotated[int, whole(1, _YEAR_SECONDS)] = 86_400
    max_bytes: Annotated[int, whole(64, 4096)] = 1024


@attrs.frozen(kw_only=True)
class NotFoundConfig:
    """``[not_found]``"""

    delay: Annotated[str, checks.delay] = "padded"
    options: Mapping[str, Any] = NOTHING  #: the rest of the table, for the policy


@attrs.frozen(kw_only=True)
class BodyConfig:
    """``[body]``"""

    memory_bytes: Annotated[int, whole(0, 2**30)] = 65_536
    spool_bytes: Bytes = 1_073_741_824
    total_spool_bytes: Bytes = 8_589_934_592
    total_memory_bytes: Bytes = 268_435_456
    #: Always a folder in what ``load`` returns.
    spool_dir: Annotated[str, checks.path('a folder; "": spool in data_dir', "")] = ""


@attrs.frozen(kw_only=True)
class LimitsConfig:
    """``[limits]``"""

    header_bytes: Annotated[int, whole(1024, 2**20)] = 65_536
    header_count: Annotated[int, whole(8, 10_000)] = 200
    url_bytes: Annotated[int, whole(256, 2**20)] = 16_384
    body_bytes: Bytes = 0
    body_pace_bytes: Annotated[int, whole(0, 2**20)] = 1024
    client_connections: Annotated[int, whole(1, 1_000_000)] = 10_000
    pod_connections: Annotated[int, whole(1, 65_535)] = 512
    pod_idle_connections: Annotated[int, whole(0, 65_535)] = 64
    pod_queue: Annotated[int, whole(0, 1_000_000)] = 1024
    held_not_found: Annotated[int, whole(0, 1_000_000)] = 1000


@attrs.frozen(kw_only=True)
class TimeoutsConfig:
    """``[timeouts]``, all in seconds."""

    client_headers: Wait = 30
    client_idle: Wait = 75
    connect: Wait = 3
    response_head: Wait = 300
    idle: Wait = 300
    pod_idle: Wait = 60
    queue: Grace = 5
    shutdown: Grace = 30
    linger: Grace = 2
    continue_: Grace = 1


@attrs.frozen(kw_only=True)
class LogConfig:
    """``[log]``"""

    access: Annotated[str, checks.path('a file; "-": standard output, "": none', "-", "")] = "-"
    format: Annotated[str, checks.one_of("json", "text")] = "json"


@attrs.frozen(kw_only=True)
class HealthConfig:
    """``[health]``"""

    path: Annotated[str, checks.request_path] = "/-/readiness"
    interval_seconds: Annotated[float, seconds(0.01, 86_400)] = 5
    timeout_seconds: Annotated[float, seconds(0.01, 3600)] = 2
    unhealthy_after: Annotated[int, whole(1, 1000)] = 3
    healthy_after: Annotated[int, whole(1, 1000)] = 2


@attrs.frozen(kw_only=True)
class AdminConfig:
    """``[admin]``"""

    listen: Annotated[str, endpoints.server] = "tcp:8081:interface=127.0.0.1"
