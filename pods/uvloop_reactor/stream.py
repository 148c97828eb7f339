"""A connected stream socket: uvloop's transport on one side, a Twisted protocol on the other."""

from __future__ import annotations

import socket
import struct
from abc import abstractmethod
from asyncio import Future, Transport
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IAddress,
    IHalfCloseableDescriptor,
    IHalfCloseableProtocol,
    ILoggingContext,
    IProtocol,
    IReadWriteDescriptor,
    ISystemHandle,
)
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from pods.uvloop_reactor.receiving import RECEIVE_BYTES, LogContext, Receiving
from pods.uvloop_reactor.sending import DONE

if TYPE_CHECKING:
    from pods.uvloop_reactor.reactor import UvloopReactor

#: How often a broken connection is read from: more than a socket's buffer holds.
DRAINING_READS = 32
#: ``SO_LINGER`` that makes ``close`` send a reset.
RESET = struct.pack("ii", 1, 0)

_log = Logger()


@implementer(IHalfCloseableDescriptor, ILoggingContext, IReadWriteDescriptor, ISystemHandle)
class Stream(Receiving):
    """A transport from the moment its socket is connected.

    It is usable at once; uvloop's transport joins it when the event is over, and what was written
    until then is sent.  However a connection ends, its protocol hears of it in a turn of
    its own, after everything that was received.

    :param skt: the socket, connected; it belongs to uvloop from now on.
    :param protocol: who gets what is received.
    :param reactor: the reactor.
    :param logstr: what this stream is called in the log.
    """

    # Whether the socket is uvloop's.
    _opened = False
    _aborting = False
    _host: IAddress | None = None

    def __init__(
        self, skt: socket.socket, protocol: IProtocol, reactor: UvloopReactor, logstr: str
    ) -> None:
        self.socket = skt
        self.protocol = protocol
        self.reactor = reactor
        self.logstr = logstr
        self._log_context = LogContext(logstr)
        self._loop = reactor.loop
        self._outbox = reactor.outbox
        reactor.streams.add(self)
        self._queue()

    def open(self) -> None:
        """Hand the socket to uvloop; not while the protocol has paused before the first byte.

        uvloop would read in spite of that, and the socket may have been passed on.
        """
        if self._opened or self._reason is not None or self.disconnected:
            return
        if not (self._reading or self._pending or self._settling):
            return
        self._opened = True
        try:
            self.hand_over()
        except Exception:
            self._opened = False
            self.fail("uvloop did not take a socket.")

    def hand_over(self) -> None:
        """Let uvloop have the socket."""
        # The first step makes uvloop's transport; the second needs what comes of it.
        us: Any = self
        steps = self._loop.connect_accepted_socket(lambda: us, self.socket)
        waiter: Future[Any] = steps.send(None)
        waiter.add_done_callback(partial(self._finish_opening, steps))

    def _finish_opening(self, steps: Coroutine[Any, Any, Any], waiter: Future[Any]) -> None:
        # It is over, or the transport was closed before it was open.
        with suppress(StopIteration, RuntimeError):
            steps.send(None)

    # What uvloop calls.

    def connection_made(self, transport: Transport) -> None:
        """uvloop's transport is there."""
        if self.disconnected:
            transport.abort()
            return
        self._uv = transport
        transport.set_write_buffer_limits(high=0)
        self.flush()
        if self._reason is not None:
            transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """uvloop's transport has ended; its socket is closed after this."""
        if error is not None and self._reason is None:
            self._drain()
        reason = self._reason
        if reason is None:
            lost = ConnectionDone() if error is None else ConnectionLost()
            lost.__cause__ = error
            reason = Failure(lost)
        self.connectionLost(reason)

    def _drain(self) -> None:
        """Hear what came before the connection broke; uvloop reads no more once a write has failed.

        A server may answer and close before it has read a whole request, which resets the
        connection (RFC 9112, section 9.6).
        """
        self._writable = False
        self._pending = None
        with suppress(OSError):
            for _ in range(DRAINING_READS):
                data = self.socket.recv(RECEIVE_BYTES) if self._reading else b""
                if not data:
                    return
                self.data_received(data)

    def fail(self, what: str) -> None:
        """Log the exception that is being handled, and close for that reason."""
        self._reason = Failure()
        _log.failure(what, failure=self._reason)
        self.end(self._reason)

    # How it ends.

    def end(self, reason: Failure) -> None:
        """Close now, dropping what is unsent; the protocol hears of it with the next turn."""
        if self._reason is None:
            self._reason = reason
        self._reading = False
        self._writable = False
        if self._uv is not None:
            self._uv.abort()
        elif not self._opened:
            self._loop.call_soon(self.connection_lost, None)

    def loseConnection(self) -> None:
        """Read nothing more, and close when everything was sent and no producer has more to say."""
        if not self.connected or self.disconnecting:
            return
        self.disconnecting = 1
        self._settling = True
        self.stopReading()
        if self._write_closed:
            self.end(DONE)
        else:
            self._queue()

    def abortConnection(self) -> None:
        """Close with a reset, dropping what is unsent."""
        if self.disconnected or self._aborting:
            return
        self._aborting = True
        self.end(Failure(ConnectionAborted()))

    def loseWriteConnection(self) -> None:
        """Half-close when everything was sent."""
        self._write_closing = True
        self._settling = True
        self._queue()

    def shut_write(self) -> None:
        """Everything was sent: half-close, and tell a protocol that wants to know."""
        self._shutdown(socket.SHUT_WR)
        protocol = IHalfCloseableProtocol(self.protocol, None)
        if protocol is not None:
            try:
                protocol.writeConnectionLost()
            except BaseException:
                self.fail("A protocol failed.")

    def writeConnectionLost(self, reason: Failure) -> None:
        """Nothing can be sent any more."""
        self.connectionLost(reason)

    def connectionLost(self, reason: Failure) -> None:
        """Tell the producer and the protocol, once; whatever comes after this has no effect."""
        if self.disconnected:
            return
        self.disconnected = 1
        self.connected = 0
        self._writable = self._reading = False
        self._pending = self._held = None
        with suppress(OSError):
            self.getHost()
        self._close_socket(reason)
        self.reactor.streams.discard(self)
        producer, self.producer = self.producer, None
        protocol, self.protocol = self.protocol, None
        self.unsecure()
        self.tell_lost(producer, protocol, reason)

    def tell_lost(self, producer: Any, protocol: Any, reason: Failure) -> None:
        """The last calls that this stream makes."""
        contexts = self.reactor.log_contexts
        contexts.append(self._log_context)
        try:
            if producer is not None:
                producer.stopProducing()
            protocol.connectionLost(reason)
        except BaseException:
            _log.failure("A protocol failed.")
        contexts.pop()

    def _close_socket(self, reason: Failure) -> None:
        if reason.check(ConnectionAborted):
            with suppress(OSError):
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        else:
            self._shutdown(socket.SHUT_RDWR)
        uv, self._uv = self._uv, None
        if uv is not None:
            uv.abort()
        elif not self._opened:
            self.socket.close()
        # Else it is closed as soon as it is open: uvloop crashes if that happens before.

    def _shutdown(self, how: int) -> None:
        # The peer may have been faster.
        with suppress(OSError):
            self.socket.shutdown(how)

    def startWriting(self) -> None:
        """Send what is pending; there is no need to ask for it."""
        if self.connected:
            self._queue()

    def stopWriting(self) -> None:
        """Do nothing: what was written is going to be sent."""

    def doRead(self) -> None:
        """Do nothing: uvloop reads."""

    def doWrite(self) -> None:
        """Do nothing: uvloop writes."""

    @property
    def writing(self) -> bool:
        """Whether something is still to be sent."""
        return bool(self.connected and (self.disconnecting or self._full or self._pending))

    def fileno(self) -> int:
        """The socket's number, or -1 once it is closed."""
        return self.socket.fileno()

    def getHandle(self) -> Any:
        """The socket."""
        return self.socket

    def logPrefix(self) -> str:
        """What this stream is called in the log."""
        return self.logstr

    def getHost(self) -> Any:
        """Where this end is, after the end as well."""
        if self._host is None:
            self._host = self.host_address()
        return self._host

    @abstractmethod
    def host_address(self) -> Any:
        """Ask the socket for the address of this end."""

    @abstractmethod
    def getPeer(self) -> Any:
        """Where the other end is, after the end as well."""
