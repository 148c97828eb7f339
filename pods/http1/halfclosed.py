"""Tells a client that has left from one that only finished sending.

Both look the same: the end of input.  Only sending shows the difference: the
system of a client that has left answers with a reset.  But what could be sent
before the answer is known?  Its beginning: every response starts with
``HTTP/1.1 ``.  So these bytes go out early, one at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pods.interfaces import Clock

BEGINNING = b"HTTP/1.1 "
#: Between one byte and the next; the second shows what the first has caused.
INTERVALS_SECONDS = (0.2, 0.2, 0.5, 1, 2, 5, 10, 30)


class HalfClosedProbe:
    """Sends the beginning of a response bytewise until the response itself comes.

    :param write: the transport's; its connection ends by itself if the client has left.
    """

    def __init__(self, clock: Clock, write: Callable[[bytes], object]) -> None:
        self._clock = clock
        self._write = write
        self._sent = 0
        self._call: Any = None
        self._send()

    def without_what_was_sent(self, data: bytes) -> bytes:
        """The rest of a response of which the beginning is out."""
        return data[self._sent :]

    def close(self) -> None:
        """Send nothing more."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _send(self) -> None:
        self._call = None
        self._write(BEGINNING[self._sent : self._sent + 1])
        self._sent += 1
        if self._sent <= len(INTERVALS_SECONDS):
            self._call = self._clock.callLater(INTERVALS_SECONDS[self._sent - 1], self._send)
