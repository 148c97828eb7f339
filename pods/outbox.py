"""Who has something to send: once per event or turn of the loop, however much was written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol as Shape

#: Sending wakes up whoever waits at the other end, and that costs more than copying the bytes.
#: With so many to send to in one turn of the loop, it is cheaper to do it in one go at its end, so
#: that those it goes to are awake still; with fewer, waiting for that end costs more.  What it
#: gains: ``docs/explanation/decisions.rst``.
WORTHWHILE = 3
#: Events that are over when what they wrote has been sent, before it is tried again to wait.
EVENTS_SENT_SINGLY = 64
MANY = 64  #: so many do not wait for the end of the turn
LARGE_BYTES = 16_384  #: nor do those to whom a piece of data goes that is larger than this


class Flushable(Shape):
    """What waits in an outbox."""

    def flush(self) -> None:
        """Send what was written since the last time; never raises."""


class Outbox:
    """Those that wait for the end of the present event, or of the loop's turn in which it came.

    :param call_soon: the event loop's; what it calls comes after the events of the present turn.
    :ivar promised: whether somebody is going to flush.  Who handles an event sets it, calls what
        may write, and then :meth:`event_is_over`; for everybody else it takes a turn of the loop.
    """

    __slots__ = ("_call_soon", "_is_awaited", "_sent", "_singly", "_waiting", "promised")

    def __init__(self, call_soon: Callable[[Callable[[], None]], object]) -> None:
        self._call_soon = call_soon
        self._waiting: list[Flushable] = []
        self._is_awaited = False  # the end of the present turn
        self._sent = 0  # in this turn
        self._singly = EVENTS_SENT_SINGLY  # so many events more are not waited with
        self.promised = False

    def add(self, one: Flushable) -> None:
        """Have this one flushed at the end of the event or the turn."""
        self._waiting.append(one)
        if not self.promised:
            self.promised = True
            self._call_soon(self.flush)

    def event_is_over(self, size_bytes: int) -> None:
        """Flush, now or at the end of the turn.

        :param size_bytes: of what came with the event.
        """
        if not self._waiting:
            self.promised = self._is_awaited
        elif self._singly or size_bytes > LARGE_BYTES or len(self._waiting) >= MANY:
            self._singly -= self._singly > 0
            self.flush()
        elif not self._is_awaited:
            self._is_awaited = True
            self._sent = 0
            self._call_soon(self._turn_is_over)

    def flush(self) -> None:
        """Flush all that wait; those that join meanwhile have a turn of their own."""
        self.promised = self._is_awaited
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self._sent += len(waiting)
            for one in waiting:
                one.flush()

    def _turn_is_over(self) -> None:
        self._is_awaited = False
        self.flush()
        if self._sent < WORTHWHILE:
            self._singly = EVENTS_SENT_SINGLY
