"""Plain numbers: histograms, what a finished request adds, and what plugins count."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pods.counters import BOUNDS_SECONDS, Counters, Histogram
from pods.interfaces import ICounter
from pods.journal import Journal
from pods.tallies import Tallies


def record(**fields: Any) -> Journal:
    journal = Journal(Clock(), 0.0, 0.0, "192.0.2.7", "GET", "/secret?token=1", b"1")
    told: dict[str, Any] = {
        "status": 200,
        "pod": "pod_a",
        "route": "cache",
        "placed_seconds": 0.0,
        "answered_seconds": 0.2,
        "released_seconds": 0.3,
        "total_seconds": 4.0,
    }
    vars(journal).update(told | fields)
    return journal


class HistogramTests(SynchronousTestCase):
    """``Histogram``"""

    @given(st.lists(st.floats(0, 1000) | st.sampled_from(BOUNDS_SECONDS)))
    def test_each_falls_into_the_step_that_it_is_not_over(self, times: list[float]) -> None:
        histogram = Histogram()
        for seconds in times:
            histogram.observe(seconds)
        self.assertEqual(sum(histogram.counts), len(times))
        for at, bound in enumerate(BOUNDS_SECONDS):
            up_to = [seconds for seconds in times if seconds <= bound]
            self.assertEqual(sum(histogram.counts[: at + 1]), len(up_to), bound)
        self.assertAlmostEqual(histogram.seconds, sum(times))

    def test_bounds_ascend(self) -> None:
        self.assertEqual(list(BOUNDS_SECONDS), sorted(set(BOUNDS_SECONDS)))


class CountersTests(SynchronousTestCase):
    """``Counters``"""

    def test_a_request_counts_once_in_each_phase_that_it_reached(self) -> None:
        counters = Counters()
        counters.finished(record())
        counters.finished(record(status=404, answered_seconds=None, released_seconds=None))
        counters.finished(record(status=400, route=None, placed_seconds=None))
        self.assertEqual(counters.requests, {("cache", 2): 1, ("cache", 4): 1, ("none", 4): 1})
        counts = {phase: sum(histogram.counts) for phase, histogram in counters.phases.items()}
        self.assertEqual(counts, {"placed": 2, "answered": 2, "released": 2, "total": 3})
        self.assertEqual(counters.phases["total"].seconds, 12.0)


class TallyTests(SynchronousTestCase):
    """What plugins declare and count."""

    def test_without_a_label(self) -> None:
        tally = Tallies().declare("overruns", "It took longer.", "", ())
        verifyObject(ICounter, tally)
        tally.add()
        tally.add()
        self.assertEqual((tally.help, tally.counts), ("It took longer.", {"": 2}))

    def test_with_a_label(self) -> None:
        tally = Tallies().declare("failures", "It failed.", "kind", ["slow", "wrong"])
        tally.add("slow")
        self.assertEqual(tally.counts, {"slow": 1, "wrong": 0})

    def test_j54_no_value_that_was_not_declared(self) -> None:
        tally = Tallies().declare("failures", "It failed.", "kind", ["slow"])
        for value in ("", "/secret", "Slow"):
            error = self.assertRaises(ValueError, tally.add, value)
            self.assertEqual(
                str(error), f"counter failures: the value is {value!r}; allowed: 'slow'"
            )
        plain = Tallies().declare("failures", "It failed.", "", ())
        self.assertRaises(ValueError, plain.add, "/secret")
        self.assertEqual((tally.counts, plain.counts), ({"slow": 0}, {"": 0}))

    def test_the_same_name_is_the_same_counter(self) -> None:
        tallies = Tallies()
        first = tallies.declare("by_pod", "It happened.", "pod", ["pod_a", "pod_b"])
        first.add("pod_b")
        again = tallies.declare("by_pod", "It happened.", "pod", ["pod_b", "pod_c"])
        again.add("pod_c")
        self.assertIs(again, first)
        self.assertEqual(first.counts, {"pod_a": 0, "pod_b": 1, "pod_c": 1})
        self.assertEqual(dict(tallies.all), {"by_pod": first})

    def test_another_label(self) -> None:
        tallies = Tallies()
        tallies.declare("failures", "It failed.", "kind", ["slow"])
        error = self.assertRaises(ValueError, tallies.declare, "failures", "", "pod", ["pod_a"])
        self.assertIn("'pod', but it was declared before; allowed: 'kind'", str(error))

    def test_names_that_cannot_be(self) -> None:
        tallies = Tallies()
        for name in ("", "Failures", "9lives", "a-b", "a b", "a\n", "_a", "x" * 64):
            error = self.assertRaises(ValueError, tallies.declare, name, "", "", ())
            self.assertIn(f"{name!r} is no name; allowed: a letter", str(error))
            if name:
                self.assertRaises(ValueError, tallies.declare, "good", "", name, ["value"])
        self.assertEqual(dict(tallies.all), {})

    def test_a_label_without_values(self) -> None:
        error = self.assertRaises(ValueError, Tallies().declare, "failures", "", "kind", ())
        self.assertEqual(str(error), "counter failures: kind has no values; allowed: one or more")
