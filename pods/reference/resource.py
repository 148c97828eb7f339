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

from pods.reference.visits import Answer, Visit, fields_of, session_token

FORM_LIMIT_BYTES = 65_536


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
    content_type = request.getHeader("Content-Type") or ""
    is_form = content_type.partition(";")[0].strip() == "application/x-www-form-urlencoded"
    form = request.content.read(FORM_LIMIT_BYTES + 1) if is_form and request.content else b""
    if len(form) > FORM_LIMIT_BYTES:
        raise ValueError(f"A form has at most {FORM_LIMIT_BYTES} bytes.")
    target = request.uri.decode("latin-1")
    method = request.method.decode("latin-1")
    return Visit(
        method="GET" if method == "HEAD" else method,
        target=target,
        query=fields_of(target.partition("?")[2]),
        form=fields_of(form.decode("utf-8", "replace")),
        token=session_token(request.getHeader("Cookie") or ""),
    )


def _flat(headers: Headers) -> dict[str, str]:
    return {
        name.decode("latin-1").lower(): b", ".join(values).decode("latin-1")
        for name, values in headers.getAllRawHeaders()
    }
