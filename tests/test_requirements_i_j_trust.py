"""Requirements, sections I and J: 404s that tell nothing, and what nobody may break."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

import pods
from pods.accesslog import as_json, as_text
from pods.http1.framing import ChunkedReader, FramingError
from pods.interfaces import Placement, Route
from pods.metrics import exposition
from pods.routing.table import RouteTable
from tests.support_memory import RouterTestCase, World
from tests.support_messages import bounce, chunk, get, head_of_response, request, response
from tests.support_wire import Wire


class FromArrival:
    """A delay policy: so many seconds after the request came."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def release_at(self, request: Any, arrived: float, answered: float) -> float:
        return arrived + self.seconds


class NotFoundTests(RouterTestCase):
    """52: which answers wait, and for how long."""

    def waiting_world(self, *choices: str, **tables: Any) -> World:
        world = self.make_world(*choices, **tables)
        world.use_delay(FromArrival(10))
        return world

    def test_i52_every_404_of_a_pod_waits_from_the_requests_arrival(self) -> None:
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            world = self.waiting_world("pod_a")
            client = world.client()
            client.say(request(method, "/x", body=b"" if method in ("POST", "PUT") else None))
            world.reactor.pass_time(4)
            self.answer(world, "pod_a", method)
            world.reactor.pass_time(5.9)
            self.assertEqual(client.received, b"", method)
            world.reactor.pass_time(0.1)
            self.assertEqual(client.take(to_head=method == "HEAD").status, 404)
            client.leave()

    def answer(self, world: World, pod: str, method: str = "GET") -> None:
        fields = ("Content-Length: 7",) if method == "HEAD" else ()
        head_only = head_of_response(404, *fields)
        world.pods[pod].say(head_only if method == "HEAD" else response(404, b"nothing"))

    def test_i52_after_a_bounce_or_with_a_remembered_route_too(self) -> None:
        world = self.waiting_world("pod_a")
        world.router.memory.table.remember(Route("/known", "pod_b"))
        client, other = world.client(), world.client()
        client.say(get("/x"))
        world.pods["pod_a"].say(bounce("pod_c"))
        self.answer(world, "pod_c")
        other.say(get("/known/x"))
        self.answer(world, "pod_b")
        world.reactor.pass_time(9.9)
        self.assertEqual((client.received, other.received), (b"", b""))
        world.reactor.pass_time(0.1)
        for each in (client, other):
            self.assertEqual(each.take().status, 404)
            each.leave()

    def test_i52_nothing_else_waits(self) -> None:
        for status in (200, 204, 302, 304, 400, 401, 403, 405, 410, 500):
            world = self.waiting_world("pod_a")
            client = world.client()
            client.say(get("/x"))
            world.pods["pod_a"].say(
                head_of_response(status) if status in (204, 304) else response(status)
            )
            self.assertEqual(client.take().status, status)
            client.leave()

    def test_i52_the_pods_connection_is_free_first(self) -> None:
        for answer in (
            response(404, b"nothing"),
            head_of_response(404, "Transfer-Encoding: chunked") + chunk(b"x") + chunk(b""),
        ):
            world = self.waiting_world("pod_a")
            client = world.client()
            client.say(get("/x"))
            world.pods["pod_a"].say(answer)
            self.assertEqual(world.router.pools["pod_a"].idle_connections, 1)
            self.assertEqual(client.received, b"")
            client.reset()

    def test_i52_the_timer_goes_with_the_client(self) -> None:
        world = self.waiting_world("pod_a")
        client = world.client()
        client.say(get("/x"))
        self.answer(world, "pod_a")
        client.reset()
        self.assertEqual([record.status for record in world.records], [499])
        self.assertEqual(world.router.counters.not_found_waiting, 0)
        world.router.abort()
        self.assertEqual(world.reactor.getDelayedCalls(), [])

    def held(self, world: World, count: int) -> list[Wire]:
        """So many clients, each with a 404 that waits if it may."""
        clients = [world.client() for _ in range(count)]
        for client in clients:
            client.say(get("/x"))
            self.answer(world, "pod_a")
        return clients

    def test_i52_held_404s_are_capped_and_none_leaves_early(self) -> None:
        world = self.waiting_world(*["pod_a"] * 4, limits={"held_not_found": 2})
        first, second, third = self.held(world, 3)
        first.reset()
        (fourth,) = self.held(world, 1)  # there is room again
        world.reactor.pass_time(9.9)
        clients = (second, third, fourth)
        self.assertEqual([client.received for client in clients], [b"", b"", b""])
        world.reactor.pass_time(0.1)
        answers = [client.take() for client in clients]
        self.assertEqual([answer.status for answer in answers], [404, 503, 404])
        self.assertEqual(answers[1].get("Retry-After"), "1")
        self.assertNotIn(b"nothing", answers[1].body)
        for client in clients:
            client.leave()

    def test_i52_who_fills_the_queue_sees_no_pods_time_in_the_refusals(self) -> None:
        world = self.waiting_world(*["pod_a"] * 2, limits={"held_not_found": 0})
        for seconds in (1, 6):
            client = world.client()
            client.say(get("/x"))
            world.reactor.pass_time(seconds)
            self.answer(world, "pod_a")
            self.assertEqual(world.router.pools["pod_a"].idle_connections, 1)
            world.reactor.pass_time(9.9 - seconds)
            self.assertEqual(client.received, b"")
            world.reactor.pass_time(0.1)
            self.assertEqual(client.take().status, 503)
            client.leave()

    def test_i52_nothing_is_kept_of_what_becomes_a_refusal(self) -> None:
        world = self.waiting_world("pod_a", limits={"held_not_found": 0})
        client = world.client()
        client.say(get("/x"))
        pod = world.pods["pod_a"]
        pod.say(head_of_response(404, "Content-Length: 1000000") + b"x" * 500_000)
        self.assertFalse(pod.wire.is_paused)
        self.assertEqual(world.router.counters.not_found_waiting, 0)
        pod.say(b"x" * 500_000)
        self.assertEqual(world.router.pools["pod_a"].idle_connections, 1)
        world.reactor.pass_time(10)
        self.assertEqual(client.take().status, 503)
        client.leave()


class Raising:
    """A strategy that fails for one path."""

    def locate(self, request: Any) -> Placement:
        if request.path == "/broken":
            raise RuntimeError("a bug in a plugin")
        return Placement("pod_a")

    def redirected(self, request: Any, placement: Any, redirect: Any) -> Placement:
        raise RuntimeError("another bug")


class TrustTests(RouterTestCase):
    """54: failing plugins, logs, metrics and regular expressions."""

    def test_j54_a_strategy_that_raises_costs_that_request_alone(self) -> None:
        world = self.make_world()
        world.use_strategy(Raising())
        before, broken, after = world.client(), world.client(), world.client()
        before.say(get("/before"))
        broken.say(get("/broken"))
        self.assertEqual(broken.take().status, 500)
        broken.say(get("/after"))
        after.say(get("/bounced"))
        world.pods["pod_a"].wires[2].say(bounce("pod_b"))
        self.assertEqual(after.take().status, 500)
        for at, client in ((0, before), (1, broken)):
            world.pods["pod_a"].wires[at].say(response(200, b"ok"))
            self.assertEqual(client.take().body, b"ok")
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)
        for client in (before, broken, after):
            client.leave()

    def logged(self, sent: bytes) -> tuple[str, str, str]:
        """What a request leaves in both formats of the access log, and in the metrics."""
        world = self.make_world("pod_a")
        client = world.client()
        client.say(sent)
        if world.pods["pod_a"].wires:
            world.pods["pod_a"].say(response(404))
        client.leave()
        (record,) = world.records
        return as_json(record), as_text(record), self.metrics(world)

    def metrics(self, world: World) -> str:
        return exposition(world.router).decode()

    def test_j54_logs_and_metrics_hold_no_secrets(self) -> None:
        secrets = ("Cookie: session=secret", "Authorization: Bearer secret", "X-Token: secret")
        for text in self.logged(get("/some/path?token=secret", *secrets)):
            self.assertNotIn("secret", text)
        *_, metrics = self.logged(get("/some/path"))
        self.assertNotIn("/some/path", metrics, "a label for each path is too many")

    def test_j54_control_characters_cannot_forge_a_line(self) -> None:
        hostile = (
            b"GET /a\x1b[31m\x07 HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /a%0d%0aforged HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /a HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\tb\r\n\r\n",
            b"G\x00T /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /\xe2\x80\xa8 HTTP/1.1\r\nHost: x\r\n\r\n",
        )
        for sent in hostile:
            for text in self.logged(sent):
                for line in text.splitlines():
                    self.assertTrue(line.isascii() and line.isprintable(), line)
            as_line, as_words, _ = self.logged(sent)
            self.assertEqual((as_line.count("\n"), as_words.count("\n")), (0, 0))
            self.assertIn("path", json.loads(as_line))


class Counting(OrderedDict[str, Any]):
    """Counts how often somebody looks something up."""

    looked_up = 0

    def get(self, key: str, default: Any = None) -> Any:
        self.looked_up += 1
        return super().get(key, default)


class PatternTests(SynchronousTestCase):
    """54: regular expressions that meet what clients and pods send."""

    def test_j54_regular_expressions_are_linear(self) -> None:
        """None can try one text in many ways: that is seen by what they are made of."""
        found = {name: pattern for name, pattern in patterns() if troubles(pattern)}
        self.assertEqual(found, {})
        self.assertGreater(len(list(patterns())), 10)

    def test_j54_the_check_of_them_can_fail(self) -> None:
        for pattern in (r"(a+)+b", r":[ \t]*([ -~]*)", r"a*[ab]a*", r"(?:x|a*)*"):
            self.assertTrue(troubles(re.compile(pattern)), pattern)
        for pattern in (r"[a-z]+:[0-9]*", r"a*b?c*", r"(?:ab)+", r"[a-z]{1,9}[a-z]*"):
            self.assertFalse(troubles(re.compile(pattern)), pattern)

    def test_j54_the_longest_hostile_trailer_and_path(self) -> None:
        """These took seconds when each character was looked at once for each other one."""
        trailer = b"0\r\nX:" + b" " * 16_000 + b"\0\r\n\r\n"
        self.assertRaises(FramingError, ChunkedReader().feed, trailer)
        table = RouteTable(Clock().seconds, 10, 100, 100)
        counted = table._spots.by_key = Counting()
        self.assertIsNone(table.lookup("/a" * 8000))
        self.assertLess(counted.looked_up, 150, "not 8000")


#: Where texts from the network are read.
READERS = ("pods.http1", "pods.routing", "pods.protocol", "pods.router", "pods.services")
PARSER: Any = importlib.import_module("re._parser")
MANY = 1000  #: so often is as good as without end


def patterns() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Every regular expression of the modules that read from the network."""
    for found in pkgutil.walk_packages(pods.__path__, "pods."):
        if found.name.startswith(READERS):
            for name, value in vars(importlib.import_module(found.name)).items():
                if isinstance(value, re.Pattern):
                    yield f"{found.name}.{name}", value


def troubles(pattern: re.Pattern[Any]) -> bool:
    """Whether it repeats what repeats, or has two repetitions that compete for characters."""
    return _troubles(list(_flat(PARSER.parse(pattern.pattern, pattern.flags))))


def _flat(sequence: Any) -> Iterator[tuple[str, Any]]:
    for kind, value in sequence:
        if str(kind) == "SUBPATTERN":
            yield from _flat(value[3])
        else:
            yield str(kind), value


def _troubles(items: list[tuple[str, Any]]) -> bool:
    for at, (kind, value) in enumerate(items):
        if kind == "BRANCH" and any(_troubles(list(_flat(branch))) for branch in value[1]):
            return True
        if kind != "MAX_REPEAT":
            continue
        inner = list(_flat(value[2]))
        if _troubles(inner) or (value[1] > MANY and any(map(_varies, inner))):
            return True
        if value[1] > MANY and _competes(_characters(inner), items[at + 1 :]):
            return True
    return False


def _varies(item: tuple[str, Any]) -> bool:
    kind, value = item
    if kind == "BRANCH":
        return any(_varies(each) for branch in value[1] for each in _flat(branch))
    return kind == "MAX_REPEAT" and bool(value[0] != value[1])


def _competes(characters: set[int], items: list[tuple[str, Any]]) -> bool:
    """Whether a later repetition takes some of these, with nothing else in between."""
    for at, item in enumerate(items):
        kind, value = item
        if not characters & _characters([item]):
            if kind == "MAX_REPEAT" and value[0] == 0:
                continue
            return False
        cannot_fail = at == len(items) - 1 and [k for k, _ in _flat(value[2])] == ["ANY"]
        if kind == "MAX_REPEAT" and value[1] > MANY and not cannot_fail:
            return True
    return False


def _characters(items: list[tuple[str, Any]]) -> set[int]:
    """Every character that can be in what these match."""
    found: set[int] = set()
    for kind, value in items:
        if kind == "MAX_REPEAT":
            found |= _characters(list(_flat(value[2])))
        elif kind == "BRANCH":
            found |= _characters([each for branch in value[1] for each in _flat(branch)])
        elif kind not in ("AT", "ASSERT", "ASSERT_NOT"):
            found |= {code for code in range(256) if _matches(kind, value, code)}
    return found


def _matches(kind: str, value: Any, code: int) -> bool:
    if kind == "IN":
        rest = [(str(k), v) for k, v in value if str(k) != "NEGATE"]
        return any(_matches(k, v, code) for k, v in rest) != (len(rest) < len(value))
    if kind == "RANGE":
        return bool(value[0] <= code <= value[1])
    return bool({"LITERAL": code == value, "NOT_LITERAL": code != value}.get(kind, True))
