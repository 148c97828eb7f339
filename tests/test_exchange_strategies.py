"""Whatever a strategy does wrong costs one request; and what a strategy can see."""

from __future__ import annotations

import contextlib
from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from pods.errors import Unavailable
from pods.interfaces import Placement, Route
from tests.support_memory import RouterTestCase, World
from tests.support_messages import bounce, get, head_of_response, request, response


class Scripted:
    """A strategy that does as it is told."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def locate(self, request: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def redirected(self, request: Any, placement: Any, redirect: Any) -> Any:
        return self.locate(request)


async def raising() -> Placement:
    raise RuntimeError("later")


class StrategyTests(RouterTestCase):
    """Whatever a strategy does wrong costs that request alone."""

    def assert_fails(self, world: World, status: int = 500) -> None:
        client = world.client()
        client.say(get("/x"))
        self.assertEqual(client.take().status, status)
        world.use_strategy(Scripted(Placement("pod_a")))
        client.say(get("/x"))
        world.pods["pod_a"].say(response(200, b"ok"))
        self.assertEqual(client.take().body, b"ok")
        client.leave()

    def test_raises(self) -> None:
        world = self.make_world()
        for answer in (RuntimeError("at once"), raising()):
            world.use_strategy(Scripted(answer))
            self.assert_fails(world)
            self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_refuses(self) -> None:
        world = self.make_world()
        world.use_strategy(Scripted(Unavailable("Not now.")))
        self.assert_fails(world, 503)

    def test_answers_nonsense(self) -> None:
        for nonsense in (
            None,
            "pod_a",
            Placement("pod_unknown"),
            Placement(None),  # type: ignore[arg-type]
            Placement(["pod_a"]),  # type: ignore[arg-type]
            Placement("pod_a", remember="/x"),  # type: ignore[arg-type]
        ):
            world = self.make_world()
            world.use_strategy(Scripted(nonsense))
            self.assert_fails(world)
            self.flushLoggedErrors(TypeError, AttributeError)

    def test_wants_to_remember_what_it_may_not(self) -> None:
        world = self.make_world()
        for route in (Route("/", "pod_a"), Route("/other", "pod_a"), Route("/x", "pod_unknown")):
            world.use_strategy(Scripted(Placement("pod_a", remember=route)))
            client = world.client()
            client.say(get("/x"))
            world.pods["pod_a"].say(response(200))
            self.assertEqual(client.take().status, 200)
            client.leave()
        self.assertEqual(len(world.router.memory.table), 0)
        self.assertEqual(sum(world.router.counters.refused_claims.values()), 3)

    def test_sends_in_circles(self) -> None:
        world = self.make_world()
        world.use_strategy(Scripted(Placement("pod_a")))
        client = world.client()
        client.say(get("/x"))
        world.pods["pod_a"].say(bounce("pod_b"))
        self.assertEqual(client.take().status, 502)
        self.assertEqual(world.contacted(), ["pod_a"])
        client.leave()

    def test_answers_after_the_client_has_left(self) -> None:
        world = self.make_world()
        answer: Deferred[Placement] = Deferred()
        world.use_strategy(Scripted(answer))
        client = world.client()
        client.say(get("/x"))
        client.reset()
        answer.callback(Placement("pod_a"))
        world.reactor.settle()
        self.assertEqual(world.contacted(), [])
        self.assertEqual(world.records[0].status, 499)

    def test_does_not_mind_being_cancelled(self) -> None:
        world = self.make_world()

        async def stubborn() -> Placement:
            with contextlib.suppress(CancelledError):
                await Deferred()
            return Placement("pod_a")

        world.use_strategy(Scripted(stubborn()))
        client = world.client()
        client.say(get("/x"))
        client.reset()
        self.assertEqual(world.contacted(), [])
        self.assertEqual([record.status for record in world.records], [499])

    def test_looks_into_the_body(self) -> None:
        self.look_into_the_body({"memory_bytes": 10})

    def test_looks_into_the_body_although_there_is_no_memory_to_hold_it(self) -> None:
        self.look_into_the_body({"memory_bytes": 10, "total_memory_bytes": 5})

    def look_into_the_body(self, limits: dict[str, int]) -> None:
        world = self.make_world(body=limits)
        seen: list[bytes] = []

        class ByBody(Scripted):
            async def locate(self, request: Any) -> Placement:
                seen.append(await request.body(10))
                return Placement("pod_a")

        world.use_strategy(ByBody(None))
        client = world.client()
        fields = ("Expect: 100-continue", "Content-Length: 20")
        client.say(request("POST", "/x", *fields))
        self.assertEqual(client.take().status, 100, "the router wants the body")
        for some in (b"0123", b"45"):
            client.say(some)
            self.assertEqual(seen, [])
        client.say(b"6789abcdefghij")
        self.assertEqual(seen, [b"0123456789"])
        world.pods["pod_a"].say(head_of_response(100))
        self.assertEqual(world.pods["pod_a"].take().body, b"0123456789abcdefghij")
        world.pods["pod_a"].say(response(200))
        self.assertEqual(client.take().status, 200)
        client.leave()
