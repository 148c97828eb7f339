"""Search and suggestions: one organization in full, and the others by name only."""

from __future__ import annotations

from typing import Any

from pods.reference.databases import writing
from pods.reference.issues import RECENT_LIMIT
from tests.test_reference_api import ApiTestCase
from tests.test_reference_application import CACHE
from tests.test_reference_ownership import REGIONS

SCOPED = "/organizations/my-organization/-/search"


class SearchTestCase(ApiTestCase):
    """Looks for things."""

    def found(self, pod: str, target: str) -> list[tuple[str, str]]:
        found: list[dict[str, str]] = self.value(self.call(pod, target))["found"]
        return [(one["category"], one["label"]) for one in found]

    def see(self, pod: str, project: str, title: str) -> Any:
        """Look at the page of an issue."""
        issues = self.pods[pod].issues.of_project(project)
        (issue,) = (one for one in issues if one.title == title)
        self.assertEqual(self.ask(pod, issue.path).status, 200)
        return issue


class WhereTests(SearchTestCase):
    """The organization that is searched decides which pod answers."""

    def test_the_users_own_unless_another_is_chosen(self) -> None:
        self.sign_in("casey")
        for path in ("/search", "/search/autocomplete", "/api/v4/search"):
            target = f"{path}?search=ship"
            bounced = '{{"pod": "{}", "once": true}}'
            self.assert_bounced(self.call("pod_us1", target), target, bounced.format("pod_eu0"))
            public = f"{target}&organization=gitlab-com-public"
            self.assert_bounced(self.call("pod_eu0", public), public, bounced.format("pod_us0"))

    def test_who_is_not_signed_in_searches_what_is_public(self) -> None:
        answer = self.ask("pod_us0", "/search?search=git")
        self.assert_page(answer, "Search in GitLab.com Public")
        self.assertIn("/gitlab-org/gitlab", self.text(answer))

    def test_an_organization_of_others_is_not_there(self) -> None:
        for username in ("", "taylor"):
            if username:
                self.sign_in(username)
            for organization in ("my-organization", "nothing"):
                for pod in REGIONS:
                    answer = self.ask(pod, f"/search?organization={organization}")
                    self.assert_not_found(answer)
                    for path in ("/api/v4/search", "/search/autocomplete"):
                        answer = self.call(pod, f"{path}?organization={organization}")
                        self.assert_refused(answer, 404, "Not Found")

    def test_the_path_of_an_organization_is_taught(self) -> None:
        self.sign_in("casey")
        answer = self.ask("pod_eu0", f"{SCOPED}?search=ship")
        self.assert_page(answer, "Search in My Company", "/organizations/my-organization/")
        self.assertIn("Ship it", self.text(answer))
        api = "/api/organizations/my-organization/search?search=ship"
        self.assertEqual(self.found("pod_eu0", api), [("Issues", "Ship it")])
        claim = '{"path_prefix": "/api/organizations/my-organization/"}'
        self.assertEqual(self.header(self.call("pod_eu0", api), CACHE), claim)
        self.sign_in("taylor")
        self.assert_not_found(self.ask("pod_eu0", SCOPED))
        self.assert_refused(self.call("pod_eu0", api), 404, "Not Found")


class FoundTests(SearchTestCase):
    def test_groups_projects_and_issues_in_any_case(self) -> None:
        self.sign_in("casey")
        self.assertEqual(
            self.found("pod_eu0", "/api/v4/search?search=MY"),
            [
                ("Groups", "my-company"),
                ("Projects", "My Other Project"),
                ("Projects", "My Project"),
            ],
        )
        self.assertEqual(self.found("pod_eu0", "/api/v4/search?search=%20"), [])

    def test_only_what_the_user_may_see(self) -> None:
        target = "/api/v4/search?search=404"
        self.assertEqual(self.found("pod_us0", target), [])
        self.sign_in("taylor")
        self.assertEqual(self.found("pod_us0", target), [("Issues", "Time the 404s")])

    def test_the_rest_is_named_and_linked(self) -> None:
        self.sign_in("casey")
        value = self.value(self.call("pod_eu0", "/api/v4/search?search=a%26b"))
        url = "/search?organization=gitlab-com-public&search=a%26b"
        self.assertEqual(value["organization"], "my-organization")
        self.assertEqual(value["not_searched"], [{"name": "GitLab.com Public", "url": url}])
        public = self.value(self.call("pod_us0", url.replace("/search", "/api/v4/search")))
        self.assertEqual(
            public["not_searched"], [{"name": "My Company", "url": f"{SCOPED}?search=a%26b"}]
        )

    def test_the_page_says_it_too(self) -> None:
        self.sign_in("casey")
        text = self.text(self.ask("pod_eu0", "/search?search=%22nothing%22"))
        self.assertIn("Nothing was found.", text)
        self.assertIn("Only My Company is searched here.", text)
        self.assertIn("/search?organization=gitlab-com-public&amp;search=%22nothing%22", text)
        self.assertIn('value="&quot;nothing&quot;"', text)


class RecentTests(SearchTestCase):
    """Issues that the user has looked at, as far as this pod has seen that."""

    target = "/search/autocomplete?search="

    def test_the_last_one_comes_first(self) -> None:
        self.sign_in("casey")
        self.assertEqual(self.found("pod_eu0", self.target), [])
        for title in ("Ship it", "Find a better name", "Ship it"):
            self.see("pod_eu0", "my-company/my-project", title)
            self.clock.advance(1)
        recent = [("Recent issues", "Ship it"), ("Recent issues", "Find a better name")]
        self.assertEqual(self.found("pod_eu0", self.target), recent)
        self.assertEqual(self.found("pod_eu0", f"{self.target}ship")[0], recent[0])
        self.assertIn("Ship it", self.text(self.ask("pod_eu0", "/search")))

    def test_a_few_are_remembered(self) -> None:
        self.sign_in("casey")
        issues = self.pods["pod_eu0"].issues
        for number in range(RECENT_LIMIT + 1):
            issues.add("my-organization", "my-company/my-project", f"Number {number}", "casey")
            self.see("pod_eu0", "my-company/my-project", f"Number {number}")
            self.clock.advance(1)
        labels = [label for _, label in self.found("pod_eu0", self.target)]
        self.assertEqual(labels, [f"Number {number}" for number in range(RECENT_LIMIT, 0, -1)])

    def test_they_are_the_users_own_and_stay_on_their_pod(self) -> None:
        self.sign_in("casey")
        self.see("pod_us0", "gitlab-org/gitlab", "Route requests to pods")
        self.assertEqual(self.found("pod_eu0", self.target), [])
        public = f"{self.target}&organization=gitlab-com-public"
        recent = [("Recent issues", "Route requests to pods")]
        self.assertEqual(self.found("pod_us0", public), recent)
        self.sign_in("taylor")
        self.assertEqual(self.found("pod_us0", self.target), [])
        self.token = ""
        self.assertEqual(self.found("pod_us0", self.target), [])

    def test_what_may_not_be_seen_any_more_is_not_suggested(self) -> None:
        self.sign_in("taylor")
        self.see("pod_us0", "gitlab-org/security", "Time the 404s")
        self.assertEqual(len(self.found("pod_us0", self.target)), 1)
        with writing(self.pods["pod_us0"].view.users) as tx:
            tx.execute("delete from memberships where username = 'taylor'")
        self.assertEqual(self.found("pod_us0", self.target), [])
