"""``python -m pods.reference.moves``: move an organization between pods that run."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from functools import partial
from typing import TextIO

from pods.errors import ConfigurationError
from pods.progress import Advance, progress
from pods.reference.databases import Database, UnusableError
from pods.reference.moves.mover import MoveError, Progress, begin, take_over
from pods.reference.moves.running import run
from pods.reference.settings import PodSettings, load
from pods.reference.tenancy import Move, State

OK, FAILED, FAULTY = 0, 1, 2
INTERRUPTED = 130  #: by Ctrl-C, as shells say it


def main(arguments: Sequence[str], stdout: TextIO, stderr: TextIO) -> int:
    """Move an organization, or go on with a move.

    :returns: the exit code: 0; 1 if the move stands still, or 130 if it was told to; or 2 if
        nothing was begun because the command line or a ``pod.toml`` is faulty.
    """
    try:
        chosen = _parser().parse_args(arguments)
        pods = [load(path) for path in chosen.config]
        faults = list(_faults(chosen, pods))
    except SystemExit as stop:
        return OK if stop.code in (None, 0) else FAULTY
    except ConfigurationError as error:
        faults = list(map(str, error.faults))
    if faults:
        print(*faults, sep="\n", file=stderr)
        return FAULTY
    try:
        moved = _run(pods, _start(chosen), stderr)
    except (MoveError, UnusableError) as failure:
        print(f"pods.reference.moves: {failure}", file=stderr)
        return FAILED
    except KeyboardInterrupt:
        print("pods.reference.moves: stopped; --resume goes on", file=stderr)
        return INTERRUPTED
    at = moved.destination if moved.state is State.DONE else moved.source
    print(f"{moved.organization} is at {at}", file=stdout)
    return OK


def _run(pods: Sequence[PodSettings], start: Callable[[Database], Move], stderr: TextIO) -> Move:
    with progress("rows", None, stderr) as advance:
        return run(pods, start, _Rows(advance))


class _Rows:
    """Brings a bar to where the mover is."""

    def __init__(self, advance: Advance) -> None:
        self._advance = advance
        self._shown = 0

    def __call__(self, now: Progress) -> None:
        self._advance(max(0, now.copied_rows - self._shown))
        self._shown = now.copied_rows


def _start(chosen: Namespace) -> Callable[[Database], Move]:
    if chosen.to is not None:
        return partial(begin, organization=chosen.organization, destination=chosen.to)
    return partial(take_over, organization=chosen.organization, undo=chosen.undo)


def _faults(chosen: Namespace, pods: Sequence[PodSettings]) -> Sequence[str]:
    given = [settings.pod.name for settings in pods]
    names = list(pods[0].pods)
    missing = [name for name in names if name not in given]
    faults = [f"--config: no file of {name}; give those of all pods" for name in missing]
    if len(set(given)) != len(given):
        faults.append("--config: two files are of one pod; give one for each")
    if chosen.to is not None and chosen.to not in names:
        faults.append(f"--to is {chosen.to!r}; allowed: {', '.join(names)}")
    return faults


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m pods.reference.moves",
        description="Move an organization from its pod to another one while both serve.",
    )
    parser.add_argument("organization", help="its path, such as my-organization")
    parser.add_argument(
        "--config",
        required=True,
        nargs="+",
        metavar="POD.TOML",
        help="the configuration of every pod",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--to", metavar="POD", help="begin: the pod that it moves to")
    what.add_argument("--resume", action="store_true", help="go on where a mover has died")
    what.add_argument("--undo", action="store_true", help="leave it where it was")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdout, sys.stderr))
