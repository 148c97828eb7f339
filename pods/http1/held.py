"""Bytes of one request body, kept so that they can be sent again.

Memory first, then an unlinked file.  Every byte is counted against the limits
of its request and against what all requests together may use.
"""

from __future__ import annotations

import os
import tempfile
from bisect import bisect_right
from typing import IO

import attrs

READ_BYTES = 65_536
#: Chunks are put together up to this size: each one costs memory of its own, and a client that
#: sends single bytes must not cost forty times what it sends.
SMALL_BYTES = 4096


@attrs.define(eq=False)
class HoldBudget:
    """What all requests together hold, now and at most.

    :param spool_limit_bytes: the most that may be on disk at any time.
    :param memory_limit_bytes: the most that may be in memory at any time.
    :param directory: where the files are made; unlinked at once, mode 0600.
    """

    directory: str
    spool_limit_bytes: int
    memory_limit_bytes: int
    memory_bytes: int = 0
    spool_bytes: int = 0
    most_memory_bytes: int = 0
    most_spool_bytes: int = 0
    files: int = 0
    replays: int = 0  #: how often a body was begun again

    def take_memory(self, size: int) -> bool:
        """Count bytes that are kept in memory, or return False if that would be too many."""
        if self.memory_bytes + size > self.memory_limit_bytes:
            return False
        self.memory_bytes += size
        self.most_memory_bytes = max(self.most_memory_bytes, self.memory_bytes)
        return True

    def take_spool(self, size: int) -> bool:
        """Count bytes that go to disk, or return False if that would be too many."""
        if self.spool_bytes + size > self.spool_limit_bytes:
            return False
        self.spool_bytes += size
        self.most_spool_bytes = max(self.most_spool_bytes, self.spool_bytes)
        return True

    def open(self) -> IO[bytes]:
        """A new file that has no name (``O_TMPFILE`` where the system has it)."""
        os.makedirs(self.directory, mode=0o700, exist_ok=True)
        spool = tempfile.TemporaryFile(dir=self.directory, buffering=0)  # noqa: SIM115 - kept open
        self.files += 1
        return spool

    def give_back(self, memory_bytes: int, spool_bytes: int, spool: IO[bytes] | None) -> None:
        """Stop counting what one body held, and close its file."""
        self.memory_bytes -= memory_bytes
        self.spool_bytes -= spool_bytes
        if spool is not None:
            spool.close()
            self.files -= 1


class HeldBody:
    """The beginning of one body, from its first byte on.

    :param memory_limit_bytes: kept in memory; all but small chunks as they came, not copied.
    :param spool_limit_bytes: then on disk; may be raised.
    """

    def __init__(self, budget: HoldBudget, memory_limit_bytes: int, spool_limit_bytes: int) -> None:
        self.size = 0
        self.spool_limit_bytes = spool_limit_bytes
        self._memory_limit_bytes = memory_limit_bytes
        self._budget = budget
        self._chunks: list[bytes] = []
        self._starts: list[int] = []  # of each chunk
        self._memory_bytes = 0
        self._spool: IO[bytes] | None = None

    @property
    def spooled_bytes(self) -> int:
        """How much of it is on disk."""
        return self.size - self._memory_bytes

    def append(self, chunk: bytes) -> bool:
        """Keep a chunk, or return False if that is not possible (a limit, or a full disk)."""
        if not self._append_to_memory(chunk) and not self._append_to_spool(chunk):
            return False
        self.size += len(chunk)
        return True

    def _append_to_memory(self, chunk: bytes) -> bool:
        size = len(chunk)
        if self._spool is not None or self._memory_bytes + size > self._memory_limit_bytes:
            return False
        if not self._budget.take_memory(size):
            return False
        if self._chunks and len(self._chunks[-1]) + size <= SMALL_BYTES:
            self._chunks[-1] += chunk
        else:
            self._starts.append(self.size)
            self._chunks.append(chunk)
        self._memory_bytes += size
        return True

    def _append_to_spool(self, chunk: bytes) -> bool:
        size = len(chunk)
        if self.spooled_bytes + size > self.spool_limit_bytes:
            return False
        if not self._budget.take_spool(size):
            return False
        try:
            if self._spool is None:
                self._spool = self._budget.open()
            written = os.pwrite(self._spool.fileno(), chunk, self.spooled_bytes)
        except OSError:
            written = 0
        if written != size:  # the disk is full: what was written of this chunk does not count
            self._budget.give_back(0, size, None)
            return False
        return True

    def read(self, offset: int) -> bytes:
        """Some bytes from ``offset`` on, at most 64 KiB; empty only at the end."""
        if offset >= self.size:
            return b""
        if offset >= self._memory_bytes:
            assert self._spool is not None
            limit = min(READ_BYTES, self.size - offset)
            return os.pread(self._spool.fileno(), limit, offset - self._memory_bytes)
        index = bisect_right(self._starts, offset) - 1
        within = offset - self._starts[index]
        chunk = self._chunks[index]
        return chunk[within:] if within else chunk

    def replayed(self) -> None:
        """It is sent once more, from its first byte on."""
        self._budget.replays += 1

    def close(self) -> None:
        """Let go of everything; may be called again."""
        self._budget.give_back(self._memory_bytes, self.spooled_bytes, self._spool)
        self.size = self._memory_bytes = 0
        self._spool = None
        self._chunks = []
        self._starts = []
