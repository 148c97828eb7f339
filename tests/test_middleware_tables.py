"""Who owns what, in files and databases that change."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pods.errors import ConfigurationError
from pods.middleware import FileTable, Question, SqliteTable, SqlQuery, Table, by_prefix
from pods.middleware.ownership import Ownership
from pods.middleware.running import at_once


class FileTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.path = os.path.abspath(self.mktemp())

    def write(self, text: str) -> None:
        """Put another file in its place."""
        with open(f"{self.path}.new", "w") as file:
            file.write(text)
        os.replace(f"{self.path}.new", self.path)

    def table(self) -> FileTable:
        return FileTable(self.path, clock_seconds=self.clock.seconds)

    def looked(self, table: FileTable, key: str = "a") -> str | None:
        """What is known once the file has been looked at twice."""
        for _ in range(2):
            self.clock.advance(1)
            table.pod_of(key)
        return table.pod_of(key)

    def test_lines(self) -> None:
        self.write(
            "# tenants\n\n/my-company/ pod_eu0\n"
            '  {"path": "/a/b", "pod": "pod_us0", "exact": false}\nacme.example\tpod_us1\n'
        )
        table = self.table()
        self.assertEqual(table.pod_of("my-company"), "pod_eu0")
        self.assertEqual(table.pod_of("a/b"), "pod_us0")
        self.assertEqual(table.pod_of("acme.example"), "pod_us1")
        self.assertIsNone(table.pod_of("a"))

    def test_a_faulty_file_is_said_line_by_line(self) -> None:
        self.write('/a\n/b pod b\n{"path": 3}\n{\n/ pod_a\n/c po/d\n/d pod_a\n/d/ pod_b\n[]\n{}\n')
        error = self.assertRaises(ConfigurationError, self.table)
        self.assertEqual(
            [fault.key for fault in error.faults],
            [f"line {number}" for number in (1, 2, 3, 4, 5, 6, 8, 9, 10)],
        )
        self.assertIn(f"{self.path}: line 1: cannot be read; allowed: PREFIX POD, or", str(error))
        self.assertIn("line 8: has d once more", str(error))

    def test_no_file(self) -> None:
        error = self.assertRaises(ConfigurationError, self.table)
        self.assertIn(f"{self.path}: cannot be read: No such file", str(error))

    def test_unknown_pods(self) -> None:
        self.write("/a pod_x\n")
        error = self.assertRaises(
            ConfigurationError, Ownership.checked, "pod_a", self.table(), pods=["pod_a"]
        )
        self.assertIn(f"{self.path}['a']: is 'pod_x', and there is no such pod", str(error))

    def test_a_changed_file_is_read_again(self) -> None:
        self.write("/a pod_a\n")
        table = self.table()
        self.write("/a pod_b\n")
        self.assertEqual(table.pod_of("a"), "pod_a")
        self.assertEqual(self.looked(table), "pod_b")

    def test_a_file_that_is_being_written_is_left_for_the_next_time(self) -> None:
        self.write("/a pod_a\n")
        table = self.table()
        for number in range(5):
            self.write(f"/a pod_b{number}\n" + "#" * number)
            self.clock.advance(1)
            self.assertEqual(table.pod_of("a"), "pod_a")
        self.clock.advance(1)
        self.assertEqual(table.pod_of("a"), "pod_b4")

    def test_a_file_that_breaks_changes_nothing_and_is_told_once(self) -> None:
        self.write("/a pod_a\n")
        table = self.table()
        self.write("nonsense\n")
        with self.assertLogs("pods.middleware") as logs:
            for _ in range(3):
                self.assertEqual(self.looked(table), "pod_a")
        self.assertEqual(len(logs.output), 1)
        self.assertIn("line 1: cannot be read", logs.output[0])
        self.write("/a pod_b\n")
        self.assertEqual(self.looked(table), "pod_b")

    def test_a_file_that_names_no_such_pod_any_more_changes_nothing(self) -> None:
        self.write("/a pod_a\n")
        table = self.table()
        Ownership.checked("pod_a", table, pods=["pod_a", "pod_b"])
        self.write("/a pod_x\n")
        with self.assertLogs("pods.middleware") as logs:
            self.assertEqual(self.looked(table), "pod_a")
        self.assertIn("is 'pod_x', and there is no such pod", logs.output[0])
        self.write("/a pod_b\n")
        self.assertEqual(self.looked(table), "pod_b")

    def test_a_file_that_is_gone_changes_nothing_and_is_told_once(self) -> None:
        self.write("/a pod_a\n")
        table = self.table()
        os.remove(self.path)
        with self.assertLogs("pods.middleware") as logs:
            for _ in range(3):
                self.assertEqual(self.looked(table), "pod_a")
        self.assertEqual(len(logs.output), 1)
        self.write("/a pod_b\n")
        self.assertEqual(self.looked(table), "pod_b")


class SqliteTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = os.path.abspath(self.mktemp())
        self.change("CREATE TABLE routes (path TEXT PRIMARY KEY, pod TEXT)")
        self.change("INSERT INTO routes VALUES ('/my-company/', 'pod_eu0'), ('a/b', 'pod_us0')")

    def change(self, statement: str) -> None:
        with closing(sqlite3.connect(self.path)) as database, database:
            database.execute(statement)

    def faults(self, table: Table) -> str:
        error = self.assertRaises(ConfigurationError, Ownership.checked, "pod_a", table)
        return str(error)


class SqliteTests(SqliteTestCase):
    def test_keys_in_every_spelling(self) -> None:
        table = SqliteTable(self.path)
        self.assertEqual(table.pod_of("my-company"), "pod_eu0")
        self.assertEqual(table.pod_of("a/b"), "pod_us0")
        self.assertIsNone(table.pod_of("a"))
        self.change("UPDATE routes SET pod = 'pod_us1' WHERE path = 'a/b'")
        self.assertEqual(table.pod_of("a/b"), "pod_us1")

    def test_it_is_asked_for_each_prefix(self) -> None:
        ownership = Ownership.checked("pod_eu0", SqliteTable(self.path))
        owner = at_once(ownership.steps(Question(method="GET", path="/a/b/c")))
        self.assertEqual(owner and (owner.pod, owner.path), ("pod_us0", "/a/b"))

    def test_it_is_never_written(self) -> None:
        table = SqliteTable(self.path)
        self.assertRaises(sqlite3.OperationalError, table._open().execute, "DELETE FROM routes")

    def test_faults(self) -> None:
        said = self.faults(SqliteTable(self.path, table="route"))
        self.assertIn("table route: there is no such table, nearest is routes", said)
        said = self.faults(SqliteTable(self.path, pod="pods"))
        self.assertIn("column pods: there is no such column, nearest is pod", said)
        self.assertIn("unable to open", self.faults(SqliteTable(self.path + "x")))
        with open(self.path, "w") as file:
            file.write("no database" * 100)
        self.assertIn("not a database", self.faults(SqliteTable(self.path)))

    def test_names_cannot_break_out_of_the_query(self) -> None:
        self.change('CREATE TABLE "odd "" name" ("a b" TEXT, "pod;" TEXT)')
        self.change("""INSERT INTO "odd "" name" VALUES ('x', 'pod_a')""")
        table = SqliteTable(self.path, 'odd " name', "a b", "pod;")
        self.assertEqual(table.pod_of("x"), "pod_a")
        self.assertIsNone(table.pod_of("x') OR 1 --"))


class Broken(sqlite3.Connection):
    """A connection that can be cut."""

    is_cut = False
    rollbacks = 0

    def cursor(self, *arguments: Any) -> Any:
        if self.is_cut:
            raise sqlite3.OperationalError("the server has gone away")
        return super().cursor(*arguments)

    def rollback(self) -> None:
        self.rollbacks += 1
        super().rollback()


class QueryTests(SqliteTestCase):
    QUERY = "SELECT pod FROM routes WHERE path = ?"

    def setUp(self) -> None:
        super().setUp()
        self.connections: list[Broken] = []

    def connect(self) -> Broken:
        connection = sqlite3.connect(self.path, factory=Broken, check_same_thread=False)
        self.connections.append(connection)
        self.addCleanup(connection.close)
        return connection

    def test_a_query(self) -> None:
        table = SqlQuery(self.connect, self.QUERY)
        self.assertEqual(table.pod_of("a/b"), "pod_us0")
        self.assertIsNone(table.pod_of("c"))
        self.assertEqual(len(self.connections), 1)
        self.assertEqual(self.connections[0].rollbacks, 2)

    def test_a_key_that_no_text_can_have_is_not_asked_for(self) -> None:
        table = SqlQuery(self.connect, self.QUERY)
        self.assertIsNone(table.pod_of("a\0b"))
        self.assertEqual(self.connections, [])

    def test_a_cut_connection_is_replaced(self) -> None:
        table = SqlQuery(self.connect, self.QUERY)
        table.pod_of("a/b")
        self.connections[0].is_cut = True
        self.assertEqual(table.pod_of("a/b"), "pod_us0")
        self.assertEqual(len(self.connections), 2)

    def test_a_database_that_stays_away_is_an_error_and_no_answer(self) -> None:
        def connect() -> Broken:
            connection = self.connect()
            connection.is_cut = True
            return connection

        table = SqlQuery(connect, self.QUERY)
        for count in (1, 2):
            self.assertRaises(sqlite3.OperationalError, table.pod_of, "a")
            self.assertEqual(len(self.connections), count)

    def test_each_thread_has_its_own(self) -> None:
        table = SqlQuery(self.connect, self.QUERY)
        table.pod_of("a")
        thread = threading.Thread(target=table.pod_of, args=("a",))
        thread.start()
        thread.join()
        self.assertEqual(len(self.connections), 2)

    def test_something_else_than_a_pod(self) -> None:
        self.change("INSERT INTO routes VALUES ('x', 'no pod')")
        error = self.assertRaises(ValueError, SqlQuery(self.connect, self.QUERY).pod_of, "x")
        self.assertIn("gave 'no pod'; allowed: the name of a pod", str(error))

    def test_faults(self) -> None:
        said = self.faults(SqlQuery(self.connect, "SELECT pod FROM route WHERE path = ?"))
        self.assertIn("no such table: route; allowed: a query with one parameter", said)
        self.assertIn("query", self.faults(SqlQuery(self.connect, "SELECT pod FROM routes")))
        self.assertRaises(sqlite3.ProgrammingError, self.connections[0].cursor)  # closed

    def test_inside_of_a_helper(self) -> None:
        self.faults(by_prefix(SqlQuery(self.connect, "nonsense")))  # type: ignore[arg-type]
