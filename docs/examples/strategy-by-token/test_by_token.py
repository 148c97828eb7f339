"""Run with ``python -m twisted.trial test_by_token``, in this folder."""

from typing import ClassVar

from twisted.plugins.by_token import by_token
from twisted.trial.unittest import SynchronousTestCase

from pods.errors import ConfigurationError, NoConnection
from pods.interfaces import Placement
from pods.testing import FakeRequest, FakeServices, ScriptedRandom, StrategyContractTests


class ByTokenContract(StrategyContractTests, SynchronousTestCase):
    """What every strategy has to do."""

    factory = by_token
    options: ClassVar = {"header": "X-Team", "tokens": {"blue": "pod_us1"}}
    requests = (*StrategyContractTests.requests, FakeRequest(headers={"X-Team": "blue"}))


class ByTokenTests(SynchronousTestCase):
    """What this strategy does."""

    def setUp(self):
        self.services = FakeServices(["pod_a", "pod_b"], random=ScriptedRandom(["pod_a"]))
        self.strategy = by_token.from_config({"tokens": {"acme": "pod_b"}}, self.services)

    def test_the_tokens_pod(self):
        request = FakeRequest("GET", "/orders", headers={"x-tenant": "acme"})
        self.assertEqual(self.strategy.locate(request), Placement("pod_b", certain=True))

    def test_no_token_that_is_known(self):
        for headers in ({}, {"X-Tenant": "nobody"}):
            placement = self.strategy.locate(FakeRequest(headers=headers))
            self.assertFalse(placement.certain)

    def test_the_tokens_pod_is_down(self):
        request = FakeRequest(headers={"X-Tenant": "acme"}, tried=["pod_b"])
        self.assertRaises(NoConnection, self.strategy.locate, request)

    def test_a_token_for_no_pod(self):
        with self.assertRaises(ConfigurationError) as raised:
            by_token.from_config({"tokens": {"acme": "pod_c"}}, self.services)
        self.assertEqual(raised.exception.faults[0].key, "tokens.acme")
