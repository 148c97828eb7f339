"""The table before a store, however small it is, answers as one big dictionary would."""

from __future__ import annotations

from itertools import product

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pods.interfaces import Found, Route, StoredRoute
from pods.routing.table import COLD, Cold, Entry, RouteTable
from tests.support_store import naive_find

TTL, MAX_TTL = 100.0, 1000.0

PATHS = ["/" + "/".join(names) for count in (1, 2, 3) for names in product("ab", repeat=count)]

paths = st.sampled_from(PATHS)
pods = st.sampled_from(["p", "q"])


@attrs.frozen
class Asking:
    """A look-up that the store has not answered yet."""

    path: str
    asked_at: int
    found: Found


class TableAndStore(RuleBasedStateMachine):
    """One process with a tiny table, a store that has everything, and another process.

    What the other does is in the store at once, and told to the table later; until then answers
    may be old, and are not looked at.
    """

    @initialize(max_entries=st.integers(1, 6))
    def begin(self, max_entries: int) -> None:
        self.clock = Clock()
        self.clock.advance(1000.0)
        self.max_entries = max_entries
        self.store: dict[tuple[str, bool], StoredRoute] = {}
        self.untold: list[StoredRoute] = []
        self.restart()

    @rule(is_new=st.booleans())
    def restart(self, is_new: bool = True) -> None:
        """The process begins anew, or has lost track of what the others do."""
        if is_new:
            self.table = RouteTable(self.clock.seconds, self.max_entries, TTL, MAX_TTL)
            self.used: list[Entry] = []
        self.table.clear()
        self.untold = []

    # -- what this process does --------------------------------------------------

    @rule(path=paths, pod=pods, exact=st.booleans(), ttl=st.sampled_from([None, None, 5, 5000]))
    def learn(self, path: str, pod: str, exact: bool, ttl: float | None) -> None:
        self.clock.advance(0.001)
        entry = self.table.remember(Route(path, pod, exact, ttl))
        assert entry is not None
        self.keep(StoredRoute(path, exact, pod, entry.learned_at, entry.expires_at))

    @rule(path=paths, exact=st.booleans())
    def teach_to_forget(self, path: str, exact: bool) -> None:
        self.clock.advance(0.001)
        self.keep(self.table.forget(path, exact))

    @rule(some=st.lists(paths, min_size=1, max_size=4))
    def look_up(self, some: list[str]) -> None:
        for path in some:
            entry = self.answer(path)
            if entry is not None:
                self.used.append(entry)

    @precondition(lambda self: self.used)
    @rule(which=st.integers(0, 9))
    def bounce(self, which: int) -> None:
        """What was remembered for a path some time ago turns out to have been wrong."""
        entry = self.used.pop(-1 - which % len(self.used))
        grave = self.table.discard(entry)
        if grave is not None:
            self.keep(grave)

    @rule(seconds=st.sampled_from([1, 5, 99]))
    def expire(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(path=paths, meanwhile=st.lists(st.tuples(paths, pods, st.booleans(), st.integers(0, 3))))
    def ask_slowly(self, path: str, meanwhile: list[tuple[str, str, bool, int]]) -> None:
        """Much happens before the store's answer is there."""
        if self.table.lookup(path) is not COLD:
            self.table.clear()
        asking = self.ask(path)
        for other, pod, exact, what in meanwhile:
            if what == 0:
                self.teach_to_forget(other, exact)
            elif what == 1:
                self.learn(other, pod, exact, None)
            else:
                self.answer(other)
        entry = self.table.resolved(path, asking.found, asking.asked_at)
        if entry is not COLD:
            self.check(path, entry)

    # -- what another process does -----------------------------------------------

    @rule(path=paths, pod=pods | st.none(), exact=st.booleans(), seconds=st.sampled_from([5, 500]))
    def foreign_change(self, path: str, pod: str | None, exact: bool, seconds: float) -> None:
        self.clock.advance(0.001)
        now = self.clock.seconds()
        route = StoredRoute(path, exact, pod, now, now + seconds)
        self.keep(route)
        self.untold.append(route)

    @precondition(lambda self: self.untold)
    @rule()
    def hear_of_changes(self) -> None:
        """Of what has changed again since then, only the last is told."""
        for route in self.untold:
            if self.store[route.path, route.exact] is route:
                self.table.apply(route)
        self.untold = []

    # -- what must hold ----------------------------------------------------------

    @invariant()
    def table_is_bounded(self) -> None:
        spots = self.table._spots
        assert len(spots.by_key) <= self.max_entries
        assert len(self.table) <= self.max_entries

    @invariant()
    def what_is_not_cold_is_right(self) -> None:
        by_key = self.table._spots.by_key
        order = list(by_key)
        for path in PATHS:
            entry = self.table.lookup(path)
            if entry is not COLD:
                self.check(path, entry)
        for key in order:  # looking up is using
            if key in by_key:
                by_key.move_to_end(key)

    def keep(self, route: StoredRoute) -> None:
        there = self.store.get((route.path, route.exact))
        if there is None or there.learned_at <= route.learned_at:
            self.store[route.path, route.exact] = route

    def ask(self, path: str) -> Asking:
        found = naive_find(self.store.values(), path, self.clock.seconds())
        return Asking(path, self.table.changes, found)

    def answer(self, path: str) -> Entry | None:
        entry = self.table.lookup(path)
        if entry is COLD:
            asking = self.ask(path)
            entry = self.table.resolved(path, asking.found, asking.asked_at)
            assert entry is not COLD, "nothing has happened since the store was asked"
        self.check(path, entry)
        return entry

    def check(self, path: str, entry: Entry | Cold | None) -> None:
        if not self.untold:
            right = naive_find(self.store.values(), path, self.clock.seconds()).routes
            assert _told(entry) == (_told(right[0]) if right else None), (path, entry, right)


def _told(route: Entry | StoredRoute | Cold | None) -> tuple[str, bool, str | None] | None:
    if isinstance(route, Entry | StoredRoute):
        return route.path, route.exact, route.pod
    return None


class RouteTableLawTests(SynchronousTestCase):
    """Any sequence of steps."""

    def test_g42_g44_table_and_store_answer_as_one_dictionary(self) -> None:
        many = settings(max_examples=300, stateful_step_count=50, deadline=None)
        run_state_machine_as_test(TableAndStore, settings=many)
