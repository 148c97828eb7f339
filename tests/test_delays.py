"""The delay policies: when a 404 may leave."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any, ClassVar

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pods.delays import off, padded, random
from pods.delays.floor import Floor, Padding, Quantum
from pods.errors import ConfigurationError
from pods.lazy import LazyDelay
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


def make_padded(key: str = "key", least: float = 0.2, most: float = 0.5) -> padded.Padded:
    services = FakeServices()
    services.key = key
    options = {"floor_seconds": least, "max_floor_seconds": most, "max_quantum_seconds": Q}
    return padded.from_config(options, services)


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
        self.assertLess(held, max(answered - arrived, 0.2) + 2 * Q + 1e-6)

    @given(plain_paths, st.floats(0, 0.2), st.text(max_size=8))
    def test_below_the_floor_all_times_and_names_look_alike(
        self, path: str, took: float, key: str
    ) -> None:
        policy = make_padded(key)
        self.assertAlmostEqual(policy.release_at(FakeRequest("GET", path), 0.0, took), 0.25)
        self.assertEqual(overruns(policy), 0)

    def test_the_formula_above_the_floor(self) -> None:
        policy = make_padded()
        phase = policy._phase("/private/project", Q)
        for took in (0.201, 0.31, 0.3999, 7.0):
            expected = 5 + Q * math.ceil(took / Q + phase)
            self.assertAlmostEqual(policy.release_at(GET, 5, 5 + took), expected)

    def test_one_name_always_shows_the_same(self) -> None:
        policy = make_padded()
        self.assertEqual(len({policy.release_at(GET, 0.0, 0.33) for _ in range(50)}), 1)

    def test_where_the_steps_lie_says_nothing_of_the_time(self) -> None:
        """Who makes a 404 later and later finds a step; over all names it may lie anywhere."""
        for took in (0.21, 0.26):
            policy = make_padded()
            held = [
                policy.release_at(FakeRequest("GET", f"/name{n}"), 0.0, took) for n in range(300)
            ]
            steps = Counter(round((one - took) / 0.01) for one in held)
            self.assertEqual(len(steps), 2, "this one or the next")
        quanta = [policy._phase("/private", quantum) for quantum in (0.05, 0.1)]
        self.assertNotAlmostEqual(*quanta)

    def test_the_phase_is_the_names_own(self) -> None:
        policy = make_padded()

        def phase(path: str, policy: padded.Padded = policy) -> float:
            return policy._phase(path, Q)

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
        self.assertTrue(0 <= min(phases) < 0.1 < 0.9 < max(phases) < 1)
        self.assertNotEqual(phase("/private"), phase("/private", make_padded("other")))

    def test_the_secret_is_asked_for_when_it_is_needed_and_never_shown(self) -> None:
        asked: list[str] = []

        class Services(FakeServices):
            def secret(self, purpose: str) -> bytes:
                asked.append(purpose)
                return b"very secret"

        policy = padded.from_config({}, Services())
        self.assertEqual(asked, [])
        for _ in range(2):
            policy.release_at(GET, 0.0, 0.1)
        self.assertEqual(asked, ["padded"])
        self.assertNotIn("very secret", repr(policy))

    def test_the_floor_is_learned(self) -> None:
        policy = make_padded()
        for second in range(10):
            policy.release_at(GET, second, second + 0.31)
        self.assertEqual(overruns(policy), 10)
        for took in (0.01, 0.31, 0.34):
            self.assertAlmostEqual(policy.release_at(GET, 11, 11 + took), 11.4)
        self.assertEqual(overruns(policy), 10)

    def test_stalls_teach_nothing(self) -> None:
        """All that comes at one time is one stall, however much it is."""
        policy = make_padded()
        for second in range(10, 500, 60):
            for _ in range(1000):
                policy.release_at(GET, second - 0.4, second)
        self.assertAlmostEqual(policy.release_at(GET, 301, 301.01), 301.25)

    def test_slow_answers_do_not_hold_back_the_others_for_ever(self) -> None:
        policy = make_padded()
        for second in range(40):
            self.assertGreaterEqual(policy.release_at(GET, second, second + 30.0), second + 30.0)
        self.assertAlmostEqual(policy.release_at(GET, 80, 80.01), 80.55)

    def test_a_client_that_sends_slowly_teaches_nothing(self) -> None:
        for fields in ({"Content-Length": "5"}, {"Transfer-Encoding": "chunked"}):
            policy, slow = make_padded(), FakeRequest("POST", "/private", headers=fields)
            for second in range(10):
                self.assertGreater(policy.release_at(slow, second, second + 3.0), second + 3.0)
            self.assertAlmostEqual(policy.release_at(GET, 20, 20.01), 20.25)
            self.assertEqual(overruns(policy), 0)

    def test_an_empty_body_is_none(self) -> None:
        policy = make_padded()
        policy.release_at(FakeRequest("POST", "/x", headers={"Content-Length": "0"}), 0.0, 3.0)
        self.assertEqual(overruns(policy), 1)

    def test_overruns_make_the_steps_coarser(self) -> None:
        policy = padded.from_config({}, FakeServices())
        policy.release_at(GET, 0.0, 0.3)
        self.assertAlmostEqual(policy.release_at(GET, 1, 1.01), 1 + 0.2 + 0.1)
        policy.release_at(GET, 601, 601.01)
        self.assertAlmostEqual(policy.release_at(GET, 602, 602.01), 602 + 0.2 + 0.05)

    def test_the_mean_added_by_default_with_pods_at_10_and_60_ms(self) -> None:
        """With every combination of a question or a bounce before it."""
        policy = padded.from_config({}, FakeServices())
        took = [0.01, 0.06, 0.02, 0.07, 0.12]
        added = [policy.release_at(GET, n, n + t) - n - t for n, t in enumerate(took * 20)]
        self.assertLess(sum(added) / len(added), 0.3)
        self.assertEqual(overruns(policy), 0)


class PaddingTests(SynchronousTestCase):
    """``Padding``: what is learned holds for requests that come later."""

    def test_two_of_one_moment_are_padded_alike_whatever_is_learned_in_between(self) -> None:
        policy = make_padded()
        for second in range(9):
            policy.release_at(GET, second, second + 0.31)
        near = policy.release_at(GET, 20, 20.01)
        policy.release_at(GET, 19.7, 20.02)  # the tenth: the floor rises
        far = policy.release_at(GET, 20, 20.06)
        self.assertEqual(near, far)
        self.assertAlmostEqual(near, 20.25)
        self.assertAlmostEqual(policy.release_at(GET, 21, 21.01), 21.4)

    def test_it_keeps_no_more_than_it_needs(self) -> None:
        padding = Padding(Floor(60, 0.1, 1.0), Quantum(0.05, 0.1, 60))
        for window in range(500):
            for second in range(11):
                now = window * 180.0 + second
                padding.learn(now - 0.4, now)
        self.assertLess(len(padding._steps), 101)
        self.assertEqual(padding.at(0.0), padding._steps[0])


class FloorTests(SynchronousTestCase):
    """``Floor``: a tenth above what was seen in ten seconds lately."""

    def seen(self, *times: tuple[float, float]) -> Floor:
        floor = Floor(window_seconds=60, least_seconds=0.1, most_seconds=1.0)
        for now, seconds in times:
            floor.saw(now, seconds)
        return floor

    def test_the_tenth_highest_second_counts(self) -> None:
        floor = self.seen(*[(n, 0.5 + n / 100) for n in range(9)], (9, 0.2), (10, 0.3), (10.5, 0.4))
        self.assertAlmostEqual(floor.at(11), 0.4 * 1.1)

    def test_many_of_one_second_count_once(self) -> None:
        floor = self.seen(*[(n / 10, 0.5) for n in range(89)])
        self.assertEqual(floor.at(9), 0.1)

    def test_forgets_after_two_windows_and_never_within_one(self) -> None:
        for start in (0.0, 30.0, 49.9):
            floor = self.seen(*[(start + n, 0.4) for n in range(10)])
            self.assertAlmostEqual(floor.at(start + 9), 0.44)
            self.assertAlmostEqual(floor.at(start + 60), 0.44)
            self.assertEqual(floor.at(start + 129), 0.1)

    def test_fast_ones_do_not_lower_it(self) -> None:
        floor = self.seen(*[(n, 0.4) for n in range(10)], *[(n / 100, 0.001) for n in range(5000)])
        self.assertAlmostEqual(floor.at(50), 0.44)

    def test_a_long_silence(self) -> None:
        self.assertEqual(self.seen(*[(n, 0.5) for n in range(10)]).at(10_000), 0.1)

    def test_bounds(self) -> None:
        self.assertEqual(self.seen().at(0), 0.1)
        self.assertEqual(self.seen(*[(n, 5.0) for n in range(10)]).at(11), 1.0)

    @given(st.lists(st.tuples(st.floats(0, 59), st.floats(0, 2)), max_size=60))
    def test_within_a_window_it_is_the_tenth_highest(
        self, times: list[tuple[float, float]]
    ) -> None:
        floor = self.seen(*times)
        highest: dict[int, float] = {}
        for now, seconds in times:
            highest[int(now)] = max(highest.get(int(now), 0.0), seconds)
        tenth = sorted([*[0.0] * 10, *highest.values()])[-10]
        self.assertAlmostEqual(floor.at(59), min(max(tenth * 1.1, 0.1), 1.0))


class QuantumTests(SynchronousTestCase):
    """``Quantum``: wider with overruns, within bounds, and slowly narrower."""

    def test_doubles_once_a_second_and_stays_within_bounds(self) -> None:
        quantum = Quantum(0.05, 0.3, 60)
        widths = []
        for now in (5.0, 5.5, 6.0, 7.0, 8.0):
            quantum.overrun(now)
            widths.append(quantum.at(now))
        self.assertEqual(widths, [0.1, 0.1, 0.2, 0.3, 0.3])

    def test_halves_for_each_window_without_an_overrun(self) -> None:
        quantum = Quantum(0.05, 0.3, 60)
        for now in range(10):
            quantum.overrun(now)
        self.assertEqual(quantum.at(68), 0.3)
        self.assertEqual(quantum.at(69), 0.15)
        quantum.overrun(100)
        self.assertEqual(quantum.at(159), 0.3)
        self.assertEqual(
            [quantum.at(now) for now in (160, 220, 280, 1000)], [0.15, 0.075, 0.05, 0.05]
        )

    def test_a_long_silence(self) -> None:
        quantum = Quantum(0.05, 0.3, 60)
        quantum.overrun(5)
        quantum.overrun(6)
        self.assertEqual(quantum.at(1e6), 0.05)
        quantum.overrun(1e6)
        self.assertEqual(quantum.at(1e6 + 59), 0.1)


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
            (
                padded,
                {"quantum_seconds": 2, "max_quantum_seconds": 1},
                "quantum_seconds: is over max_quantum_seconds = 1; allowed: at most that",
            ),
            (padded, {"window_seconds": "x"}, 'window_seconds: is "x"; allowed: a number of'),
        ):
            (said,) = self.faults(module, **options)
            self.assertTrue(said.startswith(fault), said)
