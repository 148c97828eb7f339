"""Whose a request is by what is in its body, for when neither path nor headers say it.

The body is read up to a limit and given to the application all the same.  Only pods can look into
a body, so this works by bounces: routers learn nothing, and those that ask ahead are told nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from typing import Any

import attrs

from pods.errors import Fault
from pods.middleware.lookups import Lookup, asking, lookup_faults, signature_faults
from pods.middleware.owners import Owner, Owners, Step, Steps
from pods.middleware.question import Question

LIMIT_BYTES = 65_536  #: of a body that is looked into, unless told otherwise


def by_body(
    lookup: Lookup,
    read: Callable[[bytes], str | None],
    *,
    paths: Collection[str],
    methods: Collection[str] = ("POST",),
    limit_bytes: int = LIMIT_BYTES,
) -> Owners:
    """The pod that the body decides.

    :param read: makes a key of the body, or None if there is none in it.  It gets the first
        ``limit_bytes`` of a longer body.
    :param paths: where to look into bodies; no others are touched.
    """
    return _ByBody(lookup, read, frozenset(paths), frozenset(methods), limit_bytes)


def by_graphql_variable(
    name: str,
    lookup: Lookup,
    *,
    paths: Collection[str] = ("/graphql",),
    limit_bytes: int = LIMIT_BYTES,
) -> Owners:
    """The pod that a variable of a GraphQL request decides.

    :param name: of the variable; ``input.company`` is ``company`` in the variable ``input``.
    :param limit_bytes: a longer request is nobody's.
    """
    steps = ["variables", *name.split(".")]
    return by_body(lookup, lambda body: _value(body, steps), paths=paths, limit_bytes=limit_bytes)


def _value(body: bytes, steps: list[str]) -> str | None:
    """The text at the end of these steps into JSON, or None."""
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    return value if isinstance(value, str) else None


@attrs.frozen
class _ByBody:
    _lookup: Lookup
    _read: Callable[[bytes], str | None]
    _paths: frozenset[str]
    _methods: frozenset[str]
    _limit_bytes: int

    def steps(self, question: Question) -> Steps:
        if question.path not in self._paths or question.method not in self._methods:
            return None
        body = yield Step(lambda: question.body(self._limit_bytes))
        key = self._read(body) if body else None
        pod = (yield asking(self._lookup, key)) if key else None
        return None if pod is None else Owner(pod)

    def faults(self, pods: frozenset[str] | None) -> Iterator[Fault]:
        if not isinstance(self._limit_bytes, int) or self._limit_bytes < 1:
            yield Fault("limit_bytes", f"is {self._limit_bytes!r}", "a number, 1 or more")
        for path in sorted(self._paths):
            if not path.startswith("/"):
                yield Fault("paths", f"has {path!r}", "paths that begin with /")
        yield from signature_faults(self._read, "read", ["body"])
        yield from lookup_faults(self._lookup, "bodies", pods)
