"""Requirements, section D: expectations, upgrades and tunnels."""

from __future__ import annotations

import socket
from random import Random
from threading import Thread

from tests.integration.support import IntegrationTestCase, connect, wait_for
from tests.support_memory import RouterTestCase, World
from tests.support_messages import bounce, get, head_of_response, request, response
from tests.support_wire import Wire

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
EXPECTING = request("PUT", "/x", "Expect: 100-continue", "Content-Length: 4")
KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
HANDSHAKE = get("/cable", "Upgrade: websocket", "Connection: Upgrade", KEY)
SWITCHED = head_of_response(101, "Upgrade: websocket", "Connection: Upgrade")
MIB = 1024 * 1024


class ExpectTests(RouterTestCase):
    """26: a client that asks before it sends."""

    def test_d26_the_100_comes_from_the_pod_that_was_chosen(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(EXPECTING)
        world.pods["pod_a"].say(bounce("pod_b"))
        self.assertEqual(client.received, b"", "not of its own, and not of the wrong pod")
        world.pods["pod_b"].say(CONTINUE)
        self.assertEqual(client.take().status, 100)
        client.say(b"body")
        self.assertEqual(world.pods["pod_b"].take().body, b"body")
        world.pods["pod_b"].say(response(201))
        self.assertEqual(client.take().status, 201)
        client.leave()

    def test_d26_or_from_a_timer_if_the_pod_says_nothing(self) -> None:
        world = self.make_world("pod_a", timeouts={"continue": 2})
        client = world.client()
        client.say(EXPECTING)
        world.reactor.pass_time(1.9)
        self.assertEqual(client.received, b"")
        world.reactor.pass_time(0.1)
        self.assertEqual(client.take().status, 100)
        client.say(b"body")
        self.assertEqual(world.pods["pod_a"].take().body, b"body")
        world.pods["pod_a"].say(response(200))
        client.leave()

    def test_d26_or_the_pods_final_status_instead(self) -> None:
        for status in (200, 401, 413, 417, 500):
            world = self.make_world("pod_a")
            client = world.client()
            client.say(EXPECTING)
            world.pods["pod_a"].say(response(status, b"without your body"))
            answer = client.take()
            self.assertEqual((answer.status, answer.body), (status, b"without your body"))
            self.assertEqual(client.received, b"")
            client.leave()

    def test_d26_other_expectations_are_refused(self) -> None:
        for expectation in ("200-ok", "100-continue, x", "100-continue;q=1"):
            world = self.make_world("pod_a")
            client = world.client()
            client.say(request("PUT", "/x", f"Expect: {expectation}", "Content-Length: 4"))
            self.assertEqual(client.take().status, 417, expectation)
            self.assertEqual(world.contacted(), [])
            client.leave()


class TunnelTests(RouterTestCase):
    """27: what a tunnel may not change."""

    def tunnel(self, glued: bytes = b"", **tables: object) -> tuple[World, Wire, Wire]:
        world = self.make_world("pod_a", **tables)
        client = world.client()
        client.say(HANDSHAKE)
        world.pods["pod_a"].take()
        world.pods["pod_a"].say(SWITCHED + glued)
        self.assertEqual(client.take().status, 101)
        return world, client, world.pods["pod_a"].wire

    def test_d27_bytes_glued_to_the_101_arrive(self) -> None:
        _, client, _ = self.tunnel(glued=b"first frame")
        self.assertEqual(client.received, b"first frame")
        client.reset()

    def test_d27_half_close_passes(self) -> None:
        for client_is_first in (True, False):
            _, client, pod = self.tunnel()
            first, second = (client, pod) if client_is_first else (pod, client)
            first.say(b"last words")
            first.half_close()
            self.assertEqual((second.received, second.is_ended), (b"last words", True))
            second.say(b"answer")
            self.assertEqual((first.received, first.is_ended), (b"answer", False))
            second.half_close()
            self.assertFalse(first.connected or second.connected)
            self.assertFalse(first.is_broken or second.is_broken)

    def test_d27_one_sides_end_closes_the_other(self) -> None:
        for client_is_first in (True, False):
            world, client, pod = self.tunnel()
            first, second = (client, pod) if client_is_first else (pod, client)
            first.reset()
            world.reactor.pass_time(1)
            self.assertFalse(second.connected)
            self.assert_nothing_runs(world)

    def test_d27_a_bounced_handshake_is_replayed_with_the_same_key(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(HANDSHAKE)
        first = world.pods["pod_a"].take()
        world.pods["pod_a"].say(bounce("pod_b"))
        second = world.pods["pod_b"].take()
        for name in ("Sec-WebSocket-Key", "Upgrade", "Connection"):
            self.assertIsNotNone(first.get(name))
            self.assertEqual(first.get(name), second.get(name))
        world.pods["pod_b"].say(SWITCHED)
        self.assertEqual(client.take().status, 101)
        client.say(b"frame")
        self.assertEqual(world.pods["pod_b"].wire.received, b"frame")
        client.reset()

    def test_d27_memory_per_tunnel_is_bounded(self) -> None:
        """Whoever does not read stops whoever sends: what is between them does not grow."""
        for client_is_slow in (True, False):
            _, client, pod = self.tunnel()
            slow, fast = (client, pod) if client_is_slow else (pod, client)
            slow.window = 0
            sent = Random(1).randbytes(MIB)
            fast.say(sent)
            self.assertLessEqual(slow.buffered_bytes, 3 * 65_536)
            self.assertGreater(fast.unread_bytes, MIB // 2)
            slow.read_all()
            self.assertTrue(slow.received == sent)
            client.reset()


class RealTunnelTests(IntegrationTestCase):
    """27: over real sockets, between a pod and a client that know only bytes."""

    FRAMES, LARGEST_BYTES = 10_000, MIB

    def setUp(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.listening.close)
        self.port = self.listening.getsockname()[1]
        self.running = self.router(pods={"p": {"url": f"http://127.0.0.1:{self.port}"}})

    def frames(self) -> list[bytes]:
        """Most are small, as they are; some are as large as they may be."""
        random = Random(27)
        sizes = (0, 1, 125, 126, 1000, 4096)
        large = {self.FRAMES // 3: self.LARGEST_BYTES, self.FRAMES // 2: self.LARGEST_BYTES - 1}
        return [random.randbytes(large.get(at, random.choice(sizes))) for at in range(self.FRAMES)]

    def open(self) -> tuple[socket.socket, socket.socket]:
        """The client's end of a tunnel, and the pod's."""
        client = connect(self.running.address)
        self.addCleanup(client.close)
        client.sendall(HANDSHAKE)
        self.listening.settimeout(20)
        pod, _ = self.listening.accept()
        self.addCleanup(pod.close)
        pod.settimeout(20)
        self.until(pod, b"\r\n\r\n")
        pod.sendall(SWITCHED)
        self.until(client, b"\r\n\r\n")
        return client, pod

    def until(self, end: socket.socket, mark: bytes) -> None:
        data = b""
        while not data.endswith(mark):
            data += end.recv(1)

    def test_d27_ten_thousand_random_frames_arrive_byte_for_byte(self) -> None:
        client, pod = self.open()
        frames = self.frames()
        whole = b"".join(frames)
        for sender, reader in ((client, pod), (pod, client)):
            sending = Thread(target=self.send, args=(sender, frames))
            sending.start()
            received = self.read(reader, len(whole))
            sending.join()
            self.assertTrue(received == whole, "what arrived differs from what was sent")

    def send(self, end: socket.socket, frames: list[bytes]) -> None:
        for frame in frames:
            end.sendall(frame)

    def read(self, end: socket.socket, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            data += end.recv(MIB)
        return bytes(data)

    def test_d27_one_sides_end_closes_the_others_socket_within_a_second(self) -> None:
        for client_is_first in (True, False):
            client, pod = self.open()
            first, second = (client, pod) if client_is_first else (pod, client)
            first.close()
            second.settimeout(1)
            self.assertEqual(second.recv(1), b"")
            second.close()
        wait_for(lambda: len(self.running.access_log()) == 2, "both tunnels to be over", 5)
