"""A thread that does one thing after another for the reactor's."""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")

#: Calls a function in the reactor's thread, soon: ``reactor.callFromThread``.
CallInReactor = Callable[..., object]


class Worker:
    """A thread of our own.

    One that hangs in a system call, such as on a dead disk, does not keep the process from
    ending; the threads of a pool would.

    :param name: what tools such as ``py-spy`` show.
    :param call_in_reactor: calls a function in the reactor's thread.
    """

    def __init__(self, name: str, call_in_reactor: CallInReactor) -> None:
        self._name = name
        self._call_in_reactor = call_in_reactor
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: Thread | None = None
        #: Set when nobody is interested any more in what takes long.
        self.is_leaving = Event()

    def start(self) -> None:
        """Begin; what was asked for before is done now."""
        self._thread = Thread(target=self._work, name=self._name, daemon=True)
        self._thread.start()

    def run(self, task: Callable[..., T], *args: Any) -> Deferred[T]:
        """Do this after all that was asked for before.

        :returns: fires in the reactor's thread.  Who cancels it is told at once; what has been
            begun goes on, what has not is left out.
        """
        result: Deferred[T] = Deferred()

        def work() -> None:
            if result.called:
                return
            try:
                outcome: Any = task(*args)
            except Exception:
                outcome = Failure()
            self._call_in_reactor(_fire, result, outcome)

        self._tasks.put(work)
        return result

    @property
    def is_started(self) -> bool:
        """Whether it has begun."""
        return self._thread is not None

    def stop(self) -> None:
        """End after all that was asked for."""
        self._tasks.put(None)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()


def _fire(result: Deferred[Any], outcome: Any) -> None:
    if not result.called:
        result.callback(outcome)  # a Failure makes it fail
