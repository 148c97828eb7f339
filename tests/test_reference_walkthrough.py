"""The demo world, and every request flow of the proposals in it."""

from __future__ import annotations

import glob
import os
import socket
import tempfile
from collections.abc import Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import attrs
import treq
from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase, TestCase
from twisted.web.client import Agent, HTTPConnectionPool

from pods.interfaces import Route
from pods.reference import application, walkthrough
from pods.reference.flows import USER, Flow, Hop, hops, route_of, shown_route
from pods.reference.service import PodStartError
from pods.reference.tap_demo import welcome
from pods.reference.visits import Answer
from pods.reference.walkthrough import FLOWS, Player, walk
from pods.reference.world import PODS, ROUTERS, World, WorldSettings, free_ports

TUTORIAL = Path(__file__).parent.parent / "docs" / "tutorial"


class FlowsTests(SynchronousTestCase):
    """The expectations agree with themselves."""

    def flows(self) -> Sequence[Flow]:
        return [flow for flows in FLOWS.values() for flow in flows]

    def test_hops_read_as_they_are_written(self) -> None:
        line = "pod_eu1->>router_eu: 302 /x X-Gitlab-Pod-Redirect={}"
        self.assertEqual(str(Hop.parse(f"  {line}\n")), line)
        self.assertRaises(ValueError, Hop.parse, "pod_eu1: 302")

    def test_routes_read_as_they_are_written(self) -> None:
        for text, route in (
            ("/a/b/* => pod_eu0", Route("/a/b", "pod_eu0")),
            ("/admin => pod_us0", Route("/admin", "pod_us0", exact=True)),
        ):
            self.assertEqual(route_of(text), route)
            self.assertEqual(shown_route(route.path, route.exact, route.pod), text)
        self.assertRaises(ValueError, route_of, "x => y")

    def test_both_proposals_have_the_same_flows(self) -> None:
        bounce, learn = (
            [(flow.section, flow.title) for flow in flows if flow.section != "Administrator"]
            for flows in FLOWS.values()
        )
        self.assertEqual(bounce, learn)

    def test_users_follow_redirects(self) -> None:
        for flow in self.flows():
            for hop, following in pairwise(flow.hops):
                if hop.receiver == USER and hop.text.startswith("302 "):
                    location = hop.text.split(" ")[1]
                    expected = Hop(USER, flow.router, f"GET {location}")
                    self.assertEqual(following, expected, flow.title)

    def test_everybody_is_somebody(self) -> None:
        known = {USER, *PODS, *ROUTERS}
        for flow in self.flows():
            for hop in flow.hops:
                self.assertLessEqual({hop.sender, hop.receiver}, known, str(hop))

    def test_after_last_step_begins_where_the_last_step_ended(self) -> None:
        for flows in FLOWS.values():
            for before, flow in pairwise(flows):
                if "my-other-project after last step" in flow.title:
                    self.assertEqual(sorted(flow.knows), sorted(before.remembers))


class WorldTests(TestCase):
    """The demo world on real sockets."""

    timeout = 60

    def setUp(self) -> None:
        self.client = treq.client.HTTPClient(
            Agent(reactor, pool=HTTPConnectionPool(reactor, persistent=False))
        )

    async def start(self, **chosen: Any) -> World:
        tables = {"log": {"access": ""}}
        settings = {"strategy": "bounce", "base_port": None, "router_tables": tables} | chosen
        world = World(WorldSettings(**settings), reactor)
        world.startService()
        self.addCleanup(world.stopService)
        await world.when_listening()
        return world

    async def test_every_router_reaches_every_tenant(self) -> None:
        world = await self.start()
        for router in ROUTERS:
            response = await self.client.get(f"{world.url(router)}/gitlab-org/gitlab")
            self.assertIn("<h1>GitLab.org / GitLab</h1>", await response.text())

    async def test_the_strategy_can_be_chosen(self) -> None:
        world = await self.start(strategy="learn")
        response = await self.client.get(f"{world.url('router_eu')}/gitlab-org/gitlab")
        self.assertEqual(response.code, 200)
        self.assertIsNone(response.previousResponse)

    async def test_what_is_printed_can_be_opened(self) -> None:
        world = await self.start()
        text = "\n".join(welcome(world))
        for name in (*ROUTERS, *PODS):
            self.assertIn(f"{world.url(name)}/", text)
            response = await self.client.get(f"{world.url(name)}/", allow_redirects=False)
            self.assertEqual(response.code, 302)
        for word in ("casey", "casey-pays-for-this", "taylor", "root", "welcome-to-my-company"):
            self.assertIn(word, text)

    async def test_nothing_is_left_of_it(self) -> None:
        pattern = os.path.join(tempfile.gettempdir(), "pods-demo-*")
        before = set(glob.glob(pattern))
        world = await self.start()
        self.assertEqual(len(set(glob.glob(pattern)) - before), 1)
        await world.stopService()
        self.assertEqual(set(glob.glob(pattern)), before)

    async def test_a_folder_of_ones_own_stays(self) -> None:
        folder = os.path.abspath(self.mktemp())
        form = {"username": "taylor", "password": "taylor-builds-this"}
        first = await self.start(data_dir=folder)
        await self.client.post(
            f"{first.url('router_us')}/users/sign_in", data=form, allow_redirects=False
        )
        await self.client.post(
            f"{first.url('router_us')}/groups", data={"path": "lasting"}, allow_redirects=False
        )
        await first.stopService()
        second = await self.start(data_dir=folder)
        response = await self.client.get(f"{second.url('router_us')}/lasting")
        self.assertEqual(response.code, 200)

    async def test_a_world_that_cannot_start_leaves_nothing(self) -> None:
        folder = os.path.abspath(self.mktemp())
        with open(folder, "w"):
            pass
        world = World(WorldSettings(strategy="bounce", base_port=None, data_dir=folder), reactor)
        self.assertRaises(PodStartError, world.startService)
        await world.stopService()

    def test_ports_that_are_taken_are_replaced(self) -> None:
        with closing(socket.socket()) as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            ports = free_ports(port)
        self.assertNotEqual(ports["router_us"], port)
        self.assertEqual(len(set(ports.values())), len(ROUTERS) + len(PODS))


class WalkthroughTests(TestCase):
    """All flows, in a world of their own."""

    timeout = 120
    outputs: ClassVar[dict[str, list[str]]] = {}

    async def walk(self, strategy: str) -> tuple[bool, list[str]]:
        lines: list[str] = []
        good = await walk(reactor, [strategy], lines.append)
        return good, lines

    async def assert_as_the_tutorial_says(self, strategy: str) -> None:
        good, lines = await self.walk(strategy)
        self.assertTrue(good, "\n".join(lines))
        shown = (TUTORIAL / f"walkthrough-{strategy}.txt").read_text()
        self.assertEqual("\n".join(lines) + "\n", shown)

    async def test_bounce(self) -> None:
        await self.assert_as_the_tutorial_says("bounce")

    async def test_learn(self) -> None:
        await self.assert_as_the_tutorial_says("learn")

    def altered(self, **changes: Any) -> None:
        flow = attrs.evolve(FLOWS["bounce"][0], **changes)
        self.patch(walkthrough, "FLOWS", {"bounce": [flow]})

    async def assert_differs(self, *lines: str) -> None:
        good, told = await self.walk("bounce")
        self.assertFalse(good)
        for line in lines:
            self.assertIn(line, [one.strip() for one in told])
        self.assertIn("0 of 1 flows are as the proposal says.", told)

    async def test_a_hop_that_differs(self) -> None:
        (first, second, *others) = FLOWS["bounce"][0].hops
        wrong = attrs.evolve(second, text="GET /my-company/my-project [cache, attempt 1]")
        self.altered(hops=(first, wrong, *others))
        await self.assert_differs(
            f"- {wrong}",
            f"+ {second}",
        )

    async def test_a_hop_too_many(self) -> None:
        *expected, last = FLOWS["bounce"][0].hops
        self.altered(hops=tuple(expected))
        await self.assert_differs(f"+ {last}")

    async def test_a_route_that_is_not_remembered(self) -> None:
        self.altered(remembers=())
        await self.assert_differs(
            "- router_eu now remembers nothing",
            "+ router_eu now remembers /my-company/* => pod_eu0",
        )

    async def test_a_choice_that_is_not_made(self) -> None:
        self.altered(chances=("pod_eu1", "pod_eu0"))
        await self.assert_differs("+ router_eu did not choose pod_eu0")

    async def test_a_pod_that_teaches_nothing(self) -> None:
        self.altered()
        self.patch(application.Pod, "taught", lambda pod, answer, owner: answer)
        await self.assert_differs("+ pod_eu0->>user: 200 <h1>My Project</h1>")

    async def test_a_pod_that_fails(self) -> None:
        async def broken(self: Any, visit: Any) -> Answer:
            return Answer(500, b"broken")

        self.patch(walkthrough.Player, "start", _start_unsigned)
        self.altered(user=None)
        self.patch(application.Application, "answer", broken)
        await self.assert_differs("+ pod_eu1->>user: 500 -")

    async def test_a_router_that_answers_itself(self) -> None:
        player = Player("bounce", reactor)
        self.addCleanup(player.stop)
        await player.start()
        closed = hops("user->>router_eu: GET /api/v4/pods/learn?path_info=/x")
        played = await player.play(attrs.evolve(FLOWS["bounce"][0], hops=closed, chances=()))
        self.assertEqual(played.hops[1:], (Hop("router_eu", USER, "404 -"),))

    async def test_what_is_being_played_is_told(self) -> None:
        self.altered()
        told: list[str] = []
        await walk(reactor, ["bounce"], lambda line: None, told.append)
        self.assertEqual(told, ["bounce: flow 1 of 1"])


async def _start_unsigned(player: Player) -> None:
    player.world.startService()
    await player.world.when_listening()
