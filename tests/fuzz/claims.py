"""What holds for every claim that the router believes; shared by the targets about claims."""

from __future__ import annotations

import re

from pods.interfaces import Route
from pods.routing.acceptance import Refused, acceptable
from pods.routing.table import RouteTable
from tests.fuzz.target import promise, same

TTL_SECONDS = 3600.0
PATH = re.compile(rb"/[\x21\x22\x24-\x3e\x40-\x7e]*")


def split(data: bytes) -> tuple[str, bytes] | None:
    """The asked path and the claim: the first line of an input and the others.

    None if no request could have that path.
    """
    path, _, claim = data.partition(b"\n")
    return (path.decode("ascii"), claim) if PATH.fullmatch(path) else None


def check_acceptance(path: str, exact: bool, asked_path: str) -> Refused | None:
    """Why the claim is refused, or None; it must cover what was asked for, by whole segments."""
    refused = acceptable(path, exact, asked_path)
    if refused is None:
        claimed, asked = segments(path), segments(asked_path)
        promise(bool(claimed), "the root is claimed", path)
        same(claimed, asked if exact else asked[: len(claimed)], "it does not cover the path")
        promise(not {".", "..", ""} & {*claimed, *asked}, "it can mean something else", path)
    return refused


def check_time(ttl_seconds: float | None) -> None:
    """A claim holds for a time that is none at all, or can be measured."""
    promise(ttl_seconds is None or 0 <= ttl_seconds < float("inf"), "no time", ttl_seconds)


def segments(path: str) -> list[str]:
    return path.removesuffix("/").split("/")[1:]


def check_remembered(route: Route, asked_path: str) -> None:
    """What is remembered is found for the path that was asked for, with a time that is bounded."""
    table = RouteTable(lambda: 0.0, 10, TTL_SECONDS, TTL_SECONDS)
    entry = table.remember(route)
    if route.ttl_seconds == 0:
        promise(entry is None, "what is to be forgotten is remembered", route)
        return
    promise(entry is not None, "what is accepted is not remembered", route)
    same(table.lookup(asked_path), entry, "the route is not found again")
    promise(entry is not None and 0 < entry.expires_at <= TTL_SECONDS, "no bounded time", entry)
