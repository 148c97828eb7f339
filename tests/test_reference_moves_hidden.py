"""What is private does not show itself while its organization changes pods."""

from __future__ import annotations

from typing import Any

from twisted.web.template import flattenString

from tests.test_reference_moves_requests import (
    ORGANIZATION,
    OTHER,
    PROJECT,
    SOURCE,
    TARGET,
    RequestTestCase,
)


class HiddenTests(RequestTestCase):
    """While an organization is held, only those wait who may know that it is there."""

    def setUp(self) -> None:
        super().setUp()
        row = self.pods[SOURCE].view.main.one("select id from projects where path = ?", PROJECT[1:])
        assert row is not None
        self.number, self.no_number = str(row["id"]), str(row["id"] + 500)  # of one lease
        self.stop_source()

    def targets(self) -> list[tuple[str, dict[str, Any]]]:
        """What asks for something private: targets and the rest of the request."""
        query = '{"query": "{ project(fullPath: \\"my-company/my-project\\") { name } }"}'
        node = f'{{"query": "{{ node(id: \\"gid://gitlab/Project/{self.number}\\") {{ id }} }}"}}'
        return [
            ("/my-company", {}),
            (PROJECT, {}),
            ("/my-company", {"method": "POST"}),
            ("/organizations/my-organization", {}),
            ("/organizations/my-organization/-/dashboard", {}),
            ("/api/v4/projects/my-company%2Fmy-project", {}),
            ("/api/v4/groups/my-company", {}),
            (f"/api/v4/projects/{self.number}", {}),
            ("/api/v4/projects/my-company%2Fmy-project/issues", {"method": "POST", "json": b"{}"}),
            (
                "/api/organizations/my-organization/graphql",
                {"method": "POST", "json": query.encode()},
            ),
            ("/api/graphql", {"method": "POST", "json": query.encode()}),
            ("/api/graphql", {"method": "POST", "json": node.encode()}),
        ]

    def nothing(self, text: str) -> str:
        """The same about what is not there."""
        for name, other in (("my-company", "no-company"), (ORGANIZATION, "no-organization")):
            text = text.replace(name, other)
        return text.replace(self.number, self.no_number)

    def told(self, pod: str, target: str, more: dict[str, Any]) -> str:
        """All of an answer that has come at once."""
        answer = self.successResultOf(self.start(pod, target, **more))
        content = answer.content
        if not isinstance(content, bytes):
            content = self.successResultOf(flattenString(None, content))
        return f"{answer.status} {answer.headers} {content.decode()}"

    def assert_hidden(self) -> None:
        for pod in (SOURCE, TARGET, OTHER):
            for target, more in self.targets():
                other = dict(more)
                if "json" in more:
                    other["json"] = self.nothing(more["json"].decode()).encode()
                self.assertEqual(
                    self.nothing(self.told(pod, target, more)),
                    self.told(pod, self.nothing(target), other),
                    (pod, target),
                )

    def test_not_to_those_who_are_not_signed_in(self) -> None:
        self.token = ""
        self.assert_hidden()

    def test_not_to_strangers(self) -> None:
        home = self.pods[OTHER]
        self.token = home.sessions.open(home.people.account("taylor"))
        self.assert_hidden()

    def test_not_to_the_token_of_a_stranger(self) -> None:
        self.token = ""
        headers = {"private-token": self.pods[OTHER].tokens.add("taylor", "mine")}
        for pod in (SOURCE, TARGET):
            answering = self.start(pod, "/api/v4/groups/my-company", headers=headers)
            self.assertEqual(self.now(answering), (404, None))

    def test_members_wait(self) -> None:
        self.assert_waiting(self.targets())

    def test_and_so_do_their_tokens(self) -> None:
        self.token = ""
        headers = {"private-token": self.pods[OTHER].tokens.add("casey", "mine")}
        api = [one for one in self.targets() if one[0].startswith("/api/")]
        self.assert_waiting(api, headers=headers)

    def assert_waiting(self, targets: list[tuple[str, dict[str, Any]]], **same: Any) -> None:
        waiting = [
            (pod, target, self.start(pod, target, **more, **same))
            for pod in (SOURCE, TARGET)
            for target, more in targets
        ]
        for _, _, answering in waiting:
            self.assertNoResult(answering)
        self.go_on()
        self.wait(0.1)
        for pod, target, answering in waiting:
            status, _ = self.now(answering)
            self.assertNotIn(status, (404, 503), (pod, target))
