"""Redirected: a pod says "not mine, ask that pod", and the client never sees it."""

from __future__ import annotations

from pods.interfaces import Route
from tests.support_memory import RouterTestCase, World
from tests.support_messages import bounce, get, head_of_response, request, response, teaching


class BounceTests(RouterTestCase):
    """A bounce is followed."""

    def test_the_same_request_goes_to_the_other_pod(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("/my-company?x=1", "Cookie: session=1", "Accept: text/html"))
        first = world.pods["pod_a"].take()
        world.pods["pod_a"].say(bounce("pod_b"))
        second = world.pods["pod_b"].take()
        self.assertEqual(first.first_line, second.first_line)
        changed = {"X-Gitlab-Pod-Attempt"}
        self.assertEqual(
            [field for field in first.fields if field[0] not in changed],
            [field for field in second.fields if field[0] not in changed],
        )
        self.assertEqual(second.get("X-Gitlab-Pod-Attempt"), "2")
        world.pods["pod_b"].say(response(200, b"mine"))
        answer = client.take()
        self.assertEqual(answer.body, b"mine")
        self.assertIsNone(answer.get("Set-Cookie"), "nothing of a bounce reaches the client")
        self.assertIsNone(answer.get("Location"))
        self.assertEqual(client.received, b"")
        client.leave()
        (record,) = world.records
        self.assertEqual((record.pod, record.attempts, record.route), ("pod_b", 2, "strategy"))
        self.assertEqual(world.router.counters.bounces, 1)

    def test_every_bounce_status_and_a_bare_name(self) -> None:
        world = self.make_world(*["pod_a"] * 4)
        client = world.client()
        for status in (302, 307, 308):
            client.say(get("/"))
            world.pods["pod_a"].say(bounce("pod_b", status=status))
            world.pods["pod_b"].say(response(200, b"mine"))
            self.assertEqual(client.take().body, b"mine", status)
        client.say(get("/"))
        bare = head_of_response(302, "Content-Length: 0", "X-Gitlab-Pod-Redirect: pod_b")
        world.pods["pod_a"].say(bare)
        world.pods["pod_b"].say(response(200, b"mine"))
        self.assertEqual(client.take().body, b"mine")
        client.leave()

    def test_a_redirect_without_the_header_is_the_clients(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("/users"))
        world.pods["pod_a"].say(response(302, b"", "Location: /users/sign_in"))
        answer = client.take()
        self.assertEqual((answer.status, answer.get("Location")), (302, "/users/sign_in"))
        client.leave()

    def test_the_header_on_another_status_is_no_bounce(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("/"))
        world.pods["pod_a"].say(response(200, b"ok", "X-Gitlab-Pod-Redirect: pod_b"))
        answer = client.take()
        self.assertEqual((answer.status, answer.get("X-Gitlab-Pod-Redirect")), (200, None))
        self.assertEqual(world.contacted(), ["pod_a"])
        client.leave()

    def test_a_chain(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("/"))
        for pod, other in (("pod_a", "pod_b"), ("pod_b", "pod_c"), ("pod_c", "pod_d")):
            world.pods[pod].say(bounce(other))
        self.assertEqual(world.pods["pod_d"].take().get("X-Gitlab-Pod-Attempt"), "4")
        world.pods["pod_d"].say(response(200, b"mine"))
        self.assertEqual(client.take().body, b"mine")
        self.assertEqual(world.records[0].attempts, 4)
        client.leave()

    def test_the_connection_of_a_bounce_is_used_again(self) -> None:
        world = self.make_world("pod_a", "pod_a")
        client = world.client()
        for _ in range(2):
            client.say(get("/"))
            world.pods["pod_a"].say(bounce("pod_b"))
            world.pods["pod_b"].say(response(200))
            client.take()
        self.assertEqual(len(world.pods["pod_a"].wires), 1)
        client.leave()

    def test_an_endless_body_of_a_bounce_costs_its_connection_only(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("/"))
        world.pods["pod_a"].say(
            head_of_response(302, "X-Gitlab-Pod-Redirect: pod_b", "Content-Length: 1000000")
        )
        world.pods["pod_b"].say(response(200, b"mine"))
        self.assertEqual(client.take().body, b"mine")
        world.pods["pod_a"].say(b"x" * 60_000)
        self.assertTrue(world.pods["pod_a"].wire.connected)
        world.pods["pod_a"].say(b"x" * 10_000)
        self.assertFalse(world.pods["pod_a"].wire.connected)
        client.leave()


class ForgettingTests(RouterTestCase):
    """What led to a bounce was wrong."""

    def remembered(self, world: World) -> None:
        world.router.memory.table.remember(Route("/my-company", "pod_a"))

    def test_a_route_that_led_to_a_bounce_is_forgotten_and_corrected(self) -> None:
        world = self.make_world()
        self.remembered(world)
        client = world.client()
        client.say(get("/my-company/x"))
        world.pods["pod_a"].say(bounce("pod_b"))
        self.assertIsNone(world.knows("/my-company/x"))
        world.pods["pod_b"].say(response(200, b"", teaching("/my-company/")))
        self.assertEqual(world.knows("/my-company/x"), "pod_b")
        client.leave()

    def test_once_forgets_nothing_and_remembers_nothing(self) -> None:
        world = self.make_world()
        self.remembered(world)
        client = world.client()
        client.say(get("/my-company/x"))
        world.pods["pod_a"].say(bounce("pod_b", once=True))
        world.pods["pod_b"].say(response(200, b"", teaching("/my-company/")))
        self.assertEqual(client.take().status, 200)
        self.assertEqual(world.knows("/my-company/x"), "pod_a")
        client.leave()

    def test_a_bounce_after_a_rule_goes_to_the_routers_strategy(self) -> None:
        world = self.make_world(rules=[{"path": "/admin", "pod": "pod_a"}])
        client = world.client()
        client.say(get("/admin"))
        world.pods["pod_a"].say(bounce("pod_b"))
        world.pods["pod_b"].say(response(200, b"mine"))
        self.assertEqual(client.take().body, b"mine")
        client.leave()


class RefusedBounceTests(RouterTestCase):
    """A bounce that cannot be followed is a 502, and no further pod is contacted."""

    def assert_bad_gateway(self, world: World, contacted: list[str], answer: bytes) -> None:
        client = world.client()
        client.say(get("/", "Accept: application/json"))
        for pod in contacted[:-1]:
            world.pods[pod].say(bounce(contacted[contacted.index(pod) + 1]))
        world.pods[contacted[-1]].say(answer)
        refused = client.take()
        self.assertEqual(refused.status, 502)
        self.assertEqual(refused.get("Content-Type"), "application/problem+json")
        self.assertNotIn(b"pod_", refused.body, "no pod's name for clients")
        self.assertEqual(world.contacted(), contacted)
        self.assertEqual(len(world.records), 1)
        self.assertEqual(world.records[0].status, 502)
        self.assertEqual(refused.get("X-Request-Id"), world.records[0].request_id.decode())
        client.leave()

    def test_to_itself(self) -> None:
        self.assert_bad_gateway(self.make_world("pod_a"), ["pod_a"], bounce("pod_a"))

    def test_in_a_loop(self) -> None:
        world = self.make_world("pod_a")
        self.assert_bad_gateway(world, ["pod_a", "pod_b", "pod_c"], bounce("pod_a"))

    def test_to_an_unknown_pod(self) -> None:
        world = self.make_world("pod_a")
        self.assert_bad_gateway(world, ["pod_a"], bounce("pod_x"))
        self.assertIn("pod_x", world.records[0].error or "")

    def test_too_many(self) -> None:
        world = self.make_world("pod_a", strategy={"max_bounces": 2})
        self.assert_bad_gateway(world, ["pod_a", "pod_b", "pod_c"], bounce("pod_d"))

    def test_unreadable(self) -> None:
        for value in ("", "{", "[]", '{"pod": 7}', "a b", '{"pod": "pod_b", "once": "yes"}'):
            world = self.make_world("pod_a")
            answer = response(302, b"", f"X-Gitlab-Pod-Redirect: {value}")
            self.assert_bad_gateway(world, ["pod_a"], answer)

    def test_two_headers(self) -> None:
        field = "X-Gitlab-Pod-Redirect: pod_b"
        self.assert_bad_gateway(
            self.make_world("pod_a"), ["pod_a"], response(302, b"", field, field)
        )


class TeachingTests(RouterTestCase):
    """Learn: what a final response teaches."""

    def teach(self, world: World, target: str, *fields: str, status: int = 200) -> None:
        world.chance.script.append("pod_a")
        client = world.client()
        client.say(request("GET", target))
        world.pods["pod_a"].take()
        world.pods["pod_a"].say(response(status, b"body", *fields))
        answer = client.take()
        self.assertEqual((answer.status, answer.body), (status, b"body"))
        self.assertIsNone(answer.get("X-Gitlab-Pod-Cache"), "our headers are not the client's")
        client.leave()

    def test_a_prefix_is_remembered(self) -> None:
        world = self.make_world()
        self.teach(world, "/my-company/x?y", teaching("/my-company/"))
        for path in ("/my-company", "/my-company/", "/my-company/z"):
            self.assertEqual(world.knows(path), "pod_a", path)
        for path in ("/my-company2", "/my-company.atom", "/"):
            self.assertIsNone(world.knows(path), path)

    def test_an_exact_path_is_remembered(self) -> None:
        world = self.make_world()
        self.teach(world, "/-/profile", teaching("/-/profile", exact=True))
        self.assertEqual(world.knows("/-/profile"), "pod_a")
        self.assertIsNone(world.knows("/-/profile/x"))

    def test_several_at_once(self) -> None:
        world = self.make_world()
        self.teach(world, "/a/b", teaching("/a"), teaching("/a/b", exact=True, ttl_seconds=5))
        self.assertEqual(len(world.router.memory.table), 2)

    def test_a_time_of_zero_forgets(self) -> None:
        world = self.make_world()
        self.teach(world, "/a", teaching("/a"))
        client = world.client()
        client.say(get("/a"))
        world.pods["pod_a"].say(response(200, b"", teaching("/a", ttl_seconds=0)))
        self.assertIsNone(world.knows("/a"))
        client.leave()

    def test_what_a_pod_may_not_claim_is_ignored_and_counted(self) -> None:
        world = self.make_world()
        long = "/" + "x" * 255
        for target, claim, reason in (
            ("/a", teaching("/"), "root"),
            ("/a", teaching("/b"), "not_a_prefix"),
            ("/a", teaching("/a/b"), "not_a_prefix"),
            ("/ab", teaching("/a"), "not_a_prefix"),
            ("/a", teaching("/a", pod="pod_b"), "other_pod"),
            ("/a//b", teaching("/a"), "ambiguous"),
            (long, teaching(long), "unreadable"),
            ("/a", "X-Gitlab-Pod-Cache: nonsense", "unreadable"),
        ):
            self.teach(world, target, claim)
            self.assertEqual(world.router.counters.refused_claims[reason], 1, claim)
            world.router.counters.refused_claims.clear()
        self.assertEqual(len(world.router.memory.table), 0)

    def test_refusals_teach_nothing(self) -> None:
        for status, taught in ((401, 0), (403, 0), (404, 0), (200, 1), (302, 1), (500, 1)):
            world = self.make_world()
            self.teach(world, "/a", teaching("/a"), status=status)
            self.assertEqual(len(world.router.memory.table), taught, status)
