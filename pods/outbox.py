"""Who has something to send: once per event or turn of the loop, however much was written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol as Shape

from twisted.logger import Logger

_log = Logger()

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

    At first each event is sent for itself.  After :data:`EVENTS_SENT_SINGLY` of them what a whole
    turn has to send is sent at its end, and so it is with the next turns, until one has too little.

    :param call_soon: the event loop's; what it calls comes after the events of the present turn.
    :ivar promised: whether somebody is going to flush.  Who handles an event sets it, calls what
        may write, and then :meth:`event_is_over`; for everybody else it takes a turn of the loop.
    """

    __slots__ = ("_call_soon", "_sent_in_turn", "_single_events", "_turn_end_is_due", "_waiting",
                 "promised")  # fmt: skip

    def __init__(self, call_soon: Callable[[Callable[[], None]], object]) -> None:
        self._call_soon = call_soon
        self._waiting: list[Flushable] = []
        self._single_events = EVENTS_SENT_SINGLY  # before the next trial
        self._turn_end_is_due = False  # it has been asked for
        self._sent_in_turn = 0
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
            self.promised = self._turn_end_is_due
        elif self._single_events:
            self._single_events -= 1
            self.flush()
        elif size_bytes > LARGE_BYTES or len(self._waiting) >= MANY:
            self.flush()
        elif not self._turn_end_is_due:
            self._turn_end_is_due = True
            self._sent_in_turn = 0
            self._call_soon(self._turn_is_over)

    def flush(self) -> None:
        """Flush all that wait; those that join meanwhile have a turn of their own."""
        self.promised = self._turn_end_is_due
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self._sent_in_turn += len(waiting)
            for one in waiting:
                try:
                    one.flush()
                except Exception:  # the others are not to blame
                    _log.failure("Something written could not be sent")

    def _turn_is_over(self) -> None:
        self._turn_end_is_due = False
        self.flush()
        if self._sent_in_turn < WORTHWHILE:
            self._single_events = EVENTS_SENT_SINGLY
