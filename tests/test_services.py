"""What the router lends to plugins: questions to pods over the router's own connections."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from pods.errors import AskFailed, NotAsked
from pods.interfaces import ICounter, IServices, PodAnswer
from tests.support_memory import RouterTestCase, World
from tests.support_messages import get, head_of_response, response


def asked(world: World, target: str = "/x?y=%2F") -> Deferred[PodAnswer]:
    answer = world.router.services.ask("pod_a", target)
    world.reactor.settle()
    return answer


class AskTests(RouterTestCase):
    """``services.ask``"""

    def test_the_question(self) -> None:
        world = self.make_world()
        answer = asked(world)
        sent = world.pods["pod_a"].take()
        self.assertEqual(sent.first_line, b"GET /x?y=%2F HTTP/1.1")
        self.assertEqual(sent.get("Host"), "127.0.0.1:9100")
        for name in ("Cookie", "Authorization", "X-Forwarded-For"):
            self.assertIsNone(sent.get(name))
        world.pods["pod_a"].say(response(404, b"no", "X-A: 1"))
        got = self.successResultOf(answer)
        self.assertEqual((got.status, got.body), (404, b"no"))
        self.assertIn((b"X-A", b"1"), list(got.headers))

    def test_over_the_connections_that_are_there(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("/"))
        world.pods["pod_a"].say(response(200))
        answer = asked(world)
        world.pods["pod_a"].say(response(200, b"yes"))
        self.assertEqual(self.successResultOf(answer).body, b"yes")
        self.assertEqual(len(world.pods["pod_a"].wires), 1)
        client.leave()

    def test_interim_responses_are_skipped(self) -> None:
        world = self.make_world()
        answer = asked(world)
        world.pods["pod_a"].say(head_of_response(103, "Link: </a>") + response(200, b"yes"))
        self.assertEqual(self.successResultOf(answer).body, b"yes")

    def test_the_largest_answer(self) -> None:
        for size, fits in ((65_536, True), (65_537, False)):
            world = self.make_world()
            answer = asked(world)
            world.pods["pod_a"].say(response(200, b"x" * size))
            if fits:
                self.assertEqual(len(self.successResultOf(answer).body), size)
            else:
                self.failureResultOf(answer, AskFailed)
                self.assertFalse(world.pods["pod_a"].wire.connected)

    def test_an_unknown_pod(self) -> None:
        world = self.make_world()
        failure = self.failureResultOf(world.router.services.ask("pod_x", "/"), AskFailed)
        self.assertIn("pod_x", failure.getErrorMessage())

    def test_a_pod_that_cannot_be_reached(self) -> None:
        world = self.make_world()
        world.pods["pod_a"].mode = "refuses"
        self.failureResultOf(asked(world), AskFailed)

    def test_no_http(self) -> None:
        for garbage in (b"SSH-2.0\r\n", b"HTTP/1.1 101 Switching Protocols\r\n\r\n"):
            world = self.make_world()
            answer = asked(world)
            world.pods["pod_a"].say(garbage)
            self.failureResultOf(answer, AskFailed)

    def test_a_pod_that_dies(self) -> None:
        for begun in (b"", head_of_response(200, "Content-Length: 10") + b"12345"):
            world = self.make_world()
            answer = asked(world)
            world.pods["pod_a"].say(begun)
            world.pods["pod_a"].wire.half_close()
            self.failureResultOf(answer, AskFailed)

    def test_a_silent_pod(self) -> None:
        world = self.make_world(timeouts={"response_head": 10})
        answer = asked(world)
        world.reactor.pass_time(10)
        self.failureResultOf(answer, AskFailed)

    def test_cancelling_frees_the_connection(self) -> None:
        for answered_by in ("accepts", "silent"):
            world = self.make_world()
            world.pods["pod_a"].mode = answered_by
            answer = asked(world)
            answer.cancel()
            world.reactor.settle()
            self.failureResultOf(answer)
            self.assert_nothing_runs(world)
            world.reactor.pass_time(3)

    def test_the_router_is_to_blame(self) -> None:
        """At one of its own limits it says so: that is no fault of the pod."""
        world = self.make_world("pod_a", limits={"pod_connections": 1, "pod_queue": 0})
        client = world.client()
        client.say(get("/slow"))
        self.failureResultOf(asked(world), NotAsked)
        client.reset()

    def test_a_target_that_is_not_encoded(self) -> None:
        world = self.make_world()
        for target in ("/\u00e4", "/a b", "/a\r\nX-Evil: 1", "x", ""):
            self.assertRaises(ValueError, world.router.services.ask, "pod_a", target)
        self.assertEqual(world.contacted(), [])


class ServicesTests(RouterTestCase):
    """Everything else."""

    def test_provides_what_it_says(self) -> None:
        world = self.make_world(router={"region": "eu"})
        services = world.router.services
        verifyObject(IServices, services)
        self.assertEqual(services.region, "eu")
        self.assertEqual(services.header_prefix, "X-Gitlab-Pod-")
        self.assertIs(services.clock, world.reactor)
        self.assertIs(services.random, world.chance)
        self.assertEqual([pod.name for pod in services.pods.all], list(world.pods))

    def test_counters_are_the_routers(self) -> None:
        world = self.make_world()
        counter = world.router.services.counter("tried", "It was tried.")
        verifyObject(ICounter, counter)
        self.assertIs(world.router.counters.tallies.all["tried"], counter)
