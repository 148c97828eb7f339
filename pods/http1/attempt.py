"""One try at one pod: get a connection, send the request, hear the answer."""

from __future__ import annotations

from typing import Protocol as Shape

from pods.errors import AtLimit, BadResponse, ConnectionLost, Refusal
from pods.http1.deadline import Deadline
from pods.http1.fields import Field
from pods.http1.framing import chunk, last_chunk
from pods.http1.pool import PodPool
from pods.http1.request import RequestHead
from pods.http1.response import ResponseHead
from pods.http1.upload import Upload
from pods.http1.upstream import Discarded, PodConnection

#: How much of a bounce's own body is read to save its connection.
DISCARD_LIMIT_BYTES = 65_536


class Exchanger(Shape):
    """Whose request is tried; it hears what comes of it."""

    def informed(self, head: ResponseHead) -> None:
        """The pod sent an interim response."""

    def go_ahead(self) -> None:
        """The body is wanted, though the pod did not say so."""

    def responded(self, head: ResponseHead) -> None:
        """The pod's final response begins, or a tunnel (101)."""

    def received(self, data: bytes) -> None:
        """Some of the response's body, or of the tunnel."""

    def ended(self, trailers: list[Field]) -> None:
        """The response is complete."""

    def unreachable(self, refusal: Refusal) -> None:
        """No connection: no byte was sent."""

    def failed(self, refusal: Refusal) -> None:
        """The connection was lost, or the pod's answer is garbage."""


class Tunnelling(Exchanger, Shape):
    """What takes the exchange's place after a 101."""

    def pod_half_closed(self) -> None:
        """The pod sends nothing more."""

    def sink_is_full(self) -> None:
        """The pod takes no more until :meth:`sink_is_ready`."""

    def sink_is_ready(self) -> None:
        """The pod takes more again."""


class Attempt:
    """Sends one request to one pod.

    :param head: as the client sent it; ``wire`` is what the pod gets.
    :param upload: the body, or None.
    :param asks_first: wait for the pod's 100 (or ``continue_seconds``) before sending the body.
    """

    # How each begins.
    connection: PodConnection | None = None
    _go_ahead: Deadline | None = None
    _connection_was_used = False
    _is_over = False
    _tunnel: Tunnelling | None = None

    def __init__(
        self,
        exchanger: Exchanger,
        pool: PodPool,
        head: RequestHead,
        wire: bytes,
        upload: Upload | None,
        asks_first: bool = False,
    ) -> None:
        self._exchanger = exchanger
        self._pool = pool
        self._head = head
        self._wire = wire
        self._upload = upload
        self._asks_first = asks_first

    def start(self, *, fresh: bool = False) -> None:
        """Get a connection and send the request on it."""
        try:
            connection = self._pool.take(self, fresh=fresh)
        except AtLimit as refusal:
            self._is_over = True
            self._exchanger.failed(refusal)
            return
        if connection is not None:
            self.connected(connection)

    # -- from the pool -------------------------------------------------------

    def connected(self, connection: PodConnection) -> None:
        self.connection = connection
        self._connection_was_used = connection.requests > 0
        upload, to_head = self._upload, self._head.method == b"HEAD"
        connection.begin(self, self._wire, to_head=to_head, is_complete=upload is None)
        if upload is None:
            return
        if self._asks_first:
            self._go_ahead = Deadline(self._pool.settings.clock, self._waited_for_100)
            self._go_ahead.set(self._pool.settings.continue_seconds)
        else:
            upload.attach(self)

    def unreachable(self, refusal: Refusal) -> None:
        self._is_over = True
        self._exchanger.unreachable(refusal)

    # -- from the upload -----------------------------------------------------

    def send_body(self, data: bytes) -> None:
        connection = self.connection
        assert connection is not None
        connection.write(chunk(data) if self._head.chunked else data)

    def end_body(self, trailers: list[Field]) -> None:
        connection = self.connection
        assert connection is not None
        if self._head.chunked:
            connection.write(last_chunk(trailers))
        connection.request_is_sent()

    # -- from the exchange ---------------------------------------------------

    def pause(self) -> None:
        """The client is slow: let the pod wait."""
        if self.connection is not None:
            self.connection.pause()

    def resume(self) -> None:
        """The client has caught up."""
        if self.connection is not None:
            self.connection.resume()

    def become_tunnel(self, tunnel: Tunnelling) -> None:
        """After a 101: the tunnel is told what the exchange was told before."""
        self._exchanger = self._tunnel = tunnel

    def send_through_tunnel(self, data: bytes) -> None:
        """Bytes from the client after a 101."""
        if self.connection is not None:
            self.connection.write(data)

    def half_close_tunnel(self) -> None:
        """The client sends nothing more."""
        if self.connection is not None:
            self.connection.half_close()

    def close_tunnel(self) -> None:
        """The client has left the tunnel."""
        connection = self._let_go()
        if connection is not None:
            connection.close_tunnel()

    def send_body_now(self) -> None:
        """The pod answers without having said 100, and takes the request: the body is its."""
        self._send_body()

    def cancel(self) -> None:
        """Give up: nobody wants the answer any more."""
        self._pool.forget(self)
        connection = self._let_go()
        if connection is not None:
            connection.abort()

    def discard(self) -> None:
        """The answer has been understood; its body is not wanted.

        If the request is complete the connection is kept for others, else it is closed.
        """
        connection = self._let_go()
        if connection is None:
            return
        if self._upload is not None and not self._upload.sent:
            connection.abort()
        else:
            connection.receiver = Discarded(connection, DISCARD_LIMIT_BYTES)

    # -- from the connection -------------------------------------------------

    def informed(self, head: ResponseHead) -> None:
        if head.status == 100 and self._asks_first:
            self._send_body()
            if not self._head.expects_continue:
                return  # the router asked by itself: not the client's business
        self._exchanger.informed(head)

    def responded(self, head: ResponseHead) -> None:
        self._stop_waiting()
        if head.status == 101 and not self._head.upgrade:
            self.cancel()
            self._exchanger.failed(BadResponse("The upstream server switched protocols unasked."))
            return
        self._exchanger.responded(head)

    def received(self, data: bytes) -> None:
        self._exchanger.received(data)

    def ended(self, trailers: list[Field]) -> None:
        self._let_go()
        self._exchanger.ended(trailers)

    def pod_half_closed(self) -> None:
        if self._tunnel is not None:
            self._tunnel.pod_half_closed()

    def failed(self, refusal: Refusal) -> None:
        connection = self._let_go()
        assert connection is not None
        if self._may_use_another_connection(refusal):
            self._is_over = self._connection_was_used = False
            self.start(fresh=True)
        else:
            self._exchanger.failed(refusal)

    def pod_is_full(self) -> None:
        flow = self._tunnel or self._upload
        if flow is not None:
            flow.sink_is_full()

    def pod_is_ready(self) -> None:
        flow = self._tunnel or self._upload
        if flow is not None:
            flow.sink_is_ready()

    # -- small things --------------------------------------------------------

    def _waited_for_100(self) -> None:
        """A pod that does not know the expectation must not hold up the client for ever."""
        self._send_body()
        self._exchanger.go_ahead()

    def _send_body(self) -> None:
        self._stop_waiting()
        if self._asks_first and not self._is_over and self._upload is not None:
            self._asks_first = False
            self._upload.attach(self)

    def _stop_waiting(self) -> None:
        if self._go_ahead is not None:
            self._go_ahead.close()
            self._go_ahead = None

    def _let_go(self) -> PodConnection | None:
        self._is_over = True
        self._stop_waiting()
        connection, self.connection = self.connection, None
        if self._upload is not None:
            self._upload.detach()
        return connection

    def _may_use_another_connection(self, refusal: Refusal) -> bool:
        """A kept connection may have died while idle: then once more on a new one, if that
        can do no harm (requirement 32)."""
        return (
            self._connection_was_used
            and isinstance(refusal, ConnectionLost)
            and self._head.is_idempotent
            and (self._upload is None or self._upload.can_start_over)
        )
