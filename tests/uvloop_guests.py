"""What is written for any reactor, on the uvloop reactor: ``python -m tests.uvloop_guests NAME``.

As a process of its own, since parts of treq and of Twisted's TLS only know the global reactor.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.integration.certificates import Authority
from tests.support_uvloop import Noting, factory_of


async def web(reactor: Any) -> None:
    """A site of ``twisted.web`` and a treq client, with a small and a big body."""
    import treq
    from twisted.internet.endpoints import serverFromString
    from twisted.web.client import Agent
    from twisted.web.resource import Resource
    from twisted.web.server import Site

    class Answer(Resource):
        isLeaf = True

        def render(self, request: Any) -> bytes:
            return bytes(request.uri) + b" " + bytes(request.content.read())

    endpoint = serverFromString(reactor, "tcp:0:interface=127.0.0.1")
    port: Any = await endpoint.listen(Site(Answer(), reactor=reactor))
    client = treq.client.HTTPClient(Agent(reactor))
    url = f"http://127.0.0.1:{port.getHost().port}"
    small = await (await client.get(f"{url}/path")).content()
    big = await (await client.post(f"{url}/big", data=b"x" * 3_000_000)).content()
    await port.stopListening()
    assert small == b"/path ", small
    assert big == b"/big " + b"x" * 3_000_000, len(big)


async def tls(reactor: Any) -> None:
    """TLS from the start, and begun later by both sides."""
    from twisted.internet.ssl import CertificateOptions, PrivateCertificate
    from twisted.internet.task import deferLater

    with TemporaryDirectory() as folder:
        certificate, key = Authority(Path(folder)).issue("localhost")
        pem = key.read_bytes() + certificate.read_bytes()
    ours, theirs = PrivateCertificate.loadPEM(pem).options(), CertificateOptions()

    def louder(protocol: Any, data: bytes) -> None:
        protocol.transport.write(data.upper())

    def begin(protocol: Any) -> None:
        protocol.transport.startTLS(theirs)
        protocol.transport.write(b"later" * 50_000)

    def enough(protocol: Any, data: bytes) -> None:
        if len(protocol.data) == len(b"later") * 50_000:
            protocol.transport.loseConnection()

    servers = [
        Noting(data=louder),
        Noting(data=louder, made=lambda it: it.transport.startTLS(ours)),
    ]
    clients = [Noting(made=lambda it: it.transport.write(b"later" * 50_000), data=enough)]
    clients.append(Noting(made=begin, data=enough))
    secure = reactor.listenSSL(0, factory_of(servers[0]), ours, interface="127.0.0.1")
    plain = reactor.listenTCP(0, factory_of(servers[1]), interface="127.0.0.1")
    number = secure.getHost().port
    reactor.connectSSL("127.0.0.1", number, factory_of(clients[0]), theirs)
    reactor.connectTCP("127.0.0.1", plain.getHost().port, factory_of(clients[1]))
    while not all(protocol.reasons for protocol in (*servers, *clients)):
        await deferLater(reactor, 0.01)
    assert [client.data for client in clients] == [b"LATER" * 50_000] * 2


def main() -> None:
    from pods.uvloop_reactor import install

    install()
    from twisted.internet import reactor
    from twisted.internet.defer import Deferred
    from twisted.internet.task import react

    guest = {"web": web, "tls": tls}[sys.argv[1]]
    react(lambda reactor: Deferred.fromCoroutine(guest(reactor)), (), reactor)


if __name__ == "__main__":
    main()
