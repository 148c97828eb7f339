"""A request flow of the proposals, as data: what is known before, every hop, what is
remembered afterwards.

Hops are written as the proposals' diagrams write them, one line each::

    user->>router_eu: GET /my-company/my-project
    router_eu->>pod_eu1: GET /my-company/my-project [strategy, attempt 1]
    pod_eu1->>router_eu: 302 /my-company/my-project X-Gitlab-Pod-Redirect={"pod": "pod_eu0"}

A request to a pod says in brackets how the router came to that pod
(``X-Gitlab-Pod-Route``) and which pod in turn it is (``X-Gitlab-Pod-Attempt``).
An answer says its status, and where it sends the user, what its page is headed, or its JSON.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from pods.interfaces import Route

USER = "user"
_HOP = re.compile(r"(\w+)->>(\w+): (.+)")
_ROUTE = re.compile(r"(/\S*?)(/\*)? => (\w+)")


@attrs.frozen
class Hop:
    """Something that was sent."""

    sender: str
    receiver: str
    text: str

    @classmethod
    def parse(cls, line: str) -> Hop:
        """Read a line.

        :raises ValueError: it is none.
        """
        match = _HOP.fullmatch(line.strip())
        if match is None:
            raise ValueError(f"not a hop: {line!r}")
        return cls(*match.groups())

    def __str__(self) -> str:
        return f"{self.sender}->>{self.receiver}: {self.text}"


@attrs.frozen(kw_only=True)
class Flow:
    """One flow, with what a router, some pods and a user are expected to send each other."""

    title: str  #: as in the proposal
    section: str  #: the heading above it
    router: str  #: the user's nearest
    user: str | None  #: who is signed in when it begins
    #: An organization, and the pod that it is moved to before it begins.
    moves: tuple[str, str] | None = None
    chances: tuple[str, ...] = ()  #: the pods that are picked at random, in turn
    knows: tuple[str, ...] = ()  #: routes that the router remembers when it begins
    remembers: tuple[str, ...] = ()  #: and when it is over
    form: Mapping[str, str] = attrs.field(factory=dict)  #: what the user sends with a POST
    #: What is sent as JSON instead; a ``token`` of ``$NAME`` is one that the player knows.
    json: Mapping[str, Any] | None = None
    hops: tuple[Hop, ...]

    @property
    def visits(self) -> Sequence[tuple[str, str]]:
        """What the user asks for: method and target, in turn."""
        texts = (hop.text.split(" ") for hop in self.hops if hop.sender == USER)
        return [(method, target) for method, target in texts]


def hops(diagram: str) -> tuple[Hop, ...]:
    """The hops in the lines of a diagram."""
    return tuple(Hop.parse(line) for line in diagram.strip().splitlines())


def both(
    bounce: str,
    learn: str,
    bounced: tuple[str, ...] = (),
    learned: tuple[str, ...] = (),
    **same: Any,
) -> tuple[Flow, Flow]:
    """A flow under each strategy.

    :param bounce: its diagram under that strategy, and
    :param learn: under the other.
    :param bounced: what the router remembers when it is over, and
    :param learned: under the other.
    :param same: what a :class:`Flow` says besides.
    """
    return (
        Flow(hops=hops(bounce), remembers=bounced, **same),
        Flow(hops=hops(learn), remembers=learned, **same),
    )


def route_of(text: str) -> Route:
    """A route from ``/my-company/* => pod_eu0``, or ``/admin => pod_us0`` if it is exact."""
    match = _ROUTE.fullmatch(text)
    if match is None:
        raise ValueError(f"not a route: {text!r}")
    path, under, pod = match.groups()
    return Route(path, pod, exact=under is None)


def shown_route(path: str, exact: bool, pod: str) -> str:
    """The inverse of :func:`route_of`."""
    return f"{path}{'' if exact else '/*'} => {pod}"
