"""What the router lends to strategies, delay policies and stores."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Mapping

import attrs
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from pods.errors import AskFailed
from pods.http1.pool import PodPool
from pods.interfaces import IServices, PodAnswer
from pods.question import ask
from pods.routing.pods import PodDirectory
from pods.tallies import Tallies, Tally
from pods.timeouts import Timeouts

#: Path and query, fully percent-encoded: nothing in it can become another line of a request.
_TARGET = re.compile(r"/[\x21\x22\x24-\x7e]*")


@implementer(IServices)
@attrs.define
class Services:
    """See :class:`pods.interfaces.IServices`.

    :param askable: the pools of the pods, and the Host field for each.
    :param derived: a secret for a purpose.
    :param tallies: where plugins' counters are kept.
    """

    pods: PodDirectory
    clock: IReactorTime
    random: random.Random
    region: str | None
    header_prefix: str
    askable: Mapping[str, tuple[PodPool, bytes]]
    derived: Callable[[str], bytes]
    tallies: Tallies = attrs.field(factory=Tallies)
    _timeouts: Timeouts = attrs.field(
        default=attrs.Factory(lambda self: Timeouts(self.clock), takes_self=True), init=False
    )

    def ask(self, pod: str, target: str, within_seconds: float = 10.0) -> Deferred[PodAnswer]:
        """See :meth:`pods.interfaces.IServices.ask`.

        :raises ValueError: ``target`` is not a percent-encoded path.
        """
        if not _TARGET.fullmatch(target):
            raise ValueError(f"target is {target!r}; allowed: a percent-encoded path and query")
        if pod not in self.askable:
            return fail(AskFailed(f"no pod {pod!r} is configured"))
        pool, host = self.askable[pod]
        return ask(pool, host, target, self._timeouts, within_seconds)

    def secret(self, purpose: str) -> bytes:
        """See :meth:`pods.interfaces.IServices.secret`."""
        return self.derived(purpose)

    def counter(self, name: str, help: str, label: str = "", values: Iterable[str] = ()) -> Tally:
        """See :meth:`pods.interfaces.IServices.counter`."""
        return self.tallies.declare(name, help, label, values)
