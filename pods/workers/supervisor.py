"""The process that opens the sockets, and looks after those that accept on them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure

from pods import keys
from pods.accesslog import STANDARD_OUTPUT, open_log
from pods.checking import Checked, checked
from pods.config import Config
from pods.errors import ConfigurationError
from pods.keys import KeyRing
from pods.listeners import CannotStart, Listeners
from pods.monitor import Monitor
from pods.workers.crew import Crew
from pods.workers.line import Message
from pods.workers.sockets import HeldSockets, Offer
from pods.workers.watching import CrewReadiness, crew_numbers


class Supervisor(Service):
    """Runs one router in several processes.

    :param start: the configuration to begin with.
    """

    name = "pods"
    _log = Logger()

    def __init__(self, start: Checked, reactor: Any) -> None:
        self._checked = start
        self._reactor = reactor
        self._file = os.path.abspath(start.config.file)  # a daemon leaves its folder
        self._data_dir = start.config.router.data_dir
        self._keys: KeyRing | None = None  #: those that the workers use
        self._sockets = HeldSockets(reactor)
        self._listeners = Listeners(self._sockets.endpoint, _Nobody())
        self._monitor = Monitor(reactor, self._metrics, self._told)
        self._crew = Crew(reactor, self._words)
        self._reloading = DeferredLock()
        self._is_stopping = False
        self._listening: Deferred[None] | None = None
        self._failures: list[Failure] = []  #: of opening

    @property
    def config(self) -> Config:
        """What the workers serve by."""
        return self._checked.config

    @property
    def addresses(self) -> Sequence[IAddress]:
        """Where clients can connect to."""
        return self._listeners.addresses

    def privilegedStartService(self) -> None:
        """Open the sockets while privileges for low ports are still there.

        :raises CannotStart: one of them cannot be opened.
        """
        super().privilegedStartService()  # type: ignore[no-untyped-call]
        self._open()

    def startService(self) -> None:
        """Start the workers.

        :raises CannotStart: a socket or the access log cannot be opened, or the file of keys
            holds something else.
        """
        super().startService()  # type: ignore[no-untyped-call]
        self._load_keys()
        _try_access_log(self.config)
        if self._listening is None:
            self._open()
        assert self._listening is not None
        self._listening.addCallback(lambda opened: self._start_crew())

    def reopen_logs(self) -> None:
        """The access log has been rotated: all workers open its name anew."""
        self._crew.reopen_logs()

    def reload(self) -> Deferred[None]:
        """Read the configuration file again, and let the workers go on under it if it is right.

        No connection is dropped.  A faulty configuration changes nothing; its faults are logged.
        """
        self.reopen_logs()
        reloaded = self._reloading.run(lambda: Deferred.fromCoroutine(self._reload()))
        return reloaded.addErrback(self._reload_failed)

    def stopService(self) -> Deferred[None]:
        super().stopService()  # type: ignore[no-untyped-call]
        self._is_stopping = True
        return Deferred.fromCoroutine(self._stop())

    # -- sockets --------------------------------------------------------------

    def _open(self) -> None:
        self._listening = Deferred.fromCoroutine(self._listen()).addErrback(self._failures.append)
        if self._failures:  # at once, as with all of Twisted's own endpoints
            self._failures[0].raiseException()
        self._listening.addCallback(lambda opened: self._stop_unless_listening())

    async def _listen(self) -> None:
        await self._monitor.open(self.config.admin)
        await self._listeners.open(self.config.router.listen)

    def _stop_unless_listening(self) -> None:
        """An endpoint that takes its time may fail when everything else runs."""
        if self._failures:
            self._log.critical("{error}", error=self._failures[0].getErrorMessage())
            self._reactor.stop()

    def _start_crew(self) -> None:
        if not self._failures and not self._is_stopping:
            self._resize()
            self._crew.start()

    # -- configuration --------------------------------------------------------

    def _words(self) -> tuple[Message, Sequence[Offer]]:
        """What a worker must know."""
        assert self._keys is not None  # no worker is started before
        message = {
            "say": "configure",
            "file": self._file,
            "toml": self._checked.text,
            "workers": self.config.router.workers,
            "data_dir": self._data_dir,  # all of them must use the same
            "keys": self._keys.as_hex(),
        }
        return message, self._sockets.offers()

    def _load_keys(self) -> None:
        try:
            self._keys = keys.load(self._data_dir, self._keys)
        except ConfigurationError as error:
            raise CannotStart(str(error)) from error

    def _resize(self) -> None:
        self._crew.resize(self.config.router.workers, self.config.timeouts.shutdown)

    async def _reload(self) -> None:
        if self._is_stopping:  # or else it would listen again
            return
        before = self._checked
        try:
            new = checked(self._file)
            _try_access_log(new.config)
            await self._monitor.open(new.config.admin)
            await self._listeners.open(new.config.router.listen)
            self._load_keys()
        except (ConfigurationError, CannotStart) as error:
            for line in str(error).splitlines():
                self._log.error("Not reloaded: {fault}", fault=line)
            new = before
        else:
            self._checked = new
            await self._crew.configure()
            self._resize()
            self._log.info("Reloaded {file}", file=self._file)
        await self._listeners.close_all_but(new.config.router.listen)
        await self._monitor.close_all_but(new.config.admin)

    def _reload_failed(self, failure: Failure) -> None:
        self._log.failure("Not reloaded: the supervisor failed", failure)

    async def _stop(self) -> None:
        stopped = self._crew.stop()
        await self._listeners.close_all_but([])
        await stopped
        await self._monitor.stop()

    # -- what those see who watch it ------------------------------------------

    async def _told(self) -> CrewReadiness:
        await self._crew.ask()
        is_listening = bool(self._listeners.addresses)
        workers = {worker.name: worker.readiness for worker in self._crew.workers}
        return CrewReadiness(is_listening, self._is_stopping, workers)

    async def _metrics(self) -> bytes:
        # Loaded only for those who ask: it stands on a library.
        from pods.exposition import text_of

        await self._crew.ask()
        serving = sum(worker.is_serving for worker in self._crew.workers)
        numbers = [*self._crew.numbers(), *crew_numbers(serving, self._crew.restarts)]
        pids = {worker.name: worker.pid for worker in self._crew.workers if worker.pid}
        return text_of(numbers, {"supervisor": os.getpid(), **pids})


class _Nobody(Factory[Any]):
    """Nobody is ever accepted by it."""

    noisy = False


def _try_access_log(config: Config) -> None:
    """A log that nobody can write is told before a worker is started, or told of it."""
    if not config.log.access:
        return
    try:
        descriptor = open_log(config.log.access)
    except OSError as error:
        raise CannotStart(f"cannot write log.access: {error}") from error
    if descriptor != STANDARD_OUTPUT:
        os.close(descriptor)
