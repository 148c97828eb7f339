"""Which pods are well: from what connections tell, and from checks.

A pod that cannot be connected to is out for a while, longer each time; one whose
checks fail is out until they succeed.  Being out means that nobody picks the pod
by chance; a remembered route still leads to it, and if every pod is out they are
picked as if none were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs
from twisted.logger import Logger

from pods.interfaces import Clock

FIRST_OUT_SECONDS = 1.0  #: after the first failed connection
LONGEST_OUT_SECONDS = 60.0  #: each further failure doubles it, up to this


@attrs.define(eq=False)
class PodState:
    """How one pod fares."""

    is_healthy: bool = True
    reason: str = ""  #: why it is out
    since: float = 0.0  #: when that changed, in seconds on the clock
    failed_connections: int = 0  #: in a row
    failed_checks: int = 0  #: in a row
    succeeded_checks: int = 0  #: in a row
    fails_checks: bool = False
    call: Any = None  #: the end of its being out

    @property
    def out_seconds(self) -> float:
        """How long the failed connections so far keep it out."""
        doubled = FIRST_OUT_SECONDS * 2.0 ** min(self.failed_connections - 1, 16)
        return min(doubled, LONGEST_OUT_SECONDS)


class HealthWatch:
    """Keeps the state of each pod, and tells when it changes.

    :param changed: called with a pod's name and whether it is healthy now.
    :param unhealthy_after: so many failed checks in a row take a pod out.
    :param healthy_after: so many successful ones bring it back.
    """

    _log = Logger()

    def __init__(
        self,
        clock: Clock,
        names: Iterable[str],
        changed: Callable[[str, bool], None],
        unhealthy_after: int = 3,
        healthy_after: int = 2,
    ) -> None:
        self._clock = clock
        self._changed = changed
        self._unhealthy_after = unhealthy_after
        self._healthy_after = healthy_after
        self._states = {name: PodState(since=clock.seconds()) for name in names}

    @property
    def states(self) -> Mapping[str, PodState]:
        """The state of each pod, by name."""
        return self._states

    def connected(self, name: str) -> None:
        """A connection to the pod was made."""
        state = self._states[name]
        if state.failed_connections:
            state.failed_connections = 0
            self._stop_waiting(state)
            self._settle(name, "")

    def refused(self, name: str, reason: str) -> None:
        """A connection to the pod could not be made: refused, or not in time.

        Failures while it is out already do not lengthen that: they belong to the same outage.
        """
        state = self._states[name]
        if state.call is None:
            state.failed_connections += 1
            state.call = self._clock.callLater(state.out_seconds, self._try_again, name)
            self._settle(name, reason)

    def checked(self, name: str, failure: str | None) -> None:
        """A check has come to an end.

        :param failure: why it failed; None: it succeeded.
        """
        state = self._states[name]
        if failure is None:
            state.failed_checks = 0
            state.succeeded_checks += 1
            if state.succeeded_checks >= self._healthy_after:
                state.fails_checks = False
        else:
            state.succeeded_checks = 0
            state.failed_checks += 1
            if state.failed_checks >= self._unhealthy_after:
                state.fails_checks = True
        self._settle(name, failure or state.reason)

    def stop(self) -> None:
        """Leave nothing with the clock."""
        for state in self._states.values():
            self._stop_waiting(state)

    def _try_again(self, name: str) -> None:
        self._states[name].call = None
        self._settle(name, self._states[name].reason)

    def _stop_waiting(self, state: PodState) -> None:
        if state.call is not None:
            state.call.cancel()
            state.call = None

    def _settle(self, name: str, reason: str) -> None:
        """Work out whether the pod is well, and say so if that is new."""
        state = self._states[name]
        is_healthy = state.call is None and not state.fails_checks
        state.reason = "" if is_healthy else reason
        if is_healthy != state.is_healthy:
            state.is_healthy = is_healthy
            state.since = self._clock.seconds()
            said = "in again" if is_healthy else "out: {reason}"
            self._log.warn("Pod {pod} is " + said, pod=name, reason=reason)
            self._changed(name, is_healthy)
