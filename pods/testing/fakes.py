"""Stand-ins for what the router hands to strategies, delay policies and stores."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, NoReturn

import attrs
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from zope.interface import implementer

from pods.errors import AskFailed, AskTimeout
from pods.interfaces import IPods, IRequest, IServices, PodAnswer, PodInfo
from pods.protocol import DEFAULT_HEADER_PREFIX, LearnAnswer
from pods.routing.headers import Headers
from pods.routing.pods import PodDirectory
from pods.tallies import Tallies, Tally
from pods.testing.chance import ScriptedRandom

#: What a pod says when it is asked: an answer, an error, a Deferred that fires with one of
#: them when the test likes, or a function of the pod's name and the target that gives one.
Scripted = PodAnswer | Exception | Deferred[PodAnswer] | Callable[[str, str], Any]


def _too_slow(value: Any, seconds: float) -> NoReturn:
    raise AskTimeout(f"no answer within {seconds:g} seconds")


def answered(body: str | bytes = b"", status: int = 200) -> PodAnswer:
    """A pod's answer without headers."""
    return PodAnswer(status, (), body.encode() if isinstance(body, str) else body)


def learned(path: str, pod: str, **fields: Any) -> PodAnswer:
    """A pod's answer to a learn request.

    :param fields: ``source``, ``exact`` and ``ttl_seconds`` of a learn answer.
    """
    return answered(LearnAnswer(path, pod, **fields).format())


@implementer(IPods)
class FakePods(PodDirectory):
    """The router's own directory of pods, made from names and with its chance in sight.

    :param pods: names or :class:`~pods.interfaces.PodInfo`, mixed as you like.
    :param random: defaults to a :class:`ScriptedRandom` without a script.
    """

    def __init__(
        self,
        pods: Iterable[str | PodInfo] = ("pod_a", "pod_b"),
        random: random.Random | None = None,
    ) -> None:
        infos = [PodInfo(pod) if isinstance(pod, str) else pod for pod in pods]
        super().__init__(infos, random or ScriptedRandom())


@implementer(IServices)
class FakeServices:
    """The services of a router that has no network.

    :param pods: a directory, or names and :class:`~pods.interfaces.PodInfo` to make one from.
    :param answers: what pods say when they are asked, by ``(pod, target)``, by
        ``(pod, path)`` without the query, or by ``pod``, the first of these that is there.
        A pod for which there is nothing cannot be reached: ``AskFailed``.
    :param random: chooses pods as well; a :class:`ScriptedRandom` unless you say otherwise.
    """

    def __init__(
        self,
        pods: PodDirectory | Iterable[str | PodInfo] = ("pod_a", "pod_b"),
        answers: Mapping[Any, Scripted] | None = None,
        *,
        region: str | None = None,
        random: random.Random | None = None,
        clock: Clock | None = None,
        header_prefix: str = DEFAULT_HEADER_PREFIX,
    ) -> None:
        self.random = random or ScriptedRandom()
        self.pods = pods if isinstance(pods, PodDirectory) else FakePods(pods, self.random)
        self.answers = dict(answers or {})
        self.region = region
        self.clock = clock or Clock()
        self.header_prefix = header_prefix
        #: Every question so far: pod and target.
        self.asked: list[tuple[str, str]] = []
        #: What :meth:`secret` is made from: services with another key have other secrets.
        self.key = "key"
        #: Set it to True, and answers wait until :meth:`release` lets them out.
        self.held = False
        self._waiting: list[Deferred[None]] = []
        self._tallies = Tallies()

    @property
    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """What was counted: by a counter's name, and by the value of its label or ``""``."""
        return {name: dict(tally.counts) for name, tally in self._tallies.all.items()}

    def counter(self, name: str, help: str, label: str = "", values: Iterable[str] = ()) -> Tally:
        """A counter, as the router has them; see :attr:`counts`.

        :raises ValueError: as the router does.
        """
        return self._tallies.declare(name, help, label, values)

    def secret(self, purpose: str) -> bytes:
        """32 bytes, the same in each run."""
        return sha256(f"{self.key} {purpose}".encode()).digest()

    def ask(self, pod: str, target: str, within_seconds: float = 10.0) -> Awaitable[PodAnswer]:
        """What the script has for this pod and target.

        :raises AskFailed: through the awaitable; nothing is scripted, or, as :exc:`AskTimeout`, it
            is held for longer than ``within_seconds``.
        """
        self.asked.append((pod, target))
        waiting: Deferred[None] = Deferred()
        if self.held:
            self._waiting.append(waiting)
        else:
            waiting.callback(None)
        answer = waiting.addCallback(lambda _: self._answer(pod, target))
        return answer.addTimeout(within_seconds, self.clock, _too_slow)

    def release(self) -> None:
        """Let out every answer that is held, and those that are asked for next."""
        self.held = False
        waiting, self._waiting = self._waiting, []
        for deferred in waiting:
            if not deferred.called:  # or else it was cancelled
                deferred.callback(None)

    def _answer(self, pod: str, target: str) -> Deferred[PodAnswer]:
        for key in ((pod, target), (pod, target.partition("?")[0]), pod):
            if key in self.answers:
                return _said(self.answers[key], pod, target)
        return fail(AskFailed(f"{pod} cannot be reached: no answer to {target} is scripted"))


def _said(scripted: Any, pod: str, target: str) -> Deferred[PodAnswer]:
    if isinstance(scripted, Deferred):
        return scripted
    if isinstance(scripted, Exception):
        return fail(scripted)
    if isinstance(scripted, PodAnswer):
        return succeed(scripted)
    return _said(scripted(pod, target), pod, target)


HeaderFields = Mapping[str, str] | Sequence[tuple[str, str]]


def _as_headers(headers: Headers | HeaderFields) -> Headers:
    if isinstance(headers, Headers):
        return headers
    fields = headers.items() if isinstance(headers, Mapping) else headers
    return Headers(
        tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in fields)
    )


def _as_names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(names)


@implementer(IRequest)
@attrs.frozen
class FakeRequest:
    """A client's request that came from nowhere.

    :param target: path and query.
    :param headers: a mapping, or pairs where a name is there more than once.
    :param body: all of it; it is there at once.
    :param tried: the pods that it was sent to already.
    :param memory_bytes: the most that :meth:`body` gives, as ``body.memory_bytes``.
    """

    method: str = "GET"
    target: str = "/"
    headers: Headers = attrs.field(default=Headers(()), converter=_as_headers)
    _body: bytes = b""
    tried: tuple[str, ...] = attrs.field(default=(), converter=_as_names)
    client_address: str = "192.0.2.7"
    memory_bytes: int = 65_536

    @property
    def path(self) -> str:
        """The target up to its first ``?``."""
        return self.target.partition("?")[0]

    def body(self, limit_bytes: int) -> Deferred[bytes]:
        """The first ``limit_bytes`` of the body.

        :raises ValueError: negative, or over ``memory_bytes``.
        """
        if not 0 <= limit_bytes <= self.memory_bytes:
            raise ValueError(f"limit_bytes is {limit_bytes}, allowed: 0 to {self.memory_bytes}")
        return succeed(self._body[:limit_bytes])
