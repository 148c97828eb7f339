"""Ids of requests."""

from __future__ import annotations

import random

from twisted.trial.unittest import SynchronousTestCase

from pods.request_ids import DRAWN_AT_A_TIME, RequestIds


class RequestIdTests(SynchronousTestCase):
    """What is drawn."""

    def test_each_is_new(self) -> None:
        ids = RequestIds(random.SystemRandom())
        drawn = [ids.draw() for _ in range(5 * DRAWN_AT_A_TIME)]
        self.assertEqual(len(set(drawn)), len(drawn))
        for one in drawn:
            self.assertRegex(one.decode("ascii"), r"\A[0-9a-f]{32}\Z")

    def test_all_of_it_is_random(self) -> None:
        """No digit stays the same for many of them."""
        ids = RequestIds(random.Random(1))
        drawn = [ids.draw() for _ in range(1000)]
        for digits in zip(*drawn, strict=True):
            self.assertEqual(len(set(digits)), 16)
