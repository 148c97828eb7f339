"""Proxies made of twisted.web: ``python -m benchmarks.web_proxies KIND PORT UPSTREAM LOG``.

``reverse`` is :class:`twisted.web.proxy.ReverseProxyResource` as it comes.  ``agent`` is what one
would write with a Site and an Agent: it keeps connections, streams the answer and adds the fields.
"""

from __future__ import annotations

import secrets
import sys
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IResponse
from twisted.web.proxy import ReverseProxyResource
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

HOP_BY_HOP = {b"connection", b"keep-alive", b"transfer-encoding", b"te", b"upgrade", b"trailer"}
POOL_CONNECTIONS = 64


class AgentProxy(Resource):
    """Sends every request on."""

    isLeaf = True

    def __init__(self, agent: IAgent, upstream_port: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._agent = agent
        self._upstream = b"http://127.0.0.1:%d" % upstream_port

    def render(self, request: Request) -> int:
        Deferred.fromCoroutine(self._pass_on(request)).addErrback(broken_off, request)
        return NOT_DONE_YET

    async def _pass_on(self, request: Request) -> None:
        fields = passing(request.requestHeaders)
        host = request.getHeader(b"host") or b""
        fields.setRawHeaders(b"X-Forwarded-For", [request.getClientAddress().host.encode()])
        fields.setRawHeaders(b"X-Forwarded-Proto", [b"http"])
        fields.setRawHeaders(b"X-Forwarded-Host", [host])
        fields.setRawHeaders(b"X-Request-Id", [secrets.token_hex(16).encode()])
        response = await self._agent.request(request.method, self._upstream + request.uri, fields)
        if request.channel is None:  # the client has left
            response.deliverBody(Protocol())
            return
        request.setResponseCode(response.code, response.phrase)
        request.responseHeaders = passing(response.headers)
        await streamed(response, request)
        request.finish()


def passing(fields: Headers) -> Headers:
    """The fields that are not for one connection only."""
    kept = ((name, values) for name, values in fields.getAllRawHeaders())
    return Headers({name: values for name, values in kept if name.lower() not in HOP_BY_HOP})


def streamed(response: IResponse, request: Request) -> Deferred[None]:
    """Pass the body on as it comes; fires at its end."""
    done: Deferred[None] = Deferred()
    response.deliverBody(Streaming(request, done))
    return done


class Streaming(Protocol):
    """Takes a response's body."""

    def __init__(self, request: Request, done: Deferred[None]) -> None:
        self._request = request
        self._done = done

    def connectionMade(self) -> None:
        self._request.registerProducer(self.transport, True)

    def dataReceived(self, data: bytes) -> None:
        self._request.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._request.channel is not None:
            self._request.unregisterProducer()
            self._done.callback(None)


def broken_off(failure: Failure, request: Request) -> None:
    request.loseConnection()


def resource(kind: str, upstream_port: int) -> Resource:
    if kind == "reverse":
        reverse: Resource = ReverseProxyResource("127.0.0.1", upstream_port, b"")
        return reverse
    pool = HTTPConnectionPool(reactor)
    pool.maxPersistentPerHost = POOL_CONNECTIONS
    return AgentProxy(Agent(reactor, pool=pool), upstream_port)


def main(kind: str, port: int, upstream_port: int, log: str) -> None:
    reacting: Any = reactor
    site = Site(resource(kind, upstream_port), logPath=log)
    reacting.listenTCP(port, site, backlog=4096, interface="127.0.0.1")
    reacting.run()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
