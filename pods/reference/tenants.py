"""Who lives where, in the shared database ``routes``, and what a pod holds of its own
tenants, in its database ``main``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import attrs

from pods.reference.databases import Database, Transaction, writing
from pods.reference.ids import Ids
from pods.reference.ownership import RESERVED, TenantRoute
from pods.reference.tenancy import changing, claim

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
    id: int = 0  #: no other project on any pod has it; 0: not saved yet


@attrs.frozen
class Tenants:
    """Reads and writes routes, organizations, namespaces and projects.

    :param routes: the shared database.
    :param main: the pod's own database.
    :param ids: for what is made.
    """

    routes: Database
    main: Database
    ids: Ids

    def organization(self, path: str) -> Organization | None:
        """The organization of that path."""
        row = self.routes.one("select * from organizations where path = ?", path)
        return None if row is None else Organization(**row)

    def invited_to(self, invitation: str) -> Organization | None:
        """The organization that this invitation opens."""
        row = self.routes.one("select * from organizations where invitation = ?", invitation)
        return None if row is None else Organization(**row)

    def organizations_on(self, pod_id: str) -> Sequence[Organization]:
        """The organizations on a pod, in alphabetical order."""
        rows = self.routes.query(
            "select organizations.* from organizations"
            " join routes on routes.path = 'organizations/' || organizations.path"
            " where pod_id = ? order by organizations.path",
            [pod_id],
        )
        return [Organization(**row) for row in rows]

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

        :raises pods.reference.databases.Conflict: the path is taken.
        """
        path = f"organizations/{organization.path}"
        with writing(self.routes) as tx:
            tx.insert("organizations", attrs.asdict(organization))
            self.add_route(TenantRoute(path, pod_id, organization.path, private=True))

    def add_route(self, route: TenantRoute) -> None:
        """Make a route, which says which pod holds the rest.

        :raises pods.reference.databases.Conflict: the path is taken.
        """
        with writing(self.routes) as tx:
            tx.insert("routes", attrs.asdict(route))

    def add_namespace(self, route: TenantRoute, name: str) -> None:
        """Make a namespace on this pod, whose name is ``route.pod_id``.

        :raises pods.reference.databases.Conflict: the path is taken.
        :raises pods.reference.tenancy.Held: its organization is about to change pods.
        """
        with writing(self.routes) as tx, changing(self.main, route.organization):
            claim(tx, route.organization, route.pod_id)
            self.add_route(route)
            self.save_namespace(route.path, name)

    def save_namespace(self, path: str, name: str) -> None:
        """Make the part of a namespace that is in this pod's own database, or rename it."""
        with writing(self.main) as tx:
            number = self._id_of(tx, "namespaces", path)
            tx.upsert("namespaces", {"path": path, "id": number, "name": name})

    def namespace_name(self, path: str) -> str | None:
        """What a namespace on this pod is called."""
        row = self.main.one("select name from namespaces where path = ?", path)
        return None if row is None else row["name"]

    def namespace_id(self, path: str) -> int | None:
        """The id of a namespace on this pod; none on any pod has the same."""
        row = self.main.one("select id from namespaces where path = ?", path)
        return None if row is None else row["id"]

    def namespace_of_id(self, number: int) -> str | None:
        """The path of the namespace on this pod with that id."""
        row = self.main.one("select path from namespaces where id = ?", number)
        return None if row is None else row["path"]

    def project(self, path: str) -> Project | None:
        """The project on this pod at ``namespace/project``."""
        row = self.main.one("select * from projects where path = ?", path)
        return None if row is None else _project(row)

    def project_of_id(self, number: int) -> Project | None:
        """The project on this pod with that id."""
        row = self.main.one("select * from projects where id = ?", number)
        return None if row is None else _project(row)

    def projects(self, namespace: str | None = None) -> Sequence[Project]:
        """The projects of a namespace, or all on this pod, in alphabetical order."""
        rows = self.main.query(
            "select * from projects where namespace = coalesce(?, namespace) order by path",
            [namespace],
        )
        return [_project(row) for row in rows]

    def save_project(self, project: Project) -> None:
        """Make a project on this pod, or change it; it keeps the id that it has, or gets one."""
        with writing(self.main) as tx:
            number = self._id_of(tx, "projects", project.path)
            tx.upsert("projects", attrs.asdict(project) | {"id": number})

    def _id_of(self, tx: Transaction, kind: str, path: str) -> int:
        row = tx.one(f"select id from {kind} where path = ?", path)
        return self.ids.next(kind) if row is None else row["id"]


def _route(row: dict[str, Any]) -> TenantRoute:
    return TenantRoute(**row | {"private": bool(row["private"])})


def _project(row: dict[str, Any]) -> Project:
    return Project(**row | {"private": bool(row["private"])})
