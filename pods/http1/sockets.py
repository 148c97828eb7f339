"""Small things about transports that Twisted leaves to the caller."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from twisted.internet.interfaces import ISSLTransport


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
