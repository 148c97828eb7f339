"""``[[rules]]``: first match wins."""

from __future__ import annotations

from collections.abc import Set

import attrs
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pods.routing.paths import covers
from pods.routing.rules import Rules
from tests.test_routing_paths import plain_paths


@attrs.frozen
class Rule:
    path: str | None = None
    exact: str | None = None
    methods: Set[str] | None = None
    pod: str = "pod"


class RulesTests(SynchronousTestCase):
    """``Rules.match``"""

    def test_prefix(self) -> None:
        admin = Rule(path="/admin")
        rules = Rules([admin])
        for path in ("/admin", "/admin/", "/admin/pods/pod_0"):
            self.assertIs(rules.match("GET", path), admin, path)
        for path in ("/", "/administrator", "/admin.json", "/x/admin"):
            self.assertIsNone(rules.match("GET", path), path)

    def test_exact(self) -> None:
        profile = Rule(exact="/-/profile")
        rules = Rules([profile])
        self.assertIs(rules.match("GET", "/-/profile"), profile)
        self.assertIs(rules.match("GET", "/-/profile/"), profile)
        self.assertIsNone(rules.match("GET", "/-/profile/keys"))

    def test_exact_root_is_the_root_alone(self) -> None:
        rules = Rules([Rule(exact="/")])
        self.assertIsNotNone(rules.match("GET", "/"))
        self.assertIsNone(rules.match("GET", "/a"))

    def test_root_prefix_is_everything(self) -> None:
        rules = Rules([Rule(path="/")])
        for path in ("/", "/a/b", "*", "/a/../b"):
            self.assertIsNotNone(rules.match("OPTIONS", path), path)

    def test_methods(self) -> None:
        rules = Rules([Rule(path="/a", methods=frozenset({"GET", "HEAD"}))])
        self.assertIsNotNone(rules.match("HEAD", "/a"))
        self.assertIsNone(rules.match("POST", "/a"))

    def test_first_match_wins(self) -> None:
        first, second = Rule(path="/a/b", methods=frozenset({"GET"})), Rule(path="/a")
        rules = Rules([first, second])
        self.assertIs(rules.match("GET", "/a/b"), first)
        self.assertIs(rules.match("POST", "/a/b"), second)
        self.assertIs(Rules([second, first]).match("GET", "/a/b"), second)

    def test_compared_as_sent(self) -> None:
        rules = Rules([Rule(path="/api/v4")])
        self.assertIsNotNone(rules.match("GET", "/api/v4/projects/group%2Fproject"))
        self.assertIsNone(rules.match("GET", "/api/%764"))

    def test_none(self) -> None:
        self.assertIsNone(Rules([]).match("GET", "/"))

    @given(st.lists(plain_paths, max_size=4), plain_paths, st.booleans())
    def test_agrees_with_covers(self, patterns: list[str], path: str, exact: bool) -> None:
        rules = [Rule(exact=p) if exact else Rule(path=p) for p in patterns]
        fitting = [r for r, p in zip(rules, patterns, strict=True) if covers(p, path, exact)]
        self.assertIs(Rules(rules).match("GET", path), fitting[0] if fitting else None)
