"""A request body on its way from the client to whichever pod is current.

The body is a sequence of bytes with a cursor: what stands before it has been
given to the current pod.  Bytes come in from the client, are held as long as a
replay may be needed, and go out to the pod as fast as that takes them.  A
bounce sets the cursor back to the start, whether or not the client is done;
nobody waits for the end of an upload before it is turned round.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from pods.http1.fields import Field
from pods.http1.held import SMALL_BYTES, HeldBody

#: How far the client may be ahead of the pod before it is paused.
READ_AHEAD_BYTES = 65_536


class Source(Protocol):
    """The client's connection, as far as an upload needs it."""

    def pause_upload(self) -> None: ...

    def resume_upload(self) -> None: ...


class Sink(Protocol):
    """The connection to the current pod, as far as an upload needs it."""

    def send_body(self, data: bytes) -> None: ...

    def end_body(self, trailers: list[Field]) -> None: ...


class Upload:
    """One request body.

    :param held: where its beginning is kept; the upload closes it.
    """

    def __init__(self, source: Source, held: HeldBody) -> None:
        self.received_bytes = 0
        self.finished = False  #: all of it has come from the client
        self.sent = False  #: all of it has gone to the current pod
        self.replayable = True  #: it can be sent again from its first byte
        self._source = source
        self._held = held
        self._backlog: deque[bytes] = deque()  # came after holding ended, not yet sent
        self._cursor = 0
        self._was_given = False  # some pod has been given the beginning
        self._trailers: list[Field] = []
        self._sink: Sink | None = None
        self._sink_is_full = False
        self._paused = False
        self._watches: list[tuple[int, Callable[[bytes], None]]] = []

    @property
    def can_start_over(self) -> bool:
        """Whether a pod can still be given all of it."""
        return self.replayable or self._cursor == 0

    # -- from the client -----------------------------------------------------

    def received(self, data: bytes) -> None:
        """More of the body has come."""
        self.received_bytes += len(data)
        if self.replayable and not self._held.append(data):
            self.replayable = False
        if not self.replayable:
            if self._backlog and len(self._backlog[-1]) + len(data) <= SMALL_BYTES:
                self._backlog[-1] += data
            else:
                self._backlog.append(data)
        self._look()
        self._pump()

    def finish(self, trailers: list[Field]) -> None:
        """All of the body has come."""
        self.finished = True
        self._trailers = trailers
        self._look()
        self._pump()

    def watch(self, limit_bytes: int, callback: Callable[[bytes], None]) -> None:
        """Call back with the first bytes once ``limit_bytes`` or all of them have come.

        :param limit_bytes: at most what is held in memory; before a pod is attached.
        """
        self._watches.append((limit_bytes, callback))
        self._look()
        self._throttle()

    # -- to the pod ----------------------------------------------------------

    def keep_everything(self, spool_limit_bytes: int) -> None:
        """From now on hold what does not fit into memory on disk."""
        self._held.spool_limit_bytes = spool_limit_bytes
        if not self.replayable and not self._cursor:  # what found no room while nobody took it
            while self._backlog and self._held.append(self._backlog[0]):
                self._backlog.popleft()
            self.replayable = not self._backlog
            self._throttle()

    def attach(self, sink: Sink) -> None:
        """Send the body to this pod, from its first byte; see :attr:`can_start_over`."""
        assert self.can_start_over
        if self._was_given:
            self._held.replayed()
        self._was_given = True
        self._sink = sink
        self._sink_is_full = False
        self._cursor = 0
        self.sent = False
        self._pump()

    def detach(self) -> None:
        """The current pod takes nothing more."""
        self._sink = None
        if self.replayable:
            self._cursor = 0
        self._throttle()

    def sink_is_full(self) -> None:
        """The pod reads more slowly than the client sends."""
        self._sink_is_full = True
        self._throttle()

    def sink_is_ready(self) -> None:
        """The pod has caught up."""
        self._sink_is_full = False
        self._pump()

    def settle(self) -> None:
        """The pod keeps this request: no replay will be needed."""
        self.replayable = False
        self._drop_what_is_sent()
        self._throttle()

    def close(self) -> None:
        """The exchange is over: forget everything."""
        self._sink = None
        self._watches.clear()
        self.replayable = self._paused = False
        self._cursor = self.received_bytes
        self._held.close()
        self._backlog.clear()

    # -- between the two -----------------------------------------------------

    def _pump(self) -> None:
        sink = self._sink
        while sink is not None and not self._sink_is_full:
            data = self._next()
            if not data:
                break
            self._cursor += len(data)
            sink.send_body(data)
            sink = self._sink  # sending may have ended this attempt
        all_is_given = self.finished and self._cursor == self.received_bytes
        if sink is not None and all_is_given and not self.sent:
            self.sent = True
            sink.end_body(self._trailers)
        self._drop_what_is_sent()
        self._throttle()

    def _next(self) -> bytes:
        if self._cursor < self._held.size:
            return self._held.read(self._cursor)
        return self._backlog.popleft() if self._backlog else b""

    def _drop_what_is_sent(self) -> None:
        if not self.replayable and self._cursor >= self._held.size > 0:
            self._held.close()

    def _throttle(self) -> None:
        """Pause the client while it is too far ahead, resume it when it is not."""
        takes_more = self._sink is not None and not self._sink_is_full
        ahead = self.received_bytes - self._cursor
        too_far = not takes_more and ahead >= self._allowed_ahead()
        if too_far and not self._paused:
            self._paused = True
            self._source.pause_upload()
        elif self._paused and not too_far:
            self._paused = False
            self._source.resume_upload()

    def _allowed_ahead(self) -> int:
        """How far ahead is too far: what must not wait is what somebody wants to look into."""
        least = READ_AHEAD_BYTES if self.replayable else 1
        return max([least, *(limit for limit, _ in self._watches)])

    def _look(self) -> None:
        if not self._watches:
            return
        due = [w for w in self._watches if self.finished or w[0] <= self.received_bytes]
        for watch in due:
            self._watches.remove(watch)
        for limit_bytes, callback in due:
            callback(self._beginning(limit_bytes))

    def _beginning(self, limit_bytes: int) -> bytes:
        """The first bytes, wherever they are; all of them are there before a pod is attached."""
        pieces: list[bytes] = []
        size = 0
        while size < limit_bytes and (data := self._held.read(size)):
            pieces.append(data)
            size += len(data)
        return b"".join([*pieces, *self._backlog])[:limit_bytes]
