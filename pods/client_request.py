"""A client's request as strategies and delay policies see it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from pods.http1.fields import field_of
from pods.http1.request import RequestHead
from pods.http1.upload import Upload
from pods.interfaces import IRequest
from pods.routing.headers import Headers


@implementer(IRequest)
class ClientRequest:
    """Made only when a plugin is asked; a request with a remembered route needs none.

    :param tried: the exchange's own list, which grows.
    :param want_body: tells the exchange that the body must come even if the client waits
        for a 100 before it sends it.
    """

    def __init__(
        self,
        head: RequestHead,
        client_address: str,
        tried: list[str],
        upload: Upload | None,
        want_body: Callable[[], None],
        body_limit_bytes: int,
    ) -> None:
        self.method = head.method.decode("ascii")
        self.target = head.target.decode("ascii")
        self.path = head.path
        self.client_address = client_address
        self._head = head
        self._tried = tried
        self._upload = upload
        self._want_body = want_body
        self._body_limit_bytes = body_limit_bytes

    @property
    def headers(self) -> Headers:
        """The client's headers, ``Host`` included, hop-by-hop ones not."""
        head = self._head
        special = [(name, value) for name, values in head.special.items() for value in values]
        return Headers([*special, *map(field_of, head.lines)])

    @property
    def tried(self) -> tuple[str, ...]:
        """The pods that have been tried, in order."""
        return tuple(self._tried)

    def body(self, limit_bytes: int) -> Awaitable[bytes]:
        """See :meth:`pods.interfaces.IRequest.body`."""
        if not 0 <= limit_bytes <= self._body_limit_bytes:
            raise ValueError(
                f"limit_bytes is {limit_bytes}; allowed: 0 to body.memory_bytes,"
                f" which is {self._body_limit_bytes}"
            )
        if self._upload is None:
            return succeed(b"")
        result: Deferred[bytes] = Deferred()
        self._want_body()
        self._upload.watch(limit_bytes, result.callback)
        return result
