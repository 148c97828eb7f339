"""The routes that are in use, in memory, before a store that has all of them.

A path has few segments, so the longest matching prefix is a handful of dictionary look-ups from
longest to shortest; a trie in Python is slower (design notes, "Routes").  When memory cannot tell
whether a longer route is stored, the look-up is *cold*: ask the store, and tell the table what it
has found.  How the table knows what is not stored: :mod:`pods.routing.spots`.

Pure: it never asks the store itself.  Alone it remembers what it was told last.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Container
from typing import Literal

import attrs

from pods.interfaces import Found, Route, StoredRoute
from pods.protocol import PATH_LIMIT_BYTES
from pods.routing.paths import ROOT, is_ambiguous, normalized
from pods.routing.spots import Entry, Marker, Spot, Spots, first_key, key_of

__all__ = ["COLD", "Cold", "Entry", "RouteTable"]


class Cold(enum.Enum):
    """The type of :data:`COLD`."""

    COLD = "cold"


COLD: Literal[Cold.COLD] = Cold.COLD  #: only the store knows


@attrs.define
class RouteTable:
    """Remembers which pod owns a path, for so long and for so many paths.

    :param wall_seconds: the time in seconds since the epoch.
    :param max_entries: 1 or more; over it, those that were not used for the longest time go.
    :param ttl_seconds: how long a route holds that names no time itself.
    :param max_ttl_seconds: no route holds longer.
    """

    _wall_seconds: Callable[[], float]
    _max_entries: int
    _ttl_seconds: float
    _max_ttl_seconds: float
    _spots: Spots = attrs.field(factory=Spots, init=False)
    _used: list[Entry] = attrs.field(factory=list, init=False)
    _round: int = attrs.field(default=1, init=False)

    def lookup(self, path: str) -> Entry | Cold | None:
        """The route for a path: exact before prefix, longer before shorter.

        :param path: as the client sent it; nothing is found for an ambiguous one.
        :returns: :data:`COLD` if the store must be asked; see :meth:`resolved`.
        """
        if is_ambiguous(path):
            return None
        by_key = self._spots.by_key
        get = by_key.get
        marker: Marker | None = None
        key = first_key(path)
        while key:
            spot = get(key)
            if spot is not None:
                if isinstance(spot, Marker):
                    marker = spot
                elif self._wall_seconds() < spot.entry.expires_at:
                    if spot.empty_at < spot.lost_at and not self._is_vouched_for(spot, marker):
                        return COLD
                    by_key.move_to_end(key)
                    if spot.used_in != self._round:
                        self._note_use(spot)
                    return spot.entry
                else:
                    self._spots.remove(key)
            key, _, _ = key.rpartition("/")
        root = self._spots.root
        is_known = root.empty_at >= root.lost_at or self._is_vouched_for(root, marker)
        return None if is_known else COLD

    @property
    def changes(self) -> int:
        """How often anything was learned or forgotten: note it before you ask the store."""
        return self._spots.changes

    def resolved(self, path: str, found: Found, asked_at: int) -> Entry | Cold | None:
        """The route for a path, now that the store has been asked.

        :param found: its answer.
        :param asked_at: :attr:`changes` when it was asked.
        :returns: :data:`COLD` if the answer is out of date: ask again.
        """
        spots, key, now = self._spots, first_key(path), self._wall_seconds()
        if spots.clean(key, now) > asked_at:
            return COLD
        for route in found.routes[:1]:  # the others do not answer for this path
            self._load(route, now, asked_at)
        spot = spots.first(key)
        spots.note_emptiness(spot, key, found.empty_below, asked_at)
        spots.trim(self._max_entries)
        return None if spot is spots.root else spot.entry

    def remember(self, route: Route) -> Entry | None:
        """Remember a route in place of what is known for its path, and return it as remembered.

        :returns: None if nothing is remembered: its time is 0, which forgets what
            is known, or its path is ``/``, ambiguous or over 255 bytes.
        """
        path = normalized(route.path)
        if path == ROOT or len(path) > PATH_LIMIT_BYTES or is_ambiguous(path):
            return None
        asked = self._ttl_seconds if route.ttl_seconds is None else route.ttl_seconds
        ttl_seconds = min(asked, self._max_ttl_seconds)
        if ttl_seconds <= 0:
            self.forget(path, route.exact)
            return None
        now = self._wall_seconds()
        entry = Entry(path, route.pod, route.exact, learned_at=now, expires_at=now + ttl_seconds)
        self._change(entry)
        return entry

    def take_news(self, entry: Entry) -> bool:
        """Whether a store should be told what was just remembered; from then on it was told."""
        spot = self._spots.get(key_of(entry.path, entry.exact))
        assert spot is not None  # of all in memory it was put there last
        return spot.take_news()

    def apply(self, route: StoredRoute) -> Entry | None:
        """Another process has changed this in the store.

        :returns: what is newer, and unlike that; the store should be told at once.
        """
        key, now = key_of(route.path, route.exact), self._wall_seconds()
        spot = self._spots.get(key)
        if spot is not None and route.learned_at < spot.entry.learned_at <= now:
            spot.told_until = route.expires_at if route.pod == spot.entry.pod else 0
            return spot.entry if spot.take_news() else None
        if route.pod is None or route.expires_at <= now:
            self._spots.forget(key)
        else:
            # Also if it was not in memory: or else a shorter one would answer for it.
            self._change(_entry(route, route.pod)).told_until = route.expires_at
        return None

    def forget(self, path: str, exact: bool) -> StoredRoute:
        """Forget the route of exactly this path, if there is one.

        :returns: what a store is to be told.
        """
        path = normalized(path)
        self._spots.forget(key_of(path, exact))
        return self._grave(path, exact, self._wall_seconds())

    def discard(self, entry: Entry) -> StoredRoute | None:
        """Forget this route, but not one that has taken its place.

        :returns: what a store is to be told; None: one has.
        """
        key = key_of(entry.path, entry.exact)
        spot = self._spots.get(key)
        if spot is not None and spot.entry != entry:
            return None
        self._spots.forget(key)
        # Newer than what was wrong, even if that comes from a clock that is ahead.
        now = max(self._wall_seconds(), math.nextafter(entry.learned_at, math.inf))
        return self._grave(entry.path, entry.exact, now)

    def clear(self) -> None:
        """Take nothing for known: the store has changed in ways that nobody can tell."""
        self._spots.clear()

    def set_limits(self, max_entries: int, ttl_seconds: float, max_ttl_seconds: float) -> None:
        """Live within other bounds from now on; what is remembered keeps its time."""
        self._max_entries = max_entries
        self._ttl_seconds = ttl_seconds
        self._max_ttl_seconds = max_ttl_seconds
        self._spots.trim(max_entries)

    def keep_only(self, pods: Container[str]) -> None:
        """Let go of every route to a pod that is not one of these."""
        for key, spot in list(self._spots.by_key.items()):
            if isinstance(spot, Spot) and spot.entry.pod not in pods:
                self._spots.remove(key)

    def take_used(self, limit: int) -> list[Entry]:
        """Some of the routes that have been of use since they were last taken.

        :param limit: how many at most.
        """
        taken = self._used[-limit:]
        del self._used[-limit:]
        if not self._used:
            self._round += 1
        return taken

    def entries(self) -> list[Entry]:
        """Every route in memory that holds now, the least recently used first."""
        now = self._wall_seconds()
        spots = (spot for spot in self._spots.by_key.values() if isinstance(spot, Spot))
        return [spot.entry for spot in spots if now < spot.entry.expires_at]

    def __len__(self) -> int:
        """How many routes are in memory, those included whose time is over."""
        return self._spots.routes

    # -- inside ----------------------------------------------------------------

    def _grave(self, path: str, exact: bool, now: float) -> StoredRoute:
        """What says that all that is known is wrong, for as long as any of it could hold."""
        return StoredRoute(path, exact, None, now, now + self._max_ttl_seconds)

    def _is_vouched_for(self, spot: Spot, marker: Marker | None) -> bool:
        if marker is None or marker.spot is not spot or marker.seen_at < spot.lost_at:
            return False
        self._spots.by_key.move_to_end(marker.key)
        return True

    def _note_use(self, spot: Spot) -> None:
        spot.used_in = self._round
        if len(self._used) < self._max_entries:
            self._used.append(spot.entry)

    def _change(self, entry: Entry) -> Spot:
        spot = self._spots.put(entry, changed_at=self._spots.change())
        self._spots.trim(self._max_entries)
        return spot

    def _load(self, route: StoredRoute, now: float, asked_at: int) -> None:
        """Have in memory what was found, but not in place of what was learned since."""
        if route.pod is None or route.expires_at <= now:
            return
        spot = self._spots.get(key_of(route.path, route.exact))
        if spot is None or (
            spot.changed_at <= asked_at and spot.entry.learned_at < route.learned_at
        ):
            spot = self._spots.put(_entry(route, route.pod), changed_at=0)
            spot.told_until = route.expires_at


def _entry(route: StoredRoute, pod: str) -> Entry:
    return Entry(route.path, pod, route.exact, route.learned_at, route.expires_at)
