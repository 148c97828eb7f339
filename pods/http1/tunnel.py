"""After a 101: bytes both ways, untouched, until both ends have closed (RFC 9110, section 7.8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol as Shape

from pods.errors import Refusal
from pods.http1.attempt import Attempt
from pods.http1.fields import Field
from pods.http1.response import ResponseHead


class ClientEnd(Shape):
    """The client's connection, as far as a tunnel needs it."""

    def send(self, data: bytes) -> None: ...

    def end(self, trailers: list[Field]) -> None: ...

    def half_close(self) -> None: ...

    def pause_upload(self) -> None: ...

    def resume_upload(self) -> None: ...


class Tally(Shape):
    """Where the bytes are counted."""

    bytes_in: int
    bytes_out: int


class Tunnel:
    """Takes the place of the exchange on both connections.

    Each end's back-pressure pauses the other; each end's half-close is passed on.

    :param ended: called once, with what went wrong, or None.
    """

    def __init__(
        self,
        client: ClientEnd,
        attempt: Attempt,
        tally: Tally,
        ended: Callable[[str | None], None],
    ) -> None:
        self._tally = tally
        self._client = client
        self._attempt = attempt
        self._ended = ended
        self._half_closed = 0  # how many of the two ends send nothing more

    # -- from the client's connection ----------------------------------------

    def body_received(self, data: bytes) -> None:
        self._tally.bytes_in += len(data)
        self._attempt.send_through_tunnel(data)

    def client_is_full(self) -> None:
        self._attempt.pause()

    def client_is_ready(self) -> None:
        self._attempt.resume()

    def client_half_closed(self) -> None:
        self._attempt.half_close_tunnel()
        self._close_if_both_are_done()

    def client_gone(self) -> None:
        self._attempt.close_tunnel()
        self._ended(None)

    def begin(self) -> None:
        """A tunnel begins where an exchange ended."""

    def body_finished(self, trailers: list[Field]) -> None:
        """A tunnel has no framing."""

    def refuse(self, refusal: Refusal) -> None:
        """A tunnel has no framing that could be bad."""

    # -- from the pod's connection -------------------------------------------

    def received(self, data: bytes) -> None:
        self._tally.bytes_out += len(data)
        self._client.send(data)

    def sink_is_full(self) -> None:
        self._client.pause_upload()

    def sink_is_ready(self) -> None:
        self._client.resume_upload()

    def pod_half_closed(self) -> None:
        self._client.half_close()
        self._close_if_both_are_done()

    def _close_if_both_are_done(self) -> None:
        self._half_closed += 1
        if self._half_closed == 2:
            self._attempt.close_tunnel()
            self.ended([])

    def ended(self, trailers: list[Field]) -> None:
        self._ended(None)
        self._client.end([])

    def failed(self, refusal: Refusal) -> None:
        self._ended(refusal.reason)
        self._client.end([])

    unreachable = failed

    def informed(self, head: ResponseHead) -> None:
        """There are no heads in a tunnel."""

    def responded(self, head: ResponseHead) -> None:
        """There are no heads in a tunnel."""

    def go_ahead(self) -> None:
        """There is no body in a tunnel."""
