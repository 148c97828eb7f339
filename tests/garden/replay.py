"""Sends what came out of the router to a real server, and hears what that server saw."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import attrs

from tests.garden.case import Passed
from tests.garden.client import Answers
from tests.garden.judge import Sent
from tests.garden.pod import Stream
from tests.integration.support import Address, connect

AT_ONCE = 12
SEEN = re.compile(rb"\r\nX-Seen: ([^\r]*)\r\n", re.IGNORECASE)
#: What the router would send next on a kept connection; it must arrive as it is.
CANARY = b"GET /canary HTTP/1.1\r\nHost: canary.example\r\nConnection: close\r\n\r\n"
CANARY_SEEN = Passed(b"GET", b"/canary")

SAME, OWN, DIFFERENT = "same", "own answer", "different"


@attrs.frozen
class Replayed:
    """What a server made of one stream and the canary behind it."""

    seen: tuple[Passed, ...]  #: without the canary
    refusals: tuple[int, ...]  #: statuses of the server's own answers
    has_canary: bool
    is_closed: bool  #: the server ended the connection without a word about the canary


@attrs.frozen
class Reading:
    """What a server made of one case."""

    name: str
    verdict: str
    detail: str
    was_kept: bool = False  #: whether the canary was answered on the same connection


def replay(address: Address, stream: Stream) -> Replayed:
    """Send a stream, wait for an answer, send the canary, and read to the end.

    One that the router broke off is ended, as nothing can follow on it.
    """
    answers = Answers()
    with connect(address) as connection:
        try:
            connection.sendall(stream.data)
            if stream.was_reset:
                connection.shutdown(socket.SHUT_WR)
            else:
                read(connection, answers, until=1)
                connection.sendall(CANARY)
            is_ended = read(connection, answers)
        except TimeoutError:
            is_ended = False
        except OSError:
            is_ended = True
    matches = [(answer, SEEN.search(answer.head)) for answer in answers.complete]
    seen = [passed(match[1]) for _, match in matches if match]
    has_canary = seen[-1:] == [CANARY_SEEN]
    return Replayed(
        seen=tuple(seen[:-1] if has_canary else seen),
        refusals=tuple(answer.status for answer, match in matches if not match),
        has_canary=has_canary,
        is_closed=is_ended and not has_canary,
    )


def read(connection: socket.socket, answers: Answers, until: int | None = None) -> bool:
    """Whether the connection has ended, after so many answers or at its end.

    :raises TimeoutError: nothing came in time.
    """
    while until is None or len(answers.complete) < until:
        data = connection.recv(65_536)
        if not data:
            return True
        answers.feed(data)
    return False


def passed(seen: bytes) -> Passed:
    method, target, length = json.loads(seen)
    return Passed(method.encode(), target.encode("latin-1"), length)


def judge(sent: Sent, replays: Sequence[Replayed]) -> Reading:
    """Whether the server saw what the case says."""
    seen = [request for replayed in replays for request in replayed.seen]
    expected = [Passed(p.method, p.target, p.body_length) for p in sent.case.passes]
    refusals = [status for replayed in replays for status in replayed.refusals]
    if not all(replayed.has_canary or replayed.is_closed for replayed in replays):
        return Reading(sent.name, DIFFERENT, f"the next request is lost; {seen} {refusals}")
    if seen == expected:
        was_kept = any(replayed.has_canary for replayed in replays)
        return Reading(sent.name, SAME, "", was_kept)
    if refusals and is_part(seen, expected):
        return Reading(sent.name, OWN, f"answers {refusals}")
    return Reading(sent.name, DIFFERENT, f"saw {seen}, not {expected}; answers {refusals}")


def is_part(seen: Sequence[Passed], expected: Sequence[Passed]) -> bool:
    """Whether all that was seen was to be seen, in that order."""
    left = iter(expected)
    return all(request in left for request in seen)


def replay_all(address: Address, sent: Sequence[Sent]) -> list[Reading]:
    """What a server makes of everything that reached a pod."""
    with ThreadPoolExecutor(AT_ONCE) as threads:

        def run(one: Sent) -> Reading:
            return judge(one, [replay(address, stream) for stream in one.streams])

        return list(threads.map(run, [one for one in sent if one.streams]))
