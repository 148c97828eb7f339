"""Which pods are well: from what connections tell, and from checks.

A pod that cannot be connected to is out until it can be again; the router tries by
itself, after a time that doubles with each try.  One whose checks fail is out until
they succeed.  Being out means that nobody picks the pod by chance; a remembered route
still leads to it, and if every pod is out they are picked as if none were.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

import attrs
from twisted.logger import Logger

from pods.interfaces import Clock

FIRST_RETRY_SECONDS = 1.0  #: after the first failed connection
LONGEST_RETRY_SECONDS = 60.0  #: each further try doubles it, up to this
REASON_LIMIT = 200  #: characters of a reason that are kept


class Cause(enum.StrEnum):
    """What takes a pod out; the values name counters."""

    CONNECTIONS = "connections"  #: connecting is refused, or takes too long
    CHECKS = "checks"  #: so many checks in a row have failed


@attrs.define(eq=False)
class PodState:
    """How one pod fares."""

    since: float  #: when it was last taken out or brought back, in seconds on the clock
    reasons: dict[Cause, str] = attrs.field(factory=dict)  #: why it is out, by cause
    outages: Counter[Cause] = attrs.field(factory=Counter)  #: how often each took it out
    failed_checks: int = 0  #: in a row
    succeeded_checks: int = 0  #: in a row
    retries: int = 0  #: since it cannot be connected to
    retry: Any = None  #: the next of them

    @property
    def is_healthy(self) -> bool:
        """Whether chance may pick it."""
        return not self.reasons

    @property
    def reason(self) -> str:
        """Why it is out; empty if it is not.  One line without control characters."""
        return "; ".join(dict.fromkeys(self.reasons.values()))

    @property
    def retry_seconds(self) -> float:
        """How long to wait before the next try to connect."""
        doubled = FIRST_RETRY_SECONDS * 2.0 ** min(self.retries, 16)
        return min(doubled, LONGEST_RETRY_SECONDS)


@attrs.frozen
class Watched:
    """Which pods are watched, and who cares.

    :param changed: called with a pod's name and whether it is healthy now.
    :param reconnect: called with a pod's name when it is time to try it; what comes of it is
        told by :meth:`HealthWatch.connected` or :meth:`HealthWatch.refused`.
    :param has_checks: without them no pod can be out because of them.
    :param unhealthy_after: so many failed checks in a row take a pod out.
    :param healthy_after: so many successful ones bring it back.
    """

    names: Sequence[str] = ()
    changed: Callable[[str, bool], object] = lambda name, is_healthy: None
    reconnect: Callable[[str], object] = lambda name: None
    has_checks: bool = False
    unhealthy_after: int = 3
    healthy_after: int = 2


class HealthWatch:
    """Keeps the state of each pod, and tells when it changes."""

    _log = Logger()

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._watched = Watched()
        self._states: dict[str, PodState] = {}

    @property
    def states(self) -> Mapping[str, PodState]:
        """The state of each pod, by name."""
        return self._states

    def watch(self, pods: Watched, kept: Container[str] = ()) -> None:
        """From now on these.

        :param kept: what is known of them still holds; the others begin as healthy.
        """
        before, self._watched = self._states, pods
        for name in before.keys() - {name for name in pods.names if name in kept}:
            self._stop_retrying(before.pop(name))
        now = self._clock.seconds()
        self._states = {name: before.get(name) or PodState(since=now) for name in pods.names}
        for name, state in self._states.items():
            if not pods.has_checks:
                self._bring_back(name, Cause.CHECKS)
            pods.changed(name, state.is_healthy)

    def connected(self, name: str) -> None:
        """A connection to the pod was made."""
        state = self._states[name]
        state.retries = 0
        self._stop_retrying(state)
        self._bring_back(name, Cause.CONNECTIONS)

    def refused(self, name: str, reason: str) -> None:
        """A connection to the pod could not be made: refused, or not in time.

        While it is out already, that changes nothing about when it is tried next: a thousand
        requests that fail at once are one outage.
        """
        state = self._states[name]
        if state.retry is None:
            self._retry_later(name)
        self._take_out(name, Cause.CONNECTIONS, reason)

    def checked(self, name: str, failure: str | None) -> None:
        """A check has come to an end.

        :param failure: why it failed; None: it succeeded.
        """
        state = self._states[name]
        if failure is None:
            state.failed_checks = 0
            state.succeeded_checks += 1
            if state.succeeded_checks >= self._watched.healthy_after:
                self._bring_back(name, Cause.CHECKS)
        else:
            state.succeeded_checks = 0
            state.failed_checks += 1
            is_out = Cause.CHECKS in state.reasons
            if is_out or state.failed_checks >= self._watched.unhealthy_after:
                self._take_out(name, Cause.CHECKS, failure)

    def stop(self) -> None:
        """Leave nothing with the clock."""
        for state in self._states.values():
            self._stop_retrying(state)

    # -- connecting again ----------------------------------------------------

    def _retry_later(self, name: str) -> None:
        state = self._states[name]
        state.retry = self._clock.callLater(state.retry_seconds, self._retry, name)

    def _retry(self, name: str) -> None:
        self._states[name].retries += 1
        self._retry_later(name)
        self._watched.reconnect(name)

    def _stop_retrying(self, state: PodState) -> None:
        retry, state.retry = state.retry, None
        if retry is not None:
            retry.cancel()

    # -- in and out ----------------------------------------------------------

    def _take_out(self, name: str, cause: Cause, reason: str) -> None:
        state = self._states[name]
        was_healthy = state.is_healthy
        state.outages[cause] += cause not in state.reasons
        state.reasons[cause] = _one_line(reason)
        if was_healthy:
            state.since = self._clock.seconds()
            self._log.warn("Pod {pod} is out: {reason}", pod=name, reason=state.reason)
            self._watched.changed(name, False)

    def _bring_back(self, name: str, cause: Cause) -> None:
        state = self._states[name]
        if state.reasons.pop(cause, None) is not None and state.is_healthy:
            state.since = self._clock.seconds()
            self._log.info("Pod {pod} is in again", pod=name)
            self._watched.changed(name, True)


@attrs.frozen
class PodObserver:
    """Tells the watch how connecting to one pod goes; what its pool calls."""

    _watch: HealthWatch
    _name: str

    def dialed(self) -> None:
        """A connection was made."""
        self._watch.connected(self._name)

    def could_not_dial(self, reason: str) -> None:
        """A connection could not be made."""
        self._watch.refused(self._name, reason)


def _one_line(reason: str) -> str:
    """What comes from outside must not become more than a part of a line of the log."""
    return reason[:REASON_LIMIT].encode("unicode_escape").decode("ascii")
