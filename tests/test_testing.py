"""``pods.testing``: the fakes do what they say."""

from __future__ import annotations

import inspect
import random
from typing import Any

from attrs.exceptions import FrozenInstanceError
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

import pods.testing
from pods.errors import AskFailed
from pods.interfaces import (
    IPods,
    IRequest,
    IServices,
    PodAnswer,
    PodInfo,
)
from pods.protocol import LearnAnswer
from pods.testing import (
    Clock,
    FakePods,
    FakeRequest,
    FakeServices,
    Headers,
    PodDirectory,
    ScriptedRandom,
    answered,
    learned,
)


class ScriptedRandomTests(SynchronousTestCase):
    """``ScriptedRandom``"""

    def test_script(self) -> None:
        chance = ScriptedRandom(["b", "pod_a", 3])
        self.assertEqual(chance.choice("abc"), "b")
        self.assertEqual(chance.choice([PodInfo("pod_b"), PodInfo("pod_a")]), PodInfo("pod_a"))
        self.assertEqual(chance.choice(range(5)), 3)
        self.assertEqual(len(chance.script), 0)

    def test_what_cannot_be_chosen(self) -> None:
        self.assertRaises(AssertionError, ScriptedRandom(["x"]).choice, "abc")

    def test_the_rest_is_seeded(self) -> None:
        one, other = ScriptedRandom(seed=7), random.Random(7)
        self.assertEqual(one.random(), other.random())
        self.assertEqual(one.choice("abcdef"), other.choice("abcdef"))


class FakePodsTests(SynchronousTestCase):
    """``FakePods``"""

    def test_names_and_infos(self) -> None:
        pods = FakePods(["pod_a", PodInfo("pod_b", "eu")])
        verifyObject(IPods, pods)
        self.assertEqual(pods.all, (PodInfo("pod_a"), PodInfo("pod_b", "eu")))


class FakeRequestTests(SynchronousTestCase):
    """``FakeRequest``"""

    def test_interface(self) -> None:
        verifyObject(IRequest, FakeRequest())

    def test_values(self) -> None:
        request = FakeRequest("PUT", "/a?b?c", headers={"X": "1"}, tried=["pod_a"])
        self.assertEqual(request.path, "/a")
        self.assertEqual(request.headers.get("x"), "1")
        self.assertEqual(request.tried, ("pod_a",))

    def test_headers(self) -> None:
        pairs = FakeRequest(headers=[("A", "1"), ("A", "2")])
        self.assertEqual(pairs.headers.get_all("a"), ["1", "2"])
        self.assertEqual(FakeRequest(headers=Headers([(b"A", b"1")])).headers.get("A"), "1")

    def test_read_only(self) -> None:
        request = FakeRequest()
        with self.assertRaises(FrozenInstanceError):
            request.method = "POST"  # type: ignore[misc]

    def test_body(self) -> None:
        request = FakeRequest(body=b"12345", memory_bytes=10)
        self.assertEqual(self.successResultOf(request.body(3)), b"123")
        self.assertEqual(self.successResultOf(request.body(10)), b"12345")
        for wrong in (-1, 11):
            self.assertRaises(ValueError, request.body, wrong)


class FakeServicesTests(SynchronousTestCase):
    """``FakeServices``"""

    def ask(self, services: FakeServices, pod: str = "pod_a", target: str = "/x?y") -> Any:
        async def asking() -> PodAnswer:
            return await services.ask(pod, target)

        return Deferred.fromCoroutine(asking())

    def test_interface(self) -> None:
        verifyObject(IServices, FakeServices())

    def test_secrets_by_purpose_and_key(self) -> None:
        services, same, other = (FakeServices() for _ in range(3))
        other.key = "other"
        self.assertEqual(services.secret("one"), same.secret("one"))
        secrets = {services.secret("one"), services.secret("two"), other.secret("one")}
        self.assertEqual([len(secret) for secret in secrets], [32] * 3)

    def test_pods_use_the_same_chance(self) -> None:
        services = FakeServices(["pod_a", "pod_b"], random=ScriptedRandom(["pod_b", "pod_a"]))
        picks = [services.pods.random() for _ in range(2)]
        self.assertEqual([pick.name for pick in picks if pick], ["pod_b", "pod_a"])

    def test_a_directory_stays_as_it_is(self) -> None:
        pods = PodDirectory([], random.Random(1))
        self.assertIs(FakeServices(pods).pods, pods)

    def test_the_nearest_answer(self) -> None:
        services = FakeServices(
            answers={
                "pod_a": answered("pod"),
                ("pod_a", "/x"): answered("path"),
                ("pod_a", "/x?y"): answered("target"),
            }
        )
        said = [
            self.successResultOf(self.ask(services, "pod_a", target)).body
            for target in ("/x?y", "/x?z", "/z")
        ]
        self.assertEqual(said, [b"target", b"path", b"pod"])
        self.assertEqual(services.asked, [("pod_a", "/x?y"), ("pod_a", "/x?z"), ("pod_a", "/z")])

    def test_nothing_scripted(self) -> None:
        failure = self.failureResultOf(self.ask(FakeServices()), AskFailed)
        self.assertIn("no answer to /x?y is scripted", str(failure.value))

    def test_errors_and_functions(self) -> None:
        services = FakeServices(
            answers={
                "pod_a": AskFailed("slow"),
                "pod_b": lambda pod, target: answered(f"{pod} {target}", 404),
            }
        )
        self.failureResultOf(self.ask(services), AskFailed)
        said = self.successResultOf(self.ask(services, "pod_b"))
        self.assertEqual(said, PodAnswer(404, (), b"pod_b /x?y"))

    def test_an_answer_that_comes_later(self) -> None:
        later: Deferred[PodAnswer] = Deferred()
        asking = self.ask(FakeServices(answers={"pod_a": later}))
        self.assertNoResult(asking)
        later.callback(answered(b"late"))
        self.assertEqual(self.successResultOf(asking).body, b"late")

    def test_held(self) -> None:
        services = FakeServices(answers={"pod_a": answered("x")})
        services.held = True
        first, gone = self.ask(services), self.ask(services)
        gone.cancel()
        self.failureResultOf(gone, CancelledError)
        self.assertNoResult(first)
        services.release()
        self.assertEqual(self.successResultOf(first).body, b"x")
        self.assertEqual(self.successResultOf(self.ask(services)).body, b"x")

    def test_counters(self) -> None:
        services = FakeServices()
        failures = services.counter("failures", "It failed.", "kind", ["slow", "wrong"])
        services.counter("questions", "It was asked.").add()
        failures.add("slow")
        self.assertRaises(ValueError, failures.add, "other")
        self.assertEqual(
            services.counts, {"failures": {"slow": 1, "wrong": 0}, "questions": {"": 1}}
        )

    def test_learned(self) -> None:
        answer = learned("/a", "pod_a", exact=True, ttl_seconds=5)
        self.assertEqual(
            LearnAnswer.parse(answer.body), LearnAnswer("/a", "pod_a", exact=True, ttl_seconds=5)
        )


class PublicNamesTests(SynchronousTestCase):
    """What the package offers."""

    def test_all_is_there_and_documented(self) -> None:
        for name in pods.testing.__all__:
            self.assertTrue(inspect.getdoc(getattr(pods.testing, name)), name)

    def test_clock_is_twisteds(self) -> None:
        self.assertEqual(Clock().seconds(), 0)
