"""Builds what plugins make of a configuration: the strategies and the delay policy."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pods.config import Config
from pods.errors import ConfigurationError, Fault
from pods.interfaces import (
    IDelayPolicy,
    IDelayPolicyFactory,
    IRoutingStrategy,
    IRoutingStrategyFactory,
)
from pods.plugins import find
from pods.wording import one_line


def build_strategies(config: Config, services: Any) -> Mapping[str, IRoutingStrategy]:
    """The strategies that the router and its rules name, by name.

    :param services: an ``IServices``.
    :raises pods.errors.ConfigurationError: with the faults of all of them, keyed below
        ``strategy`` and ``strategies.NAME``.
    """
    faults: list[Fault] = []
    built: dict[str, IRoutingStrategy] = {}
    for name, (key, options) in _strategy_options(config).items():
        try:
            factory = find(IRoutingStrategyFactory, name)
            built[name] = _built(factory, options, services, IRoutingStrategy, key)
        except ConfigurationError as error:
            faults.extend(error.in_file(config.file).faults)
    if faults:
        raise ConfigurationError(*faults)
    return MappingProxyType(built)


def build_delay(config: Config, services: Any) -> IDelayPolicy:
    """The delay policy of ``[not_found]``.

    :param services: an ``IServices``.
    :raises pods.errors.ConfigurationError: with its faults, keyed below ``not_found``.
    """
    try:
        factory = find(IDelayPolicyFactory, config.not_found.delay)
        options = config.not_found.options
        policy: IDelayPolicy = _built(factory, options, services, IDelayPolicy, "not_found")
    except ConfigurationError as error:
        raise error.in_file(config.file) from error
    return policy


def _strategy_options(config: Config) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """The options of each strategy, and the key under which they stand."""
    options = {
        rule.strategy: (f"strategies.{rule.strategy}", config.strategies.get(rule.strategy, {}))
        for rule in config.rules
        if rule.strategy is not None
    }
    return options | {config.router.strategy: ("strategy", config.strategy)}


def _built(
    factory: Any, options: Mapping[str, Any], services: Any, interface: Any, key: str
) -> Any:
    """What a factory makes, with whatever it raises said as faults below ``key``."""
    try:
        product = factory.from_config(options, services)
    except ConfigurationError as error:
        raise error.in_file("", under=key) from error
    except Exception as error:  # a plugin may raise anything; the file and the key still help
        said = f"{type(error).__name__}: {one_line(error)}"
        raise ConfigurationError(Fault(key, f'plugin "{factory.name}" failed: {said}')) from error
    if not interface.providedBy(product):
        problem = (
            f'plugin "{factory.name}" made no {interface.__name__} but {type(product).__name__}'
        )
        raise ConfigurationError(Fault(key, problem))
    return product
