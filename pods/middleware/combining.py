"""One answer to "whose is this?" from several: who is asked first, and what is made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from pods.errors import Fault
from pods.middleware.helpers import by_prefix
from pods.middleware.lookups import Lookup, Table, signature_faults
from pods.middleware.owners import Owner, Owners, Step, Steps
from pods.middleware.question import Question

#: A function takes a question and returns an :class:`Owner`, the name of a pod (which owns just
#: that path), None (nobody's), or an awaitable of one of them.  A mapping or a table has prefixes.
WhoOwns = Owners | Mapping[str, str] | Table | Callable[[Question], Any]

MOVED_TTL_SECONDS = 60.0  #: routers ask again after that about a tenant that has moved


def owners_of(who_owns: WhoOwns) -> Owners:
    """Whatever says who owns what, in the one form that the wrappers know."""
    if isinstance(who_owns, Owners):
        return who_owns
    if isinstance(who_owns, Mapping | Table):
        return by_prefix(who_owns)
    return _ByFunction(who_owns)


def first(*who_owns: WhoOwns) -> Owners:
    """The answer of the first of these that has one."""
    return _First(tuple(map(owners_of, who_owns)))


def once(who_owns: WhoOwns) -> Owners:
    """The same owners, but for each request only: for what may be elsewhere in a moment.

    Routers are sent on and neither forget what they know nor learn anything.
    """
    return _Changed(owners_of(who_owns), {"once": True})


def moved(markers: Lookup, who_owns: WhoOwns, ttl_seconds: float = MOVED_TTL_SECONDS) -> Owners:
    """The same owners, but for tenants that have moved: their markers win.

    Set the marker on the pod that a tenant has moved to first, and then on the one that it left;
    take them away once ``who_owns`` knows it everywhere.

    :param markers: pods by path prefix.
    :param ttl_seconds: routers ask again after that.
    """
    return first(_Changed(by_prefix(markers), {"ttl_seconds": ttl_seconds}), who_owns)


@attrs.frozen
class _ByFunction:
    _function: Callable[[Question], Any]

    def steps(self, question: Question) -> Steps:
        answer = yield Step(lambda: self._function(question))
        if answer is None or isinstance(answer, Owner):
            return answer
        if isinstance(answer, str):
            return Owner(answer, question.path, exact=True)
        raise TypeError(f"who_owns gave {answer!r}; allowed: an Owner, the name of a pod, or None")

    def faults(self, pods: frozenset[str] | None) -> Iterator[Fault]:
        if not callable(self._function):
            allowed = "a function, a mapping, a table, or what a helper makes"
            yield Fault("who_owns", f"is {self._function!r}", allowed)
        else:
            yield from signature_faults(self._function, "who_owns", ["question"])


@attrs.frozen
class _First:
    _owners: tuple[Owners, ...]

    def steps(self, question: Question) -> Steps:
        for one in self._owners:
            owner = yield from one.steps(question)
            if owner is not None:
                return owner
        return None

    def faults(self, pods: frozenset[str] | None) -> Iterator[Fault]:
        for one in self._owners:
            yield from one.faults(pods)


@attrs.frozen
class _Changed:
    _owners: Owners
    _changes: Mapping[str, Any]

    def steps(self, question: Question) -> Steps:
        owner = yield from self._owners.steps(question)
        return None if owner is None else attrs.evolve(owner, **self._changes)

    def faults(self, pods: frozenset[str] | None) -> Iterator[Fault]:
        try:
            Owner("any", **self._changes)
        except (TypeError, ValueError) as error:
            yield Fault("ttl_seconds", str(error), "a number of seconds, 0 or more")
        yield from self._owners.faults(pods)
