"""What every route store has to do, as tests.

Mix :class:`RouteStoreContractTests` into a ``SynchronousTestCase`` and say how a store is made.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from pods.interfaces import Changes, Found, IRouteStore, StoredRoute
from pods.routing.paths import ROOT, covers

if TYPE_CHECKING:
    from unittest import TestCase as _Mixin
else:
    _Mixin = object

T = TypeVar("T")

HOUR_SECONDS = 3600.0
#: When the tests begin, in seconds since the epoch.
BEGINNING = 1_800_000_000.0
_NAMES = ("a", "b", "a-b", "ab")


class RouteStoreContractTests(_Mixin):
    """What every :class:`~pods.interfaces.IRouteStore` has to do.

    Override :meth:`make_store`; override :meth:`wait` and :meth:`settle` too if your store does
    something in other threads or later.
    """

    #: Whether two stores can have the same data at the same time.
    is_shared: ClassVar[bool] = False
    #: Whether what is stored is there after a restart.
    is_lasting: ClassVar[bool] = False

    #: Set it to let time pass, in seconds since the epoch.
    now: float = BEGINNING

    def make_store(self, now: Callable[[], float], max_entries: int) -> Any:
        """A store that is not open yet.

        A second one that is made in the same test has the same data, if that is possible.

        :param now: the time in seconds since the epoch.
        :param max_entries: so many routes it shall keep.
        """
        raise NotImplementedError("say how your store is made: override make_store()")

    def wait(self, awaitable: Awaitable[T]) -> T:
        """What an awaitable of the store results in.  As it is, the store must know at once."""

        async def outcome() -> T:
            return await awaitable

        results: list[Any] = []
        Deferred.fromCoroutine(outcome()).addBoth(results.append)
        self.assertTrue(results, "the store did not answer at once: override wait()")
        if isinstance(results[0], Failure):
            results[0].raiseException()
        result: T = results[0]
        return result

    def settle(self, store: Any) -> None:
        """Return when all is stored that was put so far, and the limits are kept."""

    # -- one store -----------------------------------------------------------------

    def test_it_is_a_store(self) -> None:
        verifyObject(IRouteStore, self.opened())

    def test_nothing_is_known(self) -> None:
        self.assertEqual(self.find(self.opened(), "/a/b"), Found((), ROOT))

    def test_what_was_put_is_found_at_once_and_later(self) -> None:
        store, route = self.opened(), self.route("/a/b")
        store.put(route)
        self.assertEqual(self.find(store, "/a/b/c").routes, (route,))
        self.settle(store)
        self.assertEqual(self.find(store, "/a/b/c").routes, (route,))

    def test_a_slash_at_the_end_means_nothing(self) -> None:
        store, prefix, exact = self.opened(), self.route("/a"), self.route("/a/b", exact=True)
        self.put(store, prefix, exact)
        self.assertEqual(self.find(store, "/a/b/"), self.find(store, "/a/b"))
        self.assertEqual(self.find(store, "/a/").routes, (prefix,))

    def test_exact_first_then_longer_before_shorter(self) -> None:
        store = self.opened()
        routes = [self.route(path) for path in ("/a/b/c", "/a/b", "/a")]
        exact = self.route("/a/b/c", exact=True)
        self.put(store, *reversed(routes), exact)
        self.assertEqual(self.find(store, "/a/b/c").routes, (exact, *routes))
        self.assertEqual(self.find(store, "/a/b/c/d").routes, tuple(routes))

    def test_only_whole_segments_count(self) -> None:
        store = self.opened()
        self.put(store, self.route("/foo"), self.route("/foo", exact=True))
        for path in ("/foobar", "/foo-bar", "/foo.git", "/fo", "/"):
            self.assertEqual(self.find(store, path).routes, (), path)

    def test_a_path_of_very_many_segments(self) -> None:
        store, route = self.opened(), self.route("/a")
        self.put(store, route)
        for path in ("/a" * 8000, "/a/" + "b" * 16_000):
            found = self.find(store, path)
            self.assertEqual((found.routes, found.empty_below), ((route,), "/a"))

    def test_what_has_expired_is_not_known(self) -> None:
        store, short, long = self.opened(), self.route("/a/b", ttl=60), self.route("/a")
        self.put(store, short, long)
        self.now += 59
        self.assertEqual(self.find(store, "/a/b").routes, (short, long))
        self.now += 1
        self.assertEqual(self.find(store, "/a/b").routes, (long,))

    # -- what wins -----------------------------------------------------------------

    def test_the_later_learned_wins(self) -> None:
        store = self.opened()
        for path, settle in (("/at-once", list), ("/later", lambda: self.settle(store))):
            earlier, later = self.route(path, "pod_0"), self.route(path, "pod_1", after=1)
            for route in (later, earlier):
                store.put(route)
                settle()
            self.assertEqual(self.find(store, path).routes, (later,))
            self.put(store, again := self.route(path, "pod_2", after=1))
            self.assertEqual(self.find(store, path).routes, (again,), "learned at the same time")

    def test_a_route_without_a_pod_ends_what_was_learned_before(self) -> None:
        store = self.opened()
        for path, settle in (("/at-once", list), ("/later", lambda: self.settle(store))):
            parent, wrong = self.route(path), self.route(f"{path}/b")
            for route in (parent, wrong, self.route(f"{path}/b", None, after=1), wrong):
                store.put(route)
                settle()
            self.assertEqual(self.find(store, f"{path}/b").routes, (parent,))
            self.settle(store)
            self.assertEqual(self.find(store, f"{path}/b").routes, (parent,))
            self.put(store, right := self.route(f"{path}/b", after=2))
            self.assertEqual(self.find(store, f"{path}/b").routes, (right, parent))

    def test_exact_and_prefix_are_two(self) -> None:
        store, prefix, exact = self.opened(), self.route("/a"), self.route("/a", exact=True)
        self.put(store, prefix, exact, self.route("/a", None, exact=True, after=1))
        self.assertEqual(self.find(store, "/a").routes, (prefix,))

    # -- where nothing is ----------------------------------------------------------

    def test_empty_below(self) -> None:
        store = self.opened()
        self.put(store, self.route("/a"), self.route("/a/b/c"), self.route("/x", exact=True))
        for path, expected in {
            "/": None,
            "/a": None,  # /a/b/c is below
            "/a/b": None,
            "/a/b/c": "/a/b/c",
            "/a/b/c/d": "/a/b/c",
            "/a/z": "/a/z",
            "/a/z/y": "/a/z",
            "/x": None,  # there is an exact route
            "/x/y": "/x/y",
            "/a-b/c": "/a-b",
        }.items():
            self.assertEqual(self.find(store, path).empty_below, expected, path)

    def test_answers_as_a_dictionary_does(self) -> None:
        """A thousand changes and questions by chance; what does not hold may seem to be below."""
        store, model, chance = (
            self.opened(),
            dict[tuple[str, bool], StoredRoute](),
            random.Random(7),
        )
        for number in range(1000):
            path = "".join(f"/{chance.choice(_NAMES)}" for _ in range(chance.randint(1, 4)))
            exact = chance.random() < 0.3
            pod = chance.choice(("pod_0", "pod_1", None))
            route = self.route(path, pod, exact=exact, ttl=chance.choice((30, HOUR_SECONDS)))
            model[path, exact] = route
            store.put(route)
            self.now += chance.choice((0, 1))
            if number % 100 == 0:
                self.settle(store)
            asked = "".join(f"/{chance.choice(_NAMES)}" for _ in range(chance.randint(1, 5)))
            self._check(self.find(store, asked), asked, model)

    def _check(self, found: Found, path: str, model: dict[tuple[str, bool], StoredRoute]) -> None:
        holding = [
            route
            for route in model.values()
            if route.pod is not None and self.now < route.expires_at
        ]
        covering = [route for route in holding if covers(route.path, path, route.exact)]
        covering.sort(key=lambda route: (not route.exact, -len(route.path)))
        self.assertEqual(found.routes, tuple(covering), path)
        empty = found.empty_below
        if empty is not None:
            self.assertTrue(covers(empty, path))
            below = [
                route
                for route in holding
                if covers(empty, route.path) and (route.exact or route.path != empty)
            ]
            self.assertEqual(below, [], f"{path}: said to be empty below {empty}")

    # -- limits --------------------------------------------------------------------

    def test_the_least_recently_used_go_first(self) -> None:
        store = self.opened(max_entries=3)
        routes = [self.route(f"/{name}") for name in "abc"]
        for route in routes:
            self.now += HOUR_SECONDS / 20
            self.put(store, route)
        self.now += HOUR_SECONDS / 20
        store.used(routes[0])
        self.settle(store)
        self.now += HOUR_SECONDS / 20
        self.put(store, self.route("/d"))
        left = [path for path in ("/a", "/b", "/c", "/d") if self.find(store, path).routes]
        self.assertEqual(left, ["/a", "/c", "/d"])

    def test_what_is_not_stored_can_be_of_use(self) -> None:
        store = self.opened()
        store.used(self.route("/nowhere"))
        self.settle(store)
        self.assertEqual(self.find(store, "/nowhere").routes, ())

    # -- several stores, one after another or at once --------------------------------

    def test_own_changes_are_not_told(self) -> None:
        store = self.opened()
        self.put(store, self.route("/a"), self.route("/b", None))
        self.assertEqual(self.changes(store), Changes())

    def test_a_restart_keeps_routes(self) -> None:
        if not self.is_lasting:
            return
        store, route = self.opened(), self.route("/a")
        store.put(route)
        self.wait(store.close())
        self.assertEqual(self.find(self.opened(), "/a").routes, (route,))

    def test_others_see_what_one_has_changed(self) -> None:
        if not self.is_shared:
            return
        one, other = self.opened(), self.opened()
        route, forgotten = self.route("/a"), self.route("/b", None)
        self.put(one, route, forgotten)
        told = self.changes(other)
        self.assertFalse(told.lost_track)
        self.assertEqual(
            [(each.path, each.pod) for each in told.routes], [("/a", "pod_0"), ("/b", None)]
        )
        self.assertEqual(self.find(other, "/a/b").routes, (route,))
        self.assertEqual(self.changes(other), Changes(), "it is told once")

    def test_what_another_has_found_wrong_is_not_resurrected(self) -> None:
        if not self.is_shared:
            return
        one, other = self.opened(), self.opened()
        stale = self.route("/a")
        self.put(one, self.route("/a", None, after=1))
        self.put(other, stale)
        for store in (one, other):
            self.assertEqual(self.find(store, "/a").routes, ())

    # -- helpers -------------------------------------------------------------------

    def opened(self, max_entries: int = 1000) -> Any:
        """A store that is open, and closed when the test is over."""
        store = self.make_store(lambda: self.now, max_entries)
        self.wait(store.open())
        self.addCleanup(lambda: self.wait(store.close()))
        return store

    def route(
        self,
        path: str,
        pod: str | None = "pod_0",
        exact: bool = False,
        after: float = 0,
        ttl: float = HOUR_SECONDS,
    ) -> StoredRoute:
        """A route that was learned so many seconds after now."""
        learned_at = self.now + after
        return StoredRoute(path, exact, pod, learned_at, learned_at + ttl)

    def put(self, store: Any, *routes: StoredRoute) -> None:
        """Put routes into a store, and have them stored."""
        for route in routes:
            store.put(route)
        self.settle(store)

    def find(self, store: Any, path: str) -> Found:
        """What a store knows of a path."""
        found: Found = self.wait(store.find(path))
        return found

    def changes(self, store: Any) -> Changes:
        """What others have changed."""
        changes: Changes = self.wait(store.changes())
        return changes
