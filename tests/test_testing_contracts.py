"""The contract suites of ``pods.testing`` find what is broken."""

from __future__ import annotations

import unittest
from collections.abc import Mapping
from typing import Any, ClassVar

import attrs
from twisted.internet.defer import CancelledError, Deferred
from twisted.plugin import IPlugin
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pods.errors import ConfigurationError, Fault, NoConnection
from pods.interfaces import (
    IDelayPolicy,
    IDelayPolicyFactory,
    IRoutingStrategy,
    IRoutingStrategyFactory,
    Placement,
    Route,
)
from pods.options import OptionReader
from pods.testing import (
    DelayPolicyContractTests,
    StrategyContractTests,
)


@implementer(IRoutingStrategy)
class Sound:
    """A strategy without fault, for others to spoil."""

    def __init__(self, services: Any) -> None:
        self.services = services

    def locate(self, request: Any) -> Any:
        pod = self.services.pods.random(None, request.tried)
        if pod is None:
            raise NoConnection("none")
        return Placement(pod.name)

    def redirected(self, request: Any, placement: Placement, redirect: Any) -> Any:
        return Placement(redirect.pod)


@implementer(IPlugin, IRoutingStrategyFactory)
class SoundFactory:
    name = "sound"
    strategy: type[Any] = Sound

    def from_config(self, options: Mapping[str, Any], services: Any) -> Any:
        OptionReader(options).finish()
        return self.strategy(services)


def failed_tests(suite: type[Any], factory: Any) -> set[str]:
    """The names of the suite's tests that this factory does not pass."""
    case = type("Case", (suite, SynchronousTestCase), {"factory": factory})
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
    assert result.testsRun > 5
    return {test.id().rpartition(".")[2] for test, _ in [*result.failures, *result.errors]}


def failed_with(strategy: type[Any]) -> set[str]:
    """The tests that fail with this strategy from a factory without fault."""
    factory = SoundFactory()
    factory.strategy = strategy
    return failed_tests(StrategyContractTests, factory)


LOCATE = "test_locate_names_a_configured_pod_or_refuses"
TRIED = "test_locate_never_names_a_tried_pod"
NO_POD = "test_locate_with_no_pod_to_ask"
REDIRECTED = "test_redirected_goes_to_the_named_pod_or_refuses"
EQUAL = "test_equal_requests_do_not_need_each_other"


class StrategySuiteTests(SynchronousTestCase):
    """Each check of ``StrategyContractTests`` fails for a strategy that breaks it."""

    def test_sound(self) -> None:
        self.assertEqual(failed_with(Sound), set())

    def test_async_and_deferred_are_fine(self) -> None:
        class Async(Sound):
            async def locate(self, request: Any) -> Any:
                return Sound.locate(self, request)

            def redirected(self, request: Any, placement: Placement, redirect: Any) -> Any:
                return Deferred.fromCoroutine(self.locate(request)).addCallback(
                    lambda placed: Placement(redirect.pod)
                )

        self.assertEqual(failed_with(Async), set())

    def test_refusing_is_fine(self) -> None:
        class Refusing(Sound):
            def locate(self, request: Any) -> Any:
                raise NoConnection("never")

            def redirected(self, request: Any, placement: Placement, redirect: Any) -> Any:
                raise NoConnection("never")

        self.assertEqual(failed_with(Refusing), set())

    def test_an_unconfigured_pod(self) -> None:
        class Broken(Sound):
            def locate(self, request: Any) -> Any:
                return Placement("pod_elsewhere")

        self.assertIn(LOCATE, failed_with(Broken))

    def test_no_placement(self) -> None:
        class Broken(Sound):
            def locate(self, request: Any) -> Any:
                return super().locate(request).pod

        self.assertIn(LOCATE, failed_with(Broken))

    def test_nothing_at_all(self) -> None:
        class Broken(Sound):
            def locate(self, request: Any) -> Any:
                return None

        self.assertIn(LOCATE, failed_with(Broken))

    def test_another_exception(self) -> None:
        class Broken(Sound):
            def locate(self, request: Any) -> Any:
                raise KeyError("x")

        self.assertIn(LOCATE, failed_with(Broken))

    def test_a_tried_pod(self) -> None:
        class Broken(Sound):
            def locate(self, request: Any) -> Any:
                return Placement("pod_us0")

        self.assertEqual(failed_with(Broken), {TRIED})

    def test_a_route_that_may_not_be_learned(self) -> None:
        for path in ("/", "/elsewhere", "/a%2Fb"):

            class Broken(Sound):
                route = Route(path, "pod_us0")

                def locate(self, request: Any) -> Any:
                    return attrs.evolve(super().locate(request), remember=self.route)

            self.assertIn(LOCATE, failed_with(Broken), path)

    def test_a_route_to_an_unconfigured_pod(self) -> None:
        class Broken(Sound):
            def locate(self, request: Any) -> Any:
                return attrs.evolve(
                    super().locate(request), remember=Route(request.path, "pod_elsewhere")
                )

        self.assertIn(LOCATE, failed_with(Broken))

    def test_a_failing_ask_is_not_caught(self) -> None:
        class Broken(Sound):
            async def locate(self, request: Any) -> Any:
                placed = Sound.locate(self, request)
                await self.services.ask(placed.pod, "/api/v4/pods/learn?path_info=/x")
                return placed

        self.assertEqual(failed_with(Broken), {NO_POD})

    def test_redirected_elsewhere(self) -> None:
        class Broken(Sound):
            def redirected(self, request: Any, placement: Placement, redirect: Any) -> Any:
                return placement

        self.assertEqual(failed_with(Broken), {REDIRECTED})

    def test_an_awaitable_that_never_fires(self) -> None:
        class Broken(Sound):
            def locate(self, request: Any) -> Any:
                return Deferred()

        self.assertIn(EQUAL, failed_with(Broken))
        self.assertIn(LOCATE, failed_with(Broken))

    def test_one_deferred_for_all(self) -> None:
        class Broken(Sound):
            flight: Any = None
            waiting: Any = None

            def locate(self, request: Any) -> Any:
                placed = super().locate(request)
                waiter: Deferred[Any] = Deferred(lambda _: self.flight.cancel())
                if self.flight is not None:
                    self.waiting.append(waiter)
                    return waiter
                self.waiting = [waiter]
                self.flight = self.services.ask(placed.pod, "/api/v4/pods/learn?path_info=/x")
                self.flight.addBoth(self.landed, placed)
                return waiter

            def landed(self, result: Any, placed: Placement) -> None:
                waiting, self.flight = self.waiting, None
                cancelled = isinstance(result, Failure) and result.check(CancelledError)
                for waiter in waiting:
                    waiter.callback(result if cancelled else placed)

        self.assertEqual(failed_with(Broken), {EQUAL})

    def test_a_changed_request(self) -> None:
        class Broken(Sound):
            def locate(self, request: Any) -> Any:
                request.method = "GET"
                return super().locate(request)

        class AsyncBroken(Broken):
            async def locate(self, request: Any) -> Any:
                return Broken.locate(self, request)

        for broken in (Broken, AsyncBroken):
            self.assertIn(LOCATE, failed_with(broken))

    def test_no_strategy(self) -> None:
        class Broken:
            def __init__(self, services: Any) -> None: ...

        self.assertIn("test_made_object_provides_its_interface", failed_with(Broken))

    def test_a_factory_without_name(self) -> None:
        factory = SoundFactory()
        factory.name = ""
        failed = failed_tests(StrategyContractTests, factory)
        self.assertEqual(failed, {"test_factory_provides_its_interface"})

    def test_a_factory_that_is_none(self) -> None:
        class Broken:
            name = "broken"

            def from_config(self, options: Mapping[str, Any], services: Any) -> Any:
                OptionReader(options).finish()
                return Sound(services)

        failed = failed_tests(StrategyContractTests, Broken())
        self.assertEqual(failed, {"test_factory_provides_its_interface"})

    def test_unknown_options(self) -> None:
        class Deaf(SoundFactory):
            def from_config(self, options: Mapping[str, Any], services: Any) -> Any:
                return Sound(services)

        class Vague(SoundFactory):
            def from_config(self, options: Mapping[str, Any], services: Any) -> Any:
                if options:
                    raise ConfigurationError(Fault("", "something is wrong"))
                return Sound(services)

        for factory in (Deaf(), Vague()):
            failed = failed_tests(StrategyContractTests, factory)
            self.assertEqual(failed, {"test_unknown_option_is_refused"})

    def test_starting_things(self) -> None:
        class Asking(Sound):
            def __init__(self, services: Any) -> None:
                super().__init__(services)
                asking = services.ask("pod_us0", "/api/v4/pods/learn?path_info=/x")
                asking.addErrback(lambda failure: None)

        class Ticking(Sound):
            def __init__(self, services: Any) -> None:
                super().__init__(services)
                services.clock.callLater(1, self.locate, None)

        for broken in (Asking, Ticking):
            self.assertEqual(failed_with(broken), {"test_making_it_starts_nothing"})


@implementer(IDelayPolicy)
class SoundDelay:
    def __init__(self, services: Any) -> None:
        self.services = services

    def release_at(self, request: Any, arrived: float, answered: float) -> float:
        return answered


@implementer(IPlugin, IDelayPolicyFactory)
class SoundDelayFactory:
    name = "sound"
    policy: type[Any] = SoundDelay

    def from_config(self, options: Mapping[str, Any], services: Any) -> Any:
        OptionReader(options).finish()
        return self.policy(services)


class DelaySuiteTests(SynchronousTestCase):
    """Each check of ``DelayPolicyContractTests`` fails for a policy that breaks it."""

    release: ClassVar = "test_release_is_a_time_not_far_off"
    waits: ClassVar = "test_release_waits_for_nothing"

    def failed_with(self, policy: type[Any]) -> set[str]:
        factory = SoundDelayFactory()
        factory.policy = policy
        return failed_tests(DelayPolicyContractTests, factory)

    def test_sound(self) -> None:
        self.assertEqual(self.failed_with(SoundDelay), set())

    def test_no_time(self) -> None:
        for wrong in (None, "1", float("nan"), float("inf"), 1e12):

            class Broken(SoundDelay):
                released: Any = wrong

                def release_at(self, request: Any, arrived: float, answered: float) -> Any:
                    return self.released

            self.assertIn(self.release, self.failed_with(Broken), str(wrong))

    def test_a_changed_request(self) -> None:
        class Broken(SoundDelay):
            def release_at(self, request: Any, arrived: float, answered: float) -> float:
                request.tried = ()
                return answered

        self.assertIn(self.release, self.failed_with(Broken))

    def test_waiting(self) -> None:
        class Asking(SoundDelay):
            def release_at(self, request: Any, arrived: float, answered: float) -> float:
                self.services.ask("pod_us0", "/api/v4/pods/learn?path_info=/x")
                return answered

        class Ticking(SoundDelay):
            def release_at(self, request: Any, arrived: float, answered: float) -> float:
                self.services.clock.callLater(1, list)
                return answered

        for broken in (Asking, Ticking):
            self.assertEqual(self.failed_with(broken), {self.waits})
