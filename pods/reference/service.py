"""One reference pod as a service: opens its databases and listens when it starts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IProtocolFactory,
    IStreamServerEndpoint,
)
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool
from twisted.protocols.policies import WrappingFactory
from twisted.python.failure import Failure
from twisted.web.http import Request
from twisted.web.server import Site

from pods import keys
from pods.errors import ConfigurationError, PodsError
from pods.protocol import HeaderNames
from pods.reference import seed
from pods.reference.api import paths
from pods.reference.application import Application, Pod
from pods.reference.databases import Databases, UnusableError, open_databases
from pods.reference.moves.holding import Holding
from pods.reference.replication import Replication
from pods.reference.resource import PodResource, Served
from pods.reference.sessions import Kind as SessionKind
from pods.reference.sessions import SignedSessions, StoredSessions
from pods.reference.settings import PodSettings
from pods.reference.views import VIEWS
from pods.reference.waiting import Bell


class PodStartError(PodsError):
    """A database or the keys cannot be read, or the endpoint cannot be listened on."""


class _Site(Site):
    noisy = False

    def log(self, request: Request) -> None:
        """Nothing: the resource says what was answered, and by which pod."""


class PodService(Service):
    """One reference pod.  Making it opens nothing.

    :param reactor: IReactorTime, IReactorThreads, and whatever the listening endpoint needs.
    :param observe: told of each request that was answered.
    """

    def __init__(
        self,
        settings: PodSettings,
        reactor: Any,
        observe: Callable[[Served], object] = lambda served: None,
    ) -> None:
        self.settings = settings
        self._reactor = reactor
        self._observe = observe
        self._databases: Databases | None = None
        self._bell = Bell(reactor)
        self._holding: Holding | None = None
        self._replication: Replication | None = None
        self._site: WrappingFactory | None = None
        self._port: IListeningPort | None = None

    @property
    def address(self) -> IAddress:
        """Where the pod listens; only while it runs."""
        if self._port is None:
            raise RuntimeError("the pod does not run")
        return self._port.getHost()

    def startService(self) -> None:
        """Open everything.

        :raises PodStartError: with the reason, and nothing left open.
        """
        own = self.settings.pod
        self._bell.open()
        try:
            self._databases = open_databases(self.settings.places, own.name)
            self._site = WrappingFactory(self._make_site(self._databases))
            self._site.noisy = False
            self._port = _listen(serverFromString(self._reactor, own.listen), self._site)
            self._replication = self._start_replication(self._databases)
        except (UnusableError, ConfigurationError, CannotListenError) as error:
            self._close()
            reason = "; ".join(str(error).splitlines())
            raise PodStartError(
                f"{self.settings.file}: {own.name} cannot start: {reason}"
            ) from error
        super().startService()  # type: ignore[no-untyped-call]

    def end_waiting(self) -> None:
        """Answer everybody who waits for work, and let nobody wait until the next start."""
        self._bell.close()

    async def _stop(self) -> None:
        if self._port is not None:
            await maybeDeferred(self._port.stopListening)
            self._port = None
        if self._replication is not None:
            await self._replication.stop()
            self._replication = None
        self._close()

    def stopService(self) -> Deferred[None]:
        super().stopService()  # type: ignore[no-untyped-call]
        return Deferred.fromCoroutine(self._stop())

    def _close(self) -> None:
        """Let go of the clients and of the databases."""
        if self._site is not None:
            for connection in list(self._site.protocols):
                connection.abortConnection()
        if self._holding is not None:
            self._holding.stop()
        if self._databases is not None:
            self._databases.close()
        self._site = self._holding = self._databases = None

    def _make_site(self, databases: Databases) -> Site:
        own, pod = self.settings.pod, self._pod(databases)
        if own.seed:
            seed.plant(pod.view, pod.people, pod.tenants, own.name)
            databases.catch_up()
        self._holding = Holding(self._reactor, databases, own.name)
        application = Application(pod, VIEWS, paths.view, self._holding, own.hold_seconds)
        resource = PodResource(own.name, application.answer, self._wait, self._observe)
        return _Site(resource, reactor=self._reactor)  # type: ignore[no-untyped-call]

    def _start_replication(self, databases: Databases) -> Replication:
        replication = Replication(databases.replicas(), self._reactor, self._in_thread)
        replication.start()
        return replication

    def _pod(self, databases: Databases) -> Pod:
        return Pod(
            cluster=self.settings.cluster,
            names=HeaderNames(self.settings.pod.header_prefix),
            databases=databases,
            in_thread=self._in_thread,
            bell=self._bell,
            session_kind=self._session_kind(),
        )

    def _session_kind(self) -> SessionKind:
        if self.settings.sessions.kind == "store":
            return StoredSessions
        return partial(SignedSessions, keys=keys.load(self.settings.pod.shared_dir))

    def _in_thread(self, function: Callable[..., Any], *arguments: object) -> Deferred[Any]:
        pool = self._reactor.getThreadPool()
        return deferToThreadPool(self._reactor, pool, function, *arguments)

    def _wait(self) -> Deferred[None]:
        return deferLater(self._reactor, self.settings.pod.latency_seconds)


def _listen(endpoint: IStreamServerEndpoint, factory: IProtocolFactory) -> IListeningPort:
    """Listen at once, as every endpoint of Twisted's own does.

    :raises twisted.internet.error.CannotListenError: the address is taken, or not ours.
    """
    outcome: list[Any] = []
    endpoint.listen(factory).addBoth(outcome.append)
    (port,) = outcome
    if isinstance(port, Failure):
        port.raiseException()
    return port  # type: ignore[no-any-return]
