"""Release: a pod's 404 leaves when the delay policy says so; everything else at once."""

from __future__ import annotations

from typing import Any

from pods.interfaces import Route
from tests.support_memory import RouterTestCase, World
from tests.support_messages import bounce, chunk, chunked, get, head_of_response, request, response


class After:
    """A delay policy: so many seconds after the answer."""

    def __init__(self, seconds: Any) -> None:
        self.seconds = seconds
        self.asked: list[tuple[str, float, float]] = []

    def release_at(self, request: Any, arrived: float, answered: float) -> Any:
        self.asked.append((request.path, arrived, answered))
        if isinstance(self.seconds, Exception):
            raise self.seconds
        return answered + self.seconds


class ReleaseTests(RouterTestCase):
    """Held back, and let go."""

    def world_with(self, seconds: Any, *choices: str, **tables: Any) -> World:
        world = self.make_world(*choices or ["pod_a"], **tables)
        world.use_delay(After(seconds))
        return world

    def test_a_404_waits_and_the_pods_connection_is_free_meanwhile(self) -> None:
        world = self.world_with(2.0, "pod_a", "pod_a")
        client, other = world.client(), world.client()
        client.say(get("/private"))
        world.reactor.pass_time(0.5)
        world.pods["pod_a"].say(response(404, b"not here", "X-From: pod"))
        self.assertEqual(client.received, b"")
        self.assertEqual(world.router.pools["pod_a"].idle_connections, 1)
        other.say(get("/public"))
        self.assertEqual(len(world.pods["pod_a"].wires), 1, "the same connection serves others")
        world.pods["pod_a"].say(response(200, b"here"))
        self.assertEqual(other.take().body, b"here", "nothing else waits")
        world.reactor.pass_time(1.9)
        self.assertEqual(client.received, b"")
        world.reactor.pass_time(0.1)
        answer = client.take()
        self.assertEqual((answer.status, answer.body), (404, b"not here"))
        self.assertEqual(answer.get("X-From"), "pod")
        record = world.records[1]
        self.assertEqual((record.answered_seconds, record.released_seconds), (0.5, 2.5))
        client.leave()
        other.leave()

    def test_times_are_measured_from_the_arrival_over_every_hop(self) -> None:
        world = self.world_with(1.0)
        client = world.client()
        world.reactor.pass_time(3)
        client.say(get("/private?x"))
        world.reactor.pass_time(1)
        world.pods["pod_a"].say(bounce("pod_b"))
        world.reactor.pass_time(1)
        world.pods["pod_b"].say(response(404))
        delay: Any = world.router.delay
        self.assertEqual(delay.asked, [("/private", 3.0, 5.0)])
        world.reactor.pass_time(1)
        self.assertEqual(client.take().status, 404)
        client.leave()

    def test_every_method_and_a_remembered_route(self) -> None:
        for method in ("HEAD", "POST", "DELETE"):
            world = self.world_with(1.0)
            world.router.memory.table.remember(Route("/group", "pod_a"))
            client = world.client()
            client.say(request(method, "/group/x"))
            answer = head_of_response(404, "Content-Length: 3")
            world.pods["pod_a"].say(answer if method == "HEAD" else answer + b"no!")
            self.assertEqual(client.received, b"")
            world.reactor.pass_time(1.0)
            self.assertEqual(client.take(to_head=method == "HEAD").status, 404)
            client.leave()

    def test_a_time_that_is_over_means_at_once(self) -> None:
        world = self.world_with(-1.0)
        client = world.client()
        client.say(get("/x"))
        world.pods["pod_a"].say(response(404, b"no"))
        self.assertEqual(client.take().body, b"no")
        client.leave()

    def test_a_client_that_leaves_takes_the_timer_along(self) -> None:
        world = self.world_with(1000.0)
        client = world.client()
        client.say(get("/x"))
        world.pods["pod_a"].say(response(404, b"no"))
        client.reset()
        self.assertEqual([record.status for record in world.records], [499])
        world.reactor.pass_time(200)
        self.assertEqual(world.reactor.getDelayedCalls(), [])

    def test_a_pipelined_request_waits_its_turn(self) -> None:
        world = self.world_with(1.0, "pod_a", "pod_a")
        client = world.client()
        client.say(get("/x") + get("/y"))
        world.pods["pod_a"].say(response(404, b"no"))
        world.reactor.pass_time(1.0)
        world.pods["pod_a"].say(response(200, b"yes"))
        self.assertEqual([client.take().status, client.take().status], [404, 200])
        client.leave()

    def test_a_large_one_keeps_its_connection_but_not_the_memory(self) -> None:
        world = self.world_with(1.0)
        client = world.client()
        client.say(get("/x"))
        world.pods["pod_a"].say(head_of_response(404, "Content-Length: 300000") + b"x" * 300_000)
        self.assertTrue(world.pods["pod_a"].wire.is_paused)
        delay: Any = world.router.delay
        self.assertEqual(len(delay.asked), 1)
        world.reactor.pass_time(1.0)
        self.assertEqual(client.take().body, b"x" * 300_000)
        client.leave()

    def test_a_large_one_for_a_slow_client(self) -> None:
        """What is kept goes out; more is read when the client has taken that."""
        world = self.world_with(1.0)
        client = world.client()
        client.window = 0
        client.say(get("/x"))
        pod = world.pods["pod_a"].wire
        pod.say(head_of_response(404, "Content-Length: 900000") + b"x" * 900_000)
        unread_bytes = pod.unread_bytes
        world.reactor.pass_time(1.0)
        self.assertEqual((pod.is_paused, pod.unread_bytes), (True, unread_bytes))
        client.read_all()
        self.assertEqual(client.take().body, b"x" * 900_000)
        client.leave()

    def test_while_the_client_still_reads_what_was_before(self) -> None:
        """Its pod goes on when the client does, held or not."""
        rules = [{"path": "/", "pod": "pod_a"}]
        world = self.world_with(1.0, rules=rules, timeouts={"idle": 1000})
        client = world.client()
        client.window = 0
        client.say(get("/x"))
        world.pods["pod_a"].say(response(200, b"x" * 60_000))
        client.say(get("/y"))
        early = head_of_response(103, "X-A: " + "x" * 10_000)
        world.pods["pod_a"].say(early + head_of_response(404, "Content-Length: 2") + b"n")
        world.pods["pod_a"].say(b"o")
        client.read_all()
        world.reactor.pass_time(1.0)
        self.assertEqual([client.take().status, client.take().status], [200, 103])
        self.assertEqual(client.take().body, b"no")
        client.leave()

    def test_chunked_with_trailers(self) -> None:
        world = self.world_with(1.0)
        client = world.client()
        client.say(get("/x", "TE: trailers", "Connection: TE"))
        world.pods["pod_a"].say(
            head_of_response(404, "Transfer-Encoding: chunked")
            + chunk(b"no")
            + b"0\r\nX-Sum: 1\r\n\r\n"
        )
        world.reactor.pass_time(1.0)
        answer = client.take()
        self.assertEqual((answer.body, answer.trailers), (b"no", [("X-Sum", "1")]))
        client.leave()

    def test_while_the_client_still_uploads(self) -> None:
        world = self.world_with(1.0)
        client = world.client()
        client.say(chunked("POST", "/x") + chunk(b"x" * 10))
        world.pods["pod_a"].say(response(404, b"no"))
        world.reactor.pass_time(1.0)
        answer = client.take()
        self.assertEqual((answer.status, answer.get("Connection")), (404, "close"))
        client.leave()

    def test_a_pod_that_dies_in_mid_404(self) -> None:
        world = self.world_with(1.0)
        client = world.client()
        client.say(get("/x"))
        world.pods["pod_a"].say(head_of_response(404, "Content-Length: 10") + b"12345")
        world.pods["pod_a"].wire.half_close()
        self.assertEqual(client.take().status, 502)
        client.leave()

    def test_a_policy_that_fails_costs_that_request_alone(self) -> None:
        for wrong in (RuntimeError("no"), None, "soon"):
            world = self.world_with(0.0, "pod_a", "pod_a")
            delay: Any = world.router.delay
            delay.release_at = lambda *args, wrong=wrong: _give(wrong)
            client = world.client()
            client.say(get("/x"))
            world.pods["pod_a"].say(response(404, b"no"))
            self.assertEqual(client.take().status, 500, wrong)
            self.assertEqual(len(self.flushLoggedErrors(RuntimeError, TypeError)), 1)
            client.say(get("/y"))
            world.pods["pod_a"].say(response(200, b"yes"))
            self.assertEqual(client.take().body, b"yes")
            client.leave()

    def test_the_built_in_policy(self) -> None:
        world = self.make_world("pod_a", not_found={"delay": "padded", "floor_seconds": 0.5})
        client = world.client()
        client.say(get("/x"))
        world.pods["pod_a"].say(response(404, b"no"))
        world.reactor.pass_time(0.49)
        self.assertEqual(client.received, b"")
        world.reactor.pass_time(0.2)
        self.assertEqual(client.take().status, 404)
        client.leave()


def _give(answer: Any) -> Any:
    if isinstance(answer, Exception):
        raise answer
    return answer
