"""Moves an organization in a world of its own while people use it, and says what they noticed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from typing import Any

import attrs
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

from pods.reference.databases import Databases, open_databases, writing
from pods.reference.ids import Ids
from pods.reference.issues import Issues
from pods.reference.moves.mover import MoveError, Patience, Progress
from pods.reference.moves.report import Report
from pods.reference.moves.traffic import Notes, Person, Place
from pods.reference.people import People, User, hash_password
from pods.reference.resource import Served
from pods.reference.tenancy import State, Tenancy
from pods.reference.tenants import Project, Tenants
from pods.reference.world import PODS, ROUTERS, World, WorldSettings, check_destination

PEOPLE = 3  #: of each kind, at each router
ROWS = 1_000  #: issues that are there before anybody comes
AROUND_SECONDS = 1.0  #: people come so long before the move, and go so long after it
_NAME, _PASSWORD = "traveller", "travels-with-the-organization"
_ROUTER_TABLES = {"not_found": {"delay": "off"}, "log": {"access": ""}}


@attrs.frozen(kw_only=True)
class Plan:
    """What is to be played."""

    strategy: str  #: of both routers
    organization: str
    destination: str  #: the name of a pod
    people: int = PEOPLE
    rows: int = ROWS
    around_seconds: float = AROUND_SECONDS
    patience: Patience = attrs.field(factory=Patience)


async def play(
    reactor: Any, plan: Plan, observe: Callable[[Progress], object] = lambda progress: None
) -> Report:
    """Move the organization.

    :param observe: told how far the move is, in the reactor's thread.
    :raises pods.reference.moves.mover.MoveError: there is no such organization or pod, or it is
        there already.
    """
    check_destination(plan.destination)
    journey = _Journey(reactor, plan, observe)
    await journey.open()
    try:
        return await journey.make()
    finally:
        await journey.world.stopService()


class _Journey:
    """One move, in a world that goes with it."""

    def __init__(self, reactor: Any, plan: Plan, observe: Callable[[Progress], object]) -> None:
        self._reactor = reactor
        self._plan = plan
        self._observe = observe
        self._notes = Notes()
        self._served: list[tuple[float, Served]] = []
        self._reached: dict[State, float] = {}
        chosen = WorldSettings(strategy=plan.strategy, base_port=None, router_tables=_ROUTER_TABLES)
        self.world = World(chosen, reactor, observe=self._note_served)

    async def open(self) -> None:
        """Start the world."""
        self.world.startService()
        await self.world.when_listening()

    async def make(self) -> Report:
        """Let people come, move, and let them go."""
        source, place = self._settle_in()
        people = list(self._people())
        for person in people:
            await person.come(_NAME, _PASSWORD, place)
        working = [Deferred.fromCoroutine(person.work(place)) for person in people]
        everybody = gatherResults(working, consumeErrors=True)
        try:
            await deferLater(self._reactor, self._plan.around_seconds)
            moved = await self.world.move(
                self._plan.organization,
                self._plan.destination,
                self._note_progress,
                self._plan.patience,
            )
            await deferLater(self._reactor, self._plan.around_seconds)
        finally:
            for person in people:
                person.stopping = True
            await everybody
            for person in people:
                await person.leave()
        return Report(
            move=moved,
            strategy=self._plan.strategy,
            place=place,
            notes=self._notes,
            served=self._served,
            reached=self._reached,
            arrived=self._titles(moved.destination, place),
            left_rows=len(self._titles(source, place)),
        )

    # -- what is there -------------------------------------------------------

    def _settle_in(self) -> tuple[str, Place]:
        """Where the organization is, and a new project of it beside one that has many issues."""
        organization, source = self._plan.organization, self._source()
        with self._opened(source) as databases:
            view = databases.view()
            ids = Ids(view.routes, view.main, source)
            tenants, issues = Tenants(view.routes, view.main, ids), Issues(view.main, ids)
            namespace = tenants.namespaces_of(organization, source)[0].path
            path, archive = f"{namespace}/journey", f"{namespace}/archive"
            with writing(view.main):
                for project in (path, archive):
                    tenants.save_project(Project(project, namespace, project, "", True))
                for number in range(self._plan.rows):
                    issues.add(organization, archive, f"Before {number}", _NAME)
            member = frozenset({f"organizations/{organization}"})
            user = User(_NAME, organization, False, member)
            People(view.users).add(user, hash_password(_PASSWORD))
            held = tenants.project(path)
        assert held is not None
        return source, Place(organization=organization, project=path, project_id=held.id)

    def _source(self) -> str:
        name = next(iter(PODS))
        with self._opened(name) as databases:
            tenancy = Tenancy(databases.view().fresh, name)
            route = tenancy.find(f"organizations/{self._plan.organization}")
        if route is None:
            raise MoveError(f"there is no organization {self._plan.organization!r}")
        return route.pod_id

    def _titles(self, pod: str, place: Place) -> Sequence[str]:
        with self._opened(pod) as databases:
            main = databases.view().main.fresh
            namespace, _, _ = place.project.partition("/")
            rows = main.query("select title from issues where project like ?", [f"{namespace}/%"])
        return [row["title"] for row in rows]

    def _opened(self, pod: str) -> AbstractContextManager[Databases]:
        return closing(open_databases(self.world.pods[pod].settings.places, pod))

    # -- who watches ---------------------------------------------------------

    def _people(self) -> Iterator[Person]:
        for router in ROUTERS:
            for keeps_cookies in (True, False):
                for number in range(self._plan.people):
                    kind = "browser" if keeps_cookies else "program"
                    name = f"{kind}-{router}-{number}"
                    url = self.world.url(router)
                    yield Person(name, url, keeps_cookies, self._reactor, self._notes)

    def _note_served(self, served: Served) -> None:
        self._served.append((self._reactor.seconds(), served))

    def _note_progress(self, progress: Progress) -> None:
        """Called by the mover, in its thread."""
        self._reached.setdefault(progress.state, self._reactor.seconds())
        self._reactor.callFromThread(self._observe, progress)
