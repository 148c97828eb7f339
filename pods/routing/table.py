"""The routes that the router remembers, in memory.

A path has few segments, so the longest matching prefix is a handful of dictionary
look-ups from longest to shortest; a trie in Python is slower (design notes, "Routes").
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Container

import attrs

from pods.interfaces import Route
from pods.protocol import PATH_LIMIT_BYTES
from pods.routing.paths import ROOT, is_ambiguous, normalized

_KEY_LIMIT = PATH_LIMIT_BYTES + 1


@attrs.frozen
class Entry:
    """One remembered route."""

    path: str  #: without a slash at its end
    pod: str
    exact: bool
    learned_at: float  #: seconds on the table's clock
    expires_at: float  #: the first moment at which it no longer holds


@attrs.define
class RouteTable:
    """Remembers which pod owns a path, for so long and for so many paths.

    :param clock_seconds: the time in seconds.
    :param max_entries: 1 or more; over it, those that were not used for the longest time go.
    :param ttl_seconds: how long a route holds that names no time itself.
    :param max_ttl_seconds: no route holds longer.
    """

    _clock_seconds: Callable[[], float]
    _max_entries: int
    _ttl_seconds: float
    _max_ttl_seconds: float
    # The least recently used first.  A key with a slash at its end is an exact route, one
    # without is a prefix: cutting "/a/b/" at its last slash, again and again, visits the
    # exact route and then every prefix, longest first.
    _entries: OrderedDict[str, Entry] = attrs.field(factory=OrderedDict, init=False)

    def lookup(self, path: str) -> Entry | None:
        """The route for a path: exact before prefix, longer before shorter.

        :param path: as the client sent it; nothing is found for an ambiguous one.
        """
        if is_ambiguous(path):
            return None
        entries = self._entries
        key = path if path.endswith("/") else path + "/"
        if len(key) > _KEY_LIMIT:  # of thousands of segments only those that a route can have
            key = key[: key.rfind("/", 0, _KEY_LIMIT)]
        while key:
            entry = entries.get(key)
            if entry is not None:
                if self._clock_seconds() < entry.expires_at:
                    entries.move_to_end(key)
                    return entry
                del entries[key]
            key = key[: key.rfind("/")]
        return None

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
        self.forget(path, route.exact)
        if ttl_seconds <= 0:
            return None
        now = self._clock_seconds()
        entry = Entry(path, route.pod, route.exact, learned_at=now, expires_at=now + ttl_seconds)
        self._entries[_key(path, route.exact)] = entry
        if len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)
        return entry

    def forget(self, path: str, exact: bool) -> None:
        """Forget the route of exactly this path, if there is one."""
        self._entries.pop(_key(path, exact), None)

    def discard(self, entry: Entry) -> None:
        """Forget this route, but not one that has taken its place."""
        key = _key(entry.path, entry.exact)
        if self._entries.get(key) is entry:
            del self._entries[key]

    def set_limits(self, max_entries: int, ttl_seconds: float, max_ttl_seconds: float) -> None:
        """Live within other bounds from now on; what is remembered keeps its time."""
        self._max_entries = max_entries
        self._ttl_seconds = ttl_seconds
        self._max_ttl_seconds = max_ttl_seconds
        while len(self._entries) > max_entries:
            self._entries.popitem(last=False)

    def keep_only(self, pods: Container[str]) -> None:
        """Forget every route to a pod that is not one of these."""
        for key in [key for key, entry in self._entries.items() if entry.pod not in pods]:
            del self._entries[key]

    def entries(self) -> list[Entry]:
        """Every route that holds now, the least recently used first."""
        now = self._clock_seconds()
        return [entry for entry in self._entries.values() if now < entry.expires_at]

    def __len__(self) -> int:
        """How many entries are held, those included whose time is over."""
        return len(self._entries)


def _key(path: str, exact: bool) -> str:
    return normalized(path) + ("/" if exact else "")
