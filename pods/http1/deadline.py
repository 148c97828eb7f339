"""Timeouts that cost almost nothing while they do not expire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pods.interfaces import Clock


def _nobody() -> None:
    """Called of a deadline that is closed."""


class Deadline:
    """One movable point in time, after which something is called once.

    Moving it does not touch the reactor: the pending call, when it comes, looks
    whether it is still due and otherwise goes to sleep for the rest.  So a
    connection needs a timer every few seconds, not two for each request.

    :param expired: called when the deadline has passed.
    """

    __slots__ = ("_at", "_call", "_call_at", "_clock", "_expired", "_is_closed")

    def __init__(self, clock: Clock, expired: Callable[[], object]) -> None:
        self._clock = clock
        self._expired = expired
        self._at: float | None = None
        self._call: Any = None
        self._call_at = 0.0
        self._is_closed = False

    @property
    def is_set(self) -> bool:
        """Whether it is to expire."""
        return self._at is not None

    def set(self, seconds: float) -> None:
        """Expire that long from now, whatever was set before."""
        if self._is_closed:
            return
        at = self._at = self._clock.seconds() + seconds
        if self._call is None:
            self._schedule(at, seconds)
        elif at < self._call_at:
            self._call.cancel()
            self._schedule(at, seconds)

    def clear(self) -> None:
        """Do not expire until set again."""
        self._at = None

    def close(self) -> None:
        """Never expire again; leaves nothing with the reactor, and lets go of who set it."""
        self._is_closed = True
        self._at = None
        self._expired = _nobody
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _schedule(self, at: float, seconds: float) -> None:
        self._call_at = at
        self._call = self._clock.callLater(seconds, self._wake)

    def _wake(self) -> None:
        self._call = None
        if self._at is None:
            return
        left = self._at - self._clock.seconds()
        if left > 0:
            self._schedule(self._at, left)
        else:
            self._at = None
            self._expired()
