"""A room in which everybody gets what anybody says."""

from __future__ import annotations

from contextlib import suppress

from accounts import Accounts
from twisted.python.failure import Failure
from twisted.web.server import Request
from twisted.web.websocket import WebSocketTransport
from wsproto.utilities import LocalProtocolError


class Room:
    """Makes a protocol for each guest."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self.guests: set[Guest] = set()

    def buildProtocol(self, request: Request) -> Guest:
        name = self._accounts.signed_in(request) or b""
        return Guest(self, name.decode())

    def say(self, text: str) -> None:
        for guest in self.guests:
            with suppress(LocalProtocolError):  # one that is leaving
                guest.transport.sendTextMessage(text)


class Guest:
    """One WebSocket."""

    transport: WebSocketTransport

    def __init__(self, room: Room, name: str) -> None:
        self._room = room
        self._name = name

    def negotiationStarted(self, transport: WebSocketTransport) -> None:
        self.transport = transport

    def negotiationFinished(self) -> None:
        self._room.guests.add(self)

    def textMessageReceived(self, message: str) -> None:
        self._room.say(f"{self._name}: {message}")

    def bytesMessageReceived(self, data: bytes) -> None:
        self.transport.loseConnection(1003)  # cannot be said

    def pongReceived(self, payload: bytes) -> None:
        pass

    def connectionLost(self, reason: Failure) -> None:
        self._room.guests.discard(self)
