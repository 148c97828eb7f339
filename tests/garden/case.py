"""What a hostile request is, and what must become of it."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

HOST = b"Host: garden.example"
#: What an attacker wants somebody behind the router to take for a request of its own.
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: garden.example\r\n\r\n"
REFUSALS_START = 400


@attrs.frozen
class Passed:
    """A request that must reach a pod."""

    method: bytes
    target: bytes
    body_length: int = 0
    #: Fields that it must have, such as ``b"host: garden.example"``; names in lower case.
    has: tuple[bytes, ...] = attrs.field(default=(), kw_only=True)
    #: Names of fields that it must not have, in lower case.
    lacks: tuple[bytes, ...] = attrs.field(default=(), kw_only=True)


@attrs.frozen
class Case:
    """The bytes of one connection, and the right outcome."""

    id: str
    data: bytes
    why: str  #: one line: what is hostile in it, or why it is right
    source: str  #: section of the RFC, or the kind of advisory
    answers: tuple[int, ...]  #: the final statuses that the client must get, in order
    passes: tuple[Passed, ...] = ()
    #: Whether its head is right, so that a request may begin to reach a pod, never to end.
    may_begin: bool = False

    @property
    def must_close(self) -> bool:
        """Whether nothing after this may be read as a request."""
        return bool(self.answers) and self.answers[-1] >= REFUSALS_START


@attrs.frozen
class Family:
    """Cases that try the same thing."""

    name: str
    title: str
    cases: tuple[Case, ...]


# -- outcomes ----------------------------------------------------------------------


def refuse(id: str, data: bytes, why: str, source: str, status: int = 400) -> Case:
    """Refused by its head: nothing of it reaches a pod."""
    return Case(id, data, why, source, (status,))


def refuse_body(id: str, data: bytes, why: str, source: str, status: int = 400) -> Case:
    """Its head is right, its body is not: no pod gets a complete request."""
    return Case(id, data, why, source, (status,), may_begin=True)


def starve(id: str, data: bytes, why: str, source: str) -> Case:
    """Never complete: no answer, and no pod gets a complete request."""
    return Case(id, data, why, source, (), may_begin=True)


def serve(
    id: str,
    data: bytes,
    why: str,
    source: str,
    *passes: Passed,
    answers: Iterable[int] | None = None,
) -> Case:
    """Exactly these requests reach a pod.

    :param answers: by default one 200 for each request.
    """
    statuses = tuple(200 for _ in passes) if answers is None else tuple(answers)
    return Case(id, data, why, source, statuses, passes, may_begin=True)


# -- bytes -------------------------------------------------------------------------


def lines(*parts: bytes, body: bytes = b"") -> bytes:
    """A head of these lines, and a body."""
    return b"".join(part + b"\r\n" for part in parts) + b"\r\n" + body


def get(*fields: bytes, target: bytes = b"/g", body: bytes = b"", method: bytes = b"GET") -> bytes:
    """A request with a right line and ``Host`` before other fields."""
    return lines(b"%b %b HTTP/1.1" % (method, target), HOST, *fields, body=body)


def post(*fields: bytes, target: bytes = b"/g", body: bytes = b"") -> bytes:
    """The same as POST."""
    return get(*fields, target=target, body=body, method=b"POST")


def chunked(body: bytes, *fields: bytes, target: bytes = b"/g") -> bytes:
    """A POST in chunks; ``body`` is what stands after the head, sizes included."""
    return post(b"Transfer-Encoding: chunked", *fields, target=target, body=body)


def with_length(body: bytes, *fields: bytes, target: bytes = b"/g") -> bytes:
    """A POST with the right length."""
    return post(*fields, b"Content-Length: %d" % len(body), target=target, body=body)
