"""Running a mover: from the settings of all pods to the end of the move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from pods.reference.databases import Database, open_databases
from pods.reference.moves.mover import Mover, Patience, Progress
from pods.reference.settings import PodSettings
from pods.reference.tenancy import Move


def run(
    pods: Sequence[PodSettings],
    start: Callable[[Database], Move],
    observe: Callable[[Progress], object] = lambda progress: None,
    patience: Patience = Patience(),  # noqa: B008 - it is frozen
) -> Move:
    """Take all steps of a move.  It takes as long as it takes: give it a thread or a process.

    :param pods: the settings of every pod.
    :param start: begins the move or takes it over, in the shared database ``routes``.
    :param observe: told how far it is.
    :raises pods.reference.moves.mover.MoveError: it cannot begin, or not go on.
    :raises pods.reference.databases.UnusableError: a database cannot be opened.
    """
    with ExitStack() as stack:
        opened = {}
        for settings in pods:
            name = settings.pod.name
            opened[name] = open_databases(settings.places, name)
            stack.callback(opened[name].close)
        routes = next(iter(opened.values())).view().routes
        return Mover(opened, start(routes), observe, patience).run()
