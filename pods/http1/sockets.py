"""Small things about transports that Twisted leaves to the caller."""

from __future__ import annotations

import enum
import select
from contextlib import suppress
from typing import Any

from twisted.internet.interfaces import ISSLTransport

_INPUT_ENDED = getattr(select, "POLLRDHUP", 0)  # not on every system


class End(enum.Enum):
    """What the other side of a connection has done."""

    NONE = enum.auto()
    INPUT_ENDED = enum.auto()  #: it sends nothing more; there may be bytes that were not read
    CLOSED = enum.auto()  #: nothing goes either way; there may be bytes that were not read
    RESET = enum.auto()


def known_end(transport: Any) -> End:
    """What the system knows of a connection, without reading from it."""
    descriptor = transport.fileno()
    if descriptor < 0:
        return End.NONE
    poll = select.poll()
    poll.register(descriptor, _INPUT_ENDED)
    for _, events in poll.poll(0):
        if events & select.POLLERR:
            return End.RESET
        if events & select.POLLHUP:
            return End.CLOSED
        if events & _INPUT_ENDED:
            return End.INPUT_ENDED
    return End.NONE


def send_without_delay(transport: Any) -> None:
    """Switch Nagle's algorithm off where there is one: not on a UNIX socket."""
    with suppress(AttributeError, OSError):
        transport.setTcpNoDelay(True)


def send_no_more(transport: Any) -> None:
    """Half-close once what was written has gone out; TLS knows no half-close, so close there.

    The producer goes first: Twisted does not half-close a transport that has just asked its
    producer for more.
    """
    transport.unregisterProducer()
    if ISSLTransport.providedBy(transport):
        transport.loseConnection()
    else:
        transport.loseWriteConnection()
