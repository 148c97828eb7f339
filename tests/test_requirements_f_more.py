"""More of requirements F: every way to ask for the learn endpoint, and bodies no longer held."""

from __future__ import annotations

from typing import Any

from tests.support_memory import RouterTestCase, World
from tests.support_messages import chunk, chunked, get, request, response
from tests.support_wire import Wire

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LEARN = "/api/v4/pods/learn"
QUERY = "?method=GET&path_info=/x"


class ClosedTests(RouterTestCase):
    """41: the learn endpoint is for routers."""

    def assert_closed(self, sent: bytes, *, to_head: bool = False, **tables: Any) -> None:
        world = self.make_world("pod_a", **tables)
        client = world.client()
        client.say(sent)
        self.assertEqual(client.take(to_head=to_head).status, 404, sent)
        self.assertEqual(world.contacted(), [], sent)
        client.leave()

    def test_f41_for_every_method(self) -> None:
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"):
            self.assert_closed(request(method, LEARN + QUERY), to_head=method == "HEAD")
        self.assert_closed(request("POST", LEARN, body=b"method=GET&path_info=/x"))
        self.assert_closed(chunked("POST", LEARN) + chunk(b"x") + chunk(b""))

    def test_f41_for_every_version_and_upgrade(self) -> None:
        self.assert_closed(get(LEARN + QUERY).replace(b"HTTP/1.1", b"HTTP/1.0"))
        handshake = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
        self.assert_closed(get(LEARN + QUERY, *handshake))

    def test_f41_whatever_rules_and_routes_say(self) -> None:
        for rule in ({"path": "/"}, {"path": "/api"}, {"exact": LEARN}):
            self.assert_closed(get(LEARN + QUERY), rules=[{**rule, "pod": "pod_a"}])

    def test_f41_in_more_spellings(self) -> None:
        for path in (
            "/api/v4/pods/learn.json",
            "/api/v4/pods/learn.JSON",
            "/api/v4/pods/learn%2ejson",
            "/api/v4/pods/learn;jsessionid=1",
            "/api/v4/pods/learn/.",
            "/api/v4/pods/learn/x/..",
            "/../api/v4/pods/learn",
            "/x/%2e%2e/api/v4/pods/learn",
            "/api/v4/pods//learn//",
            "/%61%70%69/v4/pods/learn",
            "/api\\v4\\pods\\learn",
            "/api/v4/pods/learn%20",
            "/api/v4/pods/learn%09",
            "/api/v4/pods/learn%0a",
            "HTTP://EXAMPLE.ORG//api/v4/pods/learn",
        ):
            self.assert_closed(get(path + QUERY))

    def test_f41_and_nothing_else_is(self) -> None:
        for path in (
            "/api/v4/pods",
            "/api/v4/pods/learned",
            "/api/v4/pods/learn-more",
            "/x/api/v4/pods/learn",
            "/api/v4/pod/learn",
            "/?path=/api/v4/pods/learn",
        ):
            world = self.make_world("pod_a")
            client = world.client()
            client.say(get(path))
            self.assertEqual(world.pods["pod_a"].take().target, path.encode())
            world.pods["pod_a"].say(response(200))
            client.leave()


class UnheldTests(RouterTestCase):
    """39: what is no longer held is sent nowhere else, whatever went wrong."""

    def unheld(self) -> tuple[World, Wire]:
        limits = {"memory_bytes": 10, "spool_bytes": 10}
        world = self.make_world("pod_a", "pod_b", body=limits)
        client = world.client()
        client.say(request("PUT", "/x", body=b"x" * 100))
        world.pods["pod_a"].say(CONTINUE)
        return world, client

    def test_f39_an_unheld_request_is_sent_nowhere_else(self) -> None:
        troubles: dict[str, Any] = {
            "closed": (lambda world: world.pods["pod_a"].wire.leave(), 502),
            "silent": (lambda world: world.reactor.pass_time(301), 504),
            "garbage": (lambda world: world.pods["pod_a"].say(b"SSH-2.0\r\n\r\n"), 502),
            "500": (lambda world: world.pods["pod_a"].say(response(500)), 500),
            "503": (lambda world: world.pods["pod_a"].say(response(503)), 503),
        }
        for name, (trouble, status) in troubles.items():
            world, client = self.unheld()
            trouble(world)
            self.assertEqual(client.take().status, status, name)
            self.assertEqual(world.contacted(), ["pod_a"], name)
            client.leave()
