"""Pods that teach the same again with each answer."""

from __future__ import annotations

from pods.counters import Counters
from pods.interfaces import Changes
from pods.memory import CLAIM_LIMIT_BYTES, RouteMemory, known_claim
from pods.protocol import CacheClaim
from pods.routing.spots import TOLD_SECONDS, TOLD_SHARE
from pods.routing.table import Entry, RouteTable
from tests.support_route_memory import MAX_TTL, NOW, TTL, MemoryTestCase
from tests.support_store import stored
from tests.support_stores import NOW as START
from tests.support_stores import StoreCase


class TaughtAgainTests(MemoryTestCase):
    """Memory takes each answer, the store hears of it when it counts."""

    def teach(self, pod: str = "pod_a", ttl_seconds: float | None = None) -> None:
        claim = CacheClaim("/a", ttl_seconds=ttl_seconds)
        self.memory.learn([claim.format().encode()], pod, "/a/b")

    def known(self) -> list[Entry]:
        return self.memory.table.entries()

    def told(self) -> list[tuple[str | None, float]]:
        """To which pod, and until when after the start of the test; what was told is taken away."""
        told = [(route.pod, route.expires_at - NOW) for route in self.store.puts]
        self.store.puts.clear()
        return told

    def setUp(self) -> None:
        super().setUp()
        self.teach()
        self.assertEqual(self.told(), [("pod_a", TTL)])

    def test_the_store_hears_of_it_once_it_wins_a_hundredth_of_its_time(self) -> None:
        for _ in range(71):
            self.clock.advance(1)
            self.teach()
        self.assertEqual(self.told(), [("pod_a", TTL + TTL * TOLD_SHARE)])
        self.clock.advance(1)
        self.teach()
        self.assertEqual(self.told(), [("pod_a", TTL + 2 * TTL * TOLD_SHARE)])

    def test_or_a_minute_of_it(self) -> None:
        self.teach(ttl_seconds=MAX_TTL)
        self.assertEqual(self.told(), [("pod_a", MAX_TTL)], "far longer than before")
        self.clock.advance(TOLD_SECONDS - 1)
        self.teach(ttl_seconds=MAX_TTL)
        self.assertEqual(self.told(), [])
        self.clock.advance(1)
        self.teach(ttl_seconds=MAX_TTL)
        self.assertEqual(self.told(), [("pod_a", MAX_TTL + TOLD_SECONDS)])

    def test_here_its_end_moves_with_each_answer(self) -> None:
        self.clock.advance(10)
        self.teach()
        self.assertEqual([entry.expires_at for entry in self.known()], [NOW + 10 + TTL])
        self.assertEqual(self.told(), [])

    def test_another_pod_a_shorter_time_and_the_end_are_told_at_once(self) -> None:
        self.teach("pod_b")
        self.teach("pod_a")
        self.teach("pod_a", ttl_seconds=60)
        self.assertEqual(self.told(), [("pod_b", TTL), ("pod_a", TTL), ("pod_a", 60)])
        self.teach("pod_a", ttl_seconds=0)
        self.teach("pod_a", ttl_seconds=60)
        self.assertEqual(self.told(), [(None, MAX_TTL), ("pod_a", 60)])

    def test_what_was_told_is_told_again_after_a_bounce(self) -> None:
        self.memory.forget(*self.known())
        self.teach()
        self.assertEqual([pod for pod, _ in self.told()], [None, "pod_a"])

    def hear(self, pod: str | None, ago_seconds: float, ttl_seconds: float = TTL) -> None:
        """Another process has said so; from now on somewhat more than a moment has passed."""
        at = self.clock.seconds() - ago_seconds
        told = stored("/a", pod, learned_at=at, expires_at=at + ttl_seconds)
        self.memory.apply(Changes((told,)))
        self.clock.advance(1)

    def test_or_when_another_process_has_said_otherwise(self) -> None:
        for number, (pod, ttl_seconds) in enumerate(
            [("pod_b", TTL), (None, TTL), ("pod_a", 60), ("pod_a", MAX_TTL)], start=1
        ):
            self.hear(pod, 0, ttl_seconds)
            self.assertEqual(self.told(), [])
            self.teach()
            self.assertEqual(self.told(), [("pod_a", TTL + number)], pod)

    def test_what_is_newer_here_is_told_at_once_if_it_is_otherwise(self) -> None:
        for number, (pod, ttl_seconds) in enumerate(
            [("pod_b", TTL), (None, TTL), ("pod_a", 60), ("pod_a", MAX_TTL)], start=1
        ):
            self.clock.advance(1)
            self.teach()
            self.hear(pod, 0.5, ttl_seconds)
            self.assertEqual([pod for pod, _ in self.told()], ["pod_a"], number)
            self.assertEqual([entry.pod for entry in self.known()], ["pod_a"])

    def test_not_again_if_another_process_has_said_so(self) -> None:
        self.clock.advance(TTL * TOLD_SHARE)
        self.hear("pod_a", 0.5)
        self.teach()
        self.hear("pod_a", 2)
        self.teach()
        self.assertEqual(self.told(), [])

    def test_nor_if_it_was_found_in_the_store(self) -> None:
        self.store.routes["/found", False] = stored("/found", learned_at=NOW, expires_at=NOW + TTL)
        self.store.at_once = True
        self.assertIsInstance(self.memory.recall("/found"), Entry)
        self.memory.learn([CacheClaim("/found").format().encode()], "pod_a", "/found")
        self.assertEqual(self.told(), [])

    def test_long_claims_are_believed_but_not_kept(self) -> None:
        self.clock.advance(TOLD_SECONDS)
        kept = known_claim.cache_info().currsize
        claim = CacheClaim("/a").format().encode()
        self.memory.learn([claim.ljust(CLAIM_LIMIT_BYTES + 1)], "pod_a", "/a")
        self.assertEqual(self.told(), [("pod_a", TTL + TOLD_SECONDS)])
        self.assertEqual(known_claim.cache_info().currsize, kept)


class WorkersTests(StoreCase):
    """Several workers on one file: each is taught by itself, and hears of the others there."""

    def setUp(self) -> None:
        super().setUp()
        self.now = START
        self.workers = [self.opened_memory() for _ in range(4)]

    def opened_memory(self) -> RouteMemory:
        table = RouteTable(lambda: self.now, 1000, TTL, MAX_TTL)
        pods = {"pod_a", "pod_b"}
        memory = RouteMemory(table, pods, Counters(), self.new_store(), self.clock)
        self.pump.wait(memory.open())
        self.addCleanup(lambda: self.pump.wait(memory.close()))
        return memory

    def teach(self, worker: int, pod: str = "pod_a", ttl_seconds: float | None = None) -> None:
        claim = CacheClaim("/a", ttl_seconds=ttl_seconds)
        self.workers[worker].learn([claim.format().encode()], pod, "/a/b")

    def advance(self, seconds: float) -> None:
        """Let time pass, and what is due be written."""
        self.now += seconds
        self.clock.advance(seconds)
        self.pump.until(lambda: not any(worker.store.is_writing for worker in self.workers))

    def hear(self) -> None:
        for worker in self.workers:
            worker.apply(self.pump.wait(worker.store.changes()))

    def settle(self) -> None:
        """Within a second or two each has heard what each has said."""
        for _ in range(3):
            self.advance(0.5)
            self.hear()

    def filed(self) -> list[tuple[str | None, float]]:
        """What the file says now, and until when after the start."""
        found = self.pump.wait(self.workers[0].store.find("/a")).routes
        return [(route.pod, route.expires_at - START) for route in found]

    def test_a_short_time_that_another_has_learned_is_made_long_again(self) -> None:
        self.teach(0)
        self.settle()
        self.teach(1, ttl_seconds=60)
        self.settle()
        self.teach(0)
        self.settle()
        self.assertEqual(self.filed(), [("pod_a", 3 + TTL)])

    def test_a_long_one_is_made_short_again(self) -> None:
        self.teach(0, ttl_seconds=600)
        self.settle()
        self.teach(1, ttl_seconds=MAX_TTL)
        self.settle()
        self.teach(0, ttl_seconds=600)
        self.settle()
        self.assertEqual(self.filed(), [("pod_a", 3 + 600)])

    def test_what_was_confirmed_after_another_has_said_otherwise_holds(self) -> None:
        self.teach(0)
        self.settle()
        self.teach(1, "pod_b")
        self.now += 0.1
        self.teach(0)
        self.settle()
        self.assertEqual([pod for pod, _ in self.filed()], ["pod_a"])
        for worker in self.workers:
            self.assertEqual([entry.pod for entry in worker.table.entries()], ["pod_a"])

    def test_what_all_are_taught_each_writes_seldom(self) -> None:
        put = 0
        for _ in range(3 * int(TTL * TOLD_SHARE)):
            for number, worker in enumerate(self.workers):
                self.teach(number)
                put += worker.store.pending
            self.advance(0.5)
            self.hear()
        self.assertLessEqual(put, 2 * len(self.workers))
        (filed,) = self.filed()
        self.assertGreater(filed[1], TTL)
