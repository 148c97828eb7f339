"""What the router lends to strategies, delay policies and stores."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Any, NoReturn

import attrs
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from pods.errors import AskFailed, BadResponse, Refusal
from pods.http1.attempt import Attempt
from pods.http1.fields import Field
from pods.http1.pool import PodPool
from pods.http1.request import RequestHead
from pods.http1.response import ResponseHead
from pods.interfaces import IServices, PodAnswer
from pods.routing.pods import PodDirectory

ANSWER_LIMIT_BYTES = 65_536
ASK_SECONDS = 10.0  #: an answer that takes longer is a failure
#: Path and query, fully percent-encoded: nothing in it can become another line of a request.
_TARGET = re.compile(r"/[\x21\x22\x24-\x7e]*")


@implementer(IServices)
@attrs.define
class Services:
    """See :class:`pods.interfaces.IServices`.

    :param askable: the pools of the pods, and the Host field for each.
    """

    pods: PodDirectory
    clock: IReactorTime
    random: random.Random
    region: str | None
    header_prefix: str
    askable: Mapping[str, tuple[PodPool, bytes]]

    def ask(self, pod: str, target: str) -> Deferred[PodAnswer]:
        """See :meth:`pods.interfaces.IServices.ask`.

        :raises ValueError: ``target`` is not a percent-encoded path.
        """
        if not _TARGET.fullmatch(target):
            raise ValueError(f"target is {target!r}; allowed: a percent-encoded path and query")
        if pod not in self.askable:
            return fail(AskFailed(f"no pod {pod!r} is configured"))
        pool, host = self.askable[pod]
        question = _Question(pool, host, target.encode("ascii"))
        return question.answer.addTimeout(ASK_SECONDS, self.clock, _too_slow)


def _too_slow(value: Any, seconds: float) -> NoReturn:
    raise AskFailed(f"no answer within {seconds} seconds")


class _Question:
    """One small GET; the data path's own attempt carries it."""

    def __init__(self, pool: PodPool, host: bytes, target: bytes) -> None:
        self.answer: Deferred[PodAnswer] = Deferred(lambda _: self._attempt.cancel())
        self._head: ResponseHead | None = None
        self._body = b""
        wire = (
            b"GET %b HTTP/1.1\r\nHost: %b\r\nAccept: application/json\r\n"
            b"User-Agent: pods-router\r\n\r\n" % (target, host)
        )
        self._attempt = Attempt(self, pool, _get(target), wire, None, asks_first=False)
        self._attempt.start()

    def responded(self, head: ResponseHead) -> None:
        self._head = head

    def received(self, data: bytes) -> None:
        self._body += data
        if len(self._body) > ANSWER_LIMIT_BYTES:
            self._attempt.cancel()
            self.failed(BadResponse(f"the answer is longer than {ANSWER_LIMIT_BYTES} bytes"))

    def ended(self, trailers: list[Field]) -> None:
        assert self._head is not None
        self.answer.callback(PodAnswer(self._head.status, self._head.fields, self._body))

    def failed(self, refusal: Refusal) -> None:
        self.answer.errback(AskFailed(refusal.reason))

    unreachable = failed

    def informed(self, head: ResponseHead) -> None:
        """Of no interest."""

    def go_ahead(self) -> None:
        """There is no body."""


def _get(target: bytes) -> RequestHead:
    return RequestHead(
        method=b"GET",
        target=target,
        path=target.partition(b"?")[0].decode("ascii"),
        minor_version=1,
        fields=[],
        special={},
        host=b"",
        content_length=None,
        chunked=False,
        keep_alive=True,
        upgrade=False,
        expects_continue=False,
    )
