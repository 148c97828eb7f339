"""The reference of ``router.toml`` says what the code does: every key, range and default."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
from twisted.trial.unittest import SynchronousTestCase

from pods.checking import OfflineServices
from pods.config import Config, NotFoundConfig, PodConfig
from pods.config.reading import Each, Key, Table, keys_of
from pods.errors import ConfigurationError
from pods.interfaces import IDelayPolicyFactory, IRoutingStrategyFactory
from pods.plugins import find
from pods.workers.shares import SHARED_OF_BODY, SHARED_OF_LIMITS
from tests.test_config import config

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "configuration.rst"
ENTRY = re.compile(
    r"^\.\. confval:: (?P<key>\S+)\n   :type: (?P<type>.*)\n   :default: (?P<default>.*)\n\n   \S",
    re.MULTILINE,
)
BUILT_IN = {
    "strategy": (IRoutingStrategyFactory, ("bounce", "learn")),
    "not_found": (IDelayPolicyFactory, ("padded", "random", "off")),
}


def entries() -> dict[str, tuple[str, str]]:
    """Key -> type and default, as the page has them."""
    found = ENTRY.findall(PAGE.read_text())
    return {key: (kind.replace("\\", ""), default) for key, kind, default in found}


def keys() -> Iterator[tuple[str, Key]]:
    """Every key of the code, dotted, with what is known of it."""
    for name, key in keys_of(Config).items():
        reader = key.reader.item if isinstance(key.reader, Each) else key.reader
        table = {"pods": PodConfig, "not_found": NotFoundConfig}.get(name)
        if isinstance(reader, Table):
            table = reader.into
        prefix = f"{name}.NAME" if name == "pods" else name
        for inner, inner_key in keys_of(table).items() if table else ():
            yield f"{prefix}.{inner}", inner_key


def literal(value: Any) -> str:
    """A default as the page writes it."""
    if value is attrs.NOTHING:
        return "none, it must be there"
    if value is None:
        return "none"
    if isinstance(value, bool) or not isinstance(value, int):
        return f"``{json.dumps(value)}``"
    return f"``{value:_}``"


class KeyTests(SynchronousTestCase):
    """The keys that the router itself reads."""

    def test_pages_keys_are_the_codes_keys(self) -> None:
        documented = [key for key in entries() if not self.is_option(key)]
        self.assertEqual(sorted(documented), sorted(key for key, _ in keys()))

    def is_option(self, key: str) -> bool:
        return key.partition(".")[0] in BUILT_IN and key != "not_found.delay"

    def test_types_and_defaults(self) -> None:
        page = entries()
        self.assertEqual(
            {key: page.get(key) for key, _ in keys()},
            {key: (known.reader.allowed, literal(known.default)) for key, known in keys()},
        )

    def test_tables_have_headings(self) -> None:
        page = PAGE.read_text()
        for name in keys_of(Config):
            self.assertRegex(page, rf"(?m)^``\[+{name}(\.NAME)?\]+``")

    def test_what_workers_share_is_told(self) -> None:
        entry = PAGE.read_text().partition("confval:: router.workers")[2].partition(".. confval")[0]
        told = set(re.findall(r":confval:`(\S+?)`", entry))
        shared = {
            *(f"body.{name}" for name in SHARED_OF_BODY),
            *(f"limits.{name}" for name in SHARED_OF_LIMITS),
        }
        self.assertLessEqual(shared, told)


class OptionTests(SynchronousTestCase):
    """The options of the plugins that come with the router, as their own faults tell them."""

    def faults(self, table: str, name: str, options: Mapping[str, Any]) -> dict[str, str]:
        """Key of the page -> what is allowed."""
        interface, _ = BUILT_IN[table]
        factory = find(interface, name)
        services = OfflineServices.of(config())
        error = self.assertRaises(ConfigurationError, factory.from_config, options, services)
        return {f"{table}.{fault.key}": fault.allowed for fault in error.faults}

    def options(self, table: str, name: str) -> dict[str, str]:
        """Every option of a plugin, with what is allowed."""
        known = self.faults(table, name, {"no-such-option": 1})[f"{table}.no-such-option"]
        wrong: dict[str, Any] = {key: [] for key in known.split(", ") if key != "no options"}
        return self.faults(table, name, wrong) if wrong else {}

    def test_keys_and_types(self) -> None:
        for table, (_, names) in BUILT_IN.items():
            expected: dict[str, str] = {}
            for name in names:
                expected |= self.options(table, name)
            documented = {
                key: kind
                for key, (kind, _) in entries().items()
                if key.startswith(f"{table}.") and key != "not_found.delay"
            }
            self.assertEqual(documented, expected)
