"""Compares what became of a case with what must become of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs

from tests.garden.case import Case, Passed
from tests.garden.client import Outcome
from tests.garden.message import Malformed, Message, read_all
from tests.garden.pod import Stream


@attrs.frozen
class Sent:
    """A case, what its client got, and what came to a pod because of it."""

    name: str
    case: Case
    outcome: Outcome
    streams: Sequence[Stream]

    @property
    def faults(self) -> list[str]:
        """What is wrong; empty if all is as it must be."""
        return [*client_faults(self.case, self.outcome), *pod_faults(self.case, self.streams)]


def client_faults(case: Case, outcome: Outcome) -> Iterator[str]:
    if outcome.statuses != case.answers:
        yield f"the client got {outcome.statuses}, not {case.answers}"
    if outcome.rest:
        yield f"the client got {outcome.rest[:80]!r} besides"
    if outcome.is_stuck:
        yield "the connection was left open"
    elif case.must_close and not outcome.was_closed:
        yield "the connection was not closed after a refusal"


def pod_faults(case: Case, streams: Sequence[Stream]) -> Iterator[str]:
    messages: list[Message] = []
    for stream in streams:
        try:
            complete, rest = read_all(stream.data)
        except Malformed as error:
            yield f"a pod got something malformed: {error}"
            continue
        messages += complete
        yield from rest_faults(case, stream, complete, rest)
    got = [Passed(message.method, message.target, message.body_length) for message in messages]
    expected = [Passed(passed.method, passed.target, passed.body_length) for passed in case.passes]
    if got != expected:
        yield f"a pod got {shown(got)}, not {shown(expected)}"
        return
    for message, passed in zip(messages, case.passes, strict=True):
        yield from field_faults(message.fields, passed)


def rest_faults(
    case: Case, stream: Stream, complete: Sequence[Message], rest: bytes
) -> Iterator[str]:
    """Half a request may have begun, but then it must have been broken off, not ended."""
    if rest and complete:
        yield f"a pod got {rest[:80]!r} after a complete request"
    elif rest and not case.may_begin:
        yield f"a pod got the beginning of a request: {rest[:80]!r}"
    elif rest and not stream.was_reset:
        yield "a pod got half a request that ended in order"


def field_faults(fields: Mapping[bytes, list[bytes]], passed: Passed) -> Iterator[str]:
    for field in passed.has:
        name, _, value = field.partition(b": ")
        if value not in fields.get(name, ()):
            yield f"a pod did not get {field!r} but {fields.get(name)}"
    for name in passed.lacks:
        if name in fields:
            yield f"a pod got {name!r}"


def shown(requests: Sequence[Passed]) -> list[str]:
    return [f"{r.method!r} {r.target[:60]!r} + {r.body_length}" for r in requests]
