"""What the router does about pods that are not well."""

from __future__ import annotations

from typing import Any

from pods.config import from_mapping
from pods.health import PodState
from pods.router import Router
from tests.support_memory import MemoryPod, RouterTestCase, World
from tests.support_messages import bounce, get, response, teaching

HEALTH = {"path": "/-/health", "interval_seconds": 10, "timeout_seconds": 2}


class SickPodTestCase(RouterTestCase):
    def state(self, world: World, name: str = "pod_a") -> PodState:
        return world.router.health.states[name]

    def served_by(self, world: World, path: str = "/somewhere") -> str:
        """The pod that answers a request."""
        client = world.client()
        client.say(get(path, "Connection: close"))
        for pod in world.pods.values():
            while pod.wires and pod.wire.connected and pod.wire.received:
                pod.take()
                pod.say(response(200, pod.name.encode()))
        answer = client.take()
        return answer.body.decode() if answer.status == 200 else str(answer.status)


class PassiveTests(SickPodTestCase):
    """Judged by connections."""

    def test_chance_skips_a_pod_that_cannot_be_connected_to(self) -> None:
        for mode, seconds in (("refuses", 0), ("silent", 3)):
            world = self.make_world("pod_a", "pod_b")
            world.pods["pod_a"].mode = mode
            client = world.client()
            client.say(get("/x", "Connection: close"))
            world.reactor.pass_time(seconds)
            world.pods["pod_b"].say(response(200))
            self.assertEqual(client.take().status, 200, mode)
            self.assertFalse(self.state(world).is_healthy, mode)
            others = {self.served_by(world) for _ in range(60)}
            self.assertEqual(others, {"pod_b", "pod_c", "pod_d"}, mode)

    def test_it_is_in_again_as_soon_as_it_can_be_connected_to(self) -> None:
        world = self.make_world("pod_a", "pod_b")
        world.pods["pod_a"].mode = "refuses"
        self.assertEqual(self.served_by(world), "pod_b")
        world.pods["pod_a"].mode = "accepts"
        world.reactor.pass_time(1)
        self.assertTrue(self.state(world).is_healthy)
        self.assertEqual(world.router.pools["pod_a"].idle_connections, 1, "ready for the next")
        self.assertIn("pod_a", {self.served_by(world) for _ in range(60)})

    def test_a_remembered_route_to_it_is_still_tried(self) -> None:
        world = self.make_world("pod_a", "pod_b")
        client = world.client()
        client.say(get("/team/page", "Connection: close"))
        world.pods["pod_a"].say(response(200, b"", teaching("/team/"), "Connection: close"))
        world.router.health.refused("pod_a", "for once")
        self.assertEqual(self.served_by(world, "/team/other"), "pod_a")
        self.assertTrue(self.state(world).is_healthy, "and that it answered is noticed")

    def test_a_bounce_to_it_is_still_followed(self) -> None:
        world = self.make_world("pod_b")
        world.router.health.refused("pod_a", "for once")
        client = world.client()
        client.say(get("/x"))
        world.pods["pod_b"].say(bounce("pod_a"))
        world.pods["pod_a"].say(response(200, b"here"))
        self.assertEqual(client.take().body, b"here")
        client.leave()

    def test_if_all_are_out_all_are_tried(self) -> None:
        world = self.make_world("pod_c")
        for name in world.pods:
            world.router.health.refused(name, "the network is down")
        self.assertEqual(self.served_by(world), "pod_c")
        self.assertTrue(self.state(world, "pod_c").is_healthy)

    def test_all_refuse(self) -> None:
        world = self.make_world()
        for pod in world.pods.values():
            pod.mode = "refuses"
        self.assertEqual([self.served_by(world) for _ in range(3)], ["502"] * 3)
        world.pods["pod_d"].mode = "accepts"
        world.reactor.pass_time(1)
        self.assertEqual(self.served_by(world), "pod_d")

    def test_stopping_the_router_takes_no_pod_out(self) -> None:
        world = self.make_world("pod_a")
        world.pods["pod_a"].mode = "silent"
        client = world.client()
        client.say(get("/x"))
        world.router.abort()
        world.reactor.settle()
        self.assertTrue(self.state(world).is_healthy)


class ActiveTests(SickPodTestCase):
    """Judged by ``[health]``."""

    def prepare(self, *choices: str, health: dict[str, Any], **tables: Any) -> World:
        """A world whose checks have not begun, and are ended after the test."""
        world = self.make_world(*choices, health=HEALTH | health, **tables)
        self.addCleanup(world.router.abort)
        return world

    def start(self, *choices: str, **health: Any) -> World:
        world = self.prepare(*choices, health=health)
        world.router.start()
        return world

    def answer_checks(self, world: World, seconds: float, **statuses: int) -> None:
        """Let time pass while pods answer their checks: 200 unless said otherwise."""
        for _ in range(round(seconds * 2)):
            world.reactor.pass_time(0.5)
            for pod in world.pods.values():
                self.answer(pod, statuses.get(pod.name, 200))

    def answer(self, pod: MemoryPod, status: int) -> None:
        if pod.wires and pod.wire.connected and pod.wire.received:
            self.assertEqual(pod.take().first_line, b"GET /-/health HTTP/1.1")
            pod.say(response(status))

    def test_nothing_is_asked_without_the_table(self) -> None:
        world = self.make_world()
        world.router.start()
        world.reactor.pass_time(1000)
        self.assertEqual(world.contacted(), [])

    def test_nothing_is_asked_before_the_start(self) -> None:
        world = self.make_world(health=HEALTH)
        world.reactor.pass_time(1000)
        self.assertEqual(world.contacted(), [])

    def test_what_a_pod_is_asked(self) -> None:
        world = self.start()
        world.reactor.pass_time(10)
        asked = world.pods["pod_a"].take()
        self.assertEqual(asked.first_line, b"GET /-/health HTTP/1.1")
        self.assertEqual(asked.get("Host"), "127.0.0.1:9100")
        self.assertEqual(sorted(name for name, _ in asked.fields), ["Accept", "Host", "User-Agent"])

    def test_out_after_three_failures_and_in_after_two_successes(self) -> None:
        world = self.start()
        self.answer_checks(world, 15, pod_a=503)
        self.assertTrue(self.state(world).is_healthy)
        self.answer_checks(world, 25, pod_a=503)
        self.assertFalse(self.state(world).is_healthy)
        self.assertEqual(self.state(world).reason, "status 503")
        self.assertNotIn("pod_a", {self.served_by(world) for _ in range(60)})
        self.answer_checks(world, 25)
        self.assertTrue(self.state(world).is_healthy)

    def test_over_one_connection_that_is_kept(self) -> None:
        world = self.start()
        self.answer_checks(world, 100)
        self.assertEqual([len(pod.wires) for pod in world.pods.values()], [1, 1, 1, 1])

    def test_a_silent_pod(self) -> None:
        world = self.start(unhealthy_after=1)
        world.reactor.pass_time(10)
        self.assertTrue(self.state(world).is_healthy)
        world.reactor.pass_time(2)
        self.assertEqual(self.state(world).reason, "no answer within 2 seconds")
        self.assertFalse(world.pods["pod_a"].wire.connected, "its connection is given up")

    def test_no_http(self) -> None:
        world = self.start(unhealthy_after=1)
        world.reactor.pass_time(10)
        world.pods["pod_a"].say(b"\x1b[2J I am no web server\r\n\r\n")
        self.assertFalse(self.state(world).is_healthy)
        self.assertNotRegex(self.state(world).reason, r"[\x00-\x1f]")

    def test_a_busy_router_is_not_the_pods_fault(self) -> None:
        """All of the pod's connections are taken, and nobody may wait for one."""
        limits = {"pod_connections": 1, "pod_queue": 0}
        world = self.prepare("pod_a", health={"unhealthy_after": 1}, limits=limits)
        client = world.client()
        client.say(get("/slow"))
        world.router.start()
        world.reactor.pass_time(60)
        self.assertTrue(self.state(world).is_healthy)
        self.assertEqual(self.state(world).failed_checks, 0)
        client.reset()

    def test_a_place_in_the_queue_that_took_too_long(self) -> None:
        world = self.prepare(
            "pod_a",
            health={"unhealthy_after": 1, "timeout_seconds": 8},
            limits={"pod_connections": 1},
            timeouts={"queue": 5},
        )
        client = world.client()
        client.say(get("/slow"))
        world.router.start()
        world.reactor.pass_time(60)
        self.assertTrue(self.state(world).is_healthy)
        client.reset()

    def test_stopping_in_the_middle_of_a_check(self) -> None:
        world = self.start()
        world.reactor.pass_time(10)
        world.router.abort()
        world.reactor.settle()
        self.assertEqual(world.reactor.getDelayedCalls(), [])
        self.assertTrue(self.state(world).is_healthy)


class ReloadTests(SickPodTestCase):
    """Another configuration takes the place of this one."""

    def reload(self, world: World, **tables: Any) -> Router:
        pods = {name: {"url": f"http://127.0.0.1:{pod.port}"} for name, pod in world.pods.items()}
        config = {
            "router": {"listen": ["tcp:8080"], "strategy": "bounce"},
            "pods": pods,
            "not_found": {"delay": "off"},
        } | tables
        router = Router(
            from_mapping(config, "router.toml", self.mktemp()),
            world.reactor,
            world.router.lasting,
            before=world.router,
        )
        router.take_over(world.router)
        world.router = router
        return router

    def test_what_is_known_of_a_pod_stays(self) -> None:
        world = self.make_world()
        world.router.health.refused("pod_a", "down")
        world.pods["pod_a"].mode = "refuses"
        self.reload(world)
        self.assertEqual(self.state(world).reason, "down")
        self.assertNotIn("pod_a", {self.served_by(world) for _ in range(60)})
        world.pods["pod_a"].mode = "accepts"
        world.reactor.pass_time(1)
        self.assertIn("pod_a", {self.served_by(world) for _ in range(60)})

    def test_a_pod_that_has_moved_begins_anew(self) -> None:
        world = self.make_world()
        world.router.health.refused("pod_a", "down")
        moved = {"pod_a": {"url": "http://127.0.0.1:9101"}}
        self.reload(world, pods=moved)
        self.assertTrue(self.state(world).is_healthy)
        self.assertEqual(list(world.router.health.states), ["pod_a"])

    def test_what_the_old_pods_still_do_is_not_told_of_the_new(self) -> None:
        """A request that began before dials the old address, in vain."""
        world = self.make_world("pod_a", rules=[{"path": "/", "pod": "pod_a"}])
        world.pods["pod_a"].mode = "silent"
        client = world.client()
        client.say(get("/x", "Connection: close"))
        self.reload(world, pods={"pod_a": {"url": "http://127.0.0.1:9101"}})
        world.reactor.pass_time(3)
        self.assertEqual(client.take().status, 502)
        self.assertTrue(self.state(world).is_healthy)

    def test_checks_follow_the_new_configuration(self) -> None:
        world = self.make_world(health=HEALTH)
        world.router.start()
        self.reload(world, health={"path": "/other"})
        world.reactor.pass_time(10)
        for pod in world.pods.values():
            self.assertEqual(pod.take().first_line, b"GET /other HTTP/1.1")
            self.assertEqual(len(pod.wires), 1, "nobody asks for the old path any more")
        self.reload(world)
        world.reactor.settle()
        world.reactor.pass_time(100)
        self.assertEqual([len(pod.wires) for pod in world.pods.values()], [1, 1, 1, 1])
