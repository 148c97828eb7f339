"""One connection to a pod: requests go out, responses come in, one at a time."""

from __future__ import annotations

from typing import Protocol as Shape

import attrs
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from pods.errors import BadResponse, ConnectionLost, GatewayTimeout, Refusal
from pods.http1.deadline import Deadline
from pods.http1.direct import sending_directly
from pods.http1.fields import Field, FieldKinds
from pods.http1.framing import BodyReader, FramingError, UntilCloseReader
from pods.http1.heads import HeadLimits, ResponseHeadReader
from pods.http1.response import ResponseHead
from pods.http1.sockets import send_no_more, send_without_delay
from pods.interfaces import Clock
from pods.outbox import Outbox

INFORMATIONAL_LIMIT = 16  #: more 1xx heads before one response are garbage (requirement 24)


class Receiver(Shape):
    """Who gets a pod's response, and is told how the connection fares."""

    def informed(self, head: ResponseHead) -> None:
        """An interim response (1xx but 101)."""

    def responded(self, head: ResponseHead) -> None:
        """The head of the final response, or of a 101."""

    def received(self, data: bytes) -> None:
        """Some of the body; after a 101, some of the tunnel."""

    def ended(self, trailers: list[Field]) -> None:
        """The response is complete; the connection is no longer the receiver's."""

    def pod_half_closed(self) -> None:
        """After a 101: the pod will send nothing more."""

    def failed(self, refusal: Refusal) -> None:
        """The connection ended before the response did."""

    def pod_is_full(self) -> None:
        """The pod takes no more until :meth:`pod_is_ready`."""

    def pod_is_ready(self) -> None:
        """The pod takes more again."""


class Keeper(Shape):
    """Who owns the connection between requests: the pool."""

    def released(self, connection: PodConnection) -> None:
        """It can take another request."""

    def gone(self, connection: PodConnection) -> None:
        """It is closed."""


@attrs.frozen
class UpstreamSettings:
    """What all connections to pods share; times in seconds."""

    clock: Clock
    outbox: Outbox
    kinds: FieldKinds
    limits: HeadLimits
    response_head_seconds: float  #: from the last of the request to the head of the response
    continue_seconds: float  #: until a body is sent to a pod that does not say 100
    idle_seconds: float  #: between two pieces of a response
    pool_idle_seconds: float  #: between two requests


@implementer(IHalfCloseableProtocol, IPushProducer)
class PodConnection(Protocol):
    """A keep-alive connection.

    Idle → :meth:`begin` → the receiver's calls → ``ended`` → idle again, or closed.
    """

    def __init__(self, settings: UpstreamSettings, keeper: Keeper) -> None:
        self.receiver: Receiver | None = None
        self.requests = 0  #: how many it has been given
        self.response_has_begun = False
        self.deadline = Deadline(settings.clock, self._expired)
        self._settings = settings
        self._keeper = keeper
        self._heads = ResponseHeadReader(settings.limits, settings.kinds)
        self._to_head = False
        self._head: ResponseHead | None = None
        self._body: BodyReader | None = None
        self._informational = 0
        self._request_is_sent = False
        self._tunnel = False
        self._is_closed = False
        self._is_paused = False  # the client reads more slowly than the pod sends
        self._is_full = False  # the pod reads more slowly than the client sends

    # -- from the receiver ---------------------------------------------------

    def begin(
        self, receiver: Receiver, head: bytes, *, to_head: bool, is_complete: bool = False
    ) -> None:
        """Send a request head; the body follows by :meth:`write`, its end by
        :meth:`request_is_sent`.

        :param to_head: the request is a HEAD: its response has no body.
        :param is_complete: the request has no body: this is all of it.
        """
        self.receiver = receiver
        self.requests += 1
        self.response_has_begun = False
        self._to_head = to_head
        self._head = self._body = None
        self._informational = 0
        self._request_is_sent, self._is_full = is_complete, False
        self._watch()
        self._write(head)

    def write(self, data: bytes) -> None:
        """Send some of the body, or, after a 101, of the tunnel; the pod's time begins anew."""
        self._watch()
        self._write(data)

    def request_is_sent(self) -> None:
        """The request is complete: from now on the pod's time runs."""
        self._request_is_sent = True
        self._watch()

    def half_close(self) -> None:
        """In a tunnel: nothing more comes from the client."""
        send_no_more(self._transport)

    def close_tunnel(self) -> None:
        """Close once what was written has gone out; the receiver hears nothing more."""
        self.receiver = None
        self._close()

    def pause(self) -> None:
        """Read nothing until :meth:`resume`: the client is slow."""
        self._is_paused = True
        self._transport.pauseProducing()
        self.deadline.clear()

    def resume(self) -> None:
        """Read on."""
        if self._is_paused:
            self._is_paused = False
            self._transport.resumeProducing()
            self._watch()

    def abort(self) -> None:
        """Close at once; the receiver hears nothing more."""
        self.receiver = None
        self.deadline.close()
        self._keeper.gone(self)
        if not self._is_closed:
            self._transport.abortConnection()

    # -- from Twisted --------------------------------------------------------

    def connectionMade(self) -> None:
        self._transport = sending_directly(self.transport, self._settings.outbox)
        self._transport.registerProducer(self, True)
        send_without_delay(self.transport)
        self.deadline.set(self._settings.pool_idle_seconds)  # unless it is taken

    def pauseProducing(self) -> None:
        if self.receiver is not None:
            if not self._is_full:  # some transports say so at every write over the mark
                self._is_full = True
                self._watch()
            self.receiver.pod_is_full()

    def resumeProducing(self) -> None:
        self._is_full = False
        if self.receiver is not None:
            self._watch()
            self.receiver.pod_is_ready()

    def stopProducing(self) -> None:
        """The transport is going away; connectionLost follows."""

    def dataReceived(self, data: bytes) -> None:
        outbox = self._settings.outbox
        outbox.promised = True
        try:
            self._read(data)
            if self._head is not None:
                self._watch()
        except FramingError as error:
            self._fail(BadResponse("The upstream server's response is malformed.", str(error)))
        except Refusal as refusal:
            self._fail(refusal)
        finally:
            outbox.event_is_over(len(data))

    def readConnectionLost(self) -> None:
        if self._tunnel and self.receiver is not None:
            self.receiver.pod_half_closed()
        else:
            self._end_of_input(clean=True)
            self._close()

    def writeConnectionLost(self) -> None:
        """Our own half-close went through, or the pod stopped reading; it may still answer."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._is_closed = True
        self.deadline.close()
        self._transport.unregisterProducer()
        self._keeper.gone(self)
        self._end_of_input(clean=reason.check(ConnectionDone) is not None)

    # -- reading a response --------------------------------------------------

    def _read(self, data: bytes) -> None:
        if self.receiver is None:  # nobody asked: bytes after a complete response reach nobody
            self.abort()
            return
        rest: bytes | None = data
        while rest and self.receiver is not None:
            if self._body is not None:
                rest = self._read_body(self._body, rest)
            elif self._tunnel:
                self.receiver.received(rest)
                return
            else:
                rest = self._read_head(rest)

    def _read_head(self, data: bytes) -> bytes | None:
        complete = self._heads.feed(data)
        if complete is None:
            self.response_has_begun = True
            return None
        raw, rest = complete
        self.response_has_begun = True
        head = ResponseHead.read(raw, self._settings.kinds, self._to_head)
        assert self.receiver is not None
        if head.is_informational:
            self._count_informational()
            self._watch()
            self.receiver.informed(head)
            return rest
        self._head = head
        self._tunnel = head.status == 101
        self._body = head.body_reader()
        self.receiver.responded(head)
        if self._body is None and not self._tunnel:
            self._finish([], rest)
            return None
        return rest

    def _count_informational(self) -> None:
        self._informational += 1
        if self._informational > INFORMATIONAL_LIMIT:
            raise BadResponse("The upstream server sends too many interim responses.")

    def _read_body(self, body: BodyReader, data: bytes) -> bytes | None:
        payload, rest = body.feed(data)
        if payload and self.receiver is not None:
            self.receiver.received(payload)
        if rest is None:
            return None
        self._finish(body.trailers, rest)
        return None

    def _finish(self, trailers: list[Field], rest: bytes) -> None:
        """The response is complete: hand the connection back, then tell the receiver."""
        receiver, head = self.receiver, self._head
        if receiver is None or head is None:
            return  # it was aborted in one of the calls before
        self.receiver = self._head = self._body = None
        self.resume()
        is_taken = self._request_is_sent and not self._is_full  # all of it, by the pod
        if head.keep_alive and is_taken and not rest and not self._is_closed:
            self.deadline.set(self._settings.pool_idle_seconds)
            self._keeper.released(self)
        elif self._request_is_sent:
            self._close()
        else:
            self.abort()
        receiver.ended(trailers)

    def _watch(self) -> None:
        """The pod's time begins anew, if it is for the pod to go on.

        It is not while the client is slow: to read, or to send a body of which the pod has taken
        all that came.  The client's own time runs then.
        """
        settings = self._settings
        if self._is_paused:
            return
        if self._head is not None or self._is_full:
            self.deadline.set(settings.idle_seconds)
        elif self._request_is_sent:
            self.deadline.set(settings.response_head_seconds)
        else:
            self.deadline.clear()

    # -- ending --------------------------------------------------------------

    def _write(self, data: bytes) -> None:
        if not self._is_closed:
            self._transport.write(data)

    def _close(self) -> None:
        self._keeper.gone(self)
        self.deadline.set(self._settings.idle_seconds)  # what is written may still be going out
        self._transport.unregisterProducer()
        self._transport.loseConnection()

    def _end_of_input(self, clean: bool) -> None:
        """The pod sends nothing more."""
        receiver = self.receiver
        if receiver is None:
            return
        ended_by_closing = clean and isinstance(self._body, UntilCloseReader)
        if ended_by_closing or self._tunnel:
            self.receiver = None
            receiver.ended([])
            return
        kind = BadResponse if self.response_has_begun else ConnectionLost
        self._fail(kind("The upstream server closed the connection.", "connection closed"))

    def _fail(self, refusal: Refusal) -> None:
        receiver = self.receiver
        self.abort()
        if receiver is not None:
            receiver.failed(refusal)

    def _expired(self) -> None:
        self._fail(GatewayTimeout("The upstream server did not answer in time."))


class Discarded:
    """Takes the rest of a response that nobody wants, so that its connection can be used again.

    :param limit_bytes: a longer rest costs the connection instead.
    """

    def __init__(self, connection: PodConnection, limit_bytes: int) -> None:
        self._connection = connection
        self._left = limit_bytes

    def received(self, data: bytes) -> None:
        """Throw it away."""
        self._left -= len(data)
        if self._left < 0:
            self._connection.abort()

    def informed(self, head: ResponseHead) -> None:
        """Of no interest."""

    def responded(self, head: ResponseHead) -> None:
        """Of no interest."""

    def ended(self, trailers: list[Field]) -> None:
        """The pool has the connection now."""

    def pod_half_closed(self) -> None:
        """Of no interest."""

    def failed(self, refusal: Refusal) -> None:
        """The connection is gone; nobody minds."""

    def pod_is_full(self) -> None:
        """Nothing is sent."""

    def pod_is_ready(self) -> None:
        """Nothing is sent."""
