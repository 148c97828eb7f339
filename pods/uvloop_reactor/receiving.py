"""The receiving half of a stream: when its protocol hears what, and in which turn."""

from __future__ import annotations

from asyncio import AbstractEventLoop

from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.python.failure import Failure
from twisted.python.log import ILogContext
from zope.interface import implementer

from pods.uvloop_reactor.secured import Securing
from pods.uvloop_reactor.sending import DONE

#: The size of uvloop's receive buffer.  libuv goes on reading from a connection that fills it, up
#: to 32 times; a connection that filled it once waits here until the others had their turn.
RECEIVE_BYTES = 256_000


class LogContext:
    """What ``twisted.python.log`` shows as ``system`` while a stream's protocol runs.

    It is pushed for every piece of data, so it makes its dictionary only when asked.
    """

    __slots__ = ("_system",)

    def __init__(self, system: str) -> None:
        self._system = system

    def __getitem__(self, key: object) -> dict[str, object]:
        if key is ILogContext:
            return {"isError": 0, "system": self._system}
        raise KeyError(key)


@implementer(IPushProducer)
class Receiving(Securing):
    """What a stream does about reading; :class:`~pods.uvloop_reactor.stream.Stream` is the rest."""

    _loop: AbstractEventLoop
    _log_context: LogContext
    _reading = True
    _read_closed = False
    # What arrived before uvloop could be told that the protocol had paused.
    _held: bytes | None = None
    _held_end = False

    # What uvloop calls.

    def data_received(self, data: bytes) -> None:
        """Give the protocol what has arrived, and then send what it wrote."""
        if not self._reading:
            self._hold(data)
            return
        outbox = self._outbox
        outbox.promised = True
        contexts = self.reactor.log_contexts
        contexts.append(self._log_context)
        try:
            self.protocol.dataReceived(data)
        except BaseException:
            self.fail("A protocol failed.")
        contexts.pop()
        outbox.event_is_over(len(data))
        if len(data) >= RECEIVE_BYTES and self._reading and self._uv is not None:
            self._uv.pause_reading()
            self._loop.call_soon(self._read_on)

    def eof_received(self) -> bool:
        """The peer sends nothing more.

        :returns: always True: closing is up to us.
        """
        if not self._reading:
            self._held_end = not self.disconnecting
            return True
        self._reading = False
        self._read_closed = True
        self.readConnectionLost(DONE)
        return True

    def _hold(self, data: bytes) -> None:
        """Keep what arrives before the first pause is heeded: uvloop starts to read regardless."""
        if not self.disconnecting:
            self._held = data
        if self._uv is not None:
            self._uv.pause_reading()

    def _read_on(self) -> None:
        if not self._reading:
            return
        if self._held is not None:
            data, self._held = self._held, None
            self.data_received(data)
        if self._held_end and self._reading:
            self._held_end = False
            self.eof_received()
        if self._reading and self._uv is not None:
            self._uv.resume_reading()

    def readConnectionLost(self, reason: Failure) -> None:
        """The peer has half-closed: tell a protocol that wants to know, or close."""
        protocol = IHalfCloseableProtocol(self.protocol, None)
        if protocol is None:
            self.end(reason)
            return
        try:
            protocol.readConnectionLost()
        except BaseException:
            self.fail("A protocol failed.")

    # IPushProducer

    def pauseProducing(self) -> None:
        """Hear no data until :meth:`resumeProducing`."""
        self.stopReading()

    def resumeProducing(self) -> None:
        """Hear data again, never before the present call is over."""
        if self.connected and not self.disconnecting:
            self.startReading()

    def stopProducing(self) -> None:
        """Close the connection."""
        self.loseConnection()

    def startReading(self) -> None:
        """Read from the socket."""
        if self._reading or self._read_closed or self._reason is not None or self.disconnected:
            return
        self._reading = True
        if self._held is not None or self._held_end:
            self._loop.call_soon(self._read_on)
        elif self._uv is not None:
            self._uv.resume_reading()
        else:
            self._queue()

    def stopReading(self) -> None:
        """Read nothing from the socket."""
        self._reading = False
        if self._uv is not None:
            self._uv.pause_reading()

    @property
    def reading(self) -> bool:
        """Whether the protocol hears data."""
        return self._reading
