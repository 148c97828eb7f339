"""A connection to a pod over TLS: connected is what is verified."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHandshakeListener, IPushProducer
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer_only

from pods.http1.upstream import Keeper, PodConnection, UpstreamSettings


# Not IHalfCloseableProtocol: TLS has no half-close, and the wrapper of Twisted's endpoints
# passes on only one of the two interfaces.
@implementer_only(IHandshakeListener, IPushProducer)
class SecuredPodConnection(PodConnection):
    """A keep-alive connection over TLS."""

    def __init__(self, settings: UpstreamSettings, keeper: Keeper) -> None:
        super().__init__(settings, keeper)
        self._outcome: SecuredPodConnection | Failure | None = None  # of the handshake
        self._waiter: Deferred[SecuredPodConnection] | None = None

    def secured(self) -> Deferred[SecuredPodConnection]:
        """Fires with the connection once its handshake is done.

        Fails with the reason if it ends before: a certificate that cannot be verified, say.
        Cancelling it breaks the connection off.
        """
        self._waiter = Deferred(lambda _: self.abort())
        self._tell()
        return self._waiter

    def handshakeCompleted(self) -> None:
        self._outcome = self
        self._tell()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._outcome is None:
            self._outcome = reason
        self._tell()
        super().connectionLost(reason)

    def _tell(self) -> None:
        if self._waiter is not None and self._outcome is not None and not self._waiter.called:
            self._waiter.callback(self._outcome)
