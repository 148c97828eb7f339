"""Numbers that are unique across pods, and whose they are."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pods.reference.databases import Databases
from pods.reference.ids import LEASE_SIZE, Ids
from tests.test_reference_databases import DatabaseTestCase


class IdsTests(DatabaseTestCase):
    def ids(self, pod: str, databases: Databases | None = None) -> Ids:
        view = (databases or self.open(pod)).view()
        return Ids(view.routes, view.main, pod)

    def test_a_pod_counts_within_its_range(self) -> None:
        ids = self.ids("pod_eu0")
        self.assertEqual([ids.next("projects") for _ in range(3)], [1, 2, 3])

    def test_each_pod_has_its_range_and_each_kind_its_own(self) -> None:
        here, there = self.ids("pod_eu0"), self.ids("pod_us0")
        self.assertEqual((here.next("projects"), there.next("projects")), (1, LEASE_SIZE + 1))
        self.assertEqual((there.next("jobs"), here.next("jobs")), (1, LEASE_SIZE + 1))

    def test_a_range_that_is_used_up_is_followed_by_a_new_one(self) -> None:
        here, there = self.ids("pod_eu0"), self.ids("pod_us0")
        given = [here.next("projects") for _ in range(LEASE_SIZE)]
        there.next("projects")
        self.assertEqual(given, list(range(1, LEASE_SIZE + 1)))
        self.assertEqual(here.next("projects"), 2 * LEASE_SIZE + 1)

    def test_a_pod_that_starts_again_goes_on(self) -> None:
        self.ids("pod_eu0").next("projects")
        self.assertEqual(self.ids("pod_eu0").next("projects"), 2)

    def test_whose_a_number_is(self) -> None:
        here, there = self.ids("pod_eu0"), self.ids("pod_us0")
        numbers = {"pod_eu0": here.next("projects"), "pod_us0": there.next("projects")}
        for ids in (here, there, self.ids("pod_us1")):
            for pod, number in numbers.items():
                self.assertEqual(ids.pod_of_id("projects", number), pod)
                self.assertEqual(ids.pod_of_id("projects", number + LEASE_SIZE - 1), pod)

    def test_nobodys_numbers(self) -> None:
        ids = self.ids("pod_eu0")
        ids.next("projects")
        for kind, number in (("projects", 0), ("projects", LEASE_SIZE + 1), ("jobs", 1)):
            self.assertIsNone(ids.pod_of_id(kind, number))

    @settings(max_examples=20, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from(("a", "b", "c")), st.booleans()), max_size=40))
    def test_no_number_is_given_twice_whoever_asks_and_is_lost(
        self, asking: list[tuple[str, bool]]
    ) -> None:
        """A pod whose own database is lost begins a new range."""
        pods = {name: self.open(name) for name in "abc"}
        given: dict[int, str] = {}
        for pod, is_lost in asking:
            ids = self.ids(pod, pods[pod])
            if is_lost:
                pods[pod].sources["main"].primary.execute("delete from next_ids")
            number = ids.next("projects")
            self.assertNotIn(number, given)
            given[number] = pod
        for number, pod in given.items():
            self.assertEqual(self.ids("a", pods["a"]).pod_of_id("projects", number), pod)
