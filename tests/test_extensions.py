"""How strategies and delay policies are built from a configuration."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pods.checking import OfflineServices
from pods.config import Config
from pods.errors import AskFailed, ConfigurationError
from pods.extensions import build_delay, build_strategies
from pods.interfaces import IDelayPolicy, IRoutingStrategy, IServices
from tests.test_config import config
from tests.test_plugins import PluginFolderCase

DROPIN = """
    from zope.interface import implementer
    from pods.interfaces import IRoutingStrategyFactory

    @implementer(IRoutingStrategyFactory)
    class Bad:
        name = "bad"
        def from_config(self, options, services):
            {body}

    bad = Bad()
"""


def lines(error: ConfigurationError) -> list[str]:
    return list(map(str, error.faults))


class OfflineServicesTests(SynchronousTestCase):
    """The services of a router that does not run."""

    def test_offers_what_the_configuration_says(self) -> None:
        found = OfflineServices.of(config("router.region = 'eu'\npods.pod_0.latest = true"))
        verifyObject(IServices, found)
        self.assertEqual((found.region, found.header_prefix), ("eu", "X-Gitlab-Pod-"))
        self.assertEqual(found.pods.latest.name, "pod_0")

    def test_asks_nobody(self) -> None:
        asked = OfflineServices.of(config()).ask("pod_0", "/x")
        self.assertRaises(AskFailed, asked.send, None)

    def test_counts_for_nobody(self) -> None:
        counter = OfflineServices.of(config()).counter("failures", "It failed.", "kind", ["slow"])
        counter.add("slow")
        self.assertRaises(ValueError, counter.add, "other")

    def test_has_secrets_of_its_own(self) -> None:
        found, other = (OfflineServices.of(config()) for _ in range(2))
        self.assertEqual(found.secret("one"), found.secret("one"))
        self.assertEqual(len({found.secret("one"), found.secret("two"), other.secret("one")}), 3)
        self.assertEqual(len(found.secret("one")), 32)
        self.assertNotIn("key", repr(found))


class BuildTests(PluginFolderCase):
    """What can be built, and what is said when it cannot."""

    def strategies(self, found: Config) -> dict[str, IRoutingStrategy]:
        return dict(build_strategies(found, OfflineServices.of(found)))

    def strategy_faults(self, change: str) -> list[str]:
        return lines(self.assertRaises(ConfigurationError, self.strategies, config(change)))

    def test_all_that_are_named(self) -> None:
        found = self.strategies(config("rules = [{path = '/a', strategy = 'learn'}]"))
        self.assertEqual(sorted(found), ["bounce", "learn"])
        for strategy in found.values():
            verifyObject(IRoutingStrategy, strategy)

    def test_none_that_is_not(self) -> None:
        self.assertEqual(list(self.strategies(config())), ["bounce"])

    def test_a_rule_may_name_the_routers_own(self) -> None:
        change = "strategy.max_bounces = 7\nrules = [{path = '/a', strategy = 'bounce'}]"
        self.assertEqual(list(self.strategies(config(change))), ["bounce"])

    def test_faults_of_all_strategies(self) -> None:
        change = """
            strategy.max_bounce = 1
            strategies.learn.unknown = "me"
            rules = [{path = "/a", strategy = "learn"}]
        """
        self.assertEqual(
            sorted(line.partition(", nearest")[0] for line in self.strategy_faults(change)),
            [
                'router.toml: strategies.learn.unknown: is "me"',
                "router.toml: strategy.max_bounce: unknown option",
            ],
        )

    def test_a_plugin_that_raises(self) -> None:
        self.dropin("pods_test_raises", DROPIN.format(body="return options['needed']"))
        self.assertEqual(
            self.strategy_faults("router.strategy = 'bad'"),
            ["router.toml: strategy: plugin \"bad\" failed: KeyError: 'needed'"],
        )

    def test_a_plugin_that_makes_something_else(self) -> None:
        self.dropin("pods_test_else", DROPIN.format(body="return 5"))
        self.assertEqual(
            self.strategy_faults("router.strategy = 'bad'"),
            ['router.toml: strategy: plugin "bad" made no IRoutingStrategy but int'],
        )

    def test_delay(self) -> None:
        found = config("not_found.delay = 'random'\nnot_found.max_seconds = 1")
        verifyObject(IDelayPolicy, build_delay(found, OfflineServices.of(found)))

    def test_faults_of_the_delay(self) -> None:
        found = config("not_found.quantum_second = 1")
        error = self.assertRaises(ConfigurationError, build_delay, found, OfflineServices.of(found))
        (line,) = lines(error)
        self.assertIn("router.toml: not_found.quantum_second: unknown option", line)
