"""What is remembered, what is believed, and a store that is slow, stuck or broken."""

from __future__ import annotations

import attrs
from twisted.internet.defer import Deferred

from pods.cold_lookups import PATIENCE_SECONDS
from pods.following import EVERY_SECONDS, Follower
from pods.interfaces import Changes, Found, Route, StoredRoute
from pods.memory import USED_AT_ONCE
from pods.routing.table import Entry
from tests.support_route_memory import MAX_TTL, NOW, TTL, MemoryTestCase, fresh


class RecallTests(MemoryTestCase):
    """Cold once, then hot."""

    def test_opening_opens_the_store_and_closing_closes_it(self) -> None:
        self.assertTrue(self.store.is_open)
        self.successResultOf(Deferred.fromCoroutine(self.memory.close()))
        self.assertFalse(self.store.is_open)

    def test_g45_what_is_stored_is_found_and_hot_from_then_on(self) -> None:
        self.has(fresh("/a"), fresh("/b", "pod_b"))
        answer = self.wait_for("/a/x")
        self.assertNoResult(answer)
        self.store.answer()
        self.assertEqual(self.pod_in(answer), "pod_a")
        self.assertEqual(self.hot("/a/y"), "pod_a")
        self.assertEqual((self.counters.route_hits, self.counters.route_misses), (2, 0))
        self.assertEqual((self.counters.route_cold, self.counters.store_timeouts), (1, 0))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_what_is_not_stored_is_a_miss(self) -> None:
        self.has(fresh("/a"))
        answer = self.wait_for("/x/y")
        self.store.answer()
        self.assertIsNone(self.pod_in(answer))
        self.assertIsNone(self.hot("/x/z"))
        self.assertEqual((self.counters.route_hits, self.counters.route_misses), (0, 2))

    def test_no_deferred_for_a_store_that_answers_at_once(self) -> None:
        self.has(fresh("/a"))
        self.store.at_once = True
        answer = self.memory.recall("/a")
        assert isinstance(answer, Entry)
        self.assertEqual(answer.pod, "pod_a")
        self.assertEqual((self.counters.route_hits, self.counters.route_cold), (1, 1))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_equal_look_ups_share_one_question(self) -> None:
        self.has(fresh("/a"))
        answers = [self.wait_for(path) for path in ("/a", "/a/", "/a")]
        other = self.wait_for("/a/b")
        self.assertEqual(self.store.asked, ["/a", "/a/b"])
        answers[1].cancel()
        self.failureResultOf(answers[1])
        self.store.answer()
        self.assertEqual([self.pod_in(answers[0]), self.pod_in(answers[2])], ["pod_a"] * 2)
        self.assertNoResult(other)
        self.store.answer()
        self.assertEqual(self.pod_in(other), "pod_a")

    def test_who_is_told_may_cancel_another_look_up(self) -> None:
        self.has(fresh("/a"))
        answers = [self.wait_for("/a") for _ in range(3)]
        answers[1].addErrback(lambda _: None)
        answers[0].addCallback(lambda _: answers[1].cancel())
        self.store.answer()
        self.assertEqual(self.pod_in(answers[2]), "pod_a")

    def test_an_answer_that_is_outdated_is_asked_for_again(self) -> None:
        answer = self.wait_for("/a")
        _, first = self.store.finds.pop()
        self.memory.remember(Route("/a", "pod_a", ttl_seconds=0), "/a")
        first.callback(Found((fresh("/a"),), "/a"))
        self.assertNoResult(answer)
        self.store.answer()
        self.assertIsNone(self.pod_in(answer))

    def test_g44_routes_to_pods_that_are_not_configured_do_not_count(self) -> None:
        self.has(fresh("/a"), fresh("/a/b", "pod_gone"), fresh("/c", "pod_gone"))
        self.store.at_once = True
        self.assertEqual([self.told("/a/b/c"), self.told("/c")], ["pod_a", None])

    def test_g44_a_pod_that_is_removed_takes_its_routes_with_it_for_as_long_as_it_is(self) -> None:
        self.has(fresh("/a"), fresh("/b", "pod_b"))
        self.store.at_once = True
        self.assertEqual([self.told("/a"), self.told("/b")], ["pod_a", "pod_b"])
        self.memory.adopt({"pod_a"})
        self.assertEqual([self.told("/a"), self.told("/b")], ["pod_a", None])
        self.memory.adopt({"pod_a", "pod_b"})
        self.assertEqual([self.told("/a"), self.told("/b")], ["pod_a", "pod_b"])

    def told(self, path: str) -> str | None:
        entry = self.memory.recall(path)
        assert not isinstance(entry, Deferred)
        return entry.pod if entry else None


class SickStoreTests(MemoryTestCase):
    """A request waits for a quarter of a second at most, and the next ones not at all."""

    def test_g47_a_stuck_store_delays_nobody_for_long(self) -> None:
        self.has(fresh("/a"), fresh("/b"))
        first, second = self.wait_for("/a"), self.wait_for("/a")
        self.clock.advance(PATIENCE_SECONDS - 0.01)
        self.assertNoResult(first)
        self.clock.advance(0.01)
        self.assertEqual([self.pod_in(first), self.pod_in(second)], [None, None])
        self.assertEqual(self.counters.store_timeouts, 2)
        self.assertIsNone(self.hot("/b"))
        self.assertEqual(self.counters.store_timeouts, 3)
        self.assertEqual(self.counters.route_misses, 3)

    def test_g47_once_it_answers_it_is_asked_again(self) -> None:
        self.has(fresh("/a"), fresh("/b"))
        late = self.wait_for("/a")
        self.clock.advance(PATIENCE_SECONDS)
        self.assertIsNone(self.pod_in(late))
        self.store.answer()
        self.assertEqual(self.hot("/a"), "pod_a", "the late answer is kept")
        answer = self.wait_for("/b")
        self.store.answer()
        self.assertEqual(self.pod_in(answer), "pod_a")

    def test_what_is_hot_is_known_while_the_store_is_stuck(self) -> None:
        self.has(fresh("/a"), fresh("/b"))
        answer = self.wait_for("/a")
        self.store.answer()
        self.assertEqual(self.pod_in(answer), "pod_a")
        self.wait_for("/b")
        self.clock.advance(PATIENCE_SECONDS)
        self.assertEqual(self.hot("/a/x"), "pod_a")

    def test_a_store_that_fails_is_a_miss_and_said_once(self) -> None:
        for path in ("/a", "/b"):
            answer = self.wait_for(path)
            self.store.finds.pop()[1].errback(OSError("no disk"))
            self.assertIsNone(self.pod_in(answer))
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_what_is_under_way_at_the_end_is_a_miss(self) -> None:
        answer = self.wait_for("/a")
        self.successResultOf(Deferred.fromCoroutine(self.memory.close()))
        self.assertIsNone(self.pod_in(answer))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.store.answer()


class WriteThroughTests(MemoryTestCase):
    """What is learned or forgotten is so at once, and told to the store."""

    def learn(self, path: str, ttl_seconds: float | None = None) -> Entry | None:
        return self.memory.remember(Route(path, "pod_a", ttl_seconds=ttl_seconds), path)

    def test_g45_what_is_learned_is_stored(self) -> None:
        self.learn("/a/")
        self.memory.learn([b'{"path": "/a/b", "exact": true, "ttl_seconds": 60}'], "pod_b", "/a/b")
        self.assertEqual(
            self.store.puts,
            [
                StoredRoute("/a", False, "pod_a", NOW, NOW + TTL),
                StoredRoute("/a/b", True, "pod_b", NOW, NOW + 60),
            ],
        )

    def test_g43_what_is_not_believed_is_not_stored(self) -> None:
        for route in (Route("/", "pod_a"), Route("/b", "pod_a"), Route("/a", "pod_gone")):
            self.memory.remember(route, "/a")
        self.memory.learn([b'{"path_prefix": "/b"}', b"{"], "pod_a", "/a")
        self.assertEqual(self.store.puts, [])
        self.assertEqual(self.counters.refused_claims.total(), 5)

    def test_g44_a_bounce_forgets_in_the_store_as_well(self) -> None:
        entry = self.learn("/a")
        assert entry is not None
        self.clock.advance(60)
        self.memory.forget(entry)
        now = NOW + 60
        self.assertEqual(self.store.puts[-1], StoredRoute("/a", False, None, now, now + MAX_TTL))

    def test_g44_also_what_was_learned_by_a_clock_that_is_ahead(self) -> None:
        self.has(attrs.evolve(fresh("/a"), learned_at=NOW + 9))
        self.store.at_once = True
        entry = self.memory.recall("/a")
        assert isinstance(entry, Entry)
        self.memory.forget(entry)
        self.assertIsNone(self.memory.recall("/a"))

    def test_g44_a_late_bounce_leaves_what_was_learned_since(self) -> None:
        old = self.learn("/a")
        assert old is not None
        self.clock.advance(1)
        self.learn("/a")
        self.memory.forget(old)
        self.assertEqual(len(self.memory.table.entries()), 1)
        self.assertEqual([route.pod for route in self.store.puts], ["pod_a"], "no grave")

    def test_teaching_a_time_of_0_forgets_in_the_store_as_well(self) -> None:
        grave = StoredRoute("/a", False, None, NOW, NOW + MAX_TTL)
        self.learn("/a", ttl_seconds=0)
        self.assertEqual(self.store.puts, [grave], "it may be stored, nobody has asked yet")
        self.learn("/a")
        self.memory.learn([b'{"path_prefix": "/a", "ttl_seconds": 0}'], "pod_b", "/a/b")
        self.assertEqual(self.store.puts[2:], [grave])

    def test_where_nothing_is_stored_there_is_nothing_to_forget(self) -> None:
        self.has(fresh("/known"))
        self.store.at_once = True
        for path in ("/a", "/b/c", "/known-not/d", "/known/e"):
            self.memory.recall(path)
            self.learn(path, ttl_seconds=0)
            claim = b'{"path": "%s", "exact": true, "ttl_seconds": 0}' % path.encode()
            self.memory.learn([claim], "pod_b", path)
        self.assertEqual(self.store.puts, [])


class FollowerTests(MemoryTestCase):
    """What other processes change, and what this one uses."""

    def setUp(self) -> None:
        super().setUp()
        self.follower = Follower(self.memory, self.clock)
        self.follower.start()
        self.addCleanup(self.follower.stop)

    def hear(self, *routes: StoredRoute, lost_track: bool = False) -> None:
        self.clock.advance(EVERY_SECONDS)
        self.store.polls.pop().callback(Changes(routes, lost_track))

    def paths(self) -> list[str]:
        return [entry.path for entry in self.memory.table.entries()]

    def test_g47_changes_are_followed(self) -> None:
        self.hear(fresh("/a"), fresh("/b"))
        self.assertEqual(self.paths(), ["/a", "/b"])
        self.hear(attrs.evolve(fresh("/a"), pod=None))
        self.assertEqual(self.paths(), ["/b"])

    def test_a_route_to_a_pod_that_is_not_configured_replaces_what_was_known(self) -> None:
        self.hear(fresh("/a"))
        self.hear(attrs.evolve(fresh("/a"), pod="pod_gone"))
        self.assertEqual(self.paths(), [])

    def test_g47_when_track_was_lost_everything_is_cold(self) -> None:
        self.hear(fresh("/a"))
        self.hear(lost_track=True)
        self.assertEqual(self.paths(), [])
        self.wait_for("/a")

    def test_a_slow_store_is_not_asked_again_before_it_has_answered(self) -> None:
        self.clock.pump([EVERY_SECONDS] * 5)
        self.assertEqual(len(self.store.polls), 1)

    def test_failures_are_survived_and_said_once(self) -> None:
        for _ in range(3):
            self.clock.advance(EVERY_SECONDS)
            self.store.polls.pop().errback(OSError("no disk"))
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.hear(fresh("/a"))
        self.assertEqual(self.paths(), ["/a"])

    def test_once_stopped_nothing_counts(self) -> None:
        self.clock.advance(EVERY_SECONDS)
        self.follower.stop()
        self.store.polls.pop().callback(Changes((fresh("/a"),)))
        self.clock.advance(10 * EVERY_SECONDS)
        self.assertEqual((self.paths(), self.store.polls), ([], []))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_what_was_used_is_told_a_part_at_a_time(self) -> None:
        for number in range(USED_AT_ONCE + 1):
            self.memory.table.apply(fresh(f"/{number}"))
            self.has(fresh(f"/{number}"))
            self.store.at_once = True
            self.memory.recall(f"/{number}")
            self.memory.recall(f"/{number}/x")
        self.hear()
        self.assertEqual(len(self.store.uses), USED_AT_ONCE)
        self.hear()
        self.assertEqual(len(set(self.store.uses)), USED_AT_ONCE + 1)
        self.assertEqual(len(self.store.uses), USED_AT_ONCE + 1)
