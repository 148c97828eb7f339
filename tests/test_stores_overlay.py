"""What is not written yet lies over what the file says, at whatever moment one asks."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

from pods.stores.sqlite import (
    BATCH,
    FLUSH_SECONDS,
    LONGEST_RETRY_SECONDS,
    RETRY_SECONDS,
    TIDY_SECONDS,
)
from pods.stores.threads import Worker
from tests.support_stores import NOW, Pump, StoreCase, route

READER = "pods-routes-reader"


class HoldingPump(Pump):
    """Hands over what the reading thread says when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.is_holding = False
        self.held: list[tuple[Callable[..., object], tuple[Any, ...]]] = []
        self.has_come = threading.Semaphore(0)

    def __call__(self, function: Callable[..., object], *args: Any) -> None:
        if self.is_holding and threading.current_thread().name == READER:
            self.held.append((function, args))
            self.has_come.release()
        else:
            super().__call__(function, *args)

    def release(self) -> None:
        """Hand over what was held back."""
        self.is_holding = False
        for function, args in self.held:
            super().__call__(function, *args)


class RaceTests(StoreCase):
    """A question is under way while something is put or written."""

    def setUp(self) -> None:
        super().setUp()
        self.pump: HoldingPump = HoldingPump()

    def test_written_after_the_file_was_read(self) -> None:
        store = self.opened_store()
        store.put(route("/a"))
        self.pump.is_holding = True
        answer = store.find("/a/b")
        self.pump.has_come.acquire()
        self.flush(store)
        self.assertEqual(store.pending, 0)
        self.pump.release()
        self.assertEqual([each.path for each in self.pump.wait(answer).routes], ["/a"])

    def test_put_after_the_file_was_read(self) -> None:
        store = self.opened_store()
        store.put(route("/a"))
        self.flush(store)
        self.pump.is_holding = True
        answer = store.find("/a/b")
        self.pump.has_come.acquire()
        store.put(route("/a", None, learned_at=NOW + 1))
        store.put(route("/a/b"))
        self.pump.release()
        found = self.pump.wait(answer)
        self.assertEqual([each.path for each in found.routes], ["/a/b"])
        self.assertEqual(found.empty_below, "/a/b")

    def test_what_others_changed_before_something_was_put(self) -> None:
        store, other = self.opened_store(), self.opened_store()
        self.pump.wait(store.changes())
        for path in ("/a", "/b"):
            other.put(route(path))
        self.flush(other)
        self.pump.is_holding = True
        told = store.changes()
        self.pump.has_come.acquire()
        store.put(route("/a", None, learned_at=NOW + 1))
        self.pump.release()
        self.assertEqual([each.path for each in self.pump.wait(told).routes], ["/b"])

    def test_put_again_while_it_is_written(self) -> None:
        store = self.opened_store()
        store.put(route("/a"))
        self.clock.advance(FLUSH_SECONDS)
        self.assertTrue(store.is_writing)
        store.put(newer := route("/a", "pod_1"))
        self.pump.until(lambda: not store.is_writing)
        self.assertEqual(store.pending, 1)
        self.flush(store)
        self.assertEqual(store.pending, 0)
        self.assertEqual(self.pump.wait(store.find("/a")).routes, (newer,))

    def test_a_question_can_be_cancelled(self) -> None:
        store = self.opened_store()
        question = store.find("/a")
        question.cancel()
        self.failureResultOf(question)
        self.assertEqual(self.paths(store, "/a"), [()])


class TimerTests(StoreCase):
    """When something is written."""

    def due_seconds(self) -> float:
        (call,) = self.clock.getDelayedCalls()
        return call.getTime() - self.clock.seconds()

    def test_soon_after_something_was_put(self) -> None:
        store = self.opened_store()
        self.assertEqual(self.due_seconds(), TIDY_SECONDS)
        store.used(route("/b"))
        self.assertEqual(self.due_seconds(), TIDY_SECONDS)
        store.put(route("/a"))
        self.clock.advance(FLUSH_SECONDS / 2)
        store.put(route("/b"))
        self.assertEqual(self.due_seconds(), FLUSH_SECONDS / 2)

    def test_at_once_if_it_is_much(self) -> None:
        store = self.opened_store(10**6)
        for number in range(BATCH):
            store.put(route(f"/a{number}"))
        self.assertEqual(self.due_seconds(), 0)
        self.flush(store)
        self.assertEqual((store.pending, store.rows), (0, BATCH))
        self.assertEqual(self.due_seconds(), TIDY_SECONDS)

    def test_less_and_less_often_while_it_fails(self) -> None:
        os.makedirs(self.path)
        store = self.opened_store()
        store.put(route("/a"))
        waits = []
        for _ in range(6):
            self.flush(store)
            waits.append(self.due_seconds())
            self.clock.advance(waits[-1] - TIDY_SECONDS if waits[-1] > TIDY_SECONDS else 0)
        self.assertEqual(waits[:3], [RETRY_SECONDS, 2 * RETRY_SECONDS, 4 * RETRY_SECONDS])
        self.assertEqual(waits[-1], LONGEST_RETRY_SECONDS)

    def test_nothing_is_left_when_it_is_closed(self) -> None:
        store = self.opened_store()
        store.put(route("/a"))
        self.pump.wait(store.close())
        self.assertEqual(self.clock.getDelayedCalls(), [])
        store.put(route("/b"))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.paths(self.opened_store(), "/a", "/b"), [("/a",), ()])
        self.assertFalse(self.pump.wait(store.changes()).routes)

    def test_limits_can_change(self) -> None:
        store = self.opened_store(100)
        for number in range(10):
            store.put(route(f"/a{number}"))
        self.flush(store)
        self.assertEqual(store.rows, 10)
        store.set_limits(3, 86_400)
        self.flush(store)
        self.assertEqual(store.rows, 3)


class WorkerTests(StoreCase):
    """The threads."""

    def test_errors_come_back(self) -> None:
        worker = Worker("test", self.pump)
        result = worker.run(lambda: 1 // 0)
        worker.start()
        self.assertRaises(ZeroDivisionError, self.pump.wait, result)
        self.assertEqual(self.pump.wait(worker.run(max, 1, 2)), 2)
        worker.stop()

    def test_the_threads_end_with_the_store(self) -> None:
        store = self.new_store()
        before = set(threading.enumerate())
        self.pump.wait(store.open())
        threads = set(threading.enumerate()) - before
        self.assertEqual(len(threads), 2)
        self.assertTrue(all(thread.daemon for thread in threads))
        self.pump.wait(store.close())
        for thread in threads:
            thread.join(60)
            self.assertFalse(thread.is_alive())
