"""The connections of clients: who is there, and how they all end."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IProtocolNegotiationFactory
from twisted.internet.protocol import Factory
from zope.interface import implementer

from pods.http1.server import ClientConnection
from pods.http1.site import ServerSettings, Site


class Clients:
    """Every client's connection, whichever configuration it began under."""

    def __init__(self) -> None:
        self.connections: set[ClientConnection] = set()
        self.is_draining = False
        self._gone: list[Deferred[None]] = []

    def connected(self, connection: ClientConnection, limit: int) -> bool:
        """Count a client in; False if there are ``limit`` already."""
        if len(self.connections) >= limit:
            return False
        self.connections.add(connection)
        return True

    def disconnected(self, connection: ClientConnection) -> None:
        """Count a client out."""
        self.connections.discard(connection)
        if not self.connections:
            waiting, self._gone = self._gone, []
            for gone in waiting:
                gone.callback(None)

    def move_to(self, site: Site, settings: ServerSettings) -> None:
        """From their next request on these clients are served under another configuration."""
        for connection in self.connections:
            connection.move_to(site, settings)

    def drain(self) -> Deferred[None]:
        """Finish what runs, take nothing new; fires when the last client is gone."""
        self.is_draining = True
        for connection in list(self.connections):
            connection.drain()
        gone: Deferred[None] = Deferred()
        if self.connections:
            self._gone.append(gone)
        else:
            gone.callback(None)
        return gone

    def abort(self) -> None:
        """Break off whatever still runs."""
        for connection in list(self.connections):
            connection.abort()


@implementer(IProtocolNegotiationFactory)
class ClientFactory(Factory[ClientConnection]):
    """Makes the connections of listeners.

    :param make: a new connection.
    """

    noisy = False

    def __init__(self, make: Callable[[], ClientConnection]) -> None:
        self._make = make

    def buildProtocol(self, addr: IAddress | None) -> ClientConnection:
        return self._make()

    def acceptableProtocols(self) -> list[bytes]:
        """What may be spoken within TLS.  Without an answer, clients that ask break off."""
        return [b"http/1.1"]
