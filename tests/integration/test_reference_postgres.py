"""The reference pod's databases on a real PostgreSQL server and its streaming standby."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

import attrs
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from twisted.internet import reactor
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from pods.reference.databases import (
    SHARED,
    Conflict,
    Databases,
    Places,
    UnusableError,
    open_databases,
    writing,
)
from pods.reference.ids import Ids
from pods.reference.walkthrough import FLOWS, Player, told
from tests import test_reference_accounts as accounts
from tests import test_reference_admin as admin
from tests import test_reference_api as api
from tests import test_reference_api_runners as api_runners
from tests import test_reference_application as application
from tests import test_reference_databases as people
from tests import test_reference_databases_laws as laws
from tests import test_reference_databases_replicas as replicas
from tests import test_reference_moves as moves
from tests import test_reference_profile as profile
from tests import test_reference_search as search
from tests import test_reference_sessions as sessions
from tests.integration.postgresql import Pair, make_pair, pair
from tests.integration.support import wait_for
from tests.test_reference_databases import DatabaseTestCase
from tests.test_reference_ownership import REGIONS


class OnPostgresql(SynchronousTestCase):
    """Mixed into other test cases: opens what they want at the primary alone."""

    pair: Pair

    def setUp(self) -> None:
        self.clock = Clock()
        self.pair = pair()
        self.pair.begin_anew(tuple(REGIONS))
        super().setUp()

    def open(self, pod: str, region: str = "eu") -> Databases:
        return self.open_at(self.pair.places(pod, replica=False), pod)

    def open_at(self, places: dict[str, Places], pod: str = "pod_eu0") -> Databases:
        databases = open_databases(places, pod, self.clock.seconds)
        self.addCleanup(databases.close)
        return databases


class WithStandby(OnPostgresql):
    """The standby is held, but when a test has it catch up."""

    def open(self, pod: str, region: str = "eu") -> Databases:
        self.pair.resume()
        databases = self.open_at(self.pair.places(pod, replica=True), pod)
        self.catch_up(databases)
        return databases

    def catch_up(self, databases: Databases) -> None:
        self.pair.catch_up()
        self.pair.pause()


class ReadingTests(WithStandby, replicas.ReadingTests):
    """As with SQLite."""


class TransactionTests(WithStandby, replicas.TransactionTests):
    """As with SQLite."""


def on_postgresql(*modules: ModuleType) -> Iterator[tuple[str, type[DatabaseTestCase]]]:
    """The test cases of these modules once more, on PostgreSQL; not those that open files."""
    for module in modules:
        for name, case in vars(module).items():
            is_own = name.endswith("Tests") and case.__module__ == module.__name__
            if is_own and "open" not in vars(case):
                yield name, type(name, (OnPostgresql, case), {"__module__": __name__})


#: What stands on the databases: every statement of it must be one that both kinds take.
globals().update(
    on_postgresql(application, accounts, admin, api, api_runners, profile, search, sessions)
)


class PeopleTests(OnPostgresql, people.PeopleTests):
    """As with SQLite."""


class TenantsTests(OnPostgresql, people.TenantsTests):
    """As with SQLite."""


class SeedTests(OnPostgresql, people.SeedTests):
    """As with SQLite."""


class MoverTests(OnPostgresql, moves.MoverTests):
    """As with SQLite."""


class ReplicatedServers(laws.Replicated):
    """Both regions read the same standby."""

    def open(self, region: str) -> Databases:
        if not hasattr(self, "pair"):
            self.pair = pair()
            self.pair.begin_anew([""])
        places = self.pair.places("", replica=True)
        opened = dict(open_databases(places, "", self.clock.seconds).sources)
        admin = opened.pop("admin")
        Databases(opened).close()
        self.catch_up(region)
        return Databases({"admin": admin})

    def catch_up(self, region: str) -> Iterable[str]:
        self.pair.catch_up()
        self.pair.pause()
        return laws.REGIONS


class LawTests(SynchronousTestCase):
    def test_as_with_sqlite(self) -> None:
        pair()
        bounded = settings(max_examples=10, stateful_step_count=20, deadline=None)
        run_state_machine_as_test(ReplicatedServers, settings=bounded)


class WalkthroughTests(TestCase):
    timeout = 300

    async def test_every_flow_with_the_shared_databases_on_postgresql(self) -> None:
        both = pair()
        tables = {
            name: {"primary": both.primary.url(name), "replicas": {"eu": both.standby.url(name)}}
            for name in SHARED
        }
        for strategy, flows in FLOWS.items():
            both.begin_anew(["any"])
            player = Player(strategy, reactor, {"databases": tables, "sessions": {"kind": "token"}})
            try:
                await player.start()
                played = [await player.play(flow) for flow in flows]
            finally:
                await player.stop()
            differing = [one for one in played if not one.as_expected]
            text = "\n".join(line for one in differing for line in told(one))
            self.assertFalse(text, text)


class StandbyTests(WithStandby, replicas.ReplicaTestCase):
    def test_what_is_written_streams_to_the_standby_by_itself(self) -> None:
        self.pair.resume()
        self.say(self.databases.view(), "new")
        wait_for(lambda: self.heard(self.databases.view()) == "new", "the stream")
        self.assertIsNone(self.databases.replicas()["admin"].copy_seconds)

    def test_the_lag_is_that_of_the_oldest_write_which_has_not_come(self) -> None:
        self.say(self.databases.view(), "first")
        self.clock.advance(3)
        self.say(self.databases.view(), "second")
        self.clock.advance(4)
        self.assertEqual(self.databases.lag_seconds()["admin"], 7)
        self.assertEqual(self.databases.lag_seconds()["users"], 0)
        self.catch_up(self.databases)
        self.assertEqual(self.databases.lag_seconds()["admin"], 0)

    def test_while_a_standby_is_away_the_primary_is_read(self) -> None:
        self.say(self.databases.view(), "first")
        self.catch_up(self.databases)
        self.say(self.databases.view(), "second")
        self.assertEqual(self.heard(self.databases.view()), "first")
        self.pair.standby.stop()
        try:
            self.assertEqual(self.heard(self.databases.view()), "second")
            self.assertEqual(set(self.databases.lag_seconds().values()), {None})
        finally:
            self.pair.standby.start()

    def test_a_standby_that_has_not_got_its_tables_yet(self) -> None:
        self.pair.pause()
        self.pair.ask(self.pair.primary, "drop schema if exists late cascade; create schema late")
        late = Places(self.pair.primary.url("late"), self.pair.standby.url("late"))
        places = self.pair.places("pod_eu0", replica=True) | {"admin": late}
        databases = self.open_at(places)
        self.say(databases.view(), "new")
        self.assertEqual(self.heard(databases.view()), "new")

    def test_a_primary_that_comes_back_is_used_again(self) -> None:
        self.say(self.databases.view(), "first")
        self.pair.primary.stop()
        try:
            self.assertRaises(UnusableError, self.say, self.databases.view(), "lost")
        finally:
            self.pair.primary.start()
        self.say(self.databases.view(), "second")
        self.assertEqual(self.heard(self.databases.view({"admin": 2})), "second")


class TurnTests(OnPostgresql, DatabaseTestCase):
    def test_pods_that_write_at_the_same_time_take_turns(self) -> None:
        """Each reads before it writes; none of them sees a number that another takes."""
        taken: list[int] = []

        def take(pod: str) -> None:
            databases = open_databases(self.pair.places(pod, replica=False), pod)
            view = databases.view()
            ids = Ids(view.routes, view.main, pod)
            taken.extend(ids.next("projects") for _ in range(20))
            with writing(view.main) as tx:
                tx.execute("delete from next_ids")
            taken.extend(ids.next("projects") for _ in range(20))
            databases.close()

        threads = [threading.Thread(target=take, args=[pod]) for pod in REGIONS]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((len(taken), len(set(taken))), (160, 160))

    def test_a_turn_that_does_not_come(self) -> None:
        from pods.reference.databases import postgresql

        self.patch(postgresql, "LOCK_TIMEOUT", "100ms")
        other = self.open("pod_us0").view()
        with writing(self.databases.view().routes):
            error = self.assertRaises(UnusableError, writing(other.routes).__enter__)
        self.assertIn("lock timeout", str(error))
        with writing(other.routes) as tx:
            tx.insert("id_leases", {"kind": "x", "first": 1, "last": 2, "pod_id": "p"})


class OpeningTests(OnPostgresql, DatabaseTestCase):
    def assert_unusable(self, reason: str, **changes: Any) -> None:
        places = self.pair.places("pod_eu0", replica=True)
        places["users"] = attrs.evolve(places["users"], **changes)
        error = self.assertRaises(UnusableError, self.open_at, places)
        self.assertIn("database users at postgresql:///pods", str(error))
        self.assertIn(reason, str(error))
        self.assertEqual(len(str(error).splitlines()), 1)

    def test_nobody_listens(self) -> None:
        self.assert_unusable("No such file", primary="postgresql:///pods?host=/nowhere")

    def test_a_primary_that_is_a_standby(self) -> None:
        self.assert_unusable("is a standby", primary=self.pair.standby.url("users"))

    def test_a_replica_that_is_no_standby(self) -> None:
        self.assert_unusable("is no standby", replica=self.pair.primary.url("users"))

    def test_a_replica_of_another_server(self) -> None:
        other = make_pair()
        self.addCleanup(other.stop)
        standby = other.standby.url("users")
        self.assert_unusable("is a standby of another server", replica=standby)

    def test_a_role_that_may_not_make_tables(self) -> None:
        self.pair.ask(
            self.pair.primary, "create role guest login; grant usage on schema users to guest"
        )
        guest = self.pair.primary.url("users").replace("user=pods", "user=guest")
        self.assert_unusable("permission denied for schema users", primary=guest)

    def test_a_password_is_not_shown(self) -> None:
        places = self.pair.places("pod_eu0", replica=False)
        places["users"] = Places("postgresql://me:secret@127.0.0.1:1/pods?password=secret", None)
        error = self.assertRaises(UnusableError, self.open_at, places)
        self.assertIn("database users at postgresql://127.0.0.1:1/pods: ", str(error))
        self.assertNotIn("secret", str(error))

    def test_who_is_no_superuser_can_use_it(self) -> None:
        self.pair.ask(
            self.pair.primary,
            "drop role if exists application; create role application login;"
            " drop schema if exists theirs cascade; create schema theirs authorization application",
        )
        self.pair.catch_up()
        primary, replica = (
            server.url("theirs").replace("user=pods", "user=application")
            for server in (self.pair.primary, self.pair.standby)
        )
        places = self.pair.places("pod_eu0", replica=True) | {"admin": Places(primary, replica)}
        view = self.open_at(places).view()
        with writing(view.admin) as tx:
            tx.insert("application_settings", {"name": "a", "value": "b"})
        self.assertEqual(len(view.admin.query("select * from application_settings")), 1)


class ErrorTests(OnPostgresql, DatabaseTestCase):
    def test_a_taken_key_is_a_conflict(self) -> None:
        with self.assertRaises(Conflict), writing(self.databases.view().admin) as tx:
            for _ in range(2):
                tx.insert("application_settings", {"name": "a", "value": "b"})
