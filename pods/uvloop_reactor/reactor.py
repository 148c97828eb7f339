"""The reactor: Twisted's own for asyncio, on uvloop, with streams that are uvloop's."""

from __future__ import annotations

import signal
import socket
from asyncio import AbstractEventLoop, set_event_loop
from math import ceil
from typing import Any
from weakref import WeakSet

import uvloop
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.error import UnsupportedAddressFamily
from twisted.internet.interfaces import IConnector, IListeningPort, IProtocolFactory
from twisted.internet.main import installReactor
from twisted.internet.process import reapAllProcesses
from twisted.internet.protocol import ClientFactory
from twisted.python.context import theContextTracker

from pods.outbox import Outbox
from pods.uvloop_reactor import tcp, unix
from pods.uvloop_reactor.stream import Stream


class UvloopReactor(AsyncioSelectorReactor):
    """TCP and UNIX streams, and TLS on them, are uvloop's; all else is as on asyncio's reactor.

    :param eventloop: the uvloop to run on; without one a new loop is made and set.
    :raises TypeError: if the loop is not uvloop's.
    :ivar loop: the event loop.
    :ivar outbox: who has something to send.
    :ivar streams: every connection there is; those that neither read nor write live only as long as
        somebody else has them, as with Twisted's own.
    :ivar log_contexts: what ``twisted.python.context`` holds for the reactor's thread.
    """

    def __init__(self, eventloop: AbstractEventLoop | None = None) -> None:
        if eventloop is None:
            eventloop = uvloop.new_event_loop()
            set_event_loop(eventloop)
        if not isinstance(eventloop, uvloop.Loop):
            raise TypeError(f"the uvloop reactor needs a loop of uvloop's, not {eventloop!r}")
        self.loop = eventloop
        self.outbox = Outbox(eventloop.call_soon)
        self.streams: WeakSet[Stream] = WeakSet()
        self.log_contexts: list[Any] = theContextTracker.currentContext().contexts
        super().__init__(eventloop)

    def startRunning(self, installSignalHandlers: bool = True) -> None:
        # The thread that runs the reactor need not be the one that made it.
        self.log_contexts = theContextTracker.currentContext().contexts
        super().startRunning(installSignalHandlers)
        if installSignalHandlers:
            # Twisted's own way is a file descriptor that Python writes to at each signal; uvloop
            # puts one of its own in its place, and runs the handlers of Python.
            signal.signal(signal.SIGCHLD, self._child_changed)
            reapAllProcesses()

    def timeout(self) -> float | None:
        """How long until the next timer, in whole milliseconds, rounded up.

        Those are uvloop's; it would round half of them down, and the rest would be spent spinning.
        """
        seconds = super().timeout()
        return None if seconds is None else ceil(seconds * 1000) / 1000

    def _child_changed(self, number: int, frame: object) -> None:
        self.callFromThread(reapAllProcesses)

    # IReactorTCP

    def listenTCP(
        self, port: Any, factory: IProtocolFactory, backlog: int = 50, interface: str = ""
    ) -> IListeningPort:
        listening = tcp.Port(port, factory, backlog, interface, self)
        listening.startListening()
        return listening

    def connectTCP(  # type: ignore[override]
        self,
        host: str,
        port: int,
        factory: ClientFactory,
        timeout: float = 30.0,
        bindAddress: Any = None,
    ) -> IConnector:
        connector = tcp.Connector(host, port, factory, timeout, bindAddress, self)
        connector.connect()
        return connector

    # IReactorUNIX

    def listenUNIX(
        self,
        address: Any,
        factory: IProtocolFactory,
        backlog: int = 50,
        mode: int = 0o666,
        wantPID: Any = 0,
    ) -> IListeningPort:
        listening = unix.Port(address, factory, backlog, mode, self, wantPID)
        listening.startListening()
        return listening

    def connectUNIX(
        self, address: Any, factory: Any, timeout: float = 30, checkPID: Any = 0
    ) -> IConnector:
        connector = unix.Connector(address, factory, timeout, self, checkPID)
        connector.connect()
        return connector

    # IReactorSocket

    def adoptStreamPort(
        self, fileDescriptor: int, addressFamily: int, factory: IProtocolFactory
    ) -> Any:
        self._check_family(addressFamily)
        listening: Any
        if addressFamily == socket.AF_UNIX:
            listening = unix.Port._fromListeningDescriptor(self, fileDescriptor, factory)
        else:
            listening = tcp.Port._fromListeningDescriptor(
                self, fileDescriptor, addressFamily, factory
            )
        listening.startListening()
        return listening

    def adoptStreamConnection(
        self, fileDescriptor: int, addressFamily: int, factory: IProtocolFactory
    ) -> Any:
        self._check_family(addressFamily)
        if addressFamily == socket.AF_UNIX:
            return unix.adopt_connection(fileDescriptor, factory, self)
        return tcp.adopt_connection(fileDescriptor, addressFamily, factory, self)

    def _check_family(self, family: int) -> None:
        if family not in self._supportedAddressFamilies:
            raise UnsupportedAddressFamily(family)

    # IReactorFDSet: streams are not the reactor's to watch, but count.

    def addReader(self, reader: Any) -> None:
        if isinstance(reader, Stream):
            reader.startReading()
        else:
            super().addReader(reader)

    def removeReader(self, reader: Any) -> None:
        if isinstance(reader, Stream):
            reader.stopReading()
        else:
            super().removeReader(reader)

    def addWriter(self, writer: Any) -> None:
        if isinstance(writer, Stream):
            writer.startWriting()
        else:
            super().addWriter(writer)

    def removeWriter(self, writer: Any) -> None:
        if not isinstance(writer, Stream):
            super().removeWriter(writer)

    def getReaders(self) -> list[Any]:
        return [*super().getReaders(), *(stream for stream in self.streams if stream.reading)]

    def getWriters(self) -> list[Any]:
        return [*super().getWriters(), *(stream for stream in self.streams if stream.writing)]

    def removeAll(self) -> list[Any]:
        busy = [stream for stream in self.streams if stream.reading or stream.writing]
        for stream in busy:
            stream.stopReading()
        return [*super().removeAll(), *busy]


def install(eventloop: AbstractEventLoop | None = None) -> None:
    """Make this the process's reactor: see :func:`pods.uvloop_reactor.install`."""
    installReactor(UvloopReactor(eventloop))
