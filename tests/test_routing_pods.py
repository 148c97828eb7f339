"""The directory of pods and the view of headers."""

from __future__ import annotations

import random

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pods.interfaces import IPods, PodInfo
from pods.routing.headers import Headers
from pods.routing.pods import PodDirectory

US0 = PodInfo("pod_us0", "us", latest=True)
US1 = PodInfo("pod_us1", "us")
EU0 = PodInfo("pod_eu0", "eu")
EVERY = (US0, US1, EU0)


class PodDirectoryTests(SynchronousTestCase):
    """``PodDirectory``"""

    def setUp(self) -> None:
        self.pods = PodDirectory(EVERY, random.Random(1))

    def picked(self, region: str | None = None, exclude: tuple[str, ...] = ()) -> set[str]:
        """Every pod that comes up."""
        picks = [self.pods.random(region, exclude) for _ in range(100)]
        return {pick.name for pick in picks if pick is not None}

    def test_interface(self) -> None:
        verifyObject(IPods, self.pods)

    def test_look_ups(self) -> None:
        self.assertEqual(self.pods.get("pod_us1"), US1)
        self.assertIsNone(self.pods.get("pod_x"))
        self.assertEqual(self.pods.all, EVERY)
        self.assertEqual(self.pods.latest, US0)
        self.assertEqual(self.pods.in_region("us"), (US0, US1))
        self.assertEqual(self.pods.in_region("asia"), ())
        self.assertEqual(self.pods.in_region(None), EVERY)

    def test_no_latest(self) -> None:
        self.assertIsNone(PodDirectory([US1], random.Random(1)).latest)

    def test_random(self) -> None:
        self.assertEqual(self.picked(), {"pod_us0", "pod_us1", "pod_eu0"})
        self.assertEqual(self.picked("us"), {"pod_us0", "pod_us1"})
        self.assertEqual(self.picked("us", ("pod_us0",)), {"pod_us1"})

    def test_random_leaves_the_region_rather_than_giving_none(self) -> None:
        self.assertEqual(self.picked("asia"), {"pod_us0", "pod_us1", "pod_eu0"})
        self.assertEqual(self.picked("us", ("pod_us0", "pod_us1")), {"pod_eu0"})

    def test_random_with_all_excluded(self) -> None:
        self.assertIsNone(self.pods.random(None, [pod.name for pod in EVERY]))

    def test_sick_pods_come_last(self) -> None:
        self.pods.set_healthy("pod_us0", False)
        self.assertEqual(self.picked("us"), {"pod_us1"})
        self.pods.set_healthy("pod_us1", False)
        self.assertEqual(self.picked("us"), {"pod_eu0"})
        self.pods.set_healthy("pod_eu0", False)
        self.assertEqual(self.picked("us"), {"pod_us0", "pod_us1"})
        self.assertEqual(self.picked("us", ("pod_us0", "pod_us1")), {"pod_eu0"})

    def test_health_shows_and_heals(self) -> None:
        self.pods.set_healthy("pod_us0", False)
        self.assertEqual([pod.healthy for pod in self.pods.all], [False, True, True])
        self.assertFalse(self.pods.latest.healthy if self.pods.latest else True)
        self.pods.set_healthy("pod_us0", True)
        self.assertEqual(self.pods.all, EVERY)

    def test_health_of_an_unknown_pod(self) -> None:
        self.assertRaises(KeyError, self.pods.set_healthy, "pod_x", True)


class HeadersTests(SynchronousTestCase):
    """``Headers``"""

    headers = Headers([(b"X-Tenant", b"acme"), (b"Accept", b"a"), (b"accept", b"\xe4")])

    def test_get(self) -> None:
        self.assertEqual(self.headers.get("x-TENANT"), "acme")
        self.assertEqual(self.headers.get("Accept"), "a")
        self.assertIsNone(self.headers.get("Host"))
        self.assertIsNone(self.headers.get("X-Tenant\u00e9"))

    def test_get_all(self) -> None:
        self.assertEqual(self.headers.get_all("ACCEPT"), ["a", "\xe4"])
        self.assertEqual(self.headers.get_all("Host"), [])

    def test_as_a_collection(self) -> None:
        self.assertIn("x-tenant", self.headers)
        self.assertNotIn("host", self.headers)
        self.assertEqual(len(self.headers), 3)
        self.assertEqual(
            list(self.headers), [("X-Tenant", "acme"), ("Accept", "a"), ("accept", "\xe4")]
        )

    def test_equality(self) -> None:
        same = Headers(((b"X", b"1"),))
        self.assertEqual(same, Headers([(b"X", b"1")]))
        self.assertEqual(hash(same), hash(Headers([(b"X", b"1")])))
        self.assertNotEqual(same, Headers([(b"X", b"2")]))

    def test_repr_shows_no_values(self) -> None:
        self.assertEqual(repr(self.headers), "<Headers X-Tenant, Accept, accept>")
