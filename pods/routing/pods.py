"""The configured pods, and which of them are healthy just now."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import attrs
from zope.interface import implementer

from pods.interfaces import IPods, PodInfo


@implementer(IPods)
class PodDirectory:
    """Knows every pod by name and region, and picks healthy ones by chance.

    :param infos: in the order of the configuration; names are unique and at most one
        pod is the latest.
    :param random: the source of chance.
    """

    def __init__(self, infos: Iterable[PodInfo], random: random.Random) -> None:
        self._pods = {info.name: info for info in infos}
        self._random = random
        self._latest = next((info.name for info in self._pods.values() if info.latest), "")

    @property
    def all(self) -> Sequence[PodInfo]:
        """All pods, in the order of the configuration."""
        return tuple(self._pods.values())

    @property
    def latest(self) -> PodInfo | None:
        """The pod that runs the newest release, or None if none is marked."""
        return self._pods.get(self._latest)

    def get(self, name: str) -> PodInfo | None:
        """The pod of that name, or None."""
        return self._pods.get(name)

    def in_region(self, region: str | None) -> Sequence[PodInfo]:
        """The pods of that region, in order; all if ``region`` is None."""
        return tuple(pod for pod in self._pods.values() if region in (None, pod.region))

    def random(self, region: str | None = None, exclude: Iterable[str] = ()) -> PodInfo | None:
        """A random pod: a healthy one of the region, else a healthy one, else a sick one.

        :param region: None: any.
        :param exclude: names that must not come back.
        :returns: None only if every pod is excluded.
        """
        excluded = frozenset(exclude)
        allowed = [pod for pod in self._pods.values() if pod.name not in excluded]
        near = [pod for pod in allowed if region in (None, pod.region)]
        candidates = _healthy(near) or _healthy(allowed) or near or allowed
        return self._random.choice(candidates) if candidates else None

    def set_healthy(self, name: str, healthy: bool) -> None:
        """Say that a pod is well or sick; those who pick pods see it from now on.

        :raises KeyError: no pod has that name.
        """
        self._pods[name] = attrs.evolve(self._pods[name], healthy=healthy)


def _healthy(pods: Sequence[PodInfo]) -> list[PodInfo]:
    return [pod for pod in pods if pod.healthy]
