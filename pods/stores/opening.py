"""How a database file is opened, and what becomes of one that is no use.

All that open, make or move a file do it under a lock of its folder, so that of several workers
which find it damaged one moves it, and the others find a new one.

Who has a file open that was moved may go on and close it: SQLite sees that it was moved, and
leaves the ``-wal`` beside its successor alone.
"""

from __future__ import annotations

import fcntl
import glob
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import attrs

from pods.stores.schema import bring_up_to_date
from pods.stores.trouble import INCURABLE, Kind, StoreTrouble, trouble_of

#: How long SQLite waits for a lock by itself; who wants to wait longer asks again.
BUSY_SECONDS = 1.0
#: Of the files that were moved aside, so many of the latest are kept.
KEPT_ASIDE = 3
_COMPANIONS = ("", "-wal", "-shm")
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    # With WAL a crash of the machine costs the latest changes at worst, never the file.
    "PRAGMA synchronous = NORMAL",
    "PRAGMA journal_size_limit = 16777216",
)

Identity = tuple[int, int]


@attrs.frozen
class Opened:
    """An open file, good for the thread that opened it."""

    connection: sqlite3.Connection
    identity: Identity  #: which file it is, whatever its name is by now
    #: What was wrong with the file that was here, and where that is now.
    aside: tuple[StoreTrouble, str] | None = None


def identity_of(path: str) -> Identity | None:
    """Which file has this name now, if any."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def open_file(path: str, bad: Identity | None = None) -> Opened:
    """Open the database, make it if there is none, move it aside if it is no use.

    :param bad: the file that was found to be damaged, if it still has this name.
    :raises StoreTrouble: it cannot be opened now.
    """
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with _folder_lock(os.path.dirname(path)):
            if bad is not None and identity_of(path) == bad:
                return _replace(path, StoreTrouble(Kind.CORRUPT, "found while it was in use"))
            try:
                return open_as_it_is(path)
            except StoreTrouble as trouble:
                if trouble.kind not in INCURABLE:
                    raise
                return _replace(path, trouble)
    except OSError as error:
        raise trouble_of(error) from error


def open_as_it_is(path: str) -> Opened:
    """Open the database or make it.

    :raises StoreTrouble: it is no use, or cannot be opened now.
    """
    connection = None
    try:
        _make(path)
        identity = identity_of(path)
        connection = sqlite3.connect(path, BUSY_SECONDS, isolation_level=None)
        bring_up_to_date(connection)
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        if identity is None or identity != identity_of(path):
            raise StoreTrouble(Kind.UNREACHABLE, "it was replaced meanwhile")
    except (sqlite3.Error, OSError, StoreTrouble) as error:
        if connection is not None:
            connection.close()
        raise trouble_of(error) from error
    return Opened(connection, identity)


def _make(path: str) -> None:
    """Make the file if there is none; what paths are in it is nobody else's business.

    A file that is there is never opened here.  Closing it would take away all locks that this
    process has on it, those of SQLite in other threads too, and another process would take itself
    for the last one that uses the file, and remove the ``-wal``.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _replace(path: str, trouble: StoreTrouble) -> Opened:
    aside = _move_aside(path)
    return attrs.evolve(open_as_it_is(path), aside=(trouble, aside))


def _move_aside(path: str) -> str:
    """Move a file and all that belongs to it; forget the oldest of those that were moved."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    count = 0
    while os.path.lexists(aside := f"{path}.bad-{stamp}-{count}"):
        count += 1
    for companion in _COMPANIONS:
        if os.path.lexists(path + companion):
            os.rename(path + companion, aside + companion)
    moved = [name for name in glob.glob(glob.escape(path) + ".bad-*") if name[-1].isdigit()]
    for old in sorted(moved, key=os.path.getmtime)[:-KEPT_ASIDE]:
        for companion in _COMPANIONS:
            if os.path.isfile(old + companion):
                os.remove(old + companion)
    return aside


@contextmanager
def _folder_lock(folder: str) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _wait_for(lambda: fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)


def _wait_for(lock: Callable[[], None]) -> None:
    give_up_at = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return lock()
        except BlockingIOError:
            if time.monotonic() > give_up_at:
                raise StoreTrouble(Kind.LOCKED, "its folder is locked") from None
            time.sleep(0.01)
