"""Pods by a key, whatever the keys are kept in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from inspect import signature
from typing import Any

from pods.errors import Fault
from pods.middleware.owners import Step
from pods.protocol import is_pod_name


class Table(ABC):
    """Pods by a key: a path prefix, the name of a tenant, or a host.

    Subclasses know where the keys are kept.
    """

    blocks = False  #: look-ups may wait for a disk or a network

    @abstractmethod
    def pod_of(self, key: str) -> str | None:
        """The pod of this key, or None."""

    def faults(self, pods: frozenset[str] | None) -> Iterator[Fault]:
        """What is wrong with the table."""
        return iter(())


#: What helpers look keys up in.  A callable takes the key and returns the pod's name or None, or
#: an awaitable of that.
Lookup = Mapping[str, str] | Table | Callable[[str], Any]


def asking(lookup: Lookup, key: str) -> Step:
    """The step that gives the pod of this key."""
    if isinstance(lookup, Mapping):
        mapping = lookup
        return Step(lambda: found(mapping, key))
    if isinstance(lookup, Table):
        table = lookup
        return Step(lambda: table.pod_of(key), table.blocks)
    called = lookup
    return Step(lambda: called(key))


def spellings(key: str) -> tuple[str, str, str]:
    """How a table may spell a key: ``my-company``, ``/my-company`` or ``/my-company/``."""
    return key, f"/{key}", f"/{key}/"


def found(mapping: Mapping[str, str], key: str) -> str | None:
    """What a mapping has for a key, in any of its spellings."""
    return next((mapping[one] for one in spellings(key) if one in mapping), None)


def lookup_faults(lookup: Any, where: str, pods: frozenset[str] | None) -> Iterator[Fault]:
    """What is wrong with something to look keys up in.

    :param where: what it is called in faults.
    :param pods: the names of all pods, if they are known.
    """
    if isinstance(lookup, Mapping):
        yield from mapping_faults(lookup, where, pods)
    elif isinstance(lookup, Table):
        yield from lookup.faults(pods)
    elif not callable(lookup):
        allowed = "a mapping, a table or a function from a key to a pod's name"
        yield Fault(where, f"is {lookup!r}", allowed)
    else:
        yield from signature_faults(lookup, where, ["key"])


def mapping_faults(
    entries: Mapping[str, str], where: str, pods: frozenset[str] | None
) -> Iterator[Fault]:
    """What is wrong with pods by their keys."""
    seen: set[str] = set()
    for key, pod in entries.items():
        place = f"{where}[{key!r}]"
        bare = key.strip("/") if isinstance(key, str) else ""
        if not bare:
            yield Fault(place, "names nothing, or every path", "a key such as /my-company")
        elif bare in seen:
            yield Fault(place, "is there twice, with and without slashes", "one of them")
        seen.add(bare)
        yield from pod_faults(pod, place, pods)


def pod_faults(pod: Any, where: str, pods: frozenset[str] | None) -> Iterator[Fault]:
    """What is wrong with the name of a pod."""
    if not isinstance(pod, str) or not is_pod_name(pod):
        allowed = "a pod's name: letters, digits, _, ., -; at most 63"
        yield Fault(where, f"is {pod!r}", allowed)
    elif pods is not None and pod not in pods:
        yield Fault(where, f"is {pod!r}, and there is no such pod", ", ".join(sorted(pods)))


def signature_faults(function: Any, where: str, arguments: list[str]) -> Iterator[Fault]:
    """Whether a function cannot take these arguments."""
    try:
        parameters = signature(function)
    except (TypeError, ValueError):
        return  # some built-ins do not say
    try:
        parameters.bind(*arguments)
    except TypeError as error:
        yield Fault(where, f"cannot be called: {error}", f"takes ({', '.join(arguments)})")
