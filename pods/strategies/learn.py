"""Preflight-learn: ask a pod whose path it is before sending the request anywhere.

The answer is remembered as a route, so a path is asked about once in a while and
the request itself reaches one pod only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from pods.errors import AskFailed, AskTimeout, NobodyKnows, NoConnection, ProtocolError
from pods.interfaces import IRoutingStrategy, Placement, PodAnswer, Route
from pods.options import OptionReader
from pods.protocol import LearnAnswer, Redirect, learn_target
from pods.routing.acceptance import acceptable
from pods.routing.paths import ROOT, is_ambiguous
from pods.strategies.single_flight import SingleFlight
from pods.strategies.unknown import UnknownRoutes

log = Logger()

#: Why an answer could not be used, as it is counted.
FAILURES = ("ask_failed", "timeout", "status", "unreadable", "not_acceptable", "unknown_pod")


class _UnusableError(Exception):
    """A pod gave no answer that can be used; the argument is one of FAILURES."""


@implementer(IRoutingStrategy)
@attrs.define(eq=False)
class Learn:
    """Asks the unknown-route pod first, and then each other pod until one can tell.

    :param timeout_seconds: how long one pod may take to answer.
    :param asked: counts the questions.
    :param failures: counts those that brought no usable answer, by :data:`FAILURES`.
    """

    _routes: UnknownRoutes
    _timeout_seconds: float
    _asked: Any
    _failures: Any
    _questions: SingleFlight[Placement] = attrs.field(factory=SingleFlight, init=False)
    _mute: set[str] = attrs.field(factory=set, init=False)  # pods whose last answer was of no use

    def locate(self, request: Any) -> Placement | Deferred[Placement]:
        """The pod that owns the path; equal requests share one question.

        ``/`` and ``*`` are not asked about: no route may be learned for them.

        :raises NobodyKnows: every pod was asked and none could tell.
        :raises NoConnection: the owner, or every pod, was tried already.
        """
        method, path, tried = request.method, request.path, tuple(request.tried)
        if path == ROOT or not path.startswith(ROOT):
            return Placement(self._routes.choose(tried))
        key = (method, path, frozenset(tried))
        return self._questions.join(key, lambda: self._ask_around(method, path, tried))

    def redirected(self, request: Any, placement: Placement, redirect: Redirect) -> Placement:
        """The pod that the bounce names: what was learned is out of date."""
        return self._routes.follow(request, redirect)

    async def _ask_around(self, method: str, path: str, tried: tuple[str, ...]) -> Placement:
        asked: list[str] = []
        pod = self._routes.choose(tried)
        while True:
            try:
                placement = await self._ask(pod, method, path)
            except _UnusableError as failure:
                self._failed(pod, path, str(failure))
            else:
                self._mute.discard(pod)
                return _untried(placement, tried)
            asked.append(pod)
            try:
                pod = self._routes.choose((*tried, *asked))
            except NoConnection:
                raise NobodyKnows(
                    "It is not known at the moment where this belongs.",
                    f"no answer that can be used from {', '.join(asked)}",
                ) from None

    async def _ask(self, pod: str, method: str, path: str) -> Placement:
        """What one pod says.

        :raises _UnusableError: nothing that can be used.
        """
        services = self._routes.services
        self._asked.add()
        target = learn_target(method, path)
        try:
            answer: PodAnswer = await services.ask(pod, target, self._timeout_seconds)
        except AskTimeout as error:
            raise _UnusableError("timeout") from error
        except AskFailed as error:
            raise _UnusableError("ask_failed") from error
        if answer.status == 404:
            return Placement(pod)  # nobody's: the pod just asked shows its own 404
        if answer.status != 200:
            raise _UnusableError("status")
        return self._placement(answer.body, path)

    def _placement(self, body: bytes, path: str) -> Placement:
        try:
            answer = LearnAnswer.parse(body)
        except ProtocolError as error:
            raise _UnusableError("unreadable") from error
        if self._routes.services.pods.get(answer.pod) is None:
            raise _UnusableError("unknown_pod")
        if is_ambiguous(path):
            return Placement(answer.pod, certain=True)
        if acceptable(answer.path, answer.exact, path) is not None:
            raise _UnusableError("not_acceptable")
        route = Route(answer.path, answer.pod, answer.exact, answer.ttl_seconds)
        return Placement(answer.pod, certain=True, remember=route)

    def _failed(self, pod: str, path: str, kind: str) -> None:
        """Count each failure, but log the first only until the pod has been of use again."""
        self._failures.add(kind)
        if pod in self._mute:
            return
        self._mute.add(pod)
        log.warn("{pod} could not say where {path} belongs: {kind}", pod=pod, path=path, kind=kind)


def _untried(placement: Placement, tried: tuple[str, ...]) -> Placement:
    if placement.pod in tried:
        raise NoConnection(
            "No server could be reached.", f"{placement.pod} owns this and was tried already"
        )
    return placement


def from_config(options: Mapping[str, Any], services: Any) -> Learn:
    """Make the strategy from the ``[strategy]`` table.

    :param options: ``unknown``, ``max_bounces`` and ``timeout_seconds``.
    :param services: an :class:`~pods.interfaces.IServices`.
    :raises ConfigurationError: an option is unknown or has no allowed value.
    """
    reader = OptionReader(options)
    routes = UnknownRoutes.from_options(reader, services)
    timeout_seconds = reader.seconds("timeout_seconds", 2.0, least=0.01, most=60)
    reader.finish()
    asked = services.counter("learn_questions", "A pod was asked whose a path is.")
    failures = services.counter(
        "learn_failures", "A pod gave no answer that can be used.", "kind", FAILURES
    )
    return Learn(routes, timeout_seconds, asked, failures)
