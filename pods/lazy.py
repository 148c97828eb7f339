"""Factories that name their module and import it only when they are used.

Every process that looks for plugins imports every dropin, so a dropin must not
import what it offers::

    bounce = LazyStrategy("bounce", "pods.strategies.bounce")

The module holds a function ``from_config(options, services)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from zope.interface import implementer

from pods.interfaces import IDelayPolicyFactory, IRoutingStrategyFactory


class _Lazy:
    """A factory's name, and where the factory is.

    :param name: what ``router.toml`` names.
    :param module: the full name of the module with ``from_config``.
    """

    def __init__(self, name: str, module: str) -> None:
        self.name = name
        self.module = module

    def from_config(self, options: Mapping[str, Any], services: Any) -> Any:
        return import_module(self.module).from_config(options, services)


@implementer(IRoutingStrategyFactory)
class LazyStrategy(_Lazy):
    """A routing strategy in a module of its own."""


@implementer(IDelayPolicyFactory)
class LazyDelay(_Lazy):
    """A delay policy in a module of its own."""
