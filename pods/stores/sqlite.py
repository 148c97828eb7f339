"""Routes that last, in an SQLite database that several processes can share.

The reactor's thread sees memory only: what is not written yet lies over whatever the file says.
One thread reads, another one writes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from pods.interfaces import Changes, Clock, Found, IRouteStore, StoredRoute
from pods.stores.filing import Batch, Reader, Writer, Written
from pods.stores.following import Follower, OwnChanges
from pods.stores.keys import Known, found, key_of
from pods.stores.link import Link
from pods.stores.routemap import RouteMap
from pods.stores.threads import CallInReactor, Worker
from pods.stores.trouble import Kind, StoreTrouble, trouble_of
from pods.stores.writing import Limits

FLUSH_SECONDS = 0.2  #: what is put is written so much later
RETRY_SECONDS = 2.0  #: what could not be written is tried again so much later, then less often
LONGEST_RETRY_SECONDS = 30.0
TIDY_SECONDS = 10.0  #: that often what has expired is dropped, if nothing is written
TIDY_ON_SECONDS = 0.05  #: the same, if there is more of it than is done in one go
BATCH = 5000  #: with so many there is no more waiting
PENDING_LIMIT = 100_000  #: more than that is not kept in memory while nothing can be written
USED_LIMIT = 10_000
OPEN_SECONDS = 1.0  #: a file that is not open by then is waited for no more
CLOSE_SECONDS = 5.0  #: the same for what is not written at the end


@implementer(IRouteStore)
class SQLiteStore:
    """Keeps routes in a file.  Making one opens nothing and starts nothing.

    :param path: of the file, absolute; it and its folder are made if they are missing.
    :param max_entries: over it, those go first that were not used for the longest time.
    :param max_ttl_seconds: what holds longer was written when the clock was wrong.
    :param wall_seconds: the time in seconds since the epoch.
    :param clock: IReactorTime, for timers only.
    :param call_in_reactor: calls a function in the reactor's thread: ``reactor.callFromThread``.
    """

    _log = Logger()

    def __init__(
        self,
        path: str,
        max_entries: int,
        max_ttl_seconds: float,
        wall_seconds: Callable[[], float],
        clock: Clock,
        call_in_reactor: CallInReactor,
    ) -> None:
        self.path = path
        self.rows = 0  #: how many routes were in the file when it was last written
        self.failures: Counter[str] = Counter()  #: what went wrong how often, by kind
        self._limits = Limits(max_entries, max_ttl_seconds)
        self._wall_seconds = wall_seconds
        self._clock = clock
        self._call_in_reactor = call_in_reactor
        self._pending = RouteMap(PENDING_LIMIT)
        self._used: dict[str, None] = {}
        self._troubles: dict[str, Kind] = {}  # by what cannot be done
        self._timer: Any = None
        self._retry_seconds = RETRY_SECONDS
        self.is_writing = False  #: a batch is being written
        self._closed: Deferred[None] | None = None
        own = OwnChanges()
        self._reading = Worker("pods-routes-reader", call_in_reactor)
        self._writing = Worker("pods-routes-writer", call_in_reactor)
        self._reader = Reader(
            Link(path, self._tell_aside), Follower(own), self._tell_read, self._reading.is_leaving
        )
        self._writer = Writer(Link(path, self._tell_aside), own, self._writing.is_leaving)

    @property
    def pending(self) -> int:
        """How many changes are not written yet."""
        return len(self._pending)

    @property
    def is_healthy(self) -> bool:
        """Whether the file can be read and written, as far as is known."""
        return not self._troubles

    @property
    def is_persistent(self) -> bool:
        """Whether the file can be written, as far as is known."""
        return "write" not in self._troubles

    def set_limits(self, max_entries: int, max_ttl_seconds: float) -> None:
        """Live within other bounds from now on."""
        self._limits = Limits(max_entries, max_ttl_seconds)

    # -- IRouteStore -------------------------------------------------------------

    def open(self) -> Deferred[None]:
        self._reading.start()
        self._writing.start()
        self._write_within(TIDY_SECONDS)
        return self._at_the_latest(self._reading.run(self._reader.open), OPEN_SECONDS, self._count)

    def find(self, path: str) -> Deferred[Found]:
        now = self._wall_seconds()
        # What is written meanwhile is neither in the file when it is read nor pending afterwards.
        before = self._pending.known(path)

        def answer(known: Known) -> Found:
            return found(path, [known, before, self._pending.known(path)], now)

        if self._closed is not None:
            return succeed(answer(Known()))
        return self._reading.run(self._reader.known, path, now).addCallback(answer)

    def put(self, route: StoredRoute) -> None:
        if self._closed is not None:
            return
        self._pending.put(route)
        if self.is_persistent:
            self._write_within(FLUSH_SECONDS if len(self._pending) < BATCH else 0)

    def used(self, route: StoredRoute) -> None:
        if len(self._used) < USED_LIMIT:
            self._used[key_of(route)] = None

    def changes(self) -> Deferred[Changes]:
        if self._closed is not None:
            return succeed(Changes())
        return self._reading.run(self._reader.changes).addCallback(self._without_outdated)

    def _without_outdated(self, changes: Changes) -> Changes:
        """What others have changed, but for what has been put since and is not written yet."""
        routes = tuple(route for route in changes.routes if not self._pending.is_newer_than(route))
        return Changes(routes, changes.lost_track)

    def close(self) -> Deferred[None]:
        if self._closed is None:
            self._closed = Deferred()
            if self._timer is not None and self._timer.active():
                self._timer.cancel()
            if self._reading.is_started:
                self._finish().chainDeferred(self._closed)
            else:
                self._closed.callback(None)
        waiter: Deferred[None] = Deferred()
        self._closed.addCallback(lambda _: waiter.callback(None))
        return waiter

    # -- writing -----------------------------------------------------------------

    def _write_within(self, seconds: float) -> None:
        if self._closed is not None or self.is_writing or not self._writing.is_started:
            return
        if self._timer is None or not self._timer.active():
            self._timer = self._clock.callLater(seconds, self._write)
        elif self._timer.getTime() > self._clock.seconds() + seconds:
            self._timer.reset(seconds)

    def _write(self) -> None:
        self.is_writing = True
        batch = self._batch()
        self._writing.run(self._writer.write, batch).addCallbacks(
            self._was_written, self._was_not_written, callbackArgs=(batch,)
        )

    def _batch(self) -> Batch:
        used, self._used = tuple(self._used), {}
        return Batch(tuple(self._pending), used, self._limits, self._wall_seconds())

    def _was_written(self, written: Written, batch: Batch) -> None:
        self.is_writing = False
        self._retry_seconds = RETRY_SECONDS
        self._settle("write", None)
        self.rows = written.rows
        for route in batch.routes:
            self._pending.discard(route)
        if len(self._pending):
            self._write_within(FLUSH_SECONDS)
        else:
            self._write_within(TIDY_ON_SECONDS if written.more else TIDY_SECONDS)

    def _was_not_written(self, failure: Failure) -> None:
        self.is_writing = False
        self._settle("write", _trouble_in(failure))
        self._write_within(self._retry_seconds)
        self._retry_seconds = min(2 * self._retry_seconds, LONGEST_RETRY_SECONDS)

    def _finish(self) -> Deferred[None]:
        self._reading.is_leaving.set()
        self._writing.is_leaving.set()
        written = self._writing.run(self._writer.finish, self._batch())
        written.addErrback(self._was_lost)
        read = self._reading.run(self._reader.close)
        self._writing.stop()
        self._reading.stop()
        both = DeferredList([written, read], consumeErrors=True)
        return self._at_the_latest(both, CLOSE_SECONDS, lambda _: None)

    def _was_lost(self, failure: Failure) -> None:
        self._log.warn(
            "Route store {path} {trouble}: {count} changes are lost",
            path=self.path,
            trouble=_trouble_in(failure),
            count=len(self._pending),
        )

    # -- what goes wrong -----------------------------------------------------------

    def _tell_read(self, trouble: StoreTrouble | None) -> None:
        self._call_in_reactor(self._settle, "read", trouble)

    def _tell_aside(self, trouble: StoreTrouble, aside: str) -> None:
        self._call_in_reactor(self._was_put_aside, trouble, aside)

    def _was_put_aside(self, trouble: StoreTrouble, aside: str) -> None:
        self.failures[trouble.kind.value] += 1
        self._log.warn(
            "Route store {path} {trouble}; moved to {aside}, a new one is begun",
            path=self.path,
            trouble=trouble,
            aside=aside,
        )

    def _settle(self, what: str, trouble: StoreTrouble | None) -> None:
        """Something went wrong, or went well; each kind is said once until all is well."""
        if trouble is None:
            if self._troubles.pop(what, None) and not self._troubles:
                self._log.info("Route store {path} is in order again", path=self.path)
            return
        self.failures[trouble.kind.value] += 1
        if trouble.kind not in self._troubles.values():
            self._log.warn(
                "Route store {path} {trouble}; what is in memory still serves",
                path=self.path,
                trouble=trouble,
            )
        self._troubles[what] = trouble.kind

    def _count(self, rows: int) -> None:
        self.rows = rows

    def _at_the_latest(
        self, result: Deferred[Any], seconds: float, heed: Callable[[Any], None]
    ) -> Deferred[None]:
        """Fires when this does, or after so many seconds."""
        waiter: Deferred[None] = Deferred()

        def fire() -> None:
            if not waiter.called:
                waiter.callback(None)

        timer = self._clock.callLater(seconds, fire)

        def arrived(outcome: Any) -> None:
            if timer.active():
                timer.cancel()
            heed(outcome)
            fire()

        result.addCallback(arrived)
        return waiter


def _trouble_in(failure: Failure) -> StoreTrouble:
    assert isinstance(failure.value, Exception)
    return trouble_of(failure.value)
