"""Pods by their keys in a file that may change."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping

from pods.errors import ConfigurationError, Fault
from pods.middleware.lookups import Table, mapping_faults
from pods.wording import one_line

CHECK_SECONDS = 1.0  #: so often it is looked whether the file is another
_LINE_ALLOWED = 'PREFIX POD, or {"path": PREFIX, "pod": POD}'
_Signature = tuple[int, int, int] | None
log = logging.getLogger("pods.middleware")


class FileTable(Table):
    """Pods by their keys in a text file, which is read again when it has changed.

    A line is ``/my-company pod_eu0`` or ``{"path": "/my-company", "pod": "pod_eu0"}``; empty
    lines and those that begin with ``#`` say nothing.  A changed file counts once it has been the
    same for ``check_seconds``, so none is read that is half written; one that is gone or faulty
    leaves all as it was, and is told in the log once.

    :param path: of the file.
    :param check_seconds: how often to look.
    :param clock_seconds: a clock that never goes back.
    :raises pods.errors.ConfigurationError: it cannot be read, with every faulty line.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        check_seconds: float = CHECK_SECONDS,
        clock_seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = os.fspath(path)
        self._check_seconds = check_seconds
        self._clock_seconds = clock_seconds
        self._checking = threading.Lock()
        self._pods: frozenset[str] | None = None
        try:
            self._read = _signature(self._path)
            self._entries = entries_of(self._path)
        except OSError as error:
            raise ConfigurationError(_unreadable(self._path, error)) from error
        self._seen = self._read
        self._next_check = clock_seconds() + check_seconds

    def pod_of(self, key: str) -> str | None:
        if self._clock_seconds() >= self._next_check and self._checking.acquire(blocking=False):
            try:
                self._check()
            finally:
                self._checking.release()
        return self._entries.get(key)

    def faults(self, pods: frozenset[str] | None) -> Iterator[Fault]:
        self._pods = pods  # what is read later is held to them as well
        yield from mapping_faults(self._entries, self._path, pods)

    def _check(self) -> None:
        self._next_check = self._clock_seconds() + self._check_seconds
        try:
            signature = _signature(self._path)
        except OSError:
            signature = None
        seen, self._seen = self._seen, signature
        if signature == self._read or signature != seen:
            return  # nothing new, or still being written
        self._read = signature  # whatever comes of it: a fault is told once
        try:
            self._entries = entries_of(self._path, self._pods)
        except (OSError, ConfigurationError) as error:
            log.error("%s: goes on with what was read before: %s", self._path, error)


def entries_of(path: str, pods: frozenset[str] | None = None) -> Mapping[str, str]:
    """What stands in a table's file.

    :param pods: the names of all pods, if they are known.
    :raises OSError: it cannot be read.
    :raises ConfigurationError: with a fault for each wrong line.
    """
    entries: dict[str, str] = {}
    faults: list[Fault] = []
    with open(path, encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            place = f"line {number}"
            entry = _entry(line.strip())
            if entry is None:
                faults.append(Fault(place, "cannot be read", _LINE_ALLOWED, path))
                continue
            key, pod = entry
            if key in entries:
                faults.append(Fault(place, f"has {key} once more", "each once", path))
            faults += [
                Fault(place, f"{fault.key}: {fault.problem}", fault.allowed, path)
                for fault in mapping_faults({key: pod}, "", pods)
            ]
            entries[key] = pod
    if faults:
        raise ConfigurationError(*faults)
    return entries


def _entry(line: str) -> tuple[str, str] | None:
    """Key and pod of a line."""
    if not line.startswith("{"):
        words = line.split()
        return (_bare(words[0]), words[1]) if len(words) == 2 else None
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return None
    key, pod = fields.get("path"), fields.get("pod")
    return (_bare(key), pod) if isinstance(key, str) and isinstance(pod, str) else None


def _bare(key: str) -> str:
    return key.strip("/")


def _signature(path: str) -> _Signature:
    status = os.stat(path)
    return status.st_mtime_ns, status.st_size, status.st_ino


def _unreadable(path: str, error: OSError) -> Fault:
    return Fault("", f"cannot be read: {error.strerror or one_line(error)}", "a text file", path)
