"""One thread's connection to the database file, whatever happens to the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeVar

from pods.stores.opening import Identity, Opened, identity_of, open_file
from pods.stores.trouble import INCURABLE, StoreTrouble, trouble_of

T = TypeVar("T")

#: Is told what was wrong with a file and where it has been moved.
TellAside = Callable[[StoreTrouble, str], object]


class Link:
    """Opens the file when it is needed, and again when another one has taken its name.

    :param path: of the database.
    :param tell_aside: is called, in this thread, when a file was no use.
    """

    def __init__(self, path: str, tell_aside: TellAside) -> None:
        self._path = path
        self._tell_aside = tell_aside
        self._opened: Opened | None = None

    def use(self, action: Callable[[sqlite3.Connection, Identity], T]) -> T:
        """Do something with the file.

        :param action: if the file is found to be damaged, it is called again, for a new one.
        :raises StoreTrouble: it cannot be done now.
        """
        try:
            return self._try(action)
        except StoreTrouble as trouble:
            if trouble.kind not in INCURABLE or self._opened is None:
                raise
            self._open(bad=self._opened.identity)
        return self._try(action)

    def close(self) -> None:
        """Let go of the file."""
        if self._opened is not None:
            opened, self._opened = self._opened, None
            opened.connection.close()

    def _try(self, action: Callable[[sqlite3.Connection, Identity], T]) -> T:
        try:
            if self._opened is None or identity_of(self._path) != self._opened.identity:
                self._open()
            assert self._opened is not None
            return action(self._opened.connection, self._opened.identity)
        except Exception as error:  # whatever it is, no request shall fail of it
            raise trouble_of(error) from error

    def _open(self, bad: Identity | None = None) -> None:
        self.close()
        self._opened = opened = open_file(self._path, bad)
        if opened.aside is not None:
            self._tell_aside(*opened.aside)
