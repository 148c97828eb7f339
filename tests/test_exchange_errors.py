"""What the client gets when something is wrong: the table of the contract, row by row."""

from __future__ import annotations

import json
from typing import Any

from pods.interfaces import Route
from tests.support_memory import RouterTestCase, World
from tests.support_messages import bounce, get, head_of_response, request, response


class OwnAnswerTests(RouterTestCase):
    """The router's own answers are short, complete, and say nothing about the inside."""

    def answered(self, *fields: str, method: str = "GET") -> tuple[World, Any]:
        world = self.make_world("pod_a", rules=[{"path": "/", "pod": "pod_a"}])
        world.pods["pod_a"].mode = "refuses"
        client = world.client()
        client.say(request(method, "/secret/group?token=1", *fields))
        answer = client.take(to_head=method == "HEAD")
        self.assertEqual(client.received, b"")
        client.leave()
        return world, answer

    def test_plain_text(self) -> None:
        world, answer = self.answered()
        self.assertEqual(answer.status, 502)
        self.assertEqual(answer.get("Content-Type"), "text/plain; charset=utf-8")
        self.assertNotIn(b"pod", answer.body)
        self.assertIsNone(answer.get("Server"))
        self.assertEqual(answer.get("X-Request-Id"), world.records[0].request_id.decode())

    def test_json(self) -> None:
        world, answer = self.answered("Accept: application/json")
        self.assertEqual(answer.get("Content-Type"), "application/problem+json")
        problem = json.loads(answer.body)
        self.assertEqual((problem["status"], problem["title"]), (502, "Bad Gateway"))
        self.assertEqual(problem["request_id"], world.records[0].request_id.decode())

    def test_to_a_head(self) -> None:
        _, answer = self.answered(method="HEAD")
        self.assertEqual((answer.status, answer.body), (502, b""))
        self.assertNotEqual(answer.get("Content-Length"), "0")

    def test_the_connection_can_be_used_again(self) -> None:
        world = self.make_world("pod_a", rules=[{"path": "/down", "pod": "pod_b"}])
        world.pods["pod_b"].mode = "refuses"
        client = world.client()
        client.say(get("/down"))
        self.assertEqual(client.take().status, 502)
        client.say(get("/"))
        world.pods["pod_a"].say(response(200))
        self.assertEqual(client.take().status, 200)
        client.leave()


class ConnectingTests(RouterTestCase):
    """A pod that cannot be reached."""

    def test_another_pod_will_do_if_the_first_was_a_guess(self) -> None:
        world = self.make_world("pod_a", "pod_b")
        world.pods["pod_a"].mode = "refuses"
        client = world.client()
        client.say(request("POST", "/x", body=b"body"))
        sent = world.pods["pod_b"].take()
        self.assertEqual((sent.body, sent.get("X-Gitlab-Pod-Attempt")), (b"body", "2"))
        world.pods["pod_b"].say(response(200))
        self.assertEqual(client.take().status, 200)
        self.assertEqual(world.records[0].attempts, 2)
        client.leave()

    def test_a_pod_that_takes_too_long_to_connect_to(self) -> None:
        world = self.make_world("pod_a", "pod_b", timeouts={"connect": 2})
        world.pods["pod_a"].mode = "silent"
        client = world.client()
        client.say(get("/x"))
        world.reactor.pass_time(1.9)
        self.assertEqual(world.contacted(), [])
        world.reactor.pass_time(0.1)
        world.pods["pod_b"].say(response(200))
        self.assertEqual(client.take().status, 200)
        client.leave()

    def test_none_can_be_reached(self) -> None:
        world = self.make_world()
        for pod in world.pods.values():
            pod.mode = "refuses"
        client = world.client()
        client.say(get("/x"))
        self.assertEqual(client.take().status, 502)
        self.assertEqual(world.records[0].attempts, 4)
        client.leave()

    def test_the_owner_is_not_replaced(self) -> None:
        world = self.make_world(rules=[{"path": "/ruled", "pod": "pod_a"}])
        world.router.memory.table.remember(Route("/known", "pod_a"))
        world.pods["pod_a"].mode = "refuses"
        client = world.client()
        for path in ("/ruled", "/known"):
            client.say(get(path))
            self.assertEqual(client.take().status, 502, path)
        self.assertEqual(world.contacted(), [])
        self.assertEqual(world.knows("/known"), "pod_a", "being down is no bounce")
        client.leave()

    def test_nor_is_the_target_of_a_bounce_from_the_cache(self) -> None:
        world = self.make_world()
        world.router.memory.table.remember(Route("/known", "pod_a"))
        world.pods["pod_b"].mode = "refuses"
        client = world.client()
        client.say(get("/known"))
        world.pods["pod_a"].say(bounce("pod_b"))
        self.assertEqual(client.take().status, 502)
        self.assertEqual(world.contacted(), ["pod_a"])
        client.leave()

    def test_a_queue_that_is_full(self) -> None:
        limits = {"pod_connections": 1, "pod_queue": 1}
        world = self.make_world(limits=limits, rules=[{"path": "/", "pod": "pod_a"}])
        first, second, third = (world.client() for _ in range(3))
        for client in (first, second, third):
            client.say(get("/x"))
        answer = third.take()
        self.assertEqual(answer.status, 503)
        self.assertIsNotNone(answer.get("Retry-After"))
        for client in (first, second):
            world.pods["pod_a"].say(response(200, b"ok"))
            self.assertEqual(client.take().body, b"ok")
            client.leave()
        self.assertEqual(len(world.pods["pod_a"].wires), 1)
        third.leave()

    def test_too_long_in_the_queue(self) -> None:
        limits = {"pod_connections": 1}
        world = self.make_world(
            limits=limits, timeouts={"queue": 4}, rules=[{"path": "/", "pod": "pod_a"}]
        )
        first, second = world.client(), world.client()
        for client in (first, second):
            client.say(get("/x"))
        world.reactor.pass_time(4)
        self.assertEqual(second.take().status, 503)
        world.pods["pod_a"].say(response(200))
        self.assertEqual(first.take().status, 200)
        first.leave()
        second.leave()


class DyingPodTests(RouterTestCase):
    """A pod that ends before its answer does."""

    def test_before_the_head(self) -> None:
        for method in ("POST", "PATCH"):
            world = self.make_world("pod_a")
            client = world.client()
            client.say(request(method, "/x", body=b"body"))
            world.pods["pod_a"].wire.half_close()
            self.assertEqual(client.take().status, 502)
            self.assertEqual(world.contacted(), ["pod_a"], "it may have been done")
            client.leave()

    def test_before_the_head_an_idempotent_request_goes_to_another_pod(self) -> None:
        world = self.make_world("pod_a", "pod_b")
        client = world.client()
        client.say(request("PUT", "/x", body=b"body"))
        world.pods["pod_a"].wire.reset()
        self.assertEqual(world.pods["pod_b"].take().body, b"body")
        world.pods["pod_b"].say(response(200))
        self.assertEqual(client.take().status, 200)
        client.leave()

    def test_unless_its_body_is_no_longer_held(self) -> None:
        """The pod has read it without a 100: no byte of an answer has come."""
        limits = {"memory_bytes": 10, "spool_bytes": 10}
        world = self.make_world("pod_a", "pod_b", body=limits, timeouts={"continue": 1.0})
        client = world.client()
        client.say(request("PUT", "/x", body=b"x" * 100))
        world.reactor.pass_time(1.0)
        self.assertEqual(world.pods["pod_a"].take().body, b"x" * 100)
        world.pods["pod_a"].wire.reset()
        self.assertEqual(client.take().status, 502)
        self.assertEqual(world.contacted(), ["pod_a"])
        client.leave()

    def test_in_mid_head_nobody_else_is_tried(self) -> None:
        for begun in (b"HTTP/1.1 2", head_of_response(103) + b"HTTP/"):
            world = self.make_world("pod_a")
            client = world.client()
            client.say(get("/x"))
            world.pods["pod_a"].say(begun)
            world.pods["pod_a"].wire.half_close()
            self.assertEqual(world.contacted(), ["pod_a"], "a byte of a response has come")
            self.assertTrue(client.received.find(b"HTTP/1.1 502") >= 0, client.received)
            client.leave()

    def test_in_mid_body_the_client_is_broken_off(self) -> None:
        for framing in ("Content-Length: 10", "Transfer-Encoding: chunked"):
            for end in ("half_close", "reset"):
                world = self.make_world("pod_a")
                client = world.client()
                client.say(get("/x"))
                begun = b"12345" if "Length" in framing else b"5\r\n12345\r\n"
                world.pods["pod_a"].say(head_of_response(200, framing) + begun)
                getattr(world.pods["pod_a"].wire, end)()
                self.assertTrue(client.is_broken, f"{framing}, {end}: never a clean end")
                self.assertFalse(client.received.endswith(b"0\r\n\r\n"))
                self.assertEqual(world.records[0].status, 200)
                self.assertIsNotNone(world.records[0].error)

    def test_a_reset_is_no_end_of_a_body_that_ends_by_closing(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("/x"))
        world.pods["pod_a"].say(head_of_response(200) + b"12345")
        world.pods["pod_a"].wire.reset()
        self.assertTrue(client.is_broken)

    def test_garbage(self) -> None:
        for garbage in (
            b"SSH-2.0-OpenSSH\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000,
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nframes",
        ):
            world = self.make_world("pod_a")
            client = world.client()
            client.say(get("/x"))
            world.pods["pod_a"].say(garbage)
            self.assertEqual(client.take().status, 502, garbage[:60])
            self.assertEqual(world.contacted(), ["pod_a"])
            self.assertFalse(world.pods["pod_a"].wire.connected)
            client.leave()

    def test_bad_chunks_in_mid_body(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("/x"))
        world.pods["pod_a"].say(head_of_response(200, "Transfer-Encoding: chunked"))
        world.pods["pod_a"].say(b"5\r\n12345\r\nnonsense\r\n")
        self.assertTrue(client.is_broken)


class SilentPodTests(RouterTestCase):
    """A pod that says nothing."""

    def test_before_the_head(self) -> None:
        world = self.make_world("pod_a", timeouts={"response_head": 10})
        client = world.client()
        client.say(get("/x"))
        world.reactor.pass_time(9.9)
        self.assertEqual(client.received, b"")
        world.reactor.pass_time(0.1)
        self.assertEqual(client.take().status, 504)
        self.assertEqual(world.contacted(), ["pod_a"], "it may still be at work")
        self.assertFalse(world.pods["pod_a"].wire.connected)
        client.leave()

    def test_in_mid_body(self) -> None:
        world = self.make_world("pod_a", timeouts={"idle": 10})
        client = world.client()
        client.say(get("/x"))
        world.pods["pod_a"].say(head_of_response(200, "Content-Length: 10"))
        for _ in range(3):
            world.reactor.pass_time(9)
            world.pods["pod_a"].say(b"x")
        world.reactor.pass_time(10)
        self.assertTrue(client.is_broken)
