"""Users at pods whose replicas are behind: each sees what it has done, wherever it goes."""

from __future__ import annotations

import json
from functools import partial
from http import HTTPStatus
from urllib.parse import quote

import attrs
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from pods.keys import KeyRing
from pods.reference.databases import COOKIE, Databases, parse_marks, writing
from pods.reference.sessions import SignedSessions
from pods.reference.visits import SESSION_COOKIE, Answer, Visit, cookie_of, fields_of
from tests.test_reference_application import ApplicationTestCase
from tests.test_reference_databases_replicas import ReplicaTestCase
from tests.test_reference_ownership import REGIONS


class LaggingTestCase(ReplicaTestCase, ApplicationTestCase):
    """Gives each test pods whose replicas have the seed, and nothing that happens later."""

    def setUp(self) -> None:
        super().setUp()
        self.cookies: dict[str, str] = {}
        for pod in self.pods.values():
            pod.databases.catch_up()

    def open(self, pod: str, region: str = "") -> Databases:
        return super().open(pod, region or REGIONS[pod])

    def browse(self, pod: str, target: str, method: str = "GET", **fields: str) -> Answer:
        """As a browser does, which carries every cookie."""
        visit = Visit(
            method=method,
            target=target,
            query=fields_of(target.partition("?")[2]),
            form=fields,
            token=self.cookies.get(SESSION_COOKIE, ""),
            marks=parse_marks(self.cookies.get(COOKIE, "")),
        )
        answering = self.application(pod).answer(visit)
        answer = self.successResultOf(Deferred.fromCoroutine(answering))
        for name, value in answer.headers:
            if name == "Set-Cookie":
                cookie = value.partition("=")[0]
                self.cookies[cookie] = cookie_of(value.partition(";")[0], cookie)
        return answer

    def sign_in_as(self, username: str, password: str, pod: str = "pod_us0") -> None:
        fields = {"username": username, "password": password}
        self.assert_sent_to(self.browse(pod, "/users/sign_in", "POST", **fields), "/")


class ReadYourWritesTests(LaggingTestCase):
    def test_who_has_just_signed_in_is_signed_in_at_every_pod(self) -> None:
        self.sign_in_as("casey", "casey-pays-for-this")
        for pod in REGIONS:
            self.assert_page(self.browse(pod, "/-/profile"), "casey")

    def test_without_its_marks_a_session_waits_for_the_replica(self) -> None:
        self.sign_in_as("casey", "casey-pays-for-this")
        del self.cookies[COOKIE]
        profile = "/users/sign_in?redirect=/-/profile"
        self.assert_sent_to(self.browse("pod_eu1", "/-/profile"), profile)
        self.pods["pod_eu0"].databases.catch_up()
        self.assert_page(self.browse("pod_eu1", "/-/profile"), "casey")
        self.assert_sent_to(self.browse("pod_us1", "/-/profile"), profile)

    def test_who_has_just_signed_out_is_signed_out_at_every_pod(self) -> None:
        self.sign_in_as("casey", "casey-pays-for-this")
        token = self.cookies[SESSION_COOKIE]
        for each in self.pods.values():
            each.databases.catch_up()
        self.browse("pod_us0", "/users/sign_out", "POST")
        self.cookies[SESSION_COOKIE] = token
        for pod in REGIONS:
            self.assertEqual(self.browse(pod, "/-/profile").status, HTTPStatus.FOUND, pod)

    def test_a_new_user_of_a_new_organization(self) -> None:
        fields = {"organization": "create", "path": "new-one", "password": "long-enough"}
        answer = self.browse("pod_eu1", "/users/sign_up", "POST", username="founder", **fields)
        self.assert_sent_to(answer, "/")
        dashboard = "/organizations/new-one/-/dashboard"
        for pod in REGIONS:
            self.assert_sent_to(self.browse(pod, "/"), dashboard)
        page = self.browse("pod_eu1", dashboard)
        self.assert_page(page, "new-one Dashboard", "/organizations/new-one/")
        self.assert_bounced(self.browse("pod_us1", dashboard), dashboard, '{"pod": "pod_eu1"}')

    def test_a_new_group_is_where_its_maker_looks_for_it(self) -> None:
        self.sign_in_as("casey", "casey-pays-for-this")
        fields = {"path": "my-team", "organization": "my-organization"}
        self.assert_sent_to(self.browse("pod_eu0", "/groups", "POST", **fields), "/my-team")
        self.assert_page(self.browse("pod_eu0", "/my-team"), "my-team", "/my-team/")
        self.assert_bounced(self.browse("pod_us1", "/my-team"), "/my-team", '{"pod": "pod_eu0"}')

    def test_routers_that_ask_learn_what_is_new_at_once(self) -> None:
        self.sign_in_as("casey", "casey-pays-for-this")
        fields = {"path": "my-team", "organization": "my-organization"}
        self.browse("pod_eu0", "/groups", "POST", **fields)
        self.cookies.clear()
        question = f"/api/v4/pods/learn?method=GET&path_info={quote('/my-team/x')}"
        for pod in REGIONS:
            answer = self.browse(pod, question)
            self.assertEqual(answer.status, 200, pod)
            self.assertEqual(json.loads(self.text(answer))["pod"], "pod_eu0")

    def test_who_has_written_nothing_carries_no_mark(self) -> None:
        self.browse("pod_us0", "/gitlab-org")
        self.assertEqual(self.cookies, {})

    def test_the_marks_are_for_the_pods_only(self) -> None:
        self.sign_in_as("casey", "casey-pays-for-this")
        self.assertRegex(self.cookies[COOKIE], r"^users:\d+$")
        answer = self.browse("pod_us0", "/users/sign_out", "POST")
        (cookie,) = (
            value
            for name, value in answer.headers
            if name == "Set-Cookie" and value.startswith(COOKIE)
        )
        self.assertRegex(cookie, r"^_pods_written=users:\d+; Path=/; HttpOnly; SameSite=Lax$")


class SignedTests(LaggingTestCase):
    """Sessions that are signed: signing in writes nothing, so nothing says how far to read."""

    def setUp(self) -> None:
        super().setUp()
        kind = partial(SignedSessions, keys=KeyRing.make())
        self.pods = {name: attrs.evolve(pod, session_kind=kind) for name, pod in self.pods.items()}

    def test_a_user_whom_the_replica_does_not_know_yet(self) -> None:
        """Signs up, and then in with another browser, which brings no marks."""
        fields = {"username": "newcomer", "password": "long-enough", "organization": ""}
        self.assert_sent_to(self.browse("pod_us0", "/users/sign_up", "POST", **fields), "/")
        self.cookies.clear()
        self.sign_in_as("newcomer", "long-enough", "pod_us1")
        self.assertNotIn(COOKIE, self.cookies)
        for pod in REGIONS:
            self.assert_page(self.browse(pod, "/-/profile"), "newcomer")

    def test_a_password_that_the_replica_does_not_know_yet(self) -> None:
        here = self.pods["pod_us0"]
        account = here.people.change_password(here.people.account("taylor"), "hash")
        self.cookies[SESSION_COOKIE] = here.sessions.open(account)
        for pod in REGIONS:
            self.assert_page(self.browse(pod, "/-/profile"), "taylor")


class ReplicasPageTests(LaggingTestCase):
    def lags(self, pod: str) -> dict[str, float]:
        answer = self.browse(pod, "/-/replicas")
        self.assertEqual((answer.status, answer.content_type), (200, "application/json"))
        told = json.loads(self.text(answer))
        self.assertEqual((told["pod"], told["region"]), (pod, REGIONS[pod]))
        lags: dict[str, float] = told["lag_seconds"]
        return lags

    def test_how_far_each_replica_of_the_region_is_behind(self) -> None:
        self.sign_in_as("casey", "casey-pays-for-this")
        self.clock.advance(3)
        self.pods["pod_us0"].databases.catch_up()
        for pod, seconds in (("pod_us1", 0), ("pod_eu0", 3), ("pod_eu1", 3)):
            self.assertEqual(self.lags(pod)["users"], seconds)
            self.assertEqual(self.lags(pod)["main"], 0)


class OutOfServiceTests(LaggingTestCase):
    def test_a_page_whose_database_is_busy_for_too_long(self) -> None:
        users = self.pods["pod_eu0"].databases.sources["users"].primary
        users.execute("pragma busy_timeout = 50")
        with writing(self.databases.view().users), capturedLogs() as events:
            answer = self.browse(
                "pod_eu0",
                "/users/sign_in",
                "POST",
                username="casey",
                password="casey-pays-for-this",
            )
        self.assertEqual(answer.status, 503)
        self.assertEqual(self.header(answer, "Retry-After"), "1")
        self.assertEqual(self.cookies, {})
        self.assertIn("database is locked", str(events[0]["error"]))
        self.sign_in_as("casey", "casey-pays-for-this", "pod_eu0")
