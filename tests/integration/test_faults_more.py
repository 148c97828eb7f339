"""What goes wrong when a request is tried twice, when a client expects a 100 and is bounced, and
when a pod is asked whose a path is."""

from __future__ import annotations

from pods.testing.peers import ReadBytes, ReadHead, ReadUntil, Reset, Send
from tests.integration.support_faults import (
    BODY,
    BOUNCE,
    CONTINUE,
    HALF,
    HALF_AN_ANSWER,
    OK,
    TAKE_BODY,
    FaultTestCase,
    KeepSending,
    Phase,
    request,
)

KEPT = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nkept"
#: A first request on a connection that both sides keep, and what its pod does.
ASK_AND_KEEP = (Send(b"GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n"), ReadUntil(b"kept"))
SERVE_AND_KEEP = (ReadHead(), Send(KEPT))
#: Its body, the beginning of BODY, is held in memory: it could be sent again.
SMALL_POST = Send(
    b"POST /a HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nContent-Length: 5\r\n\r\n01234"
)
DIE = (*SERVE_AND_KEEP, ReadHead(), Reset())
GET_AGAIN = (*ASK_AND_KEEP, request("/a"))
SECOND_TRIES = (
    Phase("second try, before the head", GET_AGAIN, DIE, [ReadHead()], kept=b"kept", again=True),
    Phase(
        "second try, in the head",
        GET_AGAIN,
        DIE,
        [ReadHead(), Send(OK[:20])],
        kept=b"kept",
        again=True,
    ),
    Phase(
        "second try, in the body",
        (*GET_AGAIN, ReadUntil(b"\r\n\r\nri")),
        DIE,
        [ReadHead(), Send(HALF_AN_ANSWER)],
        kept=b"kept",
        again=True,
        lost=0,
        silent=0,
        left=KeepSending(),
    ),
    Phase(  # which there must not be
        "no second try of a POST",
        (*ASK_AND_KEEP, SMALL_POST),
        [*SERVE_AND_KEEP, ReadHead(), ReadBytes(5)],
        kept=b"kept",
    ),
)

EXPECT = request("/team", "POST", "Expect: 100-continue")
EXPECT_AND_SEND = (EXPECT, ReadUntil(CONTINUE), Send(BODY))
TURN_AWAY = (ReadHead(), Send(BOUNCE))
EXPECTATIONS = (
    Phase("Expect, in the bounce", [EXPECT], [ReadHead(), Send(BOUNCE[:30])], silent=408),
    Phase("Expect, after the bounce", [EXPECT], TURN_AWAY, [ReadHead()], silent=408),
    Phase(
        "Expect, after the second pod's 100",
        [EXPECT, ReadUntil(CONTINUE)],
        TURN_AWAY,
        [ReadHead(), Send(CONTINUE)],
        silent=408,
    ),
    Phase("Expect, body sent after the bounce", EXPECT_AND_SEND, TURN_AWAY, TAKE_BODY),
    Phase(
        "Expect, bounced with the body",
        EXPECT_AND_SEND,
        [*TAKE_BODY, Send(BOUNCE)],
        [ReadHead(), Send(CONTINUE), ReadBytes(HALF)],
    ),
)

ANSWER = b'{"path": "/learned", "pod": "pod_b", "ttl_seconds": 0}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(ANSWER)
TELL = (ReadHead(), Send(HEAD + ANSWER))
GET_LEARNED = (request("/learned/page"),)
#: If one pod cannot say it, another is asked, and the request is answered.
QUESTIONS = (
    Phase("learn, before the head", GET_LEARNED, [ReadHead()], lost=200, silent=200, rest=TELL),
    Phase(
        "learn, in the head",
        GET_LEARNED,
        [ReadHead(), Send(HEAD[:20])],
        lost=200,
        silent=200,
        rest=TELL,
    ),
    Phase(
        "learn, in the answer",
        GET_LEARNED,
        [ReadHead(), Send(HEAD + ANSWER[:-9])],
        lost=200,
        silent=200,
        rest=TELL,
    ),
    Phase("learned, before the head", GET_LEARNED, TELL, [ReadHead()]),
    Phase("learned, in the head", GET_LEARNED, TELL, [ReadHead(), Send(OK[:20])]),
)


class FaultTests(FaultTestCase):
    """More rows of the matrix."""

    def test_second_tries(self) -> None:
        self.play_all(self.cells_of(SECOND_TRIES))

    def test_expectations_and_bounces(self) -> None:
        self.play_all(self.cells_of(EXPECTATIONS))

    def test_questions(self) -> None:
        self.play_all(self.cells_of(QUESTIONS))
