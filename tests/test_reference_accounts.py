"""Signing in and signing up at a reference pod."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
from twisted.internet.defer import Deferred

from pods.reference import seed
from pods.reference.databases import Databases
from pods.reference.ownership import TenantRoute
from pods.reference.people import PUBLIC_ORGANIZATION
from pods.reference.visits import Answer, Visit, fields_of, local_path, session_token
from tests.test_reference_application import ApplicationTestCase, at_once
from tests.test_reference_ownership import REGIONS


def everybody(databases: Databases) -> tuple[list[Any], ...]:
    view = databases.view()
    return (
        view.users.query("select * from users"),
        view.routes.query("select * from routes"),
        view.routes.query("select * from organizations"),
    )


class SignInTests(ApplicationTestCase):
    good = "username=casey&password=casey-pays-for-this"

    def test_any_pod_asks(self) -> None:
        for pod in REGIONS:
            self.assert_page(self.ask(pod, "/users/sign_in?redirect=/x"), "Sign in")

    def test_in_and_back_to_where_the_user_was(self) -> None:
        target = "/users/sign_in?redirect=/my-company/my-project%3Fa%3Db"
        answer = self.ask("pod_eu1", target, "POST", self.good)
        self.assertEqual(self.header(answer, "Location"), "/my-company/my-project?a=b")
        cookie = self.header(answer, "Set-Cookie") or ""
        self.assertRegex(cookie, r"; Path=/; HttpOnly; SameSite=Lax; Max-Age=\d+$")
        self.token = session_token(cookie)
        self.assert_page(self.ask("pod_eu0", "/-/profile"), "casey")

    def test_over_https_the_cookie_stays_there(self) -> None:
        for protocol, secure in (("https", True), ("http", False)):
            headers = {"x-forwarded-proto": protocol}
            answer = self.ask("pod_eu1", "/users/sign_in", "POST", self.good, headers)
            self.assertEqual("; Secure" in (self.header(answer, "Set-Cookie") or ""), secure)

    def test_the_session_before_it_ends(self) -> None:
        self.sign_in("taylor")
        self.ask("pod_us0", "/users/sign_in", "POST", self.good)
        self.assertIsNone(self.pods["pod_us0"].sessions.user_of(self.token))

    def test_wrong_passwords_and_unknown_users(self) -> None:
        texts = set()
        for form in ("", "username=casey&password=x", "username=x&password=casey-pays-for-this"):
            answer = self.ask("pod_eu1", "/users/sign_in", "POST", form)
            self.assertEqual(answer.status, 422)
            self.assertIsNone(self.header(answer, "Set-Cookie"))
            texts.add(re.sub('value="[^"]*"', "", self.text(answer)))
        self.assertEqual(len(texts), 1)

    def test_out(self) -> None:
        self.sign_in("casey")
        answer = self.ask("pod_eu1", "/users/sign_out", "POST")
        self.assertIn("pods_session=; ", self.header(answer, "Set-Cookie") or "")
        self.assertIsNone(self.pods["pod_us0"].sessions.user_of(self.token))

    def test_no_open_redirects(self) -> None:
        for target in (
            "http://evil.example/",
            "//evil.example/",
            "/\\evil.example/",
            "\\/evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            " //evil.example",
            "evil.example",
            "javascript:alert(1)",
            "/x\r\nSet-Cookie: a=b",
            "/é",
            "",
        ):
            self.assertEqual(local_path(target), "/", target)
        for target in ("/", "/a/b?c=d#e", "/a//b", "/@x", "/:80/"):
            self.assertEqual(local_path(target), target)

    def test_sign_in_follows_none(self) -> None:
        for evil in ("//evil.example/", "https://evil.example/", "/%5Cevil.example", "/%09/evil"):
            target = f"/users/sign_in?redirect={evil}"
            answer = self.ask("pod_eu1", target, "POST", self.good)
            self.assertEqual(self.header(answer, "Location"), "/", evil)
            self.assertNotIn("evil", self.text(self.ask("pod_eu1", target)))

    def test_a_nul_is_in_no_field(self) -> None:
        """No database keeps one."""
        self.assertRaises(ValueError, fields_of, "username=%00&password=x")

    def test_other_methods_and_paths(self) -> None:
        answer = self.ask("pod_eu1", "/users/sign_in", "DELETE")
        self.assertEqual((answer.status, self.header(answer, "Allow")), (405, "GET, POST"))
        self.assertEqual(self.ask("pod_eu1", "/users/sign_out").status, 405)
        self.assert_not_found(self.ask("pod_eu1", "/users/nobody"))

    def test_what_was_typed_stays_but_for_the_password(self) -> None:
        form = "username=%22casey%22&password=a-secret"
        text = self.text(self.ask("pod_eu1", "/users/sign_in", "POST", form))
        self.assertIn('value="&quot;casey&quot;"', text)
        self.assertNotIn("a-secret", text)

    def test_a_form_of_another_site_is_refused(self) -> None:
        host, here = "pods.example:8080", "http://pods.example:8080"
        for headers in (
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
            {"sec-fetch-site": "cross-site", "origin": here},
            {"sec-fetch-site": ""},
            {"origin": "http://evil.example"},
            {"origin": "http://pods.example"},
            {"origin": "http://a.pods.example:8080"},
            {"origin": "null"},
        ):
            answer = self.ask(
                "pod_eu1", "/users/sign_in", "POST", self.good, {"host": host, **headers}
            )
            self.assertEqual(answer.status, 403, headers)
            self.assertIn("not from this site", self.text(answer))
            self.assertIsNone(self.header(answer, "Set-Cookie"))

    def test_a_form_of_this_site_is_taken(self) -> None:
        for headers in (
            {"sec-fetch-site": "same-origin"},
            {"sec-fetch-site": "none"},
            {"sec-fetch-site": "same-origin", "origin": "null"},
            {"origin": "http://pods.example"},
            {"origin": "https://pods.example"},
            {"origin": "http://Pods.example"},
            {},
        ):
            sent = {"host": "pods.Example", **headers}
            answer = self.ask("pod_eu1", "/users/sign_in", "POST", self.good, sent)
            self.assertEqual(answer.status, 302, headers)

    def test_to_look_at_pages_any_site_may_lead_here(self) -> None:
        headers = {"sec-fetch-site": "cross-site", "origin": "http://evil.example"}
        self.assert_page(self.ask("pod_eu1", "/users/sign_in", headers=headers), "Sign in")

    def test_the_profile_is_the_users_own(self) -> None:
        answer = self.ask("pod_eu1", "/-/profile")
        self.assert_sent_to(answer, "/users/sign_in?redirect=/-/profile")


class SignUpTests(ApplicationTestCase):
    def sign_up(self, pod: str = "pod_eu1", **fields: str) -> Answer:
        form = {"username": "newcomer", "password": "long-enough", **fields}
        text = "&".join(f"{name}={value}" for name, value in form.items())
        answer = self.ask(pod, "/users/sign_up", "POST", text)
        self.token = session_token(self.header(answer, "Set-Cookie") or "")
        return answer

    def assert_refused(self, problem: str, **fields: str) -> None:
        before = everybody(self.databases)
        answer = self.sign_up(**fields)
        self.assertEqual(answer.status, 422)
        self.assertIn(problem, self.text(answer))
        self.assertIsNone(self.header(answer, "Set-Cookie"))
        self.assertEqual(everybody(self.databases), before)

    def test_the_question_is_asked(self) -> None:
        answer = self.ask("pod_eu1", "/users/sign_up")
        self.assert_page(answer, "Sign up")
        self.assertIn("Are you part of an organization?", self.text(answer))

    def test_neither_is_the_public_organization(self) -> None:
        self.assertEqual(self.header(self.sign_up(), "Location"), "/")
        user = self.pods["pod_us0"].sessions.user_of(self.token)
        assert user is not None
        self.assertEqual(user.default_organization, PUBLIC_ORGANIZATION)
        self.assertFalse(user.admin)
        self.assert_page(self.ask("pod_us0", "/dashboard"), "Dashboard")

    def test_join_one_by_its_invitation(self) -> None:
        self.sign_up(organization="join", invitation="welcome-to-my-company")
        answer = self.ask("pod_eu0", "/my-company/my-project")
        self.assert_page(answer, "My Project", "/my-company/")

    def test_create_one_on_the_pod_that_is_asked(self) -> None:
        self.sign_up("pod_eu1", organization="create", path="new-one")
        path = "/organizations/new-one/-/dashboard"
        self.assert_sent_to(self.ask("pod_us0", "/"), path)
        self.assert_page(self.ask("pod_eu1", path), "new-one Dashboard", "/organizations/new-one/")
        self.assert_bounced(self.ask("pod_us0", path), path, '{"pod": "pod_eu1"}')

    def test_what_is_refused(self) -> None:
        for problem, fields in (
            ("A username is", {"username": "X"}),
            ("A username is", {"username": "admin"}),
            ("This username is taken", {"username": "casey"}),
            ("A password has at least 8", {"password": "short"}),
            ("This is no invitation", {"organization": "join", "invitation": "wrong"}),
            ("This is no invitation", {"organization": "join"}),
            ("The name of an organization is", {"organization": "create", "path": "x y"}),
            ("The name of an organization is", {"organization": "create"}),
            (
                "The name of an organization is",
                {"organization": "create", "path": PUBLIC_ORGANIZATION},
            ),
            ("This organization exists", {"organization": "create", "path": "my-organization"}),
            ("Choose one", {"organization": "other"}),
        ):
            self.assert_refused(problem, **fields)

    def test_what_was_typed_and_chosen_stays(self) -> None:
        text = self.text(self.sign_up(organization="create", path="x%20y"))
        self.assertIn('value="newcomer"', text)
        self.assertIn('value="x y"', text)
        self.assertRegex(text, '<input [^>]*value="create"[^>]*checked')
        self.assertNotIn("long-enough", text)

    def test_the_admin_area_may_close_it_for_all_pods(self) -> None:
        self.pods["pod_us0"].settings.change("signup_enabled", "no")
        closed = "Nobody can sign up"
        self.assertIn(closed, self.text(self.ask("pod_eu1", "/users/sign_up")))
        self.assert_refused(closed)

    def assert_just_taken(self, rival: Callable[[], object]) -> None:
        """Somebody else is quicker, while the password is hashed."""
        pod = self.pods["pod_eu1"]

        def slowly(function: Callable[..., Any], *arguments: object) -> Awaitable[Any]:
            rival()
            return at_once(function, *arguments)

        self.pods["pod_eu1"] = attrs.evolve(pod, in_thread=slowly)
        answer = self.sign_up(organization="create", path="new-one")
        self.assertEqual(answer.status, 422)
        self.assertIn("just taken", self.text(answer))
        self.assertIsNone(pod.tenants.organization("new-one"))

    def test_a_name_that_is_taken_in_the_meantime_makes_no_organization(self) -> None:
        user = attrs.evolve(seed.USERS[0][0], username="newcomer")
        self.assert_just_taken(lambda: self.pods["pod_us0"].people.add(user, "hash"))

    def test_an_organization_that_is_made_in_the_meantime_makes_no_account(self) -> None:
        route = TenantRoute("organizations/new-one", "pod_us0", "new-one", private=True)
        self.assert_just_taken(lambda: self.pods["pod_us0"].tenants.add_route(route))
        self.assertIsNone(self.pods["pod_eu1"].people.user("newcomer"))


class SignUpOnSqlite(ApplicationTestCase):
    """What is set up in SQLite's own words."""

    def test_an_organization_that_cannot_be_kept_makes_no_account(self) -> None:
        """Its transaction fails at its very end."""
        routes = self.pods["pod_eu1"].databases.sources["routes"].primary
        for statement in (
            "pragma foreign_keys = on",
            "create table allowed (id integer primary key)",
            "create table faults (id references allowed deferrable initially deferred)",
            "create trigger fault after insert on organizations"
            " begin insert into faults values (1); end",
        ):
            routes.execute(statement)
        before = everybody(self.databases)
        visit = Visit(
            method="POST",
            target="/users/sign_up",
            query={},
            form={
                "username": "newcomer",
                "password": "long-enough",
                "organization": "create",
                "path": "new-one",
            },
            token="",
        )
        answering = Deferred.fromCoroutine(self.application("pod_eu1").answer(visit))
        self.failureResultOf(answering, sqlite3.IntegrityError)
        self.assertEqual(everybody(self.databases), before)
