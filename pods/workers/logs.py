"""What workers log, said by the supervisor: one log, each line with the worker's number."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

from twisted.logger import (
    ILogObserver,
    InvalidLogLevelError,
    LogEvent,
    Logger,
    LogLevel,
    eventAsText,
)
from zope.interface import implementer

#: A worker's standard error is a pipe to the supervisor.
STANDARD_ERROR = 2


@implementer(ILogObserver)
class PipeObserver:
    """Writes each event as one line of JSON; made by twistd's ``--logger``."""

    def __init__(self) -> None:
        self._pipe = os.dup(STANDARD_ERROR)

    def __call__(self, event: LogEvent) -> None:
        """Write it.  Nobody can be told if that fails: the supervisor is gone then."""
        text = eventAsText(event, includeTimestamp=False, includeSystem=False)
        level = event.get("log_level", LogLevel.info).name
        told = {"level": level, "namespace": event.get("log_namespace"), "text": text}
        data = json.dumps(told).encode("utf-8", "backslashreplace") + b"\n"
        while data:
            try:
                data = data[os.write(self._pipe, data) :]
            except OSError:
                return


class Relay:
    """Says again what one worker writes to its standard error.

    :param name: the worker's number.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._rest = b""

    def received(self, data: bytes) -> None:
        """Whole lines are said at once."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._say(line)

    def ended(self) -> None:
        """Nothing more will come."""
        if self._rest:
            self.received(b"\n")

    def _say(self, line: bytes) -> None:
        told = _event(line)
        if told is None:  # what it says when it breaks down, or a library prints
            emit = Logger("pods.workers").error
            emit(
                "[worker {worker}] {text}", worker=self._name, text=line.decode("utf-8", "replace")
            )
            return
        level, namespace, text = told
        _emitter(level, namespace)("[worker {worker}] {text}", worker=self._name, text=text)


def _event(line: bytes) -> tuple[str, str, str] | None:
    try:
        told = json.loads(line)
        return str(told["level"]), str(told["namespace"]), str(told["text"])
    except (ValueError, LookupError, TypeError):
        return None


def _emitter(level: str, namespace: str) -> Callable[..., None]:
    logger = Logger(namespace)
    try:
        known = LogLevel.levelWithName(level)
    except InvalidLogLevelError:
        known = LogLevel.error
    emit: Callable[..., None] = getattr(logger, known.name)
    return emit
