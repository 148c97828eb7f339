"""A whole ``router.toml`` as one value, and what is wrong between its keys."""

from __future__ import annotations

import os
from collections.abc import Mapping
from ssl import PROTOCOL_TLS_CLIENT, SSLContext, SSLError
from types import MappingProxyType
from typing import Annotated, Any

import attrs

from pods.config import checks
from pods.config.reading import NOTHING, Each, Options, Place, Table
from pods.config.tables import (
    AdminConfig,
    BodyConfig,
    CacheConfig,
    CookieConfig,
    HealthConfig,
    LimitsConfig,
    LogConfig,
    NotFoundConfig,
    PodConfig,
    RouterConfig,
    RuleConfig,
    TimeoutsConfig,
)
from pods.wording import one_line, shown


def _rule(table: Mapping[str, Any], place: Place) -> None:
    for one, other in (("path", "exact"), ("pod", "strategy")):
        if (one in table) == (other in table):
            problem = "are both there" if one in table else "are both missing"
            place.fault(f"{one} and {other} {problem}", f"exactly one of {one}, {other}")


def _pod(table: Mapping[str, Any], place: Place) -> None:
    file, url = table.get("ca_file"), str(table.get("url", ""))
    if not isinstance(file, str) or not url.startswith("https:"):
        return
    try:
        SSLContext(PROTOCOL_TLS_CLIENT).load_verify_locations(
            os.path.join(place.source.base_dir, file)
        )
    except (OSError, ValueError) as error:  # SSLError is an OSError
        problem = "has no certificate" if isinstance(error, SSLError) else one_line(error)
        place.at("ca_file").fault(f"cannot be used: {problem}", "certificates in PEM format")


_POD = Table(PodConfig, _pod)
_DELAY = Table(NotFoundConfig)


@attrs.frozen
class _Pods:
    """Reads ``[pods]``: one table for each, named by its key."""

    allowed: str = "at least one table [pods.NAME]"

    def read(self, value: Any, place: Place) -> Any:
        if not isinstance(value, Mapping) or not value:
            place.fault("is missing" if value == {} else f"is {shown(value)}", self.allowed)
            return NOTHING
        self._note_latest(value, place)
        read = {name: self._read_one(name, table, place) for name, table in value.items()}
        return MappingProxyType(read)

    def _read_one(self, name: str, table: Any, place: Place) -> Any:
        checks.name.read(name, place.at(name))
        return _POD.read(table, place.at(name), name=name)

    def _note_latest(self, value: Mapping[str, Any], place: Place) -> None:
        tables = ((name, table) for name, table in value.items() if isinstance(table, Mapping))
        latest = [name for name, table in tables if table.get("latest") is True]
        for name in latest[1:]:
            place.at(name).at("latest").fault("another pod is the latest", "at most one such pod")


@attrs.frozen
class _NotFound:
    """Reads ``[not_found]``: what is left of it is for the policy."""

    allowed: str = "a table"

    def read(self, value: Any, place: Place) -> Any:
        if not isinstance(value, Mapping):
            return _DELAY.read(value, place)
        delay = {key: value[key] for key in value if key == "delay"}
        options = {key: value[key] for key in value if key != "delay"}
        return _DELAY.read(delay, place, options=MappingProxyType(options))


@attrs.frozen
class _Strategies:
    """Reads ``[strategies]``: options of strategies that only rules name."""

    allowed: str = "tables [strategies.NAME]"

    def read(self, value: Any, place: Place) -> Any:
        if not isinstance(value, Mapping):
            place.fault(f"is {shown(value)}", self.allowed)
            return NOTHING
        for name in value:
            self._note_misplaced(name, place.at(name))
        read = {name: Options().read(table, place.at(name)) for name, table in value.items()}
        return MappingProxyType(read)

    def _note_misplaced(self, name: str, place: Place) -> None:
        if name == place.source.strategy:
            place.fault("is the router's own strategy", "its options in [strategy]")
        elif name not in place.source.rule_strategies:
            place.fault("no rule names this strategy", "a strategy that [[rules]] name")


@attrs.frozen(kw_only=True)
class Config:
    """A whole ``router.toml``; attributes are named as its keys are."""

    file: str  #: where it was read, as it was named
    router: Annotated[RouterConfig, Table(RouterConfig)]
    pods: Annotated[Mapping[str, PodConfig], _Pods()]  #: in the order of the file
    strategy: Annotated[Mapping[str, Any], Options()] = NOTHING
    strategies: Annotated[Mapping[str, Mapping[str, Any]], _Strategies()] = NOTHING
    rules: Annotated[tuple[RuleConfig, ...], Each(Table(RuleConfig, _rule))] = ()
    cache: Annotated[CacheConfig, Table(CacheConfig)] = attrs.field(factory=CacheConfig)
    cookie: Annotated[CookieConfig, Table(CookieConfig)] = attrs.field(factory=CookieConfig)
    not_found: Annotated[NotFoundConfig, _NotFound()] = attrs.field(factory=NotFoundConfig)
    body: Annotated[BodyConfig, Table(BodyConfig)] = attrs.field(factory=BodyConfig)
    limits: Annotated[LimitsConfig, Table(LimitsConfig)] = attrs.field(factory=LimitsConfig)
    timeouts: Annotated[TimeoutsConfig, Table(TimeoutsConfig)] = attrs.field(factory=TimeoutsConfig)
    log: Annotated[LogConfig, Table(LogConfig)] = attrs.field(factory=LogConfig)
    health: Annotated[HealthConfig | None, Table(HealthConfig)] = None
    admin: Annotated[AdminConfig | None, Table(AdminConfig)] = None
