"""What can be wrong with a database file, and what that means for who uses it."""

from __future__ import annotations

import sqlite3
from enum import StrEnum

#: The lower byte of an extended result code is the plain code.
_PLAIN = 0xFF


class Kind(StrEnum):
    """A kind of trouble, as it is counted; the text after it is for the log."""

    says: str

    def __new__(cls, value: str, says: str) -> Kind:
        """A text that knows what it says."""
        kind = str.__new__(cls, value)
        kind._value_ = value
        kind.says = says
        return kind

    LOCKED = "locked", "is locked by another program"
    FULL = "full", "cannot grow: the disk is full"
    READ_ONLY = "read_only", "cannot be written"
    UNREACHABLE = "unreachable", "cannot be opened"
    BROKEN_DISK = "broken_disk", "cannot be read or written"
    CORRUPT = "corrupt", "is damaged, or no SQLite database"
    FOREIGN = "foreign", "is a database of another program"
    NEWER = "newer", "was made by a newer release"
    OTHER = "other", "cannot be used"


#: A file with this trouble is no use to anybody here: it is moved aside, and a new one begun.
INCURABLE = frozenset({Kind.CORRUPT, Kind.FOREIGN, Kind.NEWER})

_KINDS = {
    sqlite3.SQLITE_BUSY: Kind.LOCKED,
    sqlite3.SQLITE_LOCKED: Kind.LOCKED,
    sqlite3.SQLITE_FULL: Kind.FULL,
    sqlite3.SQLITE_READONLY: Kind.READ_ONLY,
    sqlite3.SQLITE_PERM: Kind.READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: Kind.UNREACHABLE,
    sqlite3.SQLITE_IOERR: Kind.BROKEN_DISK,
    sqlite3.SQLITE_CORRUPT: Kind.CORRUPT,
    sqlite3.SQLITE_NOTADB: Kind.CORRUPT,
    sqlite3.SQLITE_ERROR: Kind.OTHER,
}
#: What SQLite says of a file whose tables are not those that its header promises.
_BROKEN_TABLES = ("no such table", "no such column", "has no column named")


class StoreTrouble(Exception):
    """The file cannot be used now.

    :param detail: in words of SQLite or the operating system.
    """

    def __init__(self, kind: Kind, detail: str) -> None:
        super().__init__(f"{kind.says} ({detail})" if detail else kind.says)
        self.kind = kind


def trouble_of(error: Exception) -> StoreTrouble:
    """What an error of SQLite or of the operating system means."""
    if isinstance(error, StoreTrouble):
        return error
    if isinstance(error, OSError):
        return StoreTrouble(Kind.UNREACHABLE, error.strerror or str(error))
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    kind = _KINDS.get(code & _PLAIN, Kind.OTHER)
    if kind is Kind.OTHER and any(words in str(error) for words in _BROKEN_TABLES):
        kind = Kind.CORRUPT
    return StoreTrouble(kind, str(error))
