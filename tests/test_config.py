"""``router.toml``: how it is read and what it becomes; ``test_config_faults`` has what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pods.config import Config, from_mapping, load
from pods.errors import ConfigurationError
from tests.integration.certificates import Authority

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "docs" / "examples"
MINIMAL = """
[router]
listen = ["tcp:8080"]
strategy = "bounce"
[pods.pod_0]
url = "http://10.0.0.7:9100"
"""


def merged(table: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """``table`` with the keys of ``change`` put into it, tables within tables as well."""
    result = dict(table)
    for key, value in change.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result


def config(change: str = "", base_dir: str = "/etc/pods") -> Config:
    """The minimal file with some TOML merged into it."""
    table = merged(tomllib.loads(MINIMAL), tomllib.loads(change))
    return from_mapping(table, "router.toml", base_dir)


class FileTests(SynchronousTestCase):
    """Files that cannot be read, and paths in those that can."""

    def written(self, content: bytes) -> str:
        folder = self.mktemp()
        os.mkdir(folder)
        path = os.path.join(folder, "router.toml")
        with open(path, "wb") as file:
            file.write(content)
        return path

    def fault(self, path: str) -> str:
        (fault,) = self.assertRaises(ConfigurationError, load, path).faults
        return str(fault)

    def test_missing(self) -> None:
        self.assertEqual(
            self.fault("nowhere/router.toml"),
            "nowhere/router.toml: cannot be read: No such file or directory",
        )

    def test_folder(self) -> None:
        self.assertIn(": cannot be read: Is a directory", self.fault(os.curdir))

    def test_no_toml(self) -> None:
        path = self.written(b"[router\nlisten =")
        self.assertEqual(
            self.fault(path),
            f"{path}: is not TOML: Expected ']' at the end of a table declaration (at line 1,"
            " column 8)",
        )

    def test_not_utf8(self) -> None:
        self.assertIn("is not TOML: 'utf-8' codec can't decode", self.fault(self.written(b"\xff")))

    def test_too_deep(self) -> None:
        self.assertIn("is not TOML", self.fault(self.written(b"a = " + b"[" * 100_000)))

    def test_paths_start_at_the_file(self) -> None:
        path = self.written(MINIMAL.encode() + b"ca_file = 'ca.pem'\n[log]\naccess = 'log/a.json'")
        folder = os.path.dirname(os.path.abspath(path))
        found = load(path)
        self.assertEqual(found.file, path)
        self.assertEqual(
            (found.router.data_dir, found.body.spool_dir, found.log.access),
            (f"{folder}/var", f"{folder}/var/spool", f"{folder}/log/a.json"),
        )
        self.assertEqual(found.pods["pod_0"].ca_file, f"{folder}/ca.pem")

    def test_ca_file_without_certificates(self) -> None:
        content = MINIMAL.replace("http:", "https:") + "ca_file = 'router.toml'"
        path = self.written(content.encode())
        self.assertEqual(
            self.fault(path),
            f"{path}: pods.pod_0.ca_file: cannot be used: has no certificate; allowed:"
            " certificates in PEM format",
        )

    def test_ca_file(self) -> None:
        path = self.written((MINIMAL.replace("http:", "https:") + "ca_file = 'a-ca.pem'").encode())
        ca_file = Authority(Path(path).absolute().parent, "a").file
        self.assertEqual(load(path).pods["pod_0"].ca_file, str(ca_file))


class GoodTests(SynchronousTestCase):
    """What a right file becomes."""

    def test_examples(self) -> None:
        load(str(EXAMPLES / "minimal.toml"))
        found = load(str(EXAMPLES / "router.toml"))
        self.assertEqual(list(found.pods), ["pod_eu0", "pod_us0"])
        self.assertEqual(found.strategy, {"unknown": "region", "max_bounces": 3})
        self.assertEqual(found.strategies, {"learn": {"unknown": "latest"}})
        self.assertEqual(found.not_found.options, {"quantum_seconds": 0.05})
        self.assertEqual(found.rules[0].pod, "pod_us0")
        self.assertEqual(found.rules[1].methods, {"GET", "HEAD"})

    def test_example_shows_defaults(self) -> None:
        found, least = load(str(EXAMPLES / "router.toml")), load(str(EXAMPLES / "minimal.toml"))
        for table in ("cache", "cookie", "body", "limits", "timeouts", "log"):
            self.assertEqual(getattr(found, table), getattr(least, table))

    def test_optional_tables(self) -> None:
        self.assertEqual((config().health, config().admin), (None, None))
        found = config("[health]\n[admin]")
        assert found.health is not None and found.admin is not None
        self.assertEqual(found.health.unhealthy_after, 3)
        self.assertEqual(found.admin.listen, "tcp:8081:interface=127.0.0.1")

    def test_endpoints(self) -> None:
        endpoints = ["tcp6:80:interface=\\:\\:1", "unix:/s:mode=600", "systemd:domain=INET:index=0"]
        found = config(f"router.listen = {endpoints}".replace("\\\\", "\\"))
        self.assertEqual(found.router.listen, tuple(endpoints))
        for endpoint in ("unix:/run/app.sock", "tcp:h:80:timeout=5", "tls:h:443"):
            self.assertEqual(
                config(f"pods.pod_0.endpoint = '{endpoint}'").pods["pod_0"].endpoint, endpoint
            )

    def test_urls(self) -> None:
        for url in ("http://h", "https://h.example:8443", "http://[::1]:80", "http://10.0.0.1"):
            for slash in ("", "/"):
                found = config(f"pods.pod_0.url = '{url}{slash}'")
                self.assertEqual(found.pods["pod_0"].url, url)

    def test_spool_dir(self) -> None:
        self.assertEqual(config().body.spool_dir, "/etc/pods/var/spool")
        self.assertEqual(config("router.data_dir = '/d'").body.spool_dir, "/d/spool")
        self.assertEqual(config("body.spool_dir = '../s'").body.spool_dir, "/etc/s")

    def test_continue(self) -> None:
        self.assertEqual(config("timeouts.continue = 0.5").timeouts.continue_, 0.5)

    def test_networks(self) -> None:
        found = config("router.trusted_proxies = ['10.0.0.0/8', '::1', 'unix:']")
        self.assertEqual(found.router.trusted_proxies, ("10.0.0.0/8", "::1/128", "unix:"))

    def test_frozen(self) -> None:
        found = config("strategy.unknown = 'any'")
        for table in (found.pods, found.strategy, found.strategies, found.not_found.options):
            self.assertFalse(hasattr(table, "__setitem__"))
        self.assertRaises(AttributeError, setattr, found.router, "workers", 2)

    def test_imports_little(self) -> None:
        heavy = ("twisted.internet.reactor", "twisted.web", "treq", "sqlite3", "sqlite_utils")
        script = (
            "import sys, pods.config\n"
            f"pods.config.load({str(EXAMPLES / 'router.toml')!r})\n"
            f"print([name for name in {heavy!r} if name in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True)
        self.assertEqual(done.stdout, b"[]\n", done.stderr)


#: Words that stand in real files, so that random ones get past the first key.
WORDS = (
    *("router", "listen", "tcp:80", "strategy", "bounce", "pods", "url", "http://h", "latest"),
    *("rules", "path", "/", "pod", "strategies", "not_found", "delay", "off", "methods"),
    *("body", "spool_dir", "log", "access", "health", "endpoint", "ca_file", "trusted_proxies"),
)
texts = st.one_of(st.sampled_from(WORDS), st.text(max_size=8))
leaves = st.one_of(
    texts, st.integers(), st.floats(), st.booleans(), st.dates(), st.times(), st.datetimes()
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=25,
)


class AnythingTests(SynchronousTestCase):
    """Whatever TOML can hold is either a configuration or a list of faults."""

    @settings(deadline=None, max_examples=300)
    @given(st.dictionaries(texts, values, max_size=5), st.booleans())
    def test_never_raises_anything_else(self, table: dict[str, Any], is_merged: bool) -> None:
        if is_merged:
            table = merged(tomllib.loads(MINIMAL), table)
        try:
            from_mapping(table, "router.toml", "/")
        except ConfigurationError as error:
            self.assertTrue(error.faults)
            for fault in error.faults:
                self.assertEqual(len(str(fault).splitlines()), 1, fault)
