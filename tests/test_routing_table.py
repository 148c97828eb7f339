"""The route table: against a naive model, and by requirement (42 to 44)."""

from __future__ import annotations

import attrs
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pods.interfaces import Route
from pods.routing.paths import covers, normalized
from pods.routing.table import Entry, RouteTable

TTL, MAX_TTL = 100.0, 1000.0


def make_table(clock: Clock, max_entries: int = 1000) -> RouteTable:
    return RouteTable(clock.seconds, max_entries, TTL, MAX_TTL)


class RouteTableTests(SynchronousTestCase):
    """What the contract says, one by one."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.table = make_table(self.clock)

    def pod_of(self, path: str) -> str | None:
        entry = self.table.lookup(path)
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

    def test_g44_many_paths_stay_bounded(self) -> None:
        self.table = make_table(self.clock, max_entries=100)
        for number in range(10_000):
            self.table.remember(Route(f"/{number}", "pod"))
        self.assertEqual(len(self.table), 100)


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
                self.assertEqual(table.lookup(value), model.lookup(value, now))
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
