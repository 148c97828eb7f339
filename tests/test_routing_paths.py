"""Paths: which are ambiguous, what covers what, and every disguise of the learn endpoint."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pods.protocol import LEARN_PATH
from pods.routing.paths import (
    covers,
    is_ambiguous,
    is_learn_endpoint,
    leading_names,
    normalized,
    prefixes,
)

plain_segments = st.text("abcAB01-_~", min_size=1, max_size=3)
plain_paths = st.lists(plain_segments, min_size=1, max_size=6).map(lambda s: "/" + "/".join(s))
targets = st.text([chr(code) for code in range(0x21, 0x7F) if chr(code) not in "?#"], max_size=30)


class AmbiguousTests(SynchronousTestCase):
    """``is_ambiguous``"""

    def test_plain(self) -> None:
        for path in (
            *("/", "/a", "/a/", "/a/b.c", "/.well-known/x", "/a/...", "/a/.b", "/a./b..", "/a..b"),
            *("/%E4", "/%25", "/a;x", "/a|b", "/%252F", "/~a", "/a/-/b", "/2e/2f"),
        ):
            self.assertFalse(is_ambiguous(path), path)

    def test_ambiguous(self) -> None:
        for path in (
            *("//", "//a", "/a//", "/a//b", "/a/../b", "/a/./b", "/.", "/..", "/a/.", "/a/.."),
            *("/a%2Fb", "/a%2fb", "/%2e/a", "/%2E%2e/a", "/a.%2e", "/a%2E"),
            *("/a\\b", "\\a", "/a%5cb", "/a%5Cb", "/a/..;x/b", "/.;x", "*", "", "a/b"),
        ):
            self.assertTrue(is_ambiguous(path), path)

    @given(targets)
    def test_agrees_with_the_definition(self, text: str) -> None:
        path = "/" + text
        inner = normalized(path)[1:].split("/") if path != "/" else []
        names = [segment.partition(";")[0] for segment in inner]
        lowered = path.lower()
        expected = any(word in lowered for word in ("%2f", "%2e", "%5c", "\\")) or any(
            segment == "" or name in (".", "..") for segment, name in zip(inner, names, strict=True)
        )
        self.assertEqual(is_ambiguous(path), expected)


class CoversTests(SynchronousTestCase):
    """``normalized``, ``prefixes`` and ``covers``"""

    def test_slash_at_the_end(self) -> None:
        self.assertEqual([normalized(path) for path in ("/", "/a", "/a/")], ["/", "/a", "/a"])

    def test_prefixes(self) -> None:
        self.assertEqual(list(prefixes("/a/b/c/")), ["/a/b/c", "/a/b", "/a"])
        self.assertEqual(list(prefixes("/")), [])

    def test_covers(self) -> None:
        for prefix in ("/my-company", "/my-company/"):
            for path in ("/my-company", "/my-company/", "/my-company/x", "/my-company//x"):
                self.assertTrue(covers(prefix, path), path)
            for path in ("/my-company2", "/my-company.atom", "/my-compan", "/", "/My-company"):
                self.assertFalse(covers(prefix, path), path)

    def test_exact(self) -> None:
        self.assertTrue(covers("/-/profile", "/-/profile", exact=True))
        self.assertTrue(covers("/-/profile", "/-/profile/", exact=True))
        self.assertFalse(covers("/-/profile", "/-/profile/x", exact=True))
        self.assertFalse(covers("/", "/x", exact=True))

    def test_root_covers_everything(self) -> None:
        for path in ("/", "/a", "/a/b", "*"):
            self.assertTrue(covers("/", path), path)

    @given(plain_paths)
    def test_prefixes_are_what_covers(self, path: str) -> None:
        found = list(prefixes(path))
        self.assertEqual(found, sorted(found, key=len, reverse=True))
        self.assertTrue(all(covers(prefix, path) for prefix in found))
        self.assertEqual(len(found), path.count("/"))

    @given(plain_paths, plain_paths)
    def test_covers_only_prefixes(self, prefix: str, path: str) -> None:
        self.assertEqual(covers(prefix, path), prefix in list(prefixes(path)))

    @given(plain_paths, plain_paths, st.booleans())
    def test_a_slash_at_the_end_changes_nothing(self, one: str, other: str, exact: bool) -> None:
        expected = covers(one, other, exact)
        self.assertEqual(covers(one + "/", other, exact), expected)
        self.assertEqual(covers(one, other + "/", exact), expected)


def _encoded(data: st.DataObject, text: str) -> str:
    """The text with some characters percent-encoded, perhaps more than once."""
    depths = data.draw(st.lists(st.integers(0, 3), min_size=len(text), max_size=len(text)))
    return "".join(
        character if depth == 0 else f"%{'25' * (depth - 1)}{ord(character):02x}"
        for character, depth in zip(text, depths, strict=True)
    )


class LearnEndpointTests(SynchronousTestCase):
    """Requirement 41: the endpoint is found in every disguise."""

    def test_disguises(self) -> None:
        for path in (
            *(LEARN_PATH, LEARN_PATH + "/", LEARN_PATH + "/x/y", LEARN_PATH.upper()),
            *("//api//v4/pods///learn", "/api/v4/pods/./learn", "/api/v4/x/../pods/learn"),
            *("/api/v4/pods/%6cearn", "/api/v4/pods/%256cearn", "/api/v4/pods/%25%36%63earn"),
            *("/api%2Fv4%2fpods%2flearn", "/api%252fv4/pods/learn", "/%61pi/v4/pods/learn"),
            *("/api;a=b/v4/pods/learn", "/api/v4/pods/learn;x", "/api/v4/x/..;y/pods/learn"),
            *("/api\\v4\\pods\\learn", "/api%5cv4/pods/learn", "\\api/v4/pods/learn"),
            *("/api/v4/pods/learn.json", "/api/v4/pods/learn.", "/api/v4/pods/learn.json/"),
            *("/api/v4/pods/learn%00", "/api/v4/pods/learn%20", "/api/v4/pods/learn%3fx=y"),
            *("/../api/v4/pods/learn", "/api/v4/pods/learn/../x", "/api/v4/pods/%2e/learn"),
            *("/api/v4/pods/x/%2e%2e/learn", "/%2561pi/v4/pods/learn", "/API/V4/Pods/LEARN.JSON"),
        ):
            self.assertTrue(is_learn_endpoint(path), path)

    def test_others(self) -> None:
        for path in (
            *("/", "*", "/learn", "/api/v4/pods", "/api/v4/pods/learning", "/api/v4/pods/learn2"),
            *("/x/api/v4/pods/learn", "/api/v4/pods/unlearn", "/api/v4/podslearn", "/%25", "/%"),
            *("/my-company/learn", "/api/v4/pods/learn-more", "/%zz/learn", "/api/v5/pods/learn"),
        ):
            self.assertFalse(is_learn_endpoint(path), path)

    @given(st.data())
    def test_any_encoding(self, data: st.DataObject) -> None:
        segments = [_encoded(data, segment) for segment in LEARN_PATH.split("/")[1:]]
        fillers = st.sampled_from(["/", "//", "/./", "/x/../", "\\", "%2f", "/%2E/", "%5C", ";a/"])
        path = "/" + segments[0] + "".join(data.draw(fillers) + name for name in segments[1:])
        self.assertTrue(is_learn_endpoint(path), path)

    @given(plain_paths)
    def test_plain_paths_are_something_else(self, path: str) -> None:
        self.assertFalse(is_learn_endpoint(path))

    @given(targets)
    def test_never_raises(self, path: str) -> None:
        self.assertIn(is_learn_endpoint(path), (True, False))


class LeadingNamesTests(SynchronousTestCase):
    """``leading_names``: one name for all spellings."""

    def test_spellings(self) -> None:
        for path in ("/a/b", "//A/./b", "/%61/b.json?", "/a;x/b/c", "/x/../a/b.atom/y", "/a%2Fb"):
            self.assertEqual(leading_names(path, 2), "a/b", path)

    def test_short(self) -> None:
        self.assertEqual(leading_names("/", 2), "")
        self.assertEqual(leading_names("/a", 2), "a")
        self.assertEqual(leading_names("/a/b", 1), "a")
        self.assertEqual(leading_names("/.well-known/b", 1), ".well-known")
