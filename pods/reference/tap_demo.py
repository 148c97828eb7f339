"""``twistd -n pods-demo`` and ``twistd -n pods-demo --walkthrough``"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, cast

import attrs
from twisted.application.service import IService
from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.python import usage

from pods.ending import give_up
from pods.listeners import CannotStart
from pods.reference.moves.mover import MoveError, Progress
from pods.reference.moves.playing import Plan, play
from pods.reference.seed import ORGANIZATIONS, USERS
from pods.reference.service import PodStartError
from pods.reference.tenancy import State
from pods.reference.walkthrough import FLOWS, walk
from pods.reference.world import (
    BASE_PORT,
    LAST_OFFSET,
    PODS,
    ROUTERS,
    World,
    WorldSettings,
)
from pods.signals import STOP_SIGNALS, catch


class Options(usage.Options):
    """The command line of ``twistd pods-demo``."""

    synopsis = "[--strategy bounce|learn] [--walkthrough | --move ORGANIZATION POD]"
    longdesc = (
        "Runs four pods and two routers on loopback and prints where they are; or plays every"
        " request flow of the proposals, prints each hop, and ends; or moves an organization to"
        " another pod while people use it, prints what they noticed, and ends."
    )
    optFlags = [("walkthrough", "w", "Play every request flow, and end.")]  # noqa: RUF012
    optParameters = [  # noqa: RUF012
        ("strategy", "s", None, "bounce or learn (default: bounce; both where it ends)", str),
        ("move", "m", None, "Move this organization to the pod that is named last.", str),
        ("base-port", "p", None, f"The first port (default: {BASE_PORT}).", str),
        ("sessions", None, None, "store or token: who is signed in (default: store).", str),
        ("data-dir", "d", None, "Where databases stay (default: a temporary folder).", str),
    ]

    def parseArgs(self, *pods: str) -> None:
        """What stands after the options: the pod that an organization moves to."""
        self["pods"] = pods


class _Demo(World):
    """The world that says where it is; if it cannot start, the process ends with one line."""

    def startService(self) -> None:
        try:
            super().startService()
        except (PodStartError, CannotStart, OSError) as error:
            give_up(f"pods-demo: {error}")
        self.when_listening().addCallbacks(self._welcome, lambda failure: None)

    def _welcome(self, listening: object) -> None:
        """On the real standard output: twistd's own has a time before each line."""
        print("\n".join(welcome(self)), file=sys.__stdout__, flush=True)


def makeService(options: Options) -> IService:
    """The world; with ``--walkthrough`` or ``--move`` this plays that and ends the process.

    :raises SystemExit: an option is wrong, with one line per fault and exit code 1; or what was
        to be played is over, with exit code 0, or 1 if a hop differs or a request was lost.
    """
    faults = list(_faults(options))
    if faults:
        raise SystemExit("\n".join(f"pods-demo: {fault}" for fault in faults))
    # The one place that names the reactor, after the command line has chosen it.
    from twisted.internet import reactor

    strategies = [options["strategy"]] if options["strategy"] else list(FLOWS)
    if options["walkthrough"]:
        react(_walkthrough, [strategies])
    if options["move"] is not None:
        react(_moving, [strategies, options["move"], *options["pods"]])
    data_dir = options["data-dir"]
    chosen = WorldSettings(
        strategy=options["strategy"] or "bounce",
        data_dir=None if data_dir is None else os.path.abspath(data_dir),
        base_port=int(options["base-port"] or BASE_PORT),
        pod_tables={"sessions": {"kind": options["sessions"] or "store"}},
    )
    catch(reactor, STOP_SIGNALS, cast(Any, reactor).stop)
    return _Demo(chosen, reactor)


def _faults(options: Options) -> Iterator[str]:
    strategy, port = options["strategy"], options["base-port"]
    if strategy is not None and strategy not in FLOWS:
        yield f"--strategy is {strategy!r}; allowed: {', '.join(FLOWS)}"
    if options["sessions"] not in (None, "store", "token"):
        yield f"--sessions is {options['sessions']!r}; allowed: store, token"
    most = 65_535 - LAST_OFFSET
    if port is not None and not (port.isascii() and port.isdigit() and 1 <= int(port) <= most):
        yield f"--base-port is {port!r}; allowed: a whole number, 1 to {most}"
    playing = [name for name in ("walkthrough", "move") if options[name]]
    if len(playing) > 1:
        yield "--walkthrough and --move are played one at a time"
    for name in ("base-port", "data-dir"):
        if playing and options[name] is not None:
            yield f"--{name} has no place beside --{playing[0]}; it takes what is free"
    if playing and options["sessions"] is not None:
        yield f"--sessions has no place beside --{playing[0]}"
    if options["move"] is None and options["pods"]:
        yield f"{options['pods'][0]!r} is no option"
    if options["move"] is not None and len(options["pods"]) != 1:
        yield "--move is followed by an organization and a pod, after all other options"


def welcome(world: World) -> Iterator[str]:
    """What to open, and who to be."""
    yield "\nThe demo world runs. Open a router in a browser:\n"
    for name, region in ROUTERS.items():
        yield f"  {world.url(name)}/  {name}, in region {region}"
    yield "\nWhat is behind them:\n"
    for name, region in PODS.items():
        yield f"  {world.url(name)}/  {name}, in region {region}"
    yield "\nTry these paths:\n"
    paths = ("/my-company/my-project", "/gitlab-org/gitlab", "/dashboard", "/groups/new", "/admin")
    yield from (f"  {world.url('router_eu')}{path}" for path in paths)
    yield "\nSign in as one of these, or sign up:\n"
    for user, password in USERS:
        yield f"  {user.username:8}{password:24}{user.default_organization}"
    yield "\nInvitations:\n"
    yield from (f"  {one.invitation:32}{one.path}" for one, _ in ORGANIZATIONS)
    yield ""


def _walkthrough(reactor: Any, strategies: list[str]) -> Deferred[None]:
    return Deferred.fromCoroutine(_walk(reactor, strategies))


async def _walk(reactor: Any, strategies: list[str]) -> None:
    progress = _progress()
    good = await walk(reactor, strategies, print, progress)
    progress("")
    sys.stdout.flush()
    if not good:
        raise SystemExit(1)


def _moving(reactor: Any, *arguments: Any) -> Deferred[None]:
    return Deferred.fromCoroutine(_move(reactor, *arguments))


async def _move(reactor: Any, strategies: list[str], organization: str, destination: str) -> None:
    good = True
    for strategy in strategies:
        plan = Plan(strategy=strategy, organization=organization, destination=destination)
        try:
            report = await play(reactor, plan, _Moved(strategy, _progress()))
        except MoveError as error:
            raise SystemExit(f"pods-demo: {error}") from None
        print("\n".join((*report.lines(), "")))
        good = good and report.is_good
    sys.stdout.flush()
    if not good:
        raise SystemExit(1)


@attrs.frozen
class _Moved:
    """Says how far a move is."""

    _strategy: str
    _say: Callable[[str], object]

    def __call__(self, now: Progress) -> None:
        rows = f"{now.copied_rows} of {now.all_rows} rows"
        over = now.state is State.DONE
        self._say("" if over else f"{self._strategy}: {now.state.value}, {rows}")


def _progress() -> Callable[[str], object]:
    """Shows where the walkthrough is, on a terminal only."""
    if not sys.stderr.isatty():
        return lambda text: None
    return lambda text: print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
