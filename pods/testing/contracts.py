"""What every strategy and every delay policy has to do, as tests.

Mix one of these classes into a ``SynchronousTestCase``, say which factory is meant,
and run it with trial or any other runner of unittest's cases.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import attrs
from attrs.exceptions import FrozenInstanceError
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from pods.errors import ConfigurationError, Refusal
from pods.interfaces import (
    IDelayPolicy,
    IDelayPolicyFactory,
    IRoutingStrategy,
    IRoutingStrategyFactory,
    Placement,
    PodInfo,
    Route,
)
from pods.protocol import Redirect, parse_learn_query
from pods.routing.acceptance import acceptable
from pods.testing.fakes import FakeRequest, FakeServices, answered, learned

if TYPE_CHECKING:
    from unittest import TestCase as _Mixin
else:
    _Mixin = object

#: An option that no plugin has.
NO_SUCH_OPTION = "no_such_option_of_any_plugin"

PODS = (
    PodInfo("pod_us0", region="us", latest=True),
    PodInfo("pod_us1", region="us"),
    PodInfo("pod_eu0", region="eu"),
)
REQUESTS = (
    FakeRequest("GET", "/my-company/my-project?page=2"),
    FakeRequest("POST", "/my-company/my-project", headers={"Content-Length": "4"}, body=b"body"),
    FakeRequest("HEAD", "/users/sign_in"),
    FakeRequest("GET", "/"),
    FakeRequest("GET", "/a%2Fb/../c"),
    FakeRequest("OPTIONS", "*"),
)


class _FactoryContractTests(_Mixin):
    """What strategies and delay policies have in common."""

    #: The object that the dropin offers; set it in your test case.
    factory: Any = None
    #: Options that the factory accepts.
    options: ClassVar[Mapping[str, Any]] = {}
    #: The requests to try it with; add your own if yours looks at something special.
    #:
    #: :meta hide-value:
    requests: ClassVar[Sequence[FakeRequest]] = REQUESTS

    _factory_interface: ClassVar[Any]
    _made_interface: ClassVar[Any]

    def make_services(self) -> FakeServices:
        """Services with three pods in two regions; override to script answers of your own.

        Asked where a path belongs, each of the pods says ``pod_eu0``.
        """
        return FakeServices(PODS, {pod.name: _pods_answer for pod in PODS}, region="eu")

    def make(self, services: FakeServices, **more_options: Any) -> Any:
        """What the factory makes of :attr:`options`."""
        return self.factory.from_config({**self.options, **more_options}, services)

    def test_factory_provides_its_interface(self) -> None:
        verifyObject(self._factory_interface, self.factory)
        self.assertIsInstance(self.factory.name, str)
        self.assertTrue(self.factory.name, "a plugin needs a name")

    def test_made_object_provides_its_interface(self) -> None:
        verifyObject(self._made_interface, self.make(self.make_services()))

    def test_unknown_option_is_refused(self) -> None:
        with self.assertRaises(ConfigurationError) as raised:
            self.make(self.make_services(), **{NO_SUCH_OPTION: 1})
        faults = raised.exception.faults
        self.assertIn(NO_SUCH_OPTION, [fault.key for fault in faults], "name the option as the key")

    def test_making_it_starts_nothing(self) -> None:
        services = self.make_services()
        self.make(services)
        self.assertEqual(services.asked, [], "a pod was asked while the configuration was read")
        self.assertEqual(services.clock.getDelayedCalls(), [], "a timer was started")

    def _changed(self, error: FrozenInstanceError) -> BaseException:
        return self.failureException(f"the request was changed: {error}")


class StrategyContractTests(_FactoryContractTests):
    """What every strategy has to do.

    Set :attr:`factory` and, if it needs any, :attr:`options`; override
    :meth:`make_strategy` if the fakes are not enough.
    """

    _factory_interface = IRoutingStrategyFactory
    _made_interface = IRoutingStrategy

    def make_strategy(self, services: FakeServices) -> Any:
        """The strategy to be tested."""
        return self.make(services)

    def test_locate_names_a_configured_pod_or_refuses(self) -> None:
        services = self.make_services()
        strategy = self.make_strategy(services)
        for request in self.requests:
            self._check_placement(self._placed(strategy.locate, request), services, request)

    def test_locate_with_no_pod_to_ask(self) -> None:
        services = self.make_services()
        services.answers.clear()
        strategy = self.make_strategy(services)
        for request in self.requests:
            self._check_placement(self._placed(strategy.locate, request), services, request)

    def test_locate_never_names_a_tried_pod(self) -> None:
        services = self.make_services()
        strategy = self.make_strategy(services)
        names = [pod.name for pod in services.pods.all]
        for request in self.requests:
            for count in range(1, len(names) + 1):
                for tried in (names[:count], names[-count:]):
                    again = attrs.evolve(request, tried=tried)
                    placed = self._placed(strategy.locate, again)
                    self._check_placement(placed, services, again)

    def test_redirected_goes_to_the_named_pod_or_refuses(self) -> None:
        services = self.make_services()
        strategy = self.make_strategy(services)
        first, *others = [pod.name for pod in services.pods.all]
        for request in self.requests:
            for other in others:
                for once in (False, True):
                    bounced = attrs.evolve(request, tried=(first,))
                    args = Placement(first), Redirect(other, once)
                    placed = self._placed(strategy.redirected, bounced, *args)
                    self._check_placement(placed, services, bounced)
                    if isinstance(placed, Placement):
                        self.assertEqual(placed.pod, other, "a bounce names its pod")

    def test_equal_requests_do_not_need_each_other(self) -> None:
        services = self.make_services()
        strategy = self.make_strategy(services)
        for request in self.requests:
            services.held = True
            (first, _), *others = [self._start(strategy.locate, request) for _ in range(3)]
            first.cancel()
            services.release()
            for _, outcomes in others:
                self._check_placement(self._only(outcomes), services, request)

    def _placed(self, method: Any, request: FakeRequest, *args: Any) -> Any:
        """What the strategy says, or the Refusal that it raised."""
        _, outcomes = self._start(method, request, *args)
        return self._only(outcomes)

    def _start(
        self, method: Any, request: FakeRequest, *args: Any
    ) -> tuple[Deferred[Any], list[Any]]:
        """A call that is under way, and where its outcome will be."""

        async def outcome() -> Any:
            try:
                placed = method(request, *args)
                return await placed if inspect.isawaitable(placed) else placed
            except Refusal as refusal:
                return refusal
            except FrozenInstanceError as error:
                raise self._changed(error) from error

        outcomes: list[Any] = []
        return Deferred.fromCoroutine(outcome()).addBoth(outcomes.append), outcomes

    def _only(self, outcomes: list[Any]) -> Any:
        self.assertTrue(outcomes, "the awaitable does not fire, though every pod has answered")
        if isinstance(outcomes[0], Failure):
            outcomes[0].raiseException()
        return outcomes[0]

    def _check_placement(self, placed: Any, services: FakeServices, request: FakeRequest) -> None:
        if isinstance(placed, Refusal):
            return
        self.assertIsInstance(placed, Placement, f"for {request}")
        self.assertIsNotNone(services.pods.get(placed.pod), f"{placed.pod!r} is not configured")
        self.assertNotIn(placed.pod, request.tried, "a pod that was tried is not to be named again")
        if placed.remember is not None:
            self._check_route(placed.remember, services, request)

    def _check_route(self, route: Any, services: FakeServices, request: FakeRequest) -> None:
        self.assertIsInstance(route, Route)
        self.assertIsNotNone(services.pods.get(route.pod), f"{route.pod!r} is not configured")
        refused = acceptable(route.path, route.exact, request.path)
        self.assertIsNone(refused, f"{route} may not be learned from {request.path}")


class DelayPolicyContractTests(_FactoryContractTests):
    """What every delay policy has to do.  Set :attr:`factory` and, if needed, :attr:`options`."""

    _factory_interface = IDelayPolicyFactory
    _made_interface = IDelayPolicy

    #: No 404 may be held longer, in seconds; raise it if your policy means to.
    longest_seconds: ClassVar[float] = 120.0

    def test_release_is_a_time_not_far_off(self) -> None:
        policy = self.make(self.make_services())
        for request in self.requests:
            for arrived, took in ((0.0, 0.0), (1e9, 0.01), (1e9 + 5, 0.06), (1e9 + 6, 30.0)):
                released = self._released(policy, request, arrived, arrived + took)
                self.assertIsInstance(released, int | float)
                self.assertTrue(math.isfinite(released), f"{released} is no time")
                self.assertLessEqual(released - arrived - took, self.longest_seconds)

    def _released(self, policy: Any, request: FakeRequest, arrived: float, answered: float) -> Any:
        try:
            return policy.release_at(request, arrived, answered)
        except FrozenInstanceError as error:
            raise self._changed(error) from error

    def test_release_waits_for_nothing(self) -> None:
        services = self.make_services()
        policy = self.make(services)
        for request in self.requests:
            policy.release_at(request, 0.0, 0.1)
        self.assertEqual(services.asked, [], "release_at() asked a pod")
        self.assertEqual(services.clock.getDelayedCalls(), [], "release_at() started a timer")


def _pods_answer(pod: str, target: str) -> Any:
    """What a pod says where a path belongs: its first segment, to ``pod_eu0``."""
    _, path = parse_learn_query(target.partition("?")[2])
    first = path.split("/")[1]
    return learned(f"/{first}", "pod_eu0") if first else answered(status=404)
