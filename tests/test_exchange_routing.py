"""Receive, recall, locate, forward: which pod a request goes to, and what that pod gets."""

from __future__ import annotations

from pods.interfaces import Route
from tests.support_memory import RouterTestCase, World
from tests.support_messages import get, head_of_response, request, response, teaching


def remember(world: World, path: str, pod: str) -> None:
    """Let a pod teach a route for a path."""
    world.chance.script.append(pod)
    client = world.client()
    client.say(get(path, "Connection: close"))
    world.pods[pod].say(response(200, b"", teaching(path)))
    world.pods[pod].take()
    assert world.knows(path) == pod
    world.records.clear()


class RecallTests(RouterTestCase):
    """What is known is used at once."""

    def test_a_hit_in_the_cache_is_synchronous(self) -> None:
        world = self.make_world()
        remember(world, "/my-company", "pod_b")
        client = world.client()
        timers = world.reactor.getDelayedCalls()
        client.protocol.dataReceived(get("/my-company/project"))
        written = world.pods["pod_b"].wire.buffered_bytes
        self.assertGreater(written, 0, "nothing was sent to the pod within dataReceived")
        self.assertEqual(world.reactor.getDelayedCalls(), timers, "a timer for this request")
        world.reactor.settle()
        self.assertEqual(world.pods["pod_b"].take().get("X-Gitlab-Pod-Route"), "cache")
        client.leave()

    def test_so_is_a_rule(self) -> None:
        world = self.make_world("pod_b", "pod_b", rules=[{"path": "/admin", "pod": "pod_b"}])
        client = world.client()
        client.say(get("/"))
        world.pods["pod_b"].say(response(200))
        world.pods["pod_b"].take()
        timers = world.reactor.getDelayedCalls()
        client.protocol.dataReceived(get("/admin"))
        self.assertGreater(world.pods["pod_b"].wire.buffered_bytes, 0)
        self.assertEqual(world.reactor.getDelayedCalls(), timers)
        client.leave()

    def test_no_strategy_is_asked_on_a_hit(self) -> None:
        world = self.make_world()
        remember(world, "/my-company", "pod_b")
        world.use_strategy(None)
        client = world.client()
        client.say(get("/my-company"))
        world.pods["pod_b"].say(response(200, b"mine"))
        self.assertEqual(client.take().body, b"mine")
        client.leave()

    def test_a_rule_comes_before_the_cache(self) -> None:
        world = self.make_world(rules=[{"path": "/admin", "pod": "pod_c"}])
        world.router.memory.table.remember(Route("/admin", "pod_b"))
        client = world.client()
        client.say(get("/admin/users"))
        sent = world.pods["pod_c"].take()
        self.assertEqual(sent.get("X-Gitlab-Pod-Route"), "rule")
        world.pods["pod_c"].say(response(200, b"ok"))
        self.assertEqual(client.take().status, 200)
        self.assertEqual(world.contacted(), ["pod_c"])
        client.leave()

    def test_a_rule_for_some_methods_only(self) -> None:
        world = self.make_world(
            "pod_a", rules=[{"exact": "/graphql", "pod": "pod_c", "methods": ["POST"]}]
        )
        client = world.client()
        client.say(get("/graphql"))
        world.pods["pod_a"].say(response(200))
        client.say(request("POST", "/graphql", body=b"{}"))
        world.pods["pod_c"].say(response(200))
        self.assertEqual([record.route for record in world.records], ["strategy", "rule"])
        client.leave()

    def test_a_rule_can_name_the_other_strategy(self) -> None:
        world = self.make_world("pod_a", rules=[{"path": "/learned", "strategy": "learn"}])
        client = world.client()
        client.say(get("/learned/project"))
        asked = world.pods["pod_a"].take()
        self.assertTrue(asked.target.startswith(b"/api/v4/pods/learn?"), asked.target)
        client.leave()

    def test_ambiguous_paths_are_forwarded_but_not_looked_up(self) -> None:
        world = self.make_world()
        remember(world, "/my-company", "pod_b")
        for target in ("/my-company/../x", "/my-company//x", "/my-company%2Fx", "/my-company/%2e"):
            world.chance.script.append("pod_d")
            client = world.client()
            client.say(get(target))
            self.assertEqual(world.pods["pod_d"].take().target, target.encode())
            world.pods["pod_d"].say(response(200, b"", teaching(target)))
            client.leave()
        self.assertEqual(len(world.router.memory.table), 1)

    def test_a_route_ends_with_its_time(self) -> None:
        world = self.make_world("pod_a", "pod_a", cache={"ttl_seconds": 10})
        client = world.client()
        client.say(get("/my-company"))
        world.pods["pod_a"].say(response(200, b"", teaching("/my-company")))
        world.reactor.pass_time(9.9)
        self.assertEqual(world.knows("/my-company"), "pod_a")
        world.reactor.pass_time(0.1)
        self.assertIsNone(world.knows("/my-company"))
        client.leave()


class ForwardTests(RouterTestCase):
    """What the pod gets."""

    def test_the_request_arrives_as_it_was_sent_but_for_what_the_router_adds(self) -> None:
        world = self.make_world("pod_a")
        client = world.client("198.51.100.9")
        client.say(
            get(
                "/a%2Fb//c;d|e?x=%E4&",
                "Accept: */*",
                "X-Twice: 1",
                "X-Twice: 2",
                "X-Gitlab-Pod-Route: forged",
                "X-Gitlab-Pod-Redirect: forged",
                "X-Forwarded-For: 203.0.113.1",
                "Connection: X-Hop",
                "X-Hop: 1",
                "Keep-Alive: 5",
            )
        )
        sent = world.pods["pod_a"].take()
        self.assertEqual(sent.first_line, b"GET /a%2Fb//c;d|e?x=%E4& HTTP/1.1")
        self.assertEqual([value for name, value in sent.fields if name == "X-Twice"], ["1", "2"])
        self.assertEqual(sent.get("Host"), "example.org")
        self.assertEqual(sent.get("X-Forwarded-For"), "198.51.100.9")
        self.assertEqual(sent.get("X-Forwarded-Proto"), "http")
        self.assertEqual(sent.get("X-Forwarded-Host"), "example.org")
        self.assertEqual(sent.get("Via"), "1.1 pods-router")
        self.assertEqual(sent.get("X-Gitlab-Pod-Route"), "strategy")
        self.assertEqual(sent.get("X-Gitlab-Pod-Attempt"), "1")
        self.assertRegex(sent.get("X-Request-Id") or "", "^[0-9a-f]{32}$")
        for gone in ("X-Hop", "Keep-Alive", "Connection", "X-Gitlab-Pod-Redirect"):
            self.assertIsNone(sent.get(gone), gone)
        client.leave()

    def test_a_trusted_proxy_is_believed(self) -> None:
        world = self.make_world("pod_a", router={"trusted_proxies": ["198.51.100.0/24"]})
        client = world.client("198.51.100.9")
        client.say(get("/", "X-Forwarded-For: 203.0.113.1", "X-Forwarded-Proto: https"))
        sent = world.pods["pod_a"].take()
        self.assertEqual(sent.get("X-Forwarded-For"), "203.0.113.1, 198.51.100.9")
        self.assertEqual(sent.get("X-Forwarded-Proto"), "https")
        client.leave()

    def test_the_clients_own_request_id_is_kept_if_it_is_fit(self) -> None:
        world = self.make_world(*["pod_a"] * 3)
        for sent, kept in (("abc-1", True), ("x" * 129, False), ("has blank", False)):
            client = world.client()
            client.say(get("/", f"X-Request-Id: {sent}"))
            got = world.pods["pod_a"].take().get("X-Request-Id")
            self.assertEqual(got == sent, kept, sent)
            world.pods["pod_a"].say(response(200))
            self.assertEqual(world.records[-1].request_id.decode(), got)
            client.leave()

    def test_an_absolute_target_becomes_a_path_and_a_host(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("http://other.example/x?y"))
        sent = world.pods["pod_a"].take()
        self.assertEqual((sent.target, sent.get("Host")), (b"/x?y", "other.example"))
        client.leave()

    def test_an_old_client_without_a_host(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(b"GET / HTTP/1.0\r\n\r\n")
        sent = world.pods["pod_a"].take()
        self.assertEqual(sent.get("Host"), "127.0.0.1:9100", "the pod's own")
        self.assertIsNone(sent.get("X-Forwarded-Host"))
        self.assertEqual(sent.get("Via"), "1.0 pods-router")
        client.leave()

    def test_a_question_about_the_whole_server(self) -> None:
        for strategy in ("bounce", "learn"):
            world = self.make_world("pod_a", router={"strategy": strategy})
            client = world.client()
            client.say(request("OPTIONS", "*"))
            self.assertEqual(world.pods["pod_a"].take().first_line, b"OPTIONS * HTTP/1.1")
            world.pods["pod_a"].say(response(204))
            self.assertEqual(client.take().status, 204)
            client.leave()

    def test_another_prefix_for_the_headers(self) -> None:
        world = self.make_world("pod_a", router={"header_prefix": "X-Cell-"})
        client = world.client()
        client.say(get("/team/x", "X-Cell-Route: forged"))
        self.assertEqual(world.pods["pod_a"].take().get("X-Cell-Route"), "strategy")
        bounced = head_of_response(302, "Content-Length: 0", "X-Cell-Redirect: pod_b")
        world.pods["pod_a"].say(bounced)
        self.assertEqual(world.pods["pod_b"].take().get("X-Cell-Attempt"), "2")
        world.pods["pod_b"].say(response(200, b"", 'X-Cell-Cache: {"path_prefix": "/team"}'))
        self.assertIsNone(client.take().get("X-Cell-Cache"))
        self.assertEqual(world.knows("/team"), "pod_b")
        client.leave()

    def test_connections_to_pods_are_used_again(self) -> None:
        world = self.make_world(*["pod_a"] * 3)
        client = world.client()
        for _ in range(3):
            client.say(get("/"))
            world.pods["pod_a"].take()
            world.pods["pod_a"].say(response(200, b"ok"))
            self.assertEqual(client.take().body, b"ok")
        self.assertEqual(len(world.pods["pod_a"].wires), 1)
        client.leave()


class LearnEndpointTests(RouterTestCase):
    """The learn endpoint is for routers only."""

    def test_it_is_closed_in_every_spelling(self) -> None:
        world = self.make_world(rules=[{"path": "/api", "pod": "pod_c"}])
        for target in (
            "/api/v4/pods/learn",
            "/api/v4/pods/learn/",
            "/api/v4/pods/learn?method=GET&path_info=/x",
            "//api/v4//pods/learn",
            "/api/v4/pods/%6cearn",
            "/api/v4/pods/%256cearn",
            "/API/V4/Pods/LEARN",
            "/api/v4/./pods/learn",
            "/x/../api/v4/pods/learn",
            "/api/v4/pods/learn;x=1",
            "/api/v4/pods/learn.json",
            "/api%2Fv4%2fpods/learn",
            "http://example.org/api/v4/pods/learn",
        ):
            client = world.client()
            client.say(get(target))
            self.assertEqual(client.take().status, 404, target)
            client.leave()
        self.assertEqual(world.contacted(), [])
        self.assertEqual({record.status for record in world.records}, {404})

    def test_with_a_body_the_connection_is_closed(self) -> None:
        world = self.make_world()
        client = world.client()
        client.say(request("POST", "/api/v4/pods/learn", "Content-Length: 10"))
        answer = client.take()
        self.assertEqual((answer.status, answer.get("Connection")), (404, "close"))
        client.leave()

    def test_what_only_begins_like_it_is_open(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("/api/v4/pods/learners"))
        self.assertEqual(world.pods["pod_a"].take().target, b"/api/v4/pods/learners")
        client.leave()
