"""Asks a strategy, which may answer at once or later, rightly or not at all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container
from typing import Any

import attrs
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from pods.client_request import ClientRequest
from pods.errors import PodAlreadyTried, Refusal, StrategyFailed
from pods.interfaces import Placement
from pods.protocol import Redirect

Question = Callable[[], Placement | Awaitable[Placement]]


@attrs.define(eq=False)
class Locator:
    """Has one request placed, and makes sure that the placement can be used.

    Whatever the strategy does wrong costs this request only.

    :param pods: the names of the configured pods.
    :param forward: called with a placement.
    :param refuse: called if there is none.
    """

    _strategy: Any
    _request: ClientRequest
    _pods: Container[str]
    _forward: Callable[[Placement], None]
    _refuse: Callable[[Refusal], None]
    _asking: Deferred[Any] | None = None
    _is_cancelled: bool = False
    _log = Logger()

    def locate(self, instead_of: Refusal | None = None) -> None:
        """Where does the request go?

        :param instead_of: why the last placement failed; the answer to the client if the
            strategy knows no other.
        """
        again = instead_of or PodAlreadyTried("The upstream servers send this in circles.")
        self._ask(lambda: self._strategy.locate(self._request), again)

    def redirected(self, placement: Placement, redirect: Redirect) -> None:
        """Where does it go now that a pod has bounced it?"""
        again = PodAlreadyTried("The upstream servers send this request in circles.")
        self._ask(lambda: self._strategy.redirected(self._request, placement, redirect), again)

    def cancel(self) -> None:
        """The answer is no longer wanted."""
        self._is_cancelled = True
        if self._asking is not None:
            self._asking.cancel()

    def _ask(self, question: Question, again: Refusal) -> None:
        """Go on with the answer; at once, and without a Deferred, if it is there at once."""
        try:
            answer = question()
            if not isinstance(answer, Awaitable):
                self._answered(answer, again)
                return
        except Exception:
            self._failed(Failure())
            return
        self._asking = _deferred(answer)
        self._asking.addCallback(self._answered, again)
        self._asking.addErrback(self._failed)

    def _answered(self, placement: Any, again: Refusal) -> None:
        if self._is_cancelled:
            return
        if not isinstance(placement, Placement):
            self._useless(f"the strategy answered {placement!r}, which is no Placement")
        elif placement.pod not in self._pods:
            self._useless(f"the strategy chose {placement.pod!r}, which is no configured pod")
        elif placement.pod in self._request.tried:
            self._refuse(again)
        else:
            self._forward(placement)

    def _failed(self, failure: Failure) -> None:
        if self._is_cancelled and failure.check(CancelledError):
            return
        if isinstance(failure.value, Refusal):
            self._refuse(failure.value)
        else:
            self._log.failure("The strategy raised", failure)
            self._useless(f"the strategy raised {type(failure.value).__name__}")

    def _useless(self, reason: str) -> None:
        self._refuse(StrategyFailed("The router could not place this request.", reason))


def _deferred(answer: Awaitable[Any]) -> Deferred[Any]:
    if isinstance(answer, Deferred):
        return answer

    async def waited() -> Any:
        return await answer

    return Deferred.fromCoroutine(waited())
