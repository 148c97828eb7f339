"""What the garden objects to, without a router or a server."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.garden.case import SMUGGLED, Case, Passed, get, refuse, serve, with_length
from tests.garden.client import Answers, Outcome
from tests.garden.judge import Sent, client_faults, pod_faults
from tests.garden.message import Malformed, read_all
from tests.garden.pod import Stream
from tests.garden.replay import DIFFERENT, OWN, SAME, Replayed, judge
from tests.garden.servers import Missing, Tools

POSTED = Passed(b"POST", b"/g", 5)
CASE = serve("case", b"", "why", "source", POSTED)
REFUSED = refuse("case", b"", "why", "source")
HELLO = with_length(b"hello", b"Via: 1.1 a")
CHUNKED = get(b"Transfer-Encoding: chunked", method=b"POST", body=b"5\r\nhello\r\n0\r\n\r\n")


def outcome(*statuses: int, closed: bool = True, rest: bytes = b"", stuck: bool = False) -> Outcome:
    return Outcome(statuses, closed, rest, stuck)


class ClientTests(SynchronousTestCase):
    """What a client got."""

    def test_right(self) -> None:
        self.assertEqual(list(client_faults(CASE, outcome(200, closed=False))), [])
        self.assertEqual(list(client_faults(REFUSED, outcome(400))), [])

    def test_wrong(self) -> None:
        for case, wrong, fault in [
            (CASE, outcome(400), "the client got"),
            (CASE, outcome(200, 200), "the client got"),
            (CASE, outcome(), "the client got"),
            (CASE, outcome(200, rest=b"x"), "besides"),
            (CASE, outcome(200, stuck=True, closed=False), "left open"),
            (REFUSED, outcome(400, closed=False), "not closed"),
        ]:
            (found,) = client_faults(case, wrong)
            self.assertIn(fault, found)

    def test_answers_cut_anywhere(self) -> None:
        data = (
            b"HTTP/1.1 100 Continue\r\n\r\n"
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
            b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\nmore"
        )
        for at in range(len(data)):
            answers = Answers()
            answers.feed(data[:at])
            answers.feed(data[at:])
            found = [(answer.status, answer.closes) for answer in answers.complete]
            self.assertEqual((found, answers.rest), ([(200, False), (400, True)], b"more"))


class PodTests(SynchronousTestCase):
    """What came to a pod."""

    def faults(self, case: Case, *data: bytes, was_reset: bool = False) -> list[str]:
        return list(pod_faults(case, [Stream(one, was_reset) for one in data]))

    def test_right(self) -> None:
        self.assertEqual(self.faults(CASE, HELLO), [])
        self.assertEqual(self.faults(CASE, CHUNKED), [])
        self.assertEqual(self.faults(REFUSED), [])

    def test_wrong(self) -> None:
        for case, data, fault in [
            (CASE, (), "a pod got []"),
            (CASE, (HELLO, HELLO), "a pod got"),
            (CASE, (HELLO + SMUGGLED,), "a pod got"),
            (CASE, (with_length(b"hell"),), "a pod got"),
            (CASE, (HELLO + b"X",), "after a complete request"),
            (REFUSED, (HELLO,), "a pod got"),
            (REFUSED, (HELLO[:-1],), "the beginning of a request"),
            (CASE, (HELLO, HELLO[:-1]), "ended in order"),
            (CASE, (HELLO.replace(b": ", b" : "),), "malformed"),
        ]:
            self.assertIn(fault, self.faults(case, *data)[0], data)

    def test_half_a_request_that_is_broken_off(self) -> None:
        case = serve("case", b"", "why", "source")
        self.assertEqual(self.faults(case, HELLO[:-1], was_reset=True), [])

    def test_fields(self) -> None:
        for passed, count in [
            (Passed(b"POST", b"/g", 5, has=(b"via: 1.1 a",), lacks=(b"te",)), 0),
            (Passed(b"POST", b"/g", 5, has=(b"via: 1.1 b",)), 1),
            (Passed(b"POST", b"/g", 5, has=(b"te: trailers",)), 1),
            (Passed(b"POST", b"/g", 5, lacks=(b"via",)), 1),
        ]:
            case = serve("case", b"", "why", "source", passed)
            self.assertEqual(len(self.faults(case, HELLO)), count, passed)


class MessageTests(SynchronousTestCase):
    """The reader that shares no code with the router."""

    def test_right(self) -> None:
        messages, rest = read_all(HELLO + CHUNKED + SMUGGLED + b"GET")
        found = [(m.method, m.target, m.body_length) for m in messages]
        self.assertEqual(
            found, [(b"POST", b"/g", 5), (b"POST", b"/g", 5), (b"GET", b"/smuggled", 0)]
        )
        self.assertEqual(rest, b"GET")

    def test_incomplete(self) -> None:
        for data in (HELLO, CHUNKED, SMUGGLED):
            for at in range(len(data)):
                self.assertEqual(read_all(data[:at]), ([], data[:at]))

    def test_malformed(self) -> None:
        for data in (
            get(b"Content-Length: 5", b"Transfer-Encoding: chunked"),
            get(b"Content-Length: 5", b"Content-Length: 5"),
            get(b"Content-Length: +5"),
            get(b"Content-Length: 05"),
            get(b"Transfer-Encoding: Chunked"),
            get(b"Host: second.example"),
            get(b"X : y"),
            get(b"X: y\nZ: z"),
            get(b" X: y"),
            get(target=b"g"),
            SMUGGLED.replace(b"1.1", b"1.0"),
            CHUNKED.replace(b"5\r\n", b"5;a\r\n"),
            CHUNKED.replace(b"5\r\n", b"05 \r\n"),
            CHUNKED.replace(b"hello", b"hello!"),
        ):
            self.assertRaises(Malformed, read_all, data)


class ReplayTests(SynchronousTestCase):
    """What a server made of it."""

    def verdict(self, *replays: Replayed) -> str:
        case = serve("case", b"", "why", "source", POSTED, POSTED)
        return judge(Sent("name", case, outcome(200, 200), ()), replays).verdict

    def test_verdicts(self) -> None:
        good = Replayed((POSTED,), (), has_canary=True, is_closed=False)
        closed = Replayed((POSTED,), (), has_canary=False, is_closed=True)
        lost = Replayed((POSTED,), (), has_canary=False, is_closed=False)
        own = Replayed((), (400,), has_canary=False, is_closed=True)
        silent = Replayed((), (), has_canary=False, is_closed=True)
        other = Replayed((Passed(b"GET", b"/g", 5),), (), has_canary=True, is_closed=False)
        shorter = Replayed((Passed(b"POST", b"/g", 4),), (), has_canary=True, is_closed=False)
        two = Replayed((POSTED, POSTED), (), has_canary=True, is_closed=False)
        for second, verdict in [
            (good, SAME),
            (closed, SAME),
            (own, OWN),
            (lost, DIFFERENT),
            (silent, DIFFERENT),
            (other, DIFFERENT),
            (shorter, DIFFERENT),
            (two, DIFFERENT),
        ]:
            self.assertEqual(self.verdict(good, second), verdict, second)


class MissingTests(SynchronousTestCase):
    """A server that is not there is left out with a reason."""

    def test_a_program(self) -> None:
        error = self.assertRaises(Missing, Tools.program, "no-such-server")
        self.assertEqual(str(error), "no-such-server is not installed")

    def test_packages(self) -> None:
        tools = Tools(Path("/dev/null"))  # nothing can be installed there
        tools.install()
        error = self.assertRaises(Missing, tools.python)
        self.assertIn("cannot be installed", str(error))
