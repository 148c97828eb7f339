"""Which claims are believed: requirement 43 and section 4 of the contract."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pods.interfaces import Route
from pods.protocol import CacheClaim
from pods.routing.acceptance import Refused, acceptable, taught_route
from pods.routing.paths import covers
from tests.test_routing_paths import plain_paths

ASKED = "/my-company/my-project/-/issues"


class AcceptableTests(SynchronousTestCase):
    """``acceptable``"""

    def test_accepted(self) -> None:
        for path in ("/my-company", "/my-company/", "/my-company/my-project", ASKED, ASKED + "/"):
            self.assertIsNone(acceptable(path, False, ASKED), path)
        self.assertIsNone(acceptable(ASKED, True, ASKED))

    def test_g43_refused(self) -> None:
        long = "/" + "a" * 255
        for path, exact, asked, reason in (
            ("/", False, ASKED, "root"),
            ("/", True, "/", "root"),
            ("/my-comp", False, ASKED, "not_a_prefix"),
            ("/my-company/my-project/-/issues/1", False, ASKED, "not_a_prefix"),
            ("/other", False, ASKED, "not_a_prefix"),
            ("/my-company", True, ASKED, "not_a_prefix"),
            (long, False, long, "too_long"),
            ("/a", False, "/a/../b", "ambiguous"),
            ("/a/../b", False, "/a/../b", "ambiguous"),
            ("/a%2fb", False, "/a%2fb", "ambiguous"),
        ):
            self.assertEqual(acceptable(path, exact, asked), reason, path)

    def test_the_longest_that_is_accepted(self) -> None:
        path = "/" + "a" * 254
        self.assertIsNone(acceptable(path, False, path + "/b"))

    @given(plain_paths, plain_paths, st.booleans())
    def test_accepts_exactly_what_covers(self, path: str, asked: str, exact: bool) -> None:
        self.assertEqual(acceptable(path, exact, asked) is None, covers(path, asked, exact))


class TaughtRouteTests(SynchronousTestCase):
    """``taught_route``"""

    def test_taught(self) -> None:
        claim = CacheClaim("/my-company/", ttl_seconds=5)
        self.assertEqual(
            taught_route(claim, "pod_eu0", ASKED), Route("/my-company/", "pod_eu0", False, 5)
        )

    def test_taught_by_its_own_name(self) -> None:
        claim = CacheClaim(ASKED, exact=True, pod="pod_eu0")
        self.assertEqual(taught_route(claim, "pod_eu0", ASKED), Route(ASKED, "pod_eu0", True))

    def test_g43_another_pods_name_is_refused(self) -> None:
        claim = CacheClaim("/my-company/", pod="pod_us0")
        self.assertIs(taught_route(claim, "pod_eu0", ASKED), Refused.OTHER_POD)

    def test_g43_no_prefix_is_refused(self) -> None:
        self.assertIs(taught_route(CacheClaim("/"), "pod_eu0", ASKED), Refused.ROOT)
