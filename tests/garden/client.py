"""A client that sends raw bytes and notes what comes back."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress

import attrs

from tests.integration.support import PATIENCE_SECONDS, Address

PIECES_LIMIT = 400
PIECE_SECONDS = 0.0005  #: between pieces, so that they are read one by one
STATUS = re.compile(rb"HTTP/1\.1 ([0-9]{3}) ")
LENGTH = re.compile(rb"\r\nContent-Length: ([0-9]+)\r\n", re.IGNORECASE)
CLOSE = re.compile(rb"\r\nConnection: close\r\n", re.IGNORECASE)


@attrs.frozen
class Answer:
    """One final response."""

    status: int
    head: bytes
    closes: bool  #: whether it says that the connection ends


class Answers:
    """Reads responses as they come; their bodies have a length, or end with the connection."""

    def __init__(self) -> None:
        self.complete: list[Answer] = []
        self.rest = b""

    def feed(self, data: bytes) -> None:
        self.rest += data
        while (end := self.rest.find(b"\r\n\r\n") + 4) >= 4 and self._take(self.rest[:end], end):
            pass

    def _take(self, head: bytes, end: int) -> bool:
        status = STATUS.match(head)
        if status is None:
            return False
        length = LENGTH.search(head)
        end += int(length[1]) if length else 0
        if len(self.rest) < end:
            return False
        self.rest = self.rest[end:]
        if status[1] >= b"200":
            closes = CLOSE.search(head) is not None
            self.complete.append(Answer(int(status[1]), head, closes))
        return True


@attrs.frozen
class Outcome:
    """What a client got."""

    statuses: tuple[int, ...]
    was_closed: bool  #: the other side ended the connection by itself
    rest: bytes  #: what came and is no complete response
    is_stuck: bool  #: neither an answer nor an end came in time


def send(address: Address, source: str, data: bytes, expected: int, *, in_pieces: bool) -> Outcome:
    """Send a case, and read its answers.

    When the expected number of answers is there, and the last does not say that the connection
    ends, the client ends it.

    :param source: the client's own address.
    :param in_pieces: byte by byte, or nearly so if it is long.
    """
    with socket.socket() as connection:
        connection.settimeout(PATIENCE_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.bind((source, 0))
        connection.connect(address)
        send_all(connection, pieces(data) if in_pieces else [data])
        return read_answers(connection, expected)


def send_all(connection: socket.socket, data: Iterable[bytes]) -> None:
    with suppress(OSError):  # it has heard enough; its answer tells why
        for piece in data:
            connection.sendall(piece)


def pieces(data: bytes) -> Iterator[bytes]:
    size = 1 + len(data) // PIECES_LIMIT
    for at in range(0, len(data), size):
        yield data[at : at + size]
        time.sleep(PIECE_SECONDS)


def read_answers(connection: socket.socket, expected: int) -> Outcome:
    answers = Answers()
    is_ours = is_stuck = False
    while True:
        enough = len(answers.complete) >= expected
        if enough and not is_ours and not (answers.complete and answers.complete[-1].closes):
            is_ours = True
            end_output(connection)
        try:
            data = connection.recv(65_536)
        except TimeoutError:
            is_stuck = True
            break
        except OSError:
            break
        if not data:
            break
        answers.feed(data)
    statuses = tuple(answer.status for answer in answers.complete)
    return Outcome(statuses, not is_ours and not is_stuck, answers.rest, is_stuck)


def end_output(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
