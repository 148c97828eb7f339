"""The router as a Twisted service: starting, reloading, draining."""

from __future__ import annotations

import os
from random import Random, SystemRandom
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, DeferredLock
from twisted.internet.interfaces import IAddress
from twisted.logger import Logger
from twisted.python.failure import Failure

from pods.accesslog import AccessLog, NoAccessLog
from pods.checking import faults_of
from pods.clients import ClientFactory
from pods.config import Config, LogConfig, load
from pods.errors import ConfigurationError
from pods.following import Follower
from pods.http1.server import ClientConnection
from pods.lasting import Lasting
from pods.listeners import CannotStart, Listeners
from pods.monitor import Monitor
from pods.readiness import Readiness
from pods.router import Router
from pods.surroundings import Surroundings

#: How long the last connections may take to notice that they have been broken off.
ABORT_SECONDS = 1.0


class RouterService(Service):
    """Runs one router.

    :param reactor: the reactor; named nowhere below this.
    :param random: the source of chance.
    :param surroundings: what it listens by and logs to; those of a single process by default.
    :raises pods.errors.ConfigurationError: see :class:`pods.router.Router`.
    """

    name = "pods"
    _log = Logger()

    def __init__(
        self,
        config: Config,
        reactor: Any,
        random: Random | None = None,
        surroundings: Surroundings | None = None,
    ) -> None:
        self._reactor = reactor
        self._file = os.path.abspath(config.file)  # a daemon leaves its folder
        self._data_dir = config.router.data_dir  # until the next start, as for the store
        self._surroundings = surroundings or Surroundings(reactor)
        lasting = Lasting.begin(
            config, reactor, self._surroundings.store(config), chance=random or SystemRandom()
        )
        self.router = Router(config, reactor, lasting)
        self._follower = Follower(lasting.memory, reactor)
        self._listeners = Listeners(self._surroundings.endpoint, ClientFactory(self._client))
        self._monitor = Monitor(reactor, self._metrics, self._told)
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

        :raises CannotStart: a listener or the access log cannot be opened, or the file of keys
            holds something else.
        """
        super().startService()  # type: ignore[no-untyped-call]
        try:
            self.router.lasting.keys = self._surroundings.keys(self._data_dir)
        except ConfigurationError as error:
            raise CannotStart(str(error)) from error
        Deferred.fromCoroutine(self._open_memory())
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
        if self._is_stopping:  # or else it would listen again
            return
        faults = faults_of(self._file)
        for fault in faults:
            self._log.error("Not reloaded: {fault}", fault=str(fault))
        if faults:
            return
        try:
            await self.change_to(load(self._file))
        except (ConfigurationError, CannotStart) as error:
            self._log.error("Not reloaded: {fault}", fault=str(error))
        else:
            self._log.info("Reloaded {file}", file=self._file)

    async def change_to(self, config: Config) -> None:
        """Go on under another configuration, without dropping a connection.

        :raises pods.errors.ConfigurationError: see :class:`pods.router.Router`.
        :raises CannotStart: something cannot be opened.  Nothing has changed then.
        """
        before = self.router
        try:
            ring = self._surroundings.keys(self._data_dir, before.lasting.keys)
            router = Router(config, self._reactor, before.lasting, before)
            await self._monitor.open(config.admin)
            await self._listeners.open(config.router.listen)
            if config.log != before.config.log:
                self._replace_access_log(config.log)
        except (ConfigurationError, CannotStart):
            await self._listeners.close_all_but(before.config.router.listen)
            await self._monitor.close_all_but(before.config.admin)
            raise
        self.router = router
        router.lasting.keys = ring
        router.take_over(before)
        await self._listeners.close_all_but(config.router.listen)
        await self._monitor.close_all_but(config.admin)

    async def _told(self) -> Readiness:
        return self.readiness()

    async def _metrics(self) -> bytes:
        # Loaded only for those who ask: it stands on a library.
        from pods.metrics import exposition

        return exposition(self.router)

    def _client(self) -> ClientConnection:
        return ClientConnection(self.router, self.router.server_settings)

    def _replace_access_log(self, log: LogConfig) -> None:
        old, new = self._access_log, None
        if log.access:
            new = self._surroundings.access_log(log)
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

    async def _open_memory(self) -> None:
        """Requests do not wait for this; those whose route may be on disk wait for that."""
        await self.router.memory.open()
        if not self._is_stopping:
            self._follower.start()

    async def _stop(self) -> None:
        await self._listeners.close_all_but([])
        await self._drain(self.router.config.timeouts.shutdown)
        self.router.abort()
        await self._drain(ABORT_SECONDS)
        self._follower.stop()
        await self.router.memory.close()
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
