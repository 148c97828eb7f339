"""Everything that is wrong in a configuration file, without starting anything."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from random import Random
from typing import Any, NoReturn

import attrs
from twisted.internet.task import Clock
from zope.interface import implementer

from pods.config import Config, examine, read_toml
from pods.errors import AskFailed, ConfigurationError, Fault
from pods.extensions import build_delay, build_strategies
from pods.interfaces import IPods, IServices, PodInfo
from pods.routing.pods import PodDirectory
from pods.tallies import Tallies, Tally


@implementer(IServices)
@attrs.frozen
class OfflineServices:
    """The services of a router that does not run: nobody can be asked, and time stands still."""

    pods: IPods
    region: str | None
    header_prefix: str
    random: Random = attrs.field(factory=Random)
    clock: Clock = attrs.field(factory=Clock)
    _tallies: Tallies = attrs.field(factory=Tallies)

    @classmethod
    def of(cls, config: Config) -> OfflineServices:
        """The services that the router of this configuration would have."""
        infos = [PodInfo(pod.name, pod.region, pod.latest) for pod in config.pods.values()]
        directory = PodDirectory(infos, Random())
        return cls(directory, config.router.region, config.router.header_prefix)

    async def ask(self, pod: str, target: str) -> NoReturn:
        """Refuses.

        :raises pods.errors.AskFailed: always.
        """
        raise AskFailed(f"this router does not run: {pod} was not asked for {target}")

    def counter(self, name: str, help: str, label: str = "", values: Iterable[str] = ()) -> Tally:
        """A counter that nobody will see."""
        return self._tallies.declare(name, help, label, values)


def faults_of(path: str) -> tuple[Fault, ...]:
    """Every fault of a configuration file, its plugins' options included.

    :param path: of a ``router.toml``.
    """
    try:
        table = read_toml(path)
    except ConfigurationError as error:
        return error.faults
    config, faults = examine(table, path, os.path.dirname(path))
    return (*faults, *_plugins_faults(config))


def _plugins_faults(config: Config) -> tuple[Fault, ...]:
    """What the plugins find wrong; those that could not be found are faults already."""
    services = OfflineServices.of(config)
    found: tuple[Fault, ...] = ()
    if config.router.strategy is not None:
        found += _faults(lambda: build_strategies(config, services))
    if config.not_found.delay is not None:
        found += _faults(lambda: build_delay(config, services))
    return found


def _faults(build: Callable[[], Any]) -> tuple[Fault, ...]:
    try:
        build()
    except ConfigurationError as error:
        return error.faults
    return ()
