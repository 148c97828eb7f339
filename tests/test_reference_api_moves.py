"""The API while an organization changes pods: nothing is done at the wrong one, or twice."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred

from pods.reference.visits import Answer
from pods.reference.waiting import LOOK_SECONDS
from tests.test_reference_moves_requests import (
    OTHER,
    SOURCE,
    TARGET,
    RequestTestCase,
)

NAME = "my-company/my-project"
ENCODED = f"/api/v4/projects/{NAME.replace('/', '%2F')}"
ONCE = f'{{"pod": "{TARGET}", "once": true}}'
PLAIN = f'{{"pod": "{TARGET}"}}'
ISSUE = f'mutation {{ createIssue(projectPath: "{NAME}", title: "Moved") {{ title }} }}'


class MovedApiTestCase(RequestTestCase):
    """Calls the API of pods between which an organization moves."""

    def setUp(self) -> None:
        super().setUp()
        project = self.pods[SOURCE].tenants.project(NAME)
        assert project is not None
        self.by_id = f"/api/v4/projects/{project.id}"

        self.runner = self.pods[OTHER].runners.register("for all pods", shared=True)

    def send(
        self, pod: str, target: str, sent: object, method: str = "POST", attempt: int = 1
    ) -> Deferred[Answer]:
        return self.start(pod, target, attempt, method=method, json=json.dumps(sent).encode())

    def ask_for_job(self, pod: str, attempt: int = 1) -> Deferred[Answer]:
        return self.send(pod, "/api/v4/jobs/request", {"token": self.runner}, attempt=attempt)

    def value(self, answering: Deferred[Answer]) -> Any:
        content = self.successResultOf(answering).content
        assert isinstance(content, bytes)
        return json.loads(content)

    def titles(self, pod: str) -> list[str]:
        issues = self.pods[pod].databases.view().main.fresh.query("select title from issues")
        return [row["title"] for row in issues]


class MovedApiTests(MovedApiTestCase):
    def test_what_was_asked_for_meanwhile_is_answered_afterwards(self) -> None:
        self.stop_source()
        scoped = "/api/organizations/my-organization/graphql"
        query = {"query": "{ projects { fullPath } }"}
        waiting = [
            (self.start(SOURCE, self.by_id), PLAIN),
            (self.start(SOURCE, ENCODED), ONCE),
            (self.send(SOURCE, scoped, query), PLAIN),
            (self.send(SOURCE, "/api/graphql", {"query": ISSUE}), ONCE),
            (self.send(SOURCE, f"{ENCODED}/issues", {"title": "Moved"}), ONCE),
            (self.start(SOURCE, "/search?search=x"), ONCE),
        ]
        for answering, _ in waiting:
            self.assertNoResult(answering)
        self.go_on()
        self.wait(1)
        for answering, redirect in waiting:
            self.assertEqual(self.now(answering), (302, redirect))

    def test_by_its_id_wherever_it_is(self) -> None:
        self.move_until(None)
        for pod in (SOURCE, OTHER):
            self.assertEqual(self.ask(pod, self.by_id), (302, PLAIN))
        self.assertEqual(self.ask(TARGET, self.by_id)[0], 200)

    def test_an_issue_is_made_once_and_stays(self) -> None:
        self.send(SOURCE, f"{ENCODED}/issues", {"title": "Before"})
        self.stop_source()
        posting = self.send(SOURCE, "/api/graphql", {"query": ISSUE})
        self.go_on()
        self.wait(1)
        self.assertEqual(self.now(posting), (302, ONCE))
        made = self.value(self.send(TARGET, "/api/graphql", {"query": ISSUE}, attempt=2))
        self.assertEqual(made, {"data": {"createIssue": {"title": "Moved"}}})
        self.assertEqual(self.titles(TARGET)[-2:], ["Before", "Moved"])
        self.assertNotIn("Moved", self.titles(SOURCE))


class MovedJobsTests(MovedApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.job = self.value(self.send(SOURCE, f"{ENCODED}/jobs", {"name": "test"}))

    def test_a_job_that_waits_is_not_given_away_meanwhile(self) -> None:
        self.stop_source()
        for pod in (SOURCE, TARGET):
            asking = self.ask_for_job(pod, attempt=2)
            self.assertNoResult(asking)
            self.wait(LOOK_SECONDS)
            self.assertEqual(self.successResultOf(asking).status, 204)
        self.go_on()
        self.wait(1)
        self.assertEqual(self.now(self.ask_for_job(SOURCE)), (302, ONCE))
        given = self.value(self.ask_for_job(TARGET, attempt=2))
        self.assertEqual(given, self.job | {"status": "running"})

    def test_a_job_that_runs_ends_where_it_is_then(self) -> None:
        self.value(self.ask_for_job(SOURCE))
        path, sent = f"/api/v4/jobs/{self.job['id']}", {"token": self.runner, "state": "success"}
        self.stop_source()
        ending = self.send(SOURCE, path, sent, "PUT")
        self.assertNoResult(ending)
        self.go_on()
        self.wait(1)
        self.assertEqual(self.now(ending), (302, PLAIN))
        ended = self.value(self.send(TARGET, path, sent, "PUT", attempt=2))
        self.assertEqual(ended["status"], "success")
