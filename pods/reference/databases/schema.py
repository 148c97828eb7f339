"""The tables of each database.

The types are those that SQLite and PostgreSQL both take: ``text``, ``bigint``, ``boolean`` and
``double precision``.  No column may be null.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import attrs


@attrs.frozen
class Table:
    """One table."""

    columns: Mapping[str, str]  #: the SQL type of each
    key: tuple[str, ...]  #: the columns whose values together are unique


#: Which organizations a pod serves: in each database that is its own, so that a transaction there
#: can depend on it.
TENANCIES = Table(
    {"organization": "text", "here": "boolean", "number": "bigint", "writes": "bigint"},
    ("organization",),
)
#: The tables of each database, by their names.
SCHEMAS: Mapping[str, Mapping[str, Table]] = MappingProxyType(
    {
        "users": {
            "users": Table(
                {
                    "username": "text",
                    "password": "text",
                    "generation": "bigint",
                    "default_organization": "text",
                    "admin": "boolean",
                },
                ("username",),
            ),
            "memberships": Table({"username": "text", "path": "text"}, ("username", "path")),
            "sessions": Table(
                {
                    "token_hash": "text",
                    "username": "text",
                    "generation": "bigint",
                    "expires_at": "double precision",
                },
                ("token_hash",),
            ),
            "access_tokens": Table(
                {"token_hash": "text", "username": "text", "name": "text"}, ("token_hash",)
            ),
        },
        "routes": {
            "routes": Table(
                {"path": "text", "pod_id": "text", "organization": "text", "private": "boolean"},
                ("path",),
            ),
            "organizations": Table(
                {"path": "text", "name": "text", "invitation": "text"}, ("path",)
            ),
            "id_leases": Table(
                {"kind": "text", "first": "bigint", "last": "bigint", "pod_id": "text"},
                ("kind", "first"),
            ),
            "moved_ids": Table(
                {"kind": "text", "id": "bigint", "organization": "text"}, ("kind", "id")
            ),
            "moves": Table(
                {
                    "organization": "text",
                    "source": "text",
                    "destination": "text",
                    "state": "text",
                    "number": "bigint",
                    "beat": "bigint",
                },
                ("organization",),
            ),
        },
        "admin": {
            "application_settings": Table({"name": "text", "value": "text"}, ("name",)),
            "per_pod_application_settings": Table(
                {"pod_id": "text", "name": "text", "value": "text"}, ("pod_id", "name")
            ),
            "runners": Table({"id": "text", "description": "text"}, ("id",)),
            "pending_jobs": Table(
                {"job_id": "bigint", "pod_id": "text", "queued_at": "double precision"},
                ("job_id",),
            ),
        },
        "main": {
            "namespaces": Table({"path": "text", "id": "bigint", "name": "text"}, ("path",)),
            "projects": Table(
                {
                    "path": "text",
                    "id": "bigint",
                    "namespace": "text",
                    "name": "text",
                    "description": "text",
                    "private": "boolean",
                },
                ("path",),
            ),
            "issues": Table(
                {"id": "bigint", "project": "text", "title": "text", "author": "text"}, ("id",)
            ),
            "recent_issues": Table(
                {"username": "text", "issue_id": "bigint", "seen_at": "double precision"},
                ("username", "issue_id"),
            ),
            "next_ids": Table({"kind": "text", "next": "bigint", "last": "bigint"}, ("kind",)),
            "tenancies": TENANCIES,
        },
        "ci": {
            "runners": Table({"id": "text", "description": "text"}, ("id",)),
            "jobs": Table(
                {
                    "id": "bigint",
                    "organization": "text",
                    "project": "text",
                    "name": "text",
                    "queued_at": "double precision",
                    "status": "text",
                    "runner": "text",
                },
                ("id",),
            ),
            "tenancies": TENANCIES,
        },
    }
)
#: In every database: its transactions that wrote something, and when that was.
WRITES = {"writes": Table({"position": "bigint", "written_at": "double precision"}, ("position",))}
#: Of these there is one for all pods; of the others, one for each pod.
SHARED = frozenset({"users", "routes", "admin"})


def statements(database: str) -> list[str]:
    """What makes the tables of a database where they are missing."""
    tables = {**SCHEMAS[database], **WRITES}
    return [_create(name, table) for name, table in tables.items()]


def _create(name: str, table: Table) -> str:
    columns = (f"{column} {kind} not null" for column, kind in table.columns.items())
    key = f"primary key ({', '.join(table.key)})"
    return f"create table if not exists {name} ({', '.join((*columns, key))})"
