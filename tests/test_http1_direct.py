"""Sending at the end of the event, on real sockets: nothing is lost, late or out of order."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.selectreactor import SelectReactor
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pods.http1.direct import (
    BEHIND_LIMIT_BYTES,
    EVENT_LIMIT_BYTES,
    DirectTransport,
    sending_directly,
)
from pods.outbox import Outbox
from tests.support_wire import Wire

GIVE_UP_SECONDS = 30
MUCH = os.urandom(8 * 1024 * 1024)  # more than the buffers of a socket take


@contextlib.contextmanager
def event(outbox: Outbox) -> Iterator[None]:
    """An event in which something may be written."""
    outbox.promised = True
    try:
        yield
    finally:
        outbox.event_is_over(0)


@implementer(IHalfCloseableProtocol, IPushProducer)
class Writer(Protocol):
    """Writes what a test says; notes what happens."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self.events: list[str] = []
        self.data = b""
        self.resumed: Callable[[], object] = lambda: None

    def connectionMade(self) -> None:
        self.direct = sending_directly(self.transport, self.outbox)
        self.direct.registerProducer(self, True)

    def dataReceived(self, data: bytes) -> None:
        self.data += data

    def pauseProducing(self) -> None:
        self.events.append("pause")

    def resumeProducing(self) -> None:
        self.events.append("resume")
        self.resumed()

    def stopProducing(self) -> None:
        self.events.append("stop")

    def readConnectionLost(self) -> None:
        self.events.append("read lost")

    def writeConnectionLost(self) -> None:
        self.events.append("write lost")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.events.append("lost")


class DirectTests(SynchronousTestCase):
    """``DirectTransport`` over TCP."""

    def setUp(self) -> None:
        self.reactor: Any = SelectReactor()
        self.outbox = Outbox(partial(self.reactor.callLater, 0))
        self.writers: list[Writer] = []
        self.connections = 0
        self.far, self.writer = self.connected()

    def make_writer(self) -> Writer:
        self.writers.append(Writer(self.outbox))
        return self.writers[-1]

    def connected(self) -> tuple[socket.socket, Writer]:
        factory = Factory.forProtocol(self.make_writer)
        factory.noisy = False
        port = self.reactor.listenTCP(0, factory, interface="127.0.0.1")
        far = socket.create_connection(("127.0.0.1", port.getHost().port))
        return self.accepted(port, far)

    def accepted(self, port: Any, far: socket.socket) -> tuple[socket.socket, Writer]:
        self.addCleanup(far.close)
        expected = self.connections = self.connections + 1
        self.until(lambda: len(self.writers) == expected and bool(self.writers[-1].connected))
        stopped = maybeDeferred(port.stopListening)
        self.until(lambda: bool(stopped.called))
        far.setblocking(False)
        return far, self.writers[-1]

    def tearDown(self) -> None:
        for writer in self.writers:
            writer.direct.abortConnection()
        self.until(lambda: all("lost" in writer.events for writer in self.writers))
        self.reactor.removeAll()
        self.reactor.disconnectAll()
        if self.reactor.waker is not None:
            self.reactor.waker.connectionLost(None)

    def until(self, is_true: Callable[[], bool]) -> None:
        ends_at = time.monotonic() + GIVE_UP_SECONDS
        while not is_true():
            self.assertLess(time.monotonic(), ends_at, "it does not happen")
            self.reactor.iterate(0.01)

    def read(self, size: int) -> bytes:
        """What the far end gets: so many bytes, or all until the end."""
        data = bytearray()
        is_over = False

        def come() -> bool:
            nonlocal is_over
            try:
                piece = self.far.recv(min(65_536, size - len(data)))
            except BlockingIOError:
                return False
            data.extend(piece)
            is_over = not piece
            return is_over or len(data) >= size

        self.until(come)
        return bytes(data)

    def test_it_is_the_direct_way(self) -> None:
        self.assertIsInstance(self.writer.direct, DirectTransport)

    def test_sent_when_the_event_is_over(self) -> None:
        with event(self.outbox):
            self.writer.direct.write(b"head ")
            self.writer.direct.write(b"body")
            self.assertRaises(BlockingIOError, self.far.recv, 100)
        # No turn of the reactor was needed, and it is one piece.
        self.assertEqual(self.far.recv(100), b"head body")
        self.assertEqual(self.reactor.getWriters(), [])

    def test_outside_an_event_it_takes_one_turn(self) -> None:
        self.writer.direct.write(b"late")
        self.assertEqual(self.read(4), b"late")

    def test_much_arrives_whole_and_in_order(self) -> None:
        with event(self.outbox):
            self.writer.direct.write(MUCH)
        with event(self.outbox):
            self.writer.direct.write(b"more")
        with event(self.outbox):
            self.writer.direct.write(b" and more")
        self.assertEqual(self.read(len(MUCH) + 13), MUCH + b"more and more")
        self.assertEqual(self.writer.events, ["pause", "resume"])
        with event(self.outbox):
            self.writer.direct.write(b"after")
        self.assertEqual(self.far.recv(100), b"after", "at once again")

    def test_who_is_resumed_may_write_at_once(self) -> None:
        self.writer.resumed = lambda: self.writer.direct.write(b"next")
        with event(self.outbox):
            self.writer.direct.write(MUCH)
        self.assertEqual(self.read(len(MUCH) + 4), MUCH + b"next")

    def test_who_writes_without_end_lets_others_have_their_turn(self) -> None:
        turns = 0

        def write_more() -> None:
            nonlocal turns
            turns += 1
            while self.writer.events[-1] == "resume" and turns < 20:
                self.writer.direct.write(b"x" * 65_536)

        self.writer.events.append("resume")
        self.writer.resumed = write_more
        with event(self.outbox):
            write_more()
        self.assertLessEqual(turns, 2, "within the event, and once when it is over")

        def goes_on() -> bool:
            with contextlib.suppress(BlockingIOError):
                self.far.recv(1_000_000)
            return turns == 20

        self.until(goes_on)

    def test_who_cannot_go_on_harms_no_other(self) -> None:
        def fail() -> None:
            raise OSError("no disk")

        self.writer.resumed = fail
        other_far, other = self.connected()
        with event(self.outbox):
            self.writer.direct.write(b"x" * (EVENT_LIMIT_BYTES + 1))
            other.direct.write(b"whole")
        self.assertEqual(other_far.recv(100), b"whole")
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.until(lambda: "lost" in self.writers[0].events)

    def test_a_little_behind_is_no_reason_to_pause(self) -> None:
        self.fill()
        with event(self.outbox):
            self.writer.direct.write(b"x" * (BEHIND_LIMIT_BYTES // 2))
        self.assertEqual(self.writer.events, [])

    def fill(self) -> None:
        """Have the socket take no more, and Twisted only a byte."""
        self.far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock = self.writer.transport.getHandle()  # type: ignore[union-attr]
        while True:
            try:
                sock.send(b"x" * 65_536)
            except BlockingIOError:
                break
        with event(self.outbox):
            self.writer.direct.write(b"x")

    def test_closing_sends_everything_first(self) -> None:
        for data in (b"little", MUCH):
            self.far, self.writer = self.connected()
            with event(self.outbox):
                self.writer.direct.write(data)
                self.writer.direct.loseConnection()
            self.assertEqual(self.read(len(data) + 1), data)
            self.until(lambda: "lost" in self.writer.events)

    def test_half_closing_sends_everything_first_and_reads_on(self) -> None:
        for data in (b"little", MUCH):
            self.far, self.writer = self.connected()
            with event(self.outbox):
                self.writer.direct.write(data)
                self.writer.direct.loseWriteConnection()
            self.assertEqual(self.read(len(data) + 1), data)
            self.until(lambda: "write lost" in self.writer.events)
            self.far.sendall(b"still here")
            self.until(lambda: self.writer.data == b"still here")
            if data is MUCH:
                self.assertEqual(self.writer.events[:2], ["pause", "resume"])

    def test_aborting_sends_nothing_more(self) -> None:
        with event(self.outbox):
            self.writer.direct.write(b"never")
            self.writer.direct.abortConnection()
        self.until(lambda: "lost" in self.writer.events)
        self.assertRaises(ConnectionResetError, self.far.recv, 100)

    def test_a_far_end_that_has_gone_is_noticed(self) -> None:
        self.far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.far.close()
        with event(self.outbox):
            self.writer.direct.write(MUCH)  # the error is Twisted's to find
        self.until(lambda: "lost" in self.writer.events)
        with event(self.outbox):
            self.writer.direct.write(b"to nobody")
        self.assertEqual(self.writer.events[-1], "lost")

    def test_one_that_is_not_producing_is_left_alone(self) -> None:
        self.writer.direct.unregisterProducer()
        with event(self.outbox):
            self.writer.direct.write(MUCH)
        self.read(len(MUCH))
        self.assertEqual(self.writer.events, [])


class UNIXDirectTests(DirectTests):
    """The same over UNIX sockets."""

    def connected(self) -> tuple[socket.socket, Writer]:
        factory = Factory.forProtocol(self.make_writer)
        factory.noisy = False
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "socket")
        port = self.reactor.listenUNIX(path, factory)
        far = socket.socket(socket.AF_UNIX)
        far.connect(path)
        return self.accepted(port, far)

    def test_aborting_sends_nothing_more(self) -> None:
        with event(self.outbox):
            self.writer.direct.write(b"never")
            self.writer.direct.abortConnection()
        self.until(lambda: "lost" in self.writer.events)
        self.assertEqual(self.far.recv(100), b"", "there is no reset here")


class OtherTransportTests(SynchronousTestCase):
    """Whatever is not Twisted's own TCP stays as it is."""

    def test_untouched(self) -> None:
        wire: Any = object.__new__(Wire)
        self.assertIs(sending_directly(wire, Outbox(lambda call: None)), wire)
