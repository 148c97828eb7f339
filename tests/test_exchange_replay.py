"""Bodies that are sent again, because a pod bounced them: before, in and after the upload."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pods.interfaces import Route
from tests.support_memory import RouterTestCase, World
from tests.support_messages import (
    Message,
    bounce,
    chunk,
    chunked,
    head_of_response,
    request,
    response,
)
from tests.support_wire import Wire

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def complete(world: World, client: Wire, pod: str = "pod_b") -> Message:
    """Let a pod take the request that it has been sent completely, and give what it got."""
    sent = world.pods[pod].take()
    world.pods[pod].say(response(200, b"mine"))
    answer = client.take()
    assert answer.body == b"mine", answer
    return sent


class BouncedUploadTests(RouterTestCase):
    """The second pod gets the whole body, whenever the first one bounces."""

    def test_after_the_whole_body(self) -> None:
        for size in (1, 65_535, 65_536):
            world = self.make_world("pod_a")
            client = world.client()
            client.say(request("POST", "/x", body=b"x" * size))
            self.assertEqual(len(world.pods["pod_a"].take().body), size)
            world.pods["pod_a"].say(bounce("pod_b"))
            self.assertEqual(complete(world, client).body, b"x" * size)
            client.leave()

    def test_in_mid_upload(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(request("POST", "/x", "Content-Length: 30") + b"0123456789")
        world.pods["pod_a"].say(bounce("pod_b"))
        self.assertFalse(world.pods["pod_a"].wire.connected, "the first pod is left")
        client.say(b"abcdefghij")
        self.assertTrue(world.pods["pod_b"].wire.received.endswith(b"0123456789abcdefghij"))
        client.say(b"ABCDEFGHIJ")
        sent = complete(world, client)
        self.assertEqual(sent.body, b"0123456789abcdefghijABCDEFGHIJ")
        self.assertEqual(client.received, b"", "one response")
        client.leave()

    def test_chunked_in_mid_upload_with_trailers(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(chunked("POST", "/x") + chunk(b"hello "))
        world.pods["pod_a"].say(CONTINUE)
        world.pods["pod_a"].say(bounce("pod_b"))
        world.pods["pod_b"].say(CONTINUE)
        client.say(chunk(b"world") + b"0\r\nX-Sum: 1\r\nX-Gitlab-Pod-Cache: {}\r\nHost: x\r\n\r\n")
        sent = complete(world, client)
        self.assertEqual((sent.body, sent.trailers), (b"hello world", [("X-Sum", "1")]))
        client.leave()

    def test_bounced_again_and_again(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(request("POST", "/x", "Content-Length: 3") + b"1")
        for pod, other, more in (("pod_a", "pod_b", b"2"), ("pod_b", "pod_c", b"3")):
            world.pods[pod].say(bounce(other))
            client.say(more)
        self.assertEqual(complete(world, client, "pod_c").body, b"123")
        client.leave()

    def test_over_memory_the_rest_is_on_disk(self) -> None:
        world = self.make_world("pod_a", body={"memory_bytes": 1000})
        client = world.client()
        body = os.urandom(300_000)
        client.say(request("POST", "/x", "Content-Length: 300000"))
        self.assertEqual(world.pods["pod_a"].wire.received[-4:], b"\r\n\r\n", "asked first")
        world.pods["pod_a"].say(CONTINUE)
        client.say(body[:200_000])
        budget = world.router.budget
        self.assertEqual(budget.files, 1)
        self.assertEqual(budget.memory_bytes + budget.spool_bytes, 200_000)
        world.pods["pod_a"].say(bounce("pod_b"))
        world.pods["pod_b"].say(CONTINUE)
        client.say(body[200_000:])
        self.assertEqual(complete(world, client).body, body)
        self.assertEqual((budget.files, budget.memory_bytes, budget.spool_bytes), (0, 0, 0))
        self.assertEqual(os.listdir(world.router.budget.directory), [], "the file has no name")
        client.leave()

    def test_what_is_held_is_dropped_once_the_pod_keeps_it(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(request("POST", "/x", "Content-Length: 200") + b"x" * 100)
        self.assertEqual(world.router.budget.memory_bytes, 100)
        world.pods["pod_a"].say(head_of_response(200, "Transfer-Encoding: chunked"))
        self.assertEqual(world.router.budget.memory_bytes, 0)
        client.say(b"x" * 100)
        self.assertEqual(world.router.budget.memory_bytes, 0)
        world.pods["pod_a"].say(chunk(b""))
        client.leave()

    def test_a_pod_that_bounces_by_the_head_alone_costs_no_body(self) -> None:
        world = self.make_world("pod_a", body={"memory_bytes": 10})
        client = world.client()
        client.say(request("POST", "/x", body=b"x" * 100))
        asked = world.pods["pod_a"].wire.received
        self.assertIn(b"Expect: 100-continue", asked)
        self.assertNotIn(b"xxx", asked)
        world.pods["pod_a"].say(bounce("pod_b"))
        world.pods["pod_b"].say(CONTINUE)
        self.assertEqual(complete(world, client).body, b"x" * 100)
        self.assertEqual(client.received, b"", "the router's own 100 is not the client's")
        client.leave()

    @settings(max_examples=60, deadline=None)
    @given(data=st.data(), is_chunked=st.booleans(), memory_bytes=st.sampled_from([0, 5, 50]))
    def test_any_cut_any_bounce(self, data: Any, is_chunked: bool, memory_bytes: int) -> None:
        """However the body is cut and whenever pods bounce, the last one gets all of it."""
        world = World(self.mktemp(), ("pod_a",), {"body": {"memory_bytes": memory_bytes}})
        pieces = data.draw(st.lists(st.binary(min_size=1, max_size=30), max_size=8))
        whole = b"".join(pieces)
        client = world.client()
        head = (
            chunked("PUT", "/x")
            if is_chunked
            else request("PUT", "/x", f"Content-Length: {len(whole)}")
        )
        client.say(head)
        order = ["pod_a", "pod_b", "pod_c"]
        for piece in [*pieces, b""]:
            if len(order) > 1 and data.draw(st.booleans()):
                if data.draw(st.booleans()):
                    world.pods[order[0]].say(CONTINUE)
                world.pods[order.pop(0)].say(bounce(order[0]))
            if is_chunked:
                client.say(chunk(piece))
            elif piece:
                client.say(piece)
        world.pods[order[0]].say(CONTINUE)
        self.assertEqual(complete(world, client, order[0]).body, whole)
        self.assert_nothing_runs(world)


class NotReplayableTests(RouterTestCase):
    """Bounced when the body is no longer held: 503, and the next try goes to the right pod."""

    def test_over_what_a_certain_placement_holds(self) -> None:
        world = self.make_world(body={"memory_bytes": 100})
        world.router.memory.table.remember(Route("/group", "pod_a"))
        client = world.client()
        client.say(request("POST", "/group/x", "Content-Length: 300") + b"x" * 200)
        self.assertEqual(world.router.budget.files, 0, "what is certain is not spooled")
        world.pods["pod_a"].say(bounce("pod_b"))
        answer = client.take()
        self.assertEqual((answer.status, answer.get("Connection")), (503, "close"))
        self.assertIsNotNone(answer.get("Retry-After"))
        self.assertEqual(world.contacted(), ["pod_a"])
        self.assertEqual(world.knows("/group/x"), "pod_b")
        client.leave()
        again = world.client()
        again.say(request("POST", "/group/x", body=b"x" * 300))
        self.assertEqual(complete(world, again).body, b"x" * 300)
        again.leave()

    def test_within_it_a_stale_route_repairs_itself(self) -> None:
        world = self.make_world(body={"memory_bytes": 100})
        world.router.memory.table.remember(Route("/group", "pod_a"))
        client = world.client()
        client.say(request("POST", "/group/x", body=b"x" * 100))
        world.pods["pod_a"].say(bounce("pod_b"))
        self.assertEqual(complete(world, client).body, b"x" * 100)
        client.leave()

    def test_over_every_limit(self) -> None:
        for limits in (
            {"spool_bytes": 100},
            {"total_spool_bytes": 100},
        ):
            world = self.make_world("pod_a", body={"memory_bytes": 100} | limits)
            client = world.client()
            client.say(request("POST", "/group/x", "Content-Length: 1000"))
            world.pods["pod_a"].say(CONTINUE)
            client.say(b"x" * 100)
            client.say(b"x" * 100)
            client.say(b"x" * 100)
            self.assertEqual(world.router.budget.spool_bytes, 0, "of no use: let go")
            world.pods["pod_a"].say(bounce("pod_b"))
            self.assertEqual(client.take().status, 503, limits)
            self.assertEqual(world.knows("/group/x"), "pod_b")
            client.leave()

    def test_over_every_limit_a_pod_that_keeps_it_gets_all(self) -> None:
        limits = {"memory_bytes": 10, "spool_bytes": 10}
        world = self.make_world("pod_a", body=limits)
        client = world.client()
        client.say(request("POST", "/x", "Content-Length: 100000"))
        world.pods["pod_a"].say(CONTINUE)
        client.say(b"x" * 100_000)
        self.assertEqual(complete(world, client, "pod_a").body, b"x" * 100_000)
        client.leave()

    def test_a_disk_that_cannot_be_written_costs_the_replay_only(self) -> None:
        world = self.make_world("pod_a", body={"memory_bytes": 10})
        folder = world.router.budget.directory
        os.makedirs(os.path.dirname(folder))
        with open(folder, "wb"):  # a file where the folder should be
            pass
        client = world.client()
        client.say(request("POST", "/x", "Content-Length: 100"))
        world.pods["pod_a"].say(CONTINUE)
        client.say(b"x" * 100)
        self.assertEqual(complete(world, client, "pod_a").body, b"x" * 100)
        client.leave()

    def test_the_room_ends_while_the_second_pod_is_dialled(self) -> None:
        world = self.make_world("pod_a", body={"memory_bytes": 10, "spool_bytes": 20})
        world.pods["pod_b"].mode = "silent"
        client = world.client()
        client.say(request("POST", "/x", "Content-Length: 60"))
        world.pods["pod_a"].say(CONTINUE)
        client.say(b"x" * 20)
        world.pods["pod_a"].say(bounce("pod_b"))
        client.say(b"x" * 20)
        client.say(b"x" * 20)
        world.pods["pod_b"].mode = "accepts"
        world.reactor.settle()
        world.pods["pod_b"].say(CONTINUE)
        self.assertEqual(complete(world, client).body, b"x" * 60)
        client.leave()

    def test_once_after_the_body_is_gone_remembers_nothing(self) -> None:
        world = self.make_world(body={"memory_bytes": 10})
        world.router.memory.table.remember(Route("/group", "pod_a"))
        client = world.client()
        client.say(request("POST", "/group/x", "Content-Length: 300") + b"x" * 200)
        world.pods["pod_a"].say(bounce("pod_b", once=True))
        self.assertEqual(client.take().status, 503)
        self.assertEqual(world.knows("/group/x"), "pod_a")
        client.leave()
        self.assert_the_next_try_succeeds(world, once=True)

    def test_a_rule_that_leads_to_a_late_bounce(self) -> None:
        rules = [{"path": "/group", "pod": "pod_a"}]
        world = self.make_world(body={"memory_bytes": 10}, rules=rules)
        client = world.client()
        client.say(request("POST", "/group/x", "Content-Length: 300") + b"x" * 200)
        world.pods["pod_a"].say(bounce("pod_b"))
        self.assertEqual(client.take().status, 503)
        client.leave()
        self.assert_the_next_try_succeeds(world, once=False)

    def assert_the_next_try_succeeds(self, world: World, once: bool) -> None:
        """It is bounced again, but this time all of the body is held."""
        again = world.client()
        again.say(request("POST", "/group/x", "Content-Length: 300") + b"x" * 300)
        world.pods["pod_a"].say(CONTINUE)
        world.pods["pod_a"].say(bounce("pod_b", once=once))
        world.pods["pod_b"].say(CONTINUE)
        sent = world.pods["pod_b"].take()
        self.assertEqual(sent.body, b"x" * 300)
        world.pods["pod_b"].say(response(200, b"kept"))
        self.assertEqual(again.take().body, b"kept")
        again.leave()


class BodyLimitTests(RouterTestCase):
    """``limits.body_bytes``: 413."""

    def test_told_by_the_head(self) -> None:
        world = self.make_world(limits={"body_bytes": 10})
        client = world.client()
        client.say(request("POST", "/x", "Content-Length: 11"))
        self.assertEqual(client.take().status, 413)
        self.assertEqual(world.contacted(), [])
        client.leave()

    def test_found_in_mid_upload(self) -> None:
        world = self.make_world("pod_a", limits={"body_bytes": 10})
        client = world.client()
        client.say(chunked("POST", "/x"))
        world.pods["pod_a"].say(CONTINUE)
        client.say(chunk(b"x" * 10))
        client.say(chunk(b"x"))
        self.assertEqual(client.take().status, 413)
        self.assertTrue(world.pods["pod_a"].wire.is_broken, "the pod sees no complete request")
        client.leave()

    def test_exactly_the_limit_passes(self) -> None:
        world = self.make_world("pod_a", limits={"body_bytes": 10})
        client = world.client()
        client.say(request("POST", "/x", body=b"x" * 10))
        complete(world, client, "pod_a")
        client.leave()
