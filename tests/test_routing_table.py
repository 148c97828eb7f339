"""The route table: before a store, alone against a naive model, and by requirement (42 to 44)."""

from __future__ import annotations

import attrs
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pods.interfaces import Found, Route, StoredRoute
from pods.routing.paths import ROOT, covers, normalized
from pods.routing.table import COLD, Cold, Entry, RouteTable
from tests.support_store import naive_find, stored

TTL, MAX_TTL = 100.0, 1000.0


def make_table(clock: Clock, max_entries: int = 1000) -> RouteTable:
    return RouteTable(clock.seconds, max_entries, TTL, MAX_TTL)


def with_nothing_behind(table: RouteTable, path: str) -> Entry | None:
    """What the table knows of a path, before a store that has nothing."""
    entry = table.lookup(path)
    if entry is COLD:
        entry = table.resolved(path, Found(empty_below=ROOT), table.changes)
    assert entry is not COLD
    return entry


class RouteTableTests(SynchronousTestCase):
    """What the contract says, one by one."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.table = make_table(self.clock)

    def pod_of(self, path: str) -> str | None:
        entry = with_nothing_behind(self.table, path)
        return entry.pod if entry else None

    def test_g42_longest_segment_prefix(self) -> None:
        self.table.remember(Route("/foo/", "one"))
        self.table.remember(Route("/foo/bar", "two"))
        self.assertEqual(self.pod_of("/foo"), "one")
        self.assertEqual(self.pod_of("/foo/"), "one")
        self.assertEqual(self.pod_of("/foo/x"), "one")
        self.assertEqual(self.pod_of("/foo/bar/x/y/z"), "two")
        self.assertEqual(self.pod_of("/foo/bart"), "one")
        for path in ("/foobar", "/foo.atom", "/fo", "/"):
            self.assertIsNone(self.pod_of(path), path)

    def test_g42_exact_beats_prefix(self) -> None:
        self.table.remember(Route("/-/profile", "prefix"))
        self.table.remember(Route("/-/profile", "exact", exact=True))
        self.assertEqual(self.pod_of("/-/profile"), "exact")
        self.assertEqual(self.pod_of("/-/profile/"), "exact")
        self.assertEqual(self.pod_of("/-/profile/x"), "prefix")
        self.table.forget("/-/profile", exact=True)
        self.assertEqual(self.pod_of("/-/profile"), "prefix")

    def test_g42_ambiguous_paths_neither_read_nor_write(self) -> None:
        self.table.remember(Route("/a", "pod"))
        for path in ("/a/../b", "//a", "/a//b", "/a/%2F", "/a/%2e", "/a/./b", "/a\\b", "*", ""):
            self.assertIsNone(self.pod_of(path), path)
            self.assertIsNone(self.table.remember(Route(path, "pod")), path)
        self.assertEqual(len(self.table), 1)

    def test_root_is_never_remembered(self) -> None:
        for exact in (False, True):
            self.assertIsNone(self.table.remember(Route("/", "pod", exact)))
        self.assertEqual(len(self.table), 0)

    def test_as_long_as_a_path_may_be(self) -> None:
        longest = "/" + "x" * 254
        for exact in (True, False):
            self.table.remember(Route(longest, "one", exact))
            self.table.remember(Route(longest + "x", "two", exact))
            self.assertEqual(len(self.table.entries()), 1)
            self.assertEqual(self.pod_of(longest), "one")
            self.assertIsNone(self.pod_of(longest + "x"))
            self.assertEqual(self.pod_of(longest + "/x" * 999), None if exact else "one")
            self.table.forget(longest, exact)

    def test_times(self) -> None:
        self.clock.advance(5)
        default = self.table.remember(Route("/a/", "pod"))
        self.assertEqual(default, Entry("/a", "pod", False, learned_at=5, expires_at=5 + TTL))
        own = self.table.remember(Route("/a", "pod", ttl_seconds=7))
        self.assertEqual(own and own.expires_at, 12)
        clamped = self.table.remember(Route("/a", "pod", ttl_seconds=1e9))
        self.assertEqual(clamped and clamped.expires_at, 5 + MAX_TTL)

    def test_g44_expiry(self) -> None:
        self.table.remember(Route("/a", "short", ttl_seconds=10))
        self.clock.advance(9.99)
        self.assertEqual(self.pod_of("/a"), "short")
        self.clock.advance(0.01)
        self.assertEqual(self.table.entries(), [])
        self.assertIsNone(self.pod_of("/a"))
        self.assertEqual(len(self.table), 0, "what has expired is dropped when it is met")

    def test_an_expired_route_uncovers_a_shorter_one(self) -> None:
        self.table.remember(Route("/a", "long"))
        self.table.remember(Route("/a/b", "short", ttl_seconds=1))
        self.clock.advance(1)
        self.assertEqual(self.pod_of("/a/b/c"), "long")

    def test_ttl_0_forgets(self) -> None:
        self.table.remember(Route("/a", "pod"))
        self.table.remember(Route("/a", "exact", exact=True))
        self.assertIsNone(self.table.remember(Route("/a/", "other", ttl_seconds=0)))
        self.assertIsNone(self.pod_of("/a/b"))
        self.assertEqual(self.pod_of("/a"), "exact")

    def test_forget_what_is_not_there(self) -> None:
        self.table.forget("/nothing", exact=False)
        self.assertEqual(self.table.entries(), [])

    def test_g44_least_recently_used_goes_first(self) -> None:
        self.table = make_table(self.clock, max_entries=2)
        self.table.remember(Route("/a", "a"))
        self.table.remember(Route("/b", "b"))
        self.pod_of("/a/used")
        self.table.remember(Route("/c", "c"))
        self.assertEqual([entry.path for entry in self.table.entries()], ["/a", "/c"])

    def test_g44_renewing_is_using(self) -> None:
        self.table = make_table(self.clock, max_entries=2)
        for path in ("/a", "/b", "/a", "/c"):
            self.table.remember(Route(path, "pod"))
        self.assertEqual([entry.path for entry in self.table.entries()], ["/a", "/c"])

    def test_a_route_to_a_pod_that_is_gone_goes(self) -> None:
        self.table.remember(Route("/a", "a"))
        self.table.remember(Route("/b", "b"))
        self.table.keep_only({"b"})
        self.assertIsNone(self.pod_of("/a"))
        self.assertEqual(self.pod_of("/b"), "b")

    def test_what_was_used_is_told_once_each_round(self) -> None:
        for path in ("/a", "/b", "/c"):
            self.table.remember(Route(path, "pod"))
        for path in ("/a", "/b", "/a/x", "/b"):
            self.table.lookup(path)
        taken = self.table.take_used(1) + self.table.take_used(9)
        self.assertEqual(sorted(entry.path for entry in taken), ["/a", "/b"])
        self.assertEqual(self.table.take_used(9), [])
        self.table.lookup("/b")
        self.assertEqual([entry.path for entry in self.table.take_used(9)], ["/b"])

    def test_g44_many_paths_stay_bounded(self) -> None:
        self.table = make_table(self.clock, max_entries=100)
        for number in range(10_000):
            self.table.remember(Route(f"/{number}", "pod"))
        self.assertEqual(len(self.table), 100)


class BeforeAStoreTests(SynchronousTestCase):
    """Only a part of what is stored is in memory."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(100)
        self.begin(max_entries=1000)

    def begin(self, max_entries: int) -> None:
        """Begin with an empty memory before a store that may have anything."""
        self.table = make_table(self.clock, max_entries)
        self.table.clear()

    def resolve(self, path: str, *routes: StoredRoute) -> str | None:
        """Look up in a store that has these routes; the pod."""
        self.assertIs(self.table.lookup(path), COLD)
        return self.hear(path, self.table.changes, *routes)

    def hear(self, path: str, asked_at: int, *routes: StoredRoute) -> str | None:
        """The store's answer is there; the pod, or ``cold``."""
        found = naive_find(routes, path, self.clock.seconds())
        return self.told(self.table.resolved(path, found, asked_at))

    def told(self, entry: Entry | Cold | None) -> str | None:
        return entry.value if isinstance(entry, Cold) else entry.pod if entry else None

    def pod_of(self, path: str) -> str | None:
        return self.told(self.table.lookup(path))

    def test_g42_a_hot_prefix_does_not_answer_for_what_may_be_stored_below_it(self) -> None:
        stores = stored("/a", "short"), stored("/a/b/c", "long")
        self.assertEqual(self.resolve("/a/x", *stores), "short")
        self.assertEqual(self.pod_of("/a/x/y"), "short", "there is nothing below /a/x")
        self.assertEqual(self.pod_of("/a/y"), "cold")
        self.assertEqual(self.resolve("/a/b/c/d", *stores), "long")
        self.assertEqual(self.pod_of("/a/b"), "cold")

    def test_g42_nor_for_an_exact_route_to_itself(self) -> None:
        stores = stored("/a", "prefix"), stored("/a", "exact", exact=True)
        self.assertEqual(self.resolve("/a/x", *stores), "prefix")
        self.assertEqual(self.pod_of("/a"), "cold")
        self.assertEqual(self.resolve("/a", *stores), "exact")
        self.assertEqual(self.pod_of("/a/"), "exact")

    def test_g42_where_nothing_is_below_it_answers_for_all(self) -> None:
        self.assertEqual(self.resolve("/a/x", stored("/a"), stored("/b")), "pod_a")
        self.assertEqual(self.pod_of("/a/y/z"), "pod_a")
        self.assertIsNone(self.resolve("/c/x", stored("/a"), stored("/b")))
        self.assertIsNone(self.pod_of("/c/y"))
        self.assertEqual(self.pod_of("/d"), "cold")

    def test_what_is_learned_where_nothing_was_is_hot_at_once(self) -> None:
        self.assertIsNone(self.resolve("/a/x", stored("/b")))
        self.table.remember(Route("/a", "pod_a"))
        self.assertEqual(self.pod_of("/a/y"), "pod_a")

    def test_renewing_changes_nothing_about_what_is_below(self) -> None:
        self.resolve("/a/x", stored("/a"), stored("/b"))
        self.table.remember(Route("/a", "renewed"))
        self.assertEqual(self.pod_of("/a/y"), "renewed")

    def test_all_paths_longer_than_any_route_that_begin_alike_are_one(self) -> None:
        long = "/a" + "/b" * 200
        self.assertEqual(self.resolve(long, stored("/a"), stored("/a/c")), "pod_a")
        self.assertEqual(self.pod_of(long + "/c" * 5000), "pod_a")
        self.assertEqual(self.pod_of("/a/d"), "cold")
        self.assertIsNone(self.resolve("/" + "x" * 9000, stored("/a")))
        self.assertIsNone(self.pod_of("/" + "x" * 500))

    def test_what_is_evicted_takes_the_certainty_above_it_along(self) -> None:
        self.begin(max_entries=3)
        self.resolve("/a/x", stored("/a"), stored("/b"))
        self.table.remember(Route("/a/b", "brief", ttl_seconds=1))
        self.table.remember(Route("/a/b/c", "long"))
        self.assertEqual((self.pod_of("/a"), self.pod_of("/a/b")), ("pod_a", "brief"))
        self.table.remember(Route("/b", "other"))  # takes the place of /a/b/c
        self.assertEqual(self.pod_of("/a/b/c"), "cold")
        self.clock.advance(1)
        self.assertEqual(self.pod_of("/a/b/c"), "cold")

    def test_a_marker_vouches_for_nothing_but_what_was_found(self) -> None:
        self.begin(max_entries=4)
        routes = stored("/a", "short"), stored("/a/b", "long"), stored("/a/b/c")
        self.assertEqual(self.resolve("/a/b/x", *routes), "long")
        self.assertEqual(self.resolve("/a/y", *routes), "short")
        self.table.remember(Route("/b", "other"))  # takes the place of /a/b
        self.assertEqual(self.pod_of("/a/b/x"), "cold")

    # -- while the store is asked ----------------------------------------------

    def test_g44_what_is_forgotten_meanwhile_does_not_come_back(self) -> None:
        asked_at = self.table.changes
        self.table.forget("/a", exact=False)
        self.assertEqual(self.hear("/a", asked_at, stored("/a")), "cold")

    def test_what_is_learned_meanwhile_stays(self) -> None:
        asked_at = self.table.changes
        self.table.remember(Route("/a", "new"))
        self.assertEqual(self.hear("/a", asked_at, stored("/a", "old", learned_at=200)), "new")

    def test_what_is_learned_and_evicted_meanwhile_is_asked_for_again(self) -> None:
        for is_stored in (True, False):
            self.begin(max_entries=2)
            routes = [stored("/a"), *([stored("/a/b", "old")] if is_stored else [])]
            self.resolve("/a/b", *routes)
            self.table.remember(Route("/a", "pod_a"))
            asked_at = self.table.changes
            self.table.remember(Route("/a/b", "new"))
            self.table.lookup("/a")
            self.table.remember(Route("/a", "pod_a"))
            self.table.remember(Route("/b", "pod_b"))
            self.assertEqual(self.hear("/a/b", asked_at, *routes), "cold", is_stored)

    def test_an_old_answer_does_not_count_for_what_came_later(self) -> None:
        self.begin(max_entries=3)
        asked_at = self.table.changes
        self.table.remember(Route("/a/x/y", "new"))
        self.assertEqual(self.hear("/a/x", asked_at, stored("/a"), stored("/a/c")), "pod_a")
        self.assertEqual(self.pod_of("/a/x"), "pod_a")
        self.table.remember(Route("/b", "pod_b"))  # takes the place of /a/x/y
        self.assertEqual(self.pod_of("/a/x/y"), "cold")

    # -- what is told ------------------------------------------------------------

    def test_g47_what_another_process_forgets_is_forgotten(self) -> None:
        entry = self.table.remember(Route("/a", "pod_a"))
        assert entry is not None
        self.table.apply(stored("/a", None, learned_at=entry.learned_at - 1))
        self.assertEqual(self.table.entries(), [entry], "it was learned after that")
        self.table.apply(stored("/a", None, learned_at=entry.learned_at + 1))
        self.assertEqual(self.table.entries(), [])

    def test_g47_what_another_process_learns_is_not_overlooked(self) -> None:
        self.resolve("/a/x", stored("/a"), stored("/b"))
        self.table.apply(stored("/a/b", "theirs", learned_at=100))
        self.assertEqual(self.pod_of("/a/b/c"), "theirs")
        self.table.apply(stored("/a/b", "older", learned_at=99))
        self.assertEqual(self.pod_of("/a/b/c"), "theirs")

    def test_g44_a_late_bounce_forgets_only_what_led_to_it(self) -> None:
        old = self.table.remember(Route("/a", "old"))
        assert old is not None
        self.clock.advance(1)
        self.table.remember(Route("/a", "new"))
        self.assertIsNone(self.table.discard(old))
        self.assertEqual([entry.pod for entry in self.table.entries()], ["new"])

    def test_g44_what_has_left_memory_can_be_discarded(self) -> None:
        entry = self.table.remember(Route("/a", "pod"))
        assert entry is not None
        self.table.clear()
        self.assertIsNotNone(self.table.discard(entry))
        self.resolve("/a", attrs.evolve(stored("/a", "pod"), learned_at=100, expires_at=200))
        self.assertIsNotNone(self.table.discard(entry), "it is the same route, though read again")


@attrs.define
class Model:
    """What the table should know, by trying every route each time."""

    entries: list[Entry] = attrs.field(factory=list)

    def lookup(self, path: str, now: float) -> Entry | None:
        fitting = [
            entry
            for entry in self.entries
            if now < entry.expires_at and covers(entry.path, path, entry.exact)
        ]
        return max(fitting, key=lambda entry: (len(entry.path), entry.exact), default=None)

    def forget(self, path: str, exact: bool) -> None:
        same = normalized(path), exact
        self.entries = [entry for entry in self.entries if (entry.path, entry.exact) != same]

    def remember(self, route: Route, now: float) -> None:
        self.forget(route.path, route.exact)
        ttl = TTL if route.ttl_seconds is None else min(route.ttl_seconds, MAX_TTL)
        if route.path != "/" and ttl:
            entry = Entry(normalized(route.path), route.pod, route.exact, now, now + ttl)
            self.entries.append(entry)


names = st.sampled_from(["a", "b", "aa"])
paths = st.builds(
    lambda parts, end: "/" + "/".join(parts) + (end if parts else ""),
    st.lists(names, max_size=3),
    st.sampled_from(["", "/"]),
)
routes = st.builds(
    Route,
    path=paths,
    pod=st.sampled_from(["p", "q"]),
    exact=st.booleans(),
    ttl_seconds=st.sampled_from([None, 0, 1, 50, 5000]),
)
steps = st.one_of(
    st.tuples(st.just("remember"), routes),
    st.tuples(st.just("forget"), st.tuples(paths, st.booleans())),
    st.tuples(st.just("advance"), st.sampled_from([0.5, 1, 49, 100, 900])),
    st.tuples(st.just("lookup"), paths),
)


class RouteTableLawTests(SynchronousTestCase):
    """Any sequence of steps."""

    @given(st.lists(steps, max_size=40))
    def test_agrees_with_the_model(self, sequence: list[tuple[str, object]]) -> None:
        clock, model = Clock(), Model()
        table = make_table(clock)
        for _, value in sequence:
            now = clock.seconds()
            if isinstance(value, Route):
                table.remember(value)
                model.remember(value, now)
            elif isinstance(value, tuple):
                table.forget(*value)
                model.forget(*value)
            elif isinstance(value, str):
                found = with_nothing_behind(table, value)
                self.assertEqual(found, model.lookup(value, now))
            elif isinstance(value, int | float):
                clock.advance(value)
        alive = [entry for entry in model.entries if clock.seconds() < entry.expires_at]
        self.assertCountEqual(table.entries(), alive)

    @given(st.lists(steps, max_size=40), st.integers(1, 4))
    def test_never_over_its_bound_and_the_newest_stays(
        self, sequence: list[tuple[str, object]], bound: int
    ) -> None:
        clock = Clock()
        table = make_table(clock, bound)
        for _, value in sequence:
            if isinstance(value, Route):
                entry = table.remember(value)
                if entry is not None:
                    self.assertEqual(table.entries()[-1], entry)
            elif isinstance(value, str):
                table.lookup(value)
            self.assertLessEqual(len(table), bound)
