"""A pause is heeded whenever it comes and however often it is said; what was sent is read."""

from __future__ import annotations

import socket

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pods.errors import BadRequest, UriTooLong
from pods.http1.heads import HeadLimits, RequestHeadReader
from pods.http1.presence import LOOK_SECONDS, Presence
from tests.support_heads import all_pass
from tests.support_memory import RouterTestCase
from tests.support_messages import get, head_of_response, request, response
from tests.test_http1_presence import Transport


class PauseTests(RouterTestCase):
    """Not every transport says again at each write that it is full."""

    def test_a_client_that_is_full_before_there_is_a_pod_pauses_the_pod(self) -> None:
        """It is full of the answer before this one: pipelined requests do not wait for that."""
        world = self.make_world("pod_a")
        pod = world.pods["pod_a"]
        pod.mode = "silent"
        client = world.client()
        client.say(get("/"))
        client.protocol.pauseProducing()
        pod.mode = "accepts"
        world.reactor.settle()
        pod.say(head_of_response(200, "Content-Length: 4") + b"12")
        self.assertTrue(pod.wire.is_paused)
        client.protocol.resumeProducing()
        pod.say(b"34")
        self.assertEqual(client.take().body, b"1234")
        client.leave()

    def test_a_connection_that_is_full_of_one_request_gets_no_other(self) -> None:
        """Else the body of the next one is not held back."""
        world = self.make_world("pod_a", "pod_a")
        client = world.client()
        client.say(get("/"))
        pod = world.pods["pod_a"]
        pod.say(response(200))
        client.take()
        pod.wire.window = 0
        head = request("POST", "/", "Content-Length: 65400")
        client.say(head)
        client.say(b"x" * 65_400)
        self.assertGreater(pod.wire.buffered_bytes, 65_536, "or nothing is full")
        pod.say(response(200))
        self.assertEqual(client.take().status, 200)
        self.assertEqual(world.router.pools["pod_a"].idle_connections, 0)
        pod.wire.reset()
        client.leave()


class BothWaysEndedTests(SynchronousTestCase):
    """In a tunnel both sides may be done while there are bytes that nobody has read yet."""

    def test_unread_bytes_are_not_thrown_away(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            client = socket.create_connection(listening.getsockname())
            ours, _ = listening.accept()
        self.addCleanup(ours.close)
        ours.shutdown(socket.SHUT_WR)  # the pod sends nothing more
        client.sendall(b"unread")
        client.close()
        clock, transport = Clock(), Transport(ours)
        presence = Presence(clock, transport, lambda: False)
        self.addCleanup(presence.close)
        presence.paused()  # the pod is slow
        clock.advance(LOOK_SECONDS)
        self.assertFalse(transport.is_aborted)


class AfterALongHeadTests(SynchronousTestCase):
    """The first line of the next head is checked as soon as it comes."""

    def setUp(self) -> None:
        self.reader = RequestHeadReader(HeadLimits(), all_pass())
        self.reader.feed(get("/", "X-Long: " + "x" * 17_000))

    def test_garbage_is_refused(self) -> None:
        self.assertRaises(BadRequest, self.reader.feed, b"\x16\x03\x01")

    def test_an_endless_target_is_refused(self) -> None:
        self.assertRaises(UriTooLong, self.reader.feed, b"GET /" + b"u" * 20_000)

    def test_what_begins_like_no_method_is_not_waited_for(self) -> None:
        self.reader.feed(b"FOOB")
        self.assertLess(self.reader.patience_seconds(30), 1)
