"""The databases, split as the proposals split them: ``users``, ``routes`` and ``admin``
are shared by all pods, ``main`` is a pod's own.

Each is an SQLite file.  A connection belongs to the thread that opened it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs
from sqlite_utils import Database

#: The tables of each database: the columns and their types, and the primary key.
SCHEMAS: Mapping[str, Mapping[str, tuple[dict[str, Any], tuple[str, ...]]]] = {
    "users": {
        "users": (
            {"username": str, "password": str, "default_organization": str, "admin": int},
            ("username",),
        ),
        "memberships": ({"username": str, "path": str}, ("username", "path")),
        "sessions": ({"token_hash": str, "username": str, "expires_at": float}, ("token_hash",)),
    },
    "routes": {
        "routes": (
            {"path": str, "pod_id": str, "organization": str, "private": int},
            ("path",),
        ),
        "organizations": ({"path": str, "name": str, "invitation": str}, ("path",)),
    },
    "admin": {
        "application_settings": ({"name": str, "value": str}, ("name",)),
    },
    "main": {
        "namespaces": ({"path": str, "name": str}, ("path",)),
        "projects": (
            {"path": str, "namespace": str, "name": str, "description": str, "private": int},
            ("path",),
        ),
    },
}


@attrs.frozen
class Databases:
    """The open databases of one pod."""

    users: Database
    routes: Database
    admin: Database
    main: Database

    def close(self) -> None:
        """Let go of every file."""
        for name in SCHEMAS:
            getattr(self, name).close()

    def settings(self) -> dict[str, str]:
        """What the shared table ``application_settings`` says."""
        rows = self.admin.query("select name, value from application_settings order by name")
        return {row["name"]: row["value"] for row in rows}


def open_databases(shared_dir: str, data_dir: str) -> Databases:
    """Open all databases, and make what is missing: folders, files, tables.

    :param shared_dir: absolute; one folder for all pods.
    :param data_dir: absolute; this pod's own folder.
    :raises OSError: a folder cannot be made.
    :raises sqlite3.Error: a file cannot be opened, or is no database.
    """
    folders = dict.fromkeys(SCHEMAS, shared_dir) | {"main": data_dir}
    return Databases(**{name: _open(folder, name) for name, folder in folders.items()})


@contextmanager
def writing(database: Database) -> Iterator[None]:
    """A transaction that writes: all of it happens, or nothing.  Within another, a part of that.

    It waits for its turn before it reads anything; one that has read already could not wait,
    and would fail if another pod writes at the same time.
    """
    if database.conn.in_transaction:
        with database.atomic():
            yield
        return
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        database.rollback()
        raise
    database.commit()


def _open(folder: str, name: str) -> Database:
    os.makedirs(folder, mode=0o700, exist_ok=True)
    with _locked(os.path.join(folder, f"{name}.lock")):
        database = Database(os.path.join(folder, f"{name}.sqlite"), execute_plugins=False)
        try:
            _prepare(database, name)
        except BaseException:
            database.close()
            raise
    return database


def _prepare(database: Database, name: str) -> None:
    database.enable_wal()
    for table, (columns, key) in SCHEMAS[name].items():
        database.table(table).create(columns, pk=key, not_null=columns, if_not_exists=True)


@contextmanager
def _locked(path: str) -> Iterator[None]:
    """One pod at a time: SQLite does not wait for others who change the journal's mode."""
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
