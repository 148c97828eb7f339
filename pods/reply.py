"""Release: a response on its way to the client.

A 404 waits until its time tells nothing; everything else leaves as it comes.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any
from typing import Protocol as Shape

from pods.errors import Refusal
from pods.http1.attempt import Attempt
from pods.http1.fields import Field
from pods.http1.response import ResponseHead
from pods.http1.server import ClientConnection
from pods.http1.tunnel import Tunnel
from pods.journal import Journal
from pods.not_found import HeldResponse

if TYPE_CHECKING:
    from pods.router import Router


class Replied(Shape):
    """The request that is replied to."""

    def request(self) -> Any:
        """The request as a delay policy sees it."""

    def refuse(self, refusal: Refusal) -> None:
        """It cannot be replied to after all."""

    def finish(self, error: str | None = None) -> None:
        """The reply is complete, or will never be."""


class Reply:
    """Passes one response on, or keeps it back until its time has come.

    :param attempt: whose response it is.
    :param head: of the response.
    """

    _held: HeldResponse | None = None
    _is_full = False  # the client is slow

    def __init__(
        self,
        exchange: Replied,
        router: Router,
        client: ClientConnection,
        journal: Journal,
        attempt: Attempt,
        head: ResponseHead,
    ) -> None:
        self.head = head
        self._exchange = exchange
        self._router = router
        self._client = client
        self._journal = journal
        self._attempt: Attempt | None = attempt

    @property
    def has_begun(self) -> bool:
        """Whether the client has been sent the head."""
        return self._journal.released_seconds is not None

    def begin(self, interim: Iterable[ResponseHead]) -> None:
        """The head is there.

        :param interim: responses of this pod that were kept back, and go before it.
        """
        head = self.head
        if head.status == 404:
            self._held = HeldResponse(head, self._router.lasting.releases)
            return
        for early in interim:
            self._client.inform(early)
        self._release()
        if head.status == 101:
            self._open_tunnel()

    def received(self, data: bytes) -> None:
        """Some of the body."""
        if self._held is None:
            self._journal.bytes_out += len(data)
            self._client.send(data)
        elif not self._held.append(data) and self._attempt is not None:
            self._attempt.pause()
            self._hold(self._held)

    def ended(self, trailers: list[Field]) -> None:
        """The response is complete."""
        self._attempt = None
        if self._held is not None:
            self._held.end(trailers)
            self._hold(self._held)
        else:
            self._exchange.finish()
            self._client.end(trailers)

    def pause(self) -> None:
        """The client is slow: let the pod wait."""
        self._is_full = True
        if self._attempt is not None:
            self._attempt.pause()

    def resume(self) -> None:
        """The client has caught up."""
        self._is_full = False
        if self._attempt is not None:
            self._attempt.resume()

    def cancel(self) -> None:
        """Nobody wants it any more."""
        self._attempt = None
        if self._held is not None:
            self._held.cancel()
            self._held = None

    def _release(self) -> None:
        self._journal.released()
        self._client.respond(self.head)
        if self._client.is_full:  # of answers before this one, when nobody could be paused
            self.pause()

    def _hold(self, held: HeldResponse) -> None:
        """A 404 leaves when the delay policy says so, not when it is there."""
        if held.is_waiting:
            return
        request, arrived = self._exchange.request(), self._journal.arrived
        release_at = partial(self._router.delay.release_at, request, arrived)
        try:
            held.wait(release_at, self._let_go)
        except Refusal as refusal:
            self._exchange.refuse(refusal)
        else:
            if held.refusal is not None and self._attempt is not None:
                self._attempt.resume()  # what comes is not kept

    def _let_go(self) -> None:
        """A held 404's time has come."""
        held, self._held = self._held, None
        assert held is not None
        if held.refusal is not None:
            self._exchange.refuse(held.refusal)
            return
        self._release()
        for data in held.chunks:
            self.received(data)
        if held.trailers is not None:
            self.ended(held.trailers)
        elif self._attempt is not None and not self._is_full:
            self._attempt.resume()

    def _open_tunnel(self) -> None:
        """Both sides have agreed on another protocol: step aside until it ends."""
        attempt, self._attempt = self._attempt, None
        assert attempt is not None
        tunnel = Tunnel(self._client, attempt, self._journal, self._exchange.finish)
        attempt.become_tunnel(tunnel)
        self._client.become_tunnel(tunnel)
