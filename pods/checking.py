"""Everything that is wrong in a configuration file, without starting anything."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from hashlib import blake2b
from random import Random
from typing import Any, NoReturn

import attrs
from twisted.internet.task import Clock
from zope.interface import implementer

from pods.config import Config, examine, parse_toml, read_text
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
    _key: bytes = attrs.field(factory=lambda: os.urandom(32), repr=False)

    @classmethod
    def of(cls, config: Config) -> OfflineServices:
        """The services that the router of this configuration would have."""
        infos = [PodInfo(pod.name, pod.region, pod.latest) for pod in config.pods.values()]
        directory = PodDirectory(infos, Random())
        return cls(directory, config.router.region, config.router.header_prefix)

    async def ask(self, pod: str, target: str, within_seconds: float = 10.0) -> NoReturn:
        """Refuses.

        :raises pods.errors.AskFailed: always.
        """
        raise AskFailed(f"this router does not run: {pod} was not asked for {target}")

    def secret(self, purpose: str) -> bytes:
        """32 bytes that are gone with these services; no file is read or made."""
        return blake2b(purpose.encode(), digest_size=32, key=self._key).digest()

    def counter(self, name: str, help: str, label: str = "", values: Iterable[str] = ()) -> Tally:
        """A counter that nobody will see."""
        return self._tallies.declare(name, help, label, values)


@attrs.frozen
class Checked:
    """A configuration without faults.

    :param text: what stood in the file.
    """

    config: Config
    text: str


def faults_of(path: str) -> tuple[Fault, ...]:
    """Every fault of a configuration file, its plugins' options included.

    :param path: of a ``router.toml``.
    """
    try:
        checked(path)
    except ConfigurationError as error:
        return error.faults
    return ()


def checked(path: str) -> Checked:
    """What stands in a configuration file.

    :param path: of a ``router.toml``.
    :raises pods.errors.ConfigurationError: with every fault, plugins' options included.
    """
    text = read_text(path)
    config, faults = examine(parse_toml(text, path), path, os.path.dirname(path))
    faults = (*faults, *_plugins_faults(config))
    if not faults:
        faults = _folders_faults(config)
    if faults:
        raise ConfigurationError(*faults)
    return Checked(config, text)


def _folders_faults(config: Config) -> tuple[Fault, ...]:
    """Folders that cannot be made or written by whoever asks; nothing is tried."""
    data_dir, spool_dir = config.router.data_dir, config.body.spool_dir
    found = {"router.data_dir": _wrong_with(data_dir)}
    if not (found["router.data_dir"] and spool_dir.startswith(data_dir + os.sep)):
        found["body.spool_dir"] = _wrong_with(spool_dir)
    allowed = "a folder that can be made or written"
    return tuple(Fault(key, wrong, allowed, config.file) for key, wrong in found.items() if wrong)


def _wrong_with(folder: str) -> str:
    there = folder
    while not os.path.lexists(there):
        there = os.path.dirname(there)
    if not os.path.isdir(there):
        return f"cannot be made: {there} is no folder"
    if not os.access(there, os.W_OK | os.X_OK):
        return f"cannot be {'written' if there == folder else 'made'}: {there} is not writable"
    return ""


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
