"""``router.toml`` as a frozen value, or every fault that is in it.

Nothing here needs a reactor, opens a socket or makes a file.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from typing import Any

import attrs

from pods.config.model import Config
from pods.config.reading import Place, Source, Table
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
from pods.errors import ConfigurationError, Fault
from pods.wording import one_line

__all__ = [
    "AdminConfig",
    "BodyConfig",
    "CacheConfig",
    "Config",
    "CookieConfig",
    "HealthConfig",
    "LimitsConfig",
    "LogConfig",
    "NotFoundConfig",
    "PodConfig",
    "RouterConfig",
    "RuleConfig",
    "TimeoutsConfig",
    "examine",
    "from_mapping",
    "load",
    "parse_toml",
    "read_text",
    "read_toml",
]


def load(path: str) -> Config:
    """The configuration in a file.

    :param path: relative paths in the file start at its folder.
    :raises pods.errors.ConfigurationError: with every fault of the file, also if it cannot
        be read or is not TOML.
    """
    return from_mapping(read_toml(path), path, os.path.dirname(path))


def from_mapping(table: Mapping[str, Any], file: str, base_dir: str) -> Config:
    """The configuration in an already parsed file.

    :param file: what faults call it.
    :param base_dir: where relative paths start.
    :raises pods.errors.ConfigurationError: with every fault.
    """
    config, faults = examine(table, file, base_dir)
    if faults:
        raise ConfigurationError(*faults)
    return config


def examine(table: Mapping[str, Any], file: str, base_dir: str) -> tuple[Config, tuple[Fault, ...]]:
    """The configuration as far as it can be read, and every fault.

    If there are faults, attributes that could not be read are None in it, whatever
    their types say: it is good for finding more faults only.  Parameters as for
    :func:`from_mapping`.
    """
    faults: list[Fault] = []
    place = Place(_source(table, os.path.abspath(base_dir)), faults)
    config = Table(Config).read({"router": {}, "pods": {}} | dict(table), place, file=file)
    if not faults and not config.body.spool_dir:
        spool_dir = os.path.join(config.router.data_dir, "spool")
        config = attrs.evolve(config, body=attrs.evolve(config.body, spool_dir=spool_dir))
    return config, ConfigurationError(*faults).in_file(file).faults


def read_toml(path: str) -> dict[str, Any]:
    """The tables of a TOML file, unchecked.

    :raises pods.errors.ConfigurationError: it cannot be read, or is not TOML.
    """
    return parse_toml(read_text(path), path)


def read_text(path: str) -> str:
    """What stands in a file.

    :raises pods.errors.ConfigurationError: it cannot be read, or is not UTF-8.
    """
    try:
        with open(path, encoding="utf-8", newline="") as file:  # TOML minds line ends
            return file.read()
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except ValueError as error:
        problem = f"is not TOML: {one_line(error)}"
    raise ConfigurationError(Fault("", problem, file=path))


def parse_toml(text: str, file: str) -> dict[str, Any]:
    """The tables in a text.

    :param file: what faults call it.
    :raises pods.errors.ConfigurationError: it is not TOML.
    """
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(Fault("", f"is not TOML: {one_line(error)}", file=file)) from None


def _source(table: Mapping[str, Any], base_dir: str) -> Source:
    """What readers must know of other tables, taken from whatever stands there."""
    pods, rules, router = table.get("pods"), table.get("rules"), table.get("router")
    named = [
        rule.get("strategy")
        for rule in (rules if isinstance(rules, list) else [])
        if isinstance(rule, Mapping)
    ]
    return Source(
        base_dir=base_dir,
        pod_names=frozenset(pods if isinstance(pods, Mapping) else ()),
        rule_strategies=frozenset(name for name in named if isinstance(name, str)),
        strategy=router.get("strategy") if isinstance(router, Mapping) else None,
    )
