"""Preflight-learn through the router: questions and requests over the same connections."""

from __future__ import annotations

import json
from typing import Any

from tests.support_memory import RouterTestCase, World
from tests.support_messages import bounce, chunk, chunked, get, request, response


def learned(path: str, pod: str, **more: Any) -> bytes:
    """A pod's answer to a learn request."""
    answer = {"path": path, "pod": pod, "source": "routable"} | more
    return response(200, json.dumps(answer).encode(), "Content-Type: application/json")


class LearnTestCase(RouterTestCase):
    def make_learner(self, *choices: str, **tables: Any) -> World:
        return self.make_world(*choices, router={"strategy": "learn"}, **tables)


class LearnTests(LearnTestCase):
    """A miss asks first."""

    def test_the_request_reaches_exactly_one_pod_once(self) -> None:
        world = self.make_learner("pod_a")
        client = world.client()
        client.say(get("/gitlab-org/gitlab-test/-/issues?x", "Cookie: s=1", "Authorization: b"))
        asked = world.pods["pod_a"].take()
        self.assertEqual(
            asked.first_line,
            b"GET /api/v4/pods/learn?method=GET&path_info=/gitlab-org/gitlab-test/-/issues"
            b" HTTP/1.1",
        )
        for secret in ("Cookie", "Authorization", "X-Forwarded-For"):
            self.assertIsNone(asked.get(secret), secret)
        world.pods["pod_a"].say(learned("/gitlab-org/gitlab-test", "pod_b"))
        sent = world.pods["pod_b"].take()
        self.assertEqual(sent.target, b"/gitlab-org/gitlab-test/-/issues?x")
        self.assertEqual(sent.get("Cookie"), "s=1")
        self.assertEqual(world.knows("/gitlab-org/gitlab-test"), "pod_b")
        world.pods["pod_b"].say(response(200, b"mine"))
        self.assertEqual(client.take().body, b"mine")
        self.assertEqual(world.pods["pod_a"].wire.received, b"")
        client.leave()

    def test_no_question_on_a_hit(self) -> None:
        world = self.make_learner("pod_a")
        client = world.client()
        client.say(get("/group"))
        world.pods["pod_a"].take()
        world.pods["pod_a"].say(learned("/group", "pod_a"))
        world.pods["pod_a"].take()
        world.pods["pod_a"].say(response(200))
        client.say(get("/group/project"))
        self.assertEqual(world.pods["pod_a"].take().target, b"/group/project")
        self.assertEqual(len(world.pods["pod_a"].wires), 1, "both over one connection")
        world.pods["pod_a"].say(response(200))
        client.leave()

    def test_equal_misses_share_one_question(self) -> None:
        world = self.make_learner("pod_a")
        clients = [world.client() for _ in range(5)]
        for client in clients:
            client.say(get("/group/project"))
        (only,) = world.pods["pod_a"].wires
        only.take()
        self.assertEqual(only.received, b"")
        only.say(learned("/group", "pod_b"))
        for client, wire in zip(clients, world.pods["pod_b"].wires, strict=True):
            wire.say(response(200, b"mine"))
            self.assertEqual(client.take().body, b"mine")
            client.leave()

    def test_one_of_several_that_wait_may_leave(self) -> None:
        world = self.make_learner("pod_a")
        gone, stays = world.client(), world.client()
        for client in (gone, stays):
            client.say(get("/group"))
        gone.reset()
        world.pods["pod_a"].say(learned("/group", "pod_b"))
        world.pods["pod_b"].say(response(200, b"mine"))
        self.assertEqual(stays.take().body, b"mine")
        self.assertEqual([record.status for record in world.records], [499, 200])
        stays.leave()

    def test_when_all_have_left_the_question_is_dropped(self) -> None:
        world = self.make_learner("pod_a")
        client = world.client()
        client.say(get("/group"))
        client.reset()
        self.assertFalse(world.pods["pod_a"].wire.connected)
        self.assert_nothing_runs(world)

    def test_nobodys_path_goes_to_the_pod_that_said_so(self) -> None:
        world = self.make_learner("pod_a")
        client = world.client()
        client.say(get("/nobody"))
        world.pods["pod_a"].take()
        world.pods["pod_a"].say(response(404, b"no such route"))
        self.assertEqual(world.pods["pod_a"].take().target, b"/nobody")
        world.pods["pod_a"].say(response(404, b"a page for people"))
        self.assertEqual(client.take().body, b"a page for people")
        self.assertIsNone(world.knows("/nobody"))
        client.leave()

    def test_a_bounce_after_learning_corrects(self) -> None:
        world = self.make_learner("pod_a")
        client = world.client()
        client.say(get("/group"))
        world.pods["pod_a"].say(learned("/group", "pod_b"))
        world.pods["pod_b"].say(bounce("pod_c"))
        world.pods["pod_c"].say(response(200, b"mine"))
        self.assertEqual(client.take().body, b"mine")
        client.leave()

    def test_an_upload_waits_for_the_answer_and_is_bounded_meanwhile(self) -> None:
        world = self.make_learner("pod_a")
        client = world.client()
        client.say(chunked("POST", "/group"))
        for _ in range(4):
            client.say(chunk(b"x" * 40_000))
        self.assertTrue(client.is_paused)
        self.assertLessEqual(world.router.budget.memory_bytes, 65_536)
        world.pods["pod_a"].say(learned("/group", "pod_b"))
        client.say(chunk(b""))
        self.assertEqual(world.pods["pod_b"].take().body, b"x" * 160_000)
        world.pods["pod_b"].say(response(200))
        self.assertEqual(client.take().status, 200)
        client.leave()

    def test_the_fallback_pod_can_bounce_a_large_upload(self) -> None:
        world = self.make_learner("pod_a")
        client = world.client()
        client.say(request("PUT", "/nobody", "Content-Length: 200000"))
        client.say(b"x" * 100_000)
        world.pods["pod_a"].take()
        world.pods["pod_a"].say(response(404))
        world.pods["pod_a"].say(bounce("pod_b"))
        client.say(b"x" * 100_000)
        world.pods["pod_b"].say(head_100())
        self.assertEqual(world.pods["pod_b"].take().body, b"x" * 200_000)
        world.pods["pod_b"].say(response(200))
        self.assertEqual(client.take().status, 200)
        client.leave()


def head_100() -> bytes:
    return b"HTTP/1.1 100 Continue\r\n\r\n"


class LearnFailureTests(LearnTestCase):
    """A pod that cannot tell is passed over; if none can, that is a 503 and never a 404."""

    def test_the_next_pod_is_asked(self) -> None:
        for wrong in (
            response(500),
            response(302, b"", "X-Gitlab-Pod-Redirect: pod_b"),
            response(200, b"not json"),
            learned("/other", "pod_b"),
            learned("/", "pod_b"),
            learned("/group", "pod_unknown"),
            response(200, b"x" * 70_000),
            b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
            b"garbage\r\n\r\n",
        ):
            world = self.make_learner("pod_a", "pod_b")
            client = world.client()
            client.say(get("/group"))
            world.pods["pod_a"].say(wrong)
            world.pods["pod_b"].say(learned("/group", "pod_c"))
            world.pods["pod_c"].say(response(200, b"mine"))
            self.assertEqual(client.take().body, b"mine", wrong[:60])
            self.assertEqual(world.knows("/group"), "pod_c")
            client.leave()

    def test_a_silent_pod_is_given_up(self) -> None:
        world = self.make_learner("pod_a", "pod_b", strategy={"timeout_seconds": 1.5})
        client = world.client()
        client.say(get("/group"))
        world.reactor.pass_time(1.4)
        self.assertEqual(world.contacted(), ["pod_a"])
        world.reactor.pass_time(0.2)
        self.assertFalse(world.pods["pod_a"].wire.connected)
        world.pods["pod_b"].say(learned("/group", "pod_b"))
        world.pods["pod_b"].say(response(200, b"mine"))
        self.assertEqual(client.take().body, b"mine")
        client.leave()

    def test_nobody_knows(self) -> None:
        world = self.make_learner("pod_a", "pod_b", "pod_c", "pod_d")
        world.pods["pod_b"].mode = "refuses"
        client = world.client()
        client.say(get("/group"))
        for pod in ("pod_a", "pod_c", "pod_d"):
            world.pods[pod].say(response(503))
        answer = client.take()
        self.assertEqual((answer.status, answer.get("Retry-After")), (503, "2"))
        self.assertIsNone(world.knows("/group"))
        self.assertEqual([record.status for record in world.records], [503])
        self.assertIsNone(world.records[0].pod, "no pod got the request")
        client.leave()

    def test_a_learned_pod_that_is_down_is_not_replaced(self) -> None:
        world = self.make_learner("pod_a")
        world.pods["pod_b"].mode = "refuses"
        client = world.client()
        client.say(get("/group"))
        world.pods["pod_a"].say(learned("/group", "pod_b"))
        self.assertEqual(client.take().status, 502)
        self.assertEqual(world.contacted(), ["pod_a"])
        client.leave()
