"""GraphQL at both endpoints: whose a request is, and what it gets."""

from __future__ import annotations

from typing import Any

from twisted.logger import capturedLogs

from pods.reference.api.graphql import LATER, TOKENS_LIMIT
from pods.reference.databases import writing
from pods.reference.visits import Answer
from tests.test_reference_api import ApiTestCase
from tests.test_reference_application import CACHE, REDIRECT
from tests.test_reference_ownership import REGIONS

ANYBODYS = "/api/graphql"
SCOPED = "/api/organizations/my-organization/graphql"
PROJECT = "query($path: ID!) { project(fullPath: $path) { name } }"
ISSUE = """
mutation($path: ID!, $title: String!) {
  createIssue(projectPath: $path, title: $title) { id title author webUrl }
}
"""
ISSUE_OF = 'mutation($it: ID!) { createIssue(projectPath: $it, title: "x") { id } }'


class GraphqlTestCase(ApiTestCase):
    """Sends documents."""

    def send(
        self, query: str, pod: str = "pod_us0", endpoint: str = ANYBODYS, **variables: str
    ) -> Answer:
        return self.call(pod, endpoint, "POST", {"query": query, "variables": variables})

    def data(
        self, query: str, pod: str = "pod_us0", endpoint: str = ANYBODYS, **variables: str
    ) -> Any:
        value = self.value(self.send(query, pod, endpoint, **variables))
        self.assertNotIn("errors", value)
        return value["data"]

    def error(self, query: str, pod: str = "pod_us0", **variables: str) -> str:
        (error,) = self.value(self.send(query, pod, **variables))["errors"]
        return str(error["message"])

    def assert_sent_once(self, answer: Answer, pod: str) -> None:
        self.assert_bounced(answer, ANYBODYS, f'{{"pod": "{pod}", "once": true}}')


class WhoseTests(GraphqlTestCase):
    """``/api/graphql`` is decoded from the body."""

    def test_by_the_path_of_a_project(self) -> None:
        for pod in ("pod_us1", "pod_eu0", "pod_eu1"):
            self.assert_sent_once(self.send(PROJECT, pod, path="gitlab-org/gitlab"), "pod_us0")
        answer = self.send(PROJECT, path="gitlab-org/gitlab")
        self.assertEqual(self.value(answer), {"data": {"project": {"name": "GitLab.org / GitLab"}}})
        self.assertIsNone(self.header(answer, CACHE))

    def test_by_an_id(self) -> None:
        number = self.id_of("pod_us0", "gitlab-org/gitlab")
        query = "query($id: ID!) { node(id: $id) { __typename id ... on Project { fullPath } } }"
        gid = f"gid://gitlab/Project/{number}"
        self.assert_sent_once(self.send(query, "pod_eu1", id=gid), "pod_us0")
        self.assertEqual(
            self.data(query, id=gid)["node"],
            {"__typename": "Project", "id": gid, "fullPath": "gitlab-org/gitlab"},
        )

    def test_what_users_is_about_is_found_at_every_pod(self) -> None:
        query = "{ currentUser { username defaultOrganization } }"
        self.assertEqual(self.data(query), {"currentUser": None})
        self.sign_in("casey")
        for pod in REGIONS:
            self.assertEqual(self.data(query, pod)["currentUser"]["username"], "casey")

    def test_fragments_aliases_and_directives_count_as_they_should(self) -> None:
        query = """
            query($no: Boolean = false, $path: ID = "gitlab-org/gitlab") {
              mine: project(fullPath: "my-company/my-project") @include(if: $no) { name }
              ...theirs
              currentUser { username }
            }
            fragment theirs on Query { other: project(fullPath: $path) { name } }
        """
        self.sign_in("casey")
        self.assert_sent_once(self.send(query, "pod_eu0"), "pod_us0")
        self.assertEqual(
            self.data(query),
            {"other": {"name": "GitLab.org / GitLab"}, "currentUser": {"username": "casey"}},
        )

    def test_only_the_chosen_operation_counts(self) -> None:
        query = 'query A { currentUser { username } } query B { group(fullPath: "x") { name } }'
        sent = {"query": query, "operationName": "A"}
        self.value(self.call("pod_eu1", ANYBODYS, "POST", sent))

    def test_things_on_several_pods_are_refused(self) -> None:
        query = """{
            a: group(fullPath: "gitlab-org") { name }
            b: group(fullPath: "my-company") { name }
        }"""
        self.sign_in("casey")
        self.assertIn("things on several pods", self.error(query))

    def test_what_must_not_be_seen_belongs_nowhere(self) -> None:
        """Neither a bounce nor a word about several pods tells it from nothing."""
        self.sign_in("taylor")
        for path in ("my-company", "nothing"):
            query = f'{{ a: group(fullPath: "{path}") {{ name }} }}'
            for pod in REGIONS:
                self.assertEqual(self.data(query, pod), {"a": None})
            both = f'{query[:-1]} b: group(fullPath: "gitlab-org") {{ name }} }}'
            self.assertEqual(self.data(both), {"a": None, "b": {"name": "GitLab.org"}})

    def test_lists_are_the_legacy_pods_and_for_legacy_users(self) -> None:
        query = '{ projects(search: "git") { fullPath } }'
        self.assert_sent_once(self.send(query, "pod_eu1"), "pod_us0")
        self.assertEqual(self.data(query), {"projects": [{"fullPath": "gitlab-org/gitlab"}]})
        self.sign_in("casey")
        self.assertIn("/api/organizations/my-organization/graphql", self.error(query))

    def test_a_mutation_is_done_once_where_it_belongs(self) -> None:
        self.sign_in("casey")
        variables = {"path": "my-company/my-project", "title": "Once"}
        before = len(self.pods["pod_eu0"].issues.of_project("my-company/my-project"))
        self.assert_sent_once(self.send(ISSUE, "pod_us0", **variables), "pod_eu0")
        made = self.data(ISSUE, "pod_eu0", **variables)["createIssue"]
        self.assertEqual((made["title"], made["author"]), ("Once", "casey"))
        issues = self.pods["pod_eu0"].issues.of_project("my-company/my-project")
        self.assertEqual(len(issues), before + 1)

    def test_what_may_not_be_written(self) -> None:
        path = "gitlab-org/gitlab"
        self.assertIn("you may not write", self.error(ISSUE, path=path, title="x"))
        self.sign_in("casey")
        self.assertIn("all printable", self.error(ISSUE, path=path, title="a\nb"))
        self.assertIn("no such project", self.error(ISSUE, path="gitlab-org/security", title="x"))


class ScopedTests(GraphqlTestCase):
    """``/api/organizations/<organization>/graphql``."""

    def test_the_pod_that_has_it_teaches_it(self) -> None:
        self.sign_in("casey")
        query = "{ projects { fullPath issues { title } } }"
        bounced = self.send(query, "pod_us0", SCOPED)
        self.assert_bounced(bounced, SCOPED, '{"pod": "pod_eu0"}')
        answer = self.send(query, "pod_eu0", SCOPED)
        claim = '{"path_prefix": "/api/organizations/my-organization/"}'
        self.assertEqual(self.header(answer, CACHE), claim)
        paths = [one["fullPath"] for one in self.value(answer)["data"]["projects"]]
        self.assertEqual(paths, ["my-company/my-other-project", "my-company/my-project"])

    def test_nothing_of_another_organization_is_seen(self) -> None:
        self.sign_in("casey")
        self.assertEqual(
            self.data(PROJECT, "pod_eu0", SCOPED, path="gitlab-org/gitlab"), {"project": None}
        )

    def test_members_only(self) -> None:
        query = "{ currentUser { username } }"
        for pod in REGIONS:
            self.assert_refused(self.send(query, pod, SCOPED), 404, "Not Found")
        self.sign_in("taylor")
        self.assert_refused(self.send(query, "pod_eu0", SCOPED), 404, "Not Found")
        nothing = self.send(query, "pod_eu0", "/api/organizations/nothing/graphql")
        self.assert_refused(nothing, 404, "Not Found")


class BadRequestsTests(GraphqlTestCase):
    def test_what_is_no_graphql_is_said(self) -> None:
        for sent, message in (
            ({}, "query must be a text"),
            ({"query": "{ currentUser { username } }", "variables": [1]}, "variables an object"),
            ({"query": "{ currentUser { username } }", "operationName": 1}, "operationName must"),
            ({"query": "{"}, "Syntax Error"),
            ({"query": "{ nothing }"}, "Cannot query field 'nothing'"),
            ({"query": "{" + " a" * TOKENS_LIMIT + "}"}, f"more than {TOKENS_LIMIT} tokens"),
            ({"query": "{ a " * TOKENS_LIMIT}, "nested too deeply"),
        ):
            answer = self.call("pod_us0", ANYBODYS, "POST", sent)
            self.assert_refused(answer, 400, message)

    def test_an_introspection_that_grows_without_end(self) -> None:
        query = "{ __schema { types { " + "fields { type { " * 20 + "name" + " } }" * 20 + " } } }"
        self.assert_refused(self.send(query), 400, "introspection depth")

    def test_errors_in_a_value(self) -> None:
        self.assertIn("'x' is no id", self.error('{ node(id: "x") { id } }'))
        query = '{ node(id: "gid://gitlab/User/1") { id } }'
        self.assertIn("TYPE of Group, Project, Issue", self.error(query))
        self.assertIn("$path", self.error(PROJECT))

    def test_what_no_database_keeps(self) -> None:
        """JSON can say NUL and half a character; the driver's words are not for the client."""
        self.sign_in("casey")
        for bad in ("a\0", "\ud800", "a/\udfff"):
            for query, name in (
                ("query($it: ID!) { group(fullPath: $it) { name } }", "fullPath"),
                ("query($it: ID!) { project(fullPath: $it) { name } }", "fullPath"),
                ("query($it: ID!) { node(id: $it) { id } }", "id"),
                ("query($it: String!) { projects(search: $it) { name } }", "search"),
                (ISSUE_OF, "projectPath"),
            ):
                message = f"{name} must be a text of characters that are all printable"
                self.assertEqual(self.error(query, it=bad), message)
                endpoint = self.send(query, "pod_eu0", SCOPED, it=bad)
                (error,) = self.value(endpoint)["errors"]
                self.assertEqual(error["message"], message)

    def test_what_is_searched_for_is_a_text(self) -> None:
        answer = self.send("{ projects(search: null) { name } }")
        self.assert_refused(answer, 400, "non-null type 'String!' not to be None")

    def test_only_json_is_read(self) -> None:
        """A form of another site cannot send it."""
        answer = self.call("pod_us0", ANYBODYS, "POST")
        self.assert_refused(answer, 415, "application/json")

    def test_reading_is_no_way_to_ask(self) -> None:
        answer = self.call("pod_us0", ANYBODYS)
        self.assertEqual((answer.status, self.header(answer, "Allow")), (405, "POST"))
        self.assertIsNone(self.header(answer, REDIRECT))


class OutOfServiceTests(GraphqlTestCase):
    """A database is away."""

    def setUp(self) -> None:
        super().setUp()
        self.sign_in("casey")
        self.main = self.pods["pod_eu0"].databases.sources["main"].primary

    def test_nothing_was_written(self) -> None:
        self.main.execute("pragma busy_timeout = 50")
        with writing(self.open("pod_eu0").view().main), capturedLogs() as events:
            answer = self.send(ISSUE, "pod_eu0", path="my-company/my-project", title="Lost")
        self.assertEqual((answer.status, self.header(answer, "Retry-After")), (503, "1"))
        self.assertNotIn("database", self.text(answer))
        self.assertIn("database is locked", str(events[0]["error"]))

    def test_a_part_was_written(self) -> None:
        self.main.execute(
            "create trigger fault after insert on issues when new.title = 'Second'"
            " begin select abs(-9223372036854775808); end"
        )
        create = 'createIssue(projectPath: "my-company/my-project", title: "%s") { title }'
        query = f"mutation {{ a: {create % 'First'} b: {create % 'Second'} }}"
        value = self.value(self.send(query, "pod_eu0"))
        self.assertEqual(value["data"], {"a": {"title": "First"}, "b": None})
        self.assertEqual([error["message"] for error in value["errors"]], [LATER])
