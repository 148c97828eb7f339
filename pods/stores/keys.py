"""How stores name routes, so that what lies below a path is one range of names.

A prefix route at ``/a/b`` has the key ``/a/b``, an exact one ``/a/b/``.  A *stem* is a path without
a slash at its end, and of the root nothing is left: all keys at an exact ``/a`` or below ``/a``
begin with its stem and a slash.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from pods.interfaces import Found, StoredRoute
from pods.protocol import PATH_LIMIT_BYTES
from pods.routing.paths import ROOT, normalized

_KEY_LIMIT = PATH_LIMIT_BYTES + 1


@attrs.frozen
class Known:
    """What one place knows of a path."""

    #: By key; also those that do not hold any more, and those without a pod.
    routes: Mapping[str, StoredRoute] = attrs.field(factory=dict)
    #: Keys, or beginnings of keys, among which are those that share the most with the path.
    neighbours: tuple[str, ...] = ()


def key_of(route: StoredRoute) -> str:
    """The key of a route."""
    return route.path + "/" if route.exact else route.path


def route_of(key: str, pod: str | None, learned_at: float, expires_at: float) -> StoredRoute:
    """The route that has this key."""
    exact = key.endswith("/")
    return StoredRoute(key[:-1] if exact else key, exact, pod, learned_at, expires_at)


def keys_of(path: str) -> list[str]:
    """The keys of all routes that can cover a path: the exact one, then longer before shorter.

    :param path: of however many segments; only those keys are given that a route can have.
    """
    key = normalized(path).rstrip("/") + "/"
    if len(key) > _KEY_LIMIT:
        key = key[: key.rfind("/", 0, _KEY_LIMIT)]
    keys = []
    while len(key) > 1:
        keys.append(key)
        key = key[: key.rfind("/")]
    return keys


def stems_of(path: str) -> list[str]:
    """The stems of a path and of all above it, the shortest first.

    Below the last one there is nothing, if it is longer than the path of a route can be.
    """
    whole = normalized(path).rstrip("/")
    stems, end = [""], 0
    while end < len(whole) and end <= PATH_LIMIT_BYTES:
        end = whole.find("/", end + 1)
        end = len(whole) if end < 0 else end
        stems.append(whole[:end])
    return stems


def found(path: str, knowledge: Iterable[Known], now: float) -> Found:
    """The answer to "what is known of this path?", put together from several places.

    :param knowledge: of two that learned a route at the same time, the later one is right.
    """
    newest: dict[str, StoredRoute] = {}
    neighbours: list[str] = []
    for known in knowledge:
        neighbours += known.neighbours
        for key, route in known.routes.items():
            if key not in newest or newest[key].learned_at <= route.learned_at:
                newest[key] = route
    routes = tuple(
        newest[key]
        for key in keys_of(path)
        if key in newest and newest[key].pod is not None and now < newest[key].expires_at
    )
    least = next((len(route.path) for route in routes if not route.exact), 0)
    return Found(routes, _empty_below(stems_of(path), least, neighbours))


def _empty_below(stems: list[str], least: int, neighbours: list[str]) -> str | None:
    for stem in stems:
        below = stem + "/"
        if len(stem) >= least and not any(key.startswith(below) for key in neighbours):
            return stem or ROOT
    return None
