"""Runners of both kinds at work in the demo world, through the routers and at the same time."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import treq
from treq.client import HTTPClient
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent, HTTPConnectionPool

from pods.reference import seed
from pods.reference.world import World, WorldSettings

PASSWORDS = {user.username: password for user, password in seed.USERS}
#: Who may run jobs, and where: projects of two pods.
PROJECTS = {"taylor": "gitlab-org%2Fgitlab", "casey": "my-company%2Fmy-project"}
JOBS_EACH = 6
#: The router of each runner, and the pod that it is registered at; None: it is shared.
RUNNERS = (
    ("router_us", None),
    ("router_eu", None),
    ("router_us", "pod_eu0"),
    ("router_eu", "pod_us0"),
)
TIMEOUT_SECONDS = 60


class RunnersAtWorkTests(TestCase):
    """Every job is given to one runner, once, and ends where it was made."""

    timeout = 120

    async def start(self, strategy: str) -> None:
        tables = {"log": {"access": ""}}
        chosen = WorldSettings(strategy=strategy, base_port=None, router_tables=tables)
        self.world = World(chosen, reactor)
        self.world.startService()
        self.addCleanup(self.world.stopService)
        await self.world.when_listening()
        self.given: Counter[int] = Counter()
        self.asking: dict[str, Deferred[Any]] = {}  #: for a job, by the tokens of runners

    async def ask(
        self,
        client: HTTPClient,
        router: str,
        method: str,
        path: str,
        status: int,
        **body: Any,
    ) -> Any:
        url = f"{self.world.url(router)}{path}"
        response = await client.request(
            method, url, allow_redirects=False, timeout=TIMEOUT_SECONDS, **body
        )
        content = await treq.content(response)
        self.assertEqual(response.code, status, content)
        is_json = response.headers.getRawHeaders("Content-Type") == ["application/json"]
        return json.loads(content) if is_json else None

    def new_client(self) -> HTTPClient:
        return HTTPClient(Agent(reactor, pool=HTTPConnectionPool(reactor, persistent=False)))

    async def signed_in(self, username: str) -> HTTPClient:
        client = self.new_client()
        form = {"username": username, "password": PASSWORDS[username]}
        await self.ask(client, "router_us", "POST", "/users/sign_in", 302, data=form)
        return client

    async def register(self, root: HTTPClient, pod: str | None) -> str:
        sent = {"description": "at work"} | ({} if pod is None else {"pod": pod})
        made = await self.ask(root, "router_us", "POST", "/api/v4/runners", 201, json=sent)
        return str(made["token"])

    async def work(self, router: str, token: str) -> None:
        """Do one job after the other, for as long as there are any."""
        client = self.new_client()
        while not self.is_over:
            url = f"{self.world.url(router)}/api/v4/jobs/request"
            asking = client.post(url, json={"token": token}, allow_redirects=False)
            self.asking[token] = asking
            try:
                response = await asking
            except Exception:
                if self.is_over:
                    return  # cancelled, wherever it was
                raise
            content = await treq.content(response)
            self.assertIn(response.code, (201, 204), content)
            if response.code == 201:
                await self.end(client, router, token, json.loads(content)["id"])

    async def end(self, client: HTTPClient, router: str, token: str, number: int) -> None:
        sent = {"token": token, "state": "success"}
        await self.ask(client, router, "PUT", f"/api/v4/jobs/{number}", 200, json=sent)
        self.given[number] += 1
        if self.is_over:
            for asking in self.asking.values():
                asking.cancel()

    @property
    def is_over(self) -> bool:
        """Whether every job was given to somebody."""
        return len(self.given) == JOBS_EACH * len(PROJECTS)

    async def assert_all_is_done_once(self, strategy: str) -> None:
        await self.start(strategy)
        root = await self.signed_in("root")
        people = {username: await self.signed_in(username) for username in PROJECTS}
        working = [
            Deferred.fromCoroutine(self.work(router, await self.register(root, pod)))
            for router, pod in RUNNERS
        ]
        for number in range(JOBS_EACH):
            for username, project in PROJECTS.items():
                path, sent = f"/api/v4/projects/{project}/jobs", {"name": f"job {number}"}
                await self.ask(people[username], "router_eu", "POST", path, 201, json=sent)
        await gatherResults(working, consumeErrors=True)
        self.assertEqual(set(self.given.values()), {1})
        for username, project in PROJECTS.items():
            await self.until_all_have_ended(people[username], project)

    async def until_all_have_ended(self, member: HTTPClient, project: str) -> None:
        """Look until the replicas have got what the runners wrote."""
        ended = ["success"] * JOBS_EACH
        path, statuses = f"/api/v4/projects/{project}/jobs", None
        while statuses != ended:
            jobs = await self.ask(member, "router_us", "GET", path, 200)
            statuses = [job["status"] for job in jobs]

    async def test_nobody_has_to_wait_for_those_who_wait(self) -> None:
        """A world that is told to stop answers runners first."""
        await self.start("bounce")
        token = await self.register(await self.signed_in("root"), None)
        body = {"json": {"token": token}}
        asking = Deferred.fromCoroutine(
            self.ask(self.new_client(), "router_eu", "POST", "/api/v4/jobs/request", 204, **body)
        )
        for _ in range(10):  # those who ask later are answered before: so it waits by now
            await self.ask(self.new_client(), "router_eu", "GET", "/users/sign_in", 200)
        await self.world.stopService()
        await asking

    async def test_bounce(self) -> None:
        await self.assert_all_is_done_once("bounce")

    async def test_learn(self) -> None:
        await self.assert_all_is_done_once("learn")
