"""``pod.toml`` as a frozen value, or every fault that is in it.

It is read by the machinery that reads ``router.toml``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any

import attrs

from pods.config import checks, endpoints, read_toml
from pods.config.reading import NOTHING, Place, Source, Table
from pods.errors import ConfigurationError, Fault
from pods.protocol import DEFAULT_HEADER_PREFIX
from pods.reference.database_settings import DatabaseSettings, DatabasesReader, note_regions
from pods.reference.databases import Places, default_places
from pods.reference.moves.holding import HOLD_SECONDS
from pods.reference.ownership import Cluster
from pods.reference.seed import SEEDED_PODS
from pods.wording import shown


@attrs.frozen(kw_only=True)
class SiblingSettings:
    """``[pods.NAME]``: one of all pods, this one included."""

    region: Annotated[str, checks.name]
    legacy: Annotated[bool, checks.flag] = False


@attrs.frozen(kw_only=True)
class OwnSettings:
    """``[pod]``: the pod that this file is for."""

    name: Annotated[str, checks.pod_of_this_file]
    listen: Annotated[str, endpoints.server]
    shared_dir: Annotated[str, checks.path("a folder")]
    data_dir: Annotated[str, checks.path("a folder")]
    header_prefix: Annotated[str, checks.header_prefix] = DEFAULT_HEADER_PREFIX
    latency_seconds: Annotated[float, checks.seconds(0, 60)] = 0
    hold_seconds: Annotated[float, checks.seconds(0, 60)] = HOLD_SECONDS
    seed: Annotated[bool, checks.flag] = False


@attrs.frozen(kw_only=True)
class SessionSettings:
    """``[sessions]``: what a user who signed in carries; the same for all pods."""

    kind: Annotated[str, checks.one_of("store", "token")] = "store"


@attrs.frozen
class _Siblings:
    """Reads ``[pods]``: one table for each pod, exactly one of them the legacy pod."""

    allowed: str = "a table [pods.NAME] for every pod, this one included"

    def read(self, value: Any, place: Place) -> Any:
        if not isinstance(value, Mapping) or not value:
            place.fault("is missing" if value == {} else f"is {shown(value)}", self.allowed)
            return NOTHING
        for name in value:
            checks.name.read(name, place.at(name))
        tables = {
            name: Table(SiblingSettings).read(table, place.at(name))
            for name, table in value.items()
        }
        self._note_legacy(tables, place)
        return MappingProxyType(tables)

    def _note_legacy(self, tables: Mapping[str, SiblingSettings], place: Place) -> None:
        legacy = [name for name, table in tables.items() if table.legacy]
        if len(legacy) != 1:
            place.fault(f"{len(legacy)} of them say legacy = true", "exactly one legacy pod")


@attrs.frozen(kw_only=True)
class PodSettings:
    """A whole ``pod.toml``."""

    file: str  #: where it was read, as it was named
    pod: Annotated[OwnSettings, Table(OwnSettings)]
    pods: Annotated[Mapping[str, SiblingSettings], _Siblings()]
    databases: Annotated[Mapping[str, DatabaseSettings], DatabasesReader()] = NOTHING
    sessions: Annotated[SessionSettings, Table(SessionSettings)] = SessionSettings()

    @property
    def places(self) -> Mapping[str, Places]:
        """Where each database is for this pod."""
        region = self.cluster.region
        found = default_places(self.pod.shared_dir, self.pod.data_dir, region)
        return found | {
            name: Places(table.primary, table.replicas.get(region), table.copy_seconds)
            for name, table in self.databases.items()
        }

    @property
    def cluster(self) -> Cluster:
        """All pods, as this one sees them."""
        regions = {name: sibling.region for name, sibling in self.pods.items()}
        (legacy,) = (name for name, sibling in self.pods.items() if sibling.legacy)
        return Cluster(me=self.pod.name, regions=MappingProxyType(regions), legacy=legacy)


def load(path: str) -> PodSettings:
    """The settings in a file.

    :param path: relative paths in the file start at its folder.
    :raises pods.errors.ConfigurationError: with every fault of the file.
    """
    return from_mapping(read_toml(path), path, os.path.dirname(path))


def from_mapping(table: Mapping[str, Any], file: str, base_dir: str) -> PodSettings:
    """The settings in an already parsed file.

    :param file: what faults call it.
    :param base_dir: where relative paths start.
    :raises pods.errors.ConfigurationError: with every fault.
    """
    pods = table.get("pods")
    names = frozenset(pods if isinstance(pods, Mapping) else ())
    faults: list[Fault] = []
    place = Place(Source(os.path.abspath(base_dir), pod_names=names), faults)
    settings: PodSettings = Table(PodSettings).read(
        {"pod": {}, "pods": {}} | dict(table), place, file=file
    )
    if not faults:
        note_regions(settings.databases, frozenset(settings.cluster.regions.values()), place)
    if not faults and settings.pod.seed and not names >= SEEDED_PODS:
        wanted = ", ".join(sorted(SEEDED_PODS))
        faults.append(Fault("pod.seed", "the demo tenants live on other pods", f"pods {wanted}"))
    if faults:
        raise ConfigurationError(*faults).in_file(file)
    return settings
