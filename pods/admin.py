"""What ``[admin]`` answers: ``/healthz``, ``/readyz`` and ``/metrics``.

Nothing of it is for clients, so it may stand on ``twisted.web``, which is imported only by
routers that have the listener.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import Site

from pods.metrics import CONTENT_TYPE, exposition
from pods.readiness import Readiness

if TYPE_CHECKING:
    from pods.router import Router

TEXT, JSON = "text/plain; charset=utf-8", "application/json"
#: Status, type and body of an answer.
Answer = tuple[int, str, str | bytes]


class AdminFactory(WrappingFactory):
    """Makes the connections of the listener, and can end them all.

    :param router: the one that serves at the moment.
    :param readiness: how it fares at the moment.
    """

    noisy = False

    def __init__(
        self, reactor: Any, router: Callable[[], Router], readiness: Callable[[], Readiness]
    ) -> None:
        def is_ready() -> Answer:
            ready = readiness()
            return 200 if ready.is_ready else 503, JSON, ready.as_json() + "\n"

        root = _Page(lambda: (404, TEXT, "There is nothing here.\n"), any_method=True)
        root.putChild(b"healthz", _Page(lambda: (200, TEXT, "ok\n")))
        root.putChild(b"readyz", _Page(is_ready))
        root.putChild(b"metrics", _Page(lambda: (200, CONTENT_TYPE, exposition(router()))))
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

    def __init__(self, answer: Callable[[], Answer], any_method: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._answer = answer
        self._any_method = any_method

    def getChild(self, path: bytes, request: Request) -> Resource:
        return _Page(lambda: (404, TEXT, "There is nothing here.\n"), any_method=True)

    def render(self, request: Request) -> bytes:
        if self._any_method or request.method in (b"GET", b"HEAD"):
            status, kind, body = self._answer()
        else:
            status, kind, body = 405, TEXT, "Only GET and HEAD.\n"
            request.setHeader("Allow", "GET, HEAD")
        request.setResponseCode(status)
        request.setHeader("Content-Type", kind)
        request.setHeader("Cache-Control", "no-store")
        data = body if isinstance(body, bytes) else body.encode("utf-8")
        request.setHeader("Content-Length", str(len(data)))
        return data if request.method != b"HEAD" else b""


class _QuietSite(Site):
    """Keeps no log: whoever watches a router asks every few seconds."""

    noisy = False

    def startFactory(self) -> None:
        """No lines, so no clock for them either."""

    def log(self, request: Request) -> None:
        """Not worth a line."""
