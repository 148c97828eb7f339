"""Opening the databases of a pod."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import attrs

from pods.reference.databases.connections import Primary, Replica, UnusableError
from pods.reference.databases.schema import SCHEMAS, SHARED, statements
from pods.reference.databases.sqlite import SqlitePrimary, SqliteReplica
from pods.reference.databases.views import Databases, Source

SQLITE = "sqlite:"
POSTGRESQL = "postgresql://"
COPY_SECONDS = 1.0


@attrs.frozen
class Places:
    """Where one database is: ``sqlite:`` and an absolute path, or ``postgresql://...``."""

    primary: str
    replica: str | None  #: that of this pod's region, if there is one
    copy_seconds: float = COPY_SECONDS  #: between two copies of an SQLite file


def default_places(shared_dir: str, data_dir: str, region: str | None = None) -> dict[str, Places]:
    """SQLite files.

    :param shared_dir: absolute; one folder for all pods.
    :param data_dir: absolute; this pod's own folder.
    :param region: the one that has replicas; None: there are none.
    """
    found = {}
    for name in SCHEMAS:
        base = f"{SQLITE}{os.path.join(shared_dir if name in SHARED else data_dir, name)}"
        found[name] = Places(f"{base}.sqlite", region and f"{base}.{region}.sqlite")
    return found


def open_databases(
    places: Mapping[str, Places], pod: str, clock_seconds: Callable[[], float] = time.time
) -> Databases:
    """Open all databases of a pod, and make what is missing: folders, files, tables.

    :param pod: its name.
    :param clock_seconds: the time in seconds since 1970.
    :raises UnusableError: one of them cannot be opened; none is open then.
    """
    sources: dict[str, Source] = {}
    with ExitStack() as opened:
        for name in SCHEMAS:
            sources[name] = _open(name, places[name], pod, clock_seconds)
            opened.callback(sources[name].close)
        opened.pop_all()
    return Databases(sources)


def _open(name: str, places: Places, pod: str, clock_seconds: Callable[[], float]) -> Source:
    mark = name if name in SHARED else f"{name}@{pod}"
    with ExitStack() as opened:
        with _telling(name, places.primary):
            primary = _open_primary(places.primary, statements(name), clock_seconds)
        opened.callback(primary.close)
        replica = None
        if places.replica is not None:
            with _telling(name, places.replica):
                replica = _open_replica(places.replica, primary, places.copy_seconds, clock_seconds)
        opened.pop_all()
    return Source(name, mark, primary, replica)


def _open_primary(place: str, tables: Sequence[str], clock_seconds: Callable[[], float]) -> Primary:
    if place.startswith(SQLITE):
        return SqlitePrimary(place.removeprefix(SQLITE), tables, clock_seconds)
    # Only who wants PostgreSQL has its driver.
    from pods.reference.databases.postgresql import PostgresqlPrimary

    return PostgresqlPrimary(place, tables, clock_seconds)


def _open_replica(
    place: str, primary: Primary, copy_seconds: float, clock_seconds: Callable[[], float]
) -> Replica:
    if isinstance(primary, SqlitePrimary):
        return SqliteReplica(place.removeprefix(SQLITE), primary, copy_seconds, clock_seconds)
    from pods.reference.databases.postgresql import PostgresqlReplica

    return PostgresqlReplica(place, primary, clock_seconds)


@contextmanager
def _telling(name: str, place: str) -> Iterator[None]:
    """Says of a failure which database it is about."""
    try:
        yield
    except ImportError as error:
        reason = f"{error}; pip install 'pods-router[postgres]' has it"
        raise UnusableError(f"database {name} at {_shown(place)}: {reason}") from error
    except (OSError, sqlite3.Error, UnusableError) as error:
        raise UnusableError(f"database {name} at {_shown(place)}: {error}") from error


def _shown(place: str) -> str:
    """The place without a password."""
    if place.startswith(SQLITE):
        return place
    url = urlsplit(place)
    return f"{POSTGRESQL}{url.netloc.rpartition('@')[2]}{url.path}"
