"""Many waits that may each take as long as the others, with one timer for all of them.

Those of one length run out in the order in which they began, so the reactor need only know of the
first.  A timer of its own for each of them, which is nearly always cancelled, costs far more.
"""

from __future__ import annotations

from itertools import takewhile
from typing import Any
from typing import Protocol as Shape

import attrs
from twisted.logger import Logger

from pods.interfaces import Clock

_log = Logger()


class Waiting(Shape):
    """What has so much time."""

    def expired(self) -> None:
        """The time is over."""


@attrs.define(eq=False)
class _Queue:
    """All waits of one length, and when each ends: the first one first."""

    call: Any  #: the reactor's, for the first
    ends_at: dict[Waiting, float] = attrs.field(factory=dict)


class Timeouts:
    """Tells those whose time is over; those that end before leave nothing with the reactor."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._queues: dict[float, _Queue] = {}  # by seconds

    def begin(self, seconds: float, one: Waiting) -> None:
        """Tell this one that it has expired, that long from now.

        :param seconds: 0 or more.
        """
        queue = self._queues.get(seconds)
        if queue is None:
            queue = _Queue(self._clock.callLater(seconds, self._look, seconds))
            self._queues[seconds] = queue
        queue.ends_at[one] = self._clock.seconds() + seconds

    def end(self, seconds: float, one: Waiting) -> None:
        """This one does not wait any more."""
        queue = self._queues.get(seconds)
        if queue is not None and queue.ends_at.pop(one, None) is not None and not queue.ends_at:
            del self._queues[seconds]
            if queue.call.active():
                queue.call.cancel()

    def _look(self, seconds: float) -> None:
        """Tell those whose time is over, and come again for the next."""
        queue = self._queues[seconds]
        now = self._clock.seconds()
        for one in list(takewhile(lambda one: queue.ends_at[one] <= now, queue.ends_at)):
            if one in queue.ends_at:  # one that was told before may have ended it
                self.end(seconds, one)
                self._tell(one)
        for ends_at in queue.ends_at.values():
            queue.call = self._clock.callLater(ends_at - now, self._look, seconds)
            return

    def _tell(self, one: Waiting) -> None:
        try:
            one.expired()
        except Exception:  # the others are not to blame
            _log.failure("What is done when a time is over failed")
