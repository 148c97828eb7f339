"""The databases of real pods: where ``[databases]`` says, copied while the pods run."""

from __future__ import annotations

import os
import sys
from typing import Any

from twisted.internet import reactor
from twisted.internet.task import deferLater

from pods.reference.databases import COOKIE
from pods.reference.service import PodService, PodStartError
from pods.reference.settings import PodSettings, from_mapping
from pods.reference.visits import SESSION_COOKIE
from tests.test_reference_service import PODS, PodServiceTestCase

ATTEMPTS = 200
POSTGRESQL = "pods.reference.databases.postgresql"


class DatabasesOfPodsTests(PodServiceTestCase):
    def settings(self, name: str = "pod_us0", users: Any = None, **own: Any) -> PodSettings:
        pod = {
            "name": name,
            "listen": "tcp:0:interface=127.0.0.1",
            "shared_dir": "shared",
            "data_dir": name,
            "seed": True,
        }
        table = {"pod": pod | own, "pods": PODS, "databases": {"users": users} if users else {}}
        return from_mapping(table, "pod.toml", self.folder)

    def users(self, copy_seconds: float) -> dict[str, Any]:
        return {
            "primary": "sqlite:elsewhere/users.sqlite",
            "replicas": {"us": "sqlite:us/users.sqlite", "eu": "sqlite:eu/users.sqlite"},
            "copy_seconds": copy_seconds,
        }

    async def signed_in(self, pod: PodService) -> dict[str, str]:
        """The cookies of a user who has just signed in."""
        form = {"username": "casey", "password": "casey-pays-for-this"}
        response = await self.get(pod, "/users/sign_in", "POST", data=form)
        values = response.headers.getRawHeaders("Set-Cookie")
        return {
            name: rest.partition(";")[0]
            for name, _, rest in (value.partition("=") for value in values)
        }

    async def status(self, pod: PodService, cookies: dict[str, str]) -> int:
        header = "; ".join(f"{name}={value}" for name, value in cookies.items())
        response = await self.get(pod, "/-/profile", headers={"Cookie": header}, cookies={})
        status: int = response.code
        return status

    async def test_who_has_signed_in_is_known_in_another_region_before_the_copy(self) -> None:
        users = self.users(copy_seconds=3600)
        us, eu = self.start(users=users), self.start(name="pod_eu0", users=users)
        cookies = await self.signed_in(us)
        self.assertEqual(await self.status(eu, cookies), 200)
        del cookies[COOKIE]
        self.assertEqual(await self.status(eu, cookies), 302)

    async def test_copies_are_made_while_pods_run(self) -> None:
        users = self.users(copy_seconds=0.05)
        us, eu = self.start(users=users), self.start(name="pod_eu0", users=users)
        cookies = await self.signed_in(us)
        session = {SESSION_COOKIE: cookies[SESSION_COOKIE]}
        for _ in range(ATTEMPTS):
            if await self.status(eu, session) == 200:
                break
            await deferLater(reactor, 0.05)
        self.assertEqual(await self.status(eu, session), 200)

    async def test_files_are_where_they_are_said_to_be(self) -> None:
        self.start(users=self.users(1))
        for path in ("elsewhere", "us"):
            self.assertTrue(os.path.exists(os.path.join(self.folder, path, "users.sqlite")), path)
        shared = os.listdir(os.path.join(self.folder, "shared"))
        self.assertFalse([name for name in shared if name.startswith("users.")])
        self.assertFalse(os.path.exists(os.path.join(self.folder, "eu")))

    def assert_does_not_start(self, users: dict[str, Any], reason: str) -> None:
        pod = PodService(self.settings(users=users), reactor)
        error = self.assertRaises(PodStartError, pod.startService)
        expected = f"^pod.toml: pod_us0 cannot start: database users at {reason}$"
        self.assertRegex(str(error), expected)

    def test_a_replica_that_cannot_be_made(self) -> None:
        os.makedirs(self.folder)
        with open(os.path.join(self.folder, "us"), "w"):
            pass
        self.assert_does_not_start(
            self.users(1), f"sqlite:{self.folder}/us/users.sqlite: .*File exists: .*"
        )

    def hide(self, module: str) -> None:
        """As if it were not installed."""
        modules: dict[str, Any] = sys.modules
        before = {name: modules.pop(name) for name in (module, POSTGRESQL) if name in modules}
        modules[module] = None

        def restore() -> None:
            del modules[module]
            modules.update(before)

        self.addCleanup(restore)

    def test_postgresql_without_its_driver(self) -> None:
        self.hide("psycopg")
        self.assert_does_not_start(
            {"primary": "postgresql://me:secret@db/users"},
            "postgresql://db/users: import of psycopg halted; .*"
            r" pip install 'pods-router\[postgres\]' has it",
        )
