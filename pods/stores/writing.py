"""What is done to the tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import attrs

from pods.interfaces import StoredRoute
from pods.stores import reading
from pods.stores.keys import key_of

#: So long it is remembered that a route was wrong: longer than anybody can be late with a
#: change that was learned before.
TOMBSTONE_SECONDS = 3600.0
#: More of the future than this was written when the clock was wrong.
SKEW_SECONDS = 60.0
#: When a route was last of use is written no more often than this.
USE_STEP_SECONDS = 60.0
#: Cleaning up goes in slices of so many rows, so that others can write in between.
SLICE = 2000

_MERGE = f"""
INSERT INTO routes (change, key, pod, learned_at, expires_at, used_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (key) DO UPDATE SET
  change = excluded.change, pod = excluded.pod, learned_at = excluded.learned_at,
  expires_at = excluded.expires_at, used_at = excluded.used_at
WHERE excluded.learned_at >= routes.learned_at
  OR routes.learned_at > excluded.used_at + {SKEW_SECONDS}
"""
_USED = f"UPDATE routes SET used_at = ?1 WHERE key = ?2 AND used_at < ?1 - {USE_STEP_SECONDS}"
_DROP_EXPIRED = """
DELETE FROM routes WHERE change IN
(SELECT change FROM routes WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)
"""
_DROP_UNUSED = """
DELETE FROM routes WHERE change IN
(SELECT change FROM routes WHERE pod IS NOT NULL ORDER BY used_at, change LIMIT ?)
"""
_MEND_TIMES = """
UPDATE routes SET
  learned_at = min(learned_at, ?1), used_at = min(used_at, ?1), expires_at = ?2
WHERE change IN
(SELECT change FROM routes WHERE expires_at > ?2 ORDER BY expires_at DESC LIMIT ?3)
"""


@attrs.frozen
class Limits:
    """What may be stored."""

    max_entries: int
    max_ttl_seconds: float


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All that is done in it happens, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # Some errors have ended the transaction already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@attrs.frozen
class Merged:
    """What has become of routes that were to be stored."""

    numbers: range  #: of these changes; those that were not made have one too
    made: int  #: so many were


def merge(connection: sqlite3.Connection, routes: Collection[StoredRoute], now: float) -> Merged:
    """Store each route, unless something was learned later for its key.  Within a transaction."""
    first = reading.last_change(connection) + 1
    numbers = range(first, first + len(routes))
    if not routes:
        return Merged(numbers, 0)
    made = connection.executemany(_MERGE, _rows(numbers, routes, now)).rowcount
    connection.execute("UPDATE totals SET last_change = ?", (numbers[-1],))
    return Merged(numbers, made)


def _rows(
    numbers: range, routes: Collection[StoredRoute], now: float
) -> Iterator[tuple[int, str, str | None, float, float, float]]:
    for number, route in zip(numbers, routes, strict=True):
        is_grave = route.pod is None
        expires_at = route.learned_at + TOMBSTONE_SECONDS if is_grave else route.expires_at
        yield number, key_of(route), route.pod, route.learned_at, expires_at, now


def mark_used(connection: sqlite3.Connection, keys: Sequence[str], now: float) -> None:
    """These were of use."""
    connection.executemany(_USED, ((now, key) for key in keys))


def tidy(connection: sqlite3.Connection, limits: Limits, now: float) -> bool:
    """Drop some of what has expired and of what is too much.  Within a transaction.

    :returns: whether there may be more to do.
    """
    latest = now + max(limits.max_ttl_seconds, TOMBSTONE_SECONDS) + SKEW_SECONDS
    done = [
        connection.execute(_MEND_TIMES, (now, latest, SLICE)),
        connection.execute(_DROP_EXPIRED, (now, SLICE)),
    ]
    excess = reading.count(connection) - limits.max_entries
    if excess > 0:
        done.append(connection.execute(_DROP_UNUSED, (min(excess, SLICE),)))
    return any(cursor.rowcount >= SLICE for cursor in done)
