"""The uvloop reactor: pausing, producers, fairness, what goes out when."""

from __future__ import annotations

import array
import os
import socket
import struct
from typing import Any

from twisted.internet.protocol import Factory

from pods.uvloop_reactor.receiving import RECEIVE_BYTES
from tests.support_uvloop import HalfClosing, Noting, UvloopTestCase

#: Where the kernel's ``struct tcp_info`` has the number of segments with data that were sent.
DATA_SEGMENTS_OUT = 156


class PauseTests(UvloopTestCase):
    """A protocol that is paused hears nothing, and loses nothing."""

    def check_paused_from_the_start(self, server: Noting) -> None:
        client = self.plain(self.serve(server))
        client.sendall(b"early")
        client.shutdown(socket.SHUT_WR)
        seen: list[bytes] = []

        def look() -> None:
            seen.append(server.data)
            server.transport.resumeProducing()  # type: ignore[union-attr]
            # Never within the call.
            seen.append(server.data)

        self.reactor.callLater(0.05, look)
        self.run_until(lambda: "read_lost" in server.events)
        self.assertEqual(seen, [b"", b""])
        self.assertEqual(server.data, b"early")
        self.assertEqual(server.events, ["made", "data", "read_lost"])

    def test_before_the_first_byte(self) -> None:
        self.check_paused_from_the_start(HalfClosing(made=lambda it: it.transport.pauseProducing()))

    def test_before_the_first_byte_while_writing(self) -> None:
        def greet(protocol: Any) -> None:
            protocol.transport.write(b"hello")
            protocol.transport.pauseProducing()

        self.check_paused_from_the_start(HalfClosing(made=greet))

    def test_inside_data_received(self) -> None:
        server = Noting(data=lambda it, data: it.transport.pauseProducing())
        client = self.plain(self.serve(server))
        client.sendall(b"one")
        lengths: list[int] = []

        def resume() -> None:
            lengths.append(len(server.data))
            server.transport.resumeProducing()  # type: ignore[union-attr]

        self.reactor.callLater(0.05, client.sendall, b"two")
        self.reactor.callLater(0.1, resume)
        self.run_until(lambda: server.data == b"onetwo")
        self.assertEqual(lengths, [3])


class FairnessTests(UvloopTestCase):
    """One busy connection starves nobody."""

    def test_a_flood_gets_one_buffer_at_a_time(self) -> None:
        order: list[str] = []
        flooded = Noting(data=lambda it, data: order.append("flood"))
        other = Noting(data=lambda it, data: order.append("other"))
        port = self.serve(flooded, other)
        flood, drop = self.plain(port), self.plain(port)
        flood.setblocking(False)
        sent = 0
        try:
            while True:
                sent += flood.send(b"x" * 65_536)
        except BlockingIOError:
            drop.sendall(b"y")
        self.assertGreater(sent, 3 * RECEIVE_BYTES, "the kernel's buffers are too small for this")
        # Both are opened, and then both become readable, at the same time.
        self.run_until(lambda: len(flooded.data) == sent and other.data)
        self.assertLessEqual(order.index("other"), 1)


class SendingTests(UvloopTestCase):
    """What is written in one event goes out as one, and producers know when."""

    def test_writes_of_one_event_are_one_segment(self) -> None:
        def answer(protocol: Any, data: bytes) -> None:
            protocol.transport.write(b"head ")
            protocol.transport.writeSequence([b"and ", b"body"])
            protocol.transport.write(b".")

        server = Noting(data=answer)
        client = self.plain(self.serve(server))
        client.sendall(b"x")
        segments: list[int] = []

        def count() -> None:
            handle = server.transport.getHandle()  # type: ignore[union-attr]
            info = handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
            segments.extend(struct.unpack_from("I", info, DATA_SEGMENTS_OUT))

        server.on["later"] = lambda it: count()
        self.reactor.callLater(0.05, server.act, "later")
        self.run_until(lambda: segments)
        self.assertEqual(client.recv(100), b"head and body.")
        self.assertEqual(segments, [1])

    def test_only_bytes(self) -> None:
        server = Noting()
        self.plain(self.serve(server))
        self.run_until(lambda: server.events)
        for wrong in ("text", bytearray(b"x"), None):
            with self.assertRaises(TypeError):
                server.transport.write(wrong)  # type: ignore[union-attr, arg-type]
            with self.assertRaises(TypeError):
                server.transport.writeSequence([b"x", wrong])  # type: ignore[union-attr, list-item]

    def test_a_push_producer_pauses_when_the_kernel_takes_no_more(self) -> None:
        class Pushing:
            paused = 0
            resumed = 0

            def pauseProducing(self) -> None:
                self.paused += 1

            def resumeProducing(self) -> None:
                self.resumed += 1
                server.transport.unregisterProducer()  # type: ignore[union-attr]

            def stopProducing(self) -> None:
                raise AssertionError("it was unregistered")

        producer = Pushing()

        def push() -> None:
            transport: Any = server.transport
            if not transport.producer:
                transport.registerProducer(producer, True)
            transport.write(b"x" * 60_000)
            if not producer.paused:
                self.reactor.callLater(0, push)

        server = Noting(made=lambda it: self.reactor.callLater(0, push))
        client = Noting(made=lambda it: it.transport.pauseProducing())
        self.connect(self.serve(server), client)

        def drained() -> bool:
            if producer.paused and client.transport:
                client.transport.resumeProducing()  # type: ignore[attr-defined]
            return bool(producer.resumed)

        self.run_until(drained)
        self.assertEqual((producer.paused, producer.resumed), (1, 1))

    def test_a_second_producer_is_refused(self) -> None:
        server = Noting()
        self.plain(self.serve(server))
        self.run_until(lambda: server.events)
        transport: Any = server.transport
        transport.disconnected = 0
        transport.registerProducer(object(), True)
        with self.assertRaises(RuntimeError):
            transport.registerProducer(object(), True)

    def test_socket_options(self) -> None:
        def options(protocol: Any) -> list[bool]:
            transport = protocol.transport
            return [transport.getTcpNoDelay(), transport.getTcpKeepAlive()]

        seen: list[list[bool]] = []
        first = Noting(data=lambda it, data: seen.append(options(it)))
        second = Noting(data=lambda it, data: seen.append(options(it)))
        second.on["made"] = lambda it: (
            it.transport.setTcpNoDelay(True),
            it.transport.setTcpKeepAlive(True),
        )
        port = self.serve(first, second)
        for _ in range(2):
            self.plain(port).sendall(b"x")
        self.run_until(lambda: len(seen) == 2)
        self.assertEqual(sorted(seen), [[False, False], [True, True]])


class DescriptorTests(UvloopTestCase):
    """Descriptors over UNIX sockets that are uvloop's."""

    def test_they_go_with_their_bytes_even_if_the_socket_was_full(self) -> None:
        path = os.path.relpath(self.mktemp() + "s")[-90:]
        read_end, write_end = os.pipe()
        self.addCleanup(os.close, read_end)

        def send(protocol: Any) -> None:
            protocol.transport.write(b"x" * 1_000_000)
            self.reactor.callLater(0, late, protocol)

        def late(protocol: Any) -> None:
            protocol.transport.sendFileDescriptor(write_end)
            protocol.transport.write(b"yz")

        server = Noting(made=send)
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        factory = Factory()
        factory.noisy = False
        factory.buildProtocol = lambda addr: server  # type: ignore[method-assign]
        self.reactor.listenUNIX(path, factory)
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.connect(path)
        client.setblocking(False)
        received, descriptors = bytearray(), array.array("i")

        def everything() -> bool:
            for _ in range(20):
                try:
                    data, ancillary, _, _ = client.recvmsg(65_536, socket.CMSG_SPACE(64))
                except BlockingIOError:
                    break
                received.extend(data)
                for _, _, rights in ancillary:
                    descriptors.frombytes(rights)
            return len(received) == 1_000_002

        self.run_until(everything)
        self.assertEqual(bytes(received[-2:]), b"yz")
        self.assertEqual(len(descriptors), 1)
        os.write(descriptors[0], b"through")
        os.close(descriptors[0])
        os.close(write_end)
        self.assertEqual(os.read(read_end, 100), b"through")
