"""One worker: a whole router, whose sockets and configuration come from the supervisor."""

from __future__ import annotations

import os
from typing import Any

import attrs
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, DeferredLock
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.logger import Logger
from twisted.python.failure import Failure

from pods.accesslog import AccessLog
from pods.config import Config, LogConfig, from_mapping, parse_toml
from pods.errors import ConfigurationError
from pods.keys import KeyRing
from pods.listeners import CannotStart
from pods.service import RouterService
from pods.surroundings import Surroundings
from pods.workers.line import Line, Message, connect
from pods.workers.shares import share_of
from pods.workers.sockets import GivenSockets

#: The descriptors that a worker is born with.
LINE_DESCRIPTOR, LOCK_DESCRIPTOR = 3, 4
#: How long the last words may take.
FAREWELL_SECONDS = 1.0


class WorkerService(Service):
    """Serves as the supervisor says, until it is told to stop or the supervisor is gone.

    :param number: of this worker, from 1 on.
    """

    name = "pods"
    _log = Logger()

    def __init__(self, reactor: Any, number: int) -> None:
        self._reactor = reactor
        self._surroundings = _Given(reactor, number)
        self._router: RouterService | None = None
        self._configuring = DeferredLock()
        self._hung_up: Deferred[None] = Deferred()
        self._is_stopping = False
        self._line = Line(self._heard, self._lost)

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        connect(self._line, LINE_DESCRIPTOR, self._reactor)
        os.close(LINE_DESCRIPTOR)  # the line has one of its own

    def stopService(self) -> Deferred[None]:
        super().stopService()  # type: ignore[no-untyped-call]
        self._is_stopping = True
        # A configuration that comes now waits for nothing, so the lock is for the change that runs.
        return self._configuring.run(lambda: None).addCallback(
            lambda _: Deferred.fromCoroutine(self._stop())
        )

    def reopen_logs(self) -> None:
        """The access log has been rotated: open its name anew."""
        if self._router is not None:
            self._router.reopen_logs()

    # -- what the supervisor says -----------------------------------------------

    def _heard(self, message: Message, descriptors: list[int]) -> None:
        match message["say"]:
            case "configure":
                configured = self._configuring.run(
                    lambda: Deferred.fromCoroutine(self._configure(message, descriptors))
                )
                configured.addErrback(self._failed)
            case "tell":
                self._line.answer(message, self._numbers())
            case "reopen":
                self.reopen_logs()

    async def _configure(self, message: Message, descriptors: list[int]) -> None:
        offers = [(name, [descriptors.pop(0) for _ in range(n)]) for name, n in message["sockets"]]
        sockets = self._surroundings.sockets
        sockets.offer(offers)
        self._surroundings.ring = KeyRing.from_hex(message["keys"])
        try:
            await self._change_to(_config(message))
        except (ConfigurationError, CannotStart) as error:
            self._line.answer(message, {"error": str(error)})
            self._stop_process()
        else:
            self._line.answer(message, {"error": None})
        finally:
            sockets.withdraw()

    async def _change_to(self, config: Config) -> None:
        if self._is_stopping:  # it finishes what runs as it has begun
            return
        if self._router is not None:
            await self._router.change_to(config)
            return
        router = RouterService(config, self._reactor, surroundings=self._surroundings)
        router.startService()
        self._router = router
        await router.when_listening()

    def _numbers(self) -> Message:
        # Loaded only for those who are asked: nobody may be watching.
        from pods.metrics import numbers_of

        if self._router is None:
            return {"readiness": None, "numbers": []}
        numbers = [numbers.as_json() for numbers in numbers_of(self._router.router)]
        return {"readiness": self._router.readiness().as_dict(), "numbers": numbers}

    # -- the end -------------------------------------------------------------------

    def _failed(self, failure: Failure) -> None:
        self._log.failure("This worker cannot go on", failure)
        self._stop_process()

    def _lost(self) -> None:
        if not self._is_stopping:
            self._log.error("The supervisor is gone")
            self._stop_process()
        self._hung_up.callback(None)

    def _stop_process(self) -> None:
        if not self._is_stopping:
            self._is_stopping = True
            self._reactor.stop()

    async def _stop(self) -> None:
        if self._router is not None:
            await self._router.stopService()
        if not self._hung_up.called:
            self._line.say({"say": "farewell", **self._numbers()})
            self._line.hang_up()
            hung_up = self._hung_up.addTimeout(FAREWELL_SECONDS, self._reactor)
            await DeferredList([hung_up], consumeErrors=True)


def _config(message: Message) -> Config:
    """This worker's share of what the supervisor has read."""
    file = message["file"]
    config = from_mapping(parse_toml(message["toml"], file), file, os.path.dirname(file))
    router = attrs.evolve(config.router, workers=message["workers"], data_dir=message["data_dir"])
    return share_of(attrs.evolve(config, router=router))


class _Given(Surroundings):
    """What the supervisor gives."""

    def __init__(self, reactor: Any, number: int) -> None:
        super().__init__(reactor)
        self.sockets = GivenSockets(reactor)
        self.ring = KeyRing.make()  #: those of the supervisor, once it has said them
        self._number = number

    def keys(self, folder: str, before: KeyRing | None = None) -> KeyRing:
        return self.ring

    def endpoint(self, description: str) -> IStreamServerEndpoint:
        return self.sockets.endpoint(description)

    def access_log(self, config: LogConfig) -> AccessLog:
        return AccessLog(config.access, config.format, self._reactor, self._number, LOCK_DESCRIPTOR)
