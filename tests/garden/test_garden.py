"""The garden: the router and real servers must read hostile requests alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from tests.garden import servers
from tests.garden.corpus import FAMILIES, all_cases
from tests.garden.forwarder import Forwarder
from tests.garden.growing import Garden, grow
from tests.garden.judge import Sent
from tests.garden.pod import RecordingPod
from tests.garden.replay import DIFFERENT, OWN, replay_all
from tests.garden.sending import Named, send_all
from tests.garden.table import fixed, line
from tests.integration.support import ROOT, progress

TABLE = ROOT / "docs" / "explanation" / "garden-table.txt"


@cache
def garden() -> Garden:
    """One run for all tests."""
    return grow(progress)


def faults(sent: Sequence[Sent]) -> list[str]:
    return [f"{one.name} ({one.case.why}): {fault}" for one in sent for fault in one.faults]


class CorpusTests(SynchronousTestCase):
    """The corpus itself."""

    def test_size(self) -> None:
        self.assertGreaterEqual(len(list(all_cases())), 300)

    def test_names_are_unique(self) -> None:
        names = Counter(name for name, _ in all_cases())
        self.assertEqual([name for name, count in names.items() if count > 1], [])

    def test_bytes_are_unique(self) -> None:
        """No case is written twice."""
        seen: dict[bytes, str] = {}
        for name, case in all_cases():
            self.assertNotIn(case.data, seen, f"{name} is {seen.get(case.data)}")
            seen[case.data] = name

    def test_each_says_why(self) -> None:
        for name, case in all_cases():
            for text in (case.why, case.source):
                self.assertTrue(text and "\n" not in text, name)

    def test_documented_table_is_of_this_corpus(self) -> None:
        documented = TABLE.read_text()
        for family in FAMILIES:
            self.assertIn(
                line(fixed(family)),
                documented,
                "make it anew: python -m tests.garden > docs/explanation/garden-table.txt",
            )


class RouterTests(SynchronousTestCase):
    """What the router answers, and what it lets through."""

    def test_in_one_piece(self) -> None:
        self.assertEqual(faults(garden().whole), [])

    def test_byte_by_byte(self) -> None:
        self.assertEqual(faults(garden().in_pieces), [])


class ServerTests(SynchronousTestCase):
    """What comes out of the router is the same to all: number, method, target, body length."""

    def check(self, server: type[servers.Server]) -> None:
        if server.name in garden().missing:
            raise SkipTest(garden().missing[server.name])
        readings = garden().readings[server.name]
        self.assertGreater(len(readings), 200)
        different = [f"{r.name}: {r.detail}" for r in readings if r.verdict == DIFFERENT]
        self.assertEqual(different, [], server.name)
        kept = sum(reading.was_kept for reading in readings)
        self.assertGreater(kept, len(readings) // 2, "most connections show the request after")
        own = {reading.name for reading in readings if reading.verdict == OWN}
        self.assertEqual(own, set(server.own_answers), f"{server.name} answered these by itself")

    def test_nginx(self) -> None:
        self.check(servers.Nginx)

    def test_apache(self) -> None:
        self.check(servers.Apache)

    def test_node(self) -> None:
        self.check(servers.Node)

    def test_gunicorn(self) -> None:
        self.check(servers.Gunicorn)

    def test_waitress(self) -> None:
        self.check(servers.Waitress)

    def test_aiohttp(self) -> None:
        self.check(servers.Aiohttp)

    def test_aiohttp_in_python(self) -> None:
        self.check(servers.PureAiohttp)

    def test_twisted(self) -> None:
        self.check(servers.Twisted)

    def test_h11(self) -> None:
        self.check(servers.H11)

    def test_every_server_has_a_test(self) -> None:
        tested = [name for name in dir(self) if name.startswith("test_")]
        self.assertEqual(len(tested) - 1, len(servers.SERVERS))


#: Cases that a proxy without any idea of HTTP gets wrong, each in its own way.
REVEALING = (
    "length/twice-different",
    "coding/xchunked",
    "both/cl-te",
    "both/te-cl",
    "chunks/plus",
    "trailers/dropped-cookie",
    "line-ends/value-nul",
    "fields/name-space-colon",
    "methods/trace",
    "targets/absolute-right-conflict",
    "hosts/line-twice",
    "learn/plain",
    "connection/custom",
    "upgrade/h2c",
    "expect/garbled",
    "aliases/underscore-for",
    "pipelining/after-two-lengths",
)


class SelfCheckTests(SynchronousTestCase):
    """With a proxy that passes on everything in the router's place, the garden must object."""

    def setUp(self) -> None:
        stack = ExitStack()
        self.addCleanup(stack.close)
        self.folder = Path(stack.enter_context(TemporaryDirectory(prefix="pods-garden-")))
        self.pod = RecordingPod()
        stack.callback(self.pod.stop)
        self.forwarder = Forwarder(self.pod.address)
        stack.callback(self.forwarder.stop)

    def through_forwarder(self, names: Sequence[str]) -> list[Sent]:
        cases: list[Named] = [(name, case) for name, case in all_cases() if name in names]
        self.assertEqual(len(cases), len(names))
        return send_all(self.forwarder.address, self.pod, cases)

    def test_every_revealing_case_is_faulty(self) -> None:
        sent = self.through_forwarder(REVEALING)
        self.assertEqual([one.name for one in sent if not one.faults], [])

    def test_a_right_case_is_not(self) -> None:
        self.assertEqual(faults(self.through_forwarder(["length/plain", "coding/plain"])), [])

    def test_servers_disagree(self) -> None:
        sent = self.through_forwarder(REVEALING)
        for kind in (servers.H11, servers.Twisted):
            server = kind(servers.Tools(self.folder)).start()
            try:
                readings = replay_all(server.address, sent)
            finally:
                server.stop()
            different = [reading.name for reading in readings if reading.verdict == DIFFERENT]
            self.assertIn("learn/plain", different, kind.name)
            self.assertIn("expect/garbled", different, kind.name)
