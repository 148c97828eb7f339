"""The bounce strategy, and what both built-in strategies share."""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.trial.unittest import SynchronousTestCase

from pods.errors import ConfigurationError, NoConnection, TooManyBounces
from pods.interfaces import Placement, PodInfo
from pods.lazy import LazyStrategy
from pods.protocol import Redirect
from pods.strategies import bounce, learn
from pods.testing import FakePods, FakeRequest, FakeServices, ScriptedRandom, StrategyContractTests

PODS = (
    PodInfo("pod_us0", "us", latest=True),
    PodInfo("pod_us1", "us"),
    PodInfo("pod_eu0", "eu"),
    PodInfo("pod_eu1", "eu"),
)


def services(*choices: str, region: str | None = "eu") -> FakeServices:
    return FakeServices(PODS, region=region, random=ScriptedRandom(choices))


class BounceContract(StrategyContractTests, SynchronousTestCase):
    factory = LazyStrategy("bounce", "pods.strategies.bounce")


class LatestContract(StrategyContractTests, SynchronousTestCase):
    factory = LazyStrategy("bounce", "pods.strategies.bounce")
    options: ClassVar = {"unknown": "latest", "max_bounces": 1}


class LocateTests(SynchronousTestCase):
    """Where a request goes that nobody has placed."""

    def located(self, services: FakeServices, *tried: str, **options: Any) -> Placement:
        strategy = bounce.from_config(options, services)
        return strategy.locate(FakeRequest("GET", "/my-company/my-project", tried=tried))

    def test_a_random_pod_of_the_region(self) -> None:
        for pod in ("pod_eu0", "pod_eu1"):
            self.assertEqual(self.located(services(pod)), Placement(pod, False, None))

    def test_never_one_of_another_region_while_one_is_left(self) -> None:
        lent = services()
        self.assertEqual({self.located(lent).pod for _ in range(50)}, {"pod_eu0", "pod_eu1"})

    def test_any_pod_if_the_region_has_none_left(self) -> None:
        placed = self.located(services("pod_us1"), "pod_eu1", "pod_eu0")
        self.assertEqual(placed.pod, "pod_us1")

    def test_a_router_without_region_takes_any(self) -> None:
        lent = services(region=None)
        self.assertEqual(len({self.located(lent).pod for _ in range(100)}), 4)

    def test_any(self) -> None:
        lent = services()
        placed = {self.located(lent, unknown="any").pod for _ in range(100)}
        self.assertEqual(len(placed), 4)

    def test_latest(self) -> None:
        self.assertEqual(self.located(services(), unknown="latest").pod, "pod_us0")

    def test_latest_is_out(self) -> None:
        self.assertEqual(
            self.located(services("pod_eu1"), "pod_us0", unknown="latest").pod, "pod_eu1"
        )
        sick = services("pod_eu0")
        sick.pods.set_healthy("pod_us0", False)
        self.assertEqual(self.located(sick, unknown="latest").pod, "pod_eu0")

    def test_no_pod_is_left(self) -> None:
        for unknown in ("region", "latest", "any"):
            with self.assertRaises(NoConnection) as raised:
                self.located(services(), *(pod.name for pod in PODS), unknown=unknown)
            self.assertNotIn("pod_", raised.exception.detail, "clients read no pod names")


class RedirectedTests(SynchronousTestCase):
    """Where a bounced request goes, the same for both strategies."""

    def redirected(self, module: Any, *tried: str, **options: Any) -> Placement:
        strategy = module.from_config(options, services())
        request = FakeRequest("GET", "/a", tried=tried)
        placed: Placement = strategy.redirected(request, Placement(tried[-1]), Redirect("pod_us1"))
        return placed

    def test_to_the_named_pod(self) -> None:
        for module in (bounce, learn):
            self.assertEqual(self.redirected(module, "pod_eu0"), Placement("pod_us1"))

    def test_too_many(self) -> None:
        tried = [f"pod_{number}" for number in range(4)]
        for module in (bounce, learn):
            self.redirected(module, *tried[:3])
            with self.assertRaises(TooManyBounces) as raised:
                self.redirected(module, *tried)
            self.assertNotIn("pod_", raised.exception.detail, "clients read no pod names")

    def test_max_bounces(self) -> None:
        self.redirected(bounce, "a", max_bounces=1)
        self.assertRaises(TooManyBounces, self.redirected, bounce, "a", "b", max_bounces=1)


class OptionTests(SynchronousTestCase):
    """Wrong options: every fault in one run, each with what is allowed."""

    def faults(self, module: Any, lent: FakeServices | None = None, **options: Any) -> list[str]:
        with self.assertRaises(ConfigurationError) as raised:
            module.from_config(options, lent or services())
        return [str(fault) for fault in raised.exception.faults]

    def test_unknown_option(self) -> None:
        self.assertEqual(
            self.faults(bounce, unkown="any"),
            ["unkown: unknown option, nearest is unknown; allowed: unknown, max_bounces"],
        )

    def test_wrong_values(self) -> None:
        for options, fault in (
            ({"unknown": "lastest"}, 'unknown: is "lastest", nearest is latest; allowed: region,'),
            ({"unknown": 1}, "unknown: is 1; allowed: region, latest, any"),
            ({"max_bounces": 0}, "max_bounces: is 0; allowed: a whole number, 1 to 20"),
            ({"max_bounces": 21}, "max_bounces: is 21; allowed: a whole number, 1 to 20"),
            ({"max_bounces": True}, "max_bounces: is true; allowed: a whole number, 1 to 20"),
            ({"max_bounces": 2.0}, "max_bounces: is 2.0; allowed: a whole number, 1 to 20"),
        ):
            for module in (bounce, learn):
                (said,) = self.faults(module, **options)
                self.assertTrue(said.startswith(fault), said)

    def test_wrong_timeouts(self) -> None:
        for value in (0, -1, "2", float("nan"), True, 61):
            (said,) = self.faults(learn, timeout_seconds=value)
            self.assertIn("a number of seconds, 0.01 to 60", said)
        self.assertEqual(len(self.faults(bounce, timeout_seconds=2)), 1)

    def test_latest_needs_a_latest_pod(self) -> None:
        lent = FakeServices(FakePods(["pod_a"]))
        (said,) = self.faults(bounce, lent, unknown="latest")
        self.assertEqual(
            said, 'unknown: is "latest", but no pod has latest = true; allowed: region, any'
        )

    def test_every_fault_at_once(self) -> None:
        self.assertEqual(len(self.faults(learn, unknown="x", max_bounces=0, timeout=1)), 3)
