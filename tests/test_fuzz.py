"""The fuzz targets' promises, for their seeds and for what was found before; no fuzzer needed."""

from __future__ import annotations

import importlib
import sys
from io import StringIO
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.fuzz.__main__ import TARGETS, Progress, dictionary, load_fuzzer, prepared
from tests.fuzz.target import BrokenPromise, Target, cuttings, same, whole


def load(name: str) -> Target:
    target = importlib.import_module(f"tests.fuzz.{name}").TARGET
    assert isinstance(target, Target)
    return target


class TargetTests(SynchronousTestCase):
    """Every target."""

    def test_seeds_and_findings_keep_the_promises(self) -> None:
        for name in TARGETS:
            target = load(name)
            accepted = {target.check(seed) for seed in target.seeds}
            self.assertEqual(accepted, {True, False}, f"{name}: seeds of both kinds")
            for finding in target.findings:
                target.check(finding)

    def test_beginnings_of_seeds_keep_the_promises(self) -> None:
        for name in TARGETS:
            target = load(name)
            for seed in target.seeds:
                for end in range(0, len(seed), 5):
                    target.check(seed[:end])

    def test_every_target_can_be_run(self) -> None:
        folder = Path(__file__).parent / "fuzz"
        found = [path.stem for path in folder.glob("*.py") if "\nTARGET = " in path.read_text()]
        self.assertEqual(sorted(found), sorted(TARGETS))


class SharedTests(SynchronousTestCase):
    """What the targets share."""

    def test_a_broken_promise_is_an_error(self) -> None:
        same(1, 1, "equal")
        self.assertRaises(BrokenPromise, same, 1, 2, "not equal")

    def test_cuttings(self) -> None:
        self.assertEqual(
            cuttings(b"\0\1\0\3abcd"),
            (b"abcd", [[b"abcd"], [b"a", b"bc", b"d"], [b"a", b"b", b"c", b"d"]]),
        )
        self.assertEqual(cuttings(whole(b"ab"))[1][1], [b"ab"])
        self.assertEqual(cuttings(b""), (b"", [[b""], [], []]))


class RunnerTests(SynchronousTestCase):
    """The command, up to where the fuzzer takes over."""

    def test_without_the_fuzzer_it_says_what_to_install(self) -> None:
        self.patch(sys, "modules", {**sys.modules, "atheris": None})
        error = self.assertRaises(SystemExit, load_fuzzer)
        self.assertIn("pip install", str(error))

    def test_the_search_begins_with_seeds_and_findings(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        target = Target(bool, seeds=(b"a", b"b"), words=(b'"\r',), findings=(b"c",))
        prepared(folder, target)
        inputs = sorted(path.read_bytes() for path in (folder / "corpus").iterdir())
        self.assertEqual(inputs, [b"a", b"b", b"c"])
        self.assertEqual((folder / "words").read_text(), '"\\x22\\x0d"\n')

    def test_a_finding_is_shown(self) -> None:
        def check(data: bytes) -> bool:
            raise BrokenPromise("broken")

        printed = StringIO()
        self.patch(sys, "stderr", printed)
        self.assertRaises(BrokenPromise, Progress("some_target", 1, check), b"\0a")
        self.assertEqual(printed.getvalue(), "some_target: the input was b'\\x00a'\n")

    def test_no_words_no_dictionary(self) -> None:
        self.assertEqual(dictionary(()), "")
