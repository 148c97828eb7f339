"""The beginning of a response, sent early to find out whether anybody is there."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pods.errors import BadGateway
from pods.http1.forwarding import response_to_client
from pods.http1.halfclosed import BEGINNING, INTERVALS_SECONDS, HalfClosedProbe
from pods.http1.refusals import render
from pods.http1.response import CONTINUE


class HalfClosedProbeTests(SynchronousTestCase):
    """Bytes that any response begins with, one at a time."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.written: list[bytes] = []
        self.probe = HalfClosedProbe(self.clock, self.written.append)

    def test_one_byte_at_a_time(self) -> None:
        self.assertEqual(self.written, [b"H"])
        for count, seconds in enumerate(INTERVALS_SECONDS, start=2):
            self.clock.advance(seconds)
            self.assertEqual(b"".join(self.written), BEGINNING[:count])
            self.assertEqual(len(self.written), count)
        self.clock.advance(10_000)
        self.assertEqual(b"".join(self.written), BEGINNING)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_the_response_follows_where_it_stopped(self) -> None:
        responses = [
            render(BadGateway("x"), b"id", [], without_body=False, close=True),
            response_to_client(CONTINUE, chunked=False, keep_alive=True, client_minor_version=1),
        ]
        for response in responses:
            for intervals in range(len(INTERVALS_SECONDS) + 1):
                self.setUp()
                for seconds in INTERVALS_SECONDS[:intervals]:
                    self.clock.advance(seconds)
                rest = self.probe.without_what_was_sent(response)
                self.probe.close()
                self.assertEqual(b"".join(self.written) + rest, response)

    def test_closed(self) -> None:
        self.clock.advance(INTERVALS_SECONDS[0])
        self.probe.close()
        self.probe.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.clock.advance(10_000)
        self.assertEqual(b"".join(self.written), BEGINNING[:2])
