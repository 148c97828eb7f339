"""Fakes for everything that a plugin gets, and tests that every plugin has to pass.

Public, and for authors of plugins::

    from twisted.trial.unittest import SynchronousTestCase
    from pods.testing import StrategyContractTests

    class MyStrategyContract(StrategyContractTests, SynchronousTestCase):
        factory = my_factory
        options = {"header": "X-Tenant"}

See ``docs/how-to/write-a-strategy``.
"""

from twisted.internet.task import Clock

from pods.routing.headers import Headers
from pods.routing.pods import PodDirectory
from pods.testing.chance import ScriptedRandom
from pods.testing.contracts import DelayPolicyContractTests, StrategyContractTests
from pods.testing.fakes import FakePods, FakeRequest, FakeServices, answered, learned
from pods.testing.store_contract import RouteStoreContractTests

__all__ = [
    "Clock",
    "DelayPolicyContractTests",
    "FakePods",
    "FakeRequest",
    "FakeServices",
    "Headers",
    "PodDirectory",
    "RouteStoreContractTests",
    "ScriptedRandom",
    "StrategyContractTests",
    "answered",
    "learned",
]
