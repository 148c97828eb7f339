"""What of all stored routes is in memory, and what is known of those that are not.

A short route may answer for a path only if no longer one that covers the path is stored, though
most of what is stored is not in memory.  Memory holds *spots*, one for each route that is in use,
and *markers*.  Everything is kept under a key: a prefix route to ``/a/b`` has the key ``/a/b``,
an exact one ``/a/b/``.  Cutting ``/a/b/`` at its last slash, again and again, visits the exact
route and then every prefix, longest first: the *walk* of the path, which ends at the root.

What was seen in the store holds for as long as memory loses nothing that has come since:

* when the store had nothing beneath a spot, the spot answers for all that is beneath it;
* when the store had nothing between a spot and what a path's walk begins with, a marker on that
  walk vouches for the spot.

What comes later is in memory first, so a walk meets it first.  When it has to leave memory, the
spot that a walk meets next notes how new it was, and nothing that was seen before counts for
that spot any more.  Markers can therefore be lost without a trace, and never vouch wrongly.
"""

from __future__ import annotations

import math
import sys
from collections import OrderedDict
from collections.abc import Iterator

import attrs

from pods.protocol import PATH_LIMIT_BYTES
from pods.routing.paths import ROOT

ALWAYS = sys.maxsize
KEY_LIMIT = PATH_LIMIT_BYTES + 1  #: of a route: an exact one has a slash at its end
#: Pods teach the same again with each answer.  A store need not hear of it before a route has won
#: so much of its time, or so many seconds.
TOLD_SHARE = 0.01
TOLD_SECONDS = 60.0


@attrs.frozen
class Entry:
    """One remembered route."""

    path: str  #: without a slash at its end
    pod: str
    exact: bool
    learned_at: float  #: seconds since the epoch
    expires_at: float  #: the first moment at which it no longer holds


@attrs.define(eq=False)
class Spot:
    """A route in memory, or the root.  Moments are numbers of changes; see :class:`Spots`."""

    entry: Entry
    changed_at: int  #: when the route came; 0: it was in the store already
    empty_at: int  #: when the store was last seen to have nothing beneath it
    lost_at: int  #: when the newest of what was beneath it, and has left memory, came
    used_in: int = 0  #: the round in which its use was noted
    told_until: float = 0  #: when the route ends in the store, as far as is known; 0: it may not

    @property
    def key(self) -> str:
        """Where it is kept; the root has the empty key, and is not kept with the others."""
        return key_of(self.entry.path, self.entry.exact)

    def take_news(self) -> bool:
        """Whether a store should be told of the route as it is now; from then on it was told."""
        ttl_seconds = self.entry.expires_at - self.entry.learned_at
        won_seconds = self.entry.expires_at - self.told_until
        if 0 <= won_seconds < min(TOLD_SHARE * ttl_seconds, TOLD_SECONDS):
            return False
        self.told_until = self.entry.expires_at
        return True


@attrs.define(eq=False)
class Marker:
    """Vouches for a spot, as long as ``seen_at >= spot.lost_at``."""

    key: str
    spot: Spot
    seen_at: int


def key_of(path: str, exact: bool) -> str:
    """The key of a route.

    :param path: without a slash at its end.
    """
    return path + "/" if exact else path


def first_key(path: str) -> str:
    """Where the walk of a path begins: at its exact route.

    All paths that are longer than those of routes, and begin alike, share one key that no route
    has: they cannot be told apart.

    :param path: not ambiguous.
    """
    key = path if path[-1] == "/" else path + "/"
    return key if len(key) <= KEY_LIMIT else key[: KEY_LIMIT + 1]


def walk(key: str) -> Iterator[str]:
    """This key and those that it is cut to, longest first; without the root."""
    while key:
        yield key
        key, _, _ = key.rpartition("/")


def _new_root() -> Spot:
    nobody = Entry("", "", exact=False, learned_at=0, expires_at=math.inf)
    return Spot(nobody, changed_at=0, empty_at=0, lost_at=0)


@attrs.define(eq=False)
class Spots:
    """The spots and markers by key, the least recently used first.

    Begins with the knowledge that nothing at all is stored.
    """

    by_key: OrderedDict[str, Spot | Marker] = attrs.field(factory=OrderedDict)
    root: Spot = attrs.field(factory=_new_root)
    changes: int = 0  #: how often anything was learned or forgotten
    routes: int = 0  #: how many spots there are

    def change(self) -> int:
        """Count one more change."""
        self.changes += 1
        return self.changes

    def get(self, key: str) -> Spot | None:
        """The spot with that key."""
        found = self.by_key.get(key)
        return found if isinstance(found, Spot) else None

    def first(self, key: str) -> Spot:
        """The first spot on the walk that begins with this key."""
        return next((spot for at in walk(key) if (spot := self.get(at))), self.root)

    def put(self, entry: Entry, changed_at: int) -> Spot:
        """Have this route in memory."""
        key = key_of(entry.path, entry.exact)
        spot = self.get(key)
        if spot is None:
            spot = self.by_key[key] = self._new_spot(key, entry, changed_at)
            self.routes += 1
        else:  # what is known of what is beneath it does not change
            if spot.entry.pod != entry.pod:
                spot.told_until = 0
            spot.entry = entry
            spot.changed_at = max(spot.changed_at, changed_at)
        self.by_key.move_to_end(key)
        return spot

    def _new_spot(self, key: str, entry: Entry, changed_at: int) -> Spot:
        """What is known of the spot above it holds here as well."""
        above = self.first(key)
        marks = (self.by_key.get(at) for at in walk(key))
        seen_at = (mark.seen_at for mark in marks if isinstance(mark, Marker))
        empty_at = ALWAYS if entry.exact else max([above.empty_at, *seen_at])
        return Spot(entry, changed_at, empty_at, above.lost_at)

    def remove(self, key: str) -> None:
        """Let go of a marker, or of a spot whose route no longer holds."""
        self._removed(key, self.by_key.pop(key), lost_at=0)

    def forget(self, key: str) -> None:
        """This route no longer holds, whether it is in memory or not; that is a change."""
        if self.get(key) is not None:
            self.remove(key)
        self.first(key).lost_at = self.change()

    def clean(self, key: str, now: float) -> int:
        """Free the walk that begins with this key of markers and of what has expired.

        :returns: when the newest of what was beneath a spot on it, and has left memory, came.
        """
        lost_at = 0
        for at in walk(key):
            found = self.by_key.get(at)
            if isinstance(found, Marker) or (found and found.entry.expires_at <= now):
                self.remove(at)
            elif found:
                lost_at = max(lost_at, found.lost_at)
        return max(lost_at, self.root.lost_at)

    def note_emptiness(self, spot: Spot, key: str, empty_below: str | None, seen_at: int) -> None:
        """Keep in mind what the store does not have.

        :param spot: the first one on the walk that begins with ``key``, which is clean.
        :param empty_below: see :class:`~pods.interfaces.Found`.
        """
        if empty_below is None or len(empty_below) > KEY_LIMIT:
            empty_below = key
        elif empty_below == ROOT:
            empty_below = ""
        if len(empty_below) <= len(spot.key):
            spot.empty_at = max(spot.empty_at, seen_at)
        else:
            self.by_key[empty_below] = Marker(empty_below, spot, seen_at)

    def trim(self, limit: int) -> None:
        """Let go of those that were not used for the longest time."""
        while len(self.by_key) > limit:
            key, gone = self.by_key.popitem(last=False)
            self._removed(key, gone, gone.changed_at if isinstance(gone, Spot) else 0)

    def clear(self) -> None:
        """Know nothing, not even that nothing is stored."""
        self.by_key.clear()
        self.routes = 0
        self.root.lost_at = self.change()

    def _removed(self, key: str, gone: Spot | Marker, lost_at: int) -> None:
        """
        :param lost_at: when the route came, if it still holds.
        """
        if isinstance(gone, Spot):
            self.routes -= 1
            above = self.first(key)
            above.lost_at = max(above.lost_at, gone.lost_at, lost_at)
