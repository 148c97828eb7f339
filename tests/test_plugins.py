"""How plugins are found, and what is said when one is not."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

from twisted.application.service import IServiceMaker
from twisted.plugin import IPlugin, getPlugins
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pods.errors import PluginError
from pods.interfaces import IDelayPolicyFactory, IRoutingStrategyFactory
from pods.lazy import LazyDelay, LazyStrategy
from pods.plugins import find, names
from twisted import plugins as package

ROOT = Path(__file__).resolve().parent.parent
STRATEGY = """
    from pods.lazy import LazyStrategy
    {variable} = LazyStrategy("{name}", "no.such.module")
"""


class PluginFolderCase(SynchronousTestCase):
    """Offers a folder of its own among those in which Twisted looks for plugins."""

    def setUp(self) -> None:
        self.folder = os.path.abspath(self.mktemp())
        os.mkdir(self.folder)
        before = list(package.__path__)
        package.__path__.append(self.folder)
        self.addCleanup(lambda: package.__path__.__setitem__(slice(None), before))

    def dropin(self, name: str, source: str) -> str:
        """Write a file with plugins.

        :returns: its path.
        """
        path = os.path.join(self.folder, f"{name}.py")
        with open(path, "w") as file:
            file.write(dedent(source))
        importlib.invalidate_caches()
        self.addCleanup(self.unload, name)
        return path

    def unload(self, name: str) -> None:
        """Make Python forget a dropin that it has imported."""
        sys.modules.pop(f"twisted.plugins.{name}", None)
        vars(package).pop(name, None)

    def fault(self, name: str) -> str:
        """What is said about a strategy that cannot be had."""
        error = self.assertRaises(PluginError, find, IRoutingStrategyFactory, name)
        self.flushLoggedErrors()  # twisted.plugin logs dropins that cannot be imported
        (fault,) = error.faults
        return str(fault)


class BuiltInTests(SynchronousTestCase):
    """What comes with the router is found like everything else."""

    def test_names(self) -> None:
        self.assertLessEqual({"bounce", "learn"}, set(names(IRoutingStrategyFactory)))
        self.assertLessEqual({"off", "padded", "random"}, set(names(IDelayPolicyFactory)))

    def test_factories(self) -> None:
        for interface in (IRoutingStrategyFactory, IDelayPolicyFactory):
            for name in names(interface):
                factory = find(interface, name)
                self.assertEqual(factory.name, name)
                verifyObject(interface, factory)
                verifyObject(IPlugin, factory)

    def test_strategies_are_no_delays(self) -> None:
        self.assertRaises(PluginError, find, IDelayPolicyFactory, "bounce")

    def test_commands(self) -> None:
        found: dict[str, Any] = {maker.tapname: maker for maker in getPlugins(IServiceMaker)}
        self.assertEqual(
            [found[name].module for name in ("pods", "pods-pod", "pods-demo")],
            ["pods.tap", "pods.reference.tap_pod", "pods.reference.tap_demo"],
        )


class LazyTests(SynchronousTestCase):
    """Factories that import their module only when they are used."""

    def test_calls_the_module(self) -> None:
        policy = LazyDelay("off", "pods.delays.off").from_config({}, None)
        self.assertEqual(policy.release_at(None, 1.0, 2.0), 2.0)

    def test_nothing_is_imported_before(self) -> None:
        factory = LazyStrategy("x", "no.such.module")
        self.assertRaises(ModuleNotFoundError, factory.from_config, {}, None)


class ThirdPartyTests(PluginFolderCase):
    """One file in a folder twisted/plugins is all that it takes."""

    def test_found(self) -> None:
        self.dropin("pods_test_third", STRATEGY.format(variable="it", name="by-token"))
        self.assertEqual(find(IRoutingStrategyFactory, "by-token").module, "no.such.module")
        self.assertIn("by-token", names(IRoutingStrategyFactory))

    def test_without_a_name(self) -> None:
        source = STRATEGY.format(variable="it", name="nameless") + "    del it.name\n"
        self.dropin("pods_test_nameless", source)
        self.assertIn('no plugin "nameless" is installed', self.fault("nameless"))


class UnknownTests(PluginFolderCase):
    """Names that nobody offers."""

    def test_names_the_nearest_and_all(self) -> None:
        self.assertEqual(
            self.fault("lern"),
            'no plugin "lern" is installed, nearest is learn; allowed: bounce, learn',
        )

    def test_a_long_name_on_one_line(self) -> None:
        line = self.fault("a\nb" * 99)
        self.assertIn('no plugin "a\\nba\\nb', line)
        self.assertLess(len(line), 200)

    def test_nothing_installed(self) -> None:
        package.__path__[:] = [self.folder]
        self.assertEqual(
            self.fault("bounce"),
            'no plugin "bounce" is installed; allowed: the name of a plugin, once one is installed',
        )


class DuplicateTests(PluginFolderCase):
    """Two plugins of one name: nobody can say which is meant."""

    def test_both_origins_are_named(self) -> None:
        first = self.dropin("pods_test_one", STRATEGY.format(variable="a", name="twin"))
        second = self.dropin("pods_test_two", STRATEGY.format(variable="b", name="twin"))
        line = self.fault("twin")
        self.assertTrue(line.startswith('plugin "twin" is there twice: '), line)
        self.assertIn(f"twisted.plugins.pods_test_one ({first})", line)
        self.assertIn(f"twisted.plugins.pods_test_two ({second})", line)
        self.assertEqual(names(IRoutingStrategyFactory).count("twin"), 1)

    def test_an_imported_plugin_is_a_plugin_too(self) -> None:
        self.dropin("pods_test_again", "from twisted.plugins.pods_strategies import bounce")
        line = self.fault("bounce")
        self.assertIn("twisted.plugins.pods_strategies (", line)
        self.assertIn("twisted.plugins.pods_test_again (", line)

    def test_others_are_not_affected(self) -> None:
        self.dropin("pods_test_one", STRATEGY.format(variable="a", name="twin"))
        self.dropin("pods_test_two", STRATEGY.format(variable="b", name="twin"))
        self.assertEqual(find(IRoutingStrategyFactory, "learn").name, "learn")


class BrokenTests(PluginFolderCase):
    """Dropins that cannot be imported; Twisted itself only logs them."""

    def test_says_which_file_and_why(self) -> None:
        path = self.dropin("pods_test_broken", "import no_such_module_at_all")
        self.assertEqual(
            self.fault("by-token"),
            'no plugin "by-token" is installed, nearest is bounce;'
            f" {path} cannot be imported (ModuleNotFoundError: No module named"
            " 'no_such_module_at_all'); allowed: bounce, learn",
        )

    def test_syntax(self) -> None:
        path = self.dropin("pods_test_syntax", "def")
        self.assertIn(f"{path} cannot be imported (SyntaxError: ", self.fault("by-token"))

    def test_is_no_fault_for_others(self) -> None:
        self.dropin("pods_test_broken", "raise RuntimeError('two\\nlines')")
        self.assertEqual(find(IRoutingStrategyFactory, "learn").name, "learn")
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_broken_after_it_was_cached(self) -> None:
        """Twisted knows it from its cache and fails only when it loads it."""
        needed = Path(self.folder, "pods_test_needed.py")
        needed.write_text("")
        source = "import twisted.plugins.pods_test_needed" + STRATEGY.format(
            variable="it", name="by-token"
        )
        path = self.dropin("pods_test_dropin", dedent(source.replace("    ", "")))
        self.assertEqual(find(IRoutingStrategyFactory, "by-token").name, "by-token")
        needed.unlink()
        for name in ("pods_test_needed", "pods_test_dropin"):
            self.unload(name)
        importlib.invalidate_caches()
        self.assertIn(f"{path} cannot be imported (ModuleNotFoundError", self.fault("by-token"))


class ScanTests(SynchronousTestCase):
    """Every process that looks for plugins pays for what the dropins import."""

    def test_imports_next_to_nothing(self) -> None:
        script = """
            import sys
            from twisted import plugins
            from twisted.python.modules import getModule
            for module in getModule("twisted.plugins").iterModules():
                if module.name.split(".")[-1].startswith("pods_"):
                    module.load()
                    print("loaded")
            from pods.interfaces import IRoutingStrategyFactory
            from twisted.plugin import getPlugins
            list(getPlugins(IRoutingStrategyFactory))
            heavy = ("twisted.internet.reactor", "twisted.web", "treq", "sqlite3", "sqlite_utils")
            print([name for name in heavy if name in sys.modules])
            print(sorted(name for name in sys.modules if name.split(".")[0] == "pods"))
        """
        done = subprocess.run(
            [sys.executable, "-c", dedent(script)], cwd=ROOT, capture_output=True, text=True
        )
        *loaded, heavy, ours = done.stdout.splitlines() or [done.stderr]
        self.assertGreaterEqual(loaded.count("loaded"), 3)
        self.assertEqual(heavy, "[]")
        self.assertEqual(ours, "['pods', 'pods.interfaces', 'pods.lazy']")
