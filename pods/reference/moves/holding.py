"""Letting requests wait while their organization is at no pod, and taking it back from a mover
that has died.
"""

from __future__ import annotations

import attrs
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from pods.reference.databases import Databases, writing
from pods.reference.tenancy import Move, State, advance, last_move

#: How long a request waits for its organization, unless a pod is told otherwise.
HOLD_SECONDS = 10.0
LOOK_SECONDS = 0.05  #: how often a pod looks whether an organization is somewhere again
SILENCE_SECONDS = 5  #: a mover that shows nothing for so long is taken for dead
WAITING_LIMIT = 1_000  #: requests at one pod; more are sent away at once


@attrs.define(eq=False)
class _Watch:
    """Those who wait for one organization, and what has been seen of its move."""

    waiting: set[Deferred[None]] = attrs.field(factory=set)
    seen: tuple[int, int] | None = None  #: the number and the beat
    seen_at: float = 0.0


@attrs.define(eq=False)
class Holding:
    """Who waits at one pod.

    :param clock: measures how long.
    :param me: the name of the pod.
    """

    log = Logger()

    _clock: IReactorTime
    _databases: Databases
    _me: str
    _watches: dict[str, _Watch] = attrs.field(factory=dict, init=False)
    _looking: dict[str, LoopingCall] = attrs.field(factory=dict, init=False)

    def seconds(self) -> float:
        """The time by the clock."""
        return self._clock.seconds()

    async def passed(self, organization: str, leaves_at: float) -> bool:
        """Wait until an organization is somewhere again, for a moment at least.

        :param leaves_at: by the clock; who waits goes away then.
        :returns: False if it is not, by then, or if too many wait.
        """
        watch = self._watches.setdefault(organization, _Watch())
        self._look_after(organization)
        left_seconds = leaves_at - self._clock.seconds()
        if left_seconds <= 0 or self.waiting >= WAITING_LIMIT:
            return False
        waiter: Deferred[None] = Deferred()
        watch.waiting.add(waiter)
        try:
            await waiter.addTimeout(left_seconds, self._clock)
        except TimeoutError:
            return False
        finally:
            watch.waiting.discard(waiter)
        return True

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return sum(len(watch.waiting) for watch in self._watches.values())

    def stop(self) -> None:
        """Look no more, and let nobody wait on."""
        for watch in self._watches.values():
            for waiter in list(watch.waiting):
                waiter.cancel()
        for looking in list(self._looking.values()):
            looking.stop()

    def _look_after(self, organization: str) -> None:
        """Look until it is somewhere, even if nobody waits any more: the mover may be dead."""
        if organization in self._looking:
            return
        looking = self._looking[organization] = LoopingCall(self._look, organization)
        looking.clock = self._clock
        done = looking.start(LOOK_SECONDS, now=False)
        done.addErrback(self._failed, organization)
        done.addBoth(self._ended, organization)

    def _look(self, organization: str) -> None:
        watch, routes = self._watches[organization], self._databases.view().routes
        move = last_move(routes, organization)
        if move is None or move.state is not State.HELD:
            self._looking[organization].stop()
            return
        if watch.seen != (move.number, move.beat):
            watch.seen, watch.seen_at = (move.number, move.beat), self._clock.seconds()
        elif self._clock.seconds() - watch.seen_at >= SILENCE_SECONDS and move.source == self._me:
            self._take_back(move)

    def _take_back(self, move: Move) -> None:
        with writing(self._databases.view().routes) as tx:
            taken = advance(tx, move, State.UNDOING)
        if taken is not None:
            self.log.warn(
                "{pod} has taken {organization} back: its mover shows no sign of life",
                pod=self._me,
                organization=move.organization,
            )

    def _failed(self, failure: Failure, organization: str) -> None:
        self.log.failure("cannot look where {name} is", failure, name=organization)

    def _ended(self, result: object, organization: str) -> None:
        """Let everybody try again."""
        del self._looking[organization]
        for waiter in list(self._watches.pop(organization).waiting):
            waiter.callback(None)
