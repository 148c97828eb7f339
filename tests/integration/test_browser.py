"""The demo's world in a real browser, under both strategies and with both kinds of sessions."""

from __future__ import annotations

import re
import shutil
from unittest import SkipTest

from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.integration.chromium import PROGRAMS
from tests.integration.support import ROOT
from tests.integration.tour import make_world, take

TUTORIAL = ROOT / "docs" / "tutorial"


class TourTests(TestCase):
    """Takes the tour on which the pictures of the tutorial are made."""

    timeout = 240

    def setUp(self) -> None:
        if not any(map(shutil.which, PROGRAMS)):
            raise SkipTest(f"none of {', '.join(PROGRAMS)} is installed")

    async def tour(self, strategy: str, sessions: str) -> None:
        shot: list[str] = []
        world = make_world(reactor, strategy, sessions)
        world.startService()
        self.addCleanup(world.stopService)
        await world.when_listening()
        await deferToThread(take, world, lambda page, name: shot.append(f"{name}.png"))
        self.assertEqual(sorted(shot), sorted(path.name for path in TUTORIAL.glob("pictures/*")))
        text = (TUTORIAL / "demo.rst").read_text()
        self.assertEqual(re.findall(r"image:: pictures/(\S+)", text), shot)

    async def test_bounce_with_stored_sessions(self) -> None:
        await self.tour("bounce", "store")

    async def test_learn_with_signed_sessions(self) -> None:
        await self.tour("learn", "token")
