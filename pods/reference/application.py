"""The application of a reference pod: from a request to its answer, without any socket.

Whose the path is decides which module answers; each module of pages is a function from a
:class:`Pod`, a visit and the owner of its path to an answer.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Protocol, TypeVar

import attrs
from twisted.logger import Logger

from pods.errors import ProtocolError
from pods.protocol import LEARN_PATH, HeaderNames, parse_learn_query
from pods.reference.access import may_see
from pods.reference.application_settings import ApplicationSettings
from pods.reference.databases import COOKIE, Databases, UnusableError, View, format_marks
from pods.reference.ids import Ids
from pods.reference.issues import Issues
from pods.reference.moves.holding import HOLD_SECONDS, Holding
from pods.reference.moves.serving import RETRY_AFTER_SECONDS, unavailable, unless_tried
from pods.reference.ownership import Cluster, Find, Kind, Owner, TenantRoute, owner_of
from pods.reference.pages import Pages
from pods.reference.people import PUBLIC_ORGANIZATION, People, User
from pods.reference.runners import Jobs, Runners
from pods.reference.sessions import Kind as SessionKind
from pods.reference.sessions import Sessions, StoredSessions
from pods.reference.tenancy import Held, Stale, Tenancy
from pods.reference.tenants import Tenants
from pods.reference.tokens import TOKEN_HEADER, AccessTokens
from pods.reference.visits import Answer, Visit, bounce, from_this_site, redirect, to_sign_in
from pods.reference.waiting import Bell

#: Where things of a kind are, and the column with the path of a namespace or of what is in one.
_PATHS: Mapping[str, tuple[str, str]] = {
    "namespaces": ("main", "path"),
    "projects": ("main", "path"),
    "issues": ("main", "project"),
    "jobs": ("ci", "project"),
}
#: What forms are sent to; all else is for reading.
_TAKE_FORMS = frozenset({Kind.FIXED, Kind.POD_ADMIN})
_CROSS_SITE = b"This form is not from this site.\n"
READINESS_PATH = "/-/readiness"
REPLICAS_PATH = "/-/replicas"
_log = Logger()
_T = TypeVar("_T")


class InThread(Protocol):
    """Runs a slow function in another thread."""

    def __call__(self, function: Callable[..., _T], *arguments: object) -> Awaitable[_T]: ...


@attrs.frozen(kw_only=True)
class Pod:
    """What the pages of one pod work with during one visit."""

    cluster: Cluster
    names: HeaderNames
    databases: Databases
    in_thread: InThread
    bell: Bell  #: for those who wait for jobs
    session_kind: SessionKind = StoredSessions
    clock_seconds: Callable[[], float] = time.time  #: since 1970
    view: View = attrs.field()  #: of the databases, as the session has left them

    @view.default
    def _view_of_nobody(self) -> View:
        return self.databases.view()

    tenancy: Tenancy = attrs.field(init=False)  #: where organizations are, in that view

    @tenancy.default
    def _tenancy_of_view(self) -> Tenancy:
        return Tenancy(self.view, self.cluster.me)

    def visited(self, visit: Visit) -> Pod:
        """The pod as one visit sees it."""
        return attrs.evolve(self, view=self.databases.view(visit.marks))

    @property
    def fresh(self) -> Pod:
        """The same, but nothing of it is a moment old."""
        return attrs.evolve(self, view=self.view.fresh)

    def find(self, path: str) -> TenantRoute | None:
        """The route of a namespace or ``organizations/<name>``, and no old one.

        :raises Held: it is about to change pods.
        :raises Stale: it is being moved, and this pod reads replicas.
        """
        return self.tenancy.find(path)

    def find_for(self, user: User | None, path: str) -> TenantRoute | None:
        """The same, but what is on its way is nobody's to those who may not see it: that they are
        let wait would tell them that it is there.
        """
        try:
            return self.find(path)
        except Held:
            route = self.tenancy.foresee(path)
            if route is None or may_see(user, route):
                raise
            return None

    @property
    def people(self) -> People:
        """The accounts."""
        return People(self.view.users)

    @property
    def sessions(self) -> Sessions:
        """Who is signed in."""
        return self.session_kind(self.view.users, self.clock_seconds)

    def user_of(self, visit: Visit) -> User | None:
        """Who visits: to change something, only somebody whose session has not ended at the
        primary; to look, as far as the replica knows.
        """
        reads = visit.method == "GET"
        user = (self.sessions if reads else self.sessions.fresh).user_of(visit.token)
        token = visit.headers.get(TOKEN_HEADER)
        if user is not None or token is None or not visit.path.startswith("/api/"):
            return user
        username = (self.tokens if reads else self.tokens.fresh).username_of(token)
        return None if username is None else self.people.user(username)

    @property
    def tenants(self) -> Tenants:
        """Who lives where, and what lives here."""
        return Tenants(self.view.routes, self.view.main, self.ids)

    @property
    def issues(self) -> Issues:
        """The issues of what lives here."""
        return Issues(self.view.main, self.ids)

    @property
    def jobs(self) -> Jobs:
        """What runners are to do for what lives here."""
        return Jobs(self.view.admin, self.view.ci, self.ids, self.cluster.me)

    @property
    def runners(self) -> Runners:
        """The shared runners, and those of this pod."""
        return Runners(self.view.admin, self.view.ci, self.cluster.me)

    @property
    def tokens(self) -> AccessTokens:
        """The tokens of programs."""
        return AccessTokens(self.view.users)

    @property
    def ids(self) -> Ids:
        """Numbers for what is made here."""
        return Ids(self.view.routes, self.view.main, self.cluster.me)

    @property
    def pages(self) -> Pages:
        """The pages as HTML."""
        return Pages(self.cluster, self.settings)

    @property
    def settings(self) -> ApplicationSettings:
        """The settings that all pods share."""
        return ApplicationSettings(self.view.admin, self.cluster.me, self.cluster.region)

    def owner_of(self, user: User | None, path: str) -> Owner | None:
        """Whose a path is."""
        return self._owner(path, partial(self.find_for, user))

    def next_owner_of(self, path: str) -> Owner | None:
        """Whose a path is or, if it is on its way to another pod, will be."""
        return self._owner(path, self.tenancy.foresee)

    def pod_of_id(self, user: User | None, kind: str, number: int) -> str | None:
        """The pod that holds the thing of that kind with that id, or would if it were there."""
        return self._pod_of_id(partial(self.find_for, user), kind, number)

    def _owner(self, path: str, find: Find) -> Owner | None:
        return owner_of(path, self.cluster, find, partial(self._pod_of_id, find))

    def _pod_of_id(self, find: Find, kind: str, number: int) -> str | None:
        path = self._path_of_id(kind, number)
        route = None if path is None else find(path)
        return self.ids.pod_of_id(kind, number) if route is None else route.pod_id

    def _path_of_id(self, kind: str, number: int) -> str | None:
        """What such a thing belongs to, if it is here or has been moved."""
        database, column = _PATHS[kind]
        row = self.view.of(database).sought(f"select {column} from {kind} where id = ?", number)
        if row is not None:
            return str(row[column]).partition("/")[0]
        organization = self.ids.moved_with(kind, number)
        return None if organization is None else f"organizations/{organization}"

    def elsewhere(self, visit: Visit, owner: Owner) -> Answer | None:
        """The bounce to the owner, unless that is this pod."""
        if owner.pod == self.cluster.me:
            return None
        return bounce(visit, owner.pod, self.names)

    def taught(self, answer: Answer, owner: Owner) -> Answer:
        """The answer of the owner, with what routers may learn from it."""
        claim = owner.claim
        return answer if claim is None else answer.with_header(self.names.cache, claim.format())


Page = Callable[[Pod, Visit, Owner], Awaitable[Answer]]
ApiPage = Callable[[Pod, Visit, Owner | None], Awaitable[Answer]]


@attrs.frozen
class Application:
    """Answers every request to one pod.

    :param views: what answers for paths of each kind, but for
    :param api: what answers for paths below ``/api/``, and says in JSON what is wrong.
    :param holding: where requests wait while their organization is at no pod,
    :param hold_seconds: for so long at most.
    """

    pod: Pod
    views: Mapping[Kind, Page]
    api: ApiPage
    holding: Holding = attrs.field()
    hold_seconds: float = HOLD_SECONDS

    @holding.default
    def _holding_of_pod(self) -> Holding:
        return Holding(self.pod.bell.clock, self.pod.databases, self.pod.cluster.me)

    async def answer(self, visit: Visit) -> Answer:
        """The answer to a request, which says how far its session has written."""
        pod = self.pod.visited(visit)
        try:
            answer = await self._settled(pod, visit)
        except UnusableError as error:
            _log.error("{pod} cannot answer: {error}", pod=pod.cluster.me, error=error)
            return out_of_service()
        return answer if pod.view.marks == visit.marks else _marked(answer, pod.view.marks)

    async def _settled(self, pod: Pod, visit: Visit) -> Answer:
        """The answer, once its organization is at some pod."""
        leaves_at = self.holding.seconds() + self.hold_seconds
        while True:
            try:
                answer = await self._answer(pod, visit)
                if visit.method == "GET" or pod.view.marks == visit.marks:  # can be asked again
                    pod.tenancy.check()
                return unless_tried(answer, visit, pod.tenancy, pod.names)
            except Stale:
                pass
            except Held as held:
                if not await self.holding.passed(held.organization, leaves_at):
                    return unavailable()
            pod = pod.fresh

    async def _answer(self, pod: Pod, visit: Visit) -> Answer:
        if visit.path == LEARN_PATH:
            return learn(pod, visit)
        if visit.path == READINESS_PATH:
            return Answer(200, b"ready\n", content_type="text/plain")
        if visit.path == REPLICAS_PATH:
            return replicas(pod)
        visit = attrs.evolve(visit, user=pod.user_of(visit))
        owner = pod.owner_of(visit.user, visit.path)
        if visit.path.startswith("/api/"):
            return await self.api(pod, visit, owner)
        if visit.method != "GET" and (owner is None or owner.kind not in _TAKE_FORMS):
            return method_not_allowed("GET")
        if visit.method != "GET" and not from_this_site(visit.headers):
            return Answer(403, _CROSS_SITE, content_type="text/plain")
        if visit.path == "/":
            return home(visit)
        if owner is None:
            return nobodys(pod, visit)
        return await self.views[owner.kind](pod, visit, owner)


def _marked(answer: Answer, marks: Mapping[str, int]) -> Answer:
    cookie = f"{COOKIE}={format_marks(marks)}; Path=/; HttpOnly; SameSite=Lax"
    return answer.with_header("Set-Cookie", cookie)


def out_of_service() -> Answer:
    """A database cannot be reached; what was to be written is not."""
    text = b"This page cannot be shown now. Try again in a moment.\n"
    answer = Answer(503, text, content_type="text/plain")
    return answer.with_header("Retry-After", str(RETRY_AFTER_SECONDS))


def replicas(pod: Pod) -> Answer:
    """How far the replicas that this pod reads are behind; null: one cannot be reached."""
    told = {
        "pod": pod.cluster.me,
        "region": pod.cluster.region,
        "lag_seconds": {
            name: lag if lag is None else round(lag, 3)
            for name, lag in pod.databases.lag_seconds().items()
        },
    }
    return Answer(200, json.dumps(told).encode(), content_type="application/json")


def learn(pod: Pod, visit: Visit) -> Answer:
    """Tell a router whose a path is; it does not wait, as routers ask others after a while."""
    try:
        _, path = parse_learn_query(visit.target.partition("?")[2])
    except ProtocolError as error:
        return Answer(400, f"{error}\n".encode(), content_type="text/plain")
    owner = pod.next_owner_of(path)
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
