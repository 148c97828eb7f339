"""Requirements, section G: remembered routes, as far as they are kept in memory."""

from __future__ import annotations

import json
import tracemalloc
from random import Random
from typing import Any

from twisted.internet.task import Clock

from pods.config import from_mapping
from pods.interfaces import Route
from pods.router import Router
from pods.routing.table import RouteTable
from tests.support_memory import RouterTestCase, World
from tests.support_messages import bounce, get, response, teaching
from tests.support_wire import Wire


class RouteTests(RouterTestCase):
    """Each request below tells by the pod that it reaches what is remembered."""

    def fetch(self, world: World, client: Wire, path: str, pod: str, *fields: str) -> str | None:
        """Let a pod answer a request; what it was told of how the request came to it."""
        client.say(get(path))
        how = world.pods[pod].take().get("X-Gitlab-Pod-Route")
        world.pods[pod].say(response(200, b"mine", *fields))
        self.assertEqual(client.take().body, b"mine")
        return how

    def test_g42_the_longest_prefix_of_segments(self) -> None:
        world = self.make_world(*["pod_d"] * 3)
        client = world.client()
        world.router.memory.table.remember(Route("/foo", "pod_a"))
        world.router.memory.table.remember(Route("/foo/bar", "pod_b"))
        world.router.memory.table.remember(Route("/foo/bar/exact", "pod_c", exact=True))
        for path, pod in {
            "/foo": "pod_a",
            "/foo/": "pod_a",
            "/foo?x=/foo/bar": "pod_a",
            "/foo/barn": "pod_a",
            "/foo/bar": "pod_b",
            "/foo/bar/x/y": "pod_b",
            "/foo/bar/exact": "pod_c",
            "/foo/bar/exact/under": "pod_b",
        }.items():
            self.assertEqual(self.fetch(world, client, path, pod), "cache", path)
        for path in ("/foobar", "/foo.atom", "/Foo"):
            self.assertEqual(self.fetch(world, client, path, "pod_d"), "strategy", path)
        client.leave()

    def test_g42_ambiguous_paths_neither_read_nor_write(self) -> None:
        for path in ("/foo/../x", "//foo/x", "/foo%2Fx", "/foo/%2e%2e/x", "/foo/./x", "/foo\\x"):
            world = self.make_world("pod_d")
            client = world.client()
            world.router.memory.table.remember(Route("/foo", "pod_a"))
            before = [(entry.path, entry.pod) for entry in world.router.memory.table.entries()]
            how = self.fetch(world, client, path, "pod_d", teaching(path), teaching("/foo"))
            self.assertEqual(how, "strategy", path)
            after = [(entry.path, entry.pod) for entry in world.router.memory.table.entries()]
            self.assertEqual(after, before, path)
            client.leave()

    def test_g43_claims_that_are_not_believed_are_counted(self) -> None:
        long_path = "/" + "x" * 255
        for path, field, reason in (
            ("/foo/x", teaching("/"), "root"),
            ("/foo/x", teaching("/bar"), "not_a_prefix"),
            ("/foo/x", teaching("/fo"), "not_a_prefix"),
            ("/foo/x", teaching("/foo", exact=True), "not_a_prefix"),
            ("/foo/x", teaching("/foo", pod="pod_b"), "other_pod"),
            (long_path, teaching(long_path), "unreadable"),
            ("/foo/x", "X-Gitlab-Pod-Cache: {", "unreadable"),
        ):
            world = self.make_world("pod_d")
            client = world.client()
            self.fetch(world, client, path, "pod_d", field)
            self.assertEqual(world.router.counters.refused_claims, {reason: 1}, field)
            self.assertEqual(list(world.router.memory.table.entries()), [])
            client.leave()

    def test_g43_nor_is_what_a_refusal_teaches(self) -> None:
        for status in (401, 403, 404):
            world = self.make_world("pod_d")
            client = world.client()
            client.say(get("/foo"))
            world.pods["pod_d"].say(response(status, b"", teaching("/foo")))
            self.assertEqual(client.take().status, status)
            self.assertIsNone(world.knows("/foo"))
            client.leave()

    def test_g44_a_bounce_repairs_at_once(self) -> None:
        world = self.make_world()
        world.router.memory.table.remember(Route("/foo", "pod_a"))
        client = world.client()
        client.say(get("/foo/x"))
        world.pods["pod_a"].say(bounce("pod_b"))
        self.assertIsNone(world.knows("/foo/x"))
        world.pods["pod_b"].take()
        world.pods["pod_b"].say(response(200, b"mine", teaching("/foo")))
        self.assertEqual(client.take().body, b"mine")
        self.assertEqual(self.fetch(world, client, "/foo/y", "pod_b"), "cache")
        client.leave()

    def test_g44_routes_expire(self) -> None:
        world = self.make_world(*["pod_a"] * 3, cache={"ttl_seconds": 60, "max_ttl_seconds": 100})
        client = world.client()
        for more, seconds in (({}, 60), ({"ttl_seconds": 5}, 5), ({"ttl_seconds": 999}, 100)):
            taught: Any = teaching("/foo", **more)
            self.assertEqual(self.fetch(world, client, "/foo", "pod_a", taught), "strategy")
            world.reactor.pass_time(seconds - 0.1)
            self.assertEqual(world.knows("/foo"), "pod_a")
            world.reactor.pass_time(0.1)
            self.assertIsNone(world.knows("/foo"))
        client.leave()

    def test_g44_the_least_recently_used_go_first(self) -> None:
        world = self.make_world(*["pod_a"] * 4, cache={"memory_entries": 3, "max_entries": 3})
        client = world.client()
        for path in ("/one", "/two", "/three"):
            self.fetch(world, client, path, "pod_a", teaching(path))
        self.assertEqual(self.fetch(world, client, "/one", "pod_a"), "cache")
        self.fetch(world, client, "/four", "pod_a", teaching("/four"))
        known = sorted(entry.path for entry in world.router.memory.table.entries())
        self.assertEqual(known, ["/four", "/one", "/three"])
        client.leave()

    def test_g44_a_million_distinct_paths_keep_memory_bounded(self) -> None:
        table = RouteTable(Clock().seconds, 1000, 3600, 86_400)
        self.addCleanup(tracemalloc.stop)
        for path in self.paths(2000):
            table.remember(Route(path, "pod_a"))
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        for path in self.paths(100_000):
            table.remember(Route(path, "pod_a"))
            table.lookup(path + "/x")
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        for path in self.paths(898_000):  # tracing takes long
            table.remember(Route(path, "pod_a"))
        self.assertEqual(len(list(table.entries())), 1000)
        self.assertLess(after - before, 1_000_000)

    def paths(self, count: int) -> list[str]:
        random = Random(count)
        return [f"/{random.getrandbits(64):x}" for _ in range(count)]

    def test_g44_a_removed_pod_takes_its_routes_with_it(self) -> None:
        world = self.make_world()
        world.router.memory.table.remember(Route("/a", "pod_a"))
        world.router.memory.table.remember(Route("/b", "pod_b"))
        urls = {pod.name: {"url": f"http://127.0.0.1:{pod.port}"} for pod in world.pods.values()}
        del urls["pod_a"]
        tables = {"router": {"listen": ["tcp:8080"], "strategy": "bounce"}, "pods": urls}
        config = from_mapping(tables, "router.toml", self.mktemp())
        after = Router(config, world.reactor, world.router.lasting, world.router)
        after.take_over(world.router)
        world.router = after
        self.assertIsNone(world.knows("/a"))
        self.assertEqual(world.knows("/b"), "pod_b")

    def test_g42_what_a_learn_answer_says_is_not_for_other_paths(self) -> None:
        world = self.make_world("pod_a", router={"strategy": "learn"})
        client = world.client()
        client.say(get("/foo/x"))
        world.pods["pod_a"].take()
        answer = {"path": "/foo", "pod": "pod_b", "source": "routable"}
        world.pods["pod_a"].say(response(200, json.dumps(answer).encode()))
        world.pods["pod_b"].take()
        world.pods["pod_b"].say(response(200))
        self.assertEqual(world.knows("/foo/y"), "pod_b")
        self.assertIsNone(world.knows("/foobar"))
        client.leave()
