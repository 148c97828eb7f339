"""Moving an organization: every step, and the death of the mover before every transaction."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs
from twisted.trial.unittest import SynchronousTestCase

from pods.reference.databases import SCHEMAS, Databases, default_places, open_databases
from pods.reference.ids import Ids
from pods.reference.issues import Issue, Issues
from pods.reference.moves import copying
from pods.reference.moves.copying import BELONGINGS, STAYING
from pods.reference.moves.mover import MoveError, Mover, Patience, Progress, begin, take_over
from pods.reference.ownership import TenantRoute
from pods.reference.people import PUBLIC_ORGANIZATION
from pods.reference.runners import Jobs, Runners
from pods.reference.tenancy import OWN, Held, Stale, State, Tenancy, last_move
from pods.reference.tenants import Organization, Project, Tenants

PODS = {"pod_us0": "us", "pod_us1": "us", "pod_eu0": "eu"}
SOURCE, TARGET, OTHER = "pod_eu0", "pod_us1", "pod_us0"
ORGANIZATION = "my-organization"
AT_ONCE = Patience(replicas_seconds=0, linger_seconds=0)
HERE, HELD = "here", "held"


class Stopped(Exception):
    """The mover stands still."""


@attrs.frozen
class One:
    """One pod, seen by a visit that begins now."""

    name: str
    databases: Databases

    @property
    def tenancy(self) -> Tenancy:
        return Tenancy(self.databases.view().fresh, self.name)

    @property
    def ids(self) -> Ids:
        view = self.databases.view()
        return Ids(view.routes, view.main, self.name)

    @property
    def tenants(self) -> Tenants:
        view = self.databases.view()
        return Tenants(view.routes, view.main, self.ids)

    @property
    def issues(self) -> Issues:
        return Issues(self.databases.view().main, self.ids)

    @property
    def jobs(self) -> Jobs:
        view = self.databases.view()
        return Jobs(view.admin, view.ci, self.ids, self.name)

    def says(self, path: str = f"organizations/{ORGANIZATION}") -> str:
        """What a request for the organization is told: HERE, HELD or where to go."""
        try:
            route = self.tenancy.find(path)
        except Held:
            return HELD
        assert route is not None
        return HERE if route.pod_id == self.name else route.pod_id


class MoveTestCase(SynchronousTestCase):
    """Gives each test pods, and an organization with something in every table."""

    replicas = False

    def setUp(self) -> None:
        self.folder = os.path.abspath(self.mktemp())
        self.pods = {name: One(name, self.open(name)) for name in PODS}
        self.source, self.target = self.pods[SOURCE], self.pods[TARGET]
        self.routes = self.source.databases.view().routes
        self.fill()
        self.catch_up()

    def open(self, pod: str) -> Databases:
        shared_dir, data_dir = (os.path.join(self.folder, name) for name in ("shared", pod))
        region = PODS[pod] if self.replicas else None
        databases = open_databases(default_places(shared_dir, data_dir, region), pod)
        self.addCleanup(databases.close)
        return databases

    def fill(self) -> None:
        tenants, issues, jobs = self.source.tenants, self.source.issues, self.source.jobs
        tenants.add_organization(Organization(ORGANIZATION, "My Company", "welcome"), SOURCE)
        self.source.says()  # it takes the right to serve it
        for name in ("my-company", "my-lab"):
            tenants.add_namespace(TenantRoute(name, SOURCE, ORGANIZATION, True), name.title())
            project = f"{name}/work"
            tenants.save_project(Project(project, name, "Work", "What we do.", True))
            for number in range(3):
                added = issues.add(ORGANIZATION, project, f"Issue {number}", "casey")
                issues.note_seen(ORGANIZATION, "casey", added, number)
            jobs.add(ORGANIZATION, project, "test", 0)
        public = TenantRoute("gitlab-org", SOURCE, PUBLIC_ORGANIZATION, False)
        tenants.add_namespace(public, "GitLab.org")
        tenants.save_project(Project("gitlab-org/gitlab", "gitlab-org", "GitLab", "", False))
        issues.add(PUBLIC_ORGANIZATION, "gitlab-org/gitlab", "Stays", "taylor")

    def catch_up(self) -> None:
        for pod in self.pods.values():
            pod.databases.catch_up()

    def databases(self) -> Mapping[str, Databases]:
        return {name: pod.databases for name, pod in self.pods.items()}

    def mover(self, observe: Callable[[Progress], object] = lambda progress: None) -> Mover:
        return Mover(self.databases(), begin(self.routes, ORGANIZATION, TARGET), observe, AT_ONCE)

    def again(self, undo: bool = False) -> Mover:
        return Mover(self.databases(), take_over(self.routes, ORGANIZATION, undo), patience=AT_ONCE)

    def state(self) -> State | None:
        move = last_move(self.routes, ORGANIZATION)
        return None if move is None else move.state

    def rows(self, pod: One, table: str) -> list[dict[str, Any]]:
        (name,) = (name for name in OWN if table in BELONGINGS[name])
        return pod.databases.view().of(name).fresh.query(f"select * from {table} order by 1, 2")

    def contents(self, pod: One) -> dict[str, list[dict[str, Any]]]:
        return {table: self.rows(pod, table) for name in OWN for table in BELONGINGS[name]}

    def leaves_alone(self, pod: One) -> dict[str, list[dict[str, Any]]]:
        """What is on the source but not the organization's."""
        return {
            table: [row for row in rows if "my-" not in str(row) and table != "recent_issues"]
            for table, rows in self.contents(pod).items()
        }

    def assert_at(self, pod: One, before: Mapping[str, Any]) -> None:
        """Everything of the organization is at ``pod`` and nothing elsewhere."""
        staying = self.leaves_alone(self.source)
        for one in self.pods.values():
            found = self.contents(one)
            if one is pod and one is self.source:
                self.assertEqual(found, before)
            elif one is pod:
                moved = {
                    table: [row for row in rows if row not in staying[table]]
                    for table, rows in before.items()
                }
                self.assertEqual(found, moved)
            elif one is self.source:
                self.assertEqual(found, staying)
            else:
                self.assertEqual(set(map(len, found.values())), {0})
            self.assertEqual(one.says(), HERE if one is pod else pod.name)
            self.assertEqual(one.says("my-lab"), HERE if one is pod else pod.name)


class MoverTests(MoveTestCase):
    def test_everything_arrives_and_nothing_else_does(self) -> None:
        before = self.contents(self.source)
        self.assertTrue(all(before.values()))
        moved = self.mover().run()
        self.assertEqual((moved.state, self.state()), (State.DONE, State.DONE))
        self.assert_at(self.target, before)

    def test_every_table_of_a_pod_moves_or_stays(self) -> None:
        for name in OWN:
            self.assertEqual({*BELONGINGS[name], *STAYING[name]}, set(SCHEMAS[name]))

    def test_and_back(self) -> None:
        before = self.contents(self.source)
        self.mover().run()
        back = begin(self.routes, ORGANIZATION, SOURCE)
        Mover(self.databases(), back, patience=AT_ONCE).run()
        self.assert_at(self.source, before)

    def test_more_rows_than_a_page_has(self) -> None:
        self.patch(copying, "PAGE_ROWS", 2)
        before = self.contents(self.source)
        seen: list[Progress] = []
        self.mover(seen.append).run()
        self.assert_at(self.target, before)
        self.assertEqual(
            list(dict.fromkeys(one.state for one in seen)),
            [State.COPYING, State.HELD, State.SWITCHED, State.DONE],
        )
        copied = [one.copied_rows for one in seen if one.state is State.COPYING]
        self.assertEqual((copied[0], copied[-1]), (0, seen[0].all_rows))

    def test_what_changes_while_it_is_copied_arrives_as_it_is(self) -> None:
        self.patch(copying, "PAGE_ROWS", 1)
        changes = self.changes()
        mover = self.mover(lambda progress: self.change_while_copying(progress, changes))
        mover.run()
        self.assertIsNone(next(changes, None))
        issues = [(row["project"], row["title"]) for row in self.rows(self.target, "issues")]
        self.assertIn(("my-new-lab/work", "Late"), issues)
        self.assertNotIn(("my-company/work", "Issue 0"), issues)
        names = [row["name"] for row in self.rows(self.target, "namespaces")]
        self.assertEqual(sorted(names), ["My New Lab", "My-Lab", "Renamed"])

    def test_what_is_written_just_before_nobody_may_arrives(self) -> None:
        def write(progress: Progress) -> None:
            if progress.state is State.HELD and not late:
                late.append(self.source.issues.add(ORGANIZATION, "my-lab/work", "Late", "casey"))

        late: list[Issue] = []
        self.mover(write).run()
        self.assertIn(attrs.asdict(late[0]), self.rows(self.target, "issues"))

    def change_while_copying(self, progress: Progress, changes: Iterator[object]) -> None:
        if progress.state is State.COPYING and progress.copied_rows:
            next(changes, None)

    def changes(self) -> Iterator[object]:
        from pods.reference.tenancy import changing

        tenants, main = self.source.tenants, self.source.databases.view().main
        with changing(main, ORGANIZATION) as tx:
            tx.execute("delete from issues where title = 'Issue 0' and project = 'my-company/work'")
        yield "deleted"
        with changing(main, ORGANIZATION) as tx:
            tx.execute("update namespaces set name = 'Renamed' where path = 'my-company'")
        yield "changed"
        route = TenantRoute("my-new-lab", SOURCE, ORGANIZATION, True)
        tenants.add_namespace(route, "My New Lab")
        self.source.issues.add(ORGANIZATION, "my-new-lab/work", "Late", "casey")
        yield "made"

    def test_ids_lead_to_where_things_are(self) -> None:
        number = self.rows(self.source, "projects")[-1]["id"]
        for kind in ("projects", "namespaces", "issues", "jobs"):
            number = self.rows(self.source, kind)[-1]["id"]
            self.assertIsNone(self.pods[OTHER].ids.moved_with(kind, number), kind)
        self.mover().run()
        for kind in ("projects", "namespaces", "issues", "jobs"):
            number = self.rows(self.target, kind)[-1]["id"]
            self.assertEqual(self.pods[OTHER].ids.moved_with(kind, number), ORGANIZATION)

    def test_jobs_wait_at_the_new_pod_also_those_of_runners_that_stay(self) -> None:
        view = self.source.databases.view()
        runners = Runners(view.admin, view.ci, SOURCE)
        runner = runners.find(runners.register("their own", shared=False))
        assert runner is not None
        taken = self.source.jobs.take(runner)
        assert taken is not None
        self.mover().run()
        self.assertIsNone(self.source.jobs.take(runner))
        waiting = self.routes_of_jobs()
        self.assertEqual(set(waiting.values()), {TARGET})
        self.assertEqual(set(waiting), {row["id"] for row in self.rows(self.target, "jobs")})
        self.assertIn(taken.id, waiting)

    def routes_of_jobs(self) -> dict[int, str]:
        rows = self.source.databases.view().admin.fresh.query("select * from pending_jobs")
        return {row["job_id"]: row["pod_id"] for row in rows}


class RefusedTests(MoveTestCase):
    def refused(self, text: str, *arguments: Any) -> None:
        call = take_over if len(arguments) < 2 or isinstance(arguments[1], bool) else begin
        error = self.assertRaises(MoveError, call, self.routes, *arguments)
        self.assertIn(text, str(error))

    def test_what_cannot_begin(self) -> None:
        self.refused("there is no organization 'nobody'", "nobody", TARGET)
        self.refused("is at pod_eu0 already", ORGANIZATION, SOURCE)
        self.refused("does not move", PUBLIC_ORGANIZATION, TARGET)
        begin(self.routes, ORGANIZATION, TARGET)
        self.refused("resume or undo that", ORGANIZATION, OTHER)

    def test_what_cannot_go_on(self) -> None:
        self.refused("is not being moved", ORGANIZATION)
        self.mover().run()
        self.refused("is not being moved", ORGANIZATION, True)

    def test_it_is_too_late_to_undo(self) -> None:
        def stop(progress: Progress) -> None:
            if progress.state is State.SWITCHED:
                raise Stopped

        self.assertRaises(Stopped, self.mover(stop).run)
        self.refused("move it back to pod_eu0", ORGANIZATION, True)
        self.again().run()
        self.assertEqual(self.target.says(), HERE)


class ReplicaTests(MoveTestCase):
    replicas = True

    def test_nobody_is_stopped_before_all_replicas_know(self) -> None:
        error = self.assertRaises(MoveError, self.mover().run)
        self.assertIn("the replica of routes for pod_us0 is too far behind", str(error))
        self.assertEqual((self.state(), self.source.says()), (State.COPYING, HERE))
        self.catch_up()
        error = self.assertRaises(MoveError, self.again().run)
        self.assertIn("routes", str(error))

    def test_a_replica_that_knows_of_the_move_is_not_believed(self) -> None:
        begin(self.routes, ORGANIZATION, TARGET)
        for pod in self.pods.values():
            self.assertNotEqual(pod.says(), HELD)
            replica = Tenancy(pod.databases.view(), pod.name)
            if pod is not self.source:
                self.assertEqual(replica.find("my-lab").pod_id, SOURCE)  # type: ignore[union-attr]
        self.catch_up()
        for pod in self.pods.values():
            replica = Tenancy(pod.databases.view(), pod.name)
            self.assertRaises(Stale, replica.find, "my-lab")
