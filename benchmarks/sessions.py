"""What the two kinds of sessions cost: ``python -m benchmarks.sessions``.

Somebody in Europe signs in and looks at pages, while the primaries are in America, so far away
that each statement there takes 80 ms.  Then a password is changed in America, and it is measured
for how long a session that this ended can still look and change at a pod in Europe.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import attrs
import treq
from treq.client import HTTPClient
from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock, deferLater, react
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.http_headers import Headers

from pods.keys import KeyRing
from pods.protocol import HeaderNames
from pods.reference import seed
from pods.reference.api import paths
from pods.reference.application import Application, Pod
from pods.reference.databases import COOKIE, default_places, open_databases, parse_marks
from pods.reference.databases.opening import COPY_SECONDS
from pods.reference.ownership import Cluster
from pods.reference.sessions import Kind, SignedSessions, StoredSessions
from pods.reference.views import VIEWS
from pods.reference.visits import Answer, Visit, cookie_of, session_token
from pods.reference.waiting import Bell
from pods.reference.world import PODS, World, WorldSettings

AWAY_SECONDS = 0.080  #: what a statement at a primary takes
CHECKS = 10_000
CHANCE = random.Random(1)
USER, PASSWORD = "casey", "casey-pays-for-this"
KINDS: Mapping[str, Kind] = MappingProxyType(
    {"store": StoredSessions, "token": partial(SignedSessions, keys=KeyRing.make())}
)


@attrs.define
class Counted:
    """How many statements a visit has sent to primaries."""

    away_seconds: float = 0
    statements: int = 0

    def watch(self, connection: Any) -> None:
        """Count every statement of a connection, and let each take its time."""
        for name in ("query", "execute"):
            setattr(connection, name, self._counted(getattr(connection, name)))

    def _counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: object) -> Any:
            self.statements += 1
            time.sleep(self.away_seconds)
            return function(*arguments)

        return counted


def at_once(function: Callable[..., Any], *arguments: object) -> Awaitable[Any]:
    """Instead of a thread."""
    return succeed(function(*arguments))


class Europe:
    """A pod in Europe, far from the primaries, and somebody who visits it."""

    def __init__(self, kind: Kind, folder: str) -> None:
        self.databases = open_databases(
            default_places(f"{folder}/shared", f"{folder}/pod_eu0", "eu"), "pod_eu0"
        )
        self.pod = Pod(
            cluster=Cluster("pod_eu0", PODS, "pod_us0"),
            names=HeaderNames(),
            databases=self.databases,
            in_thread=at_once,
            bell=Bell(Clock()),
            session_kind=kind,
        )
        seed.plant(self.pod.view, self.pod.people, self.pod.tenants, "pod_eu0")
        self.databases.catch_up()
        self.counted = Counted()
        for name in ("users", "routes", "admin"):
            self.counted.watch(self.databases.sources[name].primary)
        self.cookies: dict[str, str] = {}

    def visit(self, target: str, method: str = "GET", **form: str) -> tuple[int, float]:
        """Statements at primaries, and seconds."""
        visit = Visit(
            method=method,
            target=target,
            query={},
            form=form,
            token=self.cookies.get("pods_session", ""),
            marks=parse_marks(self.cookies.get(COOKIE, "")),
        )
        self.counted.statements, began = 0, time.perf_counter()
        self._keep(self._answer(visit))
        return self.counted.statements, time.perf_counter() - began

    def _answer(self, visit: Visit) -> Answer:
        answers: list[Answer] = []
        answering = Application(self.pod, VIEWS, paths.view).answer(visit)
        Deferred.fromCoroutine(answering).addCallback(answers.append)
        (answer,) = answers
        return answer

    def _keep(self, answer: Answer) -> None:
        for name, value in answer.headers:
            if name == "Set-Cookie":
                for cookie in ("pods_session", COOKIE):
                    if value.startswith(f"{cookie}="):
                        self.cookies[cookie] = cookie_of(value, cookie)

    def check_seconds(self) -> float:
        """Of finding out who a session's user is, at the replica: the median."""
        token, took = self.cookies["pods_session"], []
        for _ in range(CHECKS):
            began = time.perf_counter()
            user = self.pod.sessions.user_of(token)
            took.append(time.perf_counter() - began)
            assert user is not None
        return statistics.median(took)


def costs(kind: Kind) -> Iterator[str]:
    """What somebody in Europe pays, line by line."""
    with tempfile.TemporaryDirectory() as folder:
        europe = Europe(kind, folder)
        europe.counted.away_seconds = AWAY_SECONDS
        form = {"username": USER, "password": PASSWORD}
        yield told("sign in", *europe.visit("/users/sign_in", "POST", **form))
        yield told("a page, before the replica has got that", *europe.visit("/-/profile"))
        europe.databases.catch_up()
        yield told("a page, later", *europe.visit("/-/profile"))
        yield told(
            "change the organization",
            *europe.visit("/users/organization", "POST", organization="gitlab-com-public"),
        )
        europe.databases.catch_up()
        yield f"  {'check of a session at the replica':42} {1e6 * europe.check_seconds():2.0f} us"
        yield f"  {'cookie':42} {len(europe.cookies['pods_session'])} bytes"
        rows = europe.pod.view.users.fresh.query("select * from sessions")
        yield f"  {'rows for one session':42} {len(rows):2}"
        yield told("sign out", *europe.visit("/users/sign_out", "POST"))
        europe.databases.close()


def told(what: str, statements: int, seconds: float) -> str:
    """A line about a visit."""
    return f"  {what:42} {statements:2} statements at primaries  {1e3 * seconds:5.0f} ms"


# -- how soon a session ends -------------------------------------------------


class Someone:
    """A browser that talks to pods themselves."""

    def __init__(self, world: World) -> None:
        pool = HTTPConnectionPool(reactor, persistent=False)
        self._client = HTTPClient(Agent(reactor, pool=pool))
        self._world = world
        self._cookie = ""

    async def ask(self, pod: str, path: str, **form: str) -> int:
        """The status of the answer; the session's cookie is kept."""
        response = await self._client.request(
            "POST" if form else "GET",
            self._world.url(pod) + path,
            data=form or None,
            headers=Headers({"Cookie": [f"pods_session={self._cookie}"]}),
            cookies={},
            allow_redirects=False,
        )
        await treq.content(response)
        for value in response.headers.getRawHeaders("Set-Cookie", []):
            self._cookie = session_token(value) or self._cookie
        return int(response.code)

    async def sign_in(self, password: str) -> None:
        """Begin a session."""
        await self.ask("pod_us0", "/users/sign_in", username=USER, password=password)


async def one_end(world: World, old: str, new: str) -> tuple[float, int]:
    """After a change of the password: the seconds for which another session could look at pages
    in Europe, and how often it could change something there.
    """
    here, there = Someone(world), Someone(world)
    await here.sign_in(old)
    await there.sign_in(old)
    while await there.ask("pod_eu0", "/-/profile") != 200:
        await deferLater(reactor, 0.02)
    await deferLater(reactor, CHANCE.random() * COPY_SECONDS)  # whenever the next copy is
    if await here.ask("pod_us0", "/users/password", current=old, new=new) != 302:
        raise AssertionError("the password did not change")
    began, changed = time.monotonic(), 0
    while await there.ask("pod_eu0", "/-/profile") == 200:
        path, form = "/users/organization", {"organization": "no such organization"}
        changed += await there.ask("pod_eu0", path, **form) != 302  # not sent to sign in
        await deferLater(reactor, 0.005)
    return time.monotonic() - began, changed


async def ends(kind: str, times: int) -> str:
    """How soon sessions end, in one line."""
    tables = {"sessions": {"kind": kind}}
    world = World(WorldSettings(strategy="bounce", base_port=None, pod_tables=tables), reactor)
    world.startService()
    try:
        await world.when_listening()
        passwords, took, changed = (PASSWORD, "casey-has-another"), [], 0
        for number in range(times):
            seconds, changes = await one_end(
                world, passwords[number % 2], passwords[1 - number % 2]
            )
            took.append(seconds)
            changed += changes
    finally:
        await world.stopService()
    return (
        f"  {times} changes of a password: pages for {statistics.mean(took):.2f} s on average,"
        f" {max(took):.2f} s at most; changes {changed}"
    )


async def measure(times: int) -> None:
    """All of it."""
    for name, kind in KINDS.items():
        print(name, flush=True)
        for line in costs(kind):
            print(line, flush=True)
        print(await ends(name, times), flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sessions", description=__doc__)
    parser.add_argument("--times", type=int, default=20, help="changes of a password (20)")
    chosen = parser.parse_args(arguments)
    react(lambda _: Deferred.fromCoroutine(measure(chosen.times)))


if __name__ == "__main__":
    main()
