"""The delay policies: when a 404 may leave."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pods.delays import off, padded, random
from pods.errors import ConfigurationError
from pods.lazy import LazyDelay
from pods.tallies import Tallies
from pods.testing import DelayPolicyContractTests, FakeRequest, FakeServices
from tests.test_routing_paths import plain_paths

GET = FakeRequest("GET", "/private/project")
Q = 0.05


class OffContract(DelayPolicyContractTests, SynchronousTestCase):
    factory = LazyDelay("off", "pods.delays.off")


class RandomContract(DelayPolicyContractTests, SynchronousTestCase):
    factory = LazyDelay("random", "pods.delays.random")
    options: ClassVar = {"min_seconds": 0.1, "max_seconds": 0.2}


class PaddedContract(DelayPolicyContractTests, SynchronousTestCase):
    factory = LazyDelay("padded", "pods.delays.padded")
    options: ClassVar = {"quantum_seconds": 0.02, "prefix_segments": 2}


class OffTests(SynchronousTestCase):
    """``off``"""

    def test_at_once(self) -> None:
        policy = off.from_config({}, FakeServices())
        self.assertEqual(policy.release_at(GET, 10.0, 10.25), 10.25)


class RandomTests(SynchronousTestCase):
    """``random``"""

    def test_between_the_bounds(self) -> None:
        policy = random.from_config({"min_seconds": 0.1, "max_seconds": 0.3}, FakeServices())
        added = [policy.release_at(GET, 1.0, 2.0) - 2.0 for _ in range(500)]
        self.assertTrue(all(0.1 <= one <= 0.3 + 1e-9 for one in added))
        self.assertLess(min(added), 0.12)
        self.assertGreater(max(added), 0.28)

    def test_a_high_minimum_raises_the_default_maximum(self) -> None:
        policy = random.from_config({"min_seconds": 2}, FakeServices())
        self.assertEqual(policy.release_at(GET, 0.0, 1.0), 3.0)


def make_padded(secret: bytes = b"secret", least: float = 0.1, most: float = 1.0) -> padded.Padded:
    floor = padded.Floor(60, least, most)
    return padded.Padded(floor, Q, 1, secret, Tallies().declare("overruns", "", "", []))


def overruns(policy: padded.Padded) -> int:
    """How many 404s were counted that took longer than the floor."""
    count: int = policy._overruns.counts[""]
    return count


class PaddedTests(SynchronousTestCase):
    """``padded``"""

    @given(plain_paths, st.floats(0, 10), st.floats(0, 1e9))
    def test_whole_quanta_after_the_arrival(self, path: str, took: float, arrived: float) -> None:
        policy = make_padded()
        answered = arrived + took
        released = policy.release_at(FakeRequest("GET", path), arrived, answered)
        held = released - arrived
        self.assertGreater(released, answered - 1e-6)
        self.assertAlmostEqual(held / Q, round(held / Q), places=4)
        self.assertLess(held, max(answered - arrived, 0.1) + 2 * Q + 1e-6)

    @given(plain_paths, st.binary(min_size=1, max_size=8))
    def test_below_the_floor_all_times_look_alike(self, path: str, secret: bytes) -> None:
        policy, request = make_padded(secret), FakeRequest("GET", path)
        held = {
            round(policy.release_at(request, 0.0, took), 9) for took in (0.001, 0.01, 0.06, 0.1)
        }
        self.assertEqual(len(held), 1)
        self.assertEqual(overruns(policy), 0)

    def test_the_formula(self) -> None:
        policy = make_padded()
        phase = policy._phase_seconds("/private/project")
        self.assertTrue(0 <= phase < Q)
        self.assertEqual(policy.release_at(GET, 5, 5.31), 5 + Q * math.ceil((0.31 + phase) / Q))

    def test_the_phase_is_the_names_own(self) -> None:
        policy = make_padded()
        phase = policy._phase_seconds
        for spelling in (
            "/private/other",
            "//private",
            "/%70rivate/x",
            "/PRIVATE.json",
            "/private;x",
        ):
            self.assertEqual(phase(spelling), phase("/private"), spelling)
        phases = [phase(f"/name{number}") for number in range(200)]
        self.assertEqual(len(set(phases)), 200)
        self.assertTrue(min(phases) < Q / 10 < Q * 9 / 10 < max(phases) < Q)
        self.assertNotEqual(phase("/private"), make_padded(b"other")._phase_seconds("/private"))

    def test_each_process_has_a_secret_of_its_own(self) -> None:
        one, other = (padded.from_config({}, FakeServices()) for _ in range(2))
        self.assertNotEqual(one._phase_seconds("/a"), other._phase_seconds("/a"))
        self.assertNotIn("secret", repr(one))

    def test_the_floor_is_learned(self) -> None:
        policy = make_padded()
        policy.release_at(GET, 0.0, 0.4)
        self.assertEqual(overruns(policy), 1)
        for took in (0.01, 0.4):
            self.assertGreaterEqual(policy.release_at(GET, 1.0, 1.0 + took), 1.4)
        self.assertEqual(overruns(policy), 1)

    def test_one_very_slow_answer_does_not_hold_back_the_others(self) -> None:
        policy = make_padded()
        self.assertGreaterEqual(policy.release_at(GET, 0.0, 30.0), 30.0)
        self.assertLess(policy.release_at(GET, 31.0, 31.0), 32.0 + 2 * Q)


class FloorTests(SynchronousTestCase):
    """``Floor``: the most that was seen lately."""

    def test_forgets_after_two_windows_and_never_within_one(self) -> None:
        for start in (0.0, 30.0, 59.9):
            floor = padded.Floor(60, 0.1, 1.0)
            floor.saw(start, 0.5)
            floor.saw(start, 0.3)
            self.assertEqual(floor.at(start), 0.5)
            self.assertEqual(floor.at(start + 60), 0.5)
            self.assertEqual(floor.at(start + 120), 0.1)

    def test_a_long_silence(self) -> None:
        floor = padded.Floor(60, 0.1, 1.0)
        floor.saw(0, 0.5)
        self.assertEqual(floor.at(10_000), 0.1)

    def test_bounds(self) -> None:
        floor = padded.Floor(60, 0.1, 1.0)
        self.assertEqual(floor.at(0), 0.1)
        floor.saw(0, 5.0)
        self.assertEqual(floor.at(0), 1.0)


class OptionTests(SynchronousTestCase):
    """Wrong options."""

    def faults(self, module: Any, **options: Any) -> list[str]:
        with self.assertRaises(ConfigurationError) as raised:
            module.from_config(options, FakeServices())
        return [str(fault) for fault in raised.exception.faults]

    def test_faults(self) -> None:
        for module, options, fault in (
            (off, {"min_seconds": 1}, "min_seconds: unknown option; allowed: no options"),
            (random, {"max_second": 1}, "max_second: unknown option, nearest is max_seconds;"),
            (random, {"min_seconds": -1}, "min_seconds: is -1; allowed: a number of seconds, 0 to"),
            (random, {"min_seconds": 2, "max_seconds": 1}, "min_seconds: is over max_seconds = 1;"),
            (padded, {"quantum_seconds": 0}, "quantum_seconds: is 0; allowed: a number of seconds"),
            (padded, {"prefix_segments": 9}, "prefix_segments: is 9; allowed: a whole number, 1"),
            (
                padded,
                {"floor_seconds": 2, "max_floor_seconds": 1},
                "floor_seconds: is over max_floor_seconds = 1",
            ),
            (padded, {"window_seconds": "x"}, 'window_seconds: is "x"; allowed: a number of'),
        ):
            (said,) = self.faults(module, **options)
            self.assertTrue(said.startswith(fault), said)
