"""What users change about themselves, at any pod and with either kind of sessions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import attrs

from pods.keys import KeyRing
from pods.reference import seed
from pods.reference.people import is_password
from pods.reference.sessions import Kind, SignedSessions, StoredSessions
from pods.reference.visits import Answer, session_token
from tests.test_reference_application import ApplicationTestCase, at_once
from tests.test_reference_databases_replicas import ReplicaTestCase

PROFILE = "/-/profile"


class OrganizationTests(ApplicationTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.sign_in("taylor")

    def join(self, invitation: str) -> Answer:
        return self.ask("pod_us1", "/users/memberships", "POST", f"invitation={invitation}")

    def choose(self, organization: str) -> Answer:
        return self.ask("pod_us1", "/users/organization", "POST", f"organization={organization}")

    def test_a_legacy_user_visits_another_organization(self) -> None:
        dashboard = "/organizations/my-organization/-/dashboard"
        self.assert_sent_to(self.join("welcome-to-my-company"), dashboard)
        answer = self.ask("pod_eu0", dashboard)
        self.assert_page(answer, "My Company Dashboard", "/organizations/my-organization/")
        self.assertIn("This is not your default organization", self.text(answer))
        self.assert_sent_to(self.ask("pod_us1", "/"), "/dashboard")

    def test_the_default_organization_decides_where_a_user_begins(self) -> None:
        self.join("welcome-to-my-company")
        self.assert_sent_to(self.choose("my-organization"), PROFILE)
        dashboard = "/organizations/my-organization/-/dashboard"
        for path in ("/", "/dashboard"):
            self.assert_sent_to(self.ask("pod_us0", path), dashboard)
        text = self.text(self.ask("pod_eu1", PROFILE))
        self.assertIn('<option value="my-organization" selected="">My Company</option>', text)
        self.choose("gitlab-com-public")
        self.assert_sent_to(self.ask("pod_us0", "/"), "/dashboard")

    def test_what_is_refused(self) -> None:
        for problem, answer in (
            ("This is no invitation.", self.join("wrong")),
            ("This is no invitation.", self.join("")),
            ("This is no organization of yours.", self.choose("my-organization")),
            ("This is no organization of yours.", self.choose("")),
        ):
            self.assertEqual(answer.status, 422)
            self.assertIn(problem, self.text(answer))
        user = self.pods["pod_us0"].people.user("taylor")
        self.assertEqual(user, seed.USERS[1][0])

    def test_only_for_who_is_signed_in(self) -> None:
        self.token = ""
        for path in ("organization", "memberships", "password", "sign_out_everywhere"):
            answer = self.ask("pod_us0", f"/users/{path}", "POST")
            self.assert_sent_to(answer, "/users/sign_in?redirect=/")


class StoredPasswordTests(ApplicationTestCase):
    kind: Kind = StoredSessions

    def setUp(self) -> None:
        super().setUp()
        kind = type(self).kind
        self.pods = {name: attrs.evolve(pod, session_kind=kind) for name, pod in self.pods.items()}
        self.sign_in("taylor")

    def change(self, current: str = "taylor-builds-this", new: str = "another-one") -> Answer:
        form = f"current={current}&new={new}"
        return self.ask("pod_us1", "/users/password", "POST", form)

    def test_a_new_password_ends_all_sessions_but_this_one(self) -> None:
        mine = self.token
        self.sign_in("taylor")
        other, self.token = self.token, mine
        answer = self.change()
        self.assert_sent_to(answer, PROFILE)
        new = session_token(self.header(answer, "Set-Cookie") or "")
        for pod in self.pods:
            for self.token in (mine, other):
                self.assert_sent_to(self.ask(pod, PROFILE), "/users/sign_in?redirect=/-/profile")
            self.token = new
            self.assert_page(self.ask(pod, PROFILE), "taylor")

    def test_only_the_new_one_opens(self) -> None:
        self.change()
        account = self.pods["pod_eu1"].people.account("taylor")
        self.assertTrue(is_password("another-one", account.password))
        self.assertFalse(is_password("taylor-builds-this", account.password))

    def test_what_is_refused(self) -> None:
        for problem, answer in (
            ("This is not your current password.", self.change(current="wrong")),
            ("A password has at least 8 characters.", self.change(new="short")),
            ("A password has at least 8 characters.", self.change(new="")),
        ):
            self.assertEqual(answer.status, 422)
            self.assertIn(problem, self.text(answer))
            self.assertIsNone(self.header(answer, "Set-Cookie"))
        self.assert_page(self.ask("pod_eu1", PROFILE), "taylor")

    def test_of_two_changes_at_once_the_second_is_refused(self) -> None:
        pod = self.pods["pod_us1"]

        def slowly(function: Callable[..., Any], *arguments: object) -> Awaitable[Any]:
            people = self.pods["pod_us0"].people
            if len(arguments) == 1:  # the new password is hashed: the last moment
                people.change_password(people.account("taylor"), "a rival's")
            return at_once(function, *arguments)

        self.pods["pod_us1"] = attrs.evolve(pod, in_thread=slowly)
        answer = self.change()
        self.assertEqual(answer.status, 422)
        self.assertIn("just been changed elsewhere", self.text(answer))

    def test_out_everywhere(self) -> None:
        answer = self.ask("pod_eu0", "/users/sign_out_everywhere", "POST")
        self.assert_sent_to(answer, "/users/sign_in")
        self.assertIn("pods_session=; ", self.header(answer, "Set-Cookie") or "")
        self.assert_sent_to(self.ask("pod_us0", PROFILE), "/users/sign_in?redirect=/-/profile")


class SignedPasswordTests(StoredPasswordTests):
    kind = partial(SignedSessions, keys=KeyRing.make())


class AtAReplica(ApplicationTestCase, ReplicaTestCase):
    """Pods that read replicas."""

    def test_a_session_that_has_ended_may_look_for_a_moment_and_change_nothing(self) -> None:
        self.sign_in("taylor")
        pod = self.pods["pod_eu0"]
        pod.databases.catch_up()
        pod.people.end_sessions("taylor")
        self.assert_page(self.ask("pod_eu0", PROFILE), "taylor")
        form = "organization=gitlab-com-public"
        answer = self.ask("pod_eu0", "/users/organization", "POST", form)
        self.assert_sent_to(answer, "/users/sign_in?redirect=/")
        pod.databases.catch_up()
        self.assert_sent_to(self.ask("pod_eu0", PROFILE), "/users/sign_in?redirect=/-/profile")
