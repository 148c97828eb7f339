"""The server whose processor time is measured: ``python -m benchmarks.reactor_subject REACTOR``.

It prints the ports of its services in the order of :data:`SERVICES`, and ends with its standard
input.  The protocols are what any Twisted server has, and know nothing of the reactor.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Factory, Protocol
from zope.interface import implementer

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1024\r\nContent-Type: text/plain\r\n\r\n"
BODY = b"x" * 1024
CHUNK = b"x" * 65_536


def install(name: str) -> None:
    """Make this the process's reactor, given a name of :data:`benchmarks.reactors.REACTORS`."""
    from twisted.application.reactors import installReactor

    if name == "asyncio+uvloop":
        import uvloop
        from twisted.internet import asyncioreactor

        asyncioreactor.install(uvloop.new_event_loop())
    else:
        installReactor(name)


class Echo(Protocol):
    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)  # type: ignore[union-attr]


class Answer(Protocol):
    """One answer of head and body to each piece of data, which is one request here."""

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(HEAD)  # type: ignore[union-attr]
        self.transport.write(BODY)  # type: ignore[union-attr]


@implementer(IPushProducer)
class Pour(Protocol):
    """Sends without end, as fast as it is taken."""

    pouring = False

    def connectionMade(self) -> None:
        self.transport.registerProducer(self, True)  # type: ignore[union-attr]
        self.resumeProducing()

    def resumeProducing(self) -> None:
        self.pouring = True
        while self.pouring:
            self.transport.write(CHUNK)  # type: ignore[union-attr]

    def pauseProducing(self) -> None:
        self.pouring = False

    stopProducing = pauseProducing


class Swallow(Protocol):
    """Takes whatever comes."""


class Greet(Protocol):
    """Says a word and closes."""

    def connectionMade(self) -> None:
        self.transport.write(b"hello")  # type: ignore[union-attr]
        self.transport.loseConnection()  # type: ignore[union-attr]


#: In the order in which their ports are printed.
SERVICES: Mapping[str, type[Protocol]] = MappingProxyType(
    {"echo": Echo, "answer": Answer, "pour": Pour, "swallow": Swallow, "greet": Greet}
)


def main() -> None:
    install(sys.argv[1])
    from twisted.internet import reactor as installed
    from twisted.internet.stdio import StandardIO

    reactor: Any = installed
    ports = []
    for protocol in SERVICES.values():
        factory = Factory.forProtocol(protocol)
        factory.noisy = False
        listening = reactor.listenTCP(0, factory, backlog=512, interface="127.0.0.1")
        ports.append(listening.getHost().port)

    end: Any = Swallow()
    end.connectionLost = lambda reason: reactor.running and reactor.stop()
    StandardIO(end)
    print(*ports, flush=True)
    reactor.run()


if __name__ == "__main__":
    main()
