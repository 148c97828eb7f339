"""``pods routes``: looks into the routes that routers have stored, and edits them.

It works on the file while routers use it, and while none does.
"""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from typing import Any, TextIO

from pods.config import load
from pods.errors import ConfigurationError, Fault
from pods.interfaces import StoredRoute
from pods.progress import progress
from pods.protocol import PATH_LIMIT_BYTES
from pods.route_lines import can_have_routes, line_of
from pods.routes_import import import_lines, open_lines, size_bytes
from pods.routing.paths import ROOT, normalized
from pods.stores.routefile import RouteFile
from pods.stores.trouble import StoreTrouble
from pods.surroundings import STORE_FILE
from pods.wording import nearest, shown, span

OK, FAILED = 0, 1
LIST_LIMIT = 100
_STEP = 1000  # the bar moves that often
_PATH_ALLOWED = (
    "a path as in a request line: / first, percent-encoded, without a query, no empty or dot"
    f" segments, at most {PATH_LIMIT_BYTES} bytes"
)

Run = Callable[[Namespace, TextIO, TextIO], int]


def add_to(commands: Any) -> None:
    """Add ``routes`` and its own commands to the command line."""
    routes = commands.add_parser("routes", help="look into the stored routes, and edit them")
    own = routes.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listed = _command(own, "list", "print what is stored", _list)
    listed.add_argument("--below", metavar="PATH", default=ROOT, help="only this and all below it")
    listed.add_argument("--pod", metavar="POD", help="only routes to this pod")
    listed.add_argument(
        "--limit", metavar="N", type=int, default=LIST_LIMIT, help=f"0: all; default {LIST_LIMIT}"
    )
    forgotten = _command(own, "forget", "have routers forget a route", _forget)
    forgotten.add_argument("path", metavar="PATH", help="of the route, as in a request line")
    forgotten.add_argument("--exact", action="store_true", help="the route for this path only")
    forgotten.add_argument("--below", action="store_true", help="every route at and below the path")
    exported = _command(own, "export", "write all of it as lines of JSON", _export)
    exported.add_argument("--output", metavar="FILE", default="-", help="default: standard output")
    imported = _command(own, "import", "store what export has written", _import)
    imported.add_argument("file", metavar="FILE", nargs="?", default="-", help="default: - (input)")


def _command(commands: Any, name: str, what: str, run: Run) -> ArgumentParser:
    parser: ArgumentParser = commands.add_parser(name, help=what)
    parser.add_argument("--config", metavar="FILE", required=True, help="the router.toml")
    parser.set_defaults(run=guarded(run))
    return parser


def guarded(run: Run) -> Run:
    """The same command, which says what is wrong with the file of the store."""

    def run_guarded(arguments: Namespace, stdout: TextIO, stderr: TextIO) -> int:
        try:
            return run(arguments, stdout, stderr)
        except StoreTrouble as trouble:
            path = os.path.join(load(arguments.config).router.data_dir, STORE_FILE)
            print(f"{path}: {trouble}", file=stderr)
        return FAILED

    return run_guarded


def _list(arguments: Namespace, stdout: TextIO, stderr: TextIO) -> int:
    _check_path(arguments.below, "--below")
    if arguments.limit < 0:
        raise ConfigurationError(Fault("--limit", f"is {arguments.limit}", "0 or more"))
    config, now = load(arguments.config), time.time()
    _check_pod(arguments.pod, config.pods)
    width = max(map(len, config.pods))
    with closing(_file(config.router.data_dir)) as file:
        routes = (
            route
            for route in file.routes(now, arguments.below)
            if arguments.pod in (None, route.pod)
        )
        print(f"{'POD':{width}}  KIND    LEARNED  EXPIRES  PATH", file=stdout)
        for number, route in enumerate(routes):
            if number == arguments.limit > 0:
                print(f"more than {number} are stored; --limit 0 shows all", file=stderr)
                break
            print(_row(route, width, now), file=stdout)
    return OK


def _row(route: StoredRoute, width: int, now: float) -> str:
    kind = "exact" if route.exact else "prefix"
    learned, expires = span(now - route.learned_at), span(route.expires_at - now)
    return f"{route.pod:{width}}  {kind:6}  {learned:>3} ago  in {expires:>4}  {route.path}"


def _forget(arguments: Namespace, stdout: TextIO, stderr: TextIO) -> int:
    _check_path(arguments.path, "PATH")
    path, below = normalized(arguments.path), arguments.below
    if arguments.exact and below:
        raise ConfigurationError(Fault("--exact", "does not go with --below", "one of the two"))
    if path == ROOT and not below:
        raise ConfigurationError(Fault("PATH", "no route has this path", "with --below: all"))
    config, now, forgotten = load(arguments.config), time.time(), 0
    # What a router is about to write is wrong as well, though it is not in the file yet.
    kinds = (False, True) if below else (arguments.exact,)
    unseen = [StoredRoute(path, kind, None, now, now) for kind in kinds if path != ROOT]

    def routes(file: RouteFile) -> Iterator[StoredRoute]:
        nonlocal forgotten
        yield from unseen
        for route in file.routes(now, path) if below else file.same(unseen[0], now):
            forgotten += 1
            yield route

    with closing(_file(config.router.data_dir)) as file:
        file.forget(routes(file), now)
    print(f"forgotten: {forgotten}", file=stdout)
    return OK


def _export(arguments: Namespace, stdout: TextIO, stderr: TextIO) -> int:
    with closing(_file(load(arguments.config).router.data_dir)) as file:
        if arguments.output == "-":
            _write(file, stdout, stderr)
            return OK
        try:
            with open(arguments.output, "w", encoding="ascii") as output:
                _write(file, output, stderr)
        except OSError as error:
            problem = f"cannot be written: {error.strerror}"
            raise ConfigurationError(Fault("", problem, file=arguments.output)) from error
    return OK


def _write(file: RouteFile, output: TextIO, stderr: TextIO) -> None:
    with progress("exporting", file.count(), stderr) as advance:
        number = 0
        for number, route in enumerate(file.routes(time.time()), 1):
            print(line_of(route), file=output)
            if number % _STEP == 0:
                advance(_STEP)
        advance(number % _STEP)


def _import(arguments: Namespace, stdout: TextIO, stderr: TextIO) -> int:
    config = load(arguments.config)
    with (
        open_lines(arguments.file) as lines,
        closing(_file(config.router.data_dir, make=True)) as file,
        progress("importing", size_bytes(lines), stderr) as advance,
    ):
        outcome = import_lines(lines, file, config, advance)
    for fault in outcome.faults:
        print(f"{arguments.file}: {fault}", file=stderr)
    if outcome.refused > len(outcome.faults):
        print(f"and {outcome.refused - len(outcome.faults)} lines more", file=stderr)
    print(outcome, file=stdout)
    return FAILED if outcome.refused else OK


def covering(data_dir: str, path: str, now: float) -> tuple[StoredRoute, ...]:
    """The stored routes for a path, the best first; none if nothing has been stored.

    :raises StoreTrouble: the file cannot be used.
    """
    if not os.path.exists(os.path.join(data_dir, STORE_FILE)):
        return ()
    with closing(_file(data_dir)) as file:
        return file.covering(path, now)


def _file(data_dir: str, make: bool = False) -> RouteFile:
    return RouteFile(os.path.join(data_dir, STORE_FILE), make)


def _check_path(path: str, name: str) -> None:
    if not can_have_routes(path):
        raise ConfigurationError(Fault(name, f"is {shown(path)}", _PATH_ALLOWED))


def _check_pod(name: str | None, pods: Collection[str]) -> None:
    if name is not None and name not in pods:
        problem = f"is {shown(name)} (no such pod{nearest(name, sorted(pods))})"
        raise ConfigurationError(Fault("--pod", problem, ", ".join(pods)))
