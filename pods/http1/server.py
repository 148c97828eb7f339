"""One connection from a client: requests come in, responses go out, in order.

The connection reads one request at a time.  Bytes of a pipelined next one stay
unread in a small buffer, with the transport paused, until the answer before it
has gone out; so answers cannot be mixed up, and reading ahead is bounded by one
read of the transport.
"""

from __future__ import annotations

from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from pods.errors import AtLimit, BadRequest, Refusal, RequestTimeout
from pods.http1.deadline import Deadline
from pods.http1.direct import sending_directly
from pods.http1.fields import Field
from pods.http1.forwarding import Peer, response_to_client, wants_trailers
from pods.http1.framing import (
    BodyReader,
    ChunkedReader,
    FramingError,
    LengthReader,
    chunk,
    last_chunk,
)
from pods.http1.heads import RawRequest, RequestHeadReader
from pods.http1.pace import Pace
from pods.http1.presence import Presence
from pods.http1.request import RequestHead
from pods.http1.response import ResponseHead
from pods.http1.site import Exchanging, ServerSettings, Site, Tunnelling
from pods.http1.sockets import send_no_more, send_without_delay

#: What a client may still send after its connection has been answered for good.
LINGER_LIMIT_BYTES = 16 * 1024 * 1024


@implementer(IHalfCloseableProtocol, IPushProducer)
class ClientConnection(Protocol):
    """Reads requests, one exchange after the other."""

    peer: Peer
    _heads: RequestHeadReader

    def __init__(self, site: Site, settings: ServerSettings) -> None:
        self._site = site
        self._settings = settings
        self._reading = Deadline(settings.clock, self._read_too_slowly)
        self._pace = Pace(self._reading)
        self._writing = Deadline(settings.clock, self.abort)
        self._buffer = b""  # not looked at yet
        self._head_seconds = settings.header_seconds  # on a new connection from its start on
        self._exchange: Exchanging | None = None
        self._body: BodyReader | None = None
        self._head: RequestHead | None = None
        self._chunked = False  # how the current response's body is framed
        self._has_responded = False  # the head of the current response is out
        self._keep_alive = True
        self._tunnel: Tunnelling | None = None
        self._is_processing = False
        self.is_full = False  #: the client reads more slowly than is sent
        self._is_paused = False
        self._upload_paused = False
        self._is_closing = False  # nothing more is read as a request
        self._throwaway_bytes = LINGER_LIMIT_BYTES
        self._is_draining = False
        self._input_ended = False
        self._is_closed = False

    # -- from the exchange: the request --------------------------------------

    def accept(self, head: RequestHead) -> None:
        """The head has been understood: read its body."""
        self._head = head
        self._keep_alive = head.keep_alive and not self._is_draining
        self._body = None
        if head.chunked:
            self._body = ChunkedReader()
        elif head.content_length:
            self._body = LengthReader(head.content_length)

    def pause_upload(self) -> None:
        """Read nothing until :meth:`resume_upload`: the pod is slow."""
        self._upload_paused = True
        self._reading.clear()
        self._pause_or_resume()

    def resume_upload(self) -> None:
        """Read on."""
        self._upload_paused = False
        if self._body is not None:
            self._pace.begin(self._settings)
        self._pause_or_resume()
        self._process()

    def become_tunnel(self, tunnel: Tunnelling) -> None:
        """After a 101: everything that comes is for the tunnel."""
        self._exchange = self._tunnel = tunnel
        self._reading.clear()
        self._process()

    # -- from the exchange: the response -------------------------------------

    def inform(self, head: ResponseHead) -> None:
        """Send an interim response, if the client can take it."""
        if self._head is not None and self._head.minor_version:
            wire = response_to_client(head, chunked=False, keep_alive=True, client_minor_version=1)
            self._write(wire)

    def respond(self, head: ResponseHead) -> None:
        """Send the head of the final response, or of a 101."""
        request = self._head
        assert request is not None
        unbounded = head.has_body and head.content_length is None
        self._chunked = unbounded and request.minor_version == 1
        if (unbounded and not self._chunked) or self._is_draining or self._body is not None:
            self._keep_alive = False
        self._has_responded = True
        minor, keep_alive = request.minor_version, self._keep_alive
        wire = response_to_client(
            head, chunked=self._chunked, keep_alive=keep_alive, client_minor_version=minor
        )
        self._write(wire)

    def send(self, data: bytes) -> None:
        """Send some of the body, or of the tunnel."""
        self._write(chunk(data) if self._chunked else data)

    def end(self, trailers: list[Field]) -> None:
        """The response is complete."""
        if self._chunked:
            wanted = self._head is not None and wants_trailers(self._head)
            self._write(last_chunk(trailers if wanted else []))
        self._end_of_exchange()

    def answer(self, response: bytes, *, close: bool) -> None:
        """Send a complete response of the router's own."""
        self._keep_alive = self._keep_alive and not close
        self._write(response)
        self._end_of_exchange()

    @property
    def will_close(self) -> bool:
        """Whether the connection cannot be used again after this exchange."""
        return not self._keep_alive or self._is_draining or self._body is not None

    def half_close(self) -> None:
        """In a tunnel: nothing more comes from the pod."""
        send_no_more(self._transport)

    def abort(self) -> None:
        """Break the connection off: what was sent is not complete, and must not look so."""
        if not self._is_closed:
            self._transport.abortConnection()

    def move_to(self, site: Site, settings: ServerSettings) -> None:
        """Serve the next request under another configuration."""
        self._site = site
        self._settings = settings
        self.peer = site.peer(self.transport)
        self._heads.change(settings.limits, site.kinds(self.peer))

    def drain(self) -> None:
        """Close when what runs is done; at once if nothing does."""
        self._is_draining = True
        if self._exchange is None and not self._is_closing:
            if self._heads.is_midway:
                self._refuse_head(self._heads.begun, AtLimit("The router is shutting down."))
            else:
                self._close()

    # -- from Twisted --------------------------------------------------------

    def connectionMade(self) -> None:
        self._transport = sending_directly(self.transport, self._settings.outbox)
        self._presence = Presence(self._settings.clock, self._transport, self._owes_an_answer)
        self.peer = self._site.peer(self.transport)
        self._heads = RequestHeadReader(self._settings.limits, self._site.kinds(self.peer))
        self._transport.registerProducer(self, True)
        send_without_delay(self.transport)
        self._reading.set(self._settings.header_seconds)
        refusal = self._site.connected(self)
        if refusal is not None:  # there is no room for it, not even to linger
            self._write(self._site.refused(self, None, refusal))
            self._close()

    def dataReceived(self, data: bytes) -> None:
        outbox = self._settings.outbox
        outbox.promised = True
        try:
            if self._is_closing:
                self._throw_away(data)
            else:
                self._buffer = self._buffer + data if self._buffer else data
                self._process()
        finally:
            outbox.event_is_over(len(data))

    def pauseProducing(self) -> None:
        if not self.is_full:  # some transports say so at every write over the mark
            self.is_full = True
            self._writing.set(self._settings.stall_seconds)
        if self._exchange is not None:
            self._exchange.client_is_full()

    def resumeProducing(self) -> None:
        self.is_full = False
        self._writing.clear()
        if self._exchange is not None:
            self._exchange.client_is_ready()
        self._process()

    def stopProducing(self) -> None:
        """The transport is going away; connectionLost follows."""

    def readConnectionLost(self) -> None:
        self._input_ended = True
        if self._exchange is None:
            self._close()
        elif self._tunnel is not None:
            self._tunnel.client_half_closed()
        elif self._body is not None:
            self.abort()
        else:
            self._keep_alive = False
            self._presence.half_closed()

    def writeConnectionLost(self) -> None:
        """Our own half-close went through: all that was written has gone out."""
        if self._is_closing:
            self._reading.set(self._settings.linger_seconds)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._is_closed = True
        self._reading.close()
        self._writing.close()
        self._presence.close()
        self._transport.unregisterProducer()
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.client_gone()
        self._site.disconnected(self)  # last: a router that stops waits for this

    # -- reading requests ----------------------------------------------------

    def _process(self) -> None:
        """Look at what has come, as far as that is possible now."""
        if self._is_processing:
            return
        self._is_processing = True
        try:
            while self._buffer and self._can_take():
                data, self._buffer = self._buffer, b""
                if self._exchange is None:
                    self._read_head(data)
                elif self._tunnel is not None:
                    self._tunnel.body_received(data)
                else:
                    self._read_body(data)
        finally:
            self._is_processing = False
        self._pause_or_resume()

    def _can_take(self) -> bool:
        if self._is_closing or self._is_closed:
            return False
        if self._exchange is None:  # no new request while the answers to old ones pile up
            return not self.is_full
        # Pipelined bytes wait until the current answer is out.
        return self._tunnel is not None or self._body is not None

    def _read_head(self, data: bytes) -> None:
        raw = None
        try:
            complete = self._heads.feed(data)
            if complete is None:
                self._head_is_midway()
                return
            raw, self._buffer = complete
            self._exchange = self._site.open_exchange(self, raw)
        except Refusal as refusal:
            self._refuse_head(raw or self._heads.begun, refusal)
            return
        self._reading.clear()
        if self._body is not None:
            self._pace.begin(self._settings)
        self._exchange.begin()

    def _head_is_midway(self) -> None:
        """One deadline from a head's first byte to its last, however slowly it trickles in."""
        seconds = self._heads.patience_seconds(self._settings.header_seconds)
        if seconds != self._head_seconds:
            self._head_seconds = seconds
            self._reading.set(seconds)

    def _refuse_head(self, raw: RawRequest | None, refusal: Refusal) -> None:
        self._buffer = b""
        self._keep_alive = False
        self._write(self._site.refused(self, raw, refusal))
        self._linger()

    def _read_body(self, data: bytes) -> None:
        body, exchange = self._body, self._exchange
        assert body is not None and exchange is not None
        try:
            payload, rest = body.feed(data)
        except FramingError as error:
            exchange.refuse(BadRequest("The chunks of the body are malformed.", str(error)))
            return
        if rest is None:
            self._pace.came(len(data), self._settings)
        else:
            self._body = None
            self._buffer = rest
            self._reading.clear()
        if payload:
            exchange.body_received(payload)
        if rest is not None and self._exchange is exchange:
            exchange.body_finished(body.trailers)

    def _pause_or_resume(self) -> None:
        """Read from the client only what somebody can take."""
        wanted = self._upload_paused or bool(self._buffer)
        if wanted != self._is_paused and not self._input_ended and not self._is_closed:
            self._is_paused = wanted
            if wanted:
                self._transport.pauseProducing()
                self._presence.paused()
            else:
                self._transport.resumeProducing()
                self._presence.resumed()

    # -- ending an exchange, or the connection -------------------------------

    def _end_of_exchange(self) -> None:
        self._exchange = self._head = None  # an idle connection holds on to nothing
        self._presence.stop_probing()
        self._upload_paused = self._chunked = self._has_responded = False
        if self._body is not None:
            self._body = None
            self._linger()
        elif self._tunnel is not None or not self._keep_alive or self._is_draining:
            self._close()
        else:
            self._head_seconds = 0.0  # none has begun
            self._reading.set(self._settings.idle_seconds)
            self._process()

    def _linger(self) -> None:
        """Close so that the client can read its answer even while it still sends.

        Closing with unread input makes the kernel send a reset, which can
        overtake the answer (RFC 9112, section 9.6).
        """
        self._is_closing = True
        self._buffer = b""
        self._upload_paused = False
        self._pause_or_resume()
        self._reading.set(self._settings.stall_seconds)
        send_no_more(self._transport)

    def _throw_away(self, data: bytes) -> None:
        self._throwaway_bytes -= len(data)
        if self._throwaway_bytes < 0:
            self.abort()

    def _close(self) -> None:
        self._is_closing = True
        self._buffer = b""
        self._reading.set(self._settings.stall_seconds)  # what is written may still be going out
        self._transport.unregisterProducer()
        self._transport.loseConnection()

    # -- time ----------------------------------------------------------------

    def _read_too_slowly(self) -> None:
        if self._is_closing:
            self.abort()
        elif self._exchange is not None:
            self._exchange.refuse(RequestTimeout("The body did not come in time."))
        elif self._heads.is_midway:
            self._refuse_head(self._heads.begun, self._heads.late())
        else:
            self._close()

    # -- writing -------------------------------------------------------------

    def _write(self, data: bytes) -> None:
        if not self._is_closed:
            self._transport.write(self._presence.without_what_was_sent(data))

    def _owes_an_answer(self) -> bool:
        """Once an answer has begun, sending its body shows whether the client has left."""
        return self._exchange is not None and not self._has_responded
