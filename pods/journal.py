"""What the access log will say of a request, collected while it lives."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from pods.accesslog import AccessRecord
from pods.interfaces import Clock

CLIENT_LEFT = 499  #: the status of a request whose client left before it was answered


@attrs.define(eq=False)
class Journal:
    """Notes about one request.  Moments are seconds on the clock, whatever it counts from.

    :param wall_seconds: the time of day, in seconds since the epoch.
    """

    clock: Clock
    wall_seconds: Callable[[], float]
    client: str
    method: bytes
    path: str
    request_id: bytes
    arrived: float
    route: str | None = None
    pod: str | None = None
    attempts: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    placed: float | None = None
    answered: float | None = None
    released: float | None = None

    def sent_to(self, pod: str) -> None:
        """The request goes to this pod now."""
        self.pod = pod
        self.attempts += 1
        if self.placed is None:
            self.placed = self.clock.seconds()

    def record(self, status: int, error: str | None) -> AccessRecord:
        """The line for the access log: the request ends now.

        :param error: why the router answered itself, or broke off.
        """
        total_seconds = self.clock.seconds() - self.arrived
        return AccessRecord(
            time=self.wall_seconds() - total_seconds,
            client=self.client,
            method=self.method.decode("ascii"),
            path=self.path,
            status=status,
            pod=self.pod,
            route=self.route,
            attempts=self.attempts,
            bytes_in=self.bytes_in,
            bytes_out=self.bytes_out,
            placed_seconds=self._since(self.placed),
            answered_seconds=self._since(self.answered),
            released_seconds=self._since(self.released),
            total_seconds=total_seconds,
            request_id=self.request_id.decode("ascii"),
            error=error,
        )

    def _since(self, moment: float | None) -> float | None:
        return None if moment is None else moment - self.arrived
