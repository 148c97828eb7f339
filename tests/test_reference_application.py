"""Every answer of a reference pod, without a socket: two regions of pods on shared databases."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs
from twisted.internet.defer import Deferred, succeed
from twisted.web.template import flattenString

from pods.protocol import HeaderNames
from pods.reference import seed
from pods.reference.api import paths
from pods.reference.application import Application, Pod
from pods.reference.databases import COOKIE
from pods.reference.ownership import Cluster
from pods.reference.views import VIEWS
from pods.reference.visits import Answer, Visit, fields_of
from pods.reference.waiting import Bell
from tests.test_reference_databases import DatabaseTestCase
from tests.test_reference_ownership import REGIONS

REDIRECT = "X-Gitlab-Pod-Redirect"
CACHE = "X-Gitlab-Pod-Cache"


def at_once(function: Callable[..., Any], *arguments: object) -> Awaitable[Any]:
    return succeed(function(*arguments))


class ApplicationTestCase(DatabaseTestCase):
    """Gives each test the four pods of the demo."""

    def setUp(self) -> None:
        super().setUp()
        self.pods = {name: self.pod(name) for name in REGIONS}
        self.token = ""

    def pod(self, name: str) -> Pod:
        pod = Pod(
            cluster=Cluster(me=name, regions=REGIONS, legacy="pod_us0"),
            names=HeaderNames(),
            databases=self.open(name),
            in_thread=at_once,
            bell=Bell(self.clock),
            clock_seconds=self.clock.seconds,
        )
        seed.plant(pod.view, pod.people, pod.tenants, name)
        return pod

    def application(self, pod: str) -> Application:
        return Application(self.pods[pod], VIEWS, paths.view)

    def sign_in(self, username: str) -> None:
        pod = self.pods["pod_us0"]
        self.token = pod.sessions.open(pod.people.account(username))

    def ask(
        self,
        pod: str,
        target: str,
        method: str = "GET",
        form: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        visit = Visit(
            method=method,
            target=target,
            query=fields_of(target.partition("?")[2]),
            form=fields_of(form),
            token=self.token,
            headers=headers or {},
        )
        answering = self.application(pod).answer(visit)
        return self.successResultOf(Deferred.fromCoroutine(answering))

    def text(self, answer: Answer) -> str:
        if isinstance(answer.content, bytes):
            return answer.content.decode()
        return self.successResultOf(flattenString(None, answer.content)).decode()

    def header(self, answer: Answer, name: str) -> str | None:
        values = [
            value
            for found, value in answer.headers
            if found == name and not value.startswith(f"{COOKIE}=")
        ]
        self.assertLessEqual(len(values), 1, name)
        return values[0] if values else None

    def assert_page(self, answer: Answer, heading: str, claim: str | None = None) -> None:
        self.assertEqual(answer.status, 200)
        self.assertIn(f"<h1>{heading}</h1>", self.text(answer))
        expected = None if claim is None else f'{{"path_prefix": "{claim}"}}'
        self.assertEqual(self.header(answer, CACHE), expected)
        self.assertIsNone(self.header(answer, REDIRECT))

    def assert_sent_to(self, answer: Answer, location: str) -> None:
        self.assertEqual((answer.status, self.header(answer, "Location")), (302, location))
        self.assertIsNone(self.header(answer, REDIRECT))
        self.assertIsNone(self.header(answer, CACHE))

    def assert_bounced(self, answer: Answer, target: str, redirect: str) -> None:
        self.assertEqual((answer.status, self.header(answer, "Location")), (302, target))
        self.assertEqual(self.header(answer, REDIRECT), redirect)
        self.assertIsNone(self.header(answer, CACHE))

    def assert_not_found(self, answer: Answer) -> None:
        self.assertEqual(answer.status, 404)
        self.assertIn("Page not found", self.text(answer))
        self.assertIsNone(self.header(answer, CACHE))


class TenantPagesTests(ApplicationTestCase):
    def test_a_public_project(self) -> None:
        answer = self.ask("pod_us0", "/gitlab-org/gitlab")
        self.assert_page(answer, "GitLab.org / GitLab", "/gitlab-org/")

    def test_a_page_says_which_pod_answered_and_where(self) -> None:
        text = self.text(self.ask("pod_us0", "/gitlab-org"))
        self.assertIn("Answered by <b>pod_us0</b> in region <b>us</b>", text)

    def test_another_pod_bounces_with_the_same_target(self) -> None:
        target = "/gitlab-org/gitlab?x=%2F&y"
        self.assert_bounced(self.ask("pod_eu1", target), target, '{"pod": "pod_us0"}')

    def test_a_private_namespace_asks_to_sign_in_at_every_pod(self) -> None:
        for pod in REGIONS:
            answer = self.ask(pod, "/my-company/my-project?a=b")
            self.assert_sent_to(answer, "/users/sign_in?redirect=/my-company/my-project%3Fa%3Db")

    def test_who_is_not_signed_in_cannot_tell_private_from_nothing(self) -> None:
        for method in ("GET", "POST"):
            answers = [
                self.ask(pod, path, method)
                for pod in REGIONS
                for path in ("/my-company/x", "/nothing/x", "/organizations/my-organization/x")
            ]
            seen = {
                (answer.status, re.sub(r"=.*", "", self.header(answer, "Location") or ""))
                for answer in answers
            }
            self.assertEqual(len(seen), 1, seen)

    def test_members_see_it(self) -> None:
        self.sign_in("casey")
        answer = self.ask("pod_eu0", "/my-company/my-project")
        self.assert_page(answer, "My Project", "/my-company/")
        self.assert_page(self.ask("pod_eu0", "/my-company/"), "My Company", "/my-company/")

    def test_others_get_404_from_its_pod_and_are_told_nothing(self) -> None:
        self.sign_in("taylor")
        self.assert_not_found(self.ask("pod_eu0", "/my-company/my-project"))
        bounced = self.ask("pod_us1", "/my-company/my-project")
        self.assert_bounced(bounced, "/my-company/my-project", '{"pod": "pod_eu0"}')
        private, nothing = (
            self.ask("pod_eu0", path) for path in ("/my-company/my-project", "/nothing/at-all")
        )
        self.assertEqual(self.text(private), self.text(nothing))

    def test_a_private_project_in_a_public_namespace(self) -> None:
        self.assert_sent_to(
            self.ask("pod_us0", "/gitlab-org/security"),
            "/users/sign_in?redirect=/gitlab-org/security",
        )
        self.assertNotIn("Security", self.text(self.ask("pod_us0", "/gitlab-org")))
        self.sign_in("casey")
        self.assert_not_found(self.ask("pod_us0", "/gitlab-org/security"))
        self.sign_in("taylor")
        answer = self.ask("pod_us0", "/gitlab-org/security")
        self.assert_page(answer, "Security", "/gitlab-org/")
        self.assertIn("Security", self.text(self.ask("pod_us0", "/gitlab-org")))

    def test_what_is_not_there(self) -> None:
        self.sign_in("casey")
        for path in ("/my-company/nothing", "/my-company/my-project/-/issues", "/nothing"):
            self.assert_not_found(self.ask("pod_eu0", path))

    def test_a_notice_on_another_organization(self) -> None:
        notice = "This is not your default organization"
        self.sign_in("casey")
        self.assertIn(notice, self.text(self.ask("pod_us0", "/gitlab-org/gitlab")))
        self.assertNotIn(notice, self.text(self.ask("pod_eu0", "/my-company")))

    def test_reading_only(self) -> None:
        answer = self.ask("pod_eu0", "/my-company/my-project", "DELETE")
        self.assertEqual((answer.status, self.header(answer, "Allow")), (405, "GET"))

    def test_what_users_write_is_escaped(self) -> None:
        script = "<script>alert(1)</script>"
        project = attrs.evolve(seed.PROJECTS[0], name=script, description=script)
        self.pods["pod_us0"].tenants.save_project(project)
        text = self.text(self.ask("pod_us0", "/gitlab-org/gitlab"))
        self.assertNotIn("<script>", text)
        self.assertEqual(text.count("&lt;script&gt;"), 3)


class DashboardTests(ApplicationTestCase):
    organization = "/organizations/my-organization/-/dashboard"

    def test_who_is_not_signed_in_is_asked_to(self) -> None:
        for path in ("/", "/dashboard"):
            self.assert_sent_to(self.ask("pod_us0", path), f"/users/sign_in?redirect={path}")

    def test_members_of_an_organization_go_there_from_any_pod(self) -> None:
        self.sign_in("casey")
        for pod in REGIONS:
            for path in ("/", "/dashboard"):
                self.assert_sent_to(self.ask(pod, path), self.organization)

    def test_the_dashboard_of_an_organization(self) -> None:
        self.sign_in("casey")
        answer = self.ask("pod_eu0", self.organization)
        self.assert_page(answer, "My Company Dashboard", "/organizations/my-organization/")
        self.assertIn('<a href="/my-company">', self.text(answer))
        bounced = self.ask("pod_us0", self.organization)
        self.assert_bounced(bounced, self.organization, '{"pod": "pod_eu0"}')

    def test_it_is_for_members_only(self) -> None:
        self.sign_in("taylor")
        self.assert_not_found(self.ask("pod_eu0", self.organization))

    def test_legacy_users_have_the_global_one_on_the_legacy_pod(self) -> None:
        self.sign_in("taylor")
        self.assert_sent_to(self.ask("pod_us1", "/"), "/dashboard")
        self.assert_bounced(self.ask("pod_us1", "/dashboard"), "/dashboard", '{"pod": "pod_us0"}')
        answer = self.ask("pod_us0", "/dashboard")
        self.assert_page(answer, "Dashboard")
        self.assertIn('<a href="/gitlab-org">', self.text(answer))
        self.assert_not_found(self.ask("pod_us0", "/dashboard/nothing"))


class LearnTests(ApplicationTestCase):
    def learn(self, path: str) -> tuple[int, str]:
        target = f"/api/v4/pods/learn?method=GET&path_info={path}"
        answer = self.ask("pod_eu1", target)
        return answer.status, self.text(answer)

    def test_prefix_exact_fixed(self) -> None:
        for path, answer in (
            ("/my-company/x", '{"path": "/my-company", "pod": "pod_eu0", "source": "routable"}'),
            ("/users/sign_in", '{"path": "/users", "pod": "pod_eu0", "source": "fixed"}'),
            (
                "/-/profile",
                '{"path": "/-/profile", "pod": "pod_eu0", "source": "fixed", "exact": true}',
            ),
        ):
            self.assertEqual(self.learn(path), (200, answer))

    def test_nobodys(self) -> None:
        for path in ("/", "/nothing", "/nothing/at/all"):
            self.assertEqual(self.learn(path)[0], 404, path)

    def test_unreadable_questions(self) -> None:
        for query in ("", "method=GET", "path_info=x", "path_info=/a&path_info=/b"):
            self.assertEqual(self.ask("pod_eu1", f"/api/v4/pods/learn?{query}").status, 400, query)


class AdminTests(ApplicationTestCase):
    def test_admins_only(self) -> None:
        for path in ("/admin", "/admin/pods/pod_us0", "/admin/pods/pod_us0/projects"):
            self.token = ""
            answer = self.ask("pod_us0", path)
            self.assert_sent_to(answer, f"/users/sign_in?redirect={path}")
            self.sign_in("taylor")
            for pod in REGIONS:
                self.assert_not_found(self.ask(pod, path))

    def test_on_to_the_pages_of_a_pod(self) -> None:
        self.sign_in("root")
        self.assert_sent_to(self.ask("pod_eu1", "/admin"), "/admin/pods/pod_eu1")
        self.assert_sent_to(self.ask("pod_eu1", "/admin?pod=pod_us1"), "/admin/pods/pod_us1")
        self.assert_not_found(self.ask("pod_eu1", "/admin?pod=//evil"))

    def test_the_pages_of_a_pod(self) -> None:
        self.sign_in("root")
        answer = self.ask("pod_eu0", "/admin/pods/pod_eu0")
        self.assert_page(answer, "Admin Area", "/admin/pods/pod_eu0/")
        text = self.text(answer)
        self.assertIn('<option value="pod_eu0" selected="">', text)
        self.assertIn("site_name", text)
        answer = self.ask("pod_eu0", "/admin/pods/pod_eu0/projects")
        self.assert_page(answer, "Projects on pod_eu0", "/admin/pods/pod_eu0/")
        self.assertIn("my-company/my-project", self.text(answer))
        self.assert_not_found(self.ask("pod_eu0", "/admin/pods/pod_eu0/nothing"))

    def test_another_pod_bounces(self) -> None:
        self.sign_in("root")
        path = "/admin/pods/pod_eu0/projects"
        self.assert_bounced(self.ask("pod_us0", path), path, '{"pod": "pod_eu0"}')


class NewGroupTests(ApplicationTestCase):
    def create(self, pod: str, form: str) -> Answer:
        return self.ask(pod, "/groups", "POST", form)

    def test_only_users_make_groups(self) -> None:
        self.assert_sent_to(
            self.ask("pod_eu1", "/groups/new"), "/users/sign_in?redirect=/groups/new"
        )
        self.assert_sent_to(self.create("pod_eu1", "path=my-team"), "/users/sign_in?redirect=/")

    def test_the_organization_is_asked_for(self) -> None:
        self.sign_in("casey")
        text = self.text(self.ask("pod_eu1", "/groups/new"))
        self.assertIn('<option value="gitlab-com-public">GitLab.com Public</option>', text)
        self.assertIn('<option value="my-organization">My Company</option>', text)
        self.assertNotIn("not-my-organization", text)
        self.assertIn("isolated from each other", text)

    def test_made_on_the_pod_of_the_organization(self) -> None:
        self.sign_in("casey")
        form = "path=my-team&organization=my-organization"
        bounced = self.create("pod_us1", form)
        self.assert_bounced(bounced, "/groups", '{"pod": "pod_eu0", "once": true}')
        self.assert_sent_to(self.create("pod_eu0", form), "/my-team")
        self.assert_page(self.ask("pod_eu0", "/my-team"), "my-team", "/my-team/")
        self.token = ""
        self.assert_sent_to(self.ask("pod_eu0", "/my-team"), "/users/sign_in?redirect=/my-team")

    def test_nothing_selected_is_the_public_organization(self) -> None:
        self.sign_in("casey")
        bounced = self.create("pod_eu0", "path=my-team")
        self.assert_bounced(bounced, "/groups", '{"pod": "pod_us0", "once": true}')
        self.assert_sent_to(self.create("pod_us0", "path=my-team&organization="), "/my-team")
        self.token = ""
        self.assert_page(self.ask("pod_us0", "/my-team"), "my-team", "/my-team/")

    def test_what_is_refused(self) -> None:
        self.sign_in("casey")
        before = self.rows(self.databases, "routes", "routes")
        for problem, form in (
            ("no organization of yours", "path=my-team&organization=not-my-organization"),
            ("The name of a group is", "path=Team"),
            ("The name of a group is", "path=users"),
            ("The name of a group is", ""),
            ("This name is taken", "path=gitlab-org"),
        ):
            answer = self.create("pod_us0", form)
            self.assertEqual(answer.status, 422)
            self.assertIn(problem, self.text(answer))
        self.assertEqual(self.rows(self.databases, "routes", "routes"), before)


class ReadinessTests(ApplicationTestCase):
    def test_ready(self) -> None:
        answer = self.ask("pod_eu1", "/-/readiness")
        self.assertEqual((answer.status, self.text(answer)), (200, "ready\n"))
