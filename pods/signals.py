"""What the router's process does on signals: once per process, whatever runs in it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

from twisted.internet.error import ReactorNotRunning

#: "Finish what runs, then exit with 0."  The reactor's own handlers would make twistd end by the
#: signal after a graceful stop.
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
#: "The log file has been rotated, open it anew."
REOPEN_SIGNALS = (signal.SIGUSR1,)
#: The same, and "read the configuration again".
RELOAD_SIGNALS = (signal.SIGHUP,)


def stopping(reactor: Any) -> Callable[[], None]:
    """Stops it; a second signal says nothing new."""

    def stop() -> None:
        with suppress(ReactorNotRunning):
            reactor.stop()

    return stop


def catch(reactor: Any, numbers: Collection[signal.Signals], handler: Callable[[], Any]) -> None:
    """Call ``handler`` in the reactor on each of these signals, once the reactor runs.

    The reactor installs handlers of its own when it starts to run; these come after them.  Those
    that would end the process are caught from now on: the listeners open before the reactor runs.
    """

    def caught(number: int, frame: Any) -> None:
        reactor.callFromThread(handler)

    def install() -> None:
        for number in numbers:
            signal.signal(number, caught)

    if not {*REOPEN_SIGNALS, *RELOAD_SIGNALS}.isdisjoint(numbers):
        install()
    reactor.callWhenRunning(install)
