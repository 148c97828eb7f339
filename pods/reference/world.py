"""A whole world on loopback: four pods in two regions, a router in each region, shared
databases, and the tenants and users of the proposals.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import attrs
from twisted.application.service import IService, MultiService
from twisted.internet.defer import Deferred, DeferredList, gatherResults
from twisted.internet.threads import deferToThreadPool

from pods import config
from pods.reference import settings
from pods.reference.moves.mover import MoveError, Patience, Progress, begin
from pods.reference.moves.running import run
from pods.reference.resource import Served
from pods.reference.service import PodService
from pods.reference.tenancy import Move
from pods.service import RouterService

PODS = MappingProxyType({"pod_us0": "us", "pod_us1": "us", "pod_eu0": "eu", "pod_eu1": "eu"})
ROUTERS = MappingProxyType({"router_us": "us", "router_eu": "eu"})
LEGACY_POD = "pod_us0"
BASE_PORT = 9100
PODS_OFFSET = 10  #: the pods' ports follow after so many for routers
LAST_OFFSET = PODS_OFFSET + len(PODS) - 1


@attrs.frozen(kw_only=True)
class WorldSettings:
    """What can be chosen about a world."""

    strategy: str  #: of both routers
    data_dir: str | None = None  #: absolute; None: a temporary folder that goes with the world
    base_port: int | None = BASE_PORT  #: the first of the ports; None: any that are free
    router_tables: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)  #: more for both
    pod_tables: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)  #: more for all pods


class World(MultiService):
    """All of it.  Making it opens nothing; starting it raises what starting a pod raises.

    :param reactor: for all pods and routers.
    :param chances: the source of chance of a router, by its name.
    :param observe: told of each request that a pod has answered.
    """

    def __init__(
        self,
        chosen: WorldSettings,
        reactor: Any,
        chances: Callable[[str], random.Random] = lambda router: random.Random(),
        observe: Callable[[Served], object] = lambda served: None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._chosen = chosen
        self._reactor = reactor
        self._chances = chances
        self._observe = observe
        self._temporary_dir: str | None = None
        self.ports: Mapping[str, int] = {}  #: of every router and pod, while it runs
        self.routers: Mapping[str, RouterService] = {}  #: likewise
        self.pods: Mapping[str, PodService] = {}  #: likewise

    def startService(self) -> None:
        """Start the pods, and then the routers."""
        data_dir = self._chosen.data_dir or self._make_temporary_dir()
        try:
            self._populate(data_dir)
            super().startService()  # type: ignore[no-untyped-call]
        except BaseException:
            self._remove_temporary_dir()
            raise

    def _populate(self, data_dir: str) -> None:
        self.ports = free_ports(self._chosen.base_port)
        self.pods = {name: self._make_pod(name, data_dir) for name in PODS}
        self.routers = {name: self._make_router(name, data_dir) for name in ROUTERS}
        for name, service in (*self.pods.items(), *self.routers.items()):
            service.name = name
            service.setServiceParent(self)

    def when_listening(self) -> Deferred[Any]:
        """Fires once every router and every pod can be asked."""
        listening = [router.when_listening() for router in self.routers.values()]
        return gatherResults(listening, consumeErrors=True)

    def stopService(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        for pod in self.pods.values():
            pod.end_waiting()
        for services in (self.routers, self.pods):  # routers finish what pods still answer
            stopping = [IService(service).disownServiceParent() for service in services.values()]
            await DeferredList([deferred for deferred in stopping if deferred is not None])
        self.routers, self.pods = {}, {}
        self.running = 0
        self._remove_temporary_dir()

    def move(
        self,
        organization: str,
        destination: str,
        observe: Callable[[Progress], object] = lambda progress: None,
        patience: Patience = Patience(),  # noqa: B008 - it is frozen
    ) -> Deferred[Move]:
        """Move an organization to another pod, while all of them answer.

        :param observe: told how far it is, in the mover's thread.
        :raises pods.reference.moves.mover.MoveError: it cannot begin, or not go on.
        """
        check_destination(destination)
        start = partial(begin, organization=organization, destination=destination)
        pods = [pod.settings for pod in self.pods.values()]
        pool = self._reactor.getThreadPool()
        return deferToThreadPool(self._reactor, pool, run, pods, start, observe, patience)

    def url(self, name: str) -> str:
        """The URL of a router or a pod, without a slash at its end."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def _make_temporary_dir(self) -> str:
        self._temporary_dir = tempfile.mkdtemp(prefix="pods-demo-")
        return self._temporary_dir

    def _remove_temporary_dir(self) -> None:
        if self._temporary_dir is not None:
            shutil.rmtree(self._temporary_dir)
            self._temporary_dir = None

    def _make_pod(self, name: str, data_dir: str) -> PodService:
        table = {
            **self._chosen.pod_tables,
            "pod": {
                "name": name,
                "listen": _listen(self.ports[name]),
                "shared_dir": os.path.join(data_dir, "shared"),
                "data_dir": os.path.join(data_dir, name),
                "seed": True,
            },
            "pods": {
                pod: {"region": region, "legacy": pod == LEGACY_POD} for pod, region in PODS.items()
            },
        }
        return PodService(
            settings.from_mapping(table, "demo", data_dir), self._reactor, self._observe
        )

    def _make_router(self, name: str, data_dir: str) -> RouterService:
        table = {
            **self._chosen.router_tables,
            "router": {
                "listen": [_listen(self.ports[name])],
                "region": ROUTERS[name],
                "strategy": self._chosen.strategy,
                "data_dir": os.path.join(data_dir, name),
            },
            "pods": {
                pod: {"url": self.url(pod), "region": region, "latest": pod == LEGACY_POD}
                for pod, region in PODS.items()
            },
        }
        chance = self._chances(name)
        return RouterService(config.from_mapping(table, "demo", data_dir), self._reactor, chance)


def check_destination(pod: str) -> None:
    """Make sure that an organization can move to a pod of that name.

    :raises pods.reference.moves.mover.MoveError: there is none.
    """
    if pod not in PODS:
        raise MoveError(f"there is no pod {pod!r}; there are {', '.join(PODS)}")


def _listen(port: int) -> str:
    return f"tcp:{port}:interface=127.0.0.1"


def free_ports(base_port: int | None) -> dict[str, int]:
    """A port on loopback for each router and pod.

    :param base_port: the first one if they are free; others are taken where they are not, and
        for all if it is None.
    """
    sockets = {}
    try:
        for name in (*ROUTERS, *PODS):
            sockets[name] = _bound(0 if base_port is None else base_port + _offset(name))
        return {name: bound.getsockname()[1] for name, bound in sockets.items()}
    finally:
        for bound in sockets.values():
            bound.close()


def _offset(name: str) -> int:
    if name in ROUTERS:
        return list(ROUTERS).index(name)
    return PODS_OFFSET + list(PODS).index(name)


def _bound(port: int) -> socket.socket:
    """A socket bound to that port, or to any if it is taken."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(("127.0.0.1", port))
    except OSError:
        bound.bind(("127.0.0.1", 0))
    return bound
