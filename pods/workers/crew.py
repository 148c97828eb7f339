"""All workers of a router: as many as there should be, restarted when they end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import ceil
from signal import SIGCHLD
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.process import reapAllProcesses
from twisted.logger import Logger

from pods.numbers import Numbers, added_up, lasting
from pods.signals import catch
from pods.workers.line import Message
from pods.workers.process import Spawner, Worker, command, environment, reactor_name
from pods.workers.sockets import Offer

if TYPE_CHECKING:
    from twisted.runner.procmon import ProcessMonitor

#: A worker that lives shorter waits before it is started again: at first and at most so long.
SHORT_LIFE_SECONDS = 10.0
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 30.0
#: How much longer than the grace for requests a worker may take to end before it is killed.
KILL_SECONDS = 10.0
#: How long a worker may take to say how it fares, and to change its configuration.
TELL_SECONDS = 1.0
CONFIGURE_SECONDS = 30.0


class Crew:
    """Keeps the workers running.

    :param words: what a worker is told of the configuration, and the sockets it gets.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        words: Callable[[], tuple[Message, Sequence[Offer]]],
    ) -> None:
        self.restarts = 0  #: how often a worker was started in the place of one that had ended
        self._reactor = reactor
        self._reactor_name = reactor_name(reactor)
        self._words = words
        self._wanted: list[str] = []
        self._workers: list[Worker] = []
        self._gone: list[Numbers] = []
        self._ended_names: set[str] = set()
        self._empty: Deferred[None] | None = None
        self._spawner = Spawner(reactor, self._begun, self._ended)
        self._monitor = self._make_monitor()

    @property
    def workers(self) -> Sequence[Worker]:
        """Those that live, the ones included that are about to end."""
        return sorted(self._workers, key=lambda worker: int(worker.name))

    def start(self) -> None:
        """Start them; from now on those that end are replaced."""
        # Twisted's own notice of ended processes does not reach every event loop.
        catch(self._reactor, (SIGCHLD,), reapAllProcesses)
        self._monitor.startService()

    def resize(self, workers: int, grace_seconds: float) -> None:
        """Have so many; those that are too many finish what they do.

        :param grace_seconds: how long they may take for it.
        """
        self._monitor.killTime = ceil(grace_seconds + KILL_SECONDS)
        names = [str(number) for number in range(1, workers + 1)]
        for name in [name for name in self._wanted if name not in names]:
            self._remove(name)
        for name in [name for name in names if name not in self._wanted]:
            args = command(name, self._reactor_name)
            self._monitor.addProcess(name, args, env=environment())
        self._wanted = names

    def stop(self) -> Deferred[None]:
        """Let all of them finish what they do; fires when the last one has ended."""
        self._monitor.stopService()
        self._spawner.close()
        self._empty = Deferred()
        self._tell_if_empty()
        return self._empty

    async def configure(self) -> None:
        """Tell all of them; comes back when all go on under it, or have failed to."""
        await DeferredList(map(self._introduce, self._workers))

    def reopen_logs(self) -> None:
        """The access log has been rotated."""
        for worker in self._workers:
            worker.line.say({"say": "reopen"})

    async def ask(self) -> None:
        """Learn how all of them fare; one that does not answer counts as it was."""

        def ask(worker: Worker) -> Deferred[None]:
            asked = worker.line.ask({"say": "tell"}).addTimeout(TELL_SECONDS, self._reactor)
            return asked.addCallbacks(worker.tell, lambda failure: None)

        await DeferredList(map(ask, self._workers))

    def numbers(self) -> list[Numbers]:
        """What all of them said together, and those that are gone."""
        return added_up([*(worker.numbers for worker in self._workers), self._gone])

    # -- how they come and go -----------------------------------------------------

    def _make_monitor(self) -> ProcessMonitor:
        # Here, as it imports the reactor: that must have been chosen by now.
        from twisted.runner.procmon import ProcessMonitor

        spawner: Any = self._spawner  # has as much of a reactor as that needs
        monitor = ProcessMonitor(spawner)
        monitor.threshold = SHORT_LIFE_SECONDS  # type: ignore[assignment]
        monitor.minRestartDelay = FIRST_WAIT_SECONDS  # type: ignore[assignment]
        monitor.maxRestartDelay = LONGEST_WAIT_SECONDS  # type: ignore[assignment]
        return monitor

    def _remove(self, name: str) -> None:
        waiting = self._monitor.restart.pop(name, None)
        if waiting is not None and waiting.active():
            waiting.cancel()
        self._monitor.removeProcess(name)
        self._ended_names.discard(name)

    def _begun(self, worker: Worker) -> None:
        self._workers.append(worker)
        if worker.name in self._ended_names:
            self.restarts += 1
        self._introduce(worker)

    def _introduce(self, worker: Worker) -> Deferred[None]:
        message, offers = self._words()
        sockets = [(name, len(descriptors)) for name, descriptors in offers]
        asked = worker.line.ask({**message, "sockets": sockets}, list(_descriptors(offers)))
        asked.addTimeout(CONFIGURE_SECONDS, self._reactor)
        return asked.addCallbacks(
            lambda answer: self._configured(worker, answer["error"]),
            lambda failure: self._configured(worker, failure.getErrorMessage()),
        )

    def _configured(self, worker: Worker, error: str | None) -> None:
        if error is None:
            worker.is_serving = True
            self._log.info("[worker {worker}] serves", worker=worker.name)
        else:
            self._log.error(
                "[worker {worker}] cannot be configured: {error}", worker=worker.name, error=error
            )

    def _ended(self, worker: Worker) -> None:
        self._workers.remove(worker)
        if worker.name in self._wanted:
            self._ended_names.add(worker.name)
        self._gone = added_up([self._gone, lasting(worker.numbers)])
        self._tell_if_empty()

    def _tell_if_empty(self) -> None:
        if self._empty is not None and not self._workers:
            self._empty.callback(None)


def _descriptors(offers: Iterable[Offer]) -> Iterable[int]:
    for _, descriptors in offers:
        yield from descriptors
