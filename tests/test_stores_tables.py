"""What is done to the tables: merging, tidying, upgrading, and telling one's own changes apart."""

from __future__ import annotations

import sqlite3
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pods.interfaces import StoredRoute
from pods.stores import reading, writing
from pods.stores.following import OwnChanges
from pods.stores.keys import key_of, keys_of, route_of, stems_of
from pods.stores.opening import open_as_it_is
from pods.stores.schema import STEPS, bring_up_to_date, version_of
from pods.stores.trouble import StoreTrouble
from pods.stores.writing import SKEW_SECONDS, SLICE, TOMBSTONE_SECONDS, Limits
from tests.support_stores import NOW, StoreCase, route

LIMITS = Limits(max_entries=10**6, max_ttl_seconds=7200)
FILE = (1, 2)

paths = st.lists(st.sampled_from(["a", "b", "a-b", "a0"]), min_size=1, max_size=5).map(
    lambda names: "".join(f"/{name}" for name in names)
)


class KeyTests(SynchronousTestCase):
    """The names of routes, and the order they stand in."""

    @given(paths, st.booleans())
    def test_a_key_says_all(self, path: str, exact: bool) -> None:
        given_route = StoredRoute(path, exact, "pod_0", 1.0, 2.0)
        self.assertEqual(route_of(key_of(given_route), "pod_0", 1.0, 2.0), given_route)

    @given(paths)
    def test_keys_of_a_path(self, path: str) -> None:
        stems = stems_of(path)
        self.assertEqual(keys_of(path), [path + "/", *reversed(stems[1:])])
        self.assertEqual(stems[0], "")
        self.assertEqual(stems[-1], path)

    @given(st.sets(paths, max_size=20), paths)
    def test_what_lies_below_stands_together(self, stored: set[str], path: str) -> None:
        """The key before a path and the one after it share the most with it."""
        place = path + "/"
        before = max((key for key in stored if key < place), default="")
        after = min((key for key in stored if key >= place), default="")
        for stem in stems_of(path):
            is_any = any(key.startswith(stem + "/") for key in stored)
            near = before.startswith(stem + "/") or after.startswith(stem + "/")
            self.assertEqual(near, is_any, stem)


class TableCase(StoreCase):
    """An open file."""

    def setUp(self) -> None:
        super().setUp()
        self.path = self.path.replace("/var", "")
        self.connection = open_as_it_is(self.path).connection
        self.addCleanup(self.connection.close)

    def merge(self, *routes: StoredRoute, now: float = NOW) -> writing.Merged:
        with writing.transaction(self.connection):
            return writing.merge(self.connection, routes, now)

    def tidy(self, limits: Limits = LIMITS, now: float = NOW) -> bool:
        with writing.transaction(self.connection):
            return writing.tidy(self.connection, limits, now)

    def left(self) -> dict[str, tuple[Any, ...]]:
        rows = self.connection.execute("SELECT key, pod, learned_at, expires_at FROM routes")
        return {key: rest for key, *rest in rows.fetchall()}


class MergeTests(TableCase):
    """The later learned wins."""

    def test_numbers_grow(self) -> None:
        first = self.merge(route("/a"), route("/b"))
        second = self.merge(route("/a"), route("/a", learned_at=NOW - 1))
        self.assertEqual((first.numbers, first.made), (range(1, 3), 2))
        self.assertEqual((second.numbers, second.made), (range(3, 5), 1))
        self.assertEqual(reading.last_change(self.connection), 4)
        changed = reading.changed(self.connection, [(2, 4)], 10)
        self.assertEqual([each.path for each in changed], ["/b", "/a"])

    def test_count(self) -> None:
        grave = route("/a", None)
        self.merge(route("/a"), route("/b"), route("/b", exact=True), route("/c", None))
        self.assertEqual(reading.count(self.connection), 3)
        self.merge(grave)
        self.assertEqual(reading.count(self.connection), 2)
        self.merge(route("/a"))
        self.assertEqual(reading.count(self.connection), 3)
        self.tidy(now=NOW + TOMBSTONE_SECONDS)
        self.assertEqual((reading.count(self.connection), self.left()), (0, {}))

    def test_what_was_learned_in_the_future_was_learned_at_no_time(self) -> None:
        self.merge(route("/a", "pod_9", learned_at=NOW + SKEW_SECONDS + 1))
        self.merge(route("/b", "pod_9", learned_at=NOW + SKEW_SECONDS))
        self.merge(route("/a"), route("/b"))
        self.assertEqual([row[0] for row in self.left().values()], ["pod_0", "pod_9"][::-1])

    def test_all_or_nothing(self) -> None:
        with self.assertRaises(sqlite3.IntegrityError), writing.transaction(self.connection):
            writing.merge(self.connection, [route("/a")], NOW)
            writing.merge(self.connection, [route("/b", learned_at=None)], NOW)
        self.assertEqual((self.left(), reading.last_change(self.connection)), ({}, 0))


class NeighbourTests(TableCase):
    """What lies below a path is never said to be nothing if there is something."""

    def test_many_that_do_not_hold(self) -> None:
        self.merge(route("/a/0"), route("/a/z"))
        self.merge(*(route(f"/a/{side}{n}", None) for side in "lr" for n in range(50)))
        known = reading.known(self.connection, "/a/o", NOW)
        self.assertTrue(all(key.startswith("/a/") for key in known.neighbours), known)
        self.assertEqual(len(known.neighbours), 2)

    def test_few_that_do_not_hold(self) -> None:
        self.merge(route("/a"), route("/a/b", None), route("/a/c", expires_at=NOW))
        known = reading.known(self.connection, "/a/bb", NOW)
        self.assertEqual(known.neighbours, ("/a",))


class TidyTests(TableCase):
    """Cleaning up, a slice at a time."""

    def test_what_has_expired_goes(self) -> None:
        self.merge(*(route(f"/a{n}", expires_at=NOW + n) for n in range(SLICE + 10)))
        late = NOW + SLICE + 4
        self.assertTrue(self.tidy(now=late), "there is more")
        self.assertFalse(self.tidy(now=late))
        self.assertEqual(sorted(self.left()), [f"/a{n}" for n in range(SLICE + 5, SLICE + 10)])

    def test_graves_stay_longer_than_anybody_is_late(self) -> None:
        self.merge(route("/a", None, expires_at=NOW))
        self.tidy(now=NOW + TOMBSTONE_SECONDS - 1)
        self.assertEqual(list(self.left()), ["/a"])

    def test_the_least_used_go(self) -> None:
        for number in range(5):
            self.merge(route(f"/a{number}"), now=NOW + 100 * number)
        with writing.transaction(self.connection):
            writing.mark_used(self.connection, ["/a0", "/nowhere"], NOW + 450)
        self.assertFalse(self.tidy(Limits(2, 7200)))
        self.assertEqual(sorted(self.left()), ["/a0", "/a4"])

    def test_use_is_not_written_every_time(self) -> None:
        self.merge(route("/a"))
        before = self.connection.total_changes
        writing.mark_used(self.connection, ["/a"], NOW + writing.USE_STEP_SECONDS)
        self.assertEqual(self.connection.total_changes, before)
        writing.mark_used(self.connection, ["/a"], NOW + writing.USE_STEP_SECONDS + 1)
        self.assertEqual(self.connection.total_changes, before + 1)

    def test_times_from_a_wrong_clock_are_mended(self) -> None:
        year = 365 * 86_400
        self.merge(route("/a", learned_at=NOW + year, expires_at=NOW + 2 * year), route("/b"))
        self.tidy()
        latest = NOW + LIMITS.max_ttl_seconds + SKEW_SECONDS
        self.assertEqual(self.left()["/a"], ["pod_0", NOW, latest])
        self.assertEqual(self.left()["/b"], ["pod_0", NOW, NOW + 3600])


class UpgradeTests(TableCase):
    """Files of older releases are brought up to date."""

    def test_up(self) -> None:
        self.merge(route("/a"))
        steps = [*STEPS, lambda tables: tables["routes"].add_column("note", str)]
        bring_up_to_date(self.connection, steps)
        self.assertEqual(version_of(self.connection, 2), 2)
        row = self.connection.execute("SELECT key, note FROM routes").fetchall()
        self.assertEqual(row, [("/a", None)])
        bring_up_to_date(self.connection, steps)
        with self.assertRaises(StoreTrouble) as raised:
            bring_up_to_date(self.connection)
        self.assertEqual(raised.exception.kind.value, "newer")

    def test_all_or_nothing(self) -> None:
        def half(tables: Any) -> None:
            tables["routes"].add_column("note", str)
            raise ZeroDivisionError

        with self.assertRaises(ZeroDivisionError):
            bring_up_to_date(self.connection, [*STEPS, half])
        self.assertEqual(version_of(self.connection, 1), 1)
        columns = self.connection.execute("SELECT * FROM routes").description
        self.assertNotIn("note", [column[0] for column in columns])


class OwnChangesTests(SynchronousTestCase):
    """Which changes are those of others."""

    @given(st.lists(st.tuples(st.booleans(), st.integers(1, 4)), max_size=20), st.data())
    def test_others(self, batches: list[tuple[bool, int]], data: Any) -> None:
        """However the batches of two processes follow each other, and whenever one looks."""
        own, last, seen = OwnChanges(), 0, 0
        expected: list[int] = []
        told: list[int] = []
        for is_own, count in batches:
            numbers = range(last + 1, last + 1 + count)
            if is_own:
                own.add(FILE, numbers)
            else:
                expected += numbers
            last = numbers[-1]
            if data.draw(st.booleans()):
                told += self.numbers(own.others(FILE, seen, last))
                seen = last
        told += self.numbers(own.others(FILE, seen, last))
        self.assertEqual(told, expected)

    def numbers(self, spans: list[tuple[int, int]]) -> list[int]:
        return [number for first, last in spans for number in range(first, last + 1)]

    def test_not_yet_visible_ones_are_kept(self) -> None:
        own = OwnChanges()
        own.add(FILE, range(5, 8))
        self.assertEqual(own.others(FILE, 0, 4), [(1, 4)])
        self.assertEqual(own.others(FILE, 4, 9), [(8, 9)])

    def test_withdrawn(self) -> None:
        own = OwnChanges()
        own.add(FILE, range(1, 3))
        own.withdraw(FILE, range(1, 3))
        self.assertEqual(own.others(FILE, 0, 2), [(1, 2)])

    def test_of_another_file(self) -> None:
        own = OwnChanges()
        own.add(FILE, range(1, 3))
        self.assertEqual(own.others((1, 3), 0, 2), [(1, 2)])
