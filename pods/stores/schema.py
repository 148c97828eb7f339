"""The tables, and how those of older releases are brought up to date.

``routes.change`` is the number of the change that made a row what it is: it grows with each, so
that what is new is one range at the end of the table, and a row that changes moves there.  A row
without a pod says that what was learned before it is wrong.  ``totals`` has one row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pods.stores.trouble import Kind, StoreTrouble

if TYPE_CHECKING:
    from sqlite_utils import Database

#: In the header of every file of ours: "Pods", in ASCII.
APPLICATION_ID = 0x506F6473

_INDEX_BY_USE = "CREATE INDEX routes_by_use ON routes(used_at) WHERE pod IS NOT NULL"
# Counting ten million rows takes seconds; these know their number at any time.
_TRIGGERS = (
    """CREATE TRIGGER routes_added AFTER INSERT ON routes WHEN new.pod IS NOT NULL
    BEGIN UPDATE totals SET routes = routes + 1; END""",
    """CREATE TRIGGER routes_removed AFTER DELETE ON routes WHEN old.pod IS NOT NULL
    BEGIN UPDATE totals SET routes = routes - 1; END""",
    """CREATE TRIGGER routes_changed AFTER UPDATE OF pod ON routes
    WHEN (old.pod IS NULL) <> (new.pod IS NULL)
    BEGIN UPDATE totals SET routes = routes + (new.pod IS NOT NULL) - (old.pod IS NOT NULL); END""",
)


def _first_tables(database: Database) -> None:
    routes = database.create_table(
        "routes",
        {
            "change": int,
            "key": str,
            "pod": str,
            "learned_at": float,
            "expires_at": float,
            "used_at": float,
        },
        pk="change",
        not_null={"key", "learned_at", "expires_at", "used_at"},
    )
    routes.create_index(["key"], "routes_by_key", unique=True)
    routes.create_index(["expires_at"], "routes_by_expiry")
    database.execute(_INDEX_BY_USE)
    database.create_table("totals", {"routes": int, "last_change": int})
    database.execute("INSERT INTO totals (routes, last_change) VALUES (0, 0)")
    for trigger in _TRIGGERS:
        database.execute(trigger)


#: Each brings the tables from the version that is its place in here to the next.
STEPS: Sequence[Callable[[Database], None]] = (_first_tables,)


def version_of(connection: sqlite3.Connection, newest: int) -> int:
    """The version of the tables in a file; 0 if it is new.

    Nothing is changed by asking.

    :raises StoreTrouble: the file is not ours, or its version is over ``newest``.
    """
    (mark,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if mark == APPLICATION_ID and version <= newest:
        return int(version)
    if mark == APPLICATION_ID:
        raise StoreTrouble(Kind.NEWER, f"its version is {version}, this release knows {newest}")
    if mark or version or tables:
        raise StoreTrouble(Kind.FOREIGN, f"its application_id is {mark}")
    return 0


def bring_up_to_date(
    connection: sqlite3.Connection, steps: Sequence[Callable[[Database], None]] = STEPS
) -> None:
    """Make the tables, or bring those of an older release up to date: all of it, or nothing.

    :raises StoreTrouble: as :func:`version_of` does.
    """
    if version_of(connection, len(steps)) == len(steps):
        return
    # Loading it takes a while, and it is needed once in the life of a file.
    from sqlite_utils import Database

    # Whatever plugins of sqlite-utils are installed are none of our business.
    database = Database(connection, execute_plugins=False)
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        for step in steps[version_of(connection, len(steps)) :]:
            step(database)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(steps)}")
