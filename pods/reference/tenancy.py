"""Which pod serves an organization: decided in one row that all pods share, and fenced in each
pod's own databases.

The shared table ``moves`` says how far a move is.  Each change of its state has a higher
``number`` than the one before, and happens only if nobody else has changed it meanwhile.

A pod's own table ``tenancies`` says which organizations it serves without asking anybody.  A
mover takes that right away before anybody else begins to serve.  Nothing that carries a smaller
number than the row has changes it, so whoever comes too late does no harm.  A pod without the
right looks at the shared primary each time, and takes the right where that says so.

"GitLab.com Public" does not really exist: it stays at the legacy pod, and none of this is for it.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from enum import Enum
from typing import Any

import attrs

from pods.errors import PodsError
from pods.reference.databases import Database, Transaction, View, writing
from pods.reference.ownership import TenantRoute
from pods.reference.people import PUBLIC_ORGANIZATION

#: The databases that a pod has for itself, in the order in which it loses the right to use them.
OWN = ("main", "ci")


class State(Enum):
    """How far a move is."""

    COPYING = "copying"  #: the source serves, and writes, while its rows are copied
    HELD = "held"  #: nobody serves; what was written last is copied
    SWITCHED = "switched"  #: the destination serves; not every replica knows that
    UNDOING = "undoing"  #: the source serves again; the copies are being dropped
    DONE = "done"  #: every replica knows, and the source has nothing left
    UNDONE = "undone"  #: the destination has nothing left

    @property
    def under_way(self) -> bool:
        """Whether somebody has to go on with the move."""
        return self not in (State.DONE, State.UNDONE)


@attrs.frozen
class Move:
    """A row of the shared table ``moves``: the last move of an organization."""

    organization: str
    source: str  #: the name of a pod
    destination: str  #: likewise
    state: State
    number: int  #: grows with each change of the state, and whenever somebody takes the move over
    beat: int  #: grows while somebody works on it and nobody is served


class Held(PodsError):
    """An organization is at no pod at this moment: ask again shortly."""

    def __init__(self, organization: str) -> None:
        super().__init__(f"{organization} is about to change pods")
        self.organization = organization


class Stale(PodsError):
    """An organization is being moved, so replicas will not do: read at the primaries."""


# -- the shared row ----------------------------------------------------------


def last_move(routes: Database, organization: str) -> Move | None:
    """The last move of an organization, as the shared primary has it."""
    row = routes.fresh.one("select * from moves where organization = ?", organization)
    return None if row is None else Move(**row | {"state": State(row["state"])})


def advance(tx: Transaction, move: Move, state: State) -> Move | None:
    """The move in another state, or taken over in the one that it has; None if somebody else has
    changed it meanwhile: then nothing has changed.

    :param tx: in the shared database ``routes``.
    """
    organization = f"organizations/{move.organization}"
    tx.execute("update routes set path = path where path = ?", [organization])  # see `claim`
    changed = tx.execute(
        "update moves set state = ?, number = number + 1, beat = beat + 1"
        " where organization = ? and number = ?",
        (state.value, move.organization, move.number),
    )
    if not changed:
        return None
    return attrs.evolve(move, state=state, number=move.number + 1, beat=move.beat + 1)


def claim(tx: Transaction, organization: str, pod: str) -> None:
    """Make sure that an organization stays at a pod until the transaction has ended.

    Whoever changes the state of a move waits for that: both write the same row.

    :param tx: in the shared database ``routes``.
    :raises Held: it is not at that pod now.
    """
    if organization == PUBLIC_ORGANIZATION:
        return
    path = f"organizations/{organization}"
    tx.execute("update routes set path = path where path = ?", [path])
    at_pod = tx.one("select 1 from routes where path = ? and pod_id = ?", path, pod)
    held = tx.one(
        "select 1 from moves where organization = ? and state = ?", organization, State.HELD.value
    )
    if at_pod is None or held is not None:
        raise Held(organization)


# -- a pod's own rows --------------------------------------------------------


def admit(database: Database, organization: str, here: bool, number: int) -> bool:
    """Give a pod the right to serve an organization from one of its databases, or take it.

    :param number: of the move's state that says so; 0 if the organization was never moved.
    :returns: False if what stands there comes from a later state: then nothing has changed.
    """
    row = {"organization": organization, "here": False, "number": 0, "writes": 0}
    with writing(database) as tx:
        tx.insert("tenancies", row, ignore=True)
        changed = tx.execute(
            "update tenancies set here = ?, number = ? where organization = ? and number <= ?",
            (here, number, organization, number),
        )
    return changed == 1


@contextmanager
def changing(database: Database, organization: str) -> Iterator[Transaction]:
    """A transaction in a pod's own database that changes what belongs to an organization.

    Whoever takes the right away waits for it, or comes first and makes it fail.

    :raises Held: this pod may not, now.
    """
    with writing(database) as tx:
        if organization != PUBLIC_ORGANIZATION and not tx.execute(
            "update tenancies set writes = writes + 1 where organization = ? and here",
            [organization],
        ):
            raise Held(organization)
        yield tx


# -- what one visit sees -----------------------------------------------------

_ROUTE = (
    "select routes.*, coalesce(moves.state, '') as state, coalesce(moves.number, 0) as number"
    " from routes left join moves on moves.organization = routes.organization"
    " where routes.path = ?"
)


@attrs.frozen
class Tenancy:
    """Where organizations are, as one visit to a pod sees it.

    :param me: the name of the pod.
    """

    _view: View
    me: str
    #: The organizations that this visit has met while they are moved.
    met: MutableMapping[str, State] = attrs.field(factory=dict, init=False)
    _served: MutableMapping[str, int] = attrs.field(factory=dict, init=False)

    def find(self, path: str) -> TenantRoute | None:
        """The route of a namespace or ``organizations/<name>``; its pod is this one only if
        this one serves it.

        What the replica does not know may have just been made, and routers that ask for it say
        nothing of a session: so the primary is asked before this says that there is nothing.

        :raises Held: it is on its way.
        :raises Stale: it is being moved, and this visit reads replicas.
        """
        routes = self._view.routes
        row = routes.sought(_ROUTE, path)
        if row is None:
            return None
        if row["organization"] == PUBLIC_ORGANIZATION:
            return _route(row)
        self._note(row)
        number = self._number_here(row["organization"])
        if number is not None:
            self._served[row["organization"]] = number
            return _route(row | {"pod_id": self.me})
        if row["pod_id"] == self.me:  # or it was, before it lost the right
            row = routes.fresh.one(_ROUTE, path) or row
        if row["state"] == State.HELD.value:
            raise Held(row["organization"])
        if row["pod_id"] == self.me:
            self._settle(row["organization"], row["number"])
        return _route(row)

    def foresee(self, path: str) -> TenantRoute | None:
        """The same, but of what is on its way, where it will be.

        :raises Stale: as :meth:`find`.
        """
        try:
            return self.find(path)
        except Held as held:
            row = self._view.routes.fresh.one("select * from routes where path = ?", path)
            move = last_move(self._view.routes, held.organization)
            if row is None or move is None or move.state is not State.HELD:
                raise
            return _route(row | {"pod_id": move.destination})

    def serves(self, path: str) -> bool:
        """Whether this pod serves a namespace, or what is in one, at this moment."""
        row = self._view.routes.sought(_ROUTE, path.partition("/")[0])
        if row is None:
            return False
        own = self._view.main.fresh.one(
            "select here from tenancies where organization = ?", row["organization"]
        )
        return row["pod_id"] == self.me if own is None else bool(own["here"])

    def check(self) -> None:
        """Make sure that all that was found here is here still: then whatever was read since is
        what nobody could have changed elsewhere.

        :raises Held: some of it is not.
        """
        for organization, number in self._served.items():
            if self._number_here(organization) != number:
                raise Held(organization)

    def _number_here(self, organization: str) -> int | None:
        """The number of the state in which this pod was given the organization; None if it does
        not serve it.
        """
        row = self._view.main.fresh.one(
            "select number from tenancies where organization = ? and here", organization
        )
        return None if row is None else int(row["number"])

    def _note(self, row: dict[str, Any]) -> None:
        """Note that a move is under way; every replica knows that before it matters."""
        if row["state"] and (state := State(row["state"])).under_way:
            if not self._view.is_fresh:
                raise Stale(f"{row['organization']} is being moved")
            self.met[row["organization"]] = state

    def _settle(self, organization: str, number: int) -> None:
        """Take the right to serve what the shared primary says is this pod's."""
        for name in reversed(OWN):  # what decides comes last
            if not admit(self._view.of(name), organization, True, number):
                raise Held(organization)  # a mover was quicker
        self._served[organization] = number


def _route(row: dict[str, Any]) -> TenantRoute:
    return TenantRoute(
        row["path"], row["pod_id"], row["organization"], private=bool(row["private"])
    )
