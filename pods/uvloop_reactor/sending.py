"""The sending half of a stream: what is written, when it goes out, who is to write more."""

from __future__ import annotations

from abc import ABC, abstractmethod
from asyncio import Transport
from collections.abc import Iterable
from typing import Any, cast

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IConsumer, IProducer, IPullProducer
from twisted.python.failure import Failure
from zope.interface import implementer

from pods.outbox import Outbox

#: Up to this many bytes, copying several pieces into one is cheaper than a list of them is to the
#: kernel.
JOINED_BYTES = 65_536

DONE = Failure(ConnectionDone())


@implementer(IConsumer)
class Sending(ABC):
    """What a stream does about writing; :class:`~pods.uvloop_reactor.stream.Stream` is the rest.

    Bytes wait in ``_pending`` until the event is over, then in uvloop's buffer (``_full``) as long
    as the kernel takes no more.  The names that are not Python's way are those that Twisted's own
    transports have, and that protocols look at.

    :ivar bufferSize: with more bytes than this pending, a push producer is paused.
    :ivar connected: 1 until the connection is lost.
    :ivar disconnecting: 1 once ``loseConnection`` was called.
    :ivar disconnected: 1 once the connection was lost.
    """

    bufferSize = 65_536
    connected = 1
    disconnecting = 0
    disconnected = 0
    producer: IProducer | None = None
    streamingProducer = False
    producerPaused = False

    _uv: Transport | None = None
    _outbox: Outbox
    _pending: bytes | list[bytes] | None = None
    _pending_bytes = 0
    _queued = False
    _full = False
    # Whether anything is to happen when all was sent: a producer resumed, the connection closed.
    _settling = False
    _writable = True
    # Why the connection ends, from when that is decided.
    _reason: Failure | None = None
    _write_closing = False
    _write_closed = False

    @abstractmethod
    def open(self) -> None:
        """See to it that there is a transport of uvloop's, which flushes when it is there."""

    @abstractmethod
    def end(self, reason: Failure) -> None:
        """Close for this reason; the protocol hears of it in a turn of its own."""

    @abstractmethod
    def fail(self, what: str) -> None:
        """Log the exception that is being handled, and close for that reason."""

    @abstractmethod
    def shut_write(self) -> None:
        """Everything was sent: half-close."""

    def write(self, data: bytes) -> None:
        """Send these bytes when the present event is over; nothing once the connection is lost.

        :raises TypeError: if they are not bytes.
        """
        if not isinstance(data, bytes):
            raise TypeError("Data must be bytes")
        if not data or not self._writable:
            return
        pending = self._pending
        if pending is None:
            self._pending = data
            if not self._queued:
                self._queued = True
                self._outbox.add(self)
        elif type(pending) is list:
            pending.append(data)
        else:
            self._pending = [pending, data]  # type: ignore[list-item]
        self._pending_bytes += len(data)
        if self._pending_bytes > self.bufferSize:
            self.pause_producer()

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """Send these pieces, as if they were joined.

        :raises TypeError: if one of them is not bytes; none is sent then.
        """
        pieces = list(iovec)
        size = 0
        for piece in pieces:
            if not isinstance(piece, bytes):
                raise TypeError("Data must be bytes")
            size += len(piece)
        if size <= JOINED_BYTES:
            pieces = [b"".join(pieces)]
        for piece in pieces:
            Sending.write(self, piece)

    def flush(self) -> None:
        """Hand what is pending to uvloop, which tries to send it there and then."""
        self._queued = False
        uv = self._uv
        if uv is None:
            self.open()
            return
        data = self._pending
        if data is not None:
            size, self._pending, self._pending_bytes = self._pending_bytes, None, 0
            if type(data) is not list:
                uv.write(data)  # type: ignore[arg-type]
            elif size <= JOINED_BYTES:
                uv.write(b"".join(data))
            else:
                uv.writelines(data)
        if self._settling:
            if self._full:
                self.pause_producer()
            else:
                self._settle()

    def _queue(self) -> None:
        if not self._queued:
            self._queued = True
            self._outbox.add(self)

    def _settle(self) -> None:
        """Everything was sent: on with what waited for that."""
        producer: Any = self.producer
        if self._reason is not None:
            return
        if producer is not None and (not self.streamingProducer or self.producerPaused):
            self.producerPaused = False
            self._guarded(producer.resumeProducing)
        elif self.disconnecting:
            self.end(DONE)
        elif self._write_closing and not self._write_closed:
            self._write_closed = True
            self._writable = False
            self.shut_write()

    def _guarded(self, call: Any) -> None:
        """Call the producer; one that raises loses the connection, as on every reactor."""
        try:
            call()
        except BaseException:
            self.fail("A producer failed.")

    # What uvloop calls: there is a byte that the kernel does not take, there is none any more.

    def pause_writing(self) -> None:
        """uvloop could not send everything."""
        self._full = True

    def resume_writing(self) -> None:
        """uvloop has sent everything."""
        self._full = False
        if self._settling and self._pending is None:
            self._settle()

    # IConsumer

    def pause_producer(self) -> None:
        """Have a push producer wait; it is resumed when everything was sent."""
        producer: Any = self.producer
        if producer is not None and self.streamingProducer and not self.producerPaused:
            self.producerPaused = True
            self._guarded(producer.pauseProducing)

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """Let this producer write from now on.

        :param streaming: whether it pushes, and is to be paused and resumed; one that does not is
            asked for more at once, and again whenever everything was sent.
        :raises RuntimeError: if there is another one.
        """
        if self.producer is not None:
            raise RuntimeError(
                f"Cannot register producer {producer}, because producer {self.producer} was "
                "never unregistered."
            )
        if self.disconnected:
            producer.stopProducing()
            return
        self.producer = producer
        self.streamingProducer = streaming
        self.producerPaused = False
        self._settling = True
        if not streaming:
            cast(IPullProducer, producer).resumeProducing()

    def unregisterProducer(self) -> None:
        """Forget the producer; a connection that waited for it is closed."""
        self.producer = None
        self._settling = bool(self.disconnecting or self._write_closing)
        if self.connected and self.disconnecting:
            self._queue()

    def stopConsuming(self) -> None:
        """Forget the producer, and close the connection."""
        self.unregisterProducer()
        self.loseConnection()

    @abstractmethod
    def loseConnection(self) -> None:
        """Close the connection when everything was sent; see :class:`Stream`."""
