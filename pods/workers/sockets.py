"""Listening sockets that one process opens and others accept on.

Endpoint descriptions mean the same in all of them.  In the supervisor they are opened through a
reactor that accepts nothing; in a worker the same descriptions are opened through one that takes
the socket which it was given, whatever it is asked to listen on.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterable
from typing import Any

from twisted.internet import tcp, unix
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IAddress, IListeningPort, IStreamServerEndpoint
from twisted.internet.protocol import Factory
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import directlyProvides, implementer, providedBy

#: So many clients a worker accepts in one event; the next may go to one that has less to do.
ACCEPTS = 4

#: A description, and the descriptors of its sockets.
Offer = tuple[str, list[int]]


class HeldSockets:
    """The supervisor's sockets: open as long as it wants, so that no client is turned away while
    a worker is missing."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._held: list[tuple[str, list[Any]]] = []

    def endpoint(self, description: str) -> IStreamServerEndpoint:
        """What opens the socket, and accepts nobody."""
        ports: list[Any] = []
        self._held.append((description, ports))
        opening = _Holding(self._reactor, ports)
        endpoint: IStreamServerEndpoint = serverFromString(opening, description)
        return endpoint

    def offers(self) -> list[Offer]:
        """What is open now."""
        self._held = [(name, ports) for name, ports in self._held if any(map(_is_open, ports))]
        return [(name, [port.fileno() for port in ports]) for name, ports in self._held]


class GivenSockets:
    """A worker's sockets: those that came from the supervisor."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._offers: list[Offer] = []

    def offer(self, offers: Iterable[Offer]) -> None:
        """These may be taken from now on."""
        self._offers += offers

    def withdraw(self) -> None:
        """Nobody needs the rest."""
        for _, descriptors in self._offers:
            for descriptor in descriptors:
                os.close(descriptor)
        self._offers = []

    def endpoint(self, description: str) -> IStreamServerEndpoint:
        """What accepts on the sockets of that description.

        :raises LookupError: there are none.
        """
        for offer in self._offers:
            if offer[0] == description:
                self._offers.remove(offer)
                taking = _Taking(self._reactor, offer[1])
                endpoint: IStreamServerEndpoint = serverFromString(taking, _openable(description))
                return endpoint
        raise LookupError("the supervisor has no such socket")


def _openable(description: str) -> str:
    """The description, without ``systemd:``: that is only there for the process which systemd has
    started, and here the kind of socket does not matter any more."""
    return re.sub(r"(^|:)systemd:.*", r"\1tcp:0", description)


def _is_open(port: Any) -> bool:
    return bool(port.connected)


class _Through:
    """A reactor, but for how it listens."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        directlyProvides(self, providedBy(reactor))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)


# -- the supervisor's ------------------------------------------------------------


class _Holding(_Through):
    def __init__(self, reactor: Any, ports: list[Any]) -> None:
        super().__init__(reactor)
        self._ports = ports

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        return self._hold(_HeldTCPPort(port, factory, backlog, interface, self._reactor))

    def listenSSL(
        self,
        port: int,
        factory: Any,
        contextFactory: Any,  # noqa: N803
        backlog: int = 50,
        interface: str = "",
    ) -> Any:
        return self.listenTCP(port, factory, backlog, interface)

    def listenUNIX(
        self, address: Any, factory: Any, backlog: int = 50, mode: int = 0o666, **want: bool
    ) -> Any:
        port = _HeldUNIXPort(address, factory, backlog, mode, self._reactor, **want)
        return self._hold(port)

    def adoptStreamPort(
        self,
        fileDescriptor: int,  # noqa: N803
        addressFamily: int,  # noqa: N803
        factory: Any,
    ) -> Any:
        return self._hold(_AdoptedPort(fileDescriptor))

    def _hold(self, port: Any) -> Any:
        port.startListening()
        self._ports.append(port)
        return port


class _HeldTCPPort(tcp.Port):
    _shouldShutdown = False  # that would end it for the workers too, in the midst of accepting

    def startListening(self) -> None:
        super().startListening()
        self.stopReading()  # type: ignore[no-untyped-call]


class _HeldUNIXPort(unix.Port):
    _shouldShutdown = False

    def startListening(self) -> None:
        super().startListening()  # type: ignore[no-untyped-call]
        self.stopReading()  # type: ignore[no-untyped-call]


@implementer(IListeningPort)
class _AdoptedPort:
    """A socket that somebody else has opened, such as systemd: its file is theirs."""

    def __init__(self, fileno: int) -> None:
        self._socket = socket.socket(fileno=os.dup(fileno))
        self.connected = False

    def startListening(self) -> None:
        self._socket.setblocking(False)
        self.connected = True

    def stopListening(self) -> None:
        self.connected = False
        self._socket.close()

    def getHost(self) -> IAddress:
        return _address(self._socket)

    def fileno(self) -> int:
        return self._socket.fileno()


def _address(listening: socket.socket) -> IAddress:
    name = listening.getsockname()
    if listening.family == socket.AF_UNIX:
        return UNIXAddress(name)
    kind = IPv6Address if listening.family == socket.AF_INET6 else IPv4Address
    return kind("TCP", *name)


# -- a worker's --------------------------------------------------------------------


class _Taking(_Through):
    def __init__(self, reactor: Any, descriptors: list[int]) -> None:
        super().__init__(reactor)
        self._descriptors = descriptors

    def listenTCP(self, port: int, factory: Any, **others: Any) -> Any:
        return self._take(factory)

    def listenSSL(self, port: int, factory: Any, contextFactory: Any, **others: Any) -> Any:  # noqa: N803
        return self._take(TLSMemoryBIOFactory(contextFactory, False, factory))

    def listenUNIX(self, address: Any, factory: Any, **others: Any) -> Any:
        return self._take(factory)

    def _take(self, factory: Any) -> Any:
        given = socket.socket(fileno=self._descriptors.pop(0))
        if given.family == socket.AF_UNIX:
            port = _GivenUNIXPort(given, factory, self._reactor)
            port.startListening()
            return _accepting_few(port)
        try:  # the reactor makes a descriptor of its own
            adopted = self._reactor.adoptStreamPort(given.fileno(), given.family, factory)
            return _accepting_few(adopted)
        finally:
            given.close()


def _accepting_few(port: Any) -> Any:
    """The port, with the manners of one of several.

    Twisted accepts all that wait, and looks for as many more the next time; of clients that come
    at once one worker would get all.
    """
    accept = port.doRead

    def accept_few() -> None:
        port.numberAccepts = ACCEPTS
        accept()

    port.doRead = accept_few
    return port


class _GivenUNIXPort(unix.Port):
    """Accepts on a socket of the supervisor's.

    ``adoptStreamPort`` would set the mode of its file anew, remove the file at the end, and shut
    the socket down for everybody.
    """

    _shouldShutdown = False

    def __init__(self, given: socket.socket, factory: Factory[Any], reactor: Any) -> None:
        super().__init__(given.getsockname(), factory, reactor=reactor)
        self.socket = given

    def startListening(self) -> None:
        tcp._reservedFD.reserve()  # as all ports do, against running out of descriptors
        self.factory.doStart()  # type: ignore[union-attr]
        self.fileno = self.socket.fileno  # type: ignore[method-assign]
        self.connected = True
        self.startReading()  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: Any) -> None:
        tcp.Port.connectionLost(self, reason)
