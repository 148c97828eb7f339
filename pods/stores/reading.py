"""What is asked of the tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from pods.interfaces import StoredRoute
from pods.stores.keys import Known, keys_of, route_of

_COLUMNS = "key, pod, learned_at, expires_at"
# A few neighbours more than the nearest are looked at, as that may be one that does not hold.
_LOOKED_AT = 8
_AFTER = (
    "SELECT key, pod IS NOT NULL AND expires_at > ? FROM routes"
    f" WHERE key >= ? ORDER BY key LIMIT {_LOOKED_AT}"
)
_BEFORE = (
    "SELECT key, pod IS NOT NULL AND expires_at > ? FROM routes"
    f" WHERE key < ? ORDER BY key DESC LIMIT {_LOOKED_AT}"
)


def known(connection: sqlite3.Connection, path: str, now: float) -> Known:
    """What the file knows of a path.

    In the order of keys, all that lies below a path stands together, and the path itself with a
    slash after it stands in the midst of what lies below each of its prefixes.  So it takes the
    key before it and the key after it to know below which of them there is anything.
    """
    keys = keys_of(path)
    marks = ", ".join("?" * len(keys))
    rows = connection.execute(f"SELECT {_COLUMNS} FROM routes WHERE key IN ({marks})", keys)
    routes = {key: route_of(key, *rest) for key, *rest in rows.fetchall()}
    place = path if path.endswith("/") else path + "/"
    neighbours = (
        _nearest(connection.execute(statement, (now, place)).fetchall())
        for statement in (_BEFORE, _AFTER)
    )
    return Known(routes, tuple(key for key in neighbours if key is not None))


def _nearest(rows: list[tuple[str, int]]) -> str | None:
    """The nearest that holds; if none does, maybe one does that was not looked at."""
    for key, holds in rows:
        if holds:
            return key
    return rows[-1][0] if len(rows) == _LOOKED_AT else None


def count(connection: sqlite3.Connection) -> int:
    """How many routes are stored."""
    (routes,) = connection.execute("SELECT routes FROM totals").fetchone()
    return int(routes)


def last_change(connection: sqlite3.Connection) -> int:
    """The number of the latest change."""
    (last,) = connection.execute("SELECT last_change FROM totals").fetchone()
    return int(last)


def data_version(connection: sqlite3.Connection) -> int:
    """A number that is another one if somebody else has written since it was last asked."""
    (version,) = connection.execute("PRAGMA data_version").fetchone()
    return int(version)


def changed(
    connection: sqlite3.Connection, spans: Iterable[tuple[int, int]], limit: int
) -> list[StoredRoute]:
    """What was changed by these changes and not again since.

    :param spans: the first and the last number of each.
    :param limit: one more than that are read at most.
    """
    routes: list[StoredRoute] = []
    for span in spans:
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM routes WHERE change BETWEEN ? AND ? ORDER BY change LIMIT ?",
            (*span, limit + 1 - len(routes)),
        )
        routes += (route_of(*row) for row in rows.fetchall())
    return routes


def page(connection: sqlite3.Connection, start: str, end: str, size: int) -> list[StoredRoute]:
    """Some rows in the order of their keys, also such as do not hold.

    :param start: the first key that may be among them.
    :param end: the first key that may not.
    """
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM routes WHERE key >= ? AND key < ? ORDER BY key LIMIT ?",
        (start, end, size),
    )
    return [route_of(*row) for row in rows.fetchall()]
