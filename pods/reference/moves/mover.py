"""Takes an organization from one pod to another, step by step.

Any step can be the last one that a mover takes: another begins the same step again, as often as
it likes, and nothing that the first one still does has an effect then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

import attrs

from pods.errors import PodsError
from pods.reference.databases import Database, Databases, Transaction, View, writing
from pods.reference.ids import Ids
from pods.reference.moves.copying import Row, Rows, drop, put, rows_of
from pods.reference.people import PUBLIC_ORGANIZATION
from pods.reference.tenancy import OWN, Move, State, admit, advance, last_move

PASSES_LIMIT = 10  #: so often all rows are compared before the last time
QUIET_ROWS = 100  #: with no more changes than this in a pass, the last one will be short
BEAT_SECONDS = 0.5  #: so often a mover shows that it works; pods wait for longer than that
_LOOK_SECONDS = 0.05


class MoveError(PodsError):
    """The move cannot begin, or not go on; says why and what would help."""


@attrs.frozen
class Progress:
    """How far a mover is."""

    state: State
    copied_rows: int  #: compared since the state began
    all_rows: int  #: of the organization, when the move began


@attrs.frozen(kw_only=True)
class Patience:
    """How long a mover waits."""

    replicas_seconds: float = 60  #: for a replica to get what it needs, before it gives up
    linger_seconds: float = 1  #: for requests that are under way after the switch


def begin(routes: Database, organization: str, destination: str) -> Move:
    """Say in the shared database that an organization is to move.

    :raises MoveError: there is no such organization, it is there already, or it is being moved.
    """
    if organization == PUBLIC_ORGANIZATION:
        raise MoveError(f"{organization} does not move: the global pages stay at the legacy pod")
    with writing(routes) as tx:
        row = tx.one("select pod_id from routes where path = ?", f"organizations/{organization}")
        if row is None:
            raise MoveError(f"there is no organization {organization!r}")
        last = last_move(routes, organization)
        if last is not None and last.state.under_way:
            raise MoveError(
                f"{organization} is being moved from {last.source} to {last.destination}"
                f" ({last.state.value}): resume or undo that"
            )
        if row["pod_id"] == destination:
            raise MoveError(f"{organization} is at {destination} already")
        number = 1 if last is None else last.number + 1
        move = Move(organization, row["pod_id"], destination, State.COPYING, number, 0)
        tx.upsert("moves", attrs.asdict(move) | {"state": move.state.value})
    return move


def take_over(routes: Database, organization: str, undo: bool = False) -> Move:
    """Go on with a move whose mover has died, or is to have no effect any more.

    :param undo: bring everything back to where it was.
    :raises MoveError: nothing is under way, or it is too late to undo it.
    """
    with writing(routes) as tx:
        last = last_move(routes, organization)
        if last is None or not last.state.under_way:
            raise MoveError(f"{organization} is not being moved")
        if undo and last.state is State.SWITCHED:
            raise MoveError(
                f"{organization} is at {last.destination} already: resume this move, and then"
                f" move it back to {last.source}"
            )
        taken = advance(tx, last, State.UNDOING if undo else last.state)
        if taken is None:
            raise MoveError(f"{organization} was taken over by somebody else just now")
    return taken


class Mover:
    """Takes all steps of one move.

    :param pods: the databases of every pod: no step that depends on a replica is taken before
        all of them have got what it needs.
    :param move: of :func:`begin` or :func:`take_over`.
    :param observe: told of every page of rows and of every change of the state.
    """

    def __init__(
        self,
        pods: Mapping[str, Databases],
        move: Move,
        observe: Callable[[Progress], object] = lambda progress: None,
        patience: Patience = Patience(),
    ) -> None:
        self.move = move
        self._pods = pods
        self._observe = observe
        self._patience = patience
        self._source, self._target = pods[move.source].view(), pods[move.destination].view()
        self._routes = self._source.routes
        self._clean: dict[str, int] = {}  # how often a database was written before it was copied
        self._copied_rows = self._all_rows = 0
        self._beat_at = time.monotonic()

    def run(self) -> Move:
        """Take all steps that are left.

        :raises MoveError: one cannot be taken; the move stays where it is.
        """
        steps = {
            State.COPYING: self._copy,
            State.HELD: self._switch,
            State.SWITCHED: self._finish,
            State.UNDOING: self._clear,
        }
        self._all_rows = sum(
            rows.count() for name in OWN for rows in self._rows(self._source, name)
        )
        while self.move.state.under_way:
            self._copied_rows = 0
            self._tell()
            steps[self.move.state]()
        self._tell()
        return self.move

    # -- the steps -----------------------------------------------------------

    def _copy(self) -> None:
        """Bring the rows over while the source changes them, and wait until all pods know."""
        self._admit(self._target, False)
        self._pass()
        self._wait_for("routes", *self._pods)
        for _ in range(PASSES_LIMIT):
            if self._pass() <= QUIET_ROWS:
                break
        self._advance(State.HELD)

    def _switch(self) -> None:
        """Stop the source, bring over what it has written last, and switch."""
        self._admit(self._source, False)
        self._admit(self._target, False)
        self._pass()
        self._requeue()
        with writing(self._routes) as tx:
            switched = self._changed(tx, State.SWITCHED)
            tx.execute(
                "update routes set pod_id = ? where organization = ?",
                (self.move.destination, self.move.organization),
            )
        self.move = switched

    def _finish(self) -> None:
        """Wait until every replica knows, and drop what the source has left."""
        self._admit(self._target, True)
        self._admit(self._source, False)
        self._send_jobs()
        self._wait_for("routes", *self._pods)
        for name in OWN:
            self._wait_for(name, self.move.destination)
        time.sleep(self._patience.linger_seconds)
        self._drop(self._source)
        self._advance(State.DONE)

    def _clear(self) -> None:
        """Let the source serve again, and drop the copies."""
        self._admit(self._source, True)
        self._admit(self._target, False)
        self._drop(self._target)
        self._advance(State.UNDONE)

    # -- rows ----------------------------------------------------------------

    def _pass(self) -> int:
        """Make all rows the same at the destination; how many differed."""
        return sum(self._pass_through(name) for name in OWN)

    def _pass_through(self, name: str) -> int:
        writes = self._writes(name)
        if self._clean.get(name) == writes:
            return 0
        target, changed = self._target.of(name), 0
        for rows in self._rows(self._source, name):
            note = partial(self._note_ids, rows.table)
            for read, written in put(rows, target, partial(self._filling, target), note):
                self._step(read)
                changed += written
        for rows in reversed(list(self._rows(self._target, name))):
            source = self._source.of(name)
            for dropped in drop(rows, partial(self._filling, target), source):
                self._step(0)
                changed += dropped
        self._clean[name] = writes
        return changed

    def _drop(self, view: View) -> None:
        for name in reversed(OWN):
            database = view.of(name)
            for rows in reversed(list(self._rows(view, name))):
                for _ in drop(rows, partial(self._filling, database)):
                    self._step(0)

    def _rows(self, view: View, name: str) -> Iterator[Rows]:
        found = self._routes.fresh.query(
            "select path from routes where organization = ?"
            " and path not like 'organizations/%' order by path",
            [self.move.organization],
        )
        return rows_of(view.of(name), [row["path"] for row in found])

    @contextmanager
    def _filling(self, database: Database) -> Iterator[Transaction]:
        """A transaction where the organization is not served, and while this mover has it."""
        with writing(database) as tx:
            if not tx.execute(
                "update tenancies set writes = writes + 1"
                " where organization = ? and number = ? and not here",
                (self.move.organization, self.move.number),
            ):
                raise self._taken_over()
            yield tx

    def _writes(self, name: str) -> int:
        """How often the source has changed what is the organization's."""
        row = self._source.of(name).fresh.one(
            "select writes from tenancies where organization = ?", self.move.organization
        )
        return 0 if row is None else int(row["writes"])

    def _note_ids(self, table: str, rows: Sequence[Row]) -> None:
        """Say whose these ids are, before anybody can be sent after one of them."""
        if "id" in rows[0]:
            ids = Ids(self._routes, self._source.main, self.move.source)
            ids.move(table, [row["id"] for row in rows], self.move.organization)

    # -- jobs ----------------------------------------------------------------

    def _requeue(self) -> None:
        """Let jobs wait again whose runner works for the source only."""
        own = {row["id"] for row in self._source.ci.fresh.query("select id from runners")}
        for rows in self._rows(self._target, "ci"):
            for page in rows.pages():
                with self._filling(self._target.ci) as tx:
                    for row in page:
                        if row["status"] == "running" and row["runner"] in own:
                            tx.upsert(rows.table, row | {"status": "pending", "runner": ""})

    def _send_jobs(self) -> None:
        """Tell shared runners where those jobs wait now."""
        for rows in self._rows(self._target, "ci"):
            for page in rows.pages():
                with writing(self._source.admin) as tx:
                    for row in page:
                        if row["status"] == "pending":
                            waiting = {"job_id": row["id"], "pod_id": self.move.destination}
                            tx.upsert("pending_jobs", waiting | {"queued_at": row["queued_at"]})

    # -- the state -----------------------------------------------------------

    def _admit(self, view: View, here: bool) -> None:
        for name in reversed(OWN) if here else OWN:
            if not admit(view.of(name), self.move.organization, here, self.move.number):
                raise self._taken_over()

    def _advance(self, state: State) -> None:
        with writing(self._routes) as tx:
            advanced = self._changed(tx, state)
        self.move = advanced

    def _changed(self, tx: Transaction, state: State) -> Move:
        changed = advance(tx, self.move, state)
        if changed is None:
            raise self._taken_over()
        return changed

    def _step(self, rows: int) -> None:
        self._copied_rows += rows
        self._tell()
        if time.monotonic() - self._beat_at > BEAT_SECONDS:
            self._beat()

    def _beat(self) -> None:
        """Say that work goes on, and find out whether it should."""
        with writing(self._routes) as tx:
            if not tx.execute(
                "update moves set beat = beat + 1 where organization = ? and number = ?",
                (self.move.organization, self.move.number),
            ):
                raise self._taken_over()
        self._beat_at = time.monotonic()

    def _tell(self) -> None:
        self._observe(Progress(self.move.state, self._copied_rows, self._all_rows))

    def _taken_over(self) -> MoveError:
        return MoveError(f"the move of {self.move.organization} was taken over or undone")

    # -- replicas ------------------------------------------------------------

    def _wait_for(self, name: str, *pods: str) -> None:
        """Wait until the replicas that these pods read have got all that is written by now."""
        ends_at = time.monotonic() + self._patience.replicas_seconds
        for pod in pods:
            source = self._pods[pod].sources[name]
            written = source.primary.position()
            while source.replica is not None and source.replica.position() < written:
                if time.monotonic() > ends_at:
                    raise MoveError(
                        f"the replica of {name} for {pod} is too far behind to go on; resume the"
                        " move when it follows again"
                    )
                time.sleep(_LOOK_SECONDS)
