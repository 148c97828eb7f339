"""What ``[admin]`` answers: ``/healthz``, ``/readyz`` and ``/metrics``.

Nothing of it is for clients, so it may stand on ``twisted.web``, which is imported only by
routers that have the listener.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from pods.exposition import CONTENT_TYPE
from pods.readiness import Told

TEXT, JSON = "text/plain; charset=utf-8", "application/json"
#: Status, type and body of an answer.
Answer = tuple[int, str, str | bytes]


class AdminFactory(WrappingFactory):
    """Makes the connections of the listener, and can end them all.

    :param metrics: asked for all of them.
    :param readiness: asked how the router fares.
    """

    noisy = False

    def __init__(
        self,
        reactor: Any,
        metrics: Callable[[], Awaitable[bytes]],
        readiness: Callable[[], Awaitable[Told]],
    ) -> None:
        async def is_alive() -> Answer:
            return 200, TEXT, "ok\n"

        async def is_ready() -> Answer:
            told = await readiness()
            return 200 if told.is_ready else 503, JSON, told.as_json() + "\n"

        async def numbers() -> Answer:
            return 200, CONTENT_TYPE, await metrics()

        root = _Page(_nothing, any_method=True)
        root.putChild(b"healthz", _Page(is_alive))
        root.putChild(b"readyz", _Page(is_ready))
        root.putChild(b"metrics", _Page(numbers))
        super().__init__(_QuietSite(root, reactor=reactor))  # type: ignore[no-untyped-call]

    def abort(self) -> None:
        """Break off the connections that are left."""
        connections: list[ProtocolWrapper] = list(self.protocols)
        for connection in connections:
            connection.abortConnection()


class _Page(Resource):
    """One answer, to GET and HEAD; below it there is nothing.

    :param answer: asked for each request.
    :param any_method: answer the others alike.
    """

    _log = Logger()

    def __init__(self, answer: Callable[[], Awaitable[Answer]], any_method: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._answer = answer
        self._any_method = any_method

    def getChild(self, path: bytes, request: Request) -> Resource:
        return _Page(_nothing, any_method=True)

    def render(self, request: Request) -> int:
        is_gone: list[Failure] = []
        request.notifyFinish().addErrback(is_gone.append)
        answering = Deferred.fromCoroutine(self._answered(request, is_gone))
        answering.addErrback(lambda failure: self._failed(request, failure))
        return NOT_DONE_YET

    def _failed(self, request: Request, failure: Failure) -> None:
        self._log.failure("No answer to {path}", failure, path=request.path)
        request.channel.loseConnection()

    async def _answered(self, request: Request, is_gone: list[Failure]) -> None:
        if self._any_method or request.method in (b"GET", b"HEAD"):
            status, kind, body = await self._answer()
        else:
            status, kind, body = 405, TEXT, "Only GET and HEAD.\n"
            request.setHeader("Allow", "GET, HEAD")
        if not is_gone:
            _send(request, status, kind, body)


async def _nothing() -> Answer:
    return 404, TEXT, "There is nothing here.\n"


def _send(request: Request, status: int, kind: str, body: str | bytes) -> None:
    request.setResponseCode(status)
    request.setHeader("Content-Type", kind)
    request.setHeader("Cache-Control", "no-store")
    data = body if isinstance(body, bytes) else body.encode("utf-8")
    request.setHeader("Content-Length", str(len(data)))
    if request.method != b"HEAD":
        request.write(data)
    request.finish()


class _QuietSite(Site):
    """Keeps no log: whoever watches a router asks every few seconds."""

    noisy = False

    def startFactory(self) -> None:
        """No lines, so no clock for them either."""

    def log(self, request: Request) -> None:
        """Not worth a line."""
