"""Checks: when a pod is asked, and what counts as an answer."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pods.checks import Checks
from pods.errors import AskFailed, NotAsked
from pods.health import HealthWatch, Watched
from pods.interfaces import PodAnswer
from pods.testing import answered

INTERVAL_SECONDS = 10.0


class ChecksTestCase(SynchronousTestCase):
    """Checks of two pods whose answers are the test's."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.asked: list[tuple[str, float]] = []
        self.answers: dict[str, Deferred[PodAnswer]] = {}
        self.health = HealthWatch(self.clock)
        names = ("pod_a", "pod_b")
        self.health.watch(Watched(names, has_checks=True, unhealthy_after=1, healthy_after=1))
        self.checks = Checks(names, self.ask, self.health, self.clock, Random(7), INTERVAL_SECONDS)
        self.checks.start()

    def ask(self, name: str) -> Deferred[PodAnswer]:
        self.asked.append((name, self.clock.seconds()))
        self.answers[name] = Deferred()
        return self.answers[name]

    def pass_time(self, seconds: float) -> None:
        """In steps, so that each call comes when it is due."""
        self.clock.pump([0.01] * round(seconds / 0.01))

    def times(self, name: str) -> list[float]:
        return [at for asked, at in self.asked if asked == name]

    def first(self, name: str = "pod_a") -> Deferred[PodAnswer]:
        """The first check of a pod, under way."""
        while name not in self.answers:
            self.pass_time(0.1)
        return self.answers[name]


class RoundTests(ChecksTestCase):
    """When."""

    def answer_all(self, rounds: int) -> None:
        for _ in range(rounds * 1000):
            self.clock.advance(0.01)
            for answer in self.answers.values():
                if not answer.called:
                    answer.callback(answered())

    def test_once_in_an_interval_and_never_in_step(self) -> None:
        self.answer_all(20)
        for name in ("pod_a", "pod_b"):
            times = self.times(name)
            self.assertLess(times[0], INTERVAL_SECONDS)
            gaps = [after - before for before, after in pairwise(times)]
            self.assertGreater(len(gaps), 15)
            self.assertGreaterEqual(min(gaps), INTERVAL_SECONDS * 0.9 - 0.02)
            self.assertLessEqual(max(gaps), INTERVAL_SECONDS * 1.1 + 0.02)
            self.assertGreater(len({round(gap, 1) for gap in gaps}), 5, "there is jitter")
        self.assertNotAlmostEqual(self.times("pod_a")[0], self.times("pod_b")[0], places=1)

    def test_never_two_at_a_time(self) -> None:
        slow = self.first()
        self.pass_time(50)
        self.assertEqual(len(self.times("pod_a")), 1)
        slow.callback(answered())
        self.pass_time(11)
        self.assertEqual(len(self.times("pod_a")), 2, "it goes on")

    def test_stopping(self) -> None:
        running = self.first()
        self.checks.stop()
        self.assertTrue(running.called, "it was cancelled")
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertTrue(self.health.states["pod_a"].is_healthy, "that says nothing about the pod")

    def test_stopping_what_never_started(self) -> None:
        Checks(("pod_a",), self.ask, self.health, self.clock, Random(), 1).stop()


class VerdictTests(ChecksTestCase):
    """What."""

    def is_healthy(self) -> bool:
        return self.health.states["pod_a"].is_healthy

    def test_2xx_is_healthy_and_nothing_else(self) -> None:
        for status in (200, 204, 299, 301, 302, 404, 429, 500, 503):
            self.answers.clear()
            self.first().callback(answered(b"secret", status))
            self.assertEqual(self.is_healthy(), 200 <= status <= 299, status)
            if not self.is_healthy():
                self.assertEqual(self.health.states["pod_a"].reason, f"status {status}")

    def test_no_answer(self) -> None:
        self.first().errback(AskFailed("no answer within 2 seconds"))
        self.assertEqual(self.health.states["pod_a"].reason, "no answer within 2 seconds")

    def test_a_limit_of_the_router_says_nothing_about_the_pod(self) -> None:
        self.first().errback(NotAsked("too many requests wait"))
        self.assertTrue(self.is_healthy())
        self.assertEqual(self.health.states["pod_a"].failed_checks, 0)

    def test_an_error_of_ours_is_not_hidden(self) -> None:
        self.first().errback(ZeroDivisionError())
        self.assertTrue(self.is_healthy())
        self.answers.clear()
        self.pass_time(11)
        self.assertIn("pod_a", self.answers, "the checks go on")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
