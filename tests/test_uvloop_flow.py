"""The uvloop reactor: pausing, producers, fairness, what goes out when."""

from __future__ import annotations

import array
import os
import socket
import struct
import tempfile
from typing import Any

from pods.uvloop_reactor.receiving import RECEIVE_BYTES
from tests.support_uvloop import HalfClosing, Noting, UvloopTestCase, factory_of

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

    def test_the_end_waits_as_well(self) -> None:
        def greet(protocol: Any) -> None:
            protocol.transport.write(b"hello")
            protocol.transport.pauseProducing()

        server = HalfClosing(made=greet)
        self.plain(self.serve(server)).shutdown(socket.SHUT_WR)
        seen: list[list[str]] = []

        def look() -> None:
            seen.append(list(server.events))
            server.transport.resumeProducing()  # type: ignore[union-attr]

        self.reactor.callLater(0.05, look)
        self.run_until(lambda: "read_lost" in server.events)
        self.assertEqual(seen, [["made"]])

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

    def test_who_fills_the_buffer_waits_for_the_others(self) -> None:
        server = Noting()
        self.plain(self.serve(server))
        reading: list[bool] = []

        def fill() -> None:
            # As uvloop does when there is as much as its buffer holds; it would read on at once.
            transport: Any = server.transport
            uv = transport._uv
            transport.data_received(b"x" * (RECEIVE_BYTES - 1))
            reading.append(uv.is_reading())
            transport.data_received(b"x" * RECEIVE_BYTES)
            reading.append(uv.is_reading())
            self.reactor.callLater(0.02, lambda: reading.append(uv.is_reading()))

        self.reactor.callLater(0.02, fill)
        self.run_until(lambda: len(reading) == 3)
        self.assertEqual(reading, [True, False, True])


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

    def test_a_push_producer_that_comes_late_is_paused_too(self) -> None:
        class Pushing:
            paused = 0

            def pauseProducing(self) -> None:
                self.paused += 1

            def resumeProducing(self) -> None:
                raise AssertionError("nothing is read")

            def stopProducing(self) -> None:
                """The reactor stops."""

        producer = Pushing()

        def push() -> None:
            transport: Any = server.transport
            transport.registerProducer(producer, True)
            transport.write(b"a little")

        def fill(protocol: Any) -> None:
            protocol.transport.write(b"x" * 16_000_000)
            self.reactor.callLater(0.02, push)

        server = Noting(made=fill)
        self.plain(self.serve(server))
        self.run_until(lambda: producer.paused)
        self.assertEqual(producer.paused, 1)

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

    def setUp(self) -> None:
        super().setUp()
        self.received = bytearray()
        self.descriptors = array.array("i")
        self.read_end, self.write_end = os.pipe()
        self.addCleanup(self.close_all)

    def close_all(self) -> None:
        for descriptor in (*self.descriptors, self.read_end, self.write_end):
            os.close(descriptor)

    def connected(self, server: Noting) -> socket.socket:
        """A client of this server, over a UNIX socket."""
        path = os.path.join(tempfile.mkdtemp(dir="."), "s")
        self.reactor.listenUNIX(path, factory_of(server))
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.connect(path)
        client.setblocking(False)
        return client

    def receive(self, client: socket.socket, times: int) -> None:
        """Read at most so often."""
        for _ in range(times):
            try:
                data, ancillary, _, _ = client.recvmsg(65_536, socket.CMSG_SPACE(64))
            except BlockingIOError:
                return
            self.received.extend(data)
            for _, _, rights in ancillary:
                self.descriptors.frombytes(rights)

    def test_they_do_not_overtake_what_is_unsent(self) -> None:
        server = Noting(made=lambda it: it.transport.write(b"x" * 1_000_000))
        client = self.connected(server)
        steps: list[str] = []

        def step() -> None:
            # There is room in the kernel from now on, of which uvloop has not heard yet.
            self.receive(client, 2)
            transport: Any = server.transport
            transport.sendFileDescriptor(self.write_end)
            transport.write(b"yz")
            transport.flush()
            steps.append("sent")

        def everything() -> bool:
            if steps:
                self.receive(client, 20)
            return len(self.received) == 1_000_002

        self.reactor.callLater(0.02, step)
        self.run_until(everything)
        self.assertEqual(bytes(self.received[-2:]), b"yz")
        self.assertEqual(len(self.descriptors), 1)
        os.write(self.descriptors[0], b"through")
        self.assertEqual(os.read(self.read_end, 100), b"through")

    def test_more_than_fit_at_once(self) -> None:
        number = 400

        def send(protocol: Any) -> None:
            for _ in range(number):
                protocol.transport.sendFileDescriptor(self.write_end)
            protocol.transport.write(b"d" * number + b"and the rest")

        client = self.connected(Noting(made=send))
        full: list[bool] = []
        self.reactor.callLater(0.05, full.append, True)

        def everything() -> bool:
            if full:
                self.receive(client, 20)
            return len(self.descriptors) == number and self.received.endswith(b"and the rest")

        self.run_until(everything)
        self.assertEqual(bytes(self.received), b"d" * number + b"and the rest")
