"""What requests are told while their organization changes pods."""

from __future__ import annotations

import contextlib
import os
from typing import Any

import attrs
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.template import flattenString

from pods.protocol import LEARN_PATH, HeaderNames
from pods.reference import seed
from pods.reference.api import paths
from pods.reference.application import Application, Pod
from pods.reference.databases import default_places, open_databases
from pods.reference.moves import holding
from pods.reference.moves.mover import Mover, Patience, Progress, begin, take_over
from pods.reference.ownership import Cluster
from pods.reference.tenancy import State, admit, last_move
from pods.reference.views import VIEWS
from pods.reference.visits import Answer, Visit, fields_of
from pods.reference.waiting import Bell
from pods.reference.world import PODS
from tests.test_reference_application import at_once

SOURCE, TARGET, OTHER = "pod_eu0", "pod_us1", "pod_us0"
ORGANIZATION, PROJECT = "my-organization", "/my-company/my-project"
AT_ONCE = Patience(replicas_seconds=0, linger_seconds=0)
HOLD_SECONDS = 3


class Stopped(Exception):
    """The mover stands still."""


class RequestTestCase(SynchronousTestCase):
    """Gives each test the demo's pods, and one who asks them."""

    def setUp(self) -> None:
        self.folder, self.clock = os.path.abspath(self.mktemp()), Clock()
        self.pods = {name: self.pod(name) for name in PODS}
        self.applications = {
            name: Application(
                pod,
                VIEWS,
                paths.view,
                holding.Holding(self.clock, pod.databases, name),
                HOLD_SECONDS,
            )
            for name, pod in self.pods.items()
        }
        self.addCleanup(self.stop)
        home = self.pods[OTHER]
        self.token = home.sessions.open(home.people.account("casey"))
        self.routes = home.databases.view().routes

    def pod(self, name: str) -> Pod:
        shared_dir, data_dir = (os.path.join(self.folder, part) for part in ("shared", name))
        databases = open_databases(default_places(shared_dir, data_dir), name, self.clock.seconds)
        self.addCleanup(databases.close)
        pod = Pod(
            cluster=Cluster(me=name, regions=PODS, legacy=OTHER),
            names=HeaderNames(),
            databases=databases,
            in_thread=at_once,
            bell=Bell(self.clock),
            clock_seconds=self.clock.seconds,
        )
        seed.plant(pod.view, pod.people, pod.tenants, name)
        return pod

    def stop(self) -> None:
        for application in self.applications.values():
            application.holding.stop()

    def start(
        self, pod: str, target: str = PROJECT, attempt: int = 1, **more: Any
    ) -> Deferred[Answer]:
        visit = self.visit(target, attempt, **more)
        return Deferred.fromCoroutine(self.applications[pod].answer(visit))

    def visit(self, target: str, attempt: int = 1, **more: Any) -> Visit:
        visit = Visit(
            method="GET",
            target=target,
            query=fields_of(target.partition("?")[2]),
            form={},
            token=self.token,
            headers={"x-gitlab-pod-attempt": str(attempt)},
        )
        return attrs.evolve(visit, **more)

    def now(self, answering: Deferred[Answer]) -> tuple[int, str | None]:
        """The status, and where a bounce goes or after how many seconds to come again."""
        answer = self.successResultOf(answering)
        headers = dict(answer.headers)
        names = ("X-Gitlab-Pod-Redirect", "Retry-After")
        return answer.status, next((headers[name] for name in names if name in headers), None)

    def ask(self, pod: str, *arguments: Any, **more: Any) -> tuple[int, str | None]:
        return self.now(self.start(pod, *arguments, **more))

    def move_until(self, state: State | None) -> None:
        """Begin a move that stops when it comes to that state, or when it is over."""

        def observe(progress: Progress) -> None:
            if progress.state is state:
                raise Stopped

        move = begin(self.routes, ORGANIZATION, TARGET)
        self.run_mover(Mover(self.databases(), move, observe, AT_ONCE))

    def run_mover(self, mover: Mover) -> None:
        with contextlib.suppress(Stopped):
            mover.run()

    def databases(self) -> dict[str, Any]:
        return {name: pod.databases for name, pod in self.pods.items()}

    def go_on(self, undo: bool = False) -> None:
        Mover(self.databases(), take_over(self.routes, ORGANIZATION, undo), patience=AT_ONCE).run()

    def wait(self, seconds: float) -> None:
        self.clock.pump([holding.LOOK_SECONDS] * round(seconds / holding.LOOK_SECONDS))

    def state(self) -> State:
        move = last_move(self.routes, ORGANIZATION)
        assert move is not None
        return move.state

    def stop_source(self) -> None:
        """Go as far as a mover that dies when nobody may serve any more."""
        self.move_until(State.HELD)
        pod = self.pods[SOURCE].databases.view()
        for name in ("main", "ci"):
            move = last_move(self.routes, ORGANIZATION)
            assert move is not None
            self.assertTrue(admit(pod.of(name), ORGANIZATION, False, move.number))


def bounced_to(pod: str) -> tuple[int, str]:
    return 302, f'{{"pod": "{pod}"}}'


class CopyingTests(RequestTestCase):
    def test_all_is_as_before(self) -> None:
        self.move_until(State.COPYING)
        self.assertEqual(self.ask(SOURCE), (200, None))
        for pod in (TARGET, OTHER):
            self.assertEqual(self.ask(pod), bounced_to(SOURCE))

    def test_the_admin_area_lists_what_is_served_there(self) -> None:
        self.token = self.sign_in("root")
        for state, (here, there) in (
            (None, (True, False)),
            (State.SWITCHED, (False, True)),
            (State.DONE, (False, True)),
        ):
            if state is State.SWITCHED:
                self.move_until(State.SWITCHED)
                self.assertEqual(self.ask(TARGET), (404, None))  # it is not for root, but served
            elif state is State.DONE:
                self.go_on()
            self.assertEqual(self.lists(SOURCE), here)
            self.assertEqual(self.lists(TARGET), there)

    def test_nor_what_is_only_being_copied(self) -> None:
        self.token = self.sign_in("root")
        self.stop_source()
        self.assertTrue(self.pods[TARGET].tenants.project(PROJECT[1:]))
        for pod in (SOURCE, TARGET):
            self.assertFalse(self.lists(pod))

    def sign_in(self, username: str) -> str:
        home = self.pods[OTHER]
        return home.sessions.open(home.people.account(username))

    def lists(self, pod: str) -> bool:
        answer = self.successResultOf(self.start(pod, f"/admin/pods/{pod}/projects"))
        self.assertEqual(answer.status, 200)
        page = self.successResultOf(flattenString(None, answer.content)).decode()
        return f'href="{PROJECT}"' in page


class HeldTests(RequestTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.stop_source()

    def test_everybody_waits_and_then_the_new_pod_answers(self) -> None:
        waiting = {pod: self.start(pod) for pod in (SOURCE, TARGET, OTHER)}
        self.wait(1)
        for answering in waiting.values():
            self.assertNoResult(answering)
        self.go_on()
        self.wait(0.1)
        self.assertEqual(self.now(waiting[SOURCE]), bounced_to(TARGET))
        self.assertEqual(self.now(waiting[TARGET]), (200, None))
        self.assertEqual(self.now(waiting[OTHER]), bounced_to(TARGET))

    def test_or_the_old_one_if_it_is_undone(self) -> None:
        waiting = {pod: self.start(pod) for pod in (SOURCE, TARGET)}
        self.wait(1)
        self.go_on(undo=True)
        self.wait(0.1)
        self.assertEqual(self.now(waiting[SOURCE]), (200, None))
        self.assertEqual(self.now(waiting[TARGET]), bounced_to(SOURCE))

    def test_not_for_ever(self) -> None:
        answering = self.start(TARGET)
        self.wait(HOLD_SECONDS - 0.2)
        self.assertNoResult(answering)
        self.wait(0.4)
        self.assertEqual(self.now(answering), (503, "1"))

    def test_not_too_many(self) -> None:
        self.patch(holding, "WAITING_LIMIT", 2)
        waiting = [self.start(SOURCE) for _ in range(2)]
        self.assertEqual(self.ask(SOURCE), (503, "1"))
        self.go_on()
        self.wait(0.1)
        self.assertEqual([self.now(one)[0] for one in waiting], [302, 302])

    def test_a_client_that_goes_away_is_not_waited_for(self) -> None:
        answering = self.start(SOURCE)
        answering.cancel()
        self.failureResultOf(answering)
        self.assertEqual(self.applications[SOURCE].holding.waiting, 0)

    def test_a_pod_that_stops_lets_nobody_wait(self) -> None:
        answering = self.start(SOURCE)
        self.applications[SOURCE].holding.stop()
        self.failureResultOf(answering, CancelledError)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_what_is_not_the_organizations_waits_for_nothing(self) -> None:
        self.assertEqual(self.ask(OTHER, "/gitlab-org/gitlab"), (200, None))
        self.assertEqual(self.ask(TARGET, "/users/sign_in"), (200, None))

    def test_a_write_waits_and_happens_once(self) -> None:
        number = self.issue_project()
        waiting = self.add_issue(SOURCE, number)
        self.wait(1)
        self.assertNoResult(waiting)
        self.go_on()
        self.wait(0.1)
        self.assertEqual(self.now(waiting), bounced_to(TARGET))
        self.assertEqual(self.now(self.add_issue(TARGET, number))[0], 201)
        titles = [
            issue.title for issue in self.pods[TARGET].issues.of_project("my-company/my-project")
        ]
        self.assertEqual(titles.count("Written"), 1)

    def issue_project(self) -> int:
        row = self.pods[SOURCE].view.main.one("select id from projects where path = ?", PROJECT[1:])
        assert row is not None
        return int(row["id"])

    def add_issue(self, pod: str, number: int) -> Deferred[Answer]:
        return self.start(
            pod,
            f"/api/v4/projects/{number}/issues",
            method="POST",
            json=b'{"title": "Written"}',
        )

    def test_a_router_that_asks_is_told_where_it_will_be(self) -> None:
        target = f"{LEARN_PATH}?method=GET&path_info={PROJECT}"
        answer = self.successResultOf(self.start(OTHER, target))
        self.assertEqual(answer.status, 200)
        self.assertIn(b'"pod": "pod_us1"', answer.content)


class SwitchedTests(RequestTestCase):
    def test_the_old_pod_bounces_and_the_new_one_teaches(self) -> None:
        self.move_until(State.SWITCHED)
        answer = self.successResultOf(self.start(TARGET))
        self.assertEqual(answer.status, 200)
        self.assertIn(("X-Gitlab-Pod-Cache", '{"path_prefix": "/my-company/"}'), answer.headers)
        for pod in (SOURCE, OTHER):
            self.assertEqual(self.ask(pod), bounced_to(TARGET))

    def test_a_request_from_the_new_pod_is_not_sent_back_there(self) -> None:
        """It was on its way from there to here when the switch came."""
        self.move_until(State.SWITCHED)
        self.assertEqual(self.ask(SOURCE, attempt=2), (503, "1"))
        self.go_on()
        self.assertEqual(self.ask(SOURCE, attempt=2), bounced_to(TARGET))

    def test_one_that_had_to_wait_is_not_sent_back_either(self) -> None:
        self.stop_source()
        answering = self.start(SOURCE, attempt=2)
        self.run_to_switched()
        self.wait(0.1)
        self.assertEqual(self.now(answering), (503, "1"))

    def run_to_switched(self) -> None:
        def observe(progress: Progress) -> None:
            if progress.state is State.SWITCHED:
                raise Stopped

        move = take_over(self.routes, ORGANIZATION)
        self.run_mover(Mover(self.databases(), move, observe, AT_ONCE))

    def test_things_are_found_by_their_ids(self) -> None:
        ids = {
            kind: self.pods[SOURCE].view.main.query(f"select max(id) as id from {kind}")[0]["id"]
            for kind in ("projects", "namespaces")
        }
        self.move_until(None)
        for path in (f"projects/{ids['projects']}", f"groups/{ids['namespaces']}"):
            self.assertEqual(self.ask(TARGET, f"/api/v4/{path}"), (200, None))
            for pod in (SOURCE, OTHER):
                self.assertEqual(self.ask(pod, f"/api/v4/{path}"), bounced_to(TARGET))
