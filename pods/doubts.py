"""Paths whose next upload must be held whole, although their placement seems certain."""

from __future__ import annotations

from collections import OrderedDict

import attrs

from pods.interfaces import Clock, Placement

DOUBT_SECONDS = 300.0  #: how long one bounce that came too late is remembered
DOUBTS_LIMIT = 1024  #: paths; the oldest go first


@attrs.define(eq=False)
class Doubts:
    """What bounces that came after the body was let go have taught.

    Where a route can be corrected that is enough.  A rule outranks every route, and a redirect
    with ``once`` may not be remembered; then only holding the body makes the next try succeed.
    """

    _clock: Clock
    _until: OrderedDict[str, float] = attrs.field(factory=OrderedDict)

    def note(self, path: str) -> None:
        """An upload to this path was bounced too late."""
        self._until.pop(path, None)
        self._until[path] = self._clock.seconds() + DOUBT_SECONDS
        if len(self._until) > DOUBTS_LIMIT:
            self._until.popitem(last=False)

    def weighed(self, placement: Placement, path: str) -> Placement:
        """The placement, but uncertain if an upload to this path was bounced too late before."""
        if not self._until or self._clock.seconds() >= self._until.get(path, 0.0):
            return placement
        return attrs.evolve(placement, certain=False)
