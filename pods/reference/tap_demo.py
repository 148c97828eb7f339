"""``twistd -n pods-demo`` and ``twistd -n pods-demo --walkthrough``"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, cast

from twisted.application.service import IService
from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.python import usage

from pods.ending import give_up
from pods.listeners import CannotStart
from pods.reference.seed import ORGANIZATIONS, USERS
from pods.reference.service import PodStartError
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

    synopsis = "[--strategy bounce|learn] [--walkthrough]"
    longdesc = (
        "Runs four pods and two routers on loopback and prints where they are; or plays every"
        " request flow of the proposals, prints each hop, and ends."
    )
    optFlags = [("walkthrough", "w", "Play every request flow, and end.")]  # noqa: RUF012
    optParameters = [  # noqa: RUF012
        ("strategy", "s", None, "bounce or learn (default: bounce; both for the walkthrough)", str),
        ("base-port", "p", None, f"The first port (default: {BASE_PORT}).", str),
        ("data-dir", "d", None, "Where databases stay (default: a temporary folder).", str),
    ]


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
    """The world; with ``--walkthrough`` this plays all flows and ends the process.

    :raises SystemExit: an option is wrong, with one line per fault and exit code 1; or the
        walkthrough is over, with exit code 0, or 1 if a hop differs.
    """
    faults = list(_faults(options))
    if faults:
        raise SystemExit("\n".join(f"pods-demo: {fault}" for fault in faults))
    # The one place that names the reactor, after the command line has chosen it.
    from twisted.internet import reactor

    if options["walkthrough"]:
        react(_walkthrough, [[options["strategy"]] if options["strategy"] else list(FLOWS)])
    data_dir = options["data-dir"]
    chosen = WorldSettings(
        strategy=options["strategy"] or "bounce",
        data_dir=None if data_dir is None else os.path.abspath(data_dir),
        base_port=int(options["base-port"] or BASE_PORT),
    )
    catch(reactor, STOP_SIGNALS, cast(Any, reactor).stop)
    return _Demo(chosen, reactor)


def _faults(options: Options) -> Iterator[str]:
    strategy, port = options["strategy"], options["base-port"]
    if strategy is not None and strategy not in FLOWS:
        yield f"--strategy is {strategy!r}; allowed: {', '.join(FLOWS)}"
    most = 65_535 - LAST_OFFSET
    if port is not None and not (port.isascii() and port.isdigit() and 1 <= int(port) <= most):
        yield f"--base-port is {port!r}; allowed: a whole number, 1 to {most}"
    if options["walkthrough"]:
        for name in ("base-port", "data-dir"):
            if options[name] is not None:
                yield f"--{name} has no place beside --walkthrough; it takes what is free"


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


def _progress() -> Callable[[str], object]:
    """Shows where the walkthrough is, on a terminal only."""
    if not sys.stderr.isatty():
        return lambda text: None
    return lambda text: print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
