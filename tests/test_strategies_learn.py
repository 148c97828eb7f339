"""The learn strategy: what is asked, what is believed, and every way it can fail."""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from pods.errors import AskFailed, NobodyKnows, NoConnection
from pods.interfaces import Placement, PodAnswer, Route
from pods.lazy import LazyStrategy
from pods.strategies import learn
from pods.strategies.single_flight import SingleFlight
from pods.testing import (
    FakeRequest,
    FakeServices,
    ScriptedRandom,
    StrategyContractTests,
    answered,
    learned,
)
from tests.test_strategies_bounce import PODS

PATH = "/my-company/my-project"
ASKED = f"/api/v4/pods/learn?method=GET&path_info={PATH}"
EU0 = learned("/my-company", "pod_eu0")
#: Each way in which one pod may fail, and how it is counted.
FAILURES = (
    (AskFailed("refused"), "ask_failed"),
    (answered(status=500), "status"),
    (answered(EU0.body, status=204), "status"),
    (answered(EU0.body, status=302), "status"),
    (answered("<html>"), "unreadable"),
    (answered(b"\xff"), "unreadable"),
    (answered("[]"), "unreadable"),
    (answered('{"path": "/my-company", "pod": 1}'), "unreadable"),
    (answered('{"path": "my-company", "pod": "pod_eu0"}'), "unreadable"),
    (answered('{"path": "/my-company", "pod": "pod_eu0", "source": "x"}'), "unreadable"),
    (learned("/my-company", "pod_eu9"), "unknown_pod"),
    (learned("/", "pod_eu0"), "not_acceptable"),
    (learned("/my-comp", "pod_eu0"), "not_acceptable"),
    (learned("/other", "pod_eu0"), "not_acceptable"),
    (learned("/my-company", "pod_eu0", exact=True), "not_acceptable"),
)


class LearnContract(StrategyContractTests, SynchronousTestCase):
    factory = LazyStrategy("learn", "pods.strategies.learn")
    options: ClassVar = {"timeout_seconds": 1}


class LearnTestCase(SynchronousTestCase):
    """A strategy on four pods, two of them in this router's region."""

    def prepare(self, answers: dict[Any, Any], *choices: str, **options: Any) -> None:
        self.services = FakeServices(PODS, answers, region="eu", random=ScriptedRandom(choices))
        self.strategy = learn.from_config(options, self.services)

    def locate(
        self, path: str = PATH, method: str = "GET", tried: tuple[str, ...] = ()
    ) -> Deferred[Placement]:
        located = self.strategy.locate(FakeRequest(method, path + "?secret=1", tried=tried))
        assert isinstance(located, Deferred)
        return located

    def asked_pods(self) -> list[str]:
        return [pod for pod, _ in self.services.asked]

    def failures(self) -> dict[str, int]:
        """What was counted, without what never happened."""
        return {kind: n for kind, n in self.services.counts["learn_failures"].items() if n}

    def tearDown(self) -> None:
        self.assertEqual(self.services.clock.getDelayedCalls(), [], "a timer is left")
        self.assertEqual(len(self.strategy._questions), 0, "a question is left")


class AnswerTests(LearnTestCase):
    """What a pod says is believed."""

    def test_a_prefix(self) -> None:
        self.prepare({("pod_eu1", ASKED): EU0}, "pod_eu1")
        self.assertEqual(
            self.successResultOf(self.locate()),
            Placement("pod_eu0", True, Route("/my-company", "pod_eu0")),
        )
        self.assertEqual(self.services.asked, [("pod_eu1", ASKED)])

    def test_an_exact_and_fixed_path_with_a_time(self) -> None:
        fixed = learned("/-/profile", "pod_us0", source="fixed", exact=True, ttl_seconds=60)
        self.prepare({"pod_eu1": fixed}, "pod_eu1")
        self.assertEqual(
            self.successResultOf(self.locate("/-/profile")),
            Placement("pod_us0", True, Route("/-/profile", "pod_us0", True, 60)),
        )

    def test_the_path_is_encoded_once_more(self) -> None:
        self.prepare({"pod_eu1": answered(status=404)}, "pod_eu1")
        self.successResultOf(self.locate("/a%20b&method=X", method="POST"))
        self.assertEqual(
            self.services.asked[0][1],
            "/api/v4/pods/learn?method=POST&path_info=/a%2520b%26method%3DX",
        )

    def test_nobodys(self) -> None:
        self.prepare({"pod_eu1": answered(status=404)}, "pod_eu1")
        self.assertEqual(self.successResultOf(self.locate()), Placement("pod_eu1"))
        self.assertEqual(self.failures(), {})

    def test_an_ambiguous_path_is_asked_about_and_not_remembered(self) -> None:
        self.prepare({"pod_eu1": EU0}, "pod_eu1")
        placed = self.successResultOf(self.locate("/my-company/a%2Fb"))
        self.assertEqual(placed, Placement("pod_eu0", True, None))

    def test_latest_is_asked(self) -> None:
        self.prepare({"pod_us0": EU0}, unknown="latest")
        self.successResultOf(self.locate())
        self.assertEqual(self.asked_pods(), ["pod_us0"])

    def test_root_and_asterisk_are_not_asked_about(self) -> None:
        self.prepare({}, "pod_eu1", "pod_eu0")
        for path, pod in (("/", "pod_eu1"), ("*", "pod_eu0")):
            placed = self.strategy.locate(FakeRequest("OPTIONS", path))
            self.assertEqual(placed, Placement(pod))
        self.assertEqual(self.services.asked, [])


class FailureTests(LearnTestCase):
    """Requirement 40: each failure leads to the next pod, counted, with nothing remembered."""

    def test_each_failure_asks_the_next_pod(self) -> None:
        for failure, kind in FAILURES:
            self.prepare({"pod_eu1": failure, "pod_eu0": EU0}, "pod_eu1")
            self.assertEqual(self.successResultOf(self.locate()).pod, "pod_eu0", kind)
            self.assertEqual(self.failures(), {kind: 1}, failure)
            self.assertEqual(self.asked_pods(), ["pod_eu1", "pod_eu0"])

    def test_a_404_of_the_second_pod(self) -> None:
        self.prepare({"pod_eu0": answered(status=404)}, "pod_eu1")
        self.assertEqual(self.successResultOf(self.locate()), Placement("pod_eu0"))

    def test_region_first_then_the_others_each_once(self) -> None:
        self.prepare({}, "pod_eu1", "pod_eu0", "pod_us1", "pod_us0")
        refusal = self.failureResultOf(self.locate(), NobodyKnows).value
        self.assertEqual(self.asked_pods(), ["pod_eu1", "pod_eu0", "pod_us1", "pod_us0"])
        self.assertEqual(self.failures(), {"ask_failed": 4})
        self.assertEqual(self.services.counts["learn_questions"], {"": 4})
        self.assertEqual((refusal.status, bool(refusal.retry_after_seconds)), (503, True))
        self.assertNotIn("pod_", refusal.detail, "clients read no pod names")

    def test_slow_pods(self) -> None:
        silent: Deferred[PodAnswer] = Deferred()
        self.prepare({"pod_eu1": silent, "pod_eu0": EU0}, "pod_eu1", timeout_seconds=1.5)
        located = self.locate()
        self.services.clock.advance(1.4)
        self.assertNoResult(located)
        self.services.clock.advance(0.2)
        self.assertEqual(self.successResultOf(located).pod, "pod_eu0")
        self.assertEqual(self.failures(), {"timeout": 1})

    def test_an_error_of_the_router_is_not_hidden(self) -> None:
        self.prepare({"pod_eu1": ZeroDivisionError()}, "pod_eu1")
        self.failureResultOf(self.locate(), ZeroDivisionError)

    def test_failures_are_logged_without_the_query(self) -> None:
        events: list[dict[str, Any]] = []
        self.patch(learn.log, "observer", events.append)
        self.prepare({"pod_eu0": EU0}, "pod_eu1")
        self.successResultOf(self.locate())
        (event,) = events
        self.assertEqual((event["pod"], event["path"]), ("pod_eu1", PATH))
        self.assertEqual(event["kind"], "ask_failed")

    def test_an_outage_is_logged_once_for_each_pod(self) -> None:
        events: list[dict[str, Any]] = []
        self.patch(learn.log, "observer", events.append)
        self.prepare({}, *["pod_eu1", "pod_eu0", "pod_us1", "pod_us0"] * 3, "pod_eu1", "pod_eu1")
        for _ in range(3):
            self.failureResultOf(self.locate(), NobodyKnows)
        named = ["pod_eu1", "pod_eu0", "pod_us1", "pod_us0"]
        self.assertEqual([event["pod"] for event in events], named)
        self.assertEqual(self.failures(), {"ask_failed": 12}, "each is counted")
        self.services.answers["pod_eu1"] = EU0
        self.successResultOf(self.locate())
        self.services.answers["pod_eu1"] = AskFailed("refused")
        self.services.answers["pod_eu0"] = EU0
        self.successResultOf(self.locate())
        self.assertEqual([event["pod"] for event in events], [*named, "pod_eu1"])


class AgainTests(LearnTestCase):
    """Called again, because the pod that was placed could not be reached."""

    def test_tried_pods_are_not_asked(self) -> None:
        self.prepare({"pod_eu0": answered(status=404)})
        placed = self.successResultOf(self.locate(tried=("pod_eu1",)))
        self.assertEqual(placed, Placement("pod_eu0"))
        self.assertEqual(self.asked_pods(), ["pod_eu0"])

    def test_nor_are_they_after_a_failure(self) -> None:
        self.prepare({}, "pod_eu0", "pod_us1", "pod_us0")
        self.failureResultOf(self.locate(tried=("pod_eu1",)), NobodyKnows)
        self.assertEqual(self.asked_pods(), ["pod_eu0", "pod_us1", "pod_us0"])

    def test_the_owner_was_tried(self) -> None:
        self.prepare({"pod_eu0": learned("/my-company", "pod_eu1")})
        self.failureResultOf(self.locate(tried=("pod_eu1",)), NoConnection)
        self.assertEqual(self.asked_pods(), ["pod_eu0"])

    def test_every_pod_was_tried(self) -> None:
        self.prepare({})
        self.failureResultOf(self.locate(tried=tuple(pod.name for pod in PODS)), NoConnection)
        self.assertEqual(self.services.asked, [])


class SingleFlightTests(LearnTestCase):
    """Requirement 40: N equal misses at once, one question."""

    def setUp(self) -> None:
        self.prepare({pod.name: EU0 for pod in PODS})
        self.services.held = True

    def test_one_question_for_all(self) -> None:
        waiting = [self.locate() for _ in range(100)]
        self.assertEqual(len(self.services.asked), 1)
        self.services.release()
        self.assertEqual({self.successResultOf(one).pod for one in waiting}, {"pod_eu0"})

    def test_different_questions(self) -> None:
        waiting = [
            self.locate(),
            self.locate(method="POST"),
            self.locate(PATH + "/"),
            self.locate(tried=("pod_us0",)),
        ]
        self.assertEqual(len(self.services.asked), 4)
        self.services.release()
        for one in waiting:
            self.successResultOf(one)

    def test_the_order_of_tried_pods_does_not_matter(self) -> None:
        waiting = [
            self.locate(tried=("pod_us0", "pod_us1")),
            self.locate(tried=("pod_us1", "pod_us0")),
        ]
        self.assertEqual(len(self.services.asked), 1)
        self.services.release()
        for one in waiting:
            self.successResultOf(one)

    def test_one_who_leaves_does_not_harm_the_others(self) -> None:
        for leaver in range(3):
            self.services.held = True
            waiting = [self.locate() for _ in range(3)]
            leaving = waiting.pop(leaver)
            leaving.cancel()
            self.failureResultOf(leaving, CancelledError)
            self.services.release()
            self.assertEqual([self.successResultOf(one).pod for one in waiting], ["pod_eu0"] * 2)

    def test_the_leaver_is_told(self) -> None:
        leaver, stayer = self.locate(), self.locate()
        leaver.cancel()
        self.failureResultOf(leaver, CancelledError)
        self.assertNoResult(stayer)
        self.services.release()
        self.successResultOf(stayer)

    def test_when_all_have_left_the_question_is_dropped(self) -> None:
        cancelled: list[object] = []
        silent: Deferred[PodAnswer] = Deferred(cancelled.append)
        self.prepare({"pod_eu1": silent}, "pod_eu1")
        waiting = [self.locate() for _ in range(2)]
        for one in waiting:
            one.cancel()
            self.failureResultOf(one, CancelledError)
        self.assertEqual(cancelled, [silent])
        self.assertEqual(self.asked_pods(), ["pod_eu1"])
        self.assertEqual(self.failures(), {})

    def test_after_all_have_left_the_next_asks_anew(self) -> None:
        self.locate().addErrback(lambda failure: None).cancel()
        located = self.locate()
        self.assertEqual(len(self.services.asked), 2)
        self.services.release()
        self.assertEqual(self.successResultOf(located).pod, "pod_eu0")

    def test_after_an_answer_the_next_asks_anew(self) -> None:
        self.services.release()
        for count in (1, 2):
            self.successResultOf(self.locate())
            self.assertEqual(len(self.services.asked), count)

    def test_a_failure_reaches_all_and_is_forgotten(self) -> None:
        self.services.answers.clear()
        waiting = [self.locate() for _ in range(3)]
        self.services.release()
        for one in waiting:
            self.failureResultOf(one, NobodyKnows)
        self.services.answers["pod_eu1"] = EU0
        self.assertEqual(self.successResultOf(self.locate()).pod, "pod_eu0")

    def test_one_who_cancels_another_when_told(self) -> None:
        first, second = self.locate(), self.locate()
        second.addErrback(lambda failure: failure.trap(CancelledError) and None)
        first.addCallback(lambda placed: second.cancel())
        self.services.release()
        self.successResultOf(first)
        self.assertIsNone(self.successResultOf(second))

    def test_a_dropped_question_that_ends_late_leaves_the_next_alone(self) -> None:
        flights: SingleFlight[str] = SingleFlight()
        late: Deferred[None] = Deferred()
        answer: Deferred[str] = Deferred()

        async def stubborn() -> str:
            try:
                await Deferred()
            except CancelledError:
                await late
            return "too late"

        async def willing() -> str:
            return await answer

        self.failureResultOf(cancelled(flights.join("key", stubborn)), CancelledError)
        first = flights.join("key", willing)
        late.callback(None)
        second = flights.join("key", stubborn)
        answer.callback("in time")
        self.assertEqual([self.successResultOf(one) for one in (first, second)], ["in time"] * 2)


def cancelled(deferred: Deferred[str]) -> Deferred[str]:
    deferred.cancel()
    return deferred
