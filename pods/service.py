"""The router as a Twisted service: starting, reloading, draining."""

from __future__ import annotations

import os
import random
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, DeferredLock
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure

from pods.accesslog import AccessLog, NoAccessLog
from pods.checking import faults_of
from pods.config import Config, LogConfig, load
from pods.errors import ConfigurationError
from pods.http1.server import ClientConnection
from pods.listeners import CannotStart, Listeners
from pods.monitor import Monitor
from pods.readiness import Readiness
from pods.router import Router

#: How long the last connections may take to notice that they have been broken off.
ABORT_SECONDS = 1.0


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
        self._reactor = reactor
        self._file = os.path.abspath(config.file)  # a daemon leaves its folder
        self._listeners = Listeners(reactor, self._client_factory())
        self._monitor = Monitor(reactor, lambda: self.router, self.readiness)
        self._is_stopping = False
        self._access_log: AccessLog | None = None
        self._reloading = DeferredLock()
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

    def readiness(self) -> Readiness:
        """Whether it is fit to serve just now."""
        is_listening = self._outcome is not None and not isinstance(self._outcome, Failure)
        return Readiness(is_listening, self._is_stopping, self.router.health.states)

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
        self._replace_access_log(self.router.config.log)
        self.router.start()
        if self._listening is None:
            self._open_listeners()

    def reopen_logs(self) -> None:
        """The access log has been rotated: open its name anew."""
        if self._access_log is not None:
            self._access_log.reopen()

    def reload(self) -> Deferred[None]:
        """Read the configuration file again, and go on under it if it is right; reopen the logs.

        No connection is dropped.  A faulty configuration changes nothing; its faults are logged.
        """
        self.reopen_logs()
        reloaded = self._reloading.run(lambda: Deferred.fromCoroutine(self._reload()))
        return reloaded.addErrback(self._reload_failed)

    def stopService(self) -> Deferred[None]:
        super().stopService()  # type: ignore[no-untyped-call]
        self._is_stopping = True
        return Deferred.fromCoroutine(self._stop())

    def _reload_failed(self, failure: Failure) -> None:
        self._log.failure("Not reloaded: the router failed", failure)

    async def _reload(self) -> None:
        faults = faults_of(self._file)
        for fault in faults:
            self._log.error("Not reloaded: {fault}", fault=str(fault))
        if faults:
            return
        before = self.router
        try:
            router = Router(load(self._file), self._reactor, before=before)
            await self._monitor.open(router.config.admin)
            await self._listeners.open(router.config.router.listen)
            if router.config.log != before.config.log:
                self._replace_access_log(router.config.log)
        except (ConfigurationError, CannotStart) as error:
            self._log.error("Not reloaded: {fault}", fault=str(error))
            await self._listeners.close_all_but(before.config.router.listen)
            await self._monitor.close_all_but(before.config.admin)
            return
        self.router = router
        router.take_over(before)
        await self._listeners.close_all_but(router.config.router.listen)
        await self._monitor.close_all_but(router.config.admin)
        self._log.info("Reloaded {file}", file=self._file)

    def _client_factory(self) -> Factory[Any]:
        factory = Factory.forProtocol(
            lambda: ClientConnection(self.router, self.router.server_settings)
        )
        factory.noisy = False
        return factory

    def _replace_access_log(self, log: LogConfig) -> None:
        old, new = self._access_log, None
        if log.access:
            new = AccessLog(log.access, log.format, self._reactor)
            try:
                new.start()
            except OSError as error:
                raise CannotStart(f"cannot write log.access: {error}") from error
        self._access_log = new
        self.router.lasting.access_log = new or NoAccessLog()
        if old is not None:
            old.stop()

    def _open_listeners(self) -> None:
        self._listening = Deferred.fromCoroutine(self._listen()).addBoth(self._tell_waiters)
        if isinstance(self._outcome, Failure):  # at once, as with all of Twisted's own endpoints
            self._outcome.raiseException()
        self._listening.addCallback(self._stop_unless_listening)

    async def _listen(self) -> list[IAddress]:
        await self._monitor.open(self.router.config.admin)
        await self._listeners.open(self.router.config.router.listen)
        return self._listeners.addresses

    def _stop_unless_listening(self, told: None) -> None:
        """An endpoint that takes its time may fail when everything else runs."""
        if isinstance(self._outcome, Failure):
            self._log.critical("{error}", error=self._outcome.getErrorMessage())
            self._reactor.stop()

    async def _stop(self) -> None:
        await self._listeners.close_all_but([])
        await self._drain(self.router.config.timeouts.shutdown)
        self.router.abort()
        await self._drain(ABORT_SECONDS)
        if self._access_log is not None:
            self._access_log.stop()
        await self._monitor.stop()

    async def _drain(self, seconds: float) -> None:
        drained = self.router.clients.drain().addTimeout(seconds, self._reactor)
        await DeferredList([drained], consumeErrors=True)

    def _tell_waiters(self, outcome: list[IAddress] | Failure) -> None:
        self._outcome = outcome
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.callback(self._outcome)
