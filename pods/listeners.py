"""The sockets that clients connect to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IAddress, IListeningPort, IStreamServerEndpoint
from twisted.internet.protocol import Factory
from twisted.logger import Logger

from pods.errors import PodsError


class CannotStart(PodsError):
    """A listening endpoint or the access log cannot be opened."""


#: Makes an endpoint of its description; may raise whatever its parts raise.
EndpointMaker = Callable[[str], IStreamServerEndpoint]


def endpoints_of(reactor: Any) -> EndpointMaker:
    """Makes endpoints that listen by this reactor."""
    return lambda description: serverFromString(reactor, description)


class Listeners:
    """Listening ports, by the endpoint descriptions that opened them.

    :param endpoint: see :func:`endpoints_of`.
    :param factory: makes the protocol for each client.
    """

    _log = Logger()

    def __init__(self, endpoint: EndpointMaker, factory: Factory[Any]) -> None:
        self._endpoint = endpoint
        self._factory = factory
        self._open: list[tuple[str, IListeningPort]] = []

    @property
    def addresses(self) -> list[IAddress]:
        """Where clients can connect to, in the order of opening."""
        return [port.getHost() for _, port in self._open]

    async def open(self, descriptions: Sequence[str]) -> None:
        """Listen on these, those that are open already apart; on all of them or on none.

        :raises CannotStart: one of them cannot be opened.
        """
        opened: list[tuple[str, IListeningPort]] = []
        for description in _without(descriptions, [name for name, _ in self._open]):
            try:
                port = await self._endpoint(description).listen(self._factory)
                opened.append((description, port))
            except Exception as error:
                for _, port in opened:  # not waited for: the caller shall know at once
                    maybeDeferred(port.stopListening)
                raise CannotStart(f"cannot listen on {description}: {error}") from error
        for _, port in opened:
            self._log.info("Listening on {address}", address=port.getHost())
        self._open += opened

    async def close_all_but(self, descriptions: Sequence[str]) -> None:
        """Accept nobody any more, except on these."""
        superfluous = _without([name for name, _ in self._open], descriptions)
        closing = []
        for name in superfluous:
            closing.append(next(pair for pair in self._open if pair[0] == name))
            self._open.remove(closing[-1])
        await self._close(closing)

    async def _close(self, ports: Sequence[tuple[str, IListeningPort]]) -> None:
        for _, port in ports:
            await maybeDeferred(port.stopListening)


def _without(names: Sequence[str], others: Sequence[str]) -> list[str]:
    """What is left of ``names``; each of the others takes one away (``tcp:0`` may stand twice)."""
    left, others = list(names), list(others)
    for name in others:
        if name in left:
            left.remove(name)
    return left
