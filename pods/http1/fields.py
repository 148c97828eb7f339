"""Which header fields are ours to handle, which are dropped, and which just pass.

Every field of every message is looked up here by the name as it was sent, so
the answer is one dict access; only a spelling seen for the first time costs more.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import attrs

Field = tuple[bytes, bytes]

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

#: How many spellings are kept; hostile clients invent names, ordinary ones use a few dozen.
SPELLINGS_LIMIT = 2048
SPELLING_LIMIT_BYTES = 64  #: longer ones are not kept


#: How much of sections is kept; with what is made of them that is about twelve times as much.
SECTIONS_LIMIT_BYTES = 512 * 1024
SECTION_LIMIT_BYTES = 8192  #: longer ones are not kept
SECTION_COST_BYTES = 80  #: each counts so much besides: what is made of a short one is objects


@attrs.define(eq=False)
class Section:
    """The fields of a head as they were sent, and the head that was made of them before."""

    fields: list[Field]
    kinds: FieldKinds | None = None  #: by which they were sorted out for that head
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


class FieldKinds(dict[bytes, bytes | None]):
    """Maps a field name as sent to None (it passes), ``b""`` (it is dropped), or its lower-case
    name (the router handles it).

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
        self._special = frozenset(special)
        self._dropped_prefixes = (our_prefix, *sensitive_prefixes)

    def __missing__(self, name: bytes) -> bytes | None:
        kind = self._classify(name.lower())
        if len(name) <= SPELLING_LIMIT_BYTES:
            if len(self) >= SPELLINGS_LIMIT:
                self.clear()
            self[name] = kind
        return kind

    def _classify(self, lowered: bytes) -> bytes | None:
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


def sorted_out(
    fields: Iterable[Field], kinds: FieldKinds
) -> tuple[list[Field], dict[bytes, list[bytes]]]:
    """The fields that pass, in order, and the values of the special ones by lower-case name.

    Those that are only noted are in both.
    """
    passing: list[Field] = []
    special: dict[bytes, list[bytes]] = {}
    for field in fields:
        kind = kinds[field[0]]
        if kind is None:
            passing.append(field)
        elif kind:
            special.setdefault(kind, []).append(field[1])
            if kind in NOTED:
                passing.append(field)
    connection = special.get(b"connection")
    if connection is not None:
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


def without_named(fields: list[Field], names: Iterable[bytes]) -> list[Field]:
    """The fields but for those that ``Connection`` names, as far as that is allowed."""
    removable = {
        name
        for name in names
        if name not in CONNECTION_OPTIONS
        and name not in PROTECTED
        and not name.startswith(PROTECTED_PREFIXES)
    }
    if not removable:
        return fields
    return [field for field in fields if field[0].lower() not in removable]
