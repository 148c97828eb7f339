"""The application of a reference pod: from a request to its answer, without any socket.

Whose the path is decides which module answers; each module of pages is a function from a
:class:`Pod`, a visit and the owner of its path to an answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, TypeVar

import attrs

from pods.errors import ProtocolError
from pods.protocol import LEARN_PATH, HeaderNames, parse_learn_query
from pods.reference.ownership import Cluster, Kind, Owner, owner_of
from pods.reference.pages import Pages
from pods.reference.people import PUBLIC_ORGANIZATION, People
from pods.reference.tenants import Tenants
from pods.reference.visits import Answer, Visit, bounce, redirect, to_sign_in

READINESS_PATH = "/-/readiness"
_T = TypeVar("_T")


class InThread(Protocol):
    """Runs a slow function in another thread."""

    def __call__(self, function: Callable[..., _T], *arguments: object) -> Awaitable[_T]: ...


@attrs.frozen(kw_only=True)
class Pod:
    """What the pages of one pod work with."""

    cluster: Cluster
    names: HeaderNames
    people: People
    tenants: Tenants
    pages: Pages
    in_thread: InThread

    def owner_of(self, path: str) -> Owner | None:
        """Whose a path is."""
        return owner_of(path, self.cluster, self.tenants.find)

    def elsewhere(self, visit: Visit, owner: Owner) -> Answer | None:
        """The bounce to the owner, unless that is this pod."""
        if owner.pod == self.cluster.me:
            return None
        return bounce(visit, owner.pod, self.names)

    def taught(self, answer: Answer, owner: Owner) -> Answer:
        """The answer of the owner, with what routers may learn from it."""
        claim = owner.claim
        return answer if claim is None else answer.with_header(self.names.cache, claim.format())


View = Callable[[Pod, Visit, Owner], Awaitable[Answer]]


@attrs.frozen
class Application:
    """Answers every request to one pod.

    :param views: what answers for paths of each kind.
    """

    pod: Pod
    views: Mapping[Kind, View]

    async def answer(self, visit: Visit) -> Answer:
        """The answer to a request; ``visit.user`` is found here."""
        if visit.path == LEARN_PATH:
            return learn(self.pod, visit)
        if visit.path == READINESS_PATH:
            return Answer(200, b"ready\n", content_type="text/plain")
        owner = self.pod.owner_of(visit.path)
        if visit.method != "GET" and (owner is None or owner.kind is not Kind.FIXED):
            return method_not_allowed("GET")
        visit = attrs.evolve(visit, user=self.pod.people.user_of(visit.token))
        if visit.path == "/":
            return home(visit)
        if owner is None:
            return nobodys(self.pod, visit)
        return await self.views[owner.kind](self.pod, visit, owner)


def learn(pod: Pod, visit: Visit) -> Answer:
    """Tell a router whose a path is."""
    try:
        _, path = parse_learn_query(visit.target.partition("?")[2])
    except ProtocolError as error:
        return Answer(400, f"{error}\n".encode(), content_type="text/plain")
    owner = pod.owner_of(path)
    if owner is None:
        return Answer(404, b"{}", content_type="application/json")
    return Answer(200, owner.learn_answer.format().encode(), content_type="application/json")


def home(visit: Visit) -> Answer:
    """``/``: everybody is sent to a dashboard; no router is told to remember that."""
    if visit.user is None:
        return to_sign_in(visit)
    return redirect(dashboard_of(visit.user.default_organization))


def dashboard_of(organization: str) -> str:
    """The path of an organization's dashboard; that of legacy users is global."""
    if organization == PUBLIC_ORGANIZATION:
        return "/dashboard"
    return f"/organizations/{organization}/-/dashboard"


def nobodys(pod: Pod, visit: Visit) -> Answer:
    """What private things answer as well, so that nobody can tell them from nothing."""
    return to_sign_in(visit) if visit.user is None else pod.pages.not_found(visit)


def method_not_allowed(*methods: str) -> Answer:
    """The same for every path, so that it tells nothing of what is there."""
    text = b"This page does not take this method.\n"
    answer = Answer(405, text, content_type="text/plain")
    return answer.with_header("Allow", ", ".join(methods))
