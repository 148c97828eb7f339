"""A client leaves: nobody works for it any more, and nothing is left of it.

What is left behind is checked after every test by :class:`RouterTestCase`.
"""

from __future__ import annotations

import os

from pods.interfaces import Route
from tests.support_memory import RouterTestCase, World
from tests.support_messages import (
    bounce,
    chunk,
    chunked,
    get,
    head_of_response,
    request,
    response,
)
from tests.support_wire import Wire

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class LeavingTests(RouterTestCase):
    """At each phase, by a reset or by closing."""

    def assert_forgotten(self, world: World, status: int = 499) -> None:
        self.assertEqual([record.status for record in world.records], [status])
        self.assertIsNotNone(world.records[0].error)
        self.assert_nothing_runs(world)
        for pod in world.pods.values():
            for wire in pod.wires:
                self.assertFalse(wire.connected, f"the request to {pod.name} goes on")

    def test_in_mid_head(self) -> None:
        world = self.make_world()
        client = world.client()
        client.say(b"GET / HT")
        client.leave()
        self.assertEqual(world.records, [])

    def test_while_the_strategy_thinks(self) -> None:
        world = self.make_world("pod_a", router={"strategy": "learn"})
        client = world.client()
        client.say(get("/x"))
        client.reset()
        self.assert_forgotten(world)

    def test_while_the_pod_is_dialled(self) -> None:
        world = self.make_world("pod_a")
        world.pods["pod_a"].mode = "silent"
        client = world.client()
        client.say(chunked("POST", "/x") + chunk(b"hello"))
        client.reset()
        self.assert_forgotten(world)
        world.pods["pod_a"].mode = "accepts"
        world.reactor.settle()
        self.assertEqual(world.pods["pod_a"].wire.received, b"", "and nothing is sent then")

    def test_while_the_pod_thinks(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("/x"))
        client.reset()
        self.assert_forgotten(world)

    def test_by_closing_only_while_the_pod_thinks(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("/x"))
        client.leave()
        world.reactor.pass_time(1)
        self.assert_forgotten(world)

    def test_in_mid_upload(self) -> None:
        for end in (Wire.reset, Wire.leave, Wire.half_close):
            world = self.make_world("pod_a")
            client = world.client()
            client.say(chunked("POST", "/x"))
            world.pods["pod_a"].say(CONTINUE)
            client.say(chunk(b"hello"))
            self.assertEqual(world.router.budget.memory_bytes, 5)
            end(client)
            self.assert_forgotten(world)
            self.assertTrue(world.pods["pod_a"].wire.is_broken, "never a complete request")

    def test_with_a_body_on_disk(self) -> None:
        world = self.make_world("pod_a", body={"memory_bytes": 10})
        client = world.client()
        client.say(request("POST", "/x", "Content-Length: 1000"))
        world.pods["pod_a"].say(CONTINUE)
        client.say(b"x" * 500)
        self.assertEqual(world.router.budget.files, 1)
        client.reset()
        self.assert_forgotten(world)
        self.assertEqual(os.listdir(world.router.budget.directory), [])

    def test_between_a_bounce_and_the_next_pod(self) -> None:
        world = self.make_world("pod_a")
        world.pods["pod_b"].mode = "silent"
        client = world.client()
        client.say(request("POST", "/x", "Content-Length: 10") + b"hello")
        world.pods["pod_a"].say(bounce("pod_b"))
        client.reset()
        self.assert_forgotten(world)

    def test_while_it_waits_for_100(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(request("PUT", "/x", "Expect: 100-continue", "Content-Length: 10"))
        client.reset()
        self.assert_forgotten(world)

    def test_in_a_pods_queue(self) -> None:
        world = self.make_world(
            limits={"pod_connections": 1}, rules=[{"path": "/", "pod": "pod_a"}]
        )
        first, second = world.client(), world.client()
        first.say(get("/x"))
        second.say(get("/y"))
        second.reset()
        self.assertEqual(world.router.pools["pod_a"].waiting_requests, 0)
        self.assertEqual([record.status for record in world.records], [499])
        world.pods["pod_a"].take()
        world.pods["pod_a"].say(response(200))
        self.assertEqual(world.pods["pod_a"].wire.received, b"")
        first.leave()

    def test_in_mid_response(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("/x"))
        world.pods["pod_a"].say(head_of_response(200, "Content-Length: 10") + b"12345")
        client.reset()
        self.assert_forgotten(world, 200)
        self.assertEqual(world.records[0].bytes_out, 5)

    def test_by_closing_only_in_mid_response(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("/x"))
        world.pods["pod_a"].say(head_of_response(200, "Content-Length: 10") + b"12345")
        client.leave()
        world.pods["pod_a"].say(b"678")
        self.assert_forgotten(world, 200)

    def test_while_it_reads_slowly(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.window = 1000
        client.say(get("/x"))
        world.pods["pod_a"].say(head_of_response(200, "Content-Length: 1000000") + b"x" * 500_000)
        self.assertTrue(world.pods["pod_a"].wire.is_paused)
        client.reset()
        self.assert_forgotten(world, 200)

    def test_the_one_record_tells_where_it_was(self) -> None:
        world = self.make_world()
        world.router.memory.table.remember(Route("/group", "pod_b"))
        client = world.client()
        client.say(get("/group/x?secret=1"))
        world.reactor.pass_time(0.25)
        client.reset()
        (record,) = world.records
        self.assertEqual((record.path, record.pod, record.route), ("/group/x", "pod_b", "cache"))
        self.assertEqual((record.total_seconds, record.answered_seconds), (0.25, None))


class HalfClosedTests(RouterTestCase):
    """A client that sends nothing more, but reads on, gets its answer."""

    def test_before_the_answer(self) -> None:
        for seconds in (0, 0.3, 100):
            world = self.make_world("pod_a")
            client = world.client()
            client.say(get("/x"))
            client.half_close()
            world.reactor.pass_time(seconds)
            world.pods["pod_a"].say(response(200, b"hello"))
            answer = client.take()
            self.assertEqual((answer.body, answer.get("Connection")), (b"hello", "close"))
            self.assertTrue(client.is_ended and not client.is_broken)
            self.assertIsNone(world.records[0].error)

    def test_after_its_body(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(request("POST", "/x", body=b"hello"))
        client.half_close()
        self.assertEqual(world.pods["pod_a"].take().body, b"hello")
        world.pods["pod_a"].say(response(200, b"hello"))
        self.assertEqual(client.take().body, b"hello")

    def test_in_the_middle_of_the_answer(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("/x"))
        world.pods["pod_a"].say(head_of_response(200, "Content-Length: 10") + b"01234")
        client.half_close()
        world.reactor.pass_time(1)
        world.pods["pod_a"].say(b"56789")
        self.assertEqual(client.take().body, b"0123456789")

    def test_an_answer_of_the_routers_own(self) -> None:
        world = self.make_world("pod_a", timeouts={"response_head": 5})
        client = world.client()
        client.say(get("/x"))
        client.half_close()
        world.reactor.pass_time(5)
        self.assertEqual(client.take().status, 504)

    def test_interim_responses(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("/x"))
        client.half_close()
        world.reactor.pass_time(0.5)
        world.pods["pod_a"].say(head_of_response(103, "Link: </a>"))
        world.reactor.pass_time(0.5)
        world.pods["pod_a"].say(response(200, b"hello"))
        self.assertEqual([client.take().status, client.take().body], [103, b"hello"])

    def test_pipelined_requests_that_came_before(self) -> None:
        world = self.make_world(*["pod_a"] * 3)
        client = world.client()
        client.say(get("/1") + get("/2") + get("/3"))
        client.half_close()
        for body in (b"1", b"2", b"3"):
            world.pods["pod_a"].say(response(200, body))
            self.assertEqual(client.take().body, body)
        self.assertTrue(client.is_ended and not client.is_broken)

    def test_between_requests_the_connection_is_closed(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("/x"))
        world.pods["pod_a"].say(response(200))
        client.take()
        client.half_close()
        self.assertFalse(client.connected)
