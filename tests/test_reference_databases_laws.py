"""Whatever sessions write and read at the pods of two regions, and whenever replicas are copied:
each session sees its own writes, and everybody sees some moment that really was.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pods.reference.databases import Databases, View, parse_marks, writing
from pods.reference.databases.marks import format_marks
from pods.reference.databases.schema import statements
from pods.reference.databases.sqlite import SqlitePrimary, SqliteReplica
from pods.reference.databases.views import Source

REGIONS = ("us", "eu")
KEYS = ("a", "b")

regions = st.sampled_from(REGIONS)
sessions = st.sampled_from(("ada", "bob", "eve"))
keys = st.sampled_from(KEYS)


class Replicated(RuleBasedStateMachine):
    """One shared database, a pod in each of two regions, and sessions that go to either.

    A session carries nothing from pod to pod but the text of its marks.
    """

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.mkdtemp()
        self.clock = Clock()
        self.pods = {region: self.open(region) for region in REGIONS}
        #: What the primary held after each transaction, and when that was.
        self.moments: list[tuple[float, dict[str, str]]] = [(0.0, {})]
        self.copied = dict.fromkeys(REGIONS, 0)  #: which moment each replica holds
        self.carried: dict[str, str] = {}  #: the marks of each session
        self.written: dict[str, int] = {}  #: the moment of each session's last write

    def open(self, region: str) -> Databases:
        path = os.path.join(self.folder, "admin.sqlite")
        primary = SqlitePrimary(path, statements("admin"), self.clock.seconds)
        replica = SqliteReplica(f"{path}.{region}", primary, 1, self.clock.seconds)
        return Databases({"admin": Source("admin", "admin", primary, replica)})

    def visit(self, session: str, region: str) -> View:
        return self.pods[region].view(parse_marks(self.carried.get(session, "")))

    def teardown(self) -> None:
        for databases in self.pods.values():
            databases.close()
        shutil.rmtree(self.folder)

    @rule(session=sessions, region=regions, key=keys)
    def write(self, session: str, region: str, key: str) -> None:
        view = self.visit(session, region)
        value = str(len(self.moments))
        with writing(view.admin) as tx:
            tx.upsert("application_settings", {"name": key, "value": value})
        self.moments.append((self.clock.seconds(), self.moments[-1][1] | {key: value}))
        self.written[session] = len(self.moments) - 1
        self.carried[session] = format_marks(view.marks)

    @rule(session=sessions, region=regions, key=keys)
    def write_and_fail(self, session: str, region: str, key: str) -> None:
        view = self.visit(session, region)
        before = dict(view.marks)
        try:
            with writing(view.admin) as tx:
                tx.upsert("application_settings", {"name": key, "value": "never"})
                raise InterruptedError
        except InterruptedError:
            assert view.marks == before

    @rule(session=sessions, region=regions)
    def read(self, session: str, region: str) -> None:
        rows = self.visit(session, region).admin.query("select * from application_settings")
        seen = {row["name"]: row["value"] for row in rows}
        written, copied = self.written.get(session, 0), self.copied[region]
        moment = copied if copied >= written else len(self.moments) - 1
        assert seen == self.moments[moment][1]

    @rule(region=regions)
    def copy(self, region: str) -> None:
        self.copied |= dict.fromkeys(self.catch_up(region), len(self.moments) - 1)

    def catch_up(self, region: str) -> Iterable[str]:
        """Copy to the replica of a region.

        :returns: the regions that have the copy.
        """
        self.pods[region].catch_up()
        return [region]

    @rule(seconds=st.integers(1, 100))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @invariant()
    def lag_is_the_age_of_the_oldest_write_that_is_missing(self) -> None:
        for region, databases in getattr(self, "pods", {}).items():
            missing = self.moments[self.copied[region] + 1 :]
            expected = self.clock.seconds() - missing[0][0] if missing else 0
            assert databases.lag_seconds() == {"admin": expected}


class DatabaseLawTests(SynchronousTestCase):
    def test_everybody_sees_a_moment_and_a_session_its_own_writes(self) -> None:
        bounded = settings(max_examples=60, stateful_step_count=30, deadline=None)
        run_state_machine_as_test(Replicated, settings=bounded)

    @given(st.text())
    def test_any_cookie_can_be_read(self, text: str) -> None:
        marks = parse_marks(text)
        self.assertEqual(parse_marks(format_marks(marks)), marks)
