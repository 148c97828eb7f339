"""Who is still there, and who sends fast enough."""

from __future__ import annotations

import socket
import struct
from functools import partial

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pods.http1.deadline import Deadline
from pods.http1.heads import HeadLimits
from pods.http1.pace import Pace
from pods.http1.presence import LOOK_SECONDS, Presence
from pods.http1.site import ServerSettings
from pods.http1.sockets import End, known_end
from pods.outbox import Outbox


class Transport:
    """A real socket, and what is done with it."""

    def __init__(self, end: socket.socket) -> None:
        self.fileno = end.fileno
        self.written = b""
        self.is_aborted = False

    def write(self, data: bytes) -> None:
        self.written += data

    def abortConnection(self) -> None:
        self.is_aborted = True


class SocketTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        self.client = socket.create_connection(listening.getsockname())
        self.ours, _ = listening.accept()
        listening.close()
        self.addCleanup(self.client.close)
        self.addCleanup(self.ours.close)
        self.transport = Transport(self.ours)

    def reset(self) -> None:
        """The client breaks off."""
        self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.client.close()


class KnownEndTests(SocketTestCase):
    """Behind bytes that nobody has read."""

    def test_there(self) -> None:
        self.client.sendall(b"unread")
        self.assertIs(known_end(self.transport), End.NONE)

    def test_finished_sending(self) -> None:
        self.client.sendall(b"unread")
        self.client.shutdown(socket.SHUT_WR)
        self.assertIs(known_end(self.transport), End.INPUT_ENDED)

    def test_broke_off(self) -> None:
        self.client.sendall(b"unread")
        self.reset()
        self.assertIs(known_end(self.transport), End.RESET)

    def test_our_own_end_is_closed(self) -> None:
        self.ours.close()
        self.assertIs(known_end(self.transport), End.NONE)


class PresenceTests(SocketTestCase):
    """What is done about it, and when."""

    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.may_probe = True
        self.presence = Presence(self.clock, self.transport, lambda: self.may_probe)
        self.addCleanup(self.assertEqual, self.clock.getDelayedCalls(), [])
        self.addCleanup(self.presence.close)

    def test_nothing_while_the_connection_is_read(self) -> None:
        self.presence.paused()
        self.presence.resumed()
        self.reset()
        self.clock.advance(10)
        self.assertFalse(self.transport.is_aborted)

    def test_a_reset_ends_the_connection(self) -> None:
        self.presence.paused()
        self.clock.advance(LOOK_SECONDS)
        self.assertFalse(self.transport.is_aborted)
        self.reset()
        self.clock.advance(LOOK_SECONDS)
        self.assertTrue(self.transport.is_aborted)

    def test_the_end_of_input_is_looked_into_once(self) -> None:
        self.client.shutdown(socket.SHUT_WR)
        self.presence.paused()
        self.clock.pump([LOOK_SECONDS] * 4)
        self.assertTrue(b"HTTP/1.1 ".startswith(self.transport.written))
        self.assertGreater(len(self.transport.written), 1)
        answer = b"HTTP/1.1 200 OK\r\n\r\n"
        rest = self.presence.without_what_was_sent(answer)
        self.assertEqual(self.transport.written + rest, answer)
        self.assertEqual(self.presence.without_what_was_sent(b"body"), b"body")

    def test_nothing_is_sent_in_the_middle_of_an_answer(self) -> None:
        self.may_probe = False
        self.client.shutdown(socket.SHUT_WR)
        self.presence.paused()
        self.clock.pump([LOOK_SECONDS] * 4)
        self.assertEqual((self.transport.written, self.transport.is_aborted), (b"", False))


class PaceTests(SynchronousTestCase):
    """So many bytes in each stretch of time."""

    def pace(self, least_bytes: int) -> tuple[Pace, ServerSettings, list[float]]:
        self.clock = Clock()
        expired: list[float] = []
        deadline = Deadline(self.clock, lambda: expired.append(self.clock.seconds()))
        outbox = Outbox(partial(self.clock.callLater, 0))
        settings = ServerSettings(self.clock, outbox, HeadLimits(), 10, 10, 10, 10, least_bytes)
        pace = Pace(deadline)
        pace.begin(settings)
        return pace, settings, expired

    def test_a_byte_now_and_then_is_not_enough(self) -> None:
        pace, settings, expired = self.pace(100)
        for _ in range(10):
            self.clock.advance(1)
            pace.came(9, settings)
        self.assertEqual(expired, [10])

    def test_enough_moves_the_deadline_on(self) -> None:
        pace, settings, expired = self.pace(100)
        for _ in range(20):
            self.clock.advance(1)
            pace.came(12, settings)
        self.assertEqual(expired, [])
        self.clock.advance(10)
        self.assertEqual(len(expired), 1)

    def test_without_a_least_any_byte_will_do(self) -> None:
        pace, settings, expired = self.pace(0)
        for _ in range(20):
            self.clock.advance(9)
            pace.came(1, settings)
        self.assertEqual(expired, [])
        self.clock.advance(10)
        self.assertEqual(len(expired), 1)
