"""Whose is this path?  The one function from which a pod's bounces, what it teaches
and its learn answers all come.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from types import MappingProxyType
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
    API = "the pod that holds what the path names by its id or name"
    API_ENCODED = "likewise, in a path that routers neither look up nor remember"
    API_ANY = "any pod can, or finds in the body whose it is; for routers that ask as FIXED"


#: A pod that gets one of these and does not own it bounces it; the one that owns it teaches it.
TENANTS = frozenset({Kind.NAMESPACE, Kind.ORGANIZATION, Kind.POD_ADMIN, Kind.API})
_FIXED = frozenset({Kind.ADMIN, Kind.FIXED, Kind.API_ANY})
#: First segments that mean something else, so no namespace may be called so.
RESERVED = frozenset(
    {"-", "admin", "api", "dashboard", "groups", "organizations", "search", "users"}
)
#: What kinds of things have an id in the API's paths: by the collection's name there.
ID_KINDS: Mapping[str, str] = MappingProxyType(
    {"projects": "projects", "groups": "namespaces", "jobs": "jobs"}
)
_ID = re.compile(r"[0-9]{1,18}")  # what every database takes for an integer


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


Find = Callable[[str], TenantRoute | None]
PodOfId = Callable[[str, int], str | None]


def owner_of(path: str, cluster: Cluster, find: Find, pod_of_id: PodOfId) -> Owner | None:
    """The owner of a path, or None if it is nobody's.

    :param path: percent-encoded, as the client sent it, without the query.
    :param find: the route of a namespace or ``organizations/<name>``, or None.
    :param pod_of_id: the pod that holds the thing of that kind with that id, or None.
    """
    if "%00" in path:  # no database keeps a NUL
        return None
    match path.removesuffix("/").split("/"):
        case ["", "dashboard", *_]:
            return Owner(Kind.GLOBAL, "/dashboard", cluster.legacy)
        case ["", "api", *segments]:
            return _of_api(segments, cluster, find, pod_of_id)
        case ["", "users" | "groups" | "search" as first, *_]:
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


def _of_api(
    segments: Sequence[str], cluster: Cluster, find: Find, pod_of_id: PodOfId
) -> Owner | None:
    """The owner of a path below ``/api``."""
    match segments:
        case ["organizations", name, *_]:
            route = find(f"organizations/{_decoded(name)}")
            return _tenant(Kind.API, f"/api/organizations/{name}", route)
        case ["graphql"] | ["v4", "jobs", "request"]:
            return Owner(Kind.API_ANY, f"/api/{'/'.join(segments)}", cluster.fixed, exact=True)
        case ["v4", "personal_access_tokens" | "runners" | "search" | "user" as first, *_]:
            return Owner(Kind.API_ANY, f"/api/v4/{first}", cluster.fixed)
        case ["v4", collection, segment, *_] if (
            collection in ID_KINDS and (number := id_of(segment)) is not None
        ):
            pod = pod_of_id(ID_KINDS[collection], number)
            path = f"/api/v4/{collection}/{segment}"
            return None if pod is None else Owner(Kind.API, path, pod)
        case ["v4", "projects" | "groups" as collection, encoded, *_]:
            name, slash, _ = unquote(encoded).partition("/")
            kind = Kind.API_ENCODED if slash else Kind.API
            return _tenant(kind, f"/api/v4/{collection}/{encoded}", find(name))
    return None


def id_of(segment: str) -> int | None:
    """The id that a segment of a path is, if it is one."""
    return int(segment) if _ID.fullmatch(segment) else None


def _tenant(kind: Kind, path: str, route: TenantRoute | None) -> Owner | None:
    return None if route is None else Owner(kind, path, route.pod_id, route=route)


def _decoded(segment: str) -> str:
    """A segment as a name; one with an encoded slash is no name, and nobody's."""
    name = unquote(segment)
    return "" if "/" in name else name
