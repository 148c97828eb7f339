"""How lines of JSON become stored routes: as many as can, and a word about each that cannot."""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import attrs

from pods.config import Config
from pods.errors import ConfigurationError, Fault
from pods.interfaces import StoredRoute
from pods.progress import Advance
from pods.route_lines import LineReader
from pods.stores.routefile import RouteFile
from pods.stores.writing import Limits

FAULTS_TOLD = 20  #: so many lines that are wrong are told one by one
_STEP_BYTES = 100_000


@attrs.define
class Outcome:
    """What has become of the lines."""

    stored: int = 0
    read: int = 0  #: routes that are right and hold, stored or not
    expired: int = 0
    refused: int = 0  #: lines that are wrong
    faults: list[Fault] = attrs.field(factory=list)  #: of the first of these

    def __str__(self) -> str:
        better_known = self.read - self.stored
        return (
            f"stored: {self.stored}; known better: {better_known}; expired: {self.expired};"
            f" refused: {self.refused}"
        )


def open_lines(file: str) -> BinaryIO:
    """The lines of a file; to be closed.

    :param file: its path; ``-``: standard input.
    :raises pods.errors.ConfigurationError: it cannot be opened.
    """
    try:
        if file == "-" and sys.stdin is None:
            raise OSError(errno.EBADF, "standard input is closed")
        if file == "-":
            return open(sys.stdin.fileno(), "rb", closefd=False)
        return open(file, "rb")
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
        raise ConfigurationError(Fault("", problem, file=file)) from error


def size_bytes(lines: BinaryIO) -> int | None:
    """How many bytes the lines have; None if that is not known before they have come."""
    status = os.fstat(lines.fileno())
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def import_lines(lines: BinaryIO, file: RouteFile, config: Config, advance: Advance) -> Outcome:
    """Store what the lines say.

    :param advance: is told of the bytes that were read.
    """
    cache, now, outcome = config.cache, time.time(), Outcome()
    reader = LineReader(config.pods, cache.ttl_seconds, cache.max_ttl_seconds, now)
    routes = _routes(_counted(lines, advance), reader, outcome)
    for stored in file.merge(routes, now):
        outcome.stored += stored
    file.tidy(Limits(cache.max_entries, cache.max_ttl_seconds), now)
    return outcome


def _routes(
    lines: Iterable[tuple[int, bytes]], reader: LineReader, outcome: Outcome
) -> Iterator[StoredRoute]:
    for number, line in lines:
        try:
            route = reader.read(line)
        except ConfigurationError as error:
            outcome.refused += 1
            if len(outcome.faults) < FAULTS_TOLD:
                outcome.faults += error.in_file(f"line {number}").faults
            continue
        if route.expires_at <= reader.now:
            outcome.expired += 1
        else:
            outcome.read += 1
            yield route


def _counted(lines: BinaryIO, advance: Advance) -> Iterator[tuple[int, bytes]]:
    """The number and the text of each line that is not empty."""
    untold = 0
    for number, line in enumerate(lines, 1):
        untold += len(line)
        if untold >= _STEP_BYTES:
            advance(untold)
            untold = 0
        if not line.isspace():
            yield number, line
    advance(untold)
