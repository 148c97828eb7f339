"""UNIX stream sockets: ports and connectors are Twisted's, as for TCP.

uvloop can neither send nor receive descriptors.  Sending is done here, beside it; a protocol that
provides ``IFileDescriptorReceiver`` gets a transport of Twisted's.
"""

from __future__ import annotations

import os
import socket
from array import array
from typing import TYPE_CHECKING, Any

from twisted.internet import unix
from twisted.internet.address import UNIXAddress
from twisted.internet.error import ConnectionLost, FileDescriptorOverrun
from twisted.internet.interfaces import (
    IFileDescriptorReceiver,
    IProtocol,
    IProtocolFactory,
    ITCPTransport,
    ITLSTransport,
    IUNIXTransport,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from pods.uvloop_reactor.stream import Stream
from pods.uvloop_reactor.tcp import Accepting, ClientSide, log_prefix, replace

if TYPE_CHECKING:
    from pods.uvloop_reactor.reactor import UvloopReactor

#: With more descriptors than this waiting, a push producer is paused.
DESCRIPTORS = 64

#: How long a full socket is left alone before descriptors are tried again.
DESCRIPTOR_RETRY_SECONDS = 0.01


@implementer(IUNIXTransport, ITLSTransport, ITCPTransport)
class UNIXStream(Stream):
    """A UNIX connection, which can send descriptors: each goes with one of the next bytes."""

    # Those that wait, in the order of the bytes that they go with.
    _descriptors: list[int] | None = None

    def sendFileDescriptor(self, descriptor: int) -> None:
        """Send a copy of this descriptor with one of the bytes that are written next.

        The connection is lost with ``FileDescriptorOverrun`` if there are fewer bytes than
        descriptors.
        """
        if self._descriptors is None:
            self._descriptors = []
        self._descriptors.append(descriptor)
        if len(self._descriptors) > DESCRIPTORS:
            self.pause_producer()
        self._queue()

    def flush(self) -> None:
        if self._descriptors and self._uv is not None and self._reason is None:
            self._send_descriptors(self._descriptors)
        else:
            super().flush()

    def resume_writing(self) -> None:
        if self._descriptors:
            self._full = False
            self.flush()
        else:
            super().resume_writing()

    def _send_descriptors(self, descriptors: list[int]) -> None:
        """Send those that wait, each with its byte, once uvloop's buffer is empty."""
        self._queued = False
        if self._full:
            return
        pending = self._pending
        data = b"".join(pending if isinstance(pending, list) else [pending or b""])
        if len(descriptors) > len(data):
            self.end(Failure(FileDescriptorOverrun()))
            return
        sent = 0
        try:
            for descriptor in descriptors:
                self._send_descriptor(data[sent : sent + 1], descriptor)
                sent += 1
        except BlockingIOError:
            self._loop.call_later(DESCRIPTOR_RETRY_SECONDS, self.flush)
        except OSError as error:
            lost = ConnectionLost()
            lost.__cause__ = error
            self.end(Failure(lost))
            return
        del descriptors[:sent]
        self._pending = data[sent:] or None
        self._pending_bytes = len(data) - sent
        if not descriptors:
            super().flush()

    def _send_descriptor(self, byte: bytes, descriptor: int) -> None:
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [descriptor]))
        self.socket.sendmsg([byte], [rights])

    def host_address(self) -> Any:
        return UNIXAddress(self.socket.getsockname())

    def getTcpNoDelay(self) -> bool:
        """No: this is not TCP."""
        return False

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Do nothing: this is not TCP."""

    def getTcpKeepAlive(self) -> bool:
        """Whether SO_KEEPALIVE is set, which has no effect here."""
        return bool(self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Set SO_KEEPALIVE, which has no effect here."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, enabled)


class ServerStream(UNIXStream):
    """A connection that was accepted; the parameters are those that Twisted's ports give."""

    def __init__(
        self,
        skt: socket.socket,
        protocol: IProtocol,
        client: Any,
        server: unix.Port | None,
        sessionno: int,
        reactor: UvloopReactor,
    ) -> None:
        self.server = server
        self.sessionno = sessionno
        self.hostname = client
        self.client = (client, None)
        self._name = type(protocol).__name__
        super().__init__(skt, protocol, reactor, f"{log_prefix(protocol)},{sessionno},{client}")

    def __repr__(self) -> str:
        host: Any = self.getHost()
        return f"<{self._name} #{self.sessionno} on {os.fsdecode(host.name or b'')}>"

    def getPeer(self) -> Any:
        """Where the other end is: seldom known."""
        return UNIXAddress(self.hostname or None)


def server_transport(skt: socket.socket, protocol: Any, *details: Any) -> Any:
    """The transport for an accepted socket: Twisted's if descriptors may come."""
    kind = unix.Server if IFileDescriptorReceiver.providedBy(protocol) else ServerStream
    return kind(skt, protocol, *details)


class Port(unix.Port, Accepting):
    """Twisted's port, with streams for what it accepts."""

    transport = staticmethod(server_transport)  # type: ignore[assignment]


def adopt_connection(descriptor: int, factory: IProtocolFactory, reactor: UvloopReactor) -> Any:
    """A transport on a copy of a connected socket's descriptor, or None if the factory refuses."""
    skt = socket.fromfd(descriptor, socket.AF_UNIX, socket.SOCK_STREAM)
    skt.setblocking(False)
    protocol = factory.buildProtocol(UNIXAddress(skt.getsockname()))
    if protocol is None:
        skt.close()
        return None
    transport = server_transport(skt, protocol, skt.getpeername(), None, 0, reactor)
    transport.logstr = f"{type(protocol).__name__},0,{skt.getsockname()}"
    protocol.makeConnection(transport)
    return transport


class ClientStream(ClientSide, UNIXStream):
    """A connection that was made from here.

    :param dialled: Twisted's client, which has just connected; its socket passes to the stream.
    :param protocol: who gets what is received.
    """

    def __init__(self, dialled: Client, protocol: IProtocol) -> None:
        self.connector = dialled.connector
        self._peer = dialled.getPeer()
        super().__init__(
            dialled.socket, protocol, dialled.reactor, f"{log_prefix(protocol)},client"
        )

    def getPeer(self) -> Any:
        """The path that was connected to."""
        return self._peer

    def host_address(self) -> Any:
        return UNIXAddress(None)


class Client(unix.Client):
    """Twisted's client as long as it connects, and for good if descriptors may come."""

    reactor: Any
    connector: Any

    def _connectDone(self) -> None:
        protocol: Any = self.connector.buildProtocol(self.getPeer())
        if IFileDescriptorReceiver.providedBy(protocol):
            self._keep(protocol)
        else:
            replace(self, protocol, ClientStream)

    def _keep(self, protocol: Any) -> None:
        self.protocol = protocol
        self.connected = 1
        self.logstr = f"{log_prefix(protocol)},client"
        self.startReading()
        protocol.makeConnection(self)


class Connector(unix.Connector):
    """Twisted's connector, with a stream for what has connected."""

    def _makeTransport(self) -> Any:
        return Client(self.address, self, self.reactor, self.checkPID)
