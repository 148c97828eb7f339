"""Who has something to send: once per event, however often it was written to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol as Shape


class Flushable(Shape):
    """What waits in an outbox."""

    def flush(self) -> None:
        """Send what was written since the last time; never raises."""


class Outbox:
    """Those that wait for the end of the present event.

    :param call_soon: the event loop's.
    :ivar promised: whether somebody is going to call :meth:`flush`.  Who handles an event sets it,
        calls what may write, and then flushes; for everybody else it takes a turn of the loop.

    As a context manager it does that for whoever handles an event in its block.
    """

    __slots__ = ("_call_soon", "_waiting", "promised")

    def __init__(self, call_soon: Callable[[Callable[[], None]], object]) -> None:
        self._call_soon = call_soon
        self._waiting: list[Flushable] = []
        self.promised = False

    def __enter__(self) -> None:
        self.promised = True

    def __exit__(self, *raised: object) -> None:
        self.flush()

    def add(self, one: Flushable) -> None:
        """Have this one flushed at the end of the event."""
        self._waiting.append(one)
        if not self.promised:
            self.promised = True
            self._call_soon(self.flush)

    def flush(self) -> None:
        """Flush all that wait; those that join meanwhile have a turn of their own."""
        self.promised = False
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for one in waiting:
                one.flush()
