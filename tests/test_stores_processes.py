"""Several processes on one file, and processes that die."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from pods.interfaces import Changes
from pods.stores.following import MOST_CHANGES
from pods.stores.sqlite import SQLiteStore
from tests.support_stores import HANGS_SECONDS, NOW, StoreCase, route

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 6

# Puts routes until it dies, on a reactor of its own; says how many are written.
LEARNING = """
import sys, time
from twisted.internet import reactor, task
from pods.interfaces import StoredRoute
from pods.stores.sqlite import SQLiteStore
path, name = sys.argv[1:]
store = SQLiteStore(path, 10**6, 86400, time.time, reactor, reactor.callFromThread)
count = 0
def learn():
    global count
    for _ in range(20):
        now = time.time()
        store.put(StoredRoute(f"/{name}/{count}", False, f"pod_{count % 7}", now, now + 3600))
        count += 1
    print(count - store.pending, flush=True)
def begin():
    store.open().addCallback(lambda _: task.LoopingCall(learn).start(0.005))
reactor.callWhenRunning(begin)
reactor.run()
"""
# Holds the lock of writers until its standard input ends.
HOLDING = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("holding", flush=True)
sys.stdin.read()
connection.execute("COMMIT")
"""


class ProcessCase(StoreCase):
    """Starts processes, which end with the test."""

    def start(self, script: str, *arguments: str) -> subprocess.Popen[str]:
        """A process of its own."""
        process = subprocess.Popen(
            [sys.executable, "-c", script, *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(self.end, process)
        return process

    def lines(self, process: subprocess.Popen[str], count: int) -> str:
        """Wait until a process has said so much; the last of it."""
        assert process.stdout is not None
        for _ in range(count):
            line = process.stdout.readline()
            self.assertTrue(line, "it has ended")
        return line

    def end(self, process: subprocess.Popen[str]) -> None:
        """Make sure that it is gone."""
        process.kill()
        process.wait(HANGS_SECONDS)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def reopened(self, max_entries: int = 10**6) -> SQLiteStore:
        """A store that is opened in place of one that was."""
        store = self.new_store(max_entries)
        self.pump.wait(store.open())
        return store


class KilledTests(ProcessCase):
    """A process that is killed leaves a sound file."""

    def test_g45_killed_at_any_moment(self) -> None:
        chance = random.Random()
        for round_ in range(ROUNDS):
            processes = {
                f"r{round_}-{number}": self.start(LEARNING, self.path, f"r{round_}-{number}")
                for number in range(2)
            }
            written = {name: int(self.lines(each, 60)) for name, each in processes.items()}
            time.sleep(chance.uniform(0, 0.3))
            for process in processes.values():
                process.kill()
            for name, process in processes.items():
                rest, _ = process.communicate(timeout=HANGS_SECONDS)
                whole = rest.splitlines()[1:-1]  # the first and the last may be cut
                self.check_left(name, int(whole[-1]) if whole else written[name])

    def check_left(self, name: str, count: int) -> None:
        self.now = time.time()
        store = self.reopened()
        paths = [f"/{name}/{number}" for number in range(count)]
        self.assertEqual(self.paths(store, *paths), [(path,) for path in paths])
        self.pump.wait(store.close())
        self.assertEqual(store.failures, {})
        connection = sqlite3.connect(self.path)
        self.addCleanup(connection.close)
        self.assertEqual(connection.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
        wrong = connection.execute(
            "SELECT count(*) FROM routes WHERE pod <>"
            " 'pod_' || (replace(key, rtrim(key, '0123456789'), '') % 7)"
        )
        self.assertEqual(wrong.fetchone(), (0,))
        counted = connection.execute("SELECT (SELECT count(*) FROM routes), routes FROM totals")
        self.assertEqual(len(set(counted.fetchone())), 1, "the count of routes is wrong")

    def test_g45_a_restart_keeps_routes(self) -> None:
        store = self.reopened()
        store.put(route("/a"))
        store.put(route("/a", "pod_1", exact=True))
        self.pump.wait(store.close())
        again = self.opened_store()
        self.assertEqual(again.rows, 2)
        found = self.pump.wait(again.find("/a"))
        self.assertEqual([each.pod for each in found.routes], ["pod_1", "pod_0"])


class SharedTests(ProcessCase):
    """Two processes, and two stores, on one file."""

    def test_g47_another_process_holds_the_lock_for_five_seconds(self) -> None:
        store = self.opened_store()
        store.put(route("/a"))
        self.flush(store)
        holder = self.start(HOLDING, self.path)
        self.lines(holder, 1)
        store.put(route("/b"))
        self.clock.advance(10)
        self.assertTrue(store.is_writing)
        # Each of these is answered while the other process still holds the lock.
        self.assertEqual(self.paths(store, "/a", "/b/c", "/d"), [("/a",), ("/b",), ()])
        time.sleep(5)
        self.assertEqual(self.paths(store, "/a"), [("/a",)])
        self.assertIsNone(holder.poll())
        self.assertTrue(store.is_writing)
        holder.communicate(timeout=HANGS_SECONDS)
        self.pump.until(lambda: not store.is_writing)
        self.assertEqual((store.pending, store.failures), (0, {}))

    def test_g47_no_call_on_the_reactor_thread(self) -> None:
        """SQLite tells which thread it is called in: here each function of ours that calls it."""
        threads: set[int | None] = set()

        def note(frame: Any, event: str, argument: Any) -> None:
            if event == "c_call" and getattr(argument, "__self__", None).__class__.__module__ == (
                "sqlite3"
            ):
                threads.add(threading.get_ident())

        threading.setprofile(note)
        sys.setprofile(note)
        self.addCleanup(threading.setprofile, None)
        self.addCleanup(sys.setprofile, None)
        store = self.opened_store()
        store.put(route("/a"))
        store.used(route("/a"))
        self.flush(store)
        self.paths(store, "/a/b")
        self.pump.wait(store.changes())
        self.pump.wait(store.close())
        self.assertEqual(len(threads), 2)
        self.assertNotIn(threading.get_ident(), threads)

    def test_g47_who_leaves_the_file_leaves_its_log_to_others(self) -> None:
        """Our locks tell them that they are not the last; a careless close() of ours ends them."""
        store = self.opened_store()
        store.put(route("/a"))
        self.flush(store)
        writing = (
            "import sqlite3, sys\n"
            "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
            "connection.execute('UPDATE routes SET pod = NULL, change = change + 1')\n"
            "connection.execute('UPDATE totals SET last_change = last_change + 1')\n"
            "connection.close()\n"
        )
        for _ in range(2):
            other = self.start(writing, self.path)
            self.assertEqual(other.wait(HANGS_SECONDS), 0)
            self.assertTrue(os.path.exists(self.path + "-wal"))
            (told,) = self.pump.wait(store.changes()).routes
            self.assertEqual((told.path, told.pod), ("/a", None))

    def test_g47_two_processes_learn_at_the_same_time(self) -> None:
        names = ("one", "two")
        processes = [self.start(LEARNING, self.path, name) for name in names]
        for process in processes:
            self.lines(process, 200)
        self.now = time.time()
        store = self.reopened()
        self.assertEqual(
            self.paths(store, "/one/500/x", "/two/500/x"), [("/one/500",), ("/two/500",)]
        )
        self.pump.wait(store.close())
        self.assertEqual(store.failures, {})

    def test_g47_an_invalidation_is_seen_and_not_resurrected(self) -> None:
        one, other = self.opened_store(), self.opened_store()
        one.put(route("/a"))
        self.flush(one)
        self.pump.wait(other.changes())
        other.put(route("/a"))  # learned before it was found to be wrong, and written later
        one.put(grave := route("/a", None, learned_at=NOW + 1, expires_at=NOW + 2))
        self.pump.until(lambda: not one.is_writing)
        self.flush(one)
        self.flush(other)
        told = self.pump.wait(other.changes())
        self.assertEqual([(each.path, each.pod) for each in told.routes], [(grave.path, None)])
        self.now += 60
        self.assertEqual(self.paths(one, "/a") + self.paths(other, "/a"), [(), ()])
        other.put(route("/a", "pod_1", learned_at=NOW + 2))
        self.flush(other)
        self.assertEqual(self.paths(one, "/a"), [("/a",)])

    def test_too_many_changes_are_not_told_one_by_one(self) -> None:
        one, other = self.opened_store(10**6), self.opened_store(10**6)
        for number in range(MOST_CHANGES):
            one.put(route(f"/a{number}"))
        self.flush(one)
        self.assertEqual(len(self.pump.wait(other.changes()).routes), MOST_CHANGES)
        for number in range(MOST_CHANGES + 1):
            one.put(route(f"/b{number}"))
        self.flush(one)
        self.assertEqual(self.pump.wait(other.changes()), Changes(lost_track=True))
        self.assertEqual(self.pump.wait(other.changes()), Changes())

    def test_changes_of_both_are_told_apart(self) -> None:
        one, other = self.opened_store(), self.opened_store()
        for number in range(5):
            for name, store in (("one", one), ("other", other)):
                store.put(route(f"/{name}{number}"))
                self.flush(store)
        for name, store in (("other", one), ("one", other)):
            told = self.pump.wait(store.changes()).routes
            self.assertEqual([each.path for each in told], [f"/{name}{n}" for n in range(5)])
