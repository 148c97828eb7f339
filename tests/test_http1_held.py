"""Bodies held for a replay: memory, then disk, and every byte of both is counted
(requirements 35 and 38)."""

from __future__ import annotations

import os
import resource
import stat
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pods.http1.held import READ_BYTES, HeldBody, HoldBudget

MEMORY = 100
SIZES = st.sampled_from([0, 1, 2, 49, 50, 99, 100, 101, 150, 300])


def content(size: int) -> bytes:
    """Bytes that tell where they stand."""
    return bytes(position * 7 % 251 for position in range(size))


def read_all(held: HeldBody, offset: int = 0) -> bytes:
    pieces = []
    while piece := held.read(offset):
        pieces.append(piece)
        offset += len(piece)
    return b"".join(pieces)


class HeldBodyTests(SynchronousTestCase):
    """Everything that was kept comes back, and nothing is left."""

    def setUp(self) -> None:
        self.directory = self.mktemp()
        self.budget = HoldBudget(self.directory, 10_000, 10_000)

    def held(self, spool_limit_bytes: int = 10_000, memory_limit_bytes: int = MEMORY) -> HeldBody:
        return HeldBody(self.budget, memory_limit_bytes, spool_limit_bytes)

    def assert_nothing_is_left(self) -> None:
        left = (self.budget.memory_bytes, self.budget.spool_bytes, self.budget.files)
        self.assertEqual(left, (0, 0, 0))
        if os.path.exists(self.directory):
            self.assertEqual(os.listdir(self.directory), [])

    @settings(deadline=None, max_examples=150)
    @given(st.lists(SIZES, max_size=6), st.lists(st.integers(0, 600), max_size=4))
    def test_read_from_anywhere(self, sizes: list[int], offsets: list[int]) -> None:
        body = content(sum(sizes))
        held = self.held()
        for size in sizes:
            self.assertTrue(held.append(body[held.size : held.size + size]))
        self.assertEqual((held.size, read_all(held)), (len(body), body))
        for offset in offsets:
            self.assertEqual(read_all(held, offset), body[offset:])
        in_memory = held.size - held.spooled_bytes
        self.assertLessEqual(in_memory, MEMORY)
        self.assertEqual(self.budget.memory_bytes, in_memory)
        self.assertEqual(self.budget.spool_bytes, held.spooled_bytes)
        self.assertEqual(self.budget.files, 1 if held.spooled_bytes else 0)
        held.close()
        held.close()
        self.assertEqual(held.size, 0)
        self.assert_nothing_is_left()

    def test_around_the_memory_limit(self) -> None:
        for size in (0, 1, MEMORY - 1, MEMORY, MEMORY + 1):
            held = self.held()
            for position in range(size):
                self.assertTrue(held.append(content(size)[position : position + 1]))
            self.assertEqual(held.spooled_bytes, max(0, size - MEMORY))
            self.assertEqual(self.budget.files, int(size > MEMORY))
            self.assertEqual(read_all(held), content(size))
            held.close()
        self.assert_nothing_is_left()

    def test_reads_from_disk_are_bounded(self) -> None:
        self.budget.spool_limit_bytes = 10**9
        held = self.held(spool_limit_bytes=10**9)
        body = content(READ_BYTES * 2 + 10)
        self.assertTrue(held.append(body))
        self.assertEqual(len(held.read(0)), READ_BYTES)
        self.assertEqual(read_all(held), body)
        held.close()

    def test_memory_keeps_references_not_copies(self) -> None:
        held = self.held()
        chunk = content(60)
        held.append(chunk)
        self.assertIs(held.read(0), chunk)
        held.close()

    def test_its_own_limit_on_disk(self) -> None:
        held = self.held(spool_limit_bytes=50)
        self.assertTrue(held.append(content(MEMORY)))
        self.assertTrue(held.append(b"a" * 50))
        self.assertFalse(held.append(b"b"))
        held.spool_limit_bytes = 51
        self.assertTrue(held.append(b"c"))
        self.assertEqual(read_all(held), content(MEMORY) + b"a" * 50 + b"c")
        held.close()
        self.assert_nothing_is_left()

    def test_memory_only(self) -> None:
        held = self.held(spool_limit_bytes=0)
        self.assertFalse(held.append(content(MEMORY + 1)))
        self.assertTrue(held.append(content(MEMORY)))
        self.assertFalse(held.append(b"x"))
        self.assertEqual(read_all(held), content(MEMORY))
        held.close()
        self.assertFalse(os.path.exists(self.directory))
        self.assert_nothing_is_left()

    def test_the_limit_on_disk_of_all_together(self) -> None:
        self.budget.spool_limit_bytes = 150
        first, second = self.held(memory_limit_bytes=0), self.held(memory_limit_bytes=0)
        self.assertTrue(first.append(b"a" * 100))
        self.assertFalse(second.append(b"b" * 51))
        self.assertTrue(second.append(b"b" * 50))
        first.close()
        self.assertTrue(second.append(b"b" * 100))
        self.assertEqual(read_all(second), b"b" * 150)
        second.close()
        self.assert_nothing_is_left()
        self.assertEqual((self.budget.most_spool_bytes, self.budget.most_memory_bytes), (150, 0))

    def test_memory_that_all_bodies_share(self) -> None:
        self.budget.memory_limit_bytes = 15
        first, second = self.held(), self.held()
        spoolless = self.held(spool_limit_bytes=0)
        self.assertTrue(first.append(b"0123456789"))
        self.assertTrue(second.append(b"abcdefghij"), "on disk")
        self.assertFalse(spoolless.append(b"abcdefghij"))
        self.assertEqual((self.budget.memory_bytes, self.budget.spool_bytes), (10, 10))
        self.assertEqual(read_all(second), b"abcdefghij")
        first.close()
        self.assertTrue(spoolless.append(b"abcdefghij"), "there is room again")
        second.close()
        spoolless.close()
        self.assert_nothing_is_left()


class FileTests(SynchronousTestCase):
    """The files themselves, and disks that do not take them."""

    def test_nobody_else_can_find_or_read_them(self) -> None:
        directory = os.path.join(self.mktemp(), "var", "spool")
        budget = HoldBudget(directory, 1000, 1000)
        held = HeldBody(budget, 0, 1000)
        self.assertTrue(held.append(b"secret"))
        self.assertEqual(os.listdir(directory), [])
        self.assertEqual(stat.S_IMODE(os.stat(directory).st_mode), 0o700)
        with budget.open() as spool:
            status = os.fstat(spool.fileno())
            self.assertEqual((stat.S_IMODE(status.st_mode), status.st_nlink), (0o600, 0))
            self.assertEqual(os.listdir(directory), [])
        held.close()

    def test_a_folder_that_cannot_be_made(self) -> None:
        blocked = Path(self.mktemp())
        blocked.write_bytes(b"a file, no folder")
        budget = HoldBudget(str(blocked / "spool"), 1000, 1000)
        held = HeldBody(budget, 10, 1000)
        self.assertTrue(held.append(b"0123456789"))
        self.assertFalse(held.append(b"x"))
        self.assertEqual((budget.memory_bytes, budget.spool_bytes, budget.files), (10, 0, 0))
        self.assertEqual(read_all(held), b"0123456789")
        held.close()
        self.assertEqual((budget.memory_bytes, budget.spool_bytes, budget.files), (0, 0, 0))

    def test_a_disk_that_is_full_in_the_middle_of_a_chunk(self) -> None:
        """What was written of the refused chunk must not come back with a later one."""
        budget = HoldBudget(self.mktemp(), 10**6, 10**6)
        held = HeldBody(budget, 0, 10**6)
        self.assertTrue(held.append(b"a" * 5000))
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (7000, hard))
        try:
            fits_in_part, fits_not_at_all = held.append(b"b" * 5000), held.append(b"c" * 9000)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        self.assertEqual((fits_in_part, fits_not_at_all), (False, False))
        self.assertEqual((held.size, budget.spool_bytes), (5000, 5000))
        self.assertTrue(held.append(b"d" * 3000))
        self.assertEqual(read_all(held), b"a" * 5000 + b"d" * 3000)
        held.close()
        self.assertEqual((budget.memory_bytes, budget.spool_bytes, budget.files), (0, 0, 0))
