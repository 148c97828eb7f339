"""Runners in both ways: shared by all pods, and of one pod; and how they wait for jobs."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from pods.reference.databases import writing
from pods.reference.ids import LEASE_SIZE
from pods.reference.visits import Answer
from pods.reference.waiting import LOOK_SECONDS, POLL_SECONDS
from tests.test_reference_api import GITLAB, MY_PROJECT, ApiTestCase
from tests.test_reference_application import CACHE

REQUEST = "/api/v4/jobs/request"


class RunnersTestCase(ApiTestCase):
    """Makes runners and jobs at the pods of the demo."""

    def register(self, pod: str | None = None) -> str:
        self.sign_in("root")
        sent = {"description": "a runner"} | ({} if pod is None else {"pod": pod})
        answer = self.call(pod or "pod_us0", "/api/v4/runners", "POST", sent)
        token = self.value(answer, 201)["token"]
        self.token = ""
        return str(token)

    def add_job(self, pod: str = "pod_us0", project: str = GITLAB, name: str = "test") -> Any:
        self.sign_in("taylor" if project == GITLAB else "casey")
        added = self.value(self.call(pod, f"{project}/jobs", "POST", {"name": name}), 201)
        self.token = ""
        return added

    def ask_for_job(self, pod: str, token: str, attempt: str = "1") -> Deferred[Answer]:
        self.attempt = attempt
        return self.start(pod, REQUEST, "POST", {"token": token})

    def assert_job(self, asking: Deferred[Answer], job: Any) -> None:
        given = self.value(self.successResultOf(asking), 201)
        self.assertEqual(given, job | {"status": "running"})

    def assert_sent_once(self, asking: Deferred[Answer], pod: str) -> None:
        answer = self.successResultOf(asking)
        self.assert_bounced(answer, REQUEST, f'{{"pod": "{pod}", "once": true}}')

    def queued(self) -> list[tuple[int, str]]:
        rows = self.pods["pod_us0"].view.admin.fresh.query("select * from pending_jobs")
        return [(row["job_id"], row["pod_id"]) for row in rows]


class RegistrationTests(RunnersTestCase):
    def test_only_administrators(self) -> None:
        self.sign_in("taylor")
        sent = {"description": "mine"}
        answer = self.call("pod_us0", "/api/v4/runners", "POST", sent)
        self.assert_refused(answer, 403, "only administrators")

    def test_a_pod_registers_its_own(self) -> None:
        self.sign_in("root")
        sent = {"description": "in Europe", "pod": "pod_eu0"}
        answer = self.call("pod_us0", "/api/v4/runners", "POST", sent)
        self.assert_bounced(answer, "/api/v4/runners", '{"pod": "pod_eu0", "once": true}')
        made = self.value(self.call("pod_eu0", "/api/v4/runners", "POST", sent), 201)
        self.assertEqual(made["pod"], "pod_eu0")
        self.assertTrue(made["token"].startswith("pod_eu0."))
        for name, kept in (("pod_eu0", 1), ("pod_us0", 0)):
            for database, count in (("ci", kept), ("admin", 0)):
                rows = self.pods[name].view.of(database).fresh.query("select * from runners")
                self.assertEqual(len(rows), count)
                self.assertNotIn(made["token"], str(rows))

    def test_a_shared_one_is_known_to_all(self) -> None:
        token = self.register()
        for pod in self.pods.values():
            self.assertIsNotNone(pod.runners.find(token))

    def test_what_is_wrong_is_said(self) -> None:
        self.sign_in("root")
        for sent, message in (
            ({}, "description must be a text"),
            ({"description": "x", "pod": "pod_x"}, "pod must be the name of a pod"),
        ):
            self.assert_refused(self.call("pod_us0", "/api/v4/runners", "POST", sent), 400, message)


class SharedRunnersTests(RunnersTestCase):
    """One registration and one queue for all pods: the proposals' first way."""

    def test_a_job_of_the_pod_that_is_asked(self) -> None:
        token, job = self.register(), self.add_job()
        self.assert_job(self.ask_for_job("pod_us0", token), job)
        self.assertEqual(self.queued(), [])

    def test_sent_to_the_pod_where_a_job_waits(self) -> None:
        token, job = self.register(), self.add_job("pod_eu0", MY_PROJECT)
        self.assertEqual(self.queued(), [(job["id"], "pod_eu0")])
        self.assert_sent_once(self.ask_for_job("pod_us1", token), "pod_eu0")
        self.assert_job(self.ask_for_job("pod_eu0", token, attempt="2"), job)
        self.assertEqual(self.queued(), [])

    def test_jobs_of_this_pod_come_first(self) -> None:
        token = self.register()
        self.add_job("pod_eu0", MY_PROJECT)
        job = self.add_job()
        self.assert_job(self.ask_for_job("pod_us0", token), job)

    def test_who_has_waited_longest_comes_first_whatever_its_number(self) -> None:
        token = self.register()
        self.add_job("pod_eu0", MY_PROJECT)
        self.clock.advance(1)
        later = self.add_job()
        self.assertLess(LEASE_SIZE, later["id"])
        self.assert_sent_once(self.ask_for_job("pod_us1", token), "pod_eu0")
        self.assert_job(self.ask_for_job("pod_us0", token), later)

    def test_a_job_elsewhere_is_noticed_while_waiting(self) -> None:
        token = self.register()
        asking = self.ask_for_job("pod_us1", token)
        self.assertNoResult(asking)
        self.add_job("pod_eu0", MY_PROJECT)
        self.assertNoResult(asking)
        self.clock.advance(LOOK_SECONDS)
        self.assert_sent_once(asking, "pod_eu0")

    def test_who_comes_too_late_is_told_soon_and_sent_nowhere(self) -> None:
        """A router would not follow a second bounce to a pod that was tried already."""
        token = self.register()
        self.add_job()
        asking = self.ask_for_job("pod_eu0", token, attempt="2")
        self.assertNoResult(asking)
        self.clock.advance(LOOK_SECONDS)
        self.assertEqual(self.successResultOf(asking).status, 204)

    def test_a_row_of_the_queue_that_is_out_of_date_is_dropped(self) -> None:
        """The job decides: a pod may die between the two databases."""
        token, job = self.register(), self.add_job()
        self.assert_job(self.ask_for_job("pod_us0", token), job)
        with writing(self.pods["pod_us0"].view.admin) as tx:
            row = {"job_id": job["id"], "pod_id": "pod_us0", "queued_at": 0}
            tx.insert("pending_jobs", row)
        self.assert_sent_once(self.ask_for_job("pod_eu1", token), "pod_us0")
        self.assertNoResult(self.ask_for_job("pod_us0", token, attempt="2"))
        self.assertEqual(self.queued(), [])


class PodRunnersTests(RunnersTestCase):
    """Registered at one pod: the proposals' second way."""

    def test_its_token_leads_to_its_pod(self) -> None:
        token, job = self.register("pod_eu0"), self.add_job("pod_eu0", MY_PROJECT)
        self.assert_sent_once(self.ask_for_job("pod_us1", token), "pod_eu0")
        self.assert_job(self.ask_for_job("pod_eu0", token, attempt="2"), job)
        self.assertEqual(self.queued(), [])

    def test_it_takes_nothing_of_other_pods(self) -> None:
        token = self.register("pod_eu0")
        self.add_job()
        asking = self.ask_for_job("pod_eu0", token)
        self.clock.advance(POLL_SECONDS)
        self.assertEqual(self.successResultOf(asking).status, 204)

    def test_a_runner_may_be_registered_at_several_pods(self) -> None:
        tokens = {pod: self.register(pod) for pod in ("pod_us0", "pod_eu0")}
        jobs = {"pod_us0": self.add_job(), "pod_eu0": self.add_job("pod_eu0", MY_PROJECT)}
        for pod, job in jobs.items():
            self.assert_job(self.ask_for_job(pod, tokens[pod]), job)


class LongPollTests(RunnersTestCase):
    def test_a_runner_that_waits_gets_a_job_as_soon_as_there_is_one(self) -> None:
        for token in (self.register(), self.register("pod_us0")):
            asking = self.ask_for_job("pod_us0", token)
            self.assertNoResult(asking)
            self.assert_job(asking, self.add_job())

    def test_one_job_is_given_once(self) -> None:
        token = self.register()
        asking = [self.ask_for_job("pod_us0", token) for _ in range(3)]
        self.add_job()
        done = [one for one in asking if one.called]
        self.assertEqual(len(done), 1)
        self.clock.pump([LOOK_SECONDS] * POLL_SECONDS)
        statuses = sorted(self.successResultOf(one).status for one in asking)
        self.assertEqual(statuses, [201, 204, 204])

    def test_who_leaves_takes_no_job_along(self) -> None:
        token = self.register()
        leaving = self.ask_for_job("pod_us0", token)
        leaving.cancel()
        self.failureResultOf(leaving, CancelledError)
        job = self.add_job()
        self.assertEqual(self.queued(), [(job["id"], "pod_us0")])
        self.assert_job(self.ask_for_job("pod_us0", token), job)

    def test_after_a_while_it_is_told_to_ask_again(self) -> None:
        asking = self.ask_for_job("pod_us0", self.register())
        self.clock.pump([LOOK_SECONDS] * (POLL_SECONDS - 1))
        self.assertNoResult(asking)
        self.clock.advance(LOOK_SECONDS)
        self.assertEqual(self.successResultOf(asking).status, 204)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_nobody_waits_at_a_pod_that_is_about_to_stop(self) -> None:
        asking = self.ask_for_job("pod_us0", self.register())
        bell = self.pods["pod_us0"].bell
        bell.close()
        self.assertEqual(self.successResultOf(asking).status, 204)
        asking = self.ask_for_job("pod_us0", self.register())
        self.assertEqual(self.successResultOf(asking).status, 204)
        bell.open()
        self.assertNoResult(self.ask_for_job("pod_us0", self.register()))

    def test_an_unknown_token_does_not_wait(self) -> None:
        for token in ("nobody", "pod_us0.nobody", "pod_x.nobody"):
            answer = self.successResultOf(self.ask_for_job("pod_us0", token))
            self.assert_refused(answer, 403, "no runner here has this token")


class JobsTests(RunnersTestCase):
    def test_a_job_ends_where_its_id_says_it_is(self) -> None:
        token, job = self.register(), self.add_job("pod_eu0", MY_PROJECT)
        self.assert_job(self.ask_for_job("pod_eu0", token), job)
        path, sent = f"/api/v4/jobs/{job['id']}", {"token": token, "state": "success"}
        self.assert_bounced(self.call("pod_us0", path, "PUT", sent), path, '{"pod": "pod_eu0"}')
        answer = self.call("pod_eu0", path, "PUT", sent)
        self.assertEqual(self.value(answer)["status"], "success")
        self.assertEqual(self.header(answer, CACHE), f'{{"path_prefix": "{path}/"}}')
        self.sign_in("casey")
        listed = self.value(self.call("pod_eu0", f"{MY_PROJECT}/jobs"))
        self.assertEqual(listed, [job | {"status": "success"}])

    def test_it_ends_once_and_by_the_runner_that_has_it(self) -> None:
        token, other, job = self.register(), self.register(), self.add_job()
        self.assert_job(self.ask_for_job("pod_us0", token), job)
        path = f"/api/v4/jobs/{job['id']}"
        for sender, state, status in (
            (other, "success", 404),
            (token, "done", 400),
            (token, "failed", 200),
            (token, "success", 404),
        ):
            answer = self.call("pod_us0", path, "PUT", {"token": sender, "state": state})
            self.assertEqual(answer.status, status)

    def test_only_members_run_jobs(self) -> None:
        self.sign_in("casey")
        answer = self.call("pod_us0", f"{GITLAB}/jobs", "POST", {"name": "test"})
        self.assert_refused(answer, 403, "only members")
