"""The sockets that clients connect to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import Factory
from twisted.logger import Logger

from pods.errors import PodsError


class CannotStart(PodsError):
    """A listening endpoint or the access log cannot be opened."""


class Listeners:
    """Listening ports, by the endpoint descriptions that opened them.

    :param factory: makes the protocol for each client.
    """

    _log = Logger()

    def __init__(self, reactor: Any, factory: Factory[Any]) -> None:
        self._reactor = reactor
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
                endpoint = serverFromString(self._reactor, description)
                opened.append((description, await endpoint.listen(self._factory)))
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
