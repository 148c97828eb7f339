"""What a client's connection needs from those who use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from typing import Protocol as Shape

import attrs

from pods.errors import Refusal
from pods.http1.fields import Field, FieldKinds
from pods.http1.forwarding import Peer
from pods.http1.heads import HeadLimits, RawRequest
from pods.interfaces import Clock
from pods.outbox import Outbox

if TYPE_CHECKING:
    from pods.http1.server import ClientConnection


class Exchanging(Shape):
    """The request that this connection is busy with."""

    def begin(self) -> None:
        """The head is complete; the body, if any, follows."""

    def body_received(self, data: bytes) -> None:
        """Some of the body; after :meth:`ClientConnection.become_tunnel`, of the tunnel."""

    def body_finished(self, trailers: list[Field]) -> None:
        """All of the body has come."""

    def refuse(self, refusal: Refusal) -> None:
        """The rest of the request is bad, or too slow."""

    def client_is_full(self) -> None:
        """The client reads more slowly than is sent."""

    def client_is_ready(self) -> None:
        """The client has caught up."""

    def client_gone(self) -> None:
        """The client has left."""


class Tunnelling(Exchanging, Shape):
    """What takes the exchange's place after a 101."""

    def client_half_closed(self) -> None:
        """The client will send nothing more."""


class Site(Shape):
    """What a connection needs from the router."""

    def open_exchange(self, connection: ClientConnection, raw: RawRequest) -> Exchanging:
        """Make the exchange for a request.

        :raises Refusal: what the head says cannot be served.
        """

    def refused(self, connection: ClientConnection, raw: RawRequest | None, why: Refusal) -> bytes:
        """The answer to a request that never became an exchange; it is logged here."""

    def peer(self, transport: Any) -> Peer:
        """Who is at the other end."""

    def kinds(self, peer: Peer) -> FieldKinds:
        """How the fields of a peer's requests are treated."""

    def connected(self, connection: ClientConnection) -> Refusal | None:
        """A client has come; a Refusal if there is no room for it."""

    def disconnected(self, connection: ClientConnection) -> None:
        """A client has left."""


@attrs.frozen
class ServerSettings:
    """What all connections from clients share; times in seconds."""

    clock: Clock
    outbox: Outbox
    limits: HeadLimits
    header_seconds: float
    idle_seconds: float  #: between two requests
    stall_seconds: float  #: nothing moves in a body
    linger_seconds: float
    body_pace_bytes: int = 0  #: of a body must come in each ``stall_seconds``
