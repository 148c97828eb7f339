"""The reader of plugins' options."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pods.errors import ConfigurationError
from pods.options import OptionReader


class OptionReaderTests(SynchronousTestCase):
    """Each method gives the value or the default, and ``finish`` tells what was wrong."""

    def faults(self, reader: OptionReader) -> list[str]:
        with self.assertRaises(ConfigurationError) as raised:
            reader.finish()
        return [str(fault) for fault in raised.exception.faults]

    def test_values(self) -> None:
        table = {"a": "x", "b": 3, "c": 2, "d": {"e": 1}, "w": "no"}
        reader = OptionReader(table)
        self.assertEqual(reader.text("a", "y"), "x")
        self.assertEqual(reader.whole("b", 1, least=1, most=3), 3)
        self.assertEqual(reader.seconds("c", 1.0, least=2, most=3), 2.0)
        self.assertEqual(reader.table("d"), {"e": 1})
        self.assertEqual(reader.choice("w", "yes", ("yes", "no")), "no")
        reader.finish()

    def test_defaults(self) -> None:
        reader = OptionReader({})
        self.assertEqual(reader.text("a", "y"), "y")
        self.assertEqual(reader.whole("b", 1, least=1, most=3), 1)
        self.assertEqual(reader.seconds("c", 1.5, least=1, most=3), 1.5)
        self.assertEqual(reader.table("d"), {})
        self.assertEqual(reader.choice("w", "yes", ("yes", "no")), "yes")
        reader.finish()

    def test_wrong_values_give_the_default(self) -> None:
        wrongs: tuple[Any, ...] = ("", 1.5, True, [], None, {})
        for wrong in wrongs:
            reader = OptionReader({"a": wrong, "b": wrong, "w": wrong})
            self.assertEqual(reader.text("a", "y"), "y")
            self.assertEqual(reader.whole("b", 2, least=1, most=3), 2)
            self.assertEqual(reader.choice("w", "yes", ("yes", "no")), "yes")
            self.assertEqual(len(self.faults(reader)), 3, wrong)

    def test_wrong_tables_and_times(self) -> None:
        wrongs: tuple[Any, ...] = ("x", True, [], float("nan"), float("inf"), -1)
        for wrong in wrongs:
            reader = OptionReader({"c": wrong, "d": wrong})
            self.assertEqual(reader.seconds("c", 1.0, least=0, most=3), 1.0)
            self.assertEqual(reader.table("d"), {})
            self.assertEqual(len(self.faults(reader)), 2, wrong)

    def test_faults_say_what_where_and_what_would_be_right(self) -> None:
        reader = OptionReader({"header": 1, "mode": "of", "limt": 2, "tokens": {"x": 1}})
        reader.text("header", "X-Tenant")
        reader.choice("mode", "on", ("on", "off"))
        reader.whole("limit", 3, least=1, most=20)
        reader.table("tokens")
        reader.fault("tokens.x", "is 1", "a pod's name")
        self.assertEqual(
            self.faults(reader),
            [
                "header: is 1; allowed: a string that is not empty",
                'mode: is "of", nearest is off; allowed: on, off',
                "tokens.x: is 1; allowed: a pod's name",
                "limt: unknown option, nearest is limit; allowed: header, mode, limit, tokens",
            ],
        )

    def test_no_options(self) -> None:
        self.assertEqual(
            self.faults(OptionReader({"x": 1})), ["x: unknown option; allowed: no options"]
        )

    def test_long_values_are_cut(self) -> None:
        reader: Any = OptionReader({"a": "x" * 1000})
        reader.choice("a", "y", ("y",))
        self.assertTrue(all(len(fault) < 120 for fault in self.faults(reader)))
