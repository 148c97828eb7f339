"""``[databases]`` and ``[sessions]`` of pod.toml: read into values, or refused with every fault."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pods.config import read_toml
from pods.config.reading import keys_of
from pods.reference.database_settings import DatabaseSettings
from pods.reference.databases import SCHEMAS, Places
from pods.reference.settings import SessionSettings, load
from tests.test_reference_settings import TABLE, PodSettingsTestCase

EXAMPLES = Path(__file__).parent.parent / "docs" / "examples"
ALLOWED = "sqlite:PATH, or postgresql://USER@HOST/DATABASE"


class DatabaseSettingsTests(PodSettingsTestCase):
    def table(self, **databases: Any) -> dict[str, Any]:
        return TABLE | {"databases": databases}

    def test_files_by_default_and_a_replica_in_the_region_of_the_pod(self) -> None:
        places = self.read(TABLE).places
        self.assertEqual(set(places), set(SCHEMAS))
        users = Places("sqlite:/srv/shared/users.sqlite", "sqlite:/srv/shared/users.us.sqlite", 1)
        main = Places("sqlite:/srv/own/main.sqlite", "sqlite:/srv/own/main.us.sqlite", 1)
        self.assertEqual((places["users"], places["main"]), (users, main))

    def test_a_database_elsewhere(self) -> None:
        users: dict[str, Any] = {
            "primary": "postgresql://me@db/users?sslmode=require",
            "replicas": {"us": "postgresql://me@us/users", "eu": "postgresql://me@eu/users"},
        }
        routes = {"primary": "sqlite:r.sqlite", "copy_seconds": 0.5, "replicas": {"eu": "sqlite:x"}}
        places = self.read(self.table(users=users, routes=routes)).places
        self.assertEqual(places["users"], Places(users["primary"], "postgresql://me@us/users"))
        self.assertEqual(places["routes"], Places("sqlite:/srv/r.sqlite", None, 0.5))
        self.assertEqual(places["admin"], self.read(TABLE).places["admin"])

    def test_every_fault_is_named_at_once(self) -> None:
        self.assert_faults(
            self.table(
                user={},
                users={"primary": "mysql://db/users", "replicas": {"us": "sqlite:"}},
                routes={"copy_seconds": 0, "replicas": 3, "replica": "x"},
                admin={"primary": "postgresql://db"},
                main=5,
            ),
            "databases.user: unknown key, nearest is users; allowed: ",
            f'databases.users.primary: is "mysql://db/users"; allowed: {ALLOWED}',
            f'databases.users.replicas.us: is "sqlite:"; allowed: {ALLOWED}',
            "databases.routes.replica: unknown key, nearest is replicas",
            f"databases.routes.primary: is missing; allowed: {ALLOWED}",
            f"databases.routes.replicas: is 3; allowed: a table REGION = {ALLOWED}",
            "databases.routes.copy_seconds: is 0; allowed: a number of seconds, 0.05 to 3_600",
            f'databases.admin.primary: is "postgresql://db"; allowed: {ALLOWED}',
            "databases.main: is 5; allowed: a table",
        )

    def test_no_tables(self) -> None:
        self.assert_faults(
            TABLE | {"databases": 3}, "databases: is 3; allowed: tables [databases.NAME]"
        )

    def test_a_replica_is_of_its_primarys_kind(self) -> None:
        users = {"primary": "sqlite:u", "replicas": {"eu": "postgresql://db/users"}}
        self.assert_faults(
            self.table(users=users),
            'databases.users.replicas.eu: is "postgresql://db/users"; allowed: sqlite:, as its',
        )

    def test_no_two_databases_at_one_place(self) -> None:
        users = {"primary": "sqlite:u", "replicas": {"eu": "sqlite:./u"}}
        routes = {"primary": "sqlite:u"}
        self.assert_faults(
            self.table(users=users, routes=routes),
            "databases.users.replicas.eu: is the place of databases.users.primary; allowed: a",
            "databases.routes.primary: is the place of databases.users.primary; allowed: a place",
        )

    def test_a_replica_where_no_pod_is(self) -> None:
        users = {"primary": "sqlite:u", "replicas": {"euu": "sqlite:x", "us": "sqlite:y"}}
        self.assert_faults(
            self.table(users=users),
            "databases.users.replicas.euu: no pod is in this region, nearest is eu; allowed: ",
        )

    def test_sessions(self) -> None:
        self.assertEqual(self.read(TABLE).sessions, SessionSettings(kind="store"))
        table = TABLE | {"sessions": {"kind": "token"}}
        self.assertEqual(self.read(table).sessions.kind, "token")
        self.assert_faults(
            TABLE | {"sessions": {"kind": "tokens"}},
            'sessions.kind: is "tokens" (nearest is token); allowed: store, token',
        )


class ExampleTests(PodSettingsTestCase):
    def test_every_key_is_in_the_example(self) -> None:
        table = read_toml(str(EXAMPLES / "pod.toml"))
        self.assertEqual(set(table["databases"]["users"]), set(keys_of(DatabaseSettings)))
        self.assertEqual(set(table["sessions"]), set(keys_of(SessionSettings)))

    def test_postgresql(self) -> None:
        settings = load(str(EXAMPLES / "pod-postgresql.toml"))
        self.assertEqual(set(settings.databases), set(SCHEMAS))
        self.assertEqual(
            settings.places["users"],
            Places("postgresql://pods@db-us/users", "postgresql://pods@standby-eu/users"),
        )
        self.assertIsNone(settings.places["ci"].replica)
