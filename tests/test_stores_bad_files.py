"""Whatever lies where the store's file should be, the store opens and serves."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from twisted.logger import LogEvent, LogLevel, capturedLogs, formatEvent

from pods.interfaces import Found
from pods.stores.opening import KEPT_ASIDE, open_file
from pods.stores.schema import APPLICATION_ID
from pods.stores.sqlite import LONGEST_RETRY_SECONDS, PENDING_LIMIT, SQLiteStore
from tests.support_stores import NOW, StoreCase, route

ROOT = Path(__file__).resolve().parent.parent


class BadFileCase(StoreCase):
    """Puts things where the file should be."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = os.path.dirname(self.path)
        os.mkdir(self.folder)
        stack = ExitStack()
        self.addCleanup(stack.close)
        self.events: Sequence[LogEvent] = stack.enter_context(capturedLogs())

    def texts(self, level: Any) -> list[str]:
        """What was logged at this level."""
        return [formatEvent(event) for event in self.events if event["log_level"] == level]

    def fill(self, count: int) -> None:
        """Leave a file with so many routes and no ``-wal``."""
        store = self.opened_store(count)
        for number in range(count):
            store.put(route(f"/group-{number}/project"))
        self.pump.wait(store.close())

    def close(self, store: SQLiteStore) -> None:
        """Have a store write what it has, and let go of the file."""
        self.pump.wait(store.close())

    def aside(self) -> list[str]:
        """The names of all files that were moved aside."""
        return sorted(name for name in os.listdir(self.folder) if ".bad-" in name)

    def check_replaced(self, kind: str) -> None:
        """A new file is begun, the old one is kept, and that is said once."""
        before = Path(self.path).read_bytes()
        store = self.opened_store()
        self.assertEqual(self.paths(store, "/a"), [()])
        store.put(route("/a"))
        self.flush(store)
        (aside,) = self.aside()
        self.assertEqual(Path(self.folder, aside).read_bytes(), before)
        self.assertEqual(store.failures, {kind: 1})
        self.assertTrue(store.is_healthy)
        self.assertTrue(store.is_persistent)
        (warning,) = self.texts(LogLevel.warn)
        self.assertIn(f"moved to {self.path}.bad-", warning)
        self.pump.wait(store.close())
        self.assertEqual(self.paths(self.opened_store(), "/a/b"), [("/a",)])


class ReplacedTests(BadFileCase):
    """Files that are no use to anybody here."""

    def test_g46_corrupt_no_database(self) -> None:
        Path(self.path).write_text("I am no database. " * 1000)
        self.check_replaced("corrupt")

    def test_g46_corrupt_header(self) -> None:
        self.fill(100)
        with open(self.path, "r+b") as file:
            file.seek(100)
            file.write(b"\xff" * 2000)
        self.check_replaced("corrupt")

    def test_g46_truncated(self) -> None:
        self.fill(1000)
        os.truncate(self.path, os.path.getsize(self.path) // 2)
        self.check_replaced("corrupt")

    def test_g46_foreign(self) -> None:
        with sqlite3.connect(self.path) as connection:
            connection.execute("CREATE TABLE recipes (name TEXT)")
        connection.close()
        self.check_replaced("foreign")

    def test_g46_newer(self) -> None:
        self.fill(1)
        with sqlite3.connect(self.path) as connection:
            connection.execute("PRAGMA user_version = 99")
        connection.close()
        self.check_replaced("newer")

    def test_g46_corrupt_while_in_use(self) -> None:
        self.fill(5000)
        store = self.opened_store(5000)
        size = os.path.getsize(self.path)
        with open(self.path, "r+b") as file:
            file.seek(8192)
            file.write(b"\xff" * (size - 8192))
        paths = [f"/group-{number}/project" for number in range(0, 5000, 50)]
        self.paths(store, *paths)
        self.assertEqual(store.failures, {"corrupt": 1})
        store.put(route("/a"))
        self.flush(store)
        self.assertEqual(self.paths(store, "/a", paths[0]), [("/a",), ()])
        self.assertEqual(len(self.texts(LogLevel.warn)), 1)
        self.assertTrue(store.is_healthy)

    def test_g46_broken_tables(self) -> None:
        self.fill(10)
        self.change("DROP TABLE totals")
        store = self.opened_store()
        self.assertEqual(self.paths(store, "/group-0/project"), [()])
        self.check_begun_anew(store)

    def test_g46_broken_tables_while_in_use(self) -> None:
        for number, change in enumerate(
            ("DROP TABLE totals", "DROP TABLE routes", "ALTER TABLE routes RENAME used_at TO used")
        ):
            self.fill(10)
            store = self.opened_store()
            self.change(change)
            self.check_begun_anew(store, number)

    def change(self, tables: str) -> None:
        connection = sqlite3.connect(self.path, isolation_level=None)
        connection.execute(tables)
        connection.close()

    def check_begun_anew(self, store: SQLiteStore, before: int = 0) -> None:
        """What is put is kept, and the broken file is kept apart from it."""
        store.put(route("/a"))
        self.flush(store)
        self.assertEqual(self.paths(store, "/a", "/group-0/project"), [("/a",), ()])
        self.assertEqual((store.failures, store.is_healthy), ({"corrupt": 1}, True))
        files = [name for name in self.aside() if name[-1].isdigit()]  # some have a -wal
        self.assertEqual(len(files), before + 1)
        self.assertEqual(len(self.texts(LogLevel.warn)), before + 1)
        self.close(store)

    def test_only_the_latest_are_kept(self) -> None:
        for number in range(KEPT_ASIDE + 2):
            Path(self.path).write_text(f"number {number}, and no database at all")
            os.utime(self.path, (NOW + number, NOW + number))
            self.pump.wait(self.opened_store().close())
        kept = sorted(Path(self.folder, name).read_text()[7] for name in self.aside())
        self.assertEqual(kept, ["2", "3", "4"])

    def test_one_of_several_moves_it(self) -> None:
        Path(self.path).write_text("I am no database. " * 1000)
        stores = [self.new_store() for _ in range(4)]
        opened = [store.open() for store in stores]
        for store, ready in zip(stores, opened, strict=True):
            self.pump.wait(ready)
            self.addCleanup(self.close, store)
        self.assertEqual(len(self.aside()), 1)
        stores[0].put(route("/a"))
        self.flush(stores[0])
        self.assertEqual(self.paths(stores[3], "/a"), [("/a",)])

    def test_a_file_that_has_been_replaced_stays(self) -> None:
        self.fill(1)
        opened = open_file(self.path, bad=(0, 0))
        self.addCleanup(opened.connection.close)
        self.assertEqual((opened.aside, self.aside()), (None, []))

    def test_who_closes_a_file_that_was_moved_harms_nobody(self) -> None:
        self.fill(10)
        old = self.opened_store()
        old.put(route("/old"))
        self.flush(old)
        for companion in ("", "-wal", "-shm"):
            os.rename(self.path + companion, self.path + ".moved" + companion)
        new = self.opened_store()
        new.put(route("/new"))
        self.flush(new)
        self.pump.wait(old.changes())  # finds that the file is another one, and closes its own
        self.assertTrue(os.path.exists(self.path + "-wal"))
        self.assertEqual(self.paths(self.opened_store(), "/new"), [("/new",)])
        self.assertEqual(self.paths(old, "/new", "/old"), [("/new",), ()])

    def test_a_file_that_was_removed_is_made_again(self) -> None:
        store = self.opened_store()
        store.put(route("/a"))
        self.flush(store)
        for name in os.listdir(self.folder):
            os.remove(os.path.join(self.folder, name))
        store.put(route("/b"))
        self.flush(store)
        self.assertEqual(self.paths(store, "/a", "/b"), [(), ("/b",)])
        self.assertTrue(os.path.exists(self.path))


class KeptTests(BadFileCase):
    """Files and folders that cannot be used now, and are left where they are."""

    def test_g46_empty(self) -> None:
        """It is what is there if a process dies just when the file is made."""
        Path(self.path).touch()
        store = self.opened_store()
        store.put(route("/a"))
        self.flush(store)
        self.assertEqual(self.paths(store, "/a"), [("/a",)])
        self.assertEqual((self.aside(), store.failures), ([], {}))

    def test_g46_locked(self) -> None:
        self.fill(1)
        holder = sqlite3.connect(self.path, isolation_level=None)
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        store = self.new_store()
        opened = store.open()
        self.pump.until(lambda: store.failures["locked"] > 0)
        store.put(route("/a"))
        question = store.find("/group-0/project")
        self.assertNoResult(question)
        holder.close()
        answer = self.pump.wait(question)
        self.assertEqual([found.path for found in answer.routes], ["/group-0/project"])
        self.pump.wait(opened)
        self.flush(store)
        self.assertEqual(self.aside(), [])
        self.assertTrue(store.is_healthy)
        self.assertEqual(len(self.texts(LogLevel.warn)), 1)
        self.pump.wait(store.close())

    def test_g46_locked_until_the_end(self) -> None:
        self.fill(1)
        holder = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(holder.close)
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        store = self.new_store()
        opened = store.open()
        self.clock.advance(1)
        self.successResultOf(opened)
        store.put(route("/a"))
        question = store.find("/a")
        self.pump.wait(store.close())
        self.assertEqual(len(self.pump.wait(question).routes), 1)
        # The reader, in a thread of its own, may say only then that the file is locked.
        said = [text for text in self.texts(LogLevel.warn) if "1 changes are lost" in text]
        self.assertEqual(len(said), 1)

    def test_one_at_a_time_opens(self) -> None:
        Path(self.path).write_text("I am no database. " * 1000)
        descriptor = os.open(self.folder, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        store = self.new_store()
        opened = store.open()
        self.pump.until(lambda: store.failures["locked"] > 0)
        self.assertEqual(self.aside(), [])
        os.close(descriptor)
        self.pump.wait(opened)
        self.assertEqual(len(self.aside()), 1)
        self.pump.wait(store.close())

    def test_what_was_said_without_the_file_may_be_wrong(self) -> None:
        self.fill(1)
        store = self.opened_store()
        os.rename(self.folder, self.folder + "-away")
        Path(self.folder).touch()
        self.assertEqual(self.paths(store, "/group-0/project"), [()])
        os.remove(self.folder)
        os.rename(self.folder + "-away", self.folder)
        self.assertEqual(self.paths(store, "/group-0/project"), [("/group-0/project",)])
        self.assertTrue(self.pump.wait(store.changes()).lost_track)
        self.assertFalse(self.pump.wait(store.changes()).lost_track)

    def test_g46_not_a_file(self) -> None:
        os.mkdir(self.path)
        self.check_memory_only("unreachable")
        os.rmdir(self.path)
        self.check_recovers()

    def test_g46_no_folder(self) -> None:
        os.rmdir(self.folder)
        Path(self.folder).write_text("I am no folder")
        self.check_memory_only("unreachable")
        os.remove(self.folder)
        self.check_recovers()

    def check_memory_only(self, kind: str) -> None:
        """Without a file memory serves, which is said once."""
        self.store = self.opened_store()
        self.store.put(route("/a"))
        self.flush(self.store)
        self.flush(self.store)
        self.assertEqual(self.paths(self.store, "/a/b", "/b"), [("/a",), ()])
        self.assertGreater(self.store.failures.pop(kind), 1)
        self.assertEqual(self.store.failures, {})
        self.assertEqual((self.store.is_persistent, self.store.pending), (False, 1))
        self.assertEqual(len(self.texts(LogLevel.warn)), 1)

    def check_recovers(self) -> None:
        """As soon as there can be a file there is one, and nothing was forgotten."""
        self.clock.advance(LONGEST_RETRY_SECONDS)
        self.pump.until(lambda: not self.store.is_writing)
        self.assertEqual((self.store.is_persistent, self.store.pending), (True, 0))
        told = self.pump.wait(self.store.changes())
        self.assertTrue(told.lost_track, "what was said without the file may be wrong")
        self.assertEqual(self.paths(self.store, "/a/b"), [("/a",)])
        self.assertTrue(self.store.is_healthy)
        self.assertEqual(self.texts(LogLevel.info)[-1][-17:], "is in order again")

    def test_memory_is_bounded_while_nothing_can_be_written(self) -> None:
        os.mkdir(self.path)
        store = self.opened_store()
        for number in range(PENDING_LIMIT + 10):
            store.put(route(f"/g{number}"))
        self.assertEqual(store.pending, PENDING_LIMIT)
        self.assertEqual(self.paths(store, "/g9", "/g10"), [(), ("/g10",)])


class SchemaTests(BadFileCase):
    """The file says what it is."""

    def test_its_mark_and_its_rights(self) -> None:
        self.pump.wait(self.opened_store().close())
        connection = sqlite3.connect(self.path)
        self.addCleanup(connection.close)
        (mark,) = connection.execute("PRAGMA application_id").fetchone()
        self.assertEqual(mark, APPLICATION_ID)
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o600)

    def test_nothing_is_opened_before_open(self) -> None:
        store = self.new_store()
        store.put(route("/a"))
        self.assertEqual(os.listdir(self.folder), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.successResultOf(store.close())
        self.assertEqual(self.successResultOf(store.find("/b")), Found((), "/b"))
