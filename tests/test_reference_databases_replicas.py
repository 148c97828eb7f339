"""Replicas: what is read where, what a session sees, and how far they are behind."""

from __future__ import annotations

import os
import sqlite3
import threading

from twisted.trial.unittest import SynchronousTestCase

from pods.reference.databases import (
    SCHEMAS,
    SHARED,
    Conflict,
    Databases,
    UnusableError,
    View,
    default_places,
    open_databases,
    writing,
)
from pods.reference.databases.connections import WRITES_KEPT
from pods.reference.databases.marks import MARKS_LIMIT, format_marks, parse_marks
from tests.test_reference_databases import DatabaseTestCase


class ReplicaTestCase(DatabaseTestCase):
    """Gives each test the databases of a pod in region eu, with a replica of each."""

    def open(self, pod: str, region: str = "eu") -> Databases:
        shared_dir = os.path.join(self.folder, "shared")
        places = default_places(shared_dir, os.path.join(self.folder, pod), region)
        databases = open_databases(places, pod, self.clock.seconds)
        self.addCleanup(databases.close)
        return databases

    def catch_up(self, databases: Databases) -> None:
        databases.catch_up()

    def say(self, view: View, value: str, name: str = "site_name") -> None:
        with writing(view.admin) as tx:
            tx.upsert("application_settings", {"name": name, "value": value})

    def heard(self, view: View, name: str = "site_name") -> str | None:
        row = view.admin.one("select value from application_settings where name = ?", name)
        return None if row is None else row["value"]


class ReadingTests(ReplicaTestCase):
    def test_others_see_a_write_when_it_is_copied(self) -> None:
        writer, other = self.databases.view(), self.databases.view()
        self.say(writer, "new")
        self.assertIsNone(self.heard(other))
        self.catch_up(self.databases)
        self.assertEqual(self.heard(other), "new")

    def test_a_session_sees_what_it_has_written(self) -> None:
        writer = self.databases.view()
        self.say(writer, "new")
        self.assertEqual(self.heard(writer), "new")
        self.assertEqual(self.heard(self.databases.view(writer.marks)), "new")

    def test_at_every_pod_of_every_region(self) -> None:
        writer = self.databases.view()
        self.say(writer, "new")
        for pod, region in (("pod_eu1", "eu"), ("pod_us0", "us")):
            elsewhere = self.open(pod, region)
            self.say(writer, pod)
            self.assertEqual(self.heard(elsewhere.view()), "new")
            self.assertEqual(self.heard(elsewhere.view(writer.marks)), pod)
            self.catch_up(elsewhere)
            self.say(writer, "new")
            self.catch_up(elsewhere)

    def test_a_session_that_has_written_goes_back_to_the_replica(self) -> None:
        writer = self.databases.view()
        self.say(writer, "first")
        self.catch_up(self.databases)
        self.say(self.databases.view(), "second")
        self.assertEqual(self.heard(self.databases.view(writer.marks)), "first")

    def test_a_write_to_one_database_says_nothing_of_the_others(self) -> None:
        writer, other = self.databases.view(), self.databases.view()
        with writing(writer.routes) as tx:
            tx.insert("id_leases", {"kind": "x", "first": 1, "last": 2, "pod_id": "p"})
        self.say(other, "new")
        self.assertIsNone(self.heard(writer))

    def test_a_pods_own_databases_are_not_those_of_another(self) -> None:
        writer = self.databases.view()
        with writing(writer.main) as tx:
            tx.insert("next_ids", {"kind": "x", "next": 1, "last": 2})
        with writing(writer.routes) as tx:
            tx.insert("id_leases", {"kind": "x", "first": 1, "last": 2, "pod_id": "p"})
        self.assertEqual(writer.marks, {"main@pod_eu0": 1, "routes": 1})

    def test_the_newest_mark_stands_last(self) -> None:
        view = self.databases.view({"admin": 0, "users": 5})
        self.say(view, "new")
        self.assertEqual(list(view.marks.items()), [("users", 5), ("admin", 1)])

    def test_what_must_not_be_old_is_read_at_the_primary(self) -> None:
        self.say(self.databases.view(), "new")
        sql = "select value from application_settings where name = ?"
        admin = self.databases.view().admin
        self.assertIsNone(admin.one(sql, "site_name"))
        self.assertEqual(admin.fresh.one(sql, "site_name"), {"value": "new"})

    def test_what_is_sought_is_found_as_soon_as_it_is_there_and_may_then_be_old(self) -> None:
        sql = "select value from application_settings where name = ?"
        admin = self.databases.view().admin
        self.assertIsNone(admin.sought(sql, "site_name"))
        self.say(self.databases.view(), "first")
        self.assertEqual(admin.sought(sql, "site_name"), {"value": "first"})
        self.catch_up(self.databases)
        self.say(self.databases.view(), "second")
        self.assertEqual(admin.sought(sql, "site_name"), {"value": "first"})

    def test_what_was_written_before_a_replica_was_made_is_in_it(self) -> None:
        self.say(self.databases.view(), "new")
        self.assertEqual(self.heard(self.open("pod_us0", "us").view()), "new")


class TransactionTests(ReplicaTestCase):
    def test_what_is_being_written_is_seen_within(self) -> None:
        view, elsewhere = self.databases.view(), self.open("pod_us0", "us").view()
        with writing(view.admin) as tx:
            tx.insert("application_settings", {"name": "site_name", "value": "new"})
            self.assertEqual(self.heard(view), "new")
            self.assertIsNone(self.heard(elsewhere))

    def test_what_fails_leaves_nothing_and_no_mark(self) -> None:
        view = self.databases.view()

        def fail() -> None:
            with writing(view.admin) as tx:
                tx.insert("application_settings", {"name": "site_name", "value": "new"})
                raise ValueError

        self.assertRaises(ValueError, fail)
        self.assertEqual(view.marks, {})
        self.assertIsNone(self.heard(view))
        self.say(view, "after")
        self.assertEqual(self.heard(view), "after")

    def test_what_changes_nothing_leaves_no_mark(self) -> None:
        view = self.databases.view()
        self.say(view, "first")
        view = self.databases.view()
        with writing(view.admin) as tx:
            self.assertEqual(tx.execute("delete from application_settings where name = 'x'"), 0)
            tx.insert("application_settings", {"name": "site_name", "value": "x"}, ignore=True)
            self.assertEqual(
                tx.query("select value from application_settings"), [{"value": "first"}]
            )
        self.assertEqual(view.marks, {})
        self.assertEqual(view.admin.source.primary.position(), 1)

    def test_a_part_that_fails_leaves_the_rest(self) -> None:
        view = self.databases.view()
        with writing(view.admin) as outer:
            outer.insert("application_settings", {"name": "site_name", "value": "outer"})
            with self.assertRaises(Conflict), writing(view.admin) as inner:
                inner.insert("application_settings", {"name": "other", "value": "inner"})
                inner.insert("application_settings", {"name": "site_name", "value": "inner"})
        self.assertEqual(self.heard(view), "outer")
        self.assertIsNone(self.heard(view, "other"))

    def test_the_number_of_changed_rows(self) -> None:
        with writing(self.databases.view().admin) as tx:
            for name in "abc":
                tx.insert("application_settings", {"name": name, "value": "x"})
            self.assertEqual(tx.execute("update application_settings set value = 'y'"), 3)
            self.assertEqual(
                tx.one("select count(*) as many from application_settings"), {"many": 3}
            )


class SqliteTests(ReplicaTestCase):
    def test_a_replica_is_not_written_to(self) -> None:
        for replica in self.databases.replicas().values():
            self.assertRaises(UnusableError, replica.execute, "create table x (x)")

    def test_every_database_has_one(self) -> None:
        self.assertEqual(set(self.databases.replicas()), set(SCHEMAS))
        for name in SCHEMAS:
            folder = "shared" if name in SHARED else "pod_eu0"
            path = os.path.join(self.folder, folder, f"{name}.eu.sqlite")
            self.assertTrue(os.path.exists(path), path)

    def test_only_a_taken_key_is_a_conflict(self) -> None:
        with (
            self.assertRaises(sqlite3.IntegrityError),
            writing(self.databases.view().admin) as tx,
        ):
            tx.insert("application_settings", {"name": "site_name", "value": None})

    def test_a_turn_that_does_not_come(self) -> None:
        other = self.open("pod_eu1").view()
        other.of("admin").source.primary.execute("pragma busy_timeout = 50")
        with writing(self.databases.view().admin):
            error = self.assertRaises(UnusableError, self.say, other, "new")
        self.assertRegex(str(error), "admin.sqlite: database is locked$")
        self.say(other, "new")
        self.assertEqual(self.heard(other), "new")


class LagTests(ReplicaTestCase):
    def lag(self, databases: Databases | None = None) -> float | None:
        return (databases or self.databases).lag_seconds()["admin"]

    def test_as_long_as_the_oldest_write_has_been_waiting(self) -> None:
        self.assertEqual(self.databases.lag_seconds(), dict.fromkeys(SCHEMAS, 0.0))
        self.say(self.databases.view(), "first")
        self.clock.advance(3)
        self.say(self.databases.view(), "second")
        self.clock.advance(4)
        self.assertEqual(self.lag(), 7)
        self.databases.catch_up()
        self.assertEqual(self.lag(), 0)

    def test_time_alone_makes_no_lag(self) -> None:
        self.say(self.databases.view(), "first")
        self.databases.catch_up()
        self.clock.advance(1000)
        self.assertEqual(self.lag(), 0)

    def test_each_region_has_its_own(self) -> None:
        us = self.open("pod_us0", "us")
        self.say(us.view(), "new")
        self.clock.advance(5)
        us.catch_up()
        self.assertEqual((self.lag(us), self.lag()), (0, 5))

    def test_pods_of_one_region_share_a_replica(self) -> None:
        sibling = self.open("pod_eu1")
        self.say(self.databases.view(), "new")
        sibling.catch_up()
        self.assertEqual(self.heard(self.databases.view()), "new")
        self.assertEqual(self.lag(), 0)

    def test_a_replica_that_is_far_behind_counts_from_what_is_kept(self) -> None:
        for number in range(WRITES_KEPT + 5):
            self.clock.advance(1)
            self.say(self.databases.view(), str(number))
        self.assertEqual(self.lag(), WRITES_KEPT - 1)
        (row,) = self.databases.view().admin.fresh.query("select count(*) as many from writes")
        self.assertEqual(row["many"], WRITES_KEPT)

    def test_a_copy_is_of_one_moment_whoever_reads_or_writes_meanwhile(self) -> None:
        self.say(self.databases.view(), "0", "a")
        self.say(self.databases.view(), "100", "b")
        self.databases.catch_up()
        copying = threading.Thread(target=self.copy_often)
        copying.start()
        self.addCleanup(copying.join)
        reader = self.databases.view()
        for number in range(100):
            with writing(self.databases.view().admin) as tx:
                tx.upsert("application_settings", {"name": "a", "value": str(number)})
                tx.upsert("application_settings", {"name": "b", "value": str(100 - number)})
            rows = reader.admin.query("select value from application_settings order by name")
            self.assertEqual(sum(int(row["value"]) for row in rows), 100)

    def copy_often(self) -> None:
        for _ in range(50):
            self.databases.catch_up()


class MarksTests(SynchronousTestCase):
    def test_read_as_they_are_written(self) -> None:
        marks = {"users": 12, "main@pod_eu0": 7}
        self.assertEqual(parse_marks(format_marks(marks)), marks)
        self.assertEqual(format_marks(marks), "users:12|main@pod_eu0:7")

    def test_what_is_none_is_left_out(self) -> None:
        for text in ("", "|", "users", "users:", "users:x", "users:-1", ":1", "a b:1", "u:1\n"):
            self.assertEqual(parse_marks(text), {}, text)
        self.assertEqual(parse_marks("x|users:1|:|" + "9" * 30), {"users": 1})

    def test_the_newest_are_kept(self) -> None:
        marks = {f"main@pod{number}": number for number in range(MARKS_LIMIT + 5)}
        kept = dict(list(marks.items())[5:])
        self.assertEqual(parse_marks(format_marks(marks)), kept)
        text = "|".join(f"{name}:{position}" for name, position in marks.items())
        self.assertEqual(parse_marks(text), kept)
