"""The access log: exactly one record per request, and a writer that waits for nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from copy import copy
from pathlib import Path
from select import PIPE_BUF

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pods.accesslog import (
    BATCH_LINES,
    FLUSH_SECONDS,
    WAITING_BATCHES,
    AccessLog,
    _pieces,
    as_json,
    as_text,
)
from pods.interfaces import Route
from pods.journal import Journal
from tests.support_memory import MIDNIGHT_SECONDS, RouterTestCase
from tests.support_messages import bounce, chunk, chunked, get, head_of_response, request, response

RECORD = Journal(
    clock=Clock(),
    arrived=0.0,
    time=1_700_000_000.25,
    client="192.0.2.7",
    method="GET",
    path="/my-company",
    request_id=b"abc",
)
vars(RECORD).update(
    status=200,
    pod="pod_a",
    route="cache",
    attempts=1,
    bytes_out=5,
    placed_seconds=0.0001,
    answered_seconds=0.01,
    released_seconds=0.01,
    total_seconds=0.0123456789,
)


def changed(**fields: object) -> Journal:
    """The record, but for these."""
    record = copy(RECORD)
    vars(record).update(fields)
    return record


class RecordTests(RouterTestCase):
    """What one request leaves behind."""

    def test_a_bounced_upload(self) -> None:
        world = self.make_world("pod_a")
        client = world.client("198.51.100.1")
        world.reactor.pass_time(10)
        client.say(chunked("POST", "/x?token=secret", "X-Request-Id: id-1"))
        world.pods["pod_a"].say(b"HTTP/1.1 100 Continue\r\n\r\n")
        client.say(chunk(b"hello"))
        world.reactor.pass_time(1)
        world.pods["pod_a"].say(bounce("pod_b"))
        world.pods["pod_b"].say(b"HTTP/1.1 100 Continue\r\n\r\n")
        world.reactor.pass_time(2)
        client.say(chunk(b" world") + chunk(b""))
        world.pods["pod_b"].say(head_of_response(201, "Content-Length: 4") + b"do")
        self.assertEqual(world.records, [], "not before it ends")
        world.reactor.pass_time(3)
        world.pods["pod_b"].say(b"ne")
        (record,) = world.records
        expected = {
            "time": MIDNIGHT_SECONDS + 10,
            "client": "198.51.100.1",
            "method": "POST",
            "path": "/x",
            "status": 201,
            "pod": "pod_b",
            "route": "strategy",
            "attempts": 2,
            "bytes_in": 11,
            "bytes_out": 4,
            "placed_seconds": 0.0,
            "answered_seconds": 3.0,
            "released_seconds": 3.0,
            "total_seconds": 6.0,
            "request_id": b"id-1",
            "error": None,
        }
        self.assertEqual({name: getattr(record, name) for name in expected}, expected)
        client.leave()

    def test_exactly_one_for_everything_on_one_connection(self) -> None:
        world = self.make_world("pod_a", rules=[{"path": "/down", "pod": "pod_b"}])
        world.router.memory.table.remember(Route("/known", "pod_a"))
        world.pods["pod_b"].mode = "refuses"
        client = world.client()
        client.say(get("/1"))
        world.pods["pod_a"].say(response(200))
        client.say(get("/down"))
        client.say(get("/api/v4/pods/learn"))
        client.say(request("HEAD", "/known"))
        world.pods["pod_a"].say(head_of_response(404, "Content-Length: 3"))
        client.say(b"nonsense\r\n\r\n")
        client.leave()
        self.assertEqual(
            [(r.method, r.path, r.status, r.route, r.attempts) for r in world.records],
            [
                ("GET", "/1", 200, "strategy", 1),
                ("GET", "/down", 502, "rule", 1),
                ("GET", "/api/v4/pods/learn", 404, None, 0),
                ("HEAD", "/known", 404, "cache", 1),
                ("-", "-", 400, None, 0),
            ],
        )
        self.assertEqual(len({record.request_id for record in world.records}), 5)
        self.assertEqual(
            dict(world.router.counters.requests),
            {("strategy", 2): 1, ("rule", 5): 1, ("none", 4): 2, ("cache", 4): 1},
        )


class FormatTests(SynchronousTestCase):
    """Lines for machines and for people."""

    def test_json(self) -> None:
        line = as_json(RECORD)
        fields = json.loads(line)
        self.assertEqual(fields["time"], "2023-11-14T22:13:20.250+00:00")
        self.assertEqual(fields["total_seconds"], 0.012346)
        self.assertEqual(
            (fields["pod"], fields["route"], fields["status"]), ("pod_a", "cache", 200)
        )
        self.assertNotIn("error", fields, "what there is not, is left out")

    def test_text(self) -> None:
        record = changed(pod=None, route=None, error='a "b"')
        self.assertEqual(
            as_text(record),
            "2023-11-14T22:13:20.250+00:00 192.0.2.7 GET /my-company 200 pod=- route=- attempts=1"
            r' in=0 out=5 seconds=0.012346 id=abc error="a \"b\""',
        )

    def test_control_characters_are_escaped(self) -> None:
        record = changed(path="/a\nb\x1b[31m", error="c\r\nd\x07")
        for line in (as_json(record), as_text(record)):
            self.assertTrue(line.isprintable(), line)

    def test_a_worker_has_a_number(self) -> None:
        self.assertEqual(json.loads(as_json(RECORD, 3))["worker"], 3)
        self.assertNotIn("worker", json.loads(as_json(RECORD)))
        self.assertIn(" worker=3", as_text(RECORD, 3))
        self.assertNotIn("worker", as_text(RECORD))


class WriterTests(SynchronousTestCase):
    """From records to a file."""

    def setUp(self) -> None:
        self.path = self.mktemp()
        self.clock = Clock()

    def start(self, path: str | None = None) -> AccessLog:
        log = AccessLog(path or self.path, "json", self.clock)
        log.start()
        return log

    def lines(self, path: str | None = None) -> list[str]:
        with open(path or self.path) as file:
            return [json.loads(line)["request_id"] for line in file]

    def record(self, request_id: object) -> Journal:
        return changed(request_id=str(request_id).encode())

    def test_in_batches(self) -> None:
        log = self.start()
        log.write(self.record(1))
        log.write(self.record(2))
        self.assertEqual(self.lines(), [])
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.advance(FLUSH_SECONDS)
        log.stop()
        self.assertEqual(self.lines(), ["1", "2"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_full_batch_does_not_wait_for_its_time(self) -> None:
        log = self.start()
        for at in range(BATCH_LINES + 1):
            log.write(self.record(at))
        self.assertEqual(len(log._lines), 1)
        log.stop()
        self.assertEqual(self.lines(), [str(at) for at in range(BATCH_LINES + 1)])

    def test_stopping_writes_what_is_left(self) -> None:
        log = self.start()
        log.write(self.record(1))
        log.stop()
        self.assertEqual(self.lines(), ["1"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_appends_to_what_is_there_and_lets_no_stranger_read(self) -> None:
        for at in range(2):
            log = self.start()
            log.write(self.record(at))
            log.stop()
        self.assertEqual(self.lines(), ["0", "1"])
        self.assertEqual(os.stat(self.path).st_mode & 0o007, 0)

    def test_a_rotated_file_is_opened_anew(self) -> None:
        log = self.start()
        log.write(self.record("before"))
        os.rename(self.path, self.path + ".1")
        log.reopen()
        log.write(self.record("after"))
        log.stop()
        # What was written before the signal may stand in either, but nothing is lost or twice.
        self.assertEqual(self.lines(self.path + ".1") + self.lines(), ["before", "after"])
        self.assertEqual(self.lines()[-1], "after")

    def test_a_folder_that_is_gone_at_the_rotation_costs_nothing(self) -> None:
        os.makedirs(self.path)
        path = os.path.join(self.path, "access.log")
        log = self.start(path)
        os.rename(self.path, self.path + ".moved")
        log.reopen()
        log.write(self.record("still there"))
        log.stop()
        self.assertEqual(self.lines(self.path + ".moved/access.log"), ["still there"])
        self.flushLoggedErrors()

    def test_standard_output(self) -> None:
        reading, writing = os.pipe()
        saved = os.dup(1)
        os.dup2(writing, 1)
        try:
            log = AccessLog("-", "text", self.clock)
            log.start()
            log.write(RECORD)
            log.reopen()
            log.stop()
            os.write(1, b"still open")
        finally:
            os.dup2(saved, 1)
            os.close(saved)
            os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            self.assertEqual(pipe.read(), as_text(RECORD).encode() + b"\nstill open")

    def test_a_pipe_that_nobody_reads_holds_nobody_up(self) -> None:
        reading, writing = os.pipe()
        os.set_blocking(writing, True)
        path = f"/dev/fd/{writing}"
        log = self.start(path)
        self.addCleanup(os.close, reading)
        self.addCleanup(os.close, writing)
        batches = WAITING_BATCHES + 10
        for at in range(batches * BATCH_LINES):
            log.write(self.record(at))
        self.assertGreater(log.dropped, 0)
        read: list[bytes] = []
        reader = threading.Thread(target=read_to_the_end, args=(reading, read))
        reader.start()
        log.stop()
        os.write(writing, b"end")
        reader.join()
        written = b"".join(read).count(b"\n")
        self.assertEqual(written + log.dropped, batches * BATCH_LINES)

    def test_a_file_that_cannot_be_opened(self) -> None:
        log = AccessLog(os.path.join(self.mktemp(), "missing", "access.log"), "json", self.clock)
        self.assertRaises(OSError, log.start)


def read_to_the_end(file: int, read: list[bytes]) -> None:
    """Read until somebody has written ``end``."""
    while not read or not read[-1].endswith(b"end"):
        read.append(os.read(file, 1 << 20))


WRITER = """
import sys
from twisted.internet.task import Clock
from pods.accesslog import AccessLog
from tests.test_accesslog import changed
log = AccessLog("-", "json", Clock(), worker=int(sys.argv[1]), lock=int(sys.argv[2]))
log.start()
for number in range(600):
    log.write(changed(path="/" + "x" * 9000))
log.stop()
"""


class PipeTests(SynchronousTestCase):
    """Standard output, when others write to it as well."""

    @given(st.lists(st.sampled_from([1, 100, PIPE_BUF - 2, PIPE_BUF, 3 * PIPE_BUF]), max_size=20))
    def test_pieces_are_whole_lines(self, lengths: list[int]) -> None:
        data = b"".join(b"x" * length + b"\n" for length in lengths)
        pieces = list(_pieces(data))
        self.assertEqual(b"".join(pieces), data)
        for piece in pieces:
            self.assertTrue(piece.endswith(b"\n"))
            self.assertTrue(len(piece) <= PIPE_BUF or piece.count(b"\n") == 1)

    def test_lines_of_several_processes_do_not_mix(self) -> None:
        root = str(Path(__file__).resolve().parent.parent)
        read, write = os.pipe()
        with tempfile.TemporaryFile() as lock:
            writers = [
                subprocess.Popen(
                    [sys.executable, "-c", WRITER, str(number), str(lock.fileno())],
                    env=os.environ | {"PYTHONPATH": root},
                    stdout=write,
                    pass_fds=[lock.fileno()],
                )
                for number in (1, 2, 3)
            ]
        os.close(write)
        with open(read) as pipe:
            workers = Counter(json.loads(line)["worker"] for line in pipe)
        self.assertEqual([writer.wait() for writer in writers], [0, 0, 0])
        self.assertEqual(workers, {1: 600, 2: 600, 3: 600})
