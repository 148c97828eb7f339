"""Heads made of fields, without bytes to read."""

from __future__ import annotations

from collections.abc import Iterable

from pods.http1.fields import (
    Field,
    FieldKinds,
    Line,
    Section,
    field_of,
    line_of,
    request_kinds,
    response_kinds,
    sorted_out,
)
from pods.http1.heads import RawRequest, RawResponse
from pods.http1.request import RequestHead
from pods.http1.response import ResponseHead

PREFIX = "X-Gitlab-Pod-"
KINDS = request_kinds(PREFIX, trusted=False)


def lines(fields: Iterable[Field]) -> list[Line]:
    """The lines of these fields."""
    return list(map(line_of, fields))


def fields_of(lines: Iterable[Line]) -> list[Field]:
    """The fields in these lines."""
    return list(map(field_of, lines))


def all_pass() -> FieldKinds:
    """Kinds by which no field is special, so that a reader can be seen to read all of them."""
    return FieldKinds((), our_prefix=b"?")


def request_head(
    fields: Iterable[Field],
    method: bytes = b"GET",
    target: bytes = b"/",
    minor: int = 1,
    kinds: FieldKinds = KINDS,
) -> RequestHead:
    """What a request with these fields means."""
    section = Section(*sorted_out(lines(fields), kinds))
    return RequestHead.read(RawRequest(method, target, minor, section), kinds)


def response_head(
    fields: Iterable[Field],
    status: int = 200,
    reason: bytes = b"OK",
    minor: int = 1,
    to_head: bool = False,
    cookie: str = "",
) -> ResponseHead:
    """What a response with these fields means."""
    kinds = response_kinds(PREFIX, cookie)
    raw = RawResponse(status, reason, minor, *sorted_out(lines(fields), kinds))
    return ResponseHead.read(raw, kinds, to_head)
