"""What goes wrong between a client and a pod, in every phase of a request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pods.testing.peers import (
    Close,
    Peer,
    ReadBytes,
    ReadHead,
    ReadToEnd,
    Reset,
    ScriptedClient,
    Send,
    Step,
)
from tests.integration.support_faults import (
    BOUNCE,
    BOUNCED,
    CONTINUE,
    EXPECT,
    GET,
    HALF,
    HALF_AN_ANSWER,
    HELD,
    NOT_FOUND,
    OK,
    READING,
    TAKE_BODY,
    UPLOAD,
    FaultTestCase,
    KeepSending,
    Phase,
    WaitFor,
    request,
)

PHASES = (
    Phase("before the head", GET, [ReadHead()]),
    Phase("in the head", GET, [ReadHead(), Send(OK[:20])]),
    Phase(
        "in the body",
        READING,
        [ReadHead(), Send(HALF_AN_ANSWER)],
        lost=0,
        silent=0,
        left=KeepSending(),
    ),
    Phase("after 100", EXPECT, [ReadHead(), Send(CONTINUE)], silent=408),
    Phase("in a bounce", BOUNCED, [*TAKE_BODY, Send(BOUNCE[:30])]),
    Phase(
        "in the replay",
        BOUNCED,
        [*TAKE_BODY, Send(BOUNCE)],
        [ReadHead(), Send(CONTINUE), ReadBytes(HALF)],
    ),
    Phase("after the replay", BOUNCED, [*TAKE_BODY, Send(BOUNCE)], TAKE_BODY),
    Phase("in the upload", UPLOAD, [ReadHead(), ReadBytes(HALF)], silent=408),
    Phase("in a 404", GET, [ReadHead(), Send(NOT_FOUND[:-2])]),
)


class FaultTests(FaultTestCase):
    """A matrix: each phase, and what happens in it."""

    # -- the matrix ------------------------------------------------------------

    def cells(self) -> Iterator[tuple[str, Any]]:
        """The name of each cell, and what plays it."""
        yield "connect: refused", lambda cell: self.no_connection(cell, "/refused")
        yield "connect: hangs", lambda cell: self.no_connection(cell, "/hangs")
        yield "connect: client resets", lambda cell: self.client_leaves_dialing(cell, Reset())
        yield "connect: client closes", lambda cell: self.client_leaves_dialing(cell, Close())
        yield from self.cells_of((*PHASES, HELD))

    def no_connection(self, cell: str, path: str) -> None:
        with ScriptedClient(self.running.address, request(path), ReadToEnd()) as client:
            self.check_answer(cell, client.wait(), 502)

    def client_leaves_dialing(self, cell: str, leave: Step) -> None:
        waits = WaitFor(lambda: self.metric('pods_pod_waiting_requests{pod="hanging"}'))

        def play() -> Peer:
            steps = (request("/hangs"), waits, leave)
            with ScriptedClient(self.running.address, *steps) as client:
                return client.wait()

        self.check_abort(cell, play)

    def test_matrix(self) -> None:
        """Every fault in every phase."""
        self.play_all(self.cells())
        self.assertGreater(self.metric('pods_held_bytes_max{where="disk"}'), 0)
