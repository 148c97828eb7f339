"""Numbers that are unique across all pods, though each pod counts by itself.

A pod leases a range of numbers in the shared database, and notes in its own how much of it is
used.  So the shared table says whose a number is.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from pods.reference.databases import Database, writing

LEASE_SIZE = 1_000  #: numbers


@attrs.frozen
class Ids:
    """Gives numbers to what a pod makes, and tells which pod has what.

    :param routes: the shared database.
    :param main: the pod's own.
    """

    _routes: Database
    _main: Database
    _pod: str

    def next(self, kind: str) -> int:
        """A number that nothing of this kind has, on any pod."""
        with writing(self._main) as tx:
            row = tx.one("select next, last from next_ids where kind = ?", kind)
            if row is None or row["next"] > row["last"]:
                first = self._lease(kind)
                row = {"next": first, "last": first + LEASE_SIZE - 1}
            number = int(row["next"])
            tx.upsert("next_ids", {"kind": kind, "next": number + 1, "last": row["last"]})
        return number

    def _lease(self, kind: str) -> int:
        """The first number of a new range; pods that want one wait for each other."""
        with writing(self._routes) as tx:
            row = tx.one("select max(last) as last from id_leases where kind = ?", kind)
            first = 1 + int((row and row["last"]) or 0)
            lease = {"first": first, "last": first + LEASE_SIZE - 1, "pod_id": self._pod}
            tx.insert("id_leases", {"kind": kind, **lease})
        return first

    def pod_of_id(self, kind: str, number: int) -> str | None:
        """The pod that gave this number away, or would if it were there."""
        found = self._routes.sought(
            "select pod_id from id_leases where kind = ? and first <= ? and last >= ?",
            kind,
            number,
            number,
        )
        return None if found is None else str(found["pod_id"])

    def moved_with(self, kind: str, number: int) -> str | None:
        """The organization with which the thing with this number has left that pod."""
        found = self._routes.sought(
            "select organization from moved_ids where kind = ? and id = ?", kind, number
        )
        return None if found is None else str(found["organization"])

    def move(self, kind: str, numbers: Iterable[int], organization: str) -> None:
        """Say that the things with these numbers are wherever the organization is."""
        with writing(self._routes) as tx:
            for number in numbers:
                row = {"kind": kind, "id": number, "organization": organization}
                tx.insert("moved_ids", row, ignore=True)
