"""``twistd -n pods-pod --config pod.toml``"""

from __future__ import annotations

from twisted.application.service import IService
from twisted.python import usage

from pods.ending import give_up
from pods.errors import ConfigurationError
from pods.reference.service import PodService, PodStartError
from pods.reference.settings import load


class Options(usage.Options):
    """The command line of ``twistd pods-pod``."""

    synopsis = "--config pod.toml"
    longdesc = "Runs one reference pod: a small application that owns some of the tenants."
    optParameters = [("config", "c", None, "The configuration file (pod.toml).", str)]  # noqa: RUF012


class _Command(PodService):
    """The pod; if it cannot start, the process ends with one line instead of a traceback."""

    def startService(self) -> None:
        try:
            super().startService()
        except PodStartError as error:
            give_up(str(error))


def makeService(options: Options) -> IService:
    """The pod; opens nothing.

    :raises SystemExit: with one line per fault; twistd prints it to standard error and exits 1.
    """
    if options["config"] is None:
        raise SystemExit("pods-pod: --config is missing; allowed: the path of a pod.toml")
    # The one place that names the reactor, after the command line has chosen it.
    from twisted.internet import reactor

    try:
        return _Command(load(options["config"]), reactor)
    except ConfigurationError as error:
        raise SystemExit(str(error)) from None
