"""What a fuzz target is made of, and what all of them share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import TypeVar

import attrs

Head = TypeVar("Head")

#: Messages up to this length are also fed one byte at a time.
BYTEWISE_LIMIT_BYTES = 400
CUTS_BYTES = 4  #: two numbers of 16 bits before the message: where it is cut


class BrokenPromise(AssertionError):
    """An input for which something promised does not hold."""


@attrs.frozen
class Target:
    """One kind of input."""

    #: Raises for an input that breaks a promise; else says whether the input was accepted.
    check: Callable[[bytes], bool]
    seeds: tuple[bytes, ...]  #: where the search begins: some accepted, some refused
    words: tuple[bytes, ...] = ()  #: what the search may put in
    findings: tuple[bytes, ...] = ()  #: inputs that once broke a promise


def promise(holds: bool, what: str, *details: object) -> None:
    """Raise unless it holds."""
    if not holds:
        raise BrokenPromise(" | ".join([what, *map(repr, details)]))


def same(left: object, right: object, what: str) -> None:
    """Raise unless both are equal."""
    promise(left == right, what, left, right)


def whole(message: bytes) -> bytes:
    """The input for a message that is cut nowhere."""
    return bytes(CUTS_BYTES) + message


def cuttings(data: bytes) -> tuple[bytes, list[list[bytes]]]:
    """The message in an input, and the ways to feed it: whole, cut twice, byte by byte."""
    head, message = data[:CUTS_BYTES].ljust(CUTS_BYTES, b"\0"), data[CUTS_BYTES:]
    places = sorted(
        int.from_bytes(head[at : at + 2]) % (len(message) + 1) for at in range(0, CUTS_BYTES, 2)
    )
    edges = [0, *places, len(message)]
    ways = [[message], [message[start:end] for start, end in pairwise(edges) if end > start]]
    if len(message) <= BYTEWISE_LIMIT_BYTES:
        ways.append([message[at : at + 1] for at in range(len(message))])
    return message, ways


def fed(
    feed: Callable[[bytes], tuple[Head, bytes] | None], parts: Iterable[bytes]
) -> tuple[Head, bytes] | None:
    """What a reader of heads makes of the parts: the head and all bytes after it."""
    found = None
    for part in parts:
        if found is not None:
            found = found[0], found[1] + part
        elif part:
            found = feed(part)
    return found
