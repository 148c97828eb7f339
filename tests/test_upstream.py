"""A connection to a pod: when it is used again, when it is given up, and the one retry."""

from __future__ import annotations

from tests.support_memory import RouterTestCase, World
from tests.support_messages import chunk, get, head_of_response, request, response
from tests.support_wire import Wire


class ReuseTests(RouterTestCase):
    """Only after a complete exchange without stray bytes."""

    def reused(self, answer: bytes, sent: bytes = b"", **tables: object) -> bool:
        world = self.make_world("pod_a", **tables)
        client = world.client()
        client.say(sent or get("/"))
        wire = world.pods["pod_a"].wire
        wire.say(answer)
        client.leave()
        return wire.connected and world.router.pools["pod_a"].idle_connections == 1

    def test_after_a_complete_response(self) -> None:
        self.assertTrue(self.reused(response(200, b"ok")))
        answer = head_of_response(200, "Transfer-Encoding: chunked") + chunk(b"ok") + chunk(b"")
        self.assertTrue(self.reused(answer))
        self.assertTrue(self.reused(head_of_response(304, "Content-Length: 5")))

    def test_not_with_bytes_after_it(self) -> None:
        self.assertFalse(self.reused(response(200, b"ok") + response(200, b"for whom?")))

    def test_not_if_the_pod_closes(self) -> None:
        self.assertFalse(self.reused(response(200, b"ok", "Connection: close")))
        self.assertFalse(self.reused(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"))
        kept = b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok"
        self.assertTrue(self.reused(kept))

    def test_not_if_the_request_was_not_complete(self) -> None:
        sent = request("POST", "/", "Content-Length: 10") + b"12345"
        self.assertFalse(self.reused(response(200, b"ok"), sent))

    def test_bytes_while_idle_close_it_and_reach_nobody(self) -> None:
        world = self.make_world("pod_a", "pod_a")
        client = world.client()
        client.say(get("/1"))
        world.pods["pod_a"].say(response(200, b"1"))
        world.pods["pod_a"].say(response(200, b"stray"))
        self.assertFalse(world.pods["pod_a"].wire.connected)
        client.say(get("/2"))
        world.pods["pod_a"].say(response(200, b"2"))
        self.assertEqual([client.take().body, client.take().body], [b"1", b"2"])
        self.assertEqual(len(world.pods["pod_a"].wires), 2)
        client.leave()

    def test_a_pod_that_closes_an_idle_connection(self) -> None:
        world = self.make_world("pod_a", "pod_a")
        client = world.client()
        client.say(get("/1"))
        world.pods["pod_a"].say(response(200))
        world.pods["pod_a"].wire.half_close()
        self.assertEqual(world.router.pools["pod_a"].open_connections, 0)
        client.say(get("/2"))
        world.pods["pod_a"].say(response(200))
        self.assertEqual([client.take().status, client.take().status], [200, 200])
        client.leave()

    def test_an_idle_connection_is_closed_after_a_while(self) -> None:
        world = self.make_world("pod_a", timeouts={"pod_idle": 10, "client_idle": 100})
        client = world.client()
        client.say(get("/1"))
        world.pods["pod_a"].say(response(200))
        world.reactor.pass_time(10)
        self.assertFalse(world.pods["pod_a"].wire.connected)
        client.leave()

    def test_a_pod_that_takes_no_more_after_its_answer_is_not_waited_for(self) -> None:
        world = self.make_world(timeouts={"idle": 10}, rules=[{"path": "/", "pod": "pod_a"}])
        client = world.client()
        client.say(request("POST", "/", "Content-Length: 1000"))
        wire = world.pods["pod_a"].wire
        wire.window = 0
        client.say(b"x" * 1000)
        wire.say(response(200, b"ok", "Connection: close"))
        self.assertEqual(client.take().body, b"ok")
        client.leave()
        self.assertTrue(wire.connected, "what it was sent may still be on its way")
        world.reactor.pass_time(10)
        self.assertTrue(wire.is_broken)


class RetryTests(RouterTestCase):
    """A kept connection may have died while it was idle: once more, on a fresh one."""

    def stale(self, method: str, *fields: str, body: bytes | None = None) -> tuple[World, Wire]:
        """A request that was sent over a connection which the pod has just closed."""
        world = self.make_world(rules=[{"path": "/", "pod": "pod_a"}])
        client = world.client()
        client.say(get("/"))
        world.pods["pod_a"].say(response(200))
        client.take()
        client.say(request(method, "/again", *fields, body=body))
        self.assertEqual(len(world.pods["pod_a"].wires), 1)
        world.pods["pod_a"].wire.take()
        return world, client

    def test_an_idempotent_request_is_sent_again(self) -> None:
        for method, body in (("GET", None), ("HEAD", None), ("PUT", b"body"), ("DELETE", None)):
            world, client = self.stale(method, body=body)
            world.pods["pod_a"].wire.reset()
            self.assertEqual(len(world.pods["pod_a"].wires), 2, method)
            sent = world.pods["pod_a"].take()
            self.assertEqual(sent.body, body or b"")
            self.assertEqual(sent.get("X-Gitlab-Pod-Attempt"), "1", "the same try")
            world.pods["pod_a"].say(head_of_response(200, "Content-Length: 0"))
            self.assertEqual(client.take(to_head=True).status, 200)
            self.assertEqual(world.records[-1].attempts, 1)
            client.leave()

    def test_others_are_not(self) -> None:
        for method in ("POST", "PATCH", "LOCK"):
            world, client = self.stale(method)
            world.pods["pod_a"].wire.reset()
            self.assertEqual(client.take().status, 502, method)
            self.assertEqual(len(world.pods["pod_a"].wires), 1)
            client.leave()

    def test_only_once(self) -> None:
        world, client = self.stale("GET")
        world.pods["pod_a"].wire.reset()
        world.pods["pod_a"].wire.reset()
        self.assertEqual(client.take().status, 502)
        self.assertEqual(len(world.pods["pod_a"].wires), 2)
        client.leave()

    def test_not_after_a_byte_of_a_response(self) -> None:
        world, client = self.stale("GET")
        world.pods["pod_a"].say(b"H")
        world.pods["pod_a"].wire.reset()
        self.assertEqual(client.take().status, 502)
        self.assertEqual(len(world.pods["pod_a"].wires), 1)
        client.leave()

    def test_not_after_silence(self) -> None:
        world, client = self.stale("GET")
        world.reactor.pass_time(300)
        self.assertEqual(client.take().status, 504)
        self.assertEqual(len(world.pods["pod_a"].wires), 1)
        client.leave()

    def test_not_with_a_body_that_is_no_longer_held(self) -> None:
        world, client = self.stale("PUT", body=b"x" * 70_000)
        world.pods["pod_a"].wire.reset()
        self.assertEqual(client.take().status, 502)
        client.leave()

    def test_not_on_a_fresh_connection(self) -> None:
        world = self.make_world(rules=[{"path": "/", "pod": "pod_a"}])
        client = world.client()
        client.say(get("/"))
        world.pods["pod_a"].wire.reset()
        self.assertEqual(client.take().status, 502)
        client.leave()


class WhoseTurnTests(RouterTestCase):
    """A pod's time runs while it is for the pod to go on; a client's own time runs otherwise."""

    def placed_world(self, **tables: object) -> World:
        return self.make_world(rules=[{"path": "/", "pod": "pod_a"}], **tables)

    def test_a_client_that_sends_a_body_at_its_pace_is_not_the_pods_fault(self) -> None:
        world = self.placed_world(timeouts={"idle": 10}, limits={"body_pace_bytes": 1})
        client = world.client()
        client.say(request("POST", "/", "Transfer-Encoding: chunked"))
        for _ in range(5):  # no byte of it is for the pod, but the client goes on
            client.say(b"0")
            world.reactor.pass_time(6)
        client.say(b"2\r\nok\r\n0\r\n\r\n")
        world.pods["pod_a"].say(response(200, b"done"))
        self.assertEqual(client.take().body, b"done")
        client.leave()

    def test_a_pod_that_takes_nothing_is_given_up(self) -> None:
        world = self.placed_world(timeouts={"idle": 10})
        client = world.client()
        client.say(request("POST", "/", "Content-Length: 1000000"))
        world.pods["pod_a"].wire.window = 0
        client.say(b"x" * 200_000)
        self.assertTrue(client.is_paused)
        world.reactor.pass_time(9)
        self.assertTrue(world.pods["pod_a"].wire.connected)
        world.reactor.pass_time(1)
        self.assertEqual(client.take().status, 504)
        client.leave()

    def test_a_pod_that_takes_a_little_has_its_time_anew(self) -> None:
        world = self.placed_world(timeouts={"idle": 10})
        client = world.client()
        client.say(request("POST", "/", "Content-Length: 1000000"))
        wire = world.pods["pod_a"].wire
        wire.window = 0
        client.say(b"x" * 200_000)
        world.reactor.pass_time(9)
        wire.read_all()
        for _ in range(8):
            world.reactor.pass_time(1)
            client.say(b"x" * 100_000)
        wire.say(response(200, b"done"))
        self.assertEqual(client.take().body, b"done")
        client.leave()
