"""The uvloop reactor: how connections end."""

from __future__ import annotations

import errno
import socket
from typing import Any

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost

from pods.uvloop_reactor.stream import RESET
from tests.support_uvloop import HalfClosing, Noting, UvloopTestCase

MEGABYTES = b"0123456789abcdef" * 524_288


def lose(protocol: Any, *details: object) -> Any:
    protocol.transport.loseConnection()


def abort(protocol: Any, *details: object) -> Any:
    protocol.transport.abortConnection()


class OrderlyTests(UvloopTestCase):
    """``loseConnection`` and half-closing."""

    def test_unsent_bytes_are_sent_first(self) -> None:
        def pour(protocol: Any) -> None:
            protocol.transport.write(MEGABYTES)
            lose(protocol)

        server, client = Noting(made=pour), Noting()
        self.connect(self.serve(server), client)
        self.run_until(lambda: server.reasons and client.reasons)
        self.assertEqual(len(client.data), len(MEGABYTES))
        self.assertTrue(client.data == MEGABYTES)
        for protocol in (server, client):
            self.assertEqual(len(protocol.reasons), 1)
            protocol.reasons[0].trap(ConnectionDone)

    def test_what_is_written_after_it_in_the_same_event_is_sent(self) -> None:
        def talk(protocol: Any, data: bytes) -> None:
            lose(protocol)
            protocol.transport.write(b"and goodbye")

        server, client = Noting(data=talk), Noting(made=lambda it: it.transport.write(b"x"))
        self.connect(self.serve(server), client)
        self.run_until(lambda: client.reasons)
        self.assertEqual(client.data, b"and goodbye")

    def test_it_waits_for_a_pull_producer(self) -> None:
        self_reactor = self.reactor

        class Counting:
            left = 5

            def resumeProducing(self) -> None:
                if self.left:
                    self.left -= 1
                    server.transport.write(b"%d" % self.left)  # type: ignore[union-attr]
                else:
                    self_reactor.callLater(0, server.transport.unregisterProducer)  # type: ignore[union-attr]

            def stopProducing(self) -> None:
                raise AssertionError("it was unregistered")

        def produce(protocol: Any) -> None:
            protocol.transport.registerProducer(Counting(), False)
            lose(protocol)

        server, client = Noting(made=produce), Noting()
        self.connect(self.serve(server), client)
        self.run_until(lambda: client.reasons)
        self.assertEqual(client.data, b"43210")

    def test_each_half(self) -> None:
        def finish(protocol: Any) -> None:
            protocol.transport.write(b"the answer")
            lose(protocol)

        server, client = HalfClosing(read_lost=finish), HalfClosing()
        client.on["made"] = lambda it: (
            it.transport.write(b"q"),
            it.transport.loseWriteConnection(),
        )
        client.on["read_lost"] = lose
        self.connect(self.serve(server), client)
        self.run_until(lambda: server.reasons and client.reasons)
        self.assertEqual((server.data, client.data), (b"q", b"the answer"))
        self.assertEqual(server.events, ["made", "data", "read_lost", "lost"])
        self.assertEqual(client.events, ["made", "write_lost", "data", "read_lost", "lost"])

    def test_nothing_is_written_after_half_closing(self) -> None:
        client = HalfClosing(made=lambda it: it.transport.loseWriteConnection())
        client.on["write_lost"] = lambda it: it.transport.write(b"too late")
        server = HalfClosing(read_lost=lose)
        self.connect(self.serve(server), client)
        client.on["read_lost"] = lose
        self.run_until(lambda: server.reasons and client.reasons)
        self.assertEqual(server.data, b"")

    def test_addresses_are_known_after_the_end(self) -> None:
        server, client = Noting(made=lose), Noting()
        connector = self.connect(self.serve(server), client)
        self.run_until(lambda: server.reasons and client.reasons)
        theirs, ours = server.transport, client.transport
        assert theirs is not None and ours is not None
        self.assertEqual(theirs.getHost(), ours.getPeer())
        self.assertEqual(theirs.getPeer(), ours.getHost())
        self.assertEqual(connector.state, "disconnected")


class AbruptTests(UvloopTestCase):
    """``abortConnection``, resets, faults, and the reactor's own end."""

    def check_aborted(self, server: Noting) -> None:
        client = Noting(made=lambda it: it.transport.write(b"x"))
        self.connect(self.serve(server), client)
        self.run_until(lambda: server.reasons and client.reasons)
        self.assertEqual([reason.type for reason in server.reasons], [ConnectionAborted])
        self.assertEqual([reason.type for reason in client.reasons], [ConnectionLost])
        cause = getattr(client.reasons[0].value, "__cause__", None)
        assert isinstance(cause, OSError)
        self.assertEqual(cause.errno, errno.ECONNRESET)

    def test_abort_before_anything_else(self) -> None:
        self.check_aborted(Noting(made=abort))

    def test_abort_on_data(self) -> None:
        self.check_aborted(Noting(data=abort))

    def test_abort_twice(self) -> None:
        self.check_aborted(Noting(data=lambda it, data: [end(it) for end in (abort, abort)]))

    def test_abort_after_lose(self) -> None:
        self.check_aborted(Noting(data=lambda it, data: [end(it) for end in (lose, abort)]))

    def test_abort_with_bytes_unsent(self) -> None:
        def pour_and_abort(protocol: Any, data: bytes) -> None:
            protocol.transport.write(MEGABYTES)
            lose(protocol)
            self.reactor.callLater(0, abort, protocol)

        server, client = Noting(data=pour_and_abort), Noting()
        client.on["made"] = lambda it: (it.transport.write(b"x"), it.transport.pauseProducing())
        self.connect(self.serve(server), client)
        self.run_until(lambda: server.reasons)
        self.assertEqual([reason.type for reason in server.reasons], [ConnectionAborted])

    def test_a_write_that_fails_is_heard_of_later(self) -> None:
        server = Noting(data=lambda it, data: [it.transport.write(b"y" * 70_000) for _ in "abc"])
        client = self.plain(self.serve(server))
        client.sendall(b"x")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.reactor.callWhenRunning(client.close)
        self.run_until(lambda: server.reasons)
        self.assertEqual([reason.type for reason in server.reasons], [ConnectionLost])
        self.assertEqual(server.events.count("lost"), 1)

    def test_what_came_before_a_write_that_fails_is_heard(self) -> None:
        """A peer that answers, and closes without having read all, resets the connection."""

        def write_in_vain(protocol: Any, data: bytes) -> None:
            if data == b"x":
                client.sendall(b"the answer")
                client.close()
                protocol.transport.write(b"y")

        server = Noting(data=write_in_vain)
        client = self.plain(self.serve(server))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        client.sendall(b"x")
        self.run_until(lambda: server.reasons)
        self.assertEqual(server.data, b"xthe answer")
        self.assertEqual([reason.type for reason in server.reasons], [ConnectionLost])

    def test_a_protocol_that_raises(self) -> None:
        def fail(protocol: Any, data: bytes) -> None:
            raise ValueError("no")

        server, other = Noting(data=fail), Noting()
        port = self.serve(server, other)
        self.plain(port).sendall(b"x")
        self.plain(port).sendall(b"y")
        self.run_until(lambda: server.reasons and other.data)
        self.assertEqual([reason.type for reason in server.reasons], [ValueError])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertEqual(other.reasons[0].type, ConnectionLost)

    def test_a_protocol_that_raises_at_the_end(self) -> None:
        def fail(protocol: Any, reason: object) -> None:
            raise ValueError("no")

        server, client = Noting(made=lose, lost=fail), Noting(lost=fail)
        connector = self.connect(self.serve(server), client)
        self.run_until(lambda: connector.state == "disconnected" and server.reasons)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 2)

    def test_stopping_ends_what_is_open(self) -> None:
        servers = [Noting(), Noting()]
        port = self.serve(*servers)
        client = Noting()
        self.connect(port, client)
        self.plain(port)
        self.run_until(lambda: client.events and all(server.events for server in servers))
        for protocol in (client, *servers):
            self.assertEqual(protocol.events, ["made", "lost"])
            self.assertEqual(protocol.reasons[0].type, ConnectionLost)
