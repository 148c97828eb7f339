"""Whose is this path?  The one function from which a pod's bounces, what it teaches
and its learn answers all come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from urllib.parse import unquote

import attrs

from pods.protocol import CacheClaim, LearnAnswer


class Kind(Enum):
    """Why a path belongs to its pod."""

    NAMESPACE = "the pod that holds the namespace"
    ORGANIZATION = "the pod that holds the organization"
    POD_ADMIN = "the pod that is named in the path"
    ADMIN = "locked to the legacy pod"
    GLOBAL = "the legacy pod, for legacy users"
    FIXED = "any pod can; routers that ask are sent to the first one of their region"


#: A pod that gets one of these and does not own it bounces it; the one that owns it teaches it.
TENANTS = frozenset({Kind.NAMESPACE, Kind.ORGANIZATION, Kind.POD_ADMIN})
_FIXED = frozenset({Kind.ADMIN, Kind.FIXED})
#: First segments that mean something else, so no namespace may be called so.
RESERVED = frozenset({"-", "admin", "api", "dashboard", "groups", "organizations", "users"})


@attrs.frozen
class Cluster:
    """All pods, as one of them sees them."""

    me: str  #: the name of this pod
    regions: Mapping[str, str]  #: the region of each pod, by its name, in order
    legacy: str  #: holds "GitLab.com Public" and the global pages

    @property
    def region(self) -> str:
        """The region of this pod."""
        return self.regions[self.me]

    @property
    def fixed(self) -> str:
        """The pod that fixed paths are sent to: the first one of this region."""
        return next(pod for pod, region in self.regions.items() if region == self.region)


@attrs.frozen
class TenantRoute:
    """A row of the shared table ``routes``."""

    path: str  #: ``my-company`` or ``organizations/my-organization``
    pod_id: str
    organization: str  #: its path, such as ``my-organization``
    private: bool  #: only members may know that it exists


@attrs.frozen
class Owner:
    """A path prefix (or one exact path) and the pod that it belongs to."""

    kind: Kind
    path: str  #: as it stands in the request
    pod: str
    exact: bool = False
    route: TenantRoute | None = None  #: of a namespace or an organization

    @property
    def learn_answer(self) -> LearnAnswer:
        """What a router that asks is told."""
        source = "fixed" if self.kind in _FIXED else "routable"
        return LearnAnswer(self.path, self.pod, source, self.exact)

    @property
    def claim(self) -> CacheClaim | None:
        """What the pod that owns the path teaches with its answer, if anything."""
        return CacheClaim(f"{self.path}/") if self.kind in TENANTS else None


def owner_of(
    path: str, cluster: Cluster, find: Callable[[str], TenantRoute | None]
) -> Owner | None:
    """The owner of a path, or None if it is nobody's.

    :param path: percent-encoded, as the client sent it, without the query.
    :param find: the route of a namespace or ``organizations/<name>``, or None.
    """
    match path.removesuffix("/").split("/"):
        case ["", "dashboard", *_]:
            return Owner(Kind.GLOBAL, "/dashboard", cluster.legacy)
        case ["", "users" | "groups" as first, *_]:
            return Owner(Kind.FIXED, f"/{first}", cluster.fixed)
        case ["", "-", "profile"]:
            return Owner(Kind.FIXED, "/-/profile", cluster.fixed, exact=True)
        case ["", "admin"]:
            return Owner(Kind.ADMIN, "/admin", cluster.legacy, exact=True)
        case ["", "admin", "pods", pod, *_] if pod in cluster.regions:
            return Owner(Kind.POD_ADMIN, f"/admin/pods/{pod}", pod)
        case ["", "organizations", name, *_]:
            route = find(f"organizations/{_decoded(name)}")
            return _tenant(Kind.ORGANIZATION, f"/organizations/{name}", route)
        case ["", name, *_]:
            return _tenant(Kind.NAMESPACE, f"/{name}", find(_decoded(name)))
    return None


def _tenant(kind: Kind, path: str, route: TenantRoute | None) -> Owner | None:
    return None if route is None else Owner(kind, path, route.pod_id, route=route)


def _decoded(segment: str) -> str:
    """A segment as a name; one with an encoded slash is no name, and nobody's."""
    name = unquote(segment)
    return "" if "/" in name else name
