"""The access log: one structured line per request, always, errors and aborts included.

A line per request is too much for a general event system (it would cost as much
as routing the request), so this is a small writer of its own: lines are
collected while the reactor runs and written in batches by a thread, so that a
slow disk or a full pipe holds nobody up.
"""

from __future__ import annotations

import fcntl
import json
import os
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted
from select import PIPE_BUF
from typing import Any, Protocol

from twisted.logger import Logger

from pods.interfaces import Clock
from pods.journal import Journal

#: A batch is written after so long, or when it has so many lines.
FLUSH_SECONDS = 0.2
BATCH_LINES = 512
#: How long a stop waits for a slow disk or a full pipe, twice.
STOP_SECONDS = 2.0
#: The descriptor itself: twistd replaces sys.stdout by its own log.
STANDARD_OUTPUT = 1
#: Batches that may wait for a slow disk; then lines are dropped and counted.
WAITING_BATCHES = 256


class Sink(Protocol):
    """Where access records go."""

    def write(self, record: Journal) -> None: ...


class NoAccessLog:
    """For ``log.access = ""``."""

    def write(self, record: Journal) -> None:
        """Nothing is kept."""


def as_json(record: Journal, worker: int | None = None) -> str:
    """One JSON object on one line; control characters are escaped as JSON has it.

    Put together by hand: a general encoder takes four times as long, a tenth of what a hit costs.
    """
    pod = "" if record.pod is None else f', "pod": {quoted(record.pod)}'
    route = "" if record.route is None else f', "route": {quoted(record.route)}'
    error = "" if record.error is None else f', "error": {quoted(record.error)}'
    by = "" if worker is None else f', "worker": {worker}'
    request_id = record.request_id.decode("ascii")
    return (
        f'{{"time": "{_timestamp(record.time)}", "client": {quoted(record.client)}, '
        f'"method": {quoted(record.method)}, "path": {quoted(record.path)}, '
        f'"status": {record.status}{pod}{route}, "attempts": {record.attempts}, '
        f'"bytes_in": {record.bytes_in}, "bytes_out": {record.bytes_out}'
        f"{_moment('placed', record.placed_seconds)}"
        f"{_moment('answered', record.answered_seconds)}"
        f"{_moment('released', record.released_seconds)}"
        f', "total_seconds": {record.total_seconds:.6f}, '
        f'"request_id": {quoted(request_id)}{error}{by}}}'
    )


def _moment(name: str, seconds: float | None) -> str:
    return "" if seconds is None else f', "{name}_seconds": {seconds:.6f}'


def as_text(record: Journal, worker: int | None = None) -> str:
    """One line for people."""
    path = record.path.encode("unicode_escape").decode("ascii")
    line = (
        f"{_timestamp(record.time)} {record.client} {record.method} {path} {record.status}"
        f" pod={record.pod or '-'} route={record.route or '-'} attempts={record.attempts}"
        f" in={record.bytes_in} out={record.bytes_out} seconds={record.total_seconds:.6f}"
        f" id={record.request_id.decode('ascii')}"
    )
    line += "" if worker is None else f" worker={worker}"
    return f"{line} error={json.dumps(record.error)}" if record.error else line


FORMATS = {"json": as_json, "text": as_text}


def _timestamp(seconds: float) -> str:
    whole = int(seconds)
    return f"{_second(whole)}.{int((seconds - whole) * 1000):03d}+00:00"


@lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    """The date and time of day, which are the same for all requests of a second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class AccessLog:
    """Writes records to a file or to standard output.

    :param path: a file, or ``-`` for standard output.
    :param format: a key of :data:`FORMATS`.
    :param worker: its number, if the router has several.
    :param lock: a file that all of them have open; who holds it writes.
    """

    _log = Logger()

    def __init__(
        self,
        path: str,
        format: str,
        clock: Clock,
        worker: int | None = None,
        lock: int | None = None,
    ) -> None:
        self.dropped = 0  #: lines lost because the disk or the pipe was too slow
        self._path = path
        self._render = FORMATS[format]
        self._clock = clock
        self._worker = worker
        self._lock = lock
        self._lines: list[str] = []
        self._call: Any = None
        self._batches: queue.Queue[str | None] = queue.Queue(WAITING_BATCHES)
        self._reopen = threading.Event()
        self._thread = threading.Thread(target=self._write_batches, name="access log", daemon=True)

    def start(self) -> None:
        """Open the file and begin to write.

        :raises OSError: it cannot be opened.
        """
        self._file = self._open()
        self._thread.start()

    def write(self, record: Journal) -> None:
        """Write this soon."""
        self._lines.append(self._render(record, self._worker))
        if len(self._lines) >= BATCH_LINES:
            self._flush()
        elif self._call is None:
            self._call = self._clock.callLater(FLUSH_SECONDS, self._flush_late)

    def reopen(self) -> None:
        """Close the file and open its name anew: it has been rotated."""
        self._flush()
        self._reopen.set()
        self._put("")

    def stop(self) -> None:
        """Write what is left and close; blocks until that is done, but not on a stuck pipe."""
        if self._call is not None:
            self._call.cancel()
            self._call = None
        self._flush()
        with suppress(queue.Full):
            self._batches.put(None, timeout=STOP_SECONDS)
        self._thread.join(STOP_SECONDS)
        if self._thread.is_alive():
            self._log.error("The access log is stuck; its last lines are lost")
        elif self._file != STANDARD_OUTPUT:
            os.close(self._file)

    def _flush_late(self) -> None:
        self._call = None
        self._flush()

    def _flush(self) -> None:
        if self._lines:
            lines, self._lines = self._lines, []
            if not self._put("\n".join(lines) + "\n"):
                self.dropped += len(lines)

    def _put(self, batch: str) -> bool:
        try:
            self._batches.put_nowait(batch)
        except queue.Full:
            return False
        return True

    # -- in the thread -------------------------------------------------------

    def _write_batches(self) -> None:
        while (batch := self._batches.get()) is not None:
            try:
                if self._reopen.is_set():
                    self._reopen.clear()
                    self._reopen_file()
                data = batch.encode("utf-8", "backslashreplace")
                with _held(self._lock):
                    for piece in _pieces(data) if self._file == STANDARD_OUTPUT else (data,):
                        _write_all(self._file, piece)
            except OSError as error:
                self._log.error("The access log cannot be written: {error}", error=str(error))

    def _reopen_file(self) -> None:
        if self._path != "-":
            new = self._open()
            os.close(self._file)
            self._file = new

    def _open(self) -> int:
        return open_log(self._path)


def open_log(path: str) -> int:
    """The descriptor to write to.

    :raises OSError: it cannot be opened.
    """
    if path == "-":
        return STANDARD_OUTPUT
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)


@contextmanager
def _held(lock: int | None) -> Iterator[None]:
    """A line can be longer than what a pipe takes in one piece: others wait until all is written.

    The lock is one that the system gives back when its holder dies.
    """
    if lock is None:
        yield
        return
    fcntl.lockf(lock, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.lockf(lock, fcntl.LOCK_UN)


def _pieces(data: bytes) -> Iterator[bytes]:
    """Whole lines, as many at a time as a pipe takes in one piece: others write to standard output
    as well."""
    start = 0
    while len(data) - start > PIPE_BUF:
        end = data.rfind(b"\n", start, start + PIPE_BUF) + 1 or data.find(b"\n", start) + 1
        yield data[start:end]
        start = end
    if start < len(data):
        yield data[start:]


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
