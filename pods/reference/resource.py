"""The application of a pod on twisted.web: reads requests, waits the pod's latency, writes
answers, and tells an observer what it did.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus

import attrs
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import Request
from twisted.web.http_headers import Headers
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from twisted.web.template import flattenString

from pods.reference.databases import COOKIE, parse_marks
from pods.reference.visits import Answer, Visit, cookie_of, fields_of, session_token

BODY_LIMIT_BYTES = 65_536  #: of a form or of JSON
_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"


@attrs.frozen
class Served:
    """What a pod did with one request: for whoever watches."""

    pod: str
    method: str
    target: str
    request_headers: dict[str, str]  #: by names in small letters
    status: int
    headers: dict[str, str]  #: likewise
    body: bytes


class PodResource(Resource):
    """Everything at one pod.

    :param name: the pod's.
    :param answer: the application.
    :param wait: called before each request is answered; takes as long as the pod is far away.
    :param observe: told of each request that was answered.
    """

    isLeaf = True
    log = Logger()

    def __init__(
        self,
        name: str,
        answer: Callable[[Visit], Awaitable[Answer]],
        wait: Callable[[], Awaitable[object]],
        observe: Callable[[Served], object],
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = name
        self._answer = answer
        self._wait = wait
        self._observe = observe

    def render(self, request: Request) -> int:
        responding = Deferred.fromCoroutine(self._respond(request))
        gone = request.notifyFinish()
        gone.addErrback(lambda _: responding.cancel())
        responding.addErrback(self._failed, request)
        return NOT_DONE_YET

    async def _respond(self, request: Request) -> None:
        await self._wait()
        try:
            visit = visit_of(request)
        except ValueError as error:
            answer = Answer(400, f"{error}\n".encode(), content_type="text/plain")
        else:
            answer = await self._answer(visit)
        await self._write(request, answer)

    async def _write(self, request: Request, answer: Answer) -> None:
        body = answer.content
        if not isinstance(body, bytes):
            body = b"<!DOCTYPE html>\n" + await flattenString(None, body)
        request.setResponseCode(answer.status, HTTPStatus(answer.status).phrase.encode())
        if answer.status != HTTPStatus.NO_CONTENT:
            request.setHeader("Content-Type", answer.content_type)
            request.setHeader("Content-Length", str(len(body)))
        for name, value in answer.headers:
            request.responseHeaders.addRawHeader(name, value)
        request.write(body)
        request.finish()
        served = self._served(request, answer.status, body)
        self.log.info(
            "{served.pod} answered {served.method} {path!r} with {served.status}",
            served=served,
            path=served.target.partition("?")[0],
        )
        self._observe(served)

    def _served(self, request: Request, status: int, body: bytes) -> Served:
        return Served(
            pod=self._name,
            method=request.method.decode("latin-1"),
            target=request.uri.decode("latin-1"),
            request_headers=_flat(request.requestHeaders),
            status=status,
            headers=_flat(request.responseHeaders),
            body=body,
        )

    def _failed(self, failure: Failure, request: Request) -> None:
        if failure.check(CancelledError):
            return  # the client has gone
        self.log.failure("request to {pod} failed", failure, pod=self._name)
        if not request.startedWriting:
            request.setResponseCode(500)
            request.write(b"")
            request.finish()


def visit_of(request: Request) -> Visit:
    """A request, read.

    :raises ValueError: its fields are too many or too long.
    """
    media_type = (request.getHeader("Content-Type") or "").partition(";")[0].strip().lower()
    content = b""
    if media_type in (_FORM, _JSON) and request.content:
        content = request.content.read(BODY_LIMIT_BYTES + 1)
    if len(content) > BODY_LIMIT_BYTES:
        raise ValueError(f"A body has at most {BODY_LIMIT_BYTES} bytes.")
    form = content.decode("utf-8", "replace") if media_type == _FORM else ""
    target = request.uri.decode("latin-1")
    method = request.method.decode("latin-1")
    cookies = request.getHeader("Cookie") or ""
    return Visit(
        method="GET" if method == "HEAD" else method,
        target=target,
        query=fields_of(target.partition("?")[2]),
        form=fields_of(form),
        json=content if media_type == _JSON else None,
        token=session_token(cookies),
        marks=parse_marks(cookie_of(cookies, COOKIE)),
        headers=_flat(request.requestHeaders),
    )


def _flat(headers: Headers) -> dict[str, str]:
    return {
        name.decode("latin-1").lower(): b", ".join(values).decode("latin-1")
        for name, values in headers.getAllRawHeaders()
    }
