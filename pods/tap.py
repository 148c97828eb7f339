"""``twistd -n pods --config router.toml``"""

from __future__ import annotations

from typing import Any

from twisted.application.service import IService
from twisted.python import usage

from pods.checking import faults_of
from pods.config import load
from pods.ending import give_up
from pods.errors import ConfigurationError
from pods.listeners import CannotStart
from pods.service import RouterService
from pods.signals import RELOAD_SIGNALS, REOPEN_SIGNALS, STOP_SIGNALS, catch


class Options(usage.Options):
    """The command line of ``twistd pods``."""

    synopsis = "--config router.toml"
    longdesc = "Runs one router: an HTTP reverse proxy that picks a pod for each request."
    optParameters = [("config", "c", None, "The configuration file (router.toml).", str)]  # noqa: RUF012


class RouterCommand(RouterService):
    """The router; if it cannot start, the process ends with one line instead of a traceback."""

    def privilegedStartService(self) -> None:
        try:
            super().privilegedStartService()
        except CannotStart as error:
            give_up(f"pods: {error}")

    def startService(self) -> None:
        try:
            super().startService()
        except CannotStart as error:
            give_up(f"pods: {error}")


def makeService(options: Options) -> IService:
    """The router; opens nothing.

    :raises SystemExit: with one line per fault; twistd prints it to standard error and exits 1.
        (A ``UsageError`` would be printed to standard output, with exit code 0.)
    """
    if options["config"] is None:
        raise SystemExit("pods: --config is missing; allowed: the path of a router.toml")
    faults = faults_of(options["config"])
    if faults:
        raise SystemExit("\n".join(map(str, faults)))
    # The one place that names the reactor, after the command line has chosen it.
    from twisted.internet import reactor as chosen

    reactor: Any = chosen

    try:
        service = _service_class(options)(load(options["config"]), reactor)
    except ConfigurationError as error:  # a file changed, or vanished, in between
        raise SystemExit(str(error)) from None
    catch(reactor, STOP_SIGNALS, reactor.stop)
    catch(reactor, REOPEN_SIGNALS, service.reopen_logs)
    catch(reactor, RELOAD_SIGNALS, service.reload)
    return service


def _service_class(options: Options) -> type[RouterService]:
    """A daemon must report by an ordinary exception: the twistd that waits for it to start would
    not notice ``SystemExit``, and wait for ever."""
    twistd = options.parent
    is_daemon = twistd is not None and not twistd.get("nodaemon", True)
    return RouterService if is_daemon else RouterCommand
