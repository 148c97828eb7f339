"""The script of the how-to about the API, against the demo world."""

from __future__ import annotations

import os

from twisted.internet import reactor
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import TestCase

from pods.reference.world import World, WorldSettings
from tests.integration.support import ROOT, need

SCRIPT = ROOT / "docs" / "examples" / "demo-api.sh"
#: What it prints, among other things.
EXPECTED = (
    'Who am I?\n{"username": "casey", "default_organization": "my-organization"}\n',
    'By its path:\n{"id": 2001, "path_with_namespace": "my-company/my-project",',
    '{"data": {"project": {"id": "gid://gitlab/Project/2001", "name": "My Project"}}}',
    '{"data": {"projects": [{"id": "gid://gitlab/Project/2001",',
    '"found": [{"category": "Issues", "label": "Ship it",',
    '"not_searched": [{"name": "GitLab.com Public",',
    'The runner gets it:\n{"id": 1, "project": "my-company/my-project", "name": "test",',
)


class DemoApiTests(TestCase):
    timeout = 120

    async def assert_runs(self, strategy: str, router: str) -> None:
        need("curl", "sed", "sh")
        tables = {"log": {"access": ""}}
        chosen = WorldSettings(strategy=strategy, base_port=None, router_tables=tables)
        world = World(chosen, reactor)
        world.startService()
        self.addCleanup(world.stopService)
        await world.when_listening()
        environment = os.environ | {"ROUTER": world.url(router)}
        out, err, status = await getProcessOutputAndValue(
            "/bin/sh", ["-e", str(SCRIPT)], environment, reactor=reactor
        )
        self.assertEqual((err.decode(), status), ("", 0))
        for text in EXPECTED:
            self.assertIn(text, out.decode())

    async def test_bounce(self) -> None:
        await self.assert_runs("bounce", "router_us")

    async def test_learn(self) -> None:
        await self.assert_runs("learn", "router_eu")
