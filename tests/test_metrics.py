"""What ``/metrics`` says: every number there is, and nothing that a client could choose."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase

from pods.accesslog import AccessLog
from pods.counters import BOUNDS_SECONDS
from pods.metrics import METRICS, Metric, exposition, of_plugin
from pods.numbers import Numbers
from pods.router import Router
from pods.workers.watching import crew_numbers
from tests.support_memory import RouterTestCase, World
from tests.support_messages import (
    bounce,
    get,
    head_of_response,
    request,
    response,
    teaching,
)

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "metrics.rst"


def samples(router: Router) -> dict[str, float]:
    """All samples as Prometheus reads them: ``name{label=value,...}`` -> value."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(exposition(router).decode()):
        for sample in family.samples:
            labels = ",".join(f"{name}={sample.labels[name]}" for name in sorted(sample.labels))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


class NumberTests(RouterTestCase):
    """Each number moves when what it counts happens."""

    def changes(self, world: World) -> dict[str, float]:
        """What is not zero, histograms' steps and the process apart."""
        return {
            name: value
            for name, value in samples(world.router).items()
            if value
            and "_bucket" not in name
            and not name.startswith("process_")
            and not name.startswith("pods_pod_healthy")
        }

    def has(self, world: World, expected: Mapping[str, float]) -> None:
        found = samples(world.router)
        self.assertEqual({name: found.get(name) for name in expected}, expected)

    def test_nothing_has_happened(self) -> None:
        self.assertEqual(self.changes(self.make_world()), {"pods_route_store_healthy": 1})

    def test_requests_routes_and_connections(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("/team/page"))
        world.pods["pod_a"].say(response(200, b"", teaching("/team/")))
        client.say(get("/team/page"))
        self.has(
            world,
            {
                "pods_client_connections": 1,
                "pods_pod_connections{pod=pod_a,state=busy}": 1,
                "pods_pod_connections{pod=pod_a,state=idle}": 0,
            },
        )
        world.pods["pod_a"].say(response(500))
        client.say(get("/a b"))
        self.has(
            world,
            {
                "pods_requests_total{route=strategy,status=2xx}": 1,
                "pods_requests_total{route=cache,status=5xx}": 1,
                "pods_requests_total{route=none,status=4xx}": 1,
                "pods_refusals_total{status=400}": 1,
                "pods_routes": 1,
                "pods_route_lookups_total{result=hit}": 1,
                "pods_route_lookups_total{result=miss}": 1,
                "pods_pod_connections{pod=pod_a,state=busy}": 0,
                "pods_pod_connections{pod=pod_a,state=idle}": 1,
                "pods_pod_connections{pod=pod_b,state=idle}": 0,
            },
        )
        client.reset()
        self.has(world, {"pods_client_connections": 0, "pods_client_aborts_total": 0})

    def test_a_bounced_upload(self) -> None:
        world = self.make_world("pod_a", body={"memory_bytes": 4, "spool_bytes": 100})
        client = world.client()
        client.say(request("POST", "/team/x", body=b"12345678"))
        held = {"pods_held_bytes{where=memory}": 0, "pods_held_bytes{where=disk}": 8}
        self.has(world, held | {"pods_held_files": 1})
        world.pods["pod_a"].say(head_of_response(100))
        world.pods["pod_a"].say(bounce("pod_b"))
        world.pods["pod_b"].say(response(200, b"", teaching("/other/")))
        self.has(
            world,
            {
                "pods_bounces_total": 1,
                "pods_replays_total": 1,
                "pods_refused_claims_total{reason=not_a_prefix}": 1,
                "pods_held_bytes{where=disk}": 0,
                "pods_held_bytes_max{where=disk}": 8,
                "pods_held_bytes_max{where=memory}": 0,
                "pods_held_files": 0,
            },
        )
        client.leave()

    def test_memory_that_is_held(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(request("POST", "/x", body=b"12345678"))
        self.has(world, {"pods_held_bytes{where=memory}": 8})
        world.pods["pod_a"].say(response(200))
        self.has(
            world, {"pods_held_bytes{where=memory}": 0, "pods_held_bytes_max{where=memory}": 8}
        )
        self.has(world, {"pods_replays_total": 0})
        client.leave()

    def test_clients_that_leave(self) -> None:
        world = self.make_world("pod_a", "pod_a")
        for answer in (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"):
            client = world.client()
            client.say(get("/x"))
            if answer:
                world.pods["pod_a"].say(answer)
            client.reset()
        self.has(
            world,
            {
                "pods_client_aborts_total": 2,
                "pods_requests_total{route=strategy,status=4xx}": 1,
                "pods_requests_total{route=strategy,status=2xx}": 1,
            },
        )

    def test_held_404s(self) -> None:
        delay = {"delay": "random", "min_seconds": 1, "max_seconds": 1}
        world = self.make_world("pod_a", "pod_a", not_found=delay)
        waiting, leaving = world.client(), world.client()
        for client in (waiting, leaving):
            client.say(get("/private"))
            world.pods["pod_a"].say(response(404))
        self.has(world, {"pods_not_found_waiting": 2, "pods_not_found_held_total": 2})
        leaving.reset()
        self.has(world, {"pods_not_found_waiting": 1})
        world.reactor.pass_time(1)
        self.has(world, {"pods_not_found_waiting": 0, "pods_not_found_held_total": 2})
        added = {"pods_not_found_added_seconds_count": 1, "pods_not_found_added_seconds_sum": 1}
        self.has(world, added)
        self.assertEqual(waiting.take().status, 404)
        waiting.leave()

    def test_a_404_that_need_not_wait(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("/x"))
        world.pods["pod_a"].say(response(404))
        self.has(world, {"pods_not_found_held_total": 0, "pods_not_found_waiting": 0})
        client.leave()

    def test_pods(self) -> None:
        world = self.make_world(
            rules=[{"path": "/", "pod": "pod_a"}], limits={"pod_connections": 1}
        )
        clients = [world.client() for _ in range(3)]
        for client in clients:
            client.say(get("/x"))
        self.has(world, {"pods_pod_waiting_requests{pod=pod_a}": 2})
        world.router.health.refused("pod_b", "down")
        self.has(
            world,
            {
                "pods_pod_healthy{pod=pod_a}": 1,
                "pods_pod_healthy{pod=pod_b}": 0,
                "pods_pod_outages_total{cause=connections,pod=pod_b}": 1,
            },
        )
        for client in clients:
            client.reset()

    def test_the_time_of_each_phase(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("/x"))
        world.reactor.pass_time(0.3)
        world.pods["pod_a"].say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        world.reactor.pass_time(2)
        world.pods["pod_a"].say(b"ok")
        found = samples(world.router)
        for phase, seconds in (("placed", 0), ("answered", 0.3), ("released", 0.3), ("total", 2.3)):
            self.assertEqual(found[f"pods_request_seconds_count{{phase={phase}}}"], 1)
            self.assertAlmostEqual(found[f"pods_request_seconds_sum{{phase={phase}}}"], seconds)
            for bound in (*BOUNDS_SECONDS, float("inf")):
                end = "+Inf" if bound == float("inf") else str(bound)
                name = f"pods_request_seconds_bucket{{le={end},phase={phase}}}"
                self.assertEqual(found[name], seconds <= bound, name)
        client.leave()

    def test_lines_of_the_access_log(self) -> None:
        world = self.make_world()
        log = AccessLog("-", "json", world.reactor)
        log.dropped = 3
        world.router.lasting.access_log = log
        self.has(world, {"pods_access_log_dropped_lines_total": 3})

    def test_timers(self) -> None:
        world = self.make_world()
        before = samples(world.router)["pods_timers"]
        calls = [world.reactor.callLater(seconds, int) for seconds in (1, 2, 3)]
        self.has(world, {"pods_timers": before + 3})
        calls.pop().cancel()
        world.reactor.pass_time(2)
        self.has(world, {"pods_timers": before})

    def test_a_reactor_that_cannot_tell_its_timers(self) -> None:
        world = self.make_world()
        world.router.clock = object()
        self.assertNotIn("pods_timers", samples(world.router))

    def test_what_plugins_count(self) -> None:
        world = self.make_world("pod_a", router={"strategy": "learn"})
        counter = world.router.services.counter("tried", "Tried.", "how", ["well", "badly"])
        counter.add("well")
        client = world.client()
        client.say(get("/x"))
        world.pods["pod_a"].say(response(200, b"no JSON"))
        self.has(
            world,
            {
                "pods_plugin_tried_total{how=well}": 1,
                "pods_plugin_tried_total{how=badly}": 0,
                "pods_plugin_learn_questions_total": 2,
                "pods_plugin_learn_failures_total{kind=unreadable}": 1,
                "pods_plugin_learn_failures_total{kind=timeout}": 0,
            },
        )
        client.reset()

    def test_counting_goes_on_under_another_configuration(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("/x"))
        world.pods["pod_a"].say(response(200))
        router = Router(world.router.config, world.reactor, world.router.lasting, world.router)
        router.take_over(world.router)
        world.router = router
        self.has(world, {"pods_requests_total{route=strategy,status=2xx}": 1})
        client.leave()


class TrustTests(RouterTestCase):
    """Requirement 54: nothing that clients or pods send becomes a label."""

    def test_j54_labels_are_words_of_ours(self) -> None:
        world = self.make_world("pod_a", "pod_b", "pod_c", router={"strategy": "learn"})
        client = world.client()
        client.say(
            get(
                "/SECRET/path?token=SECRET",
                "Cookie: SECRET=1",
                "Authorization: Basic SECRET",
                "X-Request-Id: SECRET",
                "User-Agent: SECRET",
            )
        )
        world.pods["pod_a"].say(response(200, b'{"path": "/SECRET", "pod": "SECRET"}'))
        world.pods["pod_b"].say(response(200, b"SECRET"))
        world.pods["pod_c"].say(response(500, b"SECRET"))
        world.pods["pod_d"].say(response(404))
        world.pods["pod_d"].say(response(299, b"SECRET", teaching("/SECRET/other")))
        self.assertEqual(client.take().status, 299)
        client.say(request("SECRET", "/SECRET"))
        text = exposition(world.router).decode()
        self.assertNotIn("SECRET", text)
        self.assertIn('pods_requests_total{route="strategy",status="2xx"} 1.0', text)
        self.assertIn('pods_refused_claims_total{reason="not_a_prefix"} 1.0', text)

    def test_j54_a_million_paths_make_no_more_samples_than_one(self) -> None:
        world = self.make_world(*["pod_a"] * 51)
        counts = []
        client = world.client()
        for number in range(51):
            client.say(get(f"/path-{number}"))
            world.pods["pod_a"].say(response(200))
            counts.append(len(samples(world.router)))
        self.assertEqual(counts[0], counts[-1])
        client.leave()


ENTRY = re.compile(
    r"^``(?P<name>[a-z_]+)`` \((?P<kind>counter|gauge|histogram)"
    r"(?:; (?P<labels>``[a-z_]+``(?:, ``[a-z_]+``)*))?\)$",
    re.MULTILINE,
)


class PageTests(SynchronousTestCase):
    """``docs/reference/metrics.rst`` lists what there is, and nothing else."""

    def documented(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        return {
            entry["name"]: (entry["kind"], tuple(re.findall("[a-z_]+", entry["labels"] or "")))
            for entry in ENTRY.finditer(PAGE.read_text())
        }

    def existing(self) -> Iterator[Metric | Numbers]:
        yield from METRICS
        yield from crew_numbers(serving=1, restarts=0)
        for strategy in ("bounce", "learn"):
            for delay in ("padded", "random", "off"):
                yield from map(of_plugin, self.plugins_counters(strategy, delay))

    def plugins_counters(self, strategy: str, delay: str) -> Any:
        tables = {"router": {"strategy": strategy}, "not_found": {"delay": delay}}
        return World(self.mktemp(), (), tables).router.counters.tallies.all.values()

    def test_every_metric_with_its_type_and_labels(self) -> None:
        existing = {metric.name: (metric.kind, metric.labels) for metric in self.existing()}
        documented = self.documented()
        ours = {name: documented[name] for name in documented if name.startswith("pods_")}
        self.assertEqual(ours, existing)

    def test_the_metrics_of_the_process(self) -> None:
        world = World(self.mktemp(), (), {})
        families = text_string_to_metric_families(exposition(world.router).decode())
        names = {
            family.name + ("_total" if family.type == "counter" else "")
            for family in families
            if family.name.startswith("process_")
        }
        documented = {name for name in self.documented() if name.startswith("process_")}
        self.assertLessEqual(names, documented)  # systems without /proc have none

    def test_names_are_as_prometheus_wants_them(self) -> None:
        for metric in self.existing():
            self.assertRegex(metric.name, r"^pods_[a-z0-9_]+$")
            self.assertEqual(metric.name.endswith("_total"), metric.kind == "counter", metric.name)
            self.assertRegex(metric.help, r"^[A-Z0-9].*\.$", metric.name)
