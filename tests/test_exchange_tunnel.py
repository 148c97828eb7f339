"""WebSockets: after a 101 bytes go both ways, untouched."""

from __future__ import annotations

from tests.support_memory import RouterTestCase, World
from tests.support_messages import bounce, get, head_of_response, response
from tests.support_wire import Wire

KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
HANDSHAKE = get("/cable", "Upgrade: websocket", "Connection: Upgrade", KEY)
SWITCHED = head_of_response(
    101, "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZ"
)


class TunnelTests(RouterTestCase):
    """From the handshake to the end of both ends."""

    def tunnel(self, glued: bytes = b"", **tables: object) -> tuple[World, Wire, Wire]:
        world = self.make_world("pod_a", **tables)
        client = world.client()
        client.say(HANDSHAKE)
        world.pods["pod_a"].take()
        world.pods["pod_a"].say(SWITCHED + glued)
        self.assertEqual(client.take().status, 101)
        return world, client, world.pods["pod_a"].wire

    def test_the_handshake(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(HANDSHAKE)
        sent = world.pods["pod_a"].take()
        self.assertEqual(sent.get("Upgrade"), "websocket")
        self.assertEqual(sent.get("Connection"), "Upgrade")
        self.assertEqual(sent.get("Sec-WebSocket-Key"), "dGhlIHNhbXBsZSBub25jZQ==")
        world.pods["pod_a"].say(SWITCHED)
        answer = client.take()
        self.assertEqual((answer.status, answer.get("Upgrade")), (101, "websocket"))
        self.assertEqual(answer.get("Connection"), "Upgrade")
        self.assertEqual(answer.get("Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZ")
        client.reset()

    def test_bytes_both_ways(self) -> None:
        world, client, pod = self.tunnel()
        client.say(b"GET / HTTP/1.1\r\n\r\n is no request here")
        self.assertEqual(pod.received, b"GET / HTTP/1.1\r\n\r\n is no request here")
        pod.say(b"HTTP/1.1 200 OK\r\n\r\n nor an answer")
        self.assertEqual(client.received, b"HTTP/1.1 200 OK\r\n\r\n nor an answer")
        client.reset()
        (record,) = world.records
        self.assertEqual((record.status, record.bytes_in, record.bytes_out), (101, 37, 33))

    def test_bytes_glued_to_the_101(self) -> None:
        _, client, _ = self.tunnel(glued=b"first frame")
        self.assertEqual(client.received, b"first frame")
        client.reset()

    def test_bytes_glued_to_the_handshake(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(HANDSHAKE + b"early frame")
        self.assertTrue(world.pods["pod_a"].wire.received.endswith(b"\r\n\r\n"))
        world.pods["pod_a"].take()
        world.pods["pod_a"].say(SWITCHED)
        self.assertEqual(world.pods["pod_a"].wire.received, b"early frame")
        client.reset()

    def test_the_client_half_closes_first(self) -> None:
        world, client, pod = self.tunnel()
        client.say(b"last words")
        client.half_close()
        self.assertEqual((pod.received, pod.is_ended), (b"last words", True))
        pod.say(b"answer")
        self.assertEqual(client.received, b"answer")
        self.assertTrue(client.connected)
        pod.half_close()
        self.assertFalse(client.connected or pod.connected)
        self.assertFalse(client.is_broken or pod.is_broken)
        self.assertIsNone(world.records[0].error)

    def test_the_pod_half_closes_first(self) -> None:
        world, client, pod = self.tunnel()
        pod.say(b"last words")
        pod.half_close()
        self.assertEqual((client.received, client.is_ended), (b"last words", True))
        client.say(b"answer")
        self.assertEqual(pod.received, b"answer")
        client.half_close()
        self.assertFalse(client.connected or pod.connected)
        self.assertFalse(client.is_broken or pod.is_broken)
        self.assertIsNone(world.records[0].error)

    def test_one_side_breaks_off(self) -> None:
        for who in (0, 1):
            world, *ends = self.tunnel()
            ends[who].reset()
            self.assertTrue(ends[1 - who].is_ended)
            self.assertFalse(ends[0].connected or ends[1].connected)
            self.assertEqual(len(world.records), 1)

    def test_what_is_on_its_way_arrives_before_the_end(self) -> None:
        _, client, pod = self.tunnel()
        pod.window = 0
        client.say(b"x" * 100_000)
        client.half_close()
        client.reset()
        self.assertTrue(pod.connected)
        pod.read_all()
        self.assertEqual(len(pod.received), 100_000)
        self.assertTrue(pod.is_ended and not pod.is_broken)

    def test_a_slow_end_pauses_the_other(self) -> None:
        _, client, pod = self.tunnel()
        for slow, fast in ((client, pod), (pod, client)):
            slow.window = 0
            fast.say(b"x" * 1_000_000)
            self.assertTrue(fast.is_paused)
            self.assertLessEqual(slow.buffered_bytes, 131_072)
            slow.read_all()
            self.assertEqual(len(slow.received), 1_000_000)
            self.assertFalse(fast.is_paused)
        client.reset()

    def test_nothing_moves_for_too_long(self) -> None:
        world, client, pod = self.tunnel(timeouts={"idle": 10})
        for end, other in ((client, pod), (pod, client)):
            world.reactor.pass_time(9)
            end.say(b"ping")
            self.assertEqual(other.received, b"ping")
        world.reactor.pass_time(9.9)
        self.assertTrue(client.connected)
        world.reactor.pass_time(0.1)
        self.assertFalse(client.connected or pod.connected)
        self.assertIsNotNone(world.records[0].error)

    def test_a_bounced_handshake_is_replayed(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(HANDSHAKE)
        world.pods["pod_a"].take()
        world.pods["pod_a"].say(bounce("pod_b"))
        sent = world.pods["pod_b"].take()
        self.assertEqual(sent.get("Upgrade"), "websocket")
        self.assertEqual(sent.get("Sec-WebSocket-Key"), "dGhlIHNhbXBsZSBub25jZQ==")
        world.pods["pod_b"].say(SWITCHED)
        self.assertEqual(client.take().status, 101)
        client.say(b"hello")
        self.assertEqual(world.pods["pod_b"].wire.received, b"hello")
        client.reset()

    def test_a_pod_that_does_not_switch(self) -> None:
        world = self.make_world("pod_a", "pod_a")
        client = world.client()
        client.say(HANDSHAKE)
        world.pods["pod_a"].say(response(426, b"no"))
        self.assertEqual(client.take().status, 426)
        client.say(get("/"))
        world.pods["pod_a"].say(response(200, b"ok"))
        self.assertEqual(client.take().body, b"ok")
        client.leave()

    def test_other_upgrades_never_switch(self) -> None:
        for fields in (
            ("Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABk"),
            ("Upgrade: websocket",),
            ("Upgrade: websocket, h2c", "Connection: Upgrade"),
        ):
            world = self.make_world("pod_a")
            client = world.client()
            client.say(get("/cable", *fields))
            sent = world.pods["pod_a"].take()
            for name in ("Upgrade", "Connection", "HTTP2-Settings"):
                self.assertIsNone(sent.get(name), fields)
            world.pods["pod_a"].say(SWITCHED)
            self.assertEqual(client.take().status, 502)
            client.leave()

    def test_an_upgrade_with_a_body_never_switches(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        upgrade = ("Upgrade: websocket", "Connection: Upgrade", "Content-Length: 4")
        client.say(get("/cable", *upgrade) + b"body")
        sent = world.pods["pod_a"].take()
        self.assertEqual((sent.body, sent.get("Upgrade")), (b"body", None))
        world.pods["pod_a"].say(SWITCHED)
        self.assertEqual(client.take().status, 502)
        client.leave()

    def test_draining_lets_it_run_and_breaking_off_ends_it(self) -> None:
        world, client, pod = self.tunnel()
        drained = world.router.clients.drain()
        world.reactor.settle()
        client.say(b"hello")
        self.assertEqual(pod.received, b"hello")
        self.assertNoResult(drained)
        world.router.abort()
        world.reactor.settle()
        self.successResultOf(drained)
        self.assertFalse(client.connected or pod.connected)
