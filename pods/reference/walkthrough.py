"""Plays every request flow of the proposals in a world of its own, and compares each hop
with what the proposal says.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import Any

import attrs
import treq
from treq.client import HTTPClient
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.http_headers import Headers

from pods.config.reading import NOTHING
from pods.reference import flows_api, flows_bounce, flows_learn, flows_moves, flows_people, seed
from pods.reference.flows import USER, Flow, Hop, route_of
from pods.reference.moves.mover import Patience
from pods.reference.tracing import Received, Trace, remembered
from pods.reference.world import ROUTERS, World, WorldSettings
from pods.testing.chance import ScriptedRandom

FLOWS: Mapping[str, Sequence[Flow]] = MappingProxyType(
    {
        "bounce": (
            *flows_bounce.FLOWS,
            *flows_people.BOUNCE,
            *flows_api.BOUNCE,
            *flows_moves.BOUNCE,
        ),
        "learn": (
            *flows_learn.FLOWS,
            *flows_people.LEARN,
            *flows_api.LEARN,
            *flows_moves.LEARN,
        ),
    }
)
#: Nothing that would change from one run to the next, and nothing that takes its time.
_ROUTER_TABLES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {"cookie": {"enabled": False}, "not_found": {"delay": "off"}, "log": {"access": ""}}
)
#: What there is to run jobs: by the names that flows have for their tokens.
RUNNERS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "shared_runner": {"description": "for all pods"},
        "eu_runner": {"description": "for one pod", "pod": "pod_eu0"},
    }
)
_TIMEOUT_SECONDS = 30


@attrs.frozen
class Played:
    """A flow, and what really happened."""

    flow: Flow
    hops: tuple[Hop, ...]
    remembers: tuple[str, ...]
    unused: tuple[str, ...]  #: of ``flow.chances``

    @property
    def as_expected(self) -> bool:
        """Whether every hop is what the proposal says, and so is what is remembered."""
        expected = (self.flow.hops, tuple(sorted(self.flow.remembers)), ())
        return (self.hops, self.remembers, self.unused) == expected


class Player:
    """Plays flows under one strategy.

    :param reactor: for the world and for the users.
    :param pod_tables: more for the configuration of all pods.
    """

    def __init__(
        self, strategy: str, reactor: Any, pod_tables: Mapping[str, Mapping[str, Any]] = NOTHING
    ) -> None:
        self._reactor = reactor
        self._trace = Trace()
        self._chances = {router: ScriptedRandom() for router in ROUTERS}
        self._users: dict[str, HTTPClient] = {}
        self._tokens: dict[str, str] = {}
        self._requests = 0
        chosen = WorldSettings(
            strategy=strategy,
            base_port=None,
            router_tables=_ROUTER_TABLES,
            pod_tables=pod_tables,
        )
        self.world = World(chosen, reactor, self._chances.__getitem__, self._trace.observe)

    async def start(self) -> None:
        """Start the world, sign every user of the demo in, and register some runners."""
        self.world.startService()
        await self.world.when_listening()
        for user, password in seed.USERS:
            client = self._users[user.username] = self._new_client()
            form = {"username": user.username, "password": password}
            await self._ask(client, "router_us", "POST", "/users/sign_in", {"data": form})
        for name, fields in RUNNERS.items():
            asked = (self._users["root"], "router_us", "POST", "/api/v4/runners")
            received = await self._ask(*asked, {"json": dict(fields)})
            self._tokens[f"${name}"] = json.loads(received.body)["token"]

    async def stop(self) -> None:
        """Stop the world; nothing of it is left."""
        await self.world.stopService()

    async def play(self, flow: Flow) -> Played:
        """Play one flow, starting with what its router knows."""
        if flow.moves is not None:
            await self.world.move(*flow.moves, patience=Patience(linger_seconds=0))
        memory, chance = self.world.routers[flow.router].router.memory, self._chances[flow.router]
        for entry in memory.table.entries():
            memory.forget(entry)
        for known in flow.knows:
            route = route_of(known)
            memory.remember(route, asked_path=route.path)
        chance.script.clear()
        chance.script.extend(flow.chances)
        client = self._new_client() if flow.user is None else self._users[flow.user]
        hops: list[Hop] = []
        self._trace.clear()
        for method, target in flow.visits:
            hops.append(Hop(USER, flow.router, f"{method} {target}"))
            body = {} if method == "GET" else self._body(flow)
            received = await self._ask(client, flow.router, method, target, body)
            hops += self._trace.take(flow.router, self._request_id, received)
        return Played(flow, tuple(hops), remembered(memory.table.entries()), tuple(chance.script))

    async def _ask(
        self,
        client: HTTPClient,
        router: str,
        method: str,
        target: str,
        body: Mapping[str, Any],
    ) -> Received:
        self._requests += 1
        response = await client.request(
            method,
            self.world.url(router) + target,
            headers=Headers({"X-Request-Id": [self._request_id]}),
            allow_redirects=False,
            timeout=_TIMEOUT_SECONDS,
            **body,
        )
        content = await treq.content(response)
        headers = {
            name.decode("latin-1").lower(): values[-1].decode("latin-1")
            for name, values in response.headers.getAllRawHeaders()
        }
        return Received(response.code, headers, content)

    @property
    def _request_id(self) -> str:
        """What the last request said."""
        return f"walkthrough-{self._requests}"

    def _body(self, flow: Flow) -> dict[str, Any]:
        """What is sent in a flow, as treq takes it."""
        if flow.json is None:
            return {"data": dict(flow.form)}
        token = self._tokens.get(flow.json.get("token", ""))
        return {"json": dict(flow.json) if token is None else {**flow.json, "token": token}}

    def _new_client(self) -> HTTPClient:
        """A user's browser: it keeps this user's cookies and nobody else's."""
        pool = HTTPConnectionPool(self._reactor, persistent=False)
        return HTTPClient(Agent(self._reactor, pool=pool))


async def walk(
    reactor: Any,
    strategies: Sequence[str],
    write: Callable[[str], object],
    progress: Callable[[str], object] = lambda text: None,
) -> bool:
    """Play every flow under each strategy and write them down.

    :param write: gets one line at a time.
    :param progress: gets a few words about what is being played.
    :returns: whether everything was as the proposals say.
    """
    differing = 0
    for strategy in strategies:
        flows = FLOWS[strategy]
        player = Player(strategy, reactor)
        try:
            await player.start()
            played = []
            for number, flow in enumerate(flows, start=1):
                progress(f"{strategy}: flow {number} of {len(flows)}")
                played.append(await player.play(flow))
        finally:
            await player.stop()
        for line in report(strategy, played):
            write(line)
        differing += sum(not one.as_expected for one in played)
    return differing == 0


# -- in words ----------------------------------------------------------------


def report(strategy: str, played: Sequence[Played]) -> Iterator[str]:
    """All flows under one strategy, line by line."""
    title = f"Strategy {strategy}"
    yield from (title, "=" * len(title), "")
    for section, of_section in groupby(played, key=lambda one: one.flow.section):
        yield from (section, "-" * len(section), "")
        for one in of_section:
            yield from told(one)
            yield ""
    good = sum(one.as_expected for one in played)
    yield f"{good} of {len(played)} flows are as the proposal says."
    yield ""


def told(played: Played) -> Iterator[str]:
    """One flow, line by line; if it differs, with what was expected."""
    yield played.flow.title
    yield from (f"  {line}" for line in beginning(played.flow))
    if played.as_expected:
        yield from (f"    {line}" for line in _ending(played.flow, played.hops, played.remembers))
        return
    yield "  DIFFERS from the proposal: - expected, + happened"
    expected = list(_ending(played.flow, played.flow.hops, sorted(played.flow.remembers)))
    happened = list(_ending(played.flow, played.hops, played.remembers, played.unused))
    yield from (f"  {line}" for line in difflib.ndiff(expected, happened) if line[0] != "?")


def beginning(flow: Flow) -> Iterator[str]:
    """Who the user is, and what the router knows."""
    yield f"user: {flow.user or 'not signed in'}"
    yield from (f"{flow.router} remembers {route}" for route in flow.knows)


def _ending(
    flow: Flow, hops: Sequence[Hop], remembers: Sequence[str], unused: Sequence[str] = ()
) -> Iterator[str]:
    yield from map(str, hops)
    for route in remembers or ("nothing",):
        yield f"{flow.router} now remembers {route}"
    if unused:
        yield f"{flow.router} did not choose {', '.join(unused)}"
