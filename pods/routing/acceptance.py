"""Which claims about a path the router believes.

A pod speaks for what it was asked about and for itself, and for nothing else: without
this rule one pod could take over the paths of all others (contract, section 4).
"""

from __future__ import annotations

import enum

from pods.interfaces import Route
from pods.protocol import PATH_LIMIT_BYTES, CacheClaim
from pods.routing.paths import ROOT, covers, is_ambiguous, normalized


class Refused(enum.StrEnum):
    """Why a claim is not believed; the values name counters."""

    ROOT = "root"  #: ``/`` would take every path
    TOO_LONG = "too_long"  #: over 255 bytes
    AMBIGUOUS = "ambiguous"  #: the claimed or the asked path means different things to servers
    NOT_A_PREFIX = "not_a_prefix"  #: it does not cover what was asked for
    OTHER_POD = "other_pod"  #: a pod claimed a path for another pod


def acceptable(route_path: str, exact: bool, asked_path: str) -> Refused | None:
    """Why a route may not be learned from a request, or None if it may.

    :param route_path: the path that the route is for.
    :param exact: the route is for that path alone.
    :param asked_path: the path of the request, as the client sent it.
    """
    if normalized(route_path) == ROOT:
        return Refused.ROOT
    if len(route_path) > PATH_LIMIT_BYTES:
        return Refused.TOO_LONG
    if is_ambiguous(route_path) or is_ambiguous(asked_path):
        return Refused.AMBIGUOUS
    return None if covers(route_path, asked_path, exact) else Refused.NOT_A_PREFIX


def taught_route(claim: CacheClaim, answered_by: str, asked_path: str) -> Route | Refused:
    """The route that a pod's cache header teaches, or why it teaches none.

    :param answered_by: the name of the pod whose response carries the claim.
    :param asked_path: the path of the request, as the client sent it.
    """
    if claim.pod not in (None, answered_by):
        return Refused.OTHER_POD
    reason = acceptable(claim.path, claim.exact, asked_path)
    if reason is not None:
        return reason
    return Route(claim.path, answered_by, claim.exact, claim.ttl_seconds)
