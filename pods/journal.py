"""What is known of one request: written down while it lives, told by the access log in the end."""

from __future__ import annotations

from pods.interfaces import Clock

CLIENT_LEFT = 499  #: the status of a request whose client left before it was answered


class Journal:
    """Notes about one request.  Seconds are counted from its arrival.

    :param arrived: the moment of the arrival on the clock, whatever that counts from.
    :param time: of the arrival, in seconds since the epoch.
    :param client: its address.
    :param path: without the query.
    """

    # How each begins; what is not noted of a request is not set for it.
    route: str | None = None  #: ``rule``, ``cache``, ``cookie``, ``strategy``; None: not routed
    pod: str | None = None  #: the last one tried
    attempts = 0  #: pods tried
    bytes_in = 0  #: body bytes from the client
    bytes_out = 0  #: body bytes to the client
    placed_seconds: float | None = None  #: until the first pod was chosen
    answered_seconds: float | None = None  #: until the final response's head came
    released_seconds: float | None = None  #: until it began to leave; later for a held 404
    total_seconds = 0.0
    status = 0  #: what the client got; 499 if it left before there was one
    error: str | None = None  #: why the router answered itself, or broke off

    def __init__(
        self,
        clock: Clock,
        arrived: float,
        time: float,
        client: str,
        method: str,
        path: str,
        request_id: bytes,
    ) -> None:
        self.clock = clock
        self.arrived = arrived
        self.time = time
        self.client = client
        self.method = method
        self.path = path
        self.request_id = request_id

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
