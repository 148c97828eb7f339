"""A move that overtakes requests, and movers that die while requests wait."""

from __future__ import annotations

import attrs
from twisted.internet.defer import Deferred

from pods.reference.application import Pod
from pods.reference.databases import writing
from pods.reference.moves import holding
from pods.reference.ownership import Kind, Owner, TenantRoute
from pods.reference.tenancy import Held, State
from pods.reference.views import VIEWS
from pods.reference.visits import Answer, Visit, bounce
from tests.test_reference_moves_requests import (
    HOLD_SECONDS,
    ORGANIZATION,
    OTHER,
    PROJECT,
    SOURCE,
    TARGET,
    RequestTestCase,
    bounced_to,
)


class OvertakenTests(RequestTestCase):
    """The whole move happens while a pod is about to answer."""

    def answer_after_a_move(self, write: bool) -> tuple[int, str | None]:
        async def slow(pod: Pod, visit: Visit, owner: Owner) -> Answer:
            if owner.pod != SOURCE:
                return bounce(visit, owner.pod, pod.names)
            self.move_until(None)
            if write:
                pod.issues.add(ORGANIZATION, PROJECT[1:], "Too late", "casey")
            return Answer(200, b"as it was")

        application = attrs.evolve(self.applications[SOURCE], views={**VIEWS, Kind.NAMESPACE: slow})
        answering = Deferred.fromCoroutine(application.answer(self.visit(PROJECT)))
        self.wait(0.2)
        return self.now(answering)

    def test_what_was_read_before_is_not_shown_any_more(self) -> None:
        self.assertEqual(self.answer_after_a_move(write=False), bounced_to(TARGET))

    def test_what_would_be_written_afterwards_is_not(self) -> None:
        before = self.titles()
        self.assertEqual(self.answer_after_a_move(write=True), bounced_to(TARGET))
        self.assertEqual(self.titles(), before)

    def titles(self) -> set[str]:
        rows = (
            pod.databases.view().main.query("select title from issues")
            for pod in self.pods.values()
        )
        return {row["title"] for found in rows for row in found}

    def test_no_group_is_made_once_the_move_has_gone_so_far(self) -> None:
        """Not even at a pod that still serves: its rows would stay behind."""
        self.move_until(State.HELD)
        self.assertEqual(self.ask(SOURCE), (200, None))
        route = TenantRoute("my-lab", SOURCE, ORGANIZATION, private=True)
        pod = self.pods[SOURCE]
        self.assertRaises(Held, pod.tenants.add_namespace, route, "My Lab")
        self.assertIsNone(pod.fresh.find("my-lab"))


class DeadMoverTests(RequestTestCase):
    def test_the_old_pod_takes_the_organization_back(self) -> None:
        self.stop_source()
        answers: list[tuple[int, str | None]] = []
        for _ in range(round(holding.SILENCE_SECONDS) + 2):
            answering = self.start(SOURCE)
            self.wait(HOLD_SECONDS + 0.1)
            answers.append(self.now(answering))
            if answers[-1] == (200, None):
                break
        self.assertEqual(answers[0], (503, "1"))
        self.assertEqual(answers[-1], (200, None))
        self.assertEqual(self.state(), State.UNDOING)
        self.assertEqual(self.ask(TARGET), bounced_to(SOURCE))
        self.go_on()
        self.assertEqual(self.state(), State.UNDONE)

    def test_also_by_a_pod_that_lets_nobody_wait(self) -> None:
        application = self.applications[SOURCE]
        self.applications[SOURCE] = attrs.evolve(application, hold_seconds=0)
        self.stop_source()
        self.assertEqual(self.ask(SOURCE), (503, "1"))
        self.wait(2 * holding.SILENCE_SECONDS)
        self.assertEqual(self.ask(SOURCE), (200, None))

    def test_not_from_one_that_works(self) -> None:
        self.stop_source()
        answering = self.start(SOURCE)
        for _ in range(3):
            with writing(self.routes) as tx:
                tx.execute("update moves set beat = beat + 1")
            self.wait(holding.SILENCE_SECONDS - 1)
        self.assertEqual(self.state(), State.HELD)
        self.assertEqual(self.now(answering), (503, "1"))

    def test_no_other_pod_does(self) -> None:
        self.stop_source()
        for pod in (TARGET, OTHER):
            self.start(pod)
        self.wait(3 * holding.SILENCE_SECONDS)
        self.assertEqual(self.state(), State.HELD)

    def test_it_is_taken_back_though_nobody_waits_any_more(self) -> None:
        self.stop_source()
        self.start(SOURCE)
        self.wait(2 * holding.SILENCE_SECONDS)
        self.assertEqual(self.state(), State.UNDOING)
