"""pod.toml: read into values, or refused with every fault."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pods.config import read_toml
from pods.config.reading import keys_of
from pods.errors import ConfigurationError
from pods.reference.settings import (
    OwnSettings,
    PodSettings,
    SiblingSettings,
    from_mapping,
    load,
)

EXAMPLE = Path(__file__).parent.parent / "docs" / "examples" / "pod.toml"
TABLE: dict[str, Any] = {
    "pod": {"name": "a", "listen": "tcp:0", "shared_dir": "shared", "data_dir": "own"},
    "pods": {"a": {"region": "us", "legacy": True}, "b": {"region": "eu"}},
}


def changed(**own: Any) -> dict[str, Any]:
    table = copy.deepcopy(TABLE)
    table["pod"] |= own
    return table


class PodSettingsTestCase(SynchronousTestCase):
    """Reads tables."""

    def read(self, table: dict[str, Any]) -> PodSettings:
        return from_mapping(table, "pod.toml", "/srv")

    def assert_faults(self, table: dict[str, Any], *beginnings: str) -> None:
        error = self.assertRaises(ConfigurationError, self.read, table)
        lines = str(error).splitlines()
        self.assertEqual(len(lines), len(beginnings), lines)
        for line, beginning in zip(lines, beginnings, strict=True):
            self.assertTrue(line.startswith(f"pod.toml: {beginning}"), line)


class PodSettingsTests(PodSettingsTestCase):
    def test_the_example_is_right(self) -> None:
        settings = load(str(EXAMPLE))
        self.assertEqual(settings.pod.name, "pod_eu0")
        self.assertTrue(settings.pod.seed)
        self.assertEqual(settings.pod.shared_dir, str(EXAMPLE.parent / "var" / "shared"))

    def test_the_example_has_every_key(self) -> None:
        table = read_toml(str(EXAMPLE))
        self.assertEqual(set(table["pod"]), set(keys_of(OwnSettings)))
        siblings = set().union(*table["pods"].values())
        self.assertEqual(siblings, set(keys_of(SiblingSettings)))

    def test_defaults(self) -> None:
        own = self.read(TABLE).pod
        self.assertEqual(own.header_prefix, "X-Gitlab-Pod-")
        self.assertEqual(own.latency_seconds, 0)
        self.assertEqual(own.hold_seconds, 10)
        self.assertFalse(own.seed)

    def test_folders_start_at_the_folder_of_the_file(self) -> None:
        own = self.read(TABLE).pod
        self.assertEqual((own.shared_dir, own.data_dir), ("/srv/shared", "/srv/own"))

    def test_cluster(self) -> None:
        cluster = self.read(changed(name="b")).cluster
        self.assertEqual((cluster.me, cluster.region), ("b", "eu"))
        self.assertEqual((cluster.legacy, cluster.fixed), ("a", "b"))

    def test_an_empty_file(self) -> None:
        self.assert_faults(
            {},
            "pod.name: is missing",
            "pod.listen: is missing",
            "pod.shared_dir: is missing",
            "pod.data_dir: is missing",
            "pods: is missing",
        )

    def test_every_fault_is_named_at_once(self) -> None:
        table = changed(name="c", listen="tpc:0", latency_seconds=-1, seed="yes", datadir="x")
        self.assert_faults(
            table,
            "pod.datadir: unknown key, nearest is data_dir",
            'pod.name: is "c" (no such pod',
            'pod.listen: is "tpc:0"',
            "pod.latency_seconds: is -1",
            'pod.seed: is "yes"',
        )

    def test_exactly_one_pod_is_the_legacy_pod(self) -> None:
        for legacy, count in (({"a", "b"}, 2), (set(), 0)):
            table = copy.deepcopy(TABLE)
            for name in table["pods"]:
                table["pods"][name]["legacy"] = name in legacy
            self.assert_faults(table, f"pods: {count} of them say legacy = true")

    def test_pods_that_are_no_tables(self) -> None:
        self.assert_faults(changed() | {"pods": 3}, 'pod.name: is "a" (no such pod', "pods: is 3")

    def test_the_demo_tenants_need_their_pods(self) -> None:
        self.assert_faults(
            changed(seed=True),
            "pod.seed: the demo tenants live on other pods; allowed: pods pod_eu0, pod_us0, ",
        )

    def test_a_file_that_is_not_there(self) -> None:
        path = os.path.join(self.mktemp(), "pod.toml")
        error = self.assertRaises(ConfigurationError, load, path)
        self.assertIn("cannot be read", str(error))
