"""TCP: ports and connectors are Twisted's, and hand each connected socket to a stream."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from twisted.internet import tcp
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import (
    ILoggingContext,
    IProtocol,
    IProtocolFactory,
    ITCPTransport,
    ITLSTransport,
)
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from pods.uvloop_reactor.stream import Stream

if TYPE_CHECKING:
    from pods.uvloop_reactor.reactor import UvloopReactor


def log_prefix(protocol: Any) -> str:
    """What a protocol calls itself in the log: its class's name, if it does not say."""
    if ILoggingContext.providedBy(protocol):
        return str(protocol.logPrefix())
    return str(type(protocol).__name__)


def with_scope(address: tuple[Any, ...]) -> tuple[Any, ...]:
    """An address as Twisted has it: IPv6 with its scope in the host, such as ``fe80::1%eth0``."""
    if len(address) != 4:
        return address[:2]
    numeric = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    return (socket.getnameinfo(address, numeric)[0], *address[1:])


def tcp_address(address: tuple[Any, ...]) -> IPv4Address | IPv6Address:
    """Twisted's address of a socket's."""
    kind = IPv6Address if len(address) == 4 else IPv4Address
    return kind("TCP", *with_scope(address))


@implementer(ITLSTransport, ITCPTransport)
class TCPStream(Stream):
    """A TCP connection."""

    def hand_over(self) -> None:
        # uvloop sets TCP_NODELAY; here that is the protocol's to decide.
        wanted = self.getTcpNoDelay()
        super().hand_over()
        if not wanted:
            self.setTcpNoDelay(False)

    def host_address(self) -> Any:
        return tcp_address(self.socket.getsockname())

    def getTcpNoDelay(self) -> bool:
        """Whether small pieces are sent without waiting for an acknowledgement."""
        return bool(self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Send small pieces at once, or not."""
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, enabled)

    def getTcpKeepAlive(self) -> bool:
        """Whether the kernel asks now and then if the peer is still there."""
        return bool(self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Have the kernel ask now and then if the peer is still there."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, enabled)


class ServerStream(TCPStream):
    """A connection that was accepted; the parameters are those that Twisted's ports give.

    :param skt: the accepted socket.
    :param protocol: who gets what is received.
    :param client: the peer's address: host, port, and for IPv6 flow and scope.
    :param server: the port, or None for a socket that was adopted.
    :param sessionno: counts the port's connections.
    :param reactor: the reactor.
    """

    def __init__(
        self,
        skt: socket.socket,
        protocol: IProtocol,
        client: tuple[Any, ...],
        server: tcp.Port | None,
        sessionno: int,
        reactor: UvloopReactor,
    ) -> None:
        self.client = client
        self.server = server
        self.sessionno = sessionno
        self.hostname = client[0]
        self._name = type(protocol).__name__
        super().__init__(
            skt, protocol, reactor, f"{log_prefix(protocol)},{sessionno},{self.hostname}"
        )

    def __repr__(self) -> str:
        host: Any = self.getHost()
        return f"<{self._name} #{self.sessionno} on {host.port}>"

    def getPeer(self) -> Any:
        kind = IPv4Address if len(self.client) == 2 else IPv6Address
        return kind("TCP", *self.client)


class Accepting(tcp.Port):
    """A port of Twisted's that opens the streams of what it accepts at once."""

    reactor: Any

    def doRead(self) -> None:
        outbox = self.reactor.outbox
        outbox.promised = True
        super().doRead()
        outbox.flush()


class Port(Accepting):
    """Twisted's port, with streams for what it accepts."""

    transport = ServerStream  # type: ignore[assignment]


def adopt_connection(
    descriptor: int, family: int, factory: IProtocolFactory, reactor: UvloopReactor
) -> ServerStream | None:
    """A stream on a copy of a connected socket's descriptor, or None if the factory refuses."""
    skt = socket.fromfd(descriptor, family, socket.SOCK_STREAM)
    client = with_scope(skt.getpeername())
    kind = IPv4Address if len(client) == 2 else IPv6Address
    protocol = factory.buildProtocol(kind("TCP", *client))
    if protocol is None:
        skt.close()
        return None
    stream = ServerStream(skt, protocol, client, None, client[1], reactor)
    protocol.makeConnection(stream)
    return stream


class ClientSide(Stream):
    """What a stream has to do with its connector.

    :ivar connector: None after the end, so that neither keeps the other in memory.
    """

    _tls_client = True
    connector: Any

    def tell_lost(self, producer: Any, protocol: Any, reason: Failure) -> None:
        super().tell_lost(producer, protocol, reason)
        connector, self.connector = self.connector, None
        connector.connectionLost(reason)


class ClientStream(ClientSide, TCPStream):
    """A connection that was made from here.

    :param dialled: Twisted's client, which has just connected; its socket passes to the stream.
    :param protocol: who gets what is received.
    """

    def __init__(self, dialled: Client, protocol: IProtocol) -> None:
        self.connector = dialled.connector
        self.addr = dialled.addr
        self._peer = dialled.getPeer()
        super().__init__(
            dialled.socket, protocol, dialled.reactor, f"{log_prefix(protocol)},client"
        )

    def __repr__(self) -> str:
        return f"<{self.__class__} to {self.addr} at {id(self):x}>"

    def getPeer(self) -> Any:
        return self._peer


class Client(tcp.Client):
    """Twisted's client as long as it connects."""

    reactor: Any
    connector: Any

    def _connectDone(self) -> None:
        protocol = self.connector.buildProtocol(self.getPeer())
        replace(self, protocol, ClientStream)


def replace(dialled: Any, protocol: IProtocol | None, kind: Any) -> None:
    """Let a stream take the place of a client that has connected.

    :param protocol: the new connection's, or None if it is not wanted: it is closed then.
    :param kind: the class of the stream.
    """
    connector = dialled.connector
    stream = kind(dialled, protocol or Protocol())
    connector.transport = stream
    dialled.connected = 1
    dialled.connector = None
    del dialled.socket, dialled.fileno
    if protocol is None:
        stream.loseConnection()
    else:
        protocol.makeConnection(stream)


class Connector(tcp.Connector):
    """Twisted's connector, with a stream for what has connected."""

    reactor: Any

    def _makeTransport(self) -> Client:
        return Client(self.host, self.port, self.bindAddress, self, self.reactor)
