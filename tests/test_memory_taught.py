"""Pods that teach the same again with each answer."""

from __future__ import annotations

from pods.interfaces import Changes
from pods.protocol import CacheClaim
from pods.routing.table import TOLD_SECONDS, TOLD_SHARE, Entry
from tests.support_route_memory import MAX_TTL, NOW, TTL, MemoryTestCase
from tests.support_store import stored


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

    def test_or_when_another_process_has_said_otherwise(self) -> None:
        for pod in ("pod_b", None):
            self.clock.advance(1)
            self.memory.apply(Changes((stored("/a", pod, learned_at=self.clock.seconds()),)))
            self.teach()
            self.assertEqual([pod for pod, _ in self.told()], ["pod_a"], pod)

    def test_also_if_that_is_older_than_what_is_known_here(self) -> None:
        self.clock.advance(2)
        self.teach()
        self.memory.apply(Changes((stored("/a", None, learned_at=NOW + 1),)))
        self.assertEqual(([entry.pod for entry in self.known()], self.told()), (["pod_a"], []))
        self.teach()
        self.assertEqual(self.told(), [("pod_a", TTL + 2)])
