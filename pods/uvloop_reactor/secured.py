"""TLS on a stream that was plain: ``startTLS``, with :mod:`twisted.protocols.tls`."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.interfaces import IProducer, ISSLTransport
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import alsoProvides

from pods.uvloop_reactor.sending import Sending

#: What the TLS layer does in the stream's place from then on.
TAKEN_OVER = (
    "write",
    "writeSequence",
    "loseConnection",
    "registerProducer",
    "unregisterProducer",
    "getHandle",
    "getPeerCertificate",
)


class Beneath:
    """The stream as the TLS layer sees it: what is written here goes out as it is.

    :param stream: the stream; all but what TLS has taken over is its own.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._kind = type(stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, data: bytes) -> None:
        self._kind.write(self._stream, data)

    def writeSequence(self, iovec: list[bytes]) -> None:
        self._kind.writeSequence(self._stream, iovec)

    def loseConnection(self) -> None:
        self._kind.loseConnection(self._stream)

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        self._kind.registerProducer(self._stream, producer, streaming)

    def unregisterProducer(self) -> None:
        self._kind.unregisterProducer(self._stream)


class Securing(Sending):
    """The methods for TLS; a plain stream's own are not slowed by them.

    :ivar TLS: whether there is a TLS layer.
    """

    TLS = False
    protocol: Any
    reactor: Any
    _tls_client = False

    def startTLS(self, contextFactory: Any, normal: bool = True) -> None:
        """Put a TLS layer between the stream and its protocol.

        :param contextFactory: says how, as for ``listenSSL`` and ``connectSSL``.
        :param normal: whether the side that connected is TLS's client; False swaps the roles.
        """
        client = self._tls_client if normal else not self._tls_client
        producer, streaming = self.producer, self.streamingProducer
        if producer is not None:
            self.unregisterProducer()
        factory = TLSMemoryBIOFactory(contextFactory, client, cast(Any, None), clock=self.reactor)
        layer = factory.protocol(factory, self.protocol, False)
        self.protocol = layer
        self.TLS = True
        for name in TAKEN_OVER:
            setattr(self, name, getattr(layer, name))
        alsoProvides(self, ISSLTransport)
        layer.makeConnection(cast(Any, Beneath(self)))
        if producer is not None:
            self.registerProducer(producer, streaming)

    def unsecure(self) -> None:
        """Let go of the TLS layer, and of the protocol with it."""
        if self.TLS:
            for name in TAKEN_OVER:
                self.__dict__.pop(name, None)
