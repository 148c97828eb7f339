"""Asks a strategy, which may answer at once or later, rightly or not at all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container
from typing import Any, TypeVar

import attrs
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from pods.client_request import ClientRequest
from pods.errors import NoConnection, PodAlreadyTried, Refusal, StrategyFailed
from pods.interfaces import Placement, Route
from pods.protocol import Redirect
from pods.question import on_behalf_of

Question = Callable[[], Placement | Awaitable[Placement]]
Use = Callable[[Placement], None]
Known = TypeVar("Known")


@attrs.define(eq=False)
class Locator:
    """Has one request placed, and makes sure that the placement can be used.

    Whatever the strategy does wrong costs this request only.

    :param pods: the names of the configured pods.
    :param refuse: called if there is no placement.
    :param request_id: what the strategy asks of pods carries it as well.
    """

    _strategy: Any
    _request: ClientRequest
    _pods: Container[str]
    _refuse: Callable[[Refusal], None]
    _request_id: bytes = b""
    _asking: Deferred[Any] | None = None
    _is_cancelled: bool = False
    _log = Logger()

    def locate(self, use: Use, instead_of: Refusal | None = None) -> None:
        """Where does the request go?

        :param use: called with the placement.
        :param instead_of: why the last placement failed; the answer to the client if the
            strategy knows no other pod.
        """
        self._ask(lambda: self._strategy.locate(self._request), use, instead_of)

    def redirected(self, placement: Placement, redirect: Redirect, use: Use) -> None:
        """Where does it go now that a pod has bounced it?"""
        self._ask(lambda: self._strategy.redirected(self._request, placement, redirect), use)

    def wait(self, memory: Deferred[Known], use: Callable[[Known], None]) -> None:
        """Go on with what the router's memory knows, once it has looked.

        :param memory: never fails but for being cancelled.
        """

        def looked(known: Known) -> None:
            if not self._is_cancelled:
                use(known)

        self._asking = memory
        memory.addCallback(looked).addErrback(self._broken)

    def cancel(self) -> None:
        """The answer is no longer wanted."""
        self._is_cancelled = True
        if self._asking is not None:
            self._asking.cancel()

    def _ask(self, question: Question, use: Use, instead_of: Refusal | None = None) -> None:
        """Go on with the answer; at once, and without a Deferred, if it is there at once."""
        asked_before = on_behalf_of.set(self._request_id)
        try:
            answer = question()
            if isinstance(answer, Awaitable):
                answer = _deferred(answer)
        except Exception:
            self._failed(Failure(), instead_of)
            return
        finally:
            on_behalf_of.reset(asked_before)
        if isinstance(answer, Deferred):
            self._asking = asking = answer
            asking.addCallbacks(
                self._answered,
                self._failed,
                callbackArgs=(use, instead_of),
                errbackArgs=(instead_of,),
            )
            asking.addErrback(self._broken)
        else:
            self._answered(answer, use, instead_of)

    def _answered(self, placement: Any, use: Use, instead_of: Refusal | None) -> None:
        if self._is_cancelled:
            return
        wrong = self._what_is_wrong(placement)
        if wrong is not None:
            self._refuse(wrong)
        elif placement.pod in self._request.tried:
            circles = PodAlreadyTried("The upstream servers send this request in circles.")
            self._refuse(instead_of or circles)
        else:
            use(placement)

    def _what_is_wrong(self, placement: Any) -> Refusal | None:
        if not isinstance(placement, Placement):
            return _useless(f"the strategy answered {placement!r}, which is no Placement")
        try:
            is_configured = placement.pod in self._pods
        except TypeError:  # not even hashable
            is_configured = False
        if not is_configured:
            return _useless(f"the strategy chose {placement.pod!r}, which is no configured pod")
        if not isinstance(placement.remember, Route | None):
            return _useless(f"the strategy wants {placement.remember!r} remembered: no Route")
        return None

    def _failed(self, failure: Failure, instead_of: Refusal | None) -> None:
        refusal = failure.value
        if self._is_cancelled and failure.check(CancelledError):
            return
        if isinstance(refusal, NoConnection) and instead_of is not None:
            refusal = instead_of  # the strategy knows no other pod; this is why one was needed
        elif not isinstance(refusal, Refusal):
            self._log.failure("The strategy raised", failure)
            refusal = _useless(f"the strategy raised {type(failure.value).__name__}")
        self._refuse(refusal)

    def _broken(self, failure: Failure) -> None:
        """Not the strategy's fault: what was done with its answer failed."""
        if self._is_cancelled and failure.check(CancelledError):
            return
        self._log.failure("A request could not be sent on", failure)
        self._refuse(_useless("sending the request on failed"))


def _useless(reason: str) -> StrategyFailed:
    return StrategyFailed("The router could not place this request.", reason)


def _deferred(answer: Awaitable[Any]) -> Deferred[Any]:
    if isinstance(answer, Deferred):
        return answer

    async def waited() -> Any:
        return await answer

    return Deferred.fromCoroutine(waited())
