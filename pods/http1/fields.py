"""Which header fields are ours to handle, which are dropped, and which just pass.

A field is kept as the line it came in, ``Name: value``, for nearly all go on as they are, and most
lines come again and again.  So each line of every message is looked up here as it was sent, and the
answer is one dict access; only a line that was not seen lately costs more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import attrs

Field = tuple[bytes, bytes]
#: A field as it goes on: ``Name: value``, without white space around the value or an end of line.
Line = bytes

#: The kind of what is no such line; no field can have this name.
MALFORMED = b":"
#: The kind of a field's name, and its value.
Sorted = tuple[bytes, bytes]
#: RFC 9112, section 5.
_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ([\t\x20-\x7e\x80-\xff]*)")
#: Hop-by-hop fields (RFC 9110, section 7.6.1) and their relatives, in both directions.
HOP_BY_HOP = frozenset(
    {b"keep-alive", b"proxy-connection", b"http2-settings", b"proxy-authorization"}
)
#: Fields of a request that the router reads or rewrites.
REQUEST_SPECIAL = frozenset(
    {
        b"connection",
        b"content-length",
        b"cookie",
        b"expect",
        b"forwarded",
        b"host",
        b"te",
        b"transfer-encoding",
        b"upgrade",
        b"via",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
        b"x-real-ip",
        b"x-request-id",
    }
)
#: Fields of a response that the router reads or rewrites.
RESPONSE_SPECIAL = frozenset(
    {b"connection", b"content-length", b"set-cookie", b"transfer-encoding", b"upgrade"}
)
#: Those of them that pass as well, in their place.
NOTED = frozenset({b"cookie", b"set-cookie"})
#: Fields that naming them in ``Connection`` does not remove: a client must not
#: be able to take away what a pod relies on (requirement 14).
PROTECTED = frozenset(
    b"authorization cookie forwarded host max-forwards range via x-request-id".split()
)
PROTECTED_PREFIXES = (b"content-", b"if-", b"x-forwarded-", b"x-gitlab-")
#: What ``Connection`` names that is no field, or one that the router handles anyway.
CONNECTION_OPTIONS = frozenset({b"close", b"keep-alive", b"upgrade", b"te"})
_USUAL_CONNECTION = ([b"keep-alive"], [b"close"])  # they name no field

#: How many spellings of names are kept; hostile clients invent them, ordinary ones use a few dozen.
SPELLINGS_LIMIT = 2048
SPELLING_LIMIT_BYTES = 64  #: longer ones are not kept, nor what longer lists of words consist of
LINES_LIMIT = 4096  #: so many lines are kept
LINE_LIMIT_BYTES = 160  #: longer ones are not kept

#: How much of sections is kept; with what is made of them that is about twelve times as much.
SECTIONS_LIMIT_BYTES = 512 * 1024
SECTION_LIMIT_BYTES = 8192  #: longer ones are not kept
SECTION_COST_BYTES = 80  #: each counts so much besides: what is made of a short one is objects


@attrs.define(eq=False)
class Section:
    """The fields of a head, sorted out, and the head that was made of them before."""

    lines: list[Line]  #: those that pass, in order
    special: dict[bytes, list[bytes]]  #: values of those that the router handles
    head: Any = None


class Sections:
    """Header sections seen lately: a client that keeps its connection sends the same one with
    nearly every request, byte for byte, so reading and understanding it once is enough.

    What a request costs with and without: ``docs/explanation/performance.rst``.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, bytes], Section] = {}
        self._size_bytes = 0
        self.get = self._known.get

    def add(self, key: tuple[bytes, bytes], section: Section) -> None:
        """Keep a section.

        :param key: the method of the request, and what stands after its target.
        """
        if len(key[1]) > SECTION_LIMIT_BYTES:
            return
        size_bytes = len(key[1]) + SECTION_COST_BYTES
        self._size_bytes += size_bytes
        if self._size_bytes > SECTIONS_LIMIT_BYTES:
            self._known.clear()
            self._size_bytes = size_bytes
        self._known[key] = section


class FieldKinds(dict[Line, Sorted | None]):
    """Maps a line as sent to None (it passes), or to the kind of its name and its value.

    A kind is ``b""`` (the field is dropped), a lower-case name (the router handles it), or
    :data:`MALFORMED`.

    :param special: lower-case names to handle.
    :param our_prefix: lower-case prefix of the pods' headers: dropped, unless in ``special``.
    :param sensitive_prefixes: further prefixes that are dropped unless in ``special``.
    :param cookie: the name of the router's own cookie; empty: it has none.
    :ivar sections: those that were sorted out by these kinds.
    """

    def __init__(
        self,
        special: Iterable[bytes],
        our_prefix: bytes,
        sensitive_prefixes: tuple[bytes, ...] = (),
        cookie: bytes = b"",
    ) -> None:
        super().__init__()
        self.cookie = cookie
        self.sections = Sections()
        self._kind_of_spelling = lru_cache(SPELLINGS_LIMIT)(self._classify)
        self._special = frozenset(special)
        self._dropped_prefixes = (our_prefix, *sensitive_prefixes)

    def __missing__(self, line: Line) -> Sorted | None:
        match = _LINE.fullmatch(line)
        if match is None or match[2] != match[2].strip(b" \t"):
            return MALFORMED, line
        kind = self.kind(match[1])
        found = None if kind is None else (kind, match[2])
        if len(line) <= LINE_LIMIT_BYTES:
            if len(self) >= LINES_LIMIT:
                self.clear()
            self[line] = found
        return found

    def kind(self, name: bytes) -> bytes | None:
        """The kind of a field name as sent; None: it passes."""
        is_long = len(name) > SPELLING_LIMIT_BYTES
        return self._classify(name) if is_long else self._kind_of_spelling(name)

    def _classify(self, name: bytes) -> bytes | None:
        lowered = name.lower()
        if lowered in self._special:
            return lowered
        if lowered in HOP_BY_HOP or lowered.startswith(self._dropped_prefixes):
            return b""
        if b"_" in lowered:
            # CGI-like applications cannot tell X_Forwarded_For from X-Forwarded-For.
            kind = self._classify(lowered.replace(b"_", b"-"))
            return None if kind is None or kind in NOTED else b""
        return None


def request_kinds(header_prefix: str, trusted: bool, cookie: str = "") -> FieldKinds:
    """The kinds for requests.

    :param trusted: further ``X-Forwarded-*`` fields (``-Port``, ``-Prefix`` ...) pass; from
        anybody else they are dropped.
    :param cookie: the name of the router's own cookie; empty: it has none.
    """
    sensitive = () if trusted else (b"x-forwarded-",)
    prefix = header_prefix.lower().encode("ascii")
    return FieldKinds(REQUEST_SPECIAL, prefix, sensitive, cookie.encode("ascii"))


def response_kinds(header_prefix: str, cookie: str = "") -> FieldKinds:
    """The kinds for responses: the pods' redirect and cache headers are special.

    :param cookie: the name of the router's own cookie; empty: it has none.
    """
    prefix = header_prefix.lower().encode("ascii")
    special = RESPONSE_SPECIAL | {prefix + b"redirect", prefix + b"cache"}
    return FieldKinds(special, prefix, cookie=cookie.encode("ascii"))


def line_of(field: Field) -> Line:
    """The line of a field."""
    return b"%b: %b" % field


def field_of(line: Line) -> Field:
    """The field in a line."""
    name, _, value = line.partition(b": ")
    return name, value


def values_of(lines: Iterable[Line], name: bytes) -> list[bytes]:
    """The values of a field in order; ``name`` in lower case."""
    start, size = name + b": ", len(name) + 2
    return [line[size:] for line in lines if line[:size].lower() == start]


def sorted_out(
    lines: Iterable[Line], kinds: FieldKinds
) -> tuple[list[Line], dict[bytes, list[bytes]]]:
    """The lines that pass, in order, and the values of the special fields by lower-case name.

    Those that are only noted are in both.

    :param lines: those that are malformed are special, under :data:`MALFORMED`.
    """
    passing: list[Line] = []
    special: dict[bytes, list[bytes]] = {}
    for line in lines:
        field = kinds[line]
        if field is None:
            passing.append(line)
        elif field[0]:
            kind, value = field
            if kind in special:
                special[kind].append(value)
            else:
                special[kind] = [value]
            if kind in NOTED:
                passing.append(line)
    connection = special.get(b"connection")
    if connection is not None and connection not in _USUAL_CONNECTION:
        passing = without_named(passing, tokens(connection))
    return passing, special


def tokens(values: Iterable[bytes]) -> list[bytes]:
    """The lower-case members of comma-separated lists (RFC 9110, section 5.6.1)."""
    members: list[bytes] = []
    for value in values:
        members += _members(value) if len(value) <= SPELLING_LIMIT_BYTES else _split(value)
    return members


def _split(value: bytes) -> list[bytes]:
    members = (member.strip(b" \t").lower() for member in value.split(b","))
    return [member for member in members if member]


#: Nearly every message says ``keep-alive``, ``close`` or ``gzip, deflate``.
_members = lru_cache(maxsize=256)(_split)


def without_named(lines: list[Line], names: Iterable[bytes]) -> list[Line]:
    """The lines but for those that ``Connection`` names, as far as that is allowed."""
    removable = {
        name
        for name in names
        if name not in CONNECTION_OPTIONS
        and name not in PROTECTED
        and not name.startswith(PROTECTED_PREFIXES)
    }
    if not removable:
        return lines
    return [line for line in lines if field_of(line)[0].lower() not in removable]
