"""Answers to "whose is this?", and what may answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator
from typing import Any, Protocol, runtime_checkable

import attrs

from pods.errors import Fault
from pods.middleware.question import Question
from pods.protocol import is_pod_name


def _pod_name(owner: Any, field: Any, value: Any) -> None:
    if not isinstance(value, str) or not is_pod_name(value):
        raise ValueError(f"Owner.pod is {value!r}; allowed: a pod's name, such as pod_eu0")


def _path(owner: Any, field: Any, value: Any) -> None:
    visible = isinstance(value, str) and all("!" <= character <= "~" for character in value)
    if value is not None and not (visible and value[:1] == "/" and not set(value) & set("?#")):
        raise ValueError(
            f"Owner.path is {value!r}; allowed: a path as it stands in the request,"
            " percent-encoded, without a query"
        )


def _ttl(owner: Any, field: Any, value: Any) -> None:
    if value is not None and not (value >= 0 and math.isfinite(value)):
        raise ValueError(f"Owner.ttl_seconds is {value!r}; allowed: a number, 0 or more")


@attrs.frozen
class Owner:
    """A pod, and the part of the site that belongs to it.

    :raises ValueError: a field cannot be what it is, with what it can be.
    """

    pod: str = attrs.field(validator=_pod_name)
    #: The request's path or a prefix of it, on a segment boundary, as it stands in the request.
    #: None: something else than the path decided, so routers must not learn from it.
    path: str | None = attrs.field(default=None, validator=_path)
    exact: bool = False  #: only this path, nothing under it
    #: How long routers may remember it; None: as long as they like.
    ttl_seconds: float | None = attrs.field(default=None, validator=_ttl)
    once: bool = False  #: for this request only; it may belong to another pod in a moment
    fixed: bool = False  #: always this pod's, whichever tenant asks


@attrs.frozen
class Step:
    """Something that has to be called, and perhaps awaited, before the owner is known."""

    call: Callable[[], Any]
    blocks: bool = False  #: it may wait for a disk or a network: not for an event loop's thread


#: Yields steps, is sent what each gave, and returns the owner, or None: nobody's.
Steps = Generator[Step, Any, Owner | None]


@runtime_checkable
class Owners(Protocol):
    """Whose a request is, in steps, so that the same code serves with and without an event loop."""

    def steps(self, question: Question) -> Steps:
        """How to find the owner."""
        ...

    def faults(self, pods: frozenset[str] | None) -> Iterator[Fault]:
        """What is wrong with it.

        :param pods: the names of all pods, if they are known.
        """
        ...
