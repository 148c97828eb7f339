"""One worker as the supervisor sees it, and how its process begins."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.application.reactors import getReactorTypes
from twisted.internet.error import ProcessDone
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from pods.numbers import Numbers
from pods.workers.line import Line, Message, connect
from pods.workers.logs import Relay
from pods.workers.worker import LINE_DESCRIPTOR, LOCK_DESCRIPTOR

_LOGGER = "pods.workers.logs.PipeObserver"
_TWISTD = "from twisted.scripts.twistd import run; run()"


def command(name: str, reactor_name: str | None) -> list[str]:
    """How a worker is started.

    :param name: its number.
    :param reactor_name: what ``twistd --reactor`` calls the one to use; None: Twisted's choice.
    """
    reactor = [f"--reactor={reactor_name}"] if reactor_name else []
    twistd = [sys.executable, "-P", "-c", _TWISTD, "-n", "--pidfile=", f"--logger={_LOGGER}"]
    return [*twistd, *reactor, "pods", f"--worker={name}"]


def reactor_name(reactor: Any) -> str | None:
    """What ``twistd --reactor`` calls this one; None if no plugin has it."""
    module = type(reactor).__module__
    for known in getReactorTypes():
        named = getattr(known, "moduleName", None)
        if named is not None and f"{module}.".startswith(f"{named}."):
            return str(known.shortName)
    return None


def environment() -> dict[str, str]:
    """That of the supervisor; a worker finds the same packages."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


class Worker(ProcessProtocol):
    """A worker's process, from its birth to its end.

    :param name: its number.
    :param procmon: what ``ProcessMonitor`` gave to be told of the process.
    :param ended: called with it when it has ended.
    """

    _log = Logger()

    def __init__(
        self, name: str, procmon: ProcessProtocol, ended: Callable[[Worker], None]
    ) -> None:
        self.name = name
        self.line = Line(self._heard, self._silent)
        self.is_serving = False  #: it has taken a configuration
        self.readiness: dict[str, Any] | None = None  #: as it last said
        self.numbers: list[Numbers] = []  #: as it last said
        self.pid: int | None = None
        self._procmon = procmon
        self._ended = ended
        self._relay = Relay(name)

    def tell(self, told: Message) -> None:
        """It has said how it fares."""
        self.readiness = told["readiness"]
        self.numbers = [Numbers.from_json(numbers) for numbers in told["numbers"]]

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.pid = self.transport.pid
        self._procmon.makeConnection(self.transport)
        self._log.info("[worker {worker}] begins, process {pid}", worker=self.name, pid=self.pid)

    def errReceived(self, data: bytes) -> None:
        self._relay.received(data)

    def processEnded(self, reason: Failure) -> None:
        self._relay.ended()
        self.is_serving, self.pid, self.readiness = False, None, None
        self.line.hang_up()
        say = self._log.info if reason.check(ProcessDone) else self._log.error
        say("[worker {worker}] has ended by {why}", worker=self.name, why=_why(reason))
        self._ended(self)
        self._procmon.processEnded(reason)

    def _heard(self, message: Message, descriptors: Sequence[int]) -> None:
        """Its farewell: nothing else comes unasked."""
        self.tell(message)

    def _silent(self) -> None:
        """The end of the process is what counts."""


def _why(reason: Failure) -> str:
    ended: Any = reason.value
    return f"signal {ended.signal}" if ended.signal else f"exit code {ended.exitCode}"


@implementer(IReactorTime)
class Spawner:
    """As much of a reactor as ``ProcessMonitor`` needs: it gives each new process the descriptors
    that a worker is born with.

    :param begun: called with each worker that is born.
    :param ended: called with it when it has ended.
    """

    def __init__(
        self,
        reactor: Any,
        begun: Callable[[Worker], None],
        ended: Callable[[Worker], None],
    ) -> None:
        self._reactor = reactor
        self._begun = begun
        self._ended = ended
        #: Whoever holds the lock on it writes to the access log.  It has no name.
        self._lock = tempfile.TemporaryFile()  # noqa: SIM115

    def seconds(self) -> float:
        return float(self._reactor.seconds())

    def callLater(self, delay: float, callable: Callable[..., Any], *args: Any, **kw: Any) -> Any:
        return self._reactor.callLater(delay, callable, *args, **kw)

    def getDelayedCalls(self) -> Sequence[Any]:
        return self._reactor.getDelayedCalls()  # type: ignore[no-any-return]

    def spawnProcess(
        self,
        protocol: Any,
        executable: str,
        args: Sequence[str],
        env: Mapping[str, str],
        **others: Any,
    ) -> Any:
        """What ``ProcessMonitor`` calls."""
        worker = Worker(protocol.name, protocol, self._ended)
        ours, theirs = socket.socketpair()
        with ours, theirs, open(os.devnull, "rb") as nothing:
            given = {
                **{0: nothing.fileno(), 1: 1, 2: "r"},
                **{LINE_DESCRIPTOR: theirs.fileno(), LOCK_DESCRIPTOR: self._lock.fileno()},
            }
            born = self._reactor.spawnProcess(
                worker, executable, args, env, childFDs=given, **others
            )
            connect(worker.line, ours.fileno(), self._reactor)
        self._begun(worker)
        return born

    def close(self) -> None:
        """No more processes will be started."""
        self._lock.close()
