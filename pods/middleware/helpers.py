"""Whose a request is by its path, its host or one of its headers.

Each function makes something that the wrappers take as ``who_owns``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs

from pods.errors import Fault
from pods.middleware.lookups import Lookup, asking, lookup_faults, signature_faults
from pods.middleware.owners import Owner, Owners, Steps
from pods.middleware.question import Question

SEGMENTS = 4  #: so long are the longest prefixes that are looked up, unless told otherwise

Reader = Callable[[str], str | None]  #: from what stands in a request to a key, or None


def by_first_segment(lookup: Lookup) -> Owners:
    """The pod of the path's first segment: ``my-company`` in ``/my-company/project``.

    :param lookup: pods by the decoded segment.
    """
    return _ByPrefix(lookup, 1)


def by_prefix(lookup: Lookup, segments: int = SEGMENTS) -> Owners:
    """The pod of the longest prefix of the path that the table has.

    :param lookup: pods by decoded prefix; ``/my-company``, ``/my-company/`` and ``my-company``
        mean the same.  A function is called with the last of these.
    :param segments: no prefix is longer; at most so many look-ups are made for a request.
    """
    return _ByPrefix(lookup, segments)


def by_host(lookup: Lookup, below: str = "") -> Owners:
    """The pod of the request's host.  Routers learn nothing from it, and cannot ask ahead.

    :param lookup: pods by host, in small letters and without a port.
    :param below: a domain; the key is what stands before it, ``acme`` in ``acme.example.com``.
    """
    return _ByHost(lookup, below.lower().strip("."))


def by_header(name: str, lookup: Lookup, read: Reader | None = None) -> Owners:
    """The pod that a header decides.  Routers learn nothing from it, and cannot ask ahead.

    :param lookup: pods by the header's value.
    :param read: makes a key of the value, or None if there is none in it.
    """
    return _ByHeader(name, lookup, read)


def by_token(lookup: Lookup, read: Reader | None = None, scheme: str = "Bearer") -> Owners:
    """The pod of the token in ``Authorization: Bearer TOKEN``, as :func:`by_header`.

    :param read: makes a key of the token, such as the tenant that is named in it.  Whether the
        token is good is for the application to say, as for every request that reaches it.
    """

    def credentials(value: str) -> str | None:
        found, _, token = value.strip().partition(" ")
        if found.lower() != scheme.lower() or not token.strip():
            return None
        return token.strip() if read is None else read(token.strip())

    return _ByHeader("Authorization", lookup, credentials)


@attrs.frozen
class _ByPrefix:
    _lookup: Lookup
    _segments: int

    def steps(self, question: Question) -> Steps:
        names = question.names[: self._segments]
        for count in range(len(names), 0, -1):
            key = "/".join(names[:count]).rstrip("/")
            pod = (yield asking(self._lookup, key)) if key else None
            if pod is not None:
                return Owner(pod, question.prefix(count))
        return None

    def faults(self, pods: frozenset[str] | None) -> Iterator[Fault]:
        if not isinstance(self._segments, int) or self._segments < 1:
            yield Fault("segments", f"is {self._segments!r}", "a number, 1 or more")
        yield from lookup_faults(self._lookup, "prefixes", pods)


@attrs.frozen
class _ByHost:
    _lookup: Lookup
    _below: str

    def steps(self, question: Question) -> Steps:
        key = question.host
        if self._below:
            key = key.removesuffix(f".{self._below}")
            if key == question.host:
                return None
        pod = (yield asking(self._lookup, key)) if key else None
        return None if pod is None else Owner(pod)

    def faults(self, pods: frozenset[str] | None) -> Iterator[Fault]:
        yield from lookup_faults(self._lookup, "hosts", pods)


@attrs.frozen
class _ByHeader:
    _name: str
    _lookup: Lookup
    _read: Reader | None

    def steps(self, question: Question) -> Steps:
        key = question.header(self._name)
        if key is not None and self._read is not None:
            key = self._read(key)
        pod = (yield asking(self._lookup, key)) if key else None
        return None if pod is None else Owner(pod)

    def faults(self, pods: frozenset[str] | None) -> Iterator[Fault]:
        if self._read is not None:
            yield from signature_faults(self._read, "read", ["value"])
        yield from lookup_faults(self._lookup, f"header {self._name}", pods)
