"""Bytes flow: at once, both ways at the same time, and no faster than the other side takes them."""

from __future__ import annotations

from tests.support_memory import RouterTestCase
from tests.support_messages import chunk, chunked, get, head_of_response, request, response

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
BOUND_BYTES = 256 * 1024  #: per stream and direction: Twisted's buffer, one read, and the overhead


class StreamingTests(RouterTestCase):
    """Nothing waits for the end."""

    def test_the_first_byte_of_an_answer_leaves_at_once(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("/events"))
        world.pods["pod_a"].say(head_of_response(200, "Content-Type: text/event-stream"))
        self.assertIn(b"Transfer-Encoding: chunked\r\n", client.received)
        for event in (b"data: 1\n\n", b"data: 2\n\n"):
            world.pods["pod_a"].say(event)
            self.assertTrue(client.received.endswith(chunk(event)))
        world.pods["pod_a"].wire.half_close()
        self.assertEqual(client.take().body, b"data: 1\n\ndata: 2\n\n")
        client.leave()

    def test_the_first_byte_of_a_body_leaves_at_once(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(request("POST", "/x", "Content-Length: 10") + b"1")
        self.assertTrue(world.pods["pod_a"].wire.received.endswith(b"\r\n\r\n1"))
        client.say(b"2")
        self.assertTrue(world.pods["pod_a"].wire.received.endswith(b"\r\n\r\n12"))
        client.reset()

    def test_both_ways_at_once(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(chunked("POST", "/echo"))
        world.pods["pod_a"].say(CONTINUE)
        world.pods["pod_a"].say(head_of_response(200, "Transfer-Encoding: chunked"))
        for word in (b"one", b"two"):
            client.say(chunk(word))
            self.assertTrue(world.pods["pod_a"].wire.received.endswith(chunk(word)))
            world.pods["pod_a"].say(chunk(word))
            self.assertTrue(client.received.endswith(chunk(word)))
        client.say(chunk(b""))
        world.pods["pod_a"].say(chunk(b""))
        self.assertEqual(client.take().body, b"onetwo")
        self.assertEqual(world.router.pools["pod_a"].idle_connections, 1)
        client.leave()


class EarlyAnswerTests(RouterTestCase):
    """The final response comes before the body is complete."""

    def test_the_client_gets_it_and_what_it_still_sends_is_thrown_away(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(request("POST", "/x", "Content-Length: 1000000") + b"x" * 100_000)
        world.pods["pod_a"].say(CONTINUE)
        world.pods["pod_a"].say(response(403, b"no"))
        answer = client.take()
        self.assertEqual((answer.status, answer.body), (403, b"no"))
        self.assertTrue(client.is_ended)
        client.say(b"x" * 300_000)
        self.assertTrue(client.connected, "a reset could overtake the answer")
        self.assertFalse(client.is_paused)
        client.half_close()
        self.assertFalse(client.connected)
        self.assertTrue(world.pods["pod_a"].wire.is_broken, "its request is not complete")

    def test_a_client_that_never_stops_is_cut_off_after_a_while(self) -> None:
        world = self.make_world("pod_a", timeouts={"linger": 2})
        client = world.client()
        client.say(request("POST", "/x", "Content-Length: 1000000") + b"x")
        world.pods["pod_a"].say(response(403, b"no"))
        world.reactor.pass_time(1.9)
        client.say(b"x")
        self.assertTrue(client.connected)
        world.reactor.pass_time(0.1)
        self.assertFalse(client.connected)

    def test_a_client_that_reads_slowly_gets_all_of_it(self) -> None:
        world = self.make_world("pod_a", timeouts={"linger": 2})
        client = world.client()
        client.window = 0
        client.say(request("POST", "/x", "Content-Length: 1000000") + b"x")
        world.pods["pod_a"].say(response(403, b"n" * 50_000))
        for _ in range(5):
            world.reactor.pass_time(5)
            client.read(10_000)
        client.read_all()
        self.assertEqual(client.take().body, b"n" * 50_000)
        client.leave()

    def test_a_pod_that_stops_reading_makes_no_difference(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(request("POST", "/x", "Content-Length: 1000000"))
        world.pods["pod_a"].say(CONTINUE)
        world.pods["pod_a"].wire.window = 0
        client.say(b"x" * 400_000)
        self.assertTrue(client.is_paused)
        world.pods["pod_a"].say(response(413, b"too much"))
        self.assertEqual(client.take().status, 413)
        client.leave()

    def test_a_body_that_ends_meanwhile(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(request("POST", "/x", "Content-Length: 4") + b"bo")
        world.pods["pod_a"].say(head_of_response(200, "Content-Length: 2"))
        client.say(b"dy")
        world.pods["pod_a"].say(b"ok")
        self.assertEqual(client.take().body, b"ok")
        self.assertEqual(world.pods["pod_a"].take().body, b"body")
        self.assertEqual(world.router.pools["pod_a"].idle_connections, 1)
        client.leave()


class BackPressureTests(RouterTestCase):
    """A slow reader must not make the router hold much."""

    def test_a_slow_client(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.window = 0
        client.say(get("/large"))
        pod = world.pods["pod_a"].wire
        pod.say(head_of_response(200, "Content-Length: 3000000") + b"x" * 3_000_000)
        for _ in range(20):
            self.assertTrue(pod.is_paused)
            self.assertLess(client.buffered_bytes, BOUND_BYTES)
            client.read(100_000)
        client.read_all()
        self.assertEqual(len(client.take().body), 3_000_000)
        client.leave()

    def test_a_slow_pod(self) -> None:
        for memory_bytes, placed in ((65_536, True), (0, True), (65_536, False)):
            rules = [{"path": "/", "pod": "pod_a"}] if placed else []
            world = self.make_world("pod_a", body={"memory_bytes": memory_bytes}, rules=rules)
            client = world.client()
            client.say(request("POST", "/large", "Content-Length: 3000000"))
            pod = world.pods["pod_a"].wire
            pod.say(CONTINUE)
            pod.window = 0
            client.say(b"x" * 3_000_000)
            for _ in range(20):
                self.assertTrue(client.is_paused)
                self.assertLess(pod.buffered_bytes, BOUND_BYTES)
                self.assertLess(world.router.budget.memory_bytes, BOUND_BYTES)
                pod.read(100_000)
            pod.read_all()
            self.assertEqual(len(world.pods["pod_a"].take().body), 3_000_000)
            pod.say(response(200))
            self.assertEqual(client.take().status, 200)
            client.leave()

    def test_a_client_that_stops_reading_is_left(self) -> None:
        world = self.make_world("pod_a", timeouts={"idle": 10})
        client = world.client()
        client.window = 0
        client.say(get("/large"))
        world.pods["pod_a"].say(head_of_response(200, "Content-Length: 3000000") + b"x" * 1_000_000)
        world.reactor.pass_time(10)
        self.assertTrue(client.is_broken)
        self.assertFalse(world.pods["pod_a"].wire.connected)

    def test_the_pods_time_does_not_run_while_the_client_is_slow(self) -> None:
        world = self.make_world("pod_a", timeouts={"idle": 10})
        client = world.client()
        client.window = 0
        client.say(get("/large"))
        world.pods["pod_a"].say(head_of_response(200, "Content-Length: 1000000") + b"x" * 1_000_000)
        for _ in range(4):
            world.reactor.pass_time(9)
            client.read(200_000)
        client.read_all()
        self.assertEqual(len(client.take().body), 1_000_000)
        client.leave()

    def test_a_client_that_sends_nothing_of_its_body(self) -> None:
        world = self.make_world("pod_a", timeouts={"idle": 10})
        client = world.client()
        client.say(request("POST", "/x", "Content-Length: 10") + b"1")
        world.reactor.pass_time(9)
        client.say(b"2")
        world.reactor.pass_time(10)
        self.assertEqual(client.take().status, 408)
        self.assertTrue(world.pods["pod_a"].wire.is_broken)
        client.leave()

    def test_the_next_request_while_the_last_answer_is_still_going_out(self) -> None:
        world = self.make_world("pod_a", "pod_a", timeouts={"idle": 5, "response_head": 100})
        client = world.client()
        client.window = 0
        client.say(get("/1") + get("/2"))
        world.pods["pod_a"].take()
        world.pods["pod_a"].say(response(200, b"x" * 100_000))
        self.assertEqual(world.pods["pod_a"].wire.received, b"", "answers must not pile up")
        client.read_all()
        self.assertEqual(world.pods["pod_a"].take().target, b"/2")
        world.reactor.pass_time(50)
        world.pods["pod_a"].say(response(200, b"second"))
        self.assertEqual([len(client.take().body), client.take().body], [100_000, b"second"])
        client.leave()
