"""Whether a client is still there while nothing is read from it.

A connection that is not read tells nothing: neither a reset nor the end of input is noticed.
So, while reading is paused, the system is asked now and then what it knows of the socket.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pods.http1.deadline import Deadline
from pods.http1.halfclosed import HalfClosedProbe
from pods.http1.sockets import End, known_end
from pods.interfaces import Clock

LOOK_SECONDS = 0.4


def _nobody_is_there() -> bool:
    return False


class Presence:
    """Breaks the connection off if the client has left.

    :param may_probe: whether a response is expected of which nothing has been sent.
    """

    __slots__ = ("_clock", "_looking", "_may_probe", "_probe", "_transport")

    def __init__(self, clock: Clock, transport: Any, may_probe: Callable[[], bool]) -> None:
        self._clock = clock
        self._transport = transport
        self._may_probe = may_probe
        self._looking = Deadline(clock, self._look)
        self._probe: HalfClosedProbe | None = None

    def paused(self) -> None:
        """Nothing is read from now on."""
        self._looking.set(LOOK_SECONDS)

    def resumed(self) -> None:
        """The transport itself notices who leaves."""
        self._looking.clear()

    def half_closed(self) -> None:
        """The client sends nothing more: has it left?"""
        if self._probe is None and self._may_probe():
            self._probe = HalfClosedProbe(self._clock, self._transport.write)

    def without_what_was_sent(self, data: bytes) -> bytes:
        """The rest of a response of which the beginning may be out."""
        if self._probe is None:
            return data
        data = self._probe.without_what_was_sent(data)
        self.stop_probing()
        return data

    def stop_probing(self) -> None:
        """The exchange is over."""
        if self._probe is not None:
            self._probe.close()
            self._probe = None

    def close(self) -> None:
        """The connection is closed."""
        self._looking.close()
        self.stop_probing()
        self._may_probe = _nobody_is_there

    def _look(self) -> None:
        end = known_end(self._transport)
        if end is End.RESET or (end is End.CLOSED and self._may_probe()):
            self._transport.abortConnection()
            return
        if end is End.INPUT_ENDED:
            self.half_closed()
        self._looking.set(LOOK_SECONDS)
