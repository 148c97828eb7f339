"""One end of a connection in memory, as Twisted's TCP would have it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IConsumer, IHalfCloseableProtocol, ITCPTransport
from twisted.python import log
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.support_messages import Message, parse

BUFFER_BYTES = 65_536  #: over it Twisted pauses who writes
READ_BYTES = 65_536  #: so much Twisted reads in one go


class EventLoop(Protocol):
    """What gives each end its turns."""

    wires: list[Wire]

    def settle(self) -> None:
        """Let everything happen that can happen now."""


@implementer(ITCPTransport, IConsumer)
class Wire:
    """The router's end of a connection, with the manners of Twisted's TCP.

    A test holds the far end.  The methods with capitals are the transport's, the others are what
    the far end does.
    """

    def __init__(self, loop: EventLoop, address: str) -> None:
        self.received = b""  #: what the far end has read and not yet taken
        self.window: int | None = None  #: how much the far end still reads; None: everything
        self.is_ended = False  #: the far end has seen the router's end of output
        self.is_broken = False  #: the far end has seen a reset
        self.connected = True
        self.disconnecting = False
        self.producer: Any = None
        self._loop = loop
        self._address = address
        self._outbox = b""
        self._inbox: deque[bytes] = deque()
        self._far_end_is_done = self._far_end_has_left = False
        self._reading, self._writing = True, False
        self._producer_paused = self._aborting = self._reset = False
        self._half_closing = self._half_closed = False

    def connect(self, protocol: Any) -> None:
        self.protocol = protocol
        self._loop.wires.append(self)
        protocol.makeConnection(self)

    # -- what the far end does -----------------------------------------------

    def say(self, data: bytes) -> None:
        """Send, and let everything happen that follows from it."""
        self._inbox.extend(data[at : at + READ_BYTES] for at in range(0, len(data), READ_BYTES))
        self._loop.settle()

    def half_close(self) -> None:
        """Send nothing more, but read on."""
        self._far_end_is_done = True
        self._loop.settle()

    def leave(self) -> None:
        """Close: whatever the router still sends is answered with a reset."""
        self._far_end_has_left = True
        self.half_close()

    def reset(self) -> None:
        """Break off."""
        self._reset = True
        self._loop.settle()

    def read(self, size: int) -> None:
        """Read a little more, if the window is not open anyway."""
        self.window = (self.window or 0) + size
        self._writing = True
        self._loop.settle()

    def read_all(self) -> None:
        """From now on read everything."""
        self.window = None
        self._writing = True
        self._loop.settle()

    def take(self, *, to_head: bool = False) -> Message:
        """The next complete message that has been read.

        :param to_head: it answers a HEAD: its body does not come.
        """
        parsed = parse(self.received, to_head=to_head, is_ended=self.is_ended)
        assert parsed is not None, f"no complete message in {self.received[:300]!r}"
        message, self.received = parsed
        return message

    @property
    def is_paused(self) -> bool:
        """Whether the router reads nothing just now."""
        return self.connected and not self._reading

    @property
    def unread_bytes(self) -> int:
        """What the far end has sent and the router has not read."""
        return sum(map(len, self._inbox))

    @property
    def buffered_bytes(self) -> int:
        """What the router has written and the far end has not read."""
        return len(self._outbox)

    # -- the transport -------------------------------------------------------

    def write(self, data: bytes) -> None:
        assert isinstance(data, bytes)
        if not self.connected or self._half_closed or not data:
            return
        self._outbox += data
        self._writing = True
        if self.producer is not None and len(self._outbox) > BUFFER_BYTES:
            self._producer_paused = True
            self.producer.pauseProducing()

    def writeSequence(self, data: Any) -> None:
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        if not self.connected or self.disconnecting:
            return
        self._reading = False
        if self._half_closed:
            self._lose(ConnectionDone())
        else:
            self.disconnecting = self._writing = True

    def loseWriteConnection(self) -> None:
        self._half_closing = self._writing = True

    def abortConnection(self) -> None:
        if self.connected:
            self._aborting = True
            self._reading = self._writing = False

    def pauseProducing(self) -> None:
        self._reading = False

    def resumeProducing(self) -> None:
        if self.connected and not self.disconnecting:
            self._reading = True

    def stopProducing(self) -> None:
        self.loseConnection()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert self.producer is None and streaming
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None
        if self.connected and self.disconnecting:
            self._writing = True

    def fileno(self) -> int:
        return -1  # as of a socket that is closed: the system knows nothing of it

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", self._address, 40_000)

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", "192.0.2.1", 8080)

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.is_without_delay = enabled

    def getTcpNoDelay(self) -> bool:
        return self.is_without_delay

    def setTcpKeepAlive(self, enabled: bool) -> None: ...

    def getTcpKeepAlive(self) -> bool:
        return False

    # -- the event loop's part -----------------------------------------------

    def turn(self) -> bool:
        """Do what the event loop would do next; False if there is nothing."""
        if not self.connected:
            return False
        if self._aborting:
            self._lose(ConnectionAborted())
            return True
        if self._reset and (self._reading or self._writing):  # else nobody looks
            self._lose(ConnectionLost())
            return True
        return (self._writing and self._send()) or (self._reading and self._receive())

    def _send(self) -> bool:
        size = len(self._outbox) if self.window is None else min(self.window, len(self._outbox))
        if size and self._far_end_has_left:
            self._reset = True
            return True
        self.received += self._outbox[:size]
        self._outbox = self._outbox[size:]
        if self.window is not None:
            self.window -= size
        if self._outbox:
            return size > 0
        self._writing = False
        if self.producer is not None and self._producer_paused:
            self._producer_paused = False
            self._tell(self.producer.resumeProducing)
        elif self.disconnecting:
            self._lose(ConnectionDone())
        elif self._half_closing and not self._half_closed:
            self._half_closed = self.is_ended = True
            if IHalfCloseableProtocol.providedBy(self.protocol):
                self._tell(self.protocol.writeConnectionLost)
        return True

    def _receive(self) -> bool:
        if self._inbox:
            self._tell(self.protocol.dataReceived, self._inbox.popleft())
            return True
        if not self._far_end_is_done:
            return False
        self._reading = False
        if IHalfCloseableProtocol.providedBy(self.protocol):
            self._tell(self.protocol.readConnectionLost)
        else:
            self._lose(ConnectionDone())
        return True

    def _tell(self, method: Callable[..., object], *args: bytes) -> None:
        try:
            method(*args)
        except Exception as error:
            log.err()  # which makes the test fail, and the connection is lost, as in Twisted
            self._lose(error)

    def _lose(self, why: Exception) -> None:
        if not self.connected:
            return
        self.connected = self._reading = self._writing = False
        self.is_ended = True
        self.is_broken = not isinstance(why, ConnectionDone)
        self.producer = None
        protocol = self.protocol
        del self.protocol  # as Twisted's does
        protocol.connectionLost(Failure(why))
