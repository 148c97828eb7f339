"""The router as a Twisted service: listening, draining, log files."""

from __future__ import annotations

import random
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure

from pods.accesslog import AccessLog
from pods.config import Config
from pods.errors import PodsError
from pods.http1.server import ClientConnection
from pods.router import Router

#: How long the last connections may take to notice that they have been broken off.
ABORT_SECONDS = 1.0


class CannotStart(PodsError):
    """A listening endpoint or the access log cannot be opened."""


class RouterService(Service):
    """Runs one router.

    :param reactor: the reactor; named nowhere below this.
    :param random: the source of chance.
    :raises pods.errors.ConfigurationError: see :class:`pods.router.Router`.
    """

    name = "pods"
    _log = Logger()

    def __init__(self, config: Config, reactor: Any, random: random.Random | None = None) -> None:
        self.router = Router(config, reactor, random)
        self._config = config
        self._reactor = reactor
        self._ports: list[IListeningPort] = []
        self._access_log: AccessLog | None = None
        self._listening: Deferred[None] | None = None
        self._outcome: Any = None  #: addresses, or the Failure to listen
        self._waiters: list[Deferred[list[IAddress]]] = []

    def when_listening(self) -> Deferred[list[IAddress]]:
        """Fires with the addresses once all listeners are open; fails if one cannot be."""
        waiter: Deferred[list[IAddress]] = Deferred()
        if self._outcome is None:
            self._waiters.append(waiter)
        else:
            waiter.callback(self._outcome)
        return waiter

    def privilegedStartService(self) -> None:
        """Open the listeners while privileges for low ports are still there.

        :raises CannotStart: one of them cannot be opened.
        """
        super().privilegedStartService()  # type: ignore[no-untyped-call]
        self._open_listeners()

    def startService(self) -> None:
        """Serve.

        :raises CannotStart: a listener or the access log cannot be opened.
        """
        super().startService()  # type: ignore[no-untyped-call]
        self._open_access_log()
        if self._listening is None:
            self._open_listeners()

    def reopen_logs(self) -> None:
        """The access log has been rotated: open its name anew."""
        if self._access_log is not None:
            self._access_log.reopen()

    def stopService(self) -> Deferred[None]:
        super().stopService()  # type: ignore[no-untyped-call]
        return Deferred.fromCoroutine(self._stop())

    def _open_access_log(self) -> None:
        log = self._config.log
        if not log.access:
            return
        access_log = AccessLog(log.access, log.format, self._reactor)
        try:
            access_log.start()
        except OSError as error:
            raise CannotStart(f"cannot write log.access: {error}") from error
        self._access_log = self.router.access_log = access_log

    def _open_listeners(self) -> None:
        self._listening = Deferred.fromCoroutine(self._listen()).addBoth(self._tell_waiters)
        if isinstance(self._outcome, Failure):  # at once, as with all of Twisted's own endpoints
            self._outcome.raiseException()
        self._listening.addCallback(self._stop_unless_listening)

    async def _listen(self) -> list[IAddress]:
        factory = Factory.forProtocol(
            lambda: ClientConnection(self.router, self.router.server_settings)
        )
        factory.noisy = False
        for description in self._config.router.listen:
            try:
                endpoint = serverFromString(self._reactor, description)
                self._ports.append(await endpoint.listen(factory))
            except Exception as error:
                raise CannotStart(f"cannot listen on {description}: {error}") from error
            self._log.info("Listening on {address}", address=self._ports[-1].getHost())
        return [port.getHost() for port in self._ports]

    def _stop_unless_listening(self, told: None) -> None:
        """An endpoint that takes its time may fail when everything else runs."""
        if isinstance(self._outcome, Failure):
            self._log.critical("{error}", error=self._outcome.getErrorMessage())
            self._reactor.stop()

    async def _stop(self) -> None:
        for port in self._ports:
            await maybeDeferred(port.stopListening)
        await self._drain(self._config.timeouts.shutdown)
        self.router.abort()
        await self._drain(ABORT_SECONDS)
        if self._access_log is not None:
            self._access_log.stop()

    async def _drain(self, seconds: float) -> None:
        drained = self.router.drain().addTimeout(seconds, self._reactor)
        await DeferredList([drained], consumeErrors=True)

    def _tell_waiters(self, outcome: list[IAddress] | Failure) -> None:
        self._outcome = outcome
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.callback(self._outcome)
