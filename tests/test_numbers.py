"""Numbers of several processes, added up."""

from __future__ import annotations

import json
import os

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase

from pods.counters import BOUNDS_SECONDS
from pods.exposition import text_of
from pods.numbers import Merge, Numbers, Value, added_up, lasting

COUNTS = st.dictionaries(st.tuples(st.sampled_from("abc")), st.integers(0, 2**40))


def counter(samples: dict[tuple[str, ...], Value], name: str = "pods_x_total") -> Numbers:
    return Numbers(name, "counter", "Help.", ("which",), samples)


def gauge(value: float, merge: Merge) -> Numbers:
    return Numbers("pods_y", "gauge", "Help.", (), {(): value}, merge)


class AddingTests(SynchronousTestCase):
    @given(st.lists(COUNTS, min_size=1, max_size=4))
    def test_counters_are_summed_whatever_labels_each_has(
        self, told: list[dict[tuple[str, ...], Value]]
    ) -> None:
        (together,) = added_up([counter(samples)] for samples in told)
        keys = {key for samples in told for key in samples}
        self.assertEqual(
            together.samples, {key: sum(samples.get(key, 0) for samples in told) for key in keys}
        )

    def test_least_and_most(self) -> None:
        for merge, expected in ((Merge.LEAST, 1), (Merge.MOST, 3), (Merge.SUM, 6)):
            (together,) = added_up([gauge(value, merge)] for value in (2, 1, 3))
            self.assertEqual(together.samples, {(): expected})

    def test_histograms_are_summed_step_by_step(self) -> None:
        told = [Numbers("h", "histogram", "", (), {(): [1, 0, 2, 0.5]}) for _ in range(2)]
        (together,) = added_up([numbers] for numbers in told)
        self.assertEqual(together.samples, {(): [2, 0, 4, 1.0]})

    def test_a_metric_that_only_one_process_has(self) -> None:
        names = [numbers.name for numbers in added_up([[counter({})], [counter({}, "z_total")]])]
        self.assertEqual(names, ["pods_x_total", "z_total"])

    def test_how_things_were_is_forgotten_with_a_process(self) -> None:
        told = [counter({("a",): 1}), gauge(2, Merge.SUM)]
        self.assertEqual(lasting(told), told[:1])

    @given(COUNTS)
    def test_it_comes_through_json_as_it_was(self, samples: dict[tuple[str, ...], Value]) -> None:
        numbers = counter(samples)
        self.assertEqual(Numbers.from_json(json.loads(json.dumps(numbers.as_json()))), numbers)


class TextTests(SynchronousTestCase):
    def test_a_histogram(self) -> None:
        counts = [1.0] * (len(BOUNDS_SECONDS) + 1)
        numbers = Numbers("h", "histogram", "Help.", (), {(): [*counts, 7.5]})
        (family,) = text_string_to_metric_families(text_of([numbers], {}).decode())
        values = {sample.name: sample.value for sample in family.samples}
        self.assertEqual((values["h_count"], values["h_sum"]), (len(counts), 7.5))

    def test_processes_are_told_apart(self) -> None:
        text = text_of([], {"supervisor": os.getpid(), "1": os.getppid()}).decode()
        labels = [
            sample.labels["worker"]
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "process_start_time_seconds"
        ]
        self.assertIn(labels, ([], ["supervisor", "1"]))  # systems without /proc have none

    def test_a_process_that_is_gone(self) -> None:
        self.assertEqual(text_of([], {"1": 2**22 + 1}), b"")
