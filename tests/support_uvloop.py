"""A uvloop reactor for each test, whatever runs the tests; and protocols that take notes."""

from __future__ import annotations

import socket
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import ClientFactory, Factory, Protocol
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

NO_UVLOOP = "" if find_spec("uvloop") else "uvloop is not installed"
GIVE_UP_SECONDS = 30


class Noting(Protocol):
    """Takes notes, and does on each event what the test says.

    :param on: what to do at "made", "data" or "lost", given the protocol and the data or reason.
    """

    def __init__(self, **on: Callable[..., Any]) -> None:
        self.on = on
        self.events: list[str] = []
        self.data = b""
        self.reasons: list[Failure] = []
        self.inside = 0

    def act(self, event: str, *details: Any) -> None:
        self.events.append(event)
        if self.inside and event == "lost":
            raise AssertionError("connectionLost inside a call of the protocol's own")
        self.inside += 1
        try:
            self.on.get(event, lambda *details: None)(self, *details)
        finally:
            self.inside -= 1

    def connectionMade(self) -> None:
        self.act("made")

    def dataReceived(self, data: bytes) -> None:
        self.data += data
        self.act("data", data)

    def connectionLost(self, reason: Failure = Failure(Exception())) -> None:  # noqa: B008
        self.reasons.append(reason)
        self.act("lost", reason)


@implementer(IHalfCloseableProtocol)
class HalfClosing(Noting):
    """Hears of each half."""

    def readConnectionLost(self) -> None:
        self.act("read_lost")

    def writeConnectionLost(self) -> None:
        self.act("write_lost")


def factory_of(protocol: Protocol) -> Any:
    """A factory, for either side, of just this protocol."""
    factory = ClientFactory()
    factory.noisy = False
    factory.buildProtocol = lambda addr: protocol  # type: ignore[method-assign]
    return factory


class UvloopTestCase(SynchronousTestCase):
    """Has a reactor, and a listening port for one protocol."""

    if NO_UVLOOP:
        skip = NO_UVLOOP

    def setUp(self) -> None:
        import uvloop

        from pods.uvloop_reactor.reactor import UvloopReactor

        self.loop = uvloop.new_event_loop()
        self.addCleanup(self.loop.close)
        self.reactor: Any = UvloopReactor(self.loop)

    def serve(self, *protocols: Protocol) -> int:
        """Listen for as many connections as there are protocols; returns the port."""
        waiting = list(protocols)
        factory = Factory()
        factory.noisy = False
        factory.buildProtocol = lambda addr: waiting.pop(0)  # type: ignore[method-assign]
        port = self.reactor.listenTCP(0, factory, interface="127.0.0.1")
        return int(port.getHost().port)

    def connect(self, port: int, protocol: Protocol) -> Any:
        """Connect this protocol; returns the connector."""
        return self.reactor.connectTCP("127.0.0.1", port, factory_of(protocol))

    def plain(self, port: int) -> socket.socket:
        """A client without a reactor, which is connected already."""
        client = socket.create_connection(("127.0.0.1", port))
        client.settimeout(GIVE_UP_SECONDS)
        self.addCleanup(client.close)
        return client

    def run_until(self, done: Callable[[], object]) -> None:
        """Run the reactor until this is true, and then stop it."""
        late: list[bool] = []

        def give_up() -> None:
            late.append(True)
            self.reactor.stop()

        given_up = self.reactor.callLater(GIVE_UP_SECONDS, give_up)

        def look() -> None:
            if late:
                return
            if done():
                given_up.cancel()
                self.reactor.stop()
            else:
                self.reactor.callLater(0.001, look)

        self.reactor.callWhenRunning(look)
        self.reactor.run(installSignalHandlers=False)
        self.assertFalse(late, "it did not come to that")
