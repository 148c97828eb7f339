"""The connections to one pod: few, bounded, used again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol as Shape

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from pods.errors import AtLimit, NoConnection, Refusal
from pods.http1.deadline import Deadline
from pods.http1.upstream import PodConnection, UpstreamSettings
from pods.interfaces import Clock


class Waiter(Shape):
    """Who wants a connection and could not have one at once."""

    def connected(self, connection: PodConnection) -> None:
        """Here it is."""

    def unreachable(self, refusal: Refusal) -> None:
        """There will be none."""


class DialObserver(Shape):
    """Who wants to know how connecting goes."""

    def dialed(self) -> None:
        """A connection was made."""

    def could_not_dial(self, reason: str) -> None:
        """A connection could not be made: refused, or not in time."""


#: Connections over the bound for idle ones may be needed again in the same moment: many answers
#: come in one turn of the loop, and the next requests in the turn after it.
SPARE_SECONDS = 0.1


@attrs.frozen
class PoolLimits:
    """How many connections one pod gets, and who may wait."""

    connections: int = 512
    idle_connections: int = 64  #: more are closed when nobody has needed them for a moment
    queue: int = 1024  #: requests that wait while all connections are busy
    queue_seconds: float = 5  #: for so long


@attrs.define(eq=False)
class _Wait:
    """What one waiter waits for."""

    deadline: Deadline
    fresh: bool  #: a connection that has been used before will not do
    first_dial: int  #: the number of the first dial that begins after it came


class PodPool:
    """Hands out idle connections, last used first, and makes new ones when there is none.

    :param dial: opens a connection; its Deferred fails if that is not possible in time.
    :param observer: is told of each connection that is made, or cannot be.
    """

    def __init__(
        self,
        dial: Callable[[Factory[PodConnection]], Deferred[PodConnection]],
        settings: UpstreamSettings,
        limits: PoolLimits,
        observer: DialObserver | None = None,
        protocol: type[PodConnection] = PodConnection,
    ) -> None:
        self.settings = settings
        self._dial = dial
        self._factory = Factory.forProtocol(lambda: protocol(settings, self))
        self._factory.noisy = False
        self._clock: Clock = settings.clock
        self._limits = limits
        self._observer = observer
        self._idle: list[PodConnection] = []  # the one used last is at the end
        self._least_idle = 0  # since it was last looked whether there are too many
        self._looking = Deadline(settings.clock, self._close_spare)
        self._open: set[PodConnection] = set()
        self._dialing: set[Deferred[PodConnection]] = set()
        self._dials = 0  # that have ever begun
        self._waiting: OrderedDict[Waiter, _Wait] = OrderedDict()
        self._is_closed = False
        self._is_retired = False

    @property
    def open_connections(self) -> int:
        """Connections that are open, busy or idle."""
        return len(self._open)

    @property
    def idle_connections(self) -> int:
        """Connections that wait for a request."""
        return len(self._idle)

    @property
    def waiting_requests(self) -> int:
        """Requests that wait for a connection."""
        return len(self._waiting)

    # -- for requests --------------------------------------------------------

    def take(self, waiter: Waiter, *, fresh: bool = False) -> PodConnection | None:
        """A connection at once, or None: then the waiter is called later.

        :param fresh: not one that has been used before.
        :raises AtLimit: too many wait already.
        """
        if self._idle and not fresh:
            connection = self._idle.pop()
            self._least_idle = min(self._least_idle, len(self._idle))
            return connection
        if self._idle and not self._can_dial:
            self._idle[0].abort()  # makes room for a fresh one
        if self._is_closed or (not self._can_dial and self._queued >= self._limits.queue):
            raise AtLimit("Too many requests wait for the upstream server.")
        wait = self._waiting[waiter] = _Wait(
            Deadline(self._clock, lambda: self._give_up(waiter)), fresh, self._dials
        )
        if not self._can_dial:  # one that is dialled for has the time that connecting may take
            wait.deadline.set(self._limits.queue_seconds)
        self._dial_if_needed()
        return None

    def forget(self, waiter: Waiter) -> None:
        """This one no longer wants a connection."""
        wait = self._waiting.pop(waiter, None)
        if wait is not None:
            wait.deadline.close()

    def reconnect(self) -> None:
        """Make a connection that nobody waits for, to see whether the pod can be reached."""
        if self._can_dial and not self._dialing and not self._is_closed:
            self._dial_one()

    def retire(self) -> None:
        """Serve those that have begun, but keep no connection after that."""
        self._is_retired = True
        self._observer = None
        self._looking.close()
        for connection in list(self._idle):
            connection.abort()

    def abort(self) -> None:
        """Close every connection now, and make no new ones."""
        self._is_closed = True
        self._looking.close()
        for dialing in list(self._dialing):
            dialing.cancel()
        for connection in list(self._open):
            connection.abort()
        for waiter in list(self._waiting):
            self._give_up(waiter)

    # -- from connections ----------------------------------------------------

    def released(self, connection: PodConnection) -> None:
        """A connection, new or used, can take a request."""
        is_new = connection.requests == 0
        waiter = self._next_waiter(lambda wait: is_new or not wait.fresh) if self._waiting else None
        if waiter is not None:
            waiter.connected(connection)
        elif self._is_retired or self._is_closed or not self._limits.idle_connections:
            connection.abort()
        elif self._queued > 0 and not self._can_dial:
            connection.abort()  # makes room: all who wait want a fresh one
        else:
            self._idle.append(connection)
            if len(self._idle) > self._limits.idle_connections and not self._looking.is_set:
                self._look_for_spare()

    def gone(self, connection: PodConnection) -> None:
        """A connection is closed."""
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
            self._least_idle = min(self._least_idle, len(self._idle))
        self._dial_if_needed()

    def _look_for_spare(self) -> None:
        self._least_idle = len(self._idle)
        self._looking.set(SPARE_SECONDS)

    def _close_spare(self) -> None:
        """Close those that were not needed, but for as many as may be idle."""
        spare = self._least_idle - self._limits.idle_connections
        for connection in self._idle[: max(0, spare)]:
            connection.abort()
        if len(self._idle) > self._limits.idle_connections:
            self._look_for_spare()

    # -- making connections --------------------------------------------------

    def _dial_if_needed(self) -> None:
        while len(self._dialing) < len(self._waiting) and self._can_dial and not self._is_closed:
            self._dial_one()

    def _dial_one(self) -> None:
        number = self._dials
        self._dials += 1
        dialing = self._dial(self._factory)
        self._dialing.add(dialing)
        dialing.addCallbacks(
            self._dialed,
            self._could_not_dial,
            callbackArgs=(dialing,),
            errbackArgs=(dialing, number),
        )

    def _dialed(self, connection: PodConnection, dialing: Deferred[PodConnection]) -> None:
        self._dialing.discard(dialing)
        self._open.add(connection)
        if self._observer is not None:
            self._observer.dialed()
        self.released(connection)

    def _could_not_dial(
        self, failure: Failure, dialing: Deferred[PodConnection], number: int
    ) -> None:
        self._dialing.discard(dialing)
        reason = f"{type(failure.value).__name__}: {failure.getErrorMessage()}"
        if self._observer is not None and not self._is_closed:
            self._observer.could_not_dial(reason)
        waiter = self._next_waiter(lambda wait: wait.first_dial <= number)
        if waiter is not None:
            waiter.unreachable(NoConnection("The upstream server cannot be reached.", reason))
        self._dial_if_needed()

    @property
    def _can_dial(self) -> bool:
        """Whether the pod may have one more connection."""
        return len(self._open) + len(self._dialing) < self._limits.connections

    @property
    def _queued(self) -> int:
        """Requests that wait for a connection to become free, and not for one being made."""
        return len(self._waiting) - len(self._dialing)

    def _next_waiter(self, is_meant: Callable[[_Wait], bool]) -> Waiter | None:
        """The first for which this is true; it waits no longer."""
        for waiter, wait in self._waiting.items():
            if is_meant(wait):
                self.forget(waiter)
                return waiter
        return None

    def _give_up(self, waiter: Waiter) -> None:
        self.forget(waiter)
        waiter.unreachable(AtLimit("No connection to the upstream server became free in time."))
