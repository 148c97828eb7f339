"""The API of a reference pod, without a socket: REST by id and by name, tokens, search."""

from __future__ import annotations

import json
import os
from typing import Any, ClassVar

from twisted.internet.defer import Deferred

from pods.reference.databases import Databases, default_places, open_databases
from pods.reference.ids import LEASE_SIZE
from pods.reference.visits import Answer, Visit, fields_of
from tests.test_reference_application import CACHE, ApplicationTestCase
from tests.test_reference_ownership import REGIONS

MY_PROJECT = "/api/v4/projects/my-company%2Fmy-project"
GITLAB = "/api/v4/projects/gitlab-org%2Fgitlab"


class ApiTestCase(ApplicationTestCase):
    """Calls the API of the four pods of the demo."""

    def setUp(self) -> None:
        super().setUp()
        self.private_token: str | None = None
        self.attempt: str | None = None

    def start(
        self, pod: str, target: str, method: str = "GET", sent: object = None
    ) -> Deferred[Answer]:
        headers = {"private-token": self.private_token, "x-gitlab-pod-attempt": self.attempt}
        visit = Visit(
            method=method,
            target=target,
            query=fields_of(target.partition("?")[2]),
            form={},
            json=None if sent is None else json.dumps(sent).encode(),
            token=self.token,
            headers={name: value for name, value in headers.items() if value is not None},
        )
        return Deferred.fromCoroutine(self.application(pod).answer(visit))

    def call(self, pod: str, target: str, method: str = "GET", sent: object = None) -> Answer:
        return self.successResultOf(self.start(pod, target, method, sent))

    def value(self, answer: Answer, status: int = 200) -> Any:
        self.assertEqual(answer.status, status, self.text(answer))
        self.assertEqual(answer.content_type, "application/json")
        return json.loads(self.text(answer))

    def assert_refused(self, answer: Answer, status: int, message: str) -> None:
        self.assertIn(message, self.value(answer, status)["message"])
        self.assertIsNone(self.header(answer, CACHE))

    def id_of(self, pod: str, path: str) -> int:
        project = self.pods[pod].tenants.project(path)
        assert project is not None
        return project.id


class IdsTests(ApiTestCase):
    """What has an id is found by it from any pod."""

    def test_each_pod_gives_ids_of_its_own_range(self) -> None:
        ranges = {
            pod: {(one.id - 1) // LEASE_SIZE for one in self.pods[pod].tenants.projects()}
            for pod in ("pod_us0", "pod_us1", "pod_eu0")
        }
        self.assertEqual({len(found) for found in ranges.values()}, {1})
        self.assertEqual(len(set.union(*ranges.values())), 3)

    def test_a_project_by_its_id(self) -> None:
        self.sign_in("casey")
        number = self.id_of("pod_eu0", "my-company/my-project")
        path = f"/api/v4/projects/{number}"
        answer = self.call("pod_eu0", path)
        self.assertEqual(
            self.value(answer),
            {
                "id": number,
                "path_with_namespace": "my-company/my-project",
                "name": "My Project",
                "visibility": "private",
            },
        )
        self.assertEqual(self.header(answer, CACHE), f'{{"path_prefix": "{path}/"}}')
        self.assert_bounced(self.call("pod_us1", path), path, '{"pod": "pod_eu0"}')

    def test_a_group_by_its_id_and_by_its_name(self) -> None:
        number = self.pods["pod_us0"].tenants.namespace_id("gitlab-org")
        for name in (number, "gitlab-org"):
            path = f"/api/v4/groups/{name}"
            self.assert_bounced(self.call("pod_eu1", path), path, '{"pod": "pod_us0"}')
            group = self.value(self.call("pod_us0", path))
            self.assertEqual((group["id"], group["full_path"]), (number, "gitlab-org"))

    def test_what_was_moved_is_found_where_it_is(self) -> None:
        number = self.id_of("pod_us0", "gitlab-org/gitlab") + 100  # nothing there has it
        self.pods["pod_us0"].ids.move("projects", [number], "my-organization")
        path = f"/api/v4/projects/{number}"
        self.assert_bounced(self.call("pod_us0", path), path, '{"pod": "pod_eu0"}')

    def test_an_id_that_nothing_has(self) -> None:
        for number in (0, LEASE_SIZE - 1, 10 * LEASE_SIZE, 2**64):
            self.assert_refused(
                self.call("pod_us0", f"/api/v4/projects/{number}"), 404, "Not Found"
            )


class EncodedNamesTests(ApiTestCase):
    """``%2F`` says whose it is, but routers do not look into it."""

    def test_bounced_each_time_and_taught_never(self) -> None:
        self.assert_bounced(
            self.call("pod_eu1", GITLAB), GITLAB, '{"pod": "pod_us0", "once": true}'
        )
        answer = self.call("pod_us0", GITLAB)
        self.assertEqual(self.value(answer)["path_with_namespace"], "gitlab-org/gitlab")
        self.assertIsNone(self.header(answer, CACHE))

    def test_private_things_are_not_there(self) -> None:
        nothing = self.call("pod_eu0", "/api/v4/projects/nothing%2Fat-all")
        self.assert_refused(nothing, 404, "Not Found")
        for pod in REGIONS:
            self.assertEqual(self.call(pod, MY_PROJECT), nothing)
        self.sign_in("taylor")
        self.assertEqual(self.call("pod_eu0", MY_PROJECT), nothing)
        for path in ("gitlab-org%2Fnothing", "gitlab-org", "gitlab-org%2Fgitlab%2Fx"):
            answer = self.call("pod_us0", f"/api/v4/projects/{path}")
            self.assert_refused(answer, 404, "Not Found")

    def test_a_private_project_of_a_public_group(self) -> None:
        path = "/api/v4/projects/gitlab-org%2Fsecurity"
        self.assert_refused(self.call("pod_us0", path), 404, "Not Found")
        self.sign_in("taylor")
        self.assertEqual(self.value(self.call("pod_us0", path))["visibility"], "private")


class IssuesTests(ApiTestCase):
    def test_an_issue_is_made_and_listed(self) -> None:
        self.sign_in("casey")
        made = self.value(self.call("pod_us0", f"{GITLAB}/issues", "POST", {"title": "Hi"}), 201)
        self.assertEqual((made["title"], made["author"]), ("Hi", "casey"))
        self.assertIn(made, self.value(self.call("pod_us0", f"{GITLAB}/issues")))
        self.assert_page(self.ask("pod_us0", made["web_url"]), "Hi", "/gitlab-org/")

    def test_a_post_is_bounced_with_its_body_unread(self) -> None:
        self.sign_in("casey")
        path = f"{MY_PROJECT}/issues"
        self.assert_bounced(
            self.call("pod_us0", path, "POST", {}), path, '{"pod": "pod_eu0", "once": true}'
        )

    def test_who_is_not_signed_in_writes_nothing(self) -> None:
        answer = self.call("pod_us0", f"{GITLAB}/issues", "POST", {"title": "Hi"})
        self.assert_refused(answer, 401, "Private-Token")

    def test_what_is_wrong_with_a_body(self) -> None:
        self.sign_in("taylor")
        for sent, status, message in (
            (None, 415, "Content-Type: application/json"),
            ([], 400, "must be a JSON object"),
            ({}, 400, "title must be a text of 1 to 255 characters"),
            ({"title": ""}, 400, "title must be"),
            ({"title": "x" * 256}, 400, "title must be"),
            ({"title": "a\nb"}, 400, "printable"),
            ({"title": "\ud800"}, 400, "printable"),
            ({"title": 7}, 400, "title must be a text"),
        ):
            answer = self.call("pod_us0", f"{GITLAB}/issues", "POST", sent)
            self.assert_refused(answer, status, message)

    def test_a_body_that_is_no_json(self) -> None:
        self.sign_in("taylor")
        visit = Visit(
            method="POST",
            target=f"{GITLAB}/issues",
            query={},
            form={},
            json=b"{" + b"[" * 100_000,
            token=self.token,
        )
        answering = self.application("pod_us0").answer(visit)
        answer = self.successResultOf(Deferred.fromCoroutine(answering))
        self.assert_refused(answer, 400, "no JSON")

    def test_an_issue_of_another_project_is_not_there(self) -> None:
        self.sign_in("taylor")
        issue = next(iter(self.pods["pod_us0"].issues.of_project("gitlab-org/security")))
        self.assert_not_found(self.ask("pod_us0", f"/gitlab-org/gitlab/-/issues/{issue.id}"))
        self.assert_not_found(self.ask("pod_us0", f"/gitlab-org/gitlab/-/issues/{2**64}"))
        self.sign_in("casey")
        self.assert_not_found(self.ask("pod_us0", issue.path))


class ReplicaTests(ApiTestCase):
    """Programs keep no session, so they cannot say what they have just written."""

    def open(self, pod: str) -> Databases:
        shared_dir, data_dir = (os.path.join(self.folder, name) for name in ("shared", pod))
        places = default_places(shared_dir, data_dir, REGIONS[pod])
        databases = open_databases(places, pod, self.clock.seconds)
        self.addCleanup(databases.close)
        return databases

    def test_what_has_just_been_made_is_found(self) -> None:
        """By nothing but the primary: no replica is copied here after the start."""
        self.private_token = self.pods["pod_us1"].tokens.add("taylor", "script")
        path = f"/api/v4/projects/{self.id_of('pod_us0', 'gitlab-org/gitlab')}"
        self.assert_bounced(self.call("pod_eu1", path), path, '{"pod": "pod_us0"}')
        self.assertEqual(self.value(self.call("pod_eu0", "/api/v4/user"))["username"], "taylor")

    def test_who_wants_to_change_something_is_asked_for_at_the_primary(self) -> None:
        pod = self.pods["pod_us0"]
        self.private_token = pod.tokens.add("taylor", "script")
        for one in self.pods.values():
            one.databases.catch_up()
        pod.tokens.revoke(self.private_token)
        self.assertEqual(self.call("pod_us0", "/api/v4/user").status, 200)
        answer = self.call("pod_us0", f"{GITLAB}/issues", "POST", {"title": "Hi"})
        self.assert_refused(answer, 401, "Private-Token")


class PrivacyTests(ApiTestCase):
    """What is private and what is not there are one and the same."""

    requests = (
        ("GET", "/api/v4/groups/{group}", None),
        ("GET", "/api/v4/groups/{group}%2Fx", None),
        ("GET", "/api/v4/projects/{group}%2Fmy-project", None),
        ("GET", "/api/v4/projects/{group}%2Fmy-project/issues", None),
        ("POST", "/api/v4/projects/{group}%2Fmy-project/issues", {"title": "Hi"}),
        ("POST", "/api/v4/projects/{group}%2Fmy-project/jobs", {"name": "test"}),
        ("GET", "/api/organizations/{organization}/search?search=x", None),
        ("POST", "/api/organizations/{organization}/graphql", {"query": "{ nothing }"}),
        ("GET", "/api/v4/search?organization={organization}", None),
    )
    there: ClassVar = {"group": "my-company", "organization": "my-organization"}
    nowhere: ClassVar = {"group": "nothing", "organization": "nothing"}

    def assert_alike(self, pod: str) -> None:
        for method, target, sent in self.requests:
            private = self.call(pod, target.format(**self.there), method, sent)
            nothing = self.call(pod, target.format(**self.nowhere), method, sent)
            self.assertEqual(private, nothing, target)
            self.assert_refused(private, 404, "Not Found")

    def test_for_who_is_not_signed_in_at_every_pod(self) -> None:
        for pod in REGIONS:
            self.assert_alike(pod)

    def test_for_who_is_no_member_at_its_own_pod(self) -> None:
        self.sign_in("taylor")
        self.assert_alike("pod_eu0")


class PathsTests(ApiTestCase):
    def test_methods_are_refused_the_same_way_whatever_is_there(self) -> None:
        for path in (GITLAB, MY_PROJECT, "/api/v4/projects/nothing%2Fx", "/api/v4/projects/999"):
            answer = self.call("pod_us0", path, "DELETE")
            self.assertEqual((answer.status, self.header(answer, "Allow")), (405, "GET"))

    def test_what_is_no_api(self) -> None:
        for method in ("GET", "POST"):
            for path in ("/api/", "/api/v4", "/api/v4/nothing", "/api/v4/projects/1/nothing"):
                self.assert_refused(self.call("pod_us0", path, method), 404, "Not Found")


class TokensTests(ApiTestCase):
    path = "/api/v4/personal_access_tokens"

    def test_a_token_is_good_at_every_pod_until_it_is_revoked(self) -> None:
        self.sign_in("casey")
        made = self.value(self.call("pod_us1", self.path, "POST", {"name": "script"}), 201)
        self.assertEqual(made["name"], "script")
        self.token, self.private_token = "", made["token"]
        for pod in REGIONS:
            user = self.value(self.call(pod, "/api/v4/user"))
            self.assertEqual(user["username"], "casey")
        self.value(self.call("pod_eu1", f"{self.path}/self", "DELETE"))
        self.assert_refused(self.call("pod_us0", "/api/v4/user"), 401, "Unauthorized")

    def test_only_its_hash_is_kept(self) -> None:
        token = self.pods["pod_us0"].tokens.add("casey", "script")
        rows = self.pods["pod_us0"].view.users.query("select * from access_tokens")
        self.assertEqual(len(rows), 1)
        self.assertNotIn(token, str(rows))

    def test_a_wrong_token_is_refused_even_where_none_is_needed(self) -> None:
        self.private_token = "wrong"
        self.assert_refused(self.call("pod_us0", GITLAB), 401, "Private-Token")

    def test_who_says_nothing_is_nobody(self) -> None:
        for path, method in (("/api/v4/user", "GET"), (self.path, "POST")):
            self.assert_refused(self.call("pod_us0", path, method), 401, "Private-Token")
