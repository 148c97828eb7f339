"""What is known of one request: written down while it lives, told by the access log in the end."""

from __future__ import annotations

import attrs

from pods.interfaces import Clock

CLIENT_LEFT = 499  #: the status of a request whose client left before it was answered


@attrs.define(eq=False)
class Journal:
    """Notes about one request.  Seconds are counted from its arrival.

    :param arrived: the moment of the arrival on the clock, whatever that counts from.
    """

    clock: Clock
    arrived: float
    time: float  #: of the arrival, seconds since the epoch
    client: str
    method: str
    path: str  #: without the query
    request_id: bytes
    route: str | None = None  #: ``rule``, ``cache``, ``cookie``, ``strategy``; None: not routed
    pod: str | None = None  #: the last one tried
    attempts: int = 0  #: pods tried
    bytes_in: int = 0  #: body bytes from the client
    bytes_out: int = 0  #: body bytes to the client
    placed_seconds: float | None = None  #: until the first pod was chosen
    answered_seconds: float | None = None  #: until the final response's head came
    released_seconds: float | None = None  #: until it began to leave; later for a held 404
    total_seconds: float = 0.0
    status: int = 0  #: what the client got; 499 if it left before there was one
    error: str | None = None  #: why the router answered itself, or broke off

    def sent_to(self, pod: str) -> None:
        """The request goes to this pod now."""
        self.pod = pod
        self.attempts += 1
        if self.placed_seconds is None:
            self.placed_seconds = self.clock.seconds() - self.arrived

    def answered(self) -> None:
        """The head of the final response is there; that of a bounce counts until the next."""
        self.answered_seconds = self.clock.seconds() - self.arrived

    def released(self) -> None:
        """The response begins to leave."""
        self.released_seconds = self.clock.seconds() - self.arrived

    def end(self, status: int, error: str | None) -> None:
        """The request is over.

        :param error: why the router answered itself, or broke off.
        """
        self.total_seconds = self.clock.seconds() - self.arrived
        self.status = status
        self.error = error
