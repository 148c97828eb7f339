"""One small GET that the router sends to a pod on its own behalf."""

from __future__ import annotations

from contextvars import ContextVar

from twisted.internet.defer import Deferred

from pods.errors import AskFailed, AskTimeout, AtLimit, BadResponse, NotAsked, Refusal
from pods.http1.attempt import Attempt
from pods.http1.fields import Field, field_of
from pods.http1.pool import PodPool
from pods.http1.request import RequestHead
from pods.http1.response import ResponseHead
from pods.interfaces import PodAnswer
from pods.timeouts import Timeouts

ANSWER_LIMIT_BYTES = 65_536
#: The id of the request that is being placed; what a strategy asks meanwhile carries it too
#: (requirement 18).  Empty: nobody's, such as a check of a pod's health.
on_behalf_of: ContextVar[bytes] = ContextVar("on_behalf_of", default=b"")
#: What an attempt has to know of each; what goes to the pod is put together for each.
_GET = RequestHead(
    method=b"GET",
    target=b"",
    path="",
    minor_version=1,
    lines=[],
    special={},
    host=b"",
    content_length=None,
    chunked=False,
    has_body=False,
    keep_alive=True,
    upgrade=False,
    expects_continue=False,
)


def ask(
    pool: PodPool, host: bytes, target: str, timeouts: Timeouts, within_seconds: float
) -> Deferred[PodAnswer]:
    """The pod's answer to ``GET target``.  Cancelling it frees the connection.

    :param pool: of the pod.
    :param host: the Host field.
    :param target: path and query, fully percent-encoded.
    :param timeouts: keeps the time.
    :param within_seconds: how long connecting and the whole answer may take.
    :raises AskFailed: through the Deferred; :exc:`AskTimeout` if it takes longer, and
        :exc:`NotAsked` if the router is to blame.
    """
    return _Question(pool, host, target.encode("ascii"), timeouts, within_seconds).answer


class _Question:
    """The data path's own attempt carries it."""

    def __init__(
        self, pool: PodPool, host: bytes, target: bytes, timeouts: Timeouts, within_seconds: float
    ) -> None:
        self.answer: Deferred[PodAnswer] = Deferred(self._cancel)
        self._timeouts = timeouts
        self._within_seconds = within_seconds
        self._head: ResponseHead | None = None
        self._body = b""
        request_id = on_behalf_of.get()
        wire = (
            b"GET %b HTTP/1.1\r\nHost: %b\r\nAccept: application/json, */*;q=0.5\r\n"
            b"User-Agent: pods-router\r\n%b\r\n"
            % (target, host, b"X-Request-Id: %b\r\n" % request_id if request_id else b"")
        )
        timeouts.begin(within_seconds, self)
        self._attempt = Attempt(self, pool, _GET, wire, None)
        self._attempt.start()

    def responded(self, head: ResponseHead) -> None:
        self._head = head

    def received(self, data: bytes) -> None:
        self._body += data
        if len(self._body) > ANSWER_LIMIT_BYTES:
            self._attempt.cancel()
            self.failed(BadResponse(f"the answer is longer than {ANSWER_LIMIT_BYTES} bytes"))

    def expired(self) -> None:
        self._attempt.cancel()
        self._let_go()
        self.answer.errback(AskTimeout(f"no answer within {self._within_seconds:g} seconds"))

    def ended(self, trailers: list[Field]) -> None:
        head = self._head
        assert head is not None
        self._let_go()
        self.answer.callback(PodAnswer(head.status, list(map(field_of, head.lines)), self._body))

    def failed(self, refusal: Refusal) -> None:
        kind = NotAsked if isinstance(refusal, AtLimit) else AskFailed
        self._let_go()
        self.answer.errback(kind(refusal.reason))

    unreachable = failed

    def _let_go(self) -> None:
        self._timeouts.end(self._within_seconds, self)
        del self._attempt  # it knows this question as well, and would wait for the collector

    def _cancel(self, answer: Deferred[PodAnswer]) -> None:
        self._attempt.cancel()
        self._let_go()

    def informed(self, head: ResponseHead) -> None:
        """Of no interest."""

    def go_ahead(self) -> None:
        """There is no body."""
