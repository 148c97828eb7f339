"""Sending at the end of the event or turn that had something to send, without the reactor's help.

Twisted's TCP transports only collect what is written; they ask the reactor to say when the socket
takes more, send then, and ask it not to say so any longer.  That is two system calls and one more
event for each message.  A socket nearly always takes a message at once, so here it is tried first;
what it does not take goes Twisted's way.  What that saves: ``docs/explanation/performance.rst``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import tcp
from twisted.internet.interfaces import IPullProducer, IPushProducer
from twisted.logger import Logger
from zope.interface import implementer

from pods.outbox import Outbox

_log = Logger()

#: With more than this left to Twisted, who writes is paused; it is Twisted's own limit.
BEHIND_LIMIT_BYTES = 65_536
#: Who writes more than this in one event is paused until its end, so that others have their turn;
#: it is more than comes in with one event, and what Twisted sends in one go.
EVENT_LIMIT_BYTES = 131_072


def sending_directly(transport: Any, outbox: Outbox) -> Any:
    """The transport as it is best written to.

    One of Twisted's own, for TCP or a UNIX socket, is made to send when the outbox says so.
    Others, such as those of TLS and of uvloop, have ways of their own.
    """
    if isinstance(transport, tcp.Connection):
        return DirectTransport(transport, outbox)
    return transport


class DirectTransport:
    """A transport to write to, pause and close; whatever else a transport can do, ask the real one.

    :param outbox: is told when there is something to send.
    """

    def __init__(self, transport: tcp.Connection, outbox: Outbox) -> None:
        self._transport: Any = transport
        self._outbox = outbox
        self._pieces: list[bytes] = []
        self._size_bytes = 0  # of the pieces
        self._producer: IPushProducer | None = None
        self._is_paused = False  # the producer
        self._behind_bytes = 0  # what Twisted was given since it last had nothing left to send
        self._half_closes = False  # once it has nothing left
        # Reading is the transport's own business.
        self.pauseProducing = transport.pauseProducing
        self.resumeProducing = transport.resumeProducing
        self.fileno = transport.fileno

    def write(self, data: bytes) -> None:
        """Send this when the outbox says so."""
        if not self._pieces:
            self._outbox.add(self)
        self._pieces.append(data)
        self._size_bytes += len(data)
        if self._size_bytes > EVENT_LIMIT_BYTES:
            self._pause()

    def flush(self) -> None:
        """Send what was written."""
        pieces, self._pieces, self._size_bytes = self._pieces, [], 0
        if not pieces or not self._transport.connected:
            return
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        sent = 0 if self._behind_bytes else self._transport.writeSomeData(data)
        if sent == len(data):
            self._resume()
        else:  # with an error in place of a number, Twisted will meet the same, and end
            self._leave_to_twisted(data[sent:] if isinstance(sent, int) else data)

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:
        """Pause who writes while too much has not been sent."""
        self._producer = producer

    def unregisterProducer(self) -> None:
        """Who writes is not to be paused or resumed any more."""
        self._producer = None

    def loseConnection(self) -> None:
        """Close once everything was sent."""
        self.flush()
        self._transport.unregisterProducer()
        self._transport.loseConnection()

    def loseWriteConnection(self) -> None:
        """Half-close once everything was sent."""
        self.flush()
        if self._behind_bytes:
            self._half_closes = True
        else:
            self._transport.loseWriteConnection()

    def abortConnection(self) -> None:
        """Close at once; what was not sent never will be."""
        self._pieces.clear()
        self._transport.abortConnection()

    def _leave_to_twisted(self, data: bytes) -> None:
        is_first = not self._behind_bytes
        self._behind_bytes += len(data)
        self._transport.write(data)
        if is_first:
            self._transport.registerProducer(_Drained(self), False)
        if self._behind_bytes > BEHIND_LIMIT_BYTES:
            self._pause()
        else:
            self._resume()

    def caught_up(self) -> None:
        """Twisted has sent everything."""
        self._behind_bytes = 0
        self._transport.unregisterProducer()
        self._resume()
        if self._half_closes:
            self._transport.loseWriteConnection()

    def _pause(self) -> None:
        if self._producer is not None and not self._is_paused:
            self._is_paused = True
            self._guarded(self._producer.pauseProducing)

    def _resume(self) -> None:
        if self._is_paused and self._producer is not None:
            self._is_paused = False
            self._guarded(self._producer.resumeProducing)

    def _guarded(self, call: Callable[[], object]) -> None:
        """Call the producer; one that raises loses its connection, and no other."""
        try:
            call()
        except Exception:
            _log.failure("A producer failed")
            self.abortConnection()


@implementer(IPullProducer)
class _Drained:
    """What Twisted asks for more when it has sent everything.

    It asks at once as well, when this is registered: nothing can have been sent then.
    """

    def __init__(self, behind: DirectTransport) -> None:
        self._behind = behind
        self._is_registered = False

    def resumeProducing(self) -> None:
        if self._is_registered:
            self._behind.caught_up()
        self._is_registered = True

    def stopProducing(self) -> None:
        """The connection is lost; its protocol hears of it."""
