"""People who use an organization while it moves, and note what they get.

Some keep cookies, as browsers do: what their router has told them, and how far they have
written.  Others keep nothing but their session, so their routers know no more than their own
stores do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs
import treq
from treq.client import HTTPClient
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.http_headers import Headers

from pods.reference.visits import SESSION_COOKIE

TIMEOUT_SECONDS = 60  #: longer than a pod lets a request wait
_LOOK_SECONDS = 0.1
TRIES_LIMIT = 60  #: so often a request that is told to come again comes


@attrs.define
class Request:
    """What became of one request."""

    id: str
    sent_at: float
    answered_at: float = 0.0
    status: int = 0  #: 0: no answer at all
    tries: int = 0  #: more than one: it was told to come again, and did

    @property
    def waited_seconds(self) -> float:
        """From when it was first sent to its answer."""
        return self.answered_at - self.sent_at


@attrs.define
class Notes:
    """What everybody has noted."""

    requests: list[Request] = attrs.field(factory=list)
    written: list[str] = attrs.field(factory=list)  #: the titles of issues that were made
    unread: list[str] = attrs.field(factory=list)  #: those whose author did not see them then


@attrs.frozen(kw_only=True)
class Place:
    """What they work on."""

    organization: str
    project: str  #: its path
    project_id: int

    @property
    def issues(self) -> str:
        """Where issues are listed and made."""
        return f"/api/v4/projects/{self.project_id}/issues"

    @property
    def pages(self) -> tuple[str, ...]:
        """What is looked at."""
        return (f"/{self.project}", f"/organizations/{self.organization}/-/dashboard")

    @property
    def prefixes(self) -> tuple[str, ...]:
        """What every path begins with that belongs to the organization."""
        return (*self.pages, f"/api/v4/projects/{self.project_id}")


class Person:
    """Looks at pages, makes issues, and looks whether they are there.

    :param url: of the router that this person uses.
    :param keeps_cookies: False: nothing but the session is remembered.
    """

    def __init__(
        self, name: str, url: str, keeps_cookies: bool, reactor: Any, notes: Notes
    ) -> None:
        self._name = name
        self._url = url
        self._session: dict[str, str] = {}
        self._keeps_cookies = keeps_cookies
        self._clock: IReactorTime = reactor
        self._pool = HTTPConnectionPool(reactor)
        self._agent = Agent(reactor, pool=self._pool)
        self._client = HTTPClient(self._agent)
        self._notes = notes
        self._requests = 0
        self._written: list[str] = []
        self.stopping = False

    async def come(self, username: str, password: str, place: Place) -> None:
        """Sign in, and wait until every pod knows."""
        form = {"username": username, "password": password}
        response = await self._client.post(
            f"{self._url}/users/sign_in", data=form, allow_redirects=False, timeout=TIMEOUT_SECONDS
        )
        await treq.content(response)
        self._session = {SESSION_COOKIE: response.cookies()[SESSION_COOKIE]}
        for page in place.pages:
            while (await self._send("GET", page, "", None)).code != 200:
                await deferLater(self._clock, _LOOK_SECONDS)

    async def work(self, place: Place) -> None:
        """Go on until :attr:`stopping`."""
        while not self.stopping:
            for page in place.pages:
                await self.ask("GET", page)
            await self._write(place)
            if self._keeps_cookies:  # who keeps none may see a replica that is a moment old
                await self._read(place)

    async def leave(self) -> None:
        """Close what is open."""
        await self._pool.closeCachedConnections()

    async def _write(self, place: Place) -> None:
        title = f"{self._name} {len(self._written)}"
        if await self.ask("POST", place.issues, {"title": title}) is not None:
            self._written.append(title)
            self._notes.written.append(title)

    async def _read(self, place: Place) -> None:
        found = await self.ask("GET", place.issues)
        if found is not None:
            seen = {issue["title"] for issue in found}
            self._notes.unread += [title for title in self._written if title not in seen]

    async def ask(self, method: str, path: str, sent: Mapping[str, str] | None = None) -> Any:
        """What the answer says, if it is JSON; None if it is no success."""
        self._requests += 1
        request = Request(f"{self._name}-{self._requests}", self._clock.seconds())
        self._notes.requests.append(request)
        while True:
            request.tries += 1
            response = await self._send(method, path, request.id, sent)
            content = await treq.content(response)
            request.status = response.code
            again = response.headers.getRawHeaders("Retry-After")
            if response.code != 503 or again is None or request.tries == TRIES_LIMIT:
                break
            await deferLater(self._clock, float(again[0]))
        request.answered_at = self._clock.seconds()
        is_json = response.headers.getRawHeaders("Content-Type", [""])[0] == "application/json"
        return json.loads(content) if response.code in (200, 201) and is_json else None

    async def _send(
        self, method: str, path: str, request_id: str, sent: Mapping[str, str] | None
    ) -> Any:
        client = self._client if self._keeps_cookies else HTTPClient(self._agent)
        return await client.request(
            method,
            self._url + path,
            headers=Headers({"X-Request-Id": [request_id]} if request_id else {}),
            cookies=self._session,
            json=sent,
            allow_redirects=False,
            timeout=TIMEOUT_SECONDS,
        )
