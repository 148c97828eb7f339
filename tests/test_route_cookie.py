"""The route cookie: what was put in is found, whatever else a client sends is nothing."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pods.keys import KeyRing
from pods.routing.paths import covers
from pods.routing.route_cookie import SKEW_SECONDS, Hint, RouteCookies

OLD, NEW = b"o" * 32, b"n" * 32
NOW = 1_800_000_000.0
PODS = ("pod_a", "pod_b", "pod_c")
PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(lambda s: "/" + "/".join(s))
HINTS = st.builds(
    Hint, PATHS, st.sampled_from(PODS), st.booleans(), st.integers(1, 90_000).map(NOW.__add__)
)


def codec(
    *keys: bytes,
    pods: Sequence[str] = PODS,
    name: str = "_r",
    ttl_seconds: int = 86_400,
    max_bytes: int = 1024,
) -> RouteCookies:
    return RouteCookies(KeyRing(keys or (OLD,)), pods, name, ttl_seconds, max_bytes)


def hint(path: str, pod: str = "pod_a", exact: bool = False, seconds: float = 3600) -> Hint:
    return Hint(path, pod, exact, NOW + seconds)


def filled(cookies: RouteCookies, *hints: Hint, value: bytes = b"", now: float = NOW) -> bytes:
    for each in hints:
        new = cookies.updated(value, now, put=each)
        value = value if new is None else new
    return value


COOKIES = codec()
ONE = filled(COOKIES, hint("/a"))


class FoundTests(SynchronousTestCase):
    """Exact before prefix, longer before shorter."""

    def test_by_whole_segments(self) -> None:
        value = filled(COOKIES, hint("/a/b"))
        for path in ("/a/b", "/a/b/", "/a/b/c", "/a/b/c/d/"):
            self.assertEqual(COOKIES.find(value, path, NOW), hint("/a/b"), path)
        for path in ("/", "/a", "/a/", "/a/bc", "/a/b.atom", "/b", "/A/b", "*", ""):
            self.assertIsNone(COOKIES.find(value, path, NOW), path)

    def test_ambiguous_paths_find_nothing(self) -> None:
        value = filled(COOKIES, hint("/a"))
        for path in ("/a/../b", "/a//b", "/a/%2e%2e/b", "/a%2Fb", "//a"):
            self.assertIsNone(COOKIES.find(value, path, NOW), path)

    def test_exact_ones(self) -> None:
        value = filled(COOKIES, hint("/a", "pod_b", exact=True), hint("/a/", "pod_c"))
        for path, expected in (("/a", "pod_b"), ("/a/", "pod_b"), ("/a/b", "pod_c")):
            found = COOKIES.find(value, path, NOW)
            self.assertEqual(found and (found.pod, found.path), (expected, "/a"), path)

    def test_long_paths(self) -> None:
        path = "/a" * 127
        value = filled(COOKIES, hint(path, exact=True), hint(path, "pod_b"))
        self.assertEqual(COOKIES.find(value, path, NOW), hint(path, exact=True))
        self.assertEqual(COOKIES.find(value, path + "/b" * 9000, NOW), hint(path, "pod_b"))

    @settings(max_examples=200, deadline=None)
    @given(st.lists(HINTS, max_size=20), PATHS, st.integers(0, 100_000))
    def test_as_a_dict_would(self, hints: list[Hint], path: str, later: int) -> None:
        value, model = b"", dict[tuple[str, bool], Hint]()
        for each in hints:
            new = COOKIES.updated(value, NOW, put=each)
            before = model.get((each.path, each.exact))
            if new is None:
                assert before is not None
                self.assertEqual(before.pod, each.pod)
                self.assertGreater(
                    2 * (before.expires_at - NOW), min(each.expires_at - NOW, 86_400)
                )
            else:
                value = new
                ends = min(each.expires_at, NOW + 86_400)
                model[each.path, each.exact] = Hint(each.path, each.pod, each.exact, ends)
        now = NOW + later
        fitting = [
            h for h in model.values() if covers(h.path, path, h.exact) and now < h.expires_at
        ]
        fitting.sort(key=lambda h: (h.exact, len(h.path)))
        self.assertEqual(COOKIES.find(value, path, now), fitting[-1] if fitting else None)


class RefusedTests(SynchronousTestCase):
    """Whatever was not written by a router with the same keys and pods is nothing."""

    def assert_nothing(self, cookies: RouteCookies, value: bytes, now: float = NOW) -> None:
        self.assertIsNone(cookies.find(value, "/a", now), value)
        # and it is as if none had been sent
        for put in (None, hint("/a")):
            self.assertEqual(
                cookies.updated(value, now, put=put, drop=hint("/a")),
                cookies.updated(b"", now, put=put, drop=hint("/a")),
            )

    @settings(max_examples=300, deadline=None)
    @given(st.integers(0, len(ONE) - 1), st.integers(1, 255))
    def test_h48_tampered(self, at: int, change: int) -> None:
        self.assert_nothing(COOKIES, ONE[:at] + bytes([ONE[at] ^ change]) + ONE[at + 1 :])

    def test_h48_truncated_or_longer(self) -> None:
        for end in range(len(ONE)):
            self.assert_nothing(COOKIES, ONE[:end])
            self.assert_nothing(COOKIES, ONE[end + 1 :])
        for more in (b"=", b"A", b"AAAA", b" ", b"\n", ONE):
            self.assert_nothing(COOKIES, ONE + more)
            self.assert_nothing(COOKIES, more + ONE)

    @settings(max_examples=200, deadline=None)
    @given(st.binary(max_size=200))
    def test_h48_anything(self, value: bytes) -> None:
        self.assert_nothing(COOKIES, value)

    def test_h48_foreign(self) -> None:
        self.assert_nothing(codec(NEW), ONE)
        self.assert_nothing(codec(name="_s"), ONE)

    def test_h48_another_table_of_pods(self) -> None:
        for pods in (PODS[:2], (*PODS, "pod_d"), ("pod_a", "pod_b", "pod_d"), ('pod_a", "pod_b',)):
            self.assert_nothing(codec(pods=pods), ONE)
        self.assertIsNotNone(codec(pods=PODS[::-1]).find(ONE, "/a", NOW))

    def test_h48_expired(self) -> None:
        self.assertIsNotNone(COOKIES.find(ONE, "/a", NOW + 3599.9))
        self.assertIsNone(COOKIES.find(ONE, "/a", NOW + 3600))
        self.assertIsNone(COOKIES.find(ONE, "/a", NOW + 10**10))

    def test_h48_expired_by_a_shorter_time_of_the_router(self) -> None:
        shorter = codec(ttl_seconds=60)
        self.assertEqual(shorter.find(ONE, "/a", NOW), hint("/a", seconds=60))
        self.assertIsNone(shorter.find(ONE, "/a", NOW + 60))

    def test_h48_future_dated(self) -> None:
        self.assertIsNotNone(COOKIES.find(ONE, "/a", NOW - SKEW_SECONDS))
        self.assert_nothing(COOKIES, ONE, NOW - SKEW_SECONDS - 1)
        self.assertIsNotNone(COOKIES.find(ONE, "/a", NOW), "it was not forgotten for that")

    def test_h48_oversized(self) -> None:
        value = filled(COOKIES, *(hint(f"/{n}") for n in range(9)), hint("/a"))
        self.assert_nothing(codec(max_bytes=len(value) - 1), value)
        self.assertIsNotNone(codec(max_bytes=len(value)).find(value, "/a", NOW))

    def test_clocks_that_are_far_off(self) -> None:
        for now in (0.0, 0.5, 2.0**32 - 10):
            value = filled(COOKIES, Hint("/a", "pod_b", False, now + 9), now=now)
            self.assertIsNotNone(COOKIES.find(value, "/a", now), now)
        for now in (-9.0, 2.0**33):
            self.assertIsNone(COOKIES.updated(b"", now, put=Hint("/a", "pod_a", False, now + 5)))


class BoundedTests(SynchronousTestCase):
    """A cookie stays small, and what was used last stays in it."""

    @settings(max_examples=100, deadline=None)
    @given(st.integers(64, 200), st.lists(st.integers(0, 11), min_size=1, max_size=60))
    def test_h50_size_and_order(self, max_bytes: int, uses: list[int]) -> None:
        """Of as many as fit, at least the half that was used last is always there."""
        cookies = codec(max_bytes=max_bytes)
        capacity = ((max_bytes - 20) * 3 // 4 - 4) // 14
        value, last_used = b"", list[int]()
        for number in uses:
            value = filled(cookies, hint(f"/{number}"), value=value)
            last_used = [number, *(other for other in last_used if other != number)]
            self.assertLessEqual(len(value), max_bytes)
            there = [n for n in last_used if cookies.find(value, f"/{n}", NOW) is not None]
            self.assertEqual(len(there), min(capacity, len(last_used)))
            fresh = max(1, capacity // 2)
            self.assertEqual(there[:fresh], last_used[:fresh])

    def test_h50_what_is_used_again_and_again_stays(self) -> None:
        value = filled(COOKIES, hint("/often"))
        for number in range(200):
            value = filled(COOKIES, hint(f"/{number}"), value=value)
            if number % 20 == 0:
                value = filled(COOKIES, hint("/often"), value=value)
        self.assertEqual(COOKIES.find(value, "/often", NOW), hint("/often"))

    def test_h50_as_many_as_fit(self) -> None:
        value = filled(COOKIES, *(hint(f"/{n}") for n in range(200)))
        self.assertLessEqual(len(value), 1024)
        there = [n for n in range(200) if COOKIES.find(value, f"/{n}", NOW)]
        self.assertEqual(there, list(range(147, 200)))

    def test_h50_expired_ones_go_first(self) -> None:
        cookies = codec(max_bytes=64)  # room for two
        value = filled(cookies, hint("/long"), hint("/short", seconds=5))
        value = filled(cookies, hint("/new"), value=value, now=NOW + 5)
        found = [cookies.find(value, path, NOW + 5) is not None for path in ("/long", "/new")]
        self.assertEqual(found, [True, True])

    def test_h50_its_characters(self) -> None:
        value = filled(COOKIES, *(hint(f"/{n}") for n in range(50)))
        self.assertTrue(re.fullmatch(rb"[A-Za-z0-9_-]+", value), value)

    def test_h50_no_names_can_be_read_or_tried(self) -> None:
        """The same routes under two keys have nothing in common but their times."""
        paths = [f"/private-{n}" for n in range(40)]
        seen = []
        for key in (OLD, NEW):
            value = filled(codec(key), *map(hint, paths))
            raw = urlsafe_b64decode(value[20:] + b"=" * (-len(value[20:]) % 4))
            self.assertNotIn(b"private", value + raw)
            self.assertNotIn(b"pod", value + raw)
            seen.append({raw[at : at + 8] for at in range(4, len(raw), 14)})
        self.assertEqual([len(tags) for tags in seen], [40, 40])
        self.assertFalse(seen[0] & seen[1])

    def test_h50_nor_which_routes_have_the_same_pod(self) -> None:
        value = filled(COOKIES, *(hint(f"/{n}") for n in range(40)))
        raw = urlsafe_b64decode(value[20:] + b"=" * (-len(value[20:]) % 4))
        self.assertGreater(len({raw[at : at + 2] for at in range(12, len(raw), 14)}), 35)


class SentTests(SynchronousTestCase):
    """When there is something new to tell."""

    def test_h51_not_again_unchanged(self) -> None:
        self.assertIsNone(COOKIES.updated(ONE, NOW, put=hint("/a")))
        self.assertIsNone(COOKIES.updated(ONE, NOW + 3000, put=hint("/a")))
        self.assertIsNone(COOKIES.updated(ONE, NOW))
        self.assertIsNone(COOKIES.updated(b"", NOW))
        self.assertIsNone(COOKIES.updated(b"", NOW, drop=hint("/a")))

    def test_h51_again_if_its_time_at_least_doubles(self) -> None:
        self.assertIsNone(COOKIES.updated(ONE, NOW, put=hint("/a", seconds=7199)))
        self.assertIsNone(COOKIES.updated(ONE, NOW + 1800, put=hint("/a", seconds=5399)))
        value = COOKIES.updated(ONE, NOW + 1800, put=hint("/a", seconds=5400)) or b""
        self.assertEqual(COOKIES.find(value, "/a", NOW + 1800), hint("/a", seconds=5400))

    def test_h51_nor_ever_longer_than_the_cookie_holds(self) -> None:
        value = filled(COOKIES, hint("/a", seconds=10**9))
        self.assertEqual(COOKIES.find(value, "/a", NOW), hint("/a", seconds=86_400))
        self.assertIsNone(COOKIES.updated(value, NOW + 43_199, put=hint("/a", seconds=10**9)))
        self.assertIsNotNone(COOKIES.updated(value, NOW + 43_200, put=hint("/a", seconds=10**9)))

    def test_what_is_over_is_not_put_in(self) -> None:
        for seconds in (0, -1, 0.9):
            self.assertIsNone(COOKIES.updated(b"", NOW, put=hint("/a", seconds=seconds)), seconds)

    def test_another_pod_takes_its_place(self) -> None:
        value = COOKIES.updated(ONE, NOW, put=hint("/a", "pod_b")) or b""
        self.assertEqual(COOKIES.find(value, "/a", NOW), hint("/a", "pod_b"))
        self.assertEqual(len(value), len(ONE))

    def test_what_was_wrong_is_dropped(self) -> None:
        value = filled(COOKIES, hint("/a"), hint("/a/b", "pod_b"))
        wrong = COOKIES.find(value, "/a/b/c", NOW)
        assert wrong is not None
        value = COOKIES.updated(value, NOW, drop=wrong) or b""
        self.assertEqual(COOKIES.find(value, "/a/b/c", NOW), hint("/a"))
        self.assertEqual(COOKIES.updated(value, NOW, drop=hint("/a")), b"")

    def test_what_was_wrong_is_dropped_and_what_is_right_put_in(self) -> None:
        right = hint("/a/b", "pod_b")
        value = COOKIES.updated(ONE, NOW, put=right, drop=hint("/a")) or b""
        self.assertIsNone(COOKIES.find(value, "/a", NOW))
        self.assertEqual(COOKIES.find(value, "/a/b", NOW), right)

    def test_what_is_put_in_stays_even_if_it_was_thought_wrong(self) -> None:
        value = COOKIES.updated(ONE, NOW, put=hint("/a"), drop=hint("/a")) or b""
        self.assertEqual(COOKIES.find(value, "/a", NOW), hint("/a"))

    def test_what_has_been_corrected_since_is_not_dropped(self) -> None:
        value = filled(COOKIES, hint("/a", "pod_b"))
        self.assertIsNone(COOKIES.updated(value, NOW, drop=hint("/a", "pod_a")))


class RotatedTests(SynchronousTestCase):
    """Old keys are believed, the new one signs."""

    def test_h51_an_old_cookie_is_believed_and_written_anew(self) -> None:
        rotated, later = codec(NEW, OLD), codec(NEW)
        self.assertEqual(rotated.find(ONE, "/a", NOW), hint("/a"))
        value = rotated.updated(ONE, NOW, put=hint("/b", "pod_b")) or b""
        self.assertEqual(rotated.find(value, "/a", NOW), hint("/a"))
        self.assertEqual(later.find(value, "/b", NOW), hint("/b", "pod_b"))
        self.assertIsNone(codec(OLD).find(value, "/b", NOW))

    def test_h51_what_is_used_survives_the_old_key(self) -> None:
        rotated, later = codec(NEW, OLD), codec(NEW)
        value = rotated.updated(ONE, NOW, put=hint("/a")) or b""
        self.assertEqual(later.find(value, "/a", NOW), hint("/a"))
        self.assertEqual(len(value), len(ONE))
        self.assertIsNone(rotated.updated(value, NOW, put=hint("/a")))

    def test_h51_a_wrong_one_of_an_old_key_is_dropped(self) -> None:
        self.assertEqual(codec(NEW, OLD).updated(ONE, NOW, drop=hint("/a")), b"")

    def test_h51_a_removed_key_is_not_believed(self) -> None:
        self.assertIsNone(codec(NEW).find(ONE, "/a", NOW))

    def test_a_new_key_can_be_known_before_it_signs(self) -> None:
        prepared = codec(OLD, NEW)
        value = filled(codec(NEW, OLD), hint("/a"))
        self.assertEqual(prepared.find(value, "/a", NOW), hint("/a"))
        self.assertEqual(codec(OLD).find(filled(prepared, hint("/b")), "/b", NOW), hint("/b"))
