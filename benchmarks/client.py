"""A client that knows what the one right answer to its request is."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Mapping, Sequence

import attrs

from benchmarks.pod import body_of, head, last_segment, line, owner, parsed, repeated

ANSWER_SECONDS = 60
CHUNK_BYTES = 8192
#: What section "errors" of the reference promises while pods come and go.
REFUSALS = frozenset({502, 503, 504})
RIGHT = "right"
BROKEN_OFF = "broken off"  #: in mid-response: the pod died while it answered
UNANSWERED = "broken off before its first byte"  #: right if the pod had begun to answer

_numbers = itertools.count()


class BrokenOff(Exception):
    """The connection ended before the answer was complete.

    :ivar began: whether there was any of it.
    """

    def __init__(self, began: bool) -> None:
        super().__init__("in mid-response" if began else "with no answer")
        self.began = began


@attrs.frozen
class Request:
    """A request that is like no other."""

    method: str
    target: str
    body: bytes = b""
    chunked: bool = False
    headers: Mapping[str, str] = attrs.field(factory=dict)
    token: str = attrs.field(factory=lambda: f"{os.getpid()}-{next(_numbers)}")

    def encoded(self) -> bytes:
        names = {"Host": "bench.test", "X-Request-Id": self.token, **self.headers}
        if self.chunked:
            names["Transfer-Encoding"] = "chunked"
        elif self.body:
            names["Content-Length"] = str(len(self.body))
        start = head(f"{self.method} {self.target} HTTP/1.1", names)
        return start + (self._chunks() if self.chunked else self.body)

    def _chunks(self) -> bytes:
        starts = range(0, len(self.body), CHUNK_BYTES)
        pieces = [self.body[start : start + CHUNK_BYTES] for start in starts]
        return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])


@attrs.frozen
class Answer:
    """A complete response."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def judged(request: Request, answer: Answer, names: Sequence[str]) -> str:
    """What became of a request: ``right``, the status of a refusal, or what is wrong.

    :param names: of all pods.
    """
    if answer.status in REFUSALS:
        return fault_of_refusal(request, answer) or str(answer.status)
    status = 404 if last_segment(request.target) == "missing" else 200
    pod = owner(request.target, names)
    text = line(pod, request.method, request.target, request.token, request.body)
    if answer.status != status:
        return f"wrong: status {answer.status} instead of {status}"
    if answer.body != text * repeated(request.target):
        return f"wrong: {request.token} got {answer.body[:100]!r}"
    return RIGHT


def fault_of_refusal(request: Request, answer: Answer) -> str:
    """What is wrong with an answer of the router's own; empty if nothing is."""
    if answer.headers.get("x-request-id") != request.token:
        return f"wrong: {answer.status} to {request.token} is another request's"
    if answer.status == 503 and "retry-after" not in answer.headers:
        return "wrong: 503 without Retry-After"
    return ""


class Client:
    """Asks one request after the other, on one connection as long as it is kept.

    :param port: of the router.
    :param names: of all pods.
    :param unanswered: gets the tokens of requests of whose answer not a byte came.
    """

    def __init__(self, port: int, names: Sequence[str], unanswered: list[str]) -> None:
        self._port = port
        self._unanswered = unanswered
        self._names = names
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def ask(self, request: Request) -> str:
        """Send a request; what became of it."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return judged(request, await self._exchanged(request), self._names)
        except BrokenOff as error:
            self.abort()
            if error.began:
                return BROKEN_OFF
            self._unanswered.append(request.token)
            return UNANSWERED
        except OSError as error:  # TimeoutError is one
            self.abort()
            return f"wrong: {request.target}: {type(error).__name__}: {error}"

    async def _exchanged(self, request: Request) -> Answer:
        reader, writer = await self.connected()
        writer.write(request.encoded())
        answer = await read_answer(reader)
        if answer.headers.get("connection", "").lower() == "close":
            self.abort()
        return answer

    async def connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The two halves of the connection, which is made if there is none."""
        if self.reader is None or self.writer is None:
            streams = await asyncio.open_connection("127.0.0.1", self._port)
            self.reader, self.writer = streams
        return self.reader, self.writer

    def abort(self) -> None:
        """Leave without a word."""
        if self.writer is not None:
            self.writer.transport.abort()
        self.reader = self.writer = None


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """One response.

    :raises BrokenOff: the connection ended in it, or before it.
    """
    began = False
    try:
        first, headers = parsed(await reader.readuntil(b"\r\n\r\n"))
        began = True
        return Answer(int(first.split(" ")[1]), headers, await body_of(reader, headers))
    except asyncio.IncompleteReadError as error:
        raise BrokenOff(began or bool(error.partial)) from error
    except OSError as error:
        raise BrokenOff(began) from error
