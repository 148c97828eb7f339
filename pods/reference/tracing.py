"""What pods, routers and users really sent each other, in the words of ``flows``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

import attrs

from pods.protocol import LEARN_PATH, HeaderNames
from pods.reference.flows import USER, Hop, shown_route
from pods.reference.resource import Served

NAMES = HeaderNames()
_HEADING = re.compile(rb"<h1>.*?</h1>")


@attrs.frozen
class Received:
    """What a user got in the end."""

    status: int
    headers: Mapping[str, str]  #: by names in small letters
    body: bytes


@attrs.define
class Trace:
    """Collects what the pods served for one request of a user at a time."""

    _served: list[Served] = attrs.field(factory=list)

    def observe(self, served: Served) -> None:
        """For :class:`pods.reference.world.World`: called for each request that a pod answered."""
        self._served.append(served)

    def clear(self) -> None:
        """Forget what nobody has asked about."""
        self._served.clear()

    def take(self, router: str, request_id: str, received: Received) -> Iterator[Hop]:
        """The hops since the last call, up to what the user received.

        :param request_id: what the user's request said, so that a stray request shows.
        """
        served, self._served = self._served, []
        for one in served:
            yield Hop(router, one.pod, _request(one, request_id))
            yield Hop(one.pod, router if _is_for_router(one) else USER, _answer(one))
        final = served[-1] if served else None
        if final is None or _is_for_router(final) or not _agree(final, received):
            yield Hop(router, USER, _shown(received.status, received.headers, received.body))


class Remembered(Protocol):
    """An entry of a router's table."""

    @property
    def path(self) -> str: ...
    @property
    def exact(self) -> bool: ...
    @property
    def pod(self) -> str: ...


def remembered(entries: Iterable[Remembered]) -> tuple[str, ...]:
    """What a router remembers, in alphabetical order."""
    shown = (shown_route(entry.path, entry.exact, entry.pod) for entry in entries)
    return tuple(sorted(shown))


def _request(served: Served, request_id: str) -> str:
    text, headers = f"{served.method} {served.target}", served.request_headers
    if served.target.startswith(LEARN_PATH):
        return text
    route, attempt = headers.get(NAMES.route.lower()), headers.get(NAMES.attempt.lower())
    stray = "" if headers.get("x-request-id") == request_id else ", of another request"
    return f"{text} [{route}, attempt {attempt}{stray}]"


def _is_for_router(served: Served) -> bool:
    return served.target.startswith(LEARN_PATH) or NAMES.redirect.lower() in served.headers


def _answer(served: Served) -> str:
    if served.target.startswith(LEARN_PATH):
        return f"{served.status} {served.body.decode()}"
    text = _shown(served.status, served.headers, served.body)
    for name in (NAMES.redirect, NAMES.cache):
        if name.lower() in served.headers:
            text += f" {name}={served.headers[name.lower()]}"
    return text


def _shown(status: int, headers: Mapping[str, str], body: bytes) -> str:
    heading = _HEADING.search(body)
    is_json = headers.get("content-type") == "application/json"
    shown = heading[0] if heading else body if is_json else b"-"
    return f"{status} {headers.get('location') or shown.decode()}"


def _agree(served: Served, received: Received) -> bool:
    """Whether the user got what the pod sent, without the words between pods and router."""
    told = any(name.startswith(NAMES.prefix.lower()) for name in received.headers)
    sent = (served.status, served.headers.get("location"), served.body)
    return not told and sent == (
        received.status,
        received.headers.get("location"),
        received.body,
    )
