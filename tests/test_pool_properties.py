"""No connection to a pod is used again unless its last exchange was complete and clean
(requirement 32), whatever clients and the pod do, in whatever order.

What the router has been given to read, and what it has written, is judged here by a parser that
shares nothing with the one under test.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.trial.unittest import SynchronousTestCase

from pods.http1.fields import response_kinds
from pods.http1.heads import HeadLimits
from pods.http1.pool import SPARE_SECONDS, PodPool, PoolLimits
from pods.http1.upstream import PodConnection, UpstreamSettings
from pods.outbox import Outbox
from tests.support_memory import MemoryReactor
from tests.support_pool import ANSWERS, BODY, STRAY, Asking, PodEnd
from tests.support_wire import Wire

POOL_IDLE_SECONDS, SILENCE_SECONDS, QUEUE_SECONDS = 60, 10, 5
indexes = st.integers(0, 5)


class PoolMachine(RuleBasedStateMachine):
    """Clients, a pool and a pod, in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.reactor = MemoryReactor()
        self.dialings: list[Deferred[PodConnection]] = []
        self.ends: list[PodEnd] = []
        self.asked: list[Asking] = []
        self.faults: list[str] = []
        self.is_retired = False
        self.is_settled = False  #: the router knows all that the pod did
        upstream = UpstreamSettings(
            clock=self.reactor,
            outbox=Outbox(partial(self.reactor.callLater, 0)),
            kinds=response_kinds("X-Pod-"),
            limits=HeadLimits(),
            response_head_seconds=SILENCE_SECONDS,
            continue_seconds=1,
            idle_seconds=SILENCE_SECONDS,
            pool_idle_seconds=POOL_IDLE_SECONDS,
        )
        limits = PoolLimits(connections=3, idle_connections=2, queue=3, queue_seconds=QUEUE_SECONDS)
        self.pool = PodPool(self.dial, upstream, limits)

    def dial(self, factory: Any) -> Deferred[PodConnection]:
        self.factory = factory
        self.dialings.append(Deferred())
        return self.dialings[-1]

    # -- what must hold ------------------------------------------------------

    def note(self, is_right: bool, fault: str) -> None:
        """Kept for the invariant: an exception here would be the transport's."""
        if not is_right:
            self.faults.append(fault)

    def handed(self, asking: Asking, connection: PodConnection) -> None:
        """A connection is handed out."""
        (end,) = [end for end in self.ends if end.wire is connection.transport]
        wire, before = end.wire, len(end.asked)
        self.note(connection.receiver is None, "somebody has it already")
        self.note(wire.connected and not wire.disconnecting, "it is closed")
        self.note(end.requests() == before, f"its last request is not complete: {wire.received!r}")
        self.note(end.answers() == before, f"its last answer is not clean: {end.said!r}")
        if self.is_settled:
            self.note(end.is_idle, "the pod has ended it, or says something")
        tries = sum(asking in other.asked for other in self.ends)
        self.note(not tries or not before, "a second try, and not on a fresh one")
        end.asked.append(asking)

    @invariant()
    def all_was_well(self) -> None:
        assert self.faults == []
        most_idle = 0 if self.is_retired else self.pool.open_connections
        assert self.pool.idle_connections <= most_idle <= 3
        if self.pool.waiting_requests > len(self.dialings):
            assert self.pool.idle_connections == 0, "somebody waits beside an idle connection"

    def teardown(self) -> None:
        for asking in self.running:
            asking.attempt.cancel()
        self.pool.abort()
        self.reactor.settle()
        self.reactor.pass_time(SILENCE_SECONDS)
        assert self.reactor.getDelayedCalls() == []
        assert (self.pool.open_connections, self.pool.waiting_requests) == (0, 0)

    @initialize(count=st.integers(0, 3))
    def begin(self, count: int) -> None:
        """Some connections have served already."""
        for _ in range(count):
            self.get()
        for _ in range(count):
            self.answer(0, "of known length", 999)

    # -- clients ---------------------------------------------------------------

    @property
    def running(self) -> list[Asking]:
        return [asking for asking in self.asked if not asking.is_over]

    @rule(
        method=st.sampled_from([b"GET", b"HEAD", b"POST", b"PUT"]),
        bounces=st.booleans(),
        first=st.booleans(),
        came=st.sampled_from([0, 4, len(BODY)]),
        waits=st.booleans(),
    )
    def ask(self, method: bytes, bounces: bool, first: bool, came: int, waits: bool) -> None:
        asking = Asking(self, b"token-%d" % len(self.asked), method, bounces, first)
        self.asked.append(asking)
        self.upload(asking, came)
        self.is_settled = True
        asking.attempt.start()
        self.is_settled = False
        self.reactor.settle()
        while self.dialings and not waits:
            self.accept()

    @rule()
    def get(self) -> None:
        self.ask(b"GET", bounces=False, first=False, came=0, waits=False)

    @precondition(lambda self: self.those("has_served"))
    @rule(how=st.sampled_from(["half_close", "leave", "reset"]))
    def end_when_used_again(self, how: str) -> None:
        """A connection that was kept dies, and there may be another like it."""
        self.get()
        busy = [end for end in self.those("owes") if end.answered]
        if busy:
            busy[-1].leave(how)

    @precondition(lambda self: self.running)
    @rule(index=indexes, size=st.sampled_from([1, len(BODY)]))
    def send_more(self, index: int, size: int) -> None:
        self.upload(picked(self.running, index), size)
        self.reactor.settle()

    def upload(self, asking: Asking, size: int) -> None:
        upload = asking.upload
        if upload is None or upload.finished:
            return
        data = BODY[upload.received_bytes :][:size]
        if data:
            upload.received(data)
        if upload.received_bytes == len(BODY):
            upload.finish([])

    @precondition(lambda self: self.running)
    @rule(index=indexes)
    def give_up(self, index: int) -> None:
        asking = picked(self.running, index)
        asking.attempt.cancel()
        asking.over()
        self.reactor.settle()

    @precondition(lambda self: self.running)
    @rule(index=indexes, reads=st.booleans())
    def be_slow(self, index: int, reads: bool) -> None:
        attempt = picked(self.running, index).attempt
        if reads:
            attempt.resume()
        else:
            attempt.pause()
        self.reactor.settle()

    # -- the pod -----------------------------------------------------------------

    @precondition(lambda self: self.dialings)
    @rule()
    def accept(self) -> None:
        wire = Wire(self.reactor, "127.0.0.1")
        self.ends.append(PodEnd(wire))
        connection = self.factory.buildProtocol(None)
        wire.connect(connection)
        self.dialings.pop(0).callback(connection)
        self.reactor.settle()

    @precondition(lambda self: self.dialings)
    @rule()
    def refuse(self) -> None:
        self.dialings.pop(0).errback(ConnectionRefusedError())

    def those(self, what: str) -> list[PodEnd]:
        return [end for end in self.ends if getattr(end, what)]

    @precondition(lambda self: self.those("owes"))
    @rule(index=indexes, kind=st.sampled_from(sorted(ANSWERS)), size=st.sampled_from([10, 60, 999]))
    def answer(self, index: int, kind: str, size: int) -> None:
        end = picked(self.those("owes"), index)
        end.answer(kind)
        end.say(size)

    @precondition(lambda self: self.those("owes"))
    @rule(index=indexes, kind=st.sampled_from(["of known length", "chunked"]))
    def answer_well(self, index: int, kind: str) -> None:
        self.answer(index, kind, 999)

    @precondition(lambda self: self.those("speaks"))
    @rule(index=indexes, size=st.sampled_from([1, 999]))
    def say_more(self, index: int, size: int) -> None:
        picked(self.those("speaks"), index).say(size)

    @precondition(lambda self: self.those("is_idle"))
    @rule(index=indexes, data=st.sampled_from([STRAY, b"\r\n", b"?"]))
    def say_what_nobody_asked_for(self, index: int, data: bytes) -> None:
        picked(self.those("is_idle"), index).tell(data)

    @precondition(lambda self: self.those("speaks"))
    @rule(index=indexes, how=st.sampled_from(["half_close", "leave", "reset"]))
    def end(self, index: int, how: str) -> None:
        picked(self.those("speaks"), index).leave(how)

    # -- time and the configuration ------------------------------------------------

    @rule(seconds=st.sampled_from([1, QUEUE_SECONDS, SILENCE_SECONDS, POOL_IDLE_SECONDS]))
    def wait(self, seconds: int) -> None:
        self.reactor.pass_time(seconds)

    @rule()
    def need_nothing(self) -> None:
        """Too many idle connections are closed then."""
        for _ in range(2):
            self.reactor.pass_time(SPARE_SECONDS)
        assert self.pool.idle_connections <= 2

    @rule()
    def reconnect(self) -> None:
        self.pool.reconnect()

    @precondition(lambda self: len(self.asked) > 15)  # little happens after it
    @rule()
    def retire(self) -> None:
        self.is_retired = True
        self.pool.retire()
        self.reactor.settle()


def picked(some: list[Any], index: int) -> Any:
    return some[index % len(some)]


class PoolPropertyTests(SynchronousTestCase):
    """Any sequence of what clients, the pod and time can do."""

    def test_e32_a_connection_is_handed_out_only_after_a_complete_clean_exchange(self) -> None:
        bounded = settings(max_examples=250, stateful_step_count=60, deadline=None)
        run_state_machine_as_test(PoolMachine, settings=bounded)
