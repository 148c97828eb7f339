"""``twistd -n pods --config router.toml``"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from twisted.application.service import IService, Service
from twisted.python import usage

from pods.checking import Checked, checked
from pods.ending import give_up
from pods.errors import ConfigurationError
from pods.listeners import CannotStart
from pods.service import RouterService
from pods.signals import RELOAD_SIGNALS, REOPEN_SIGNALS, STOP_SIGNALS, catch, stopping

if TYPE_CHECKING:
    from pods.workers.supervisor import Supervisor


class Options(usage.Options):
    """The command line of ``twistd pods``."""

    synopsis = "--config router.toml"
    longdesc = "Runs one router: an HTTP reverse proxy that picks a pod for each request."
    optParameters = [  # noqa: RUF012
        ("config", "c", None, "The configuration file (router.toml).", str),
        ("worker", None, None, "Internal: the supervisor starts its workers with it.", int),
    ]


def makeService(options: Options) -> IService:
    """The router; opens nothing.

    With ``workers`` above 1 it is a supervisor, which starts this command again for each.

    :raises SystemExit: with one line per fault; twistd prints it to standard error and exits 1.
        (A ``UsageError`` would be printed to standard output, with exit code 0.)
    """
    # The one place that names the reactor, after the command line has chosen it.
    from twisted.internet import reactor as chosen

    reactor: Any = chosen

    # What is loaded by now stays.  A pass of the collector over it as well would hold up every
    # request four times as long; and little is left to it at all (docs/explanation/decisions).
    reactor.callWhenRunning(gc.freeze)
    gc.set_threshold(5_000)  # new objects; by default 700, from Python 3.13 on 2,000
    if options["worker"] is not None:
        return _worker(options["worker"], reactor)
    if options["config"] is None:
        raise SystemExit("pods: --config is missing; allowed: the path of a router.toml")
    try:
        service = _service(checked(options["config"]), reactor)
    except ConfigurationError as error:
        raise SystemExit("\n".join(map(str, error.faults))) from None
    catch(reactor, STOP_SIGNALS, stopping(reactor))
    catch(reactor, REOPEN_SIGNALS, service.reopen_logs)
    catch(reactor, RELOAD_SIGNALS, service.reload)
    # A daemon must report by an ordinary exception: the twistd that waits for it to start would
    # not notice SystemExit, and wait for ever.
    twistd: Mapping[str, Any] = options.parent or {}
    is_daemon = not twistd.get("nodaemon", True)
    return service if is_daemon else OrGiveUp(service, twistd.get("pidfile"))


def _service(start: Checked, reactor: Any) -> RouterService | Supervisor:
    """The router in this process, or the supervisor of several."""
    if start.config.router.workers == 1:
        return RouterService(start.config, reactor)
    # Loaded only for those who have workers.
    from pods.workers.supervisor import Supervisor

    return Supervisor(start, reactor)


def _worker(number: int, reactor: Any) -> IService:
    from pods.workers.worker import WorkerService

    worker = WorkerService(reactor, number)
    catch(reactor, STOP_SIGNALS, stopping(reactor))
    # The supervisor reads the configuration.
    catch(reactor, (*REOPEN_SIGNALS, *RELOAD_SIGNALS), worker.reopen_logs)
    return worker


class OrGiveUp(Service):
    """A service; if it cannot start, the process ends with one line instead of a traceback.

    :param pid_file: of twistd.
    """

    def __init__(self, service: IService, pid_file: str | None) -> None:
        self._service = service
        self._pid_file = pid_file

    def privilegedStartService(self) -> None:
        self._try(self._service.privilegedStartService)

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        self._try(self._service.startService)

    def stopService(self) -> Any:
        super().stopService()  # type: ignore[no-untyped-call]
        return self._service.stopService()

    def _try(self, start: Callable[[], None]) -> None:
        try:
            start()
        except CannotStart as error:
            give_up(f"pods: {error}", self._pid_file)
