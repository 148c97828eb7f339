"""Who lives where, in the shared database ``routes``, and what a pod holds of its own
tenants, in its database ``main``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import attrs
from sqlite_utils import Database

from pods.reference.databases import writing
from pods.reference.ownership import RESERVED, TenantRoute

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
NAME_ALLOWED = "3 to 63 small letters, digits and -, no - at the ends"


def is_free_name(name: str) -> bool:
    """Whether this may be the name of something new: well-formed, and no word of ours."""
    return _NAME.fullmatch(name) is not None and name not in RESERVED


@attrs.frozen
class Organization:
    """A row of the shared table ``organizations``."""

    path: str
    name: str
    invitation: str  #: who knows it may join


@attrs.frozen
class Project:
    """A row of a pod's own table ``projects``."""

    path: str  #: ``my-company/my-project``
    namespace: str
    name: str
    description: str
    private: bool


@attrs.frozen
class Tenants:
    """Reads and writes routes, organizations, namespaces and projects.

    :param routes: the shared database.
    :param main: the pod's own database.
    """

    routes: Database
    main: Database

    def find(self, path: str) -> TenantRoute | None:
        """The route of a namespace or ``organizations/<name>``."""
        row = _one(self.routes, "select * from routes where path = ?", path)
        return None if row is None else _route(row)

    def organization(self, path: str) -> Organization | None:
        """The organization of that path."""
        row = _one(self.routes, "select * from organizations where path = ?", path)
        return None if row is None else Organization(**row)

    def invited_to(self, invitation: str) -> Organization | None:
        """The organization that this invitation opens."""
        row = _one(self.routes, "select * from organizations where invitation = ?", invitation)
        return None if row is None else Organization(**row)

    def namespaces_of(self, organization: str, pod_id: str) -> Sequence[TenantRoute]:
        """The namespaces of an organization on a pod, in alphabetical order."""
        rows = self.routes.query(
            "select * from routes where organization = ? and pod_id = ?"
            " and path not like 'organizations/%' order by path",
            [organization, pod_id],
        )
        return [_route(row) for row in rows]

    def add_organization(self, organization: Organization, pod_id: str) -> None:
        """Make an organization on a pod.

        :raises sqlite3.IntegrityError: the path is taken.
        """
        path = f"organizations/{organization.path}"
        with writing(self.routes):
            self.routes.table("organizations").insert(attrs.asdict(organization))
            self.add_route(TenantRoute(path, pod_id, organization.path, private=True))

    def add_route(self, route: TenantRoute) -> None:
        """Make a route, which says which pod holds the rest.

        :raises sqlite3.IntegrityError: the path is taken.
        """
        with writing(self.routes):
            self.routes.table("routes").insert(attrs.asdict(route))

    def add_namespace(self, route: TenantRoute, name: str) -> None:
        """Make a namespace on this pod, whose name is ``route.pod_id``.

        :raises sqlite3.IntegrityError: the path is taken.
        """
        with writing(self.routes), writing(self.main):
            self.add_route(route)
            self.hold_namespace(route.path, name)

    def hold_namespace(self, path: str, name: str) -> None:
        """Make the part of a namespace that is in this pod's own database."""
        self.main.table("namespaces").upsert({"path": path, "name": name})

    def namespace_name(self, path: str) -> str | None:
        """What a namespace on this pod is called."""
        row = _one(self.main, "select name from namespaces where path = ?", path)
        return None if row is None else row["name"]

    def project(self, path: str) -> Project | None:
        """The project on this pod at ``namespace/project``."""
        row = _one(self.main, "select * from projects where path = ?", path)
        return None if row is None else _project(row)

    def projects(self, namespace: str | None = None) -> Sequence[Project]:
        """The projects of a namespace, or all on this pod, in alphabetical order."""
        rows = self.main.query(
            "select * from projects where namespace = coalesce(?, namespace) order by path",
            [namespace],
        )
        return [_project(row) for row in rows]

    def hold_project(self, project: Project) -> None:
        """Make a project on this pod, or change it."""
        self.main.table("projects").upsert(attrs.asdict(project))


def _route(row: dict[str, Any]) -> TenantRoute:
    return TenantRoute(**row | {"private": bool(row["private"])})


def _project(row: dict[str, Any]) -> Project:
    return Project(**row | {"private": bool(row["private"])})


def _one(database: Database, sql: str, value: str) -> dict[str, Any] | None:
    return next(database.query(sql, [value]), None)
