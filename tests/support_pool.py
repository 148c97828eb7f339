"""Clients and a pod at both sides of a pool of connections, in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from pods.errors import Refusal
from pods.http1.attempt import Attempt
from pods.http1.fields import Field
from pods.http1.held import HeldBody, HoldBudget
from pods.http1.pool import PodPool
from pods.http1.response import ResponseHead
from pods.http1.upload import Upload
from pods.http1.upstream import PodConnection
from tests.support_heads import lines, request_head
from tests.support_messages import Message, chunk, head_of_response, parse, response
from tests.support_wire import Wire

BODY = b"0123456789"
STRAY = response(200, b"of nobody")
#: The answers of a pod, some of which leave a connection that must not be used again.
ANSWERS: dict[str, Callable[[bytes], bytes]] = {
    "of known length": lambda token: response(200, token),
    "chunked": lambda token: (
        head_of_response(200, "Transfer-Encoding: chunked") + chunk(token) + chunk(b"")
    ),
    "after an interim one": lambda token: head_of_response(103) + response(200, token),
    "until the connection ends": lambda token: head_of_response(200) + token,
    "the last": lambda token: response(200, token, "Connection: close"),
    "of HTTP/1.0": lambda token: response(200, token).replace(b"1.1", b"1.0"),
    "with something behind it": lambda token: response(200, token) + STRAY,
    "with too long a body": lambda token: response(200, token) + b"!",
    "malformed": lambda token: b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n" + token,
    "switching unasked": lambda token: head_of_response(101, "Upgrade: x"),
}


class Judge(Protocol):
    """Who looks at everything that happens."""

    pool: PodPool

    def handed(self, asking: Asking, connection: PodConnection) -> None:
        """A connection is handed out."""

    def note(self, is_right: bool, fault: str) -> None:
        """Something was seen."""


class Source:
    """A client whose upload is never ahead of anybody."""

    def pause_upload(self) -> None: ...

    def resume_upload(self) -> None: ...


class Asking:
    """One request, and what comes of it.

    :param token: stands in the request, and in its answer.
    :param bounces: its answer's body is not wanted.
    :param first: the pod is asked before its body is sent.
    """

    def __init__(
        self, judge: Judge, token: bytes, method: bytes, bounces: bool, first: bool
    ) -> None:
        self.token = token
        self.method, self.body, self.is_over = method, b"", False
        self.upload: Upload | None = None
        self._bounces, self._judge = bounces, judge
        fields = [(b"Host", b"a.example")]
        if method in (b"POST", b"PUT"):
            fields.append((b"Content-Length", b"%d" % len(BODY)))
            held = HeldBody(HoldBudget("", 0, 1000), 1000, 0)
            self.upload = Upload(Source(), held)
        head = request_head(fields, method, b"/" + self.token)
        start = b"%b /%b HTTP/1.1" % (method, self.token)
        wire = b"\r\n".join([start, *lines(fields), b"", b""])
        asks_first = first and self.upload is not None
        self.attempt = Watched(self, judge.pool, head, wire, self.upload, asks_first)

    def handed(self, connection: PodConnection) -> None:
        self._judge.handed(self, connection)

    def responded(self, head: ResponseHead) -> None:
        if self._bounces:
            self.attempt.discard()
            self.over()

    def received(self, data: bytes) -> None:
        self.body += data

    def ended(self, trailers: list[Field]) -> None:
        wanted = b"" if self.method == b"HEAD" else self.token
        self._judge.note(self.body == wanted, f"{self.token!r} was answered {self.body!r}")
        self.over()

    def failed(self, refusal: Refusal) -> None:
        self.over()

    unreachable = failed

    def informed(self, head: ResponseHead) -> None: ...

    def go_ahead(self) -> None: ...

    def over(self) -> None:
        self.is_over = True
        if self.upload is not None:
            self.upload.close()


class Watched(Attempt):
    """Shows each connection that it is given, before it uses it."""

    def connected(self, connection: PodConnection) -> None:
        self._exchanger.handed(connection)  # type: ignore[attr-defined]
        super().connected(connection)


class PodEnd:
    """The pod's end of a connection."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.asked: list[Asking] = []  #: who was given the connection
        self.answered = 0  #: how many of them the pod has begun to answer
        self.said, self.rest = b"", b""
        self.has_left = False
        self.is_endless = False  # whatever it says until it leaves belongs to its answer

    @property
    def speaks(self) -> bool:
        return self.wire.connected and not self.has_left

    @property
    def owes(self) -> bool:
        """Whether there is a request that the pod has not begun to answer."""
        return self.speaks and not self.rest and self.answered < len(self.asked)

    @property
    def has_served(self) -> bool:
        return self.is_idle and self.answered > 0

    @property
    def is_idle(self) -> bool:
        is_done = not (self.rest or self.owes or self.wire.unread_bytes)
        return self.speaks and is_done and not self.is_endless

    def answer(self, kind: str) -> None:
        asking = self.asked[self.answered]
        self.answered += 1
        self.rest = ANSWERS[kind](asking.token)
        to_head = asking.method == b"HEAD"
        self.is_endless = kind == "until the connection ends" and not to_head
        if to_head:
            self.rest = self.rest[: self.rest.rindex(b"\r\n\r\n") + 4]

    def say(self, size: int) -> None:
        """Some of the answer."""
        self.tell(self.rest[:size])
        self.rest = self.rest[size:]

    def tell(self, data: bytes) -> None:
        self.said += data
        self.wire.say(data)

    def leave(self, how: str) -> None:
        self.has_left = True
        getattr(self.wire, how)()

    def requests(self) -> int | None:
        """How many complete requests the pod has; None if there is anything else."""
        return count(self.wire.received, lambda message: True, [])

    def answers(self) -> int | None:
        """How many answers the router has read, each complete and none the last."""
        read = self.said[: len(self.said) - self.wire.unread_bytes]
        return count(read, may_go_on, [asking.method == b"HEAD" for asking in self.asked])


def count(data: bytes, is_fine: Callable[[Message], bool], to_head: list[bool]) -> int | None:
    """How many messages, interim ones apart, ``data`` is made of; None if it is not."""
    found = 0
    while data:
        parsed = parse(data, to_head=found < len(to_head) and to_head[found])
        if parsed is None or not is_fine(parsed[0]):
            return None
        message, data = parsed
        found += not message.first_line.startswith(b"HTTP/1.1 1")
    return found


def may_go_on(message: Message) -> bool:
    return message.first_line.startswith(b"HTTP/1.1") and message.get("Connection") != "close"
