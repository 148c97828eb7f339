"""A client's connection: requests in order, how answers are framed, when it stays open."""

from __future__ import annotations

from tests.support_memory import RouterTestCase, World
from tests.support_messages import chunk, get, head_of_response, request, response
from tests.support_wire import Wire


class ServerTestCase(RouterTestCase):
    def answered(self, sent: bytes, answer: bytes, **tables: object) -> tuple[World, Wire]:
        """A client that has sent something, after the pod has answered it."""
        world = self.make_world("pod_a", "pod_a", **tables)
        client = world.client()
        client.say(sent)
        world.pods["pod_a"].take()
        world.pods["pod_a"].say(answer)
        self.addCleanup(lambda: client.leave() if client.connected else None)
        return world, client


class KeepAliveTests(ServerTestCase):
    """Who may use a connection again."""

    def test_http_1_1_stays_open(self) -> None:
        _, client = self.answered(get("/"), response(200, b"ok"))
        self.assertIsNone(client.take().get("Connection"))
        self.assertTrue(client.connected)

    def test_http_1_1_that_wants_to_close(self) -> None:
        _, client = self.answered(get("/", "Connection: close"), response(200, b"ok"))
        self.assertEqual(client.take().get("Connection"), "close")
        self.assertTrue(client.is_ended and not client.is_broken)

    def test_http_1_0_closes(self) -> None:
        _, client = self.answered(b"GET / HTTP/1.0\r\n\r\n", response(200, b"ok"))
        answer = client.take()
        self.assertEqual((answer.body, answer.get("Connection")), (b"ok", "close"))
        self.assertTrue(client.is_ended)

    def test_http_1_0_that_wants_to_stay(self) -> None:
        sent = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
        _, client = self.answered(sent, response(200, b"ok"))
        self.assertEqual(client.take().get("Connection"), "keep-alive")
        self.assertTrue(client.connected)

    def test_http_1_0_that_wants_to_stay_with_a_body_of_unknown_length(self) -> None:
        sent = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
        answer = head_of_response(200, "Transfer-Encoding: chunked") + chunk(b"ok") + chunk(b"")
        _, client = self.answered(sent, answer)
        message = client.take()
        self.assertEqual((message.body, message.get("Connection")), (b"ok", "close"))
        self.assertIsNone(message.get("Transfer-Encoding"))

    def test_the_pods_wish_to_close_is_not_the_clients(self) -> None:
        world, client = self.answered(get("/"), response(200, b"ok", "Connection: close"))
        self.assertIsNone(client.take().get("Connection"))
        self.assertTrue(client.connected)
        self.assertFalse(world.pods["pod_a"].wire.connected)

    def test_a_client_that_closes_and_still_sends(self) -> None:
        sent = get("/", "Connection: close") + b"\r\nmore"
        _, client = self.answered(sent, response(200, b"ok"))
        self.assertEqual(client.take().body, b"ok")
        self.assertTrue(client.is_ended)


class FramingTests(ServerTestCase):
    """How the body of an answer is framed."""

    def test_a_length_is_kept(self) -> None:
        _, client = self.answered(get("/"), response(200, b"hello", "X-A: 1", "x-a: 2"))
        answer = client.take()
        self.assertEqual((answer.body, answer.get("Content-Length")), (b"hello", "5"))
        self.assertEqual(answer.first_line, b"HTTP/1.1 200 Some Reason")
        self.assertEqual(answer.fields[:2], [("X-A", "1"), ("x-a", "2")])

    def test_chunks_stay_chunks(self) -> None:
        answer = head_of_response(200, "Transfer-Encoding: chunked") + chunk(b"hello") + chunk(b"")
        _, client = self.answered(get("/"), answer)
        message = client.take()
        self.assertEqual((message.body, message.get("Transfer-Encoding")), (b"hello", "chunked"))

    def test_a_body_that_ends_by_closing_becomes_chunks(self) -> None:
        world, client = self.answered(get("/"), head_of_response(200) + b"hello")
        world.pods["pod_a"].wire.half_close()
        message = client.take()
        self.assertEqual((message.body, message.get("Transfer-Encoding")), (b"hello", "chunked"))
        self.assertTrue(client.connected)

    def test_and_ends_by_closing_for_http_1_0(self) -> None:
        world, client = self.answered(b"GET / HTTP/1.0\r\n\r\n", head_of_response(200) + b"hello")
        self.assertFalse(client.is_ended)
        world.pods["pod_a"].wire.half_close()
        self.assertEqual(client.take().body, b"hello")
        self.assertTrue(client.is_ended and not client.is_broken)

    def test_an_empty_body_of_unknown_length(self) -> None:
        world, client = self.answered(get("/"), head_of_response(200))
        world.pods["pod_a"].wire.half_close()
        self.assertEqual(client.take().body, b"")
        self.assertTrue(client.connected)

    def test_answers_without_a_body(self) -> None:
        for method, status, fields, kept in (
            ("HEAD", 200, ("Content-Length: 5",), "5"),
            ("HEAD", 200, ("Transfer-Encoding: chunked",), None),
            ("HEAD", 200, (), None),
            ("GET", 204, ("Content-Length: 5",), None),
            ("GET", 304, ("Content-Length: 5",), "5"),
        ):
            world = self.make_world("pod_a", "pod_a")
            client = world.client()
            client.say(request(method, "/"))
            world.pods["pod_a"].say(head_of_response(status, *fields))
            answer = client.take(to_head=True)
            self.assertEqual((answer.status, answer.get("Content-Length")), (status, kept))
            client.say(get("/"))
            self.assertEqual(len(world.pods["pod_a"].wires), 1, "both connections stay usable")
            world.pods["pod_a"].say(response(200, b"ok"))
            self.assertEqual(client.take().body, b"ok")
            client.leave()

    def test_trailers_for_those_who_asked(self) -> None:
        trailers = b"0\r\nX-Sum: 1\r\nSet-Cookie: a=b\r\n\r\n"
        answer = head_of_response(200, "Transfer-Encoding: chunked") + chunk(b"hello") + trailers
        _, client = self.answered(get("/", "TE: trailers", "Connection: TE"), answer)
        self.assertEqual(client.take().trailers, [("X-Sum", "1")])
        _, client = self.answered(get("/"), answer)
        self.assertEqual(client.take().trailers, [])

    def test_the_pods_headers_are_removed(self) -> None:
        fields = ("X-Gitlab-Pod-Anything: 1", "Keep-Alive: timeout=5", "X-Other: 1")
        _, client = self.answered(get("/"), response(200, b"", *fields))
        self.assertEqual([name for name, _ in client.take().fields], ["X-Other", "Content-Length"])


class PipeliningTests(RouterTestCase):
    """Several requests before the first answer."""

    def test_answered_in_order(self) -> None:
        world = self.make_world(*["pod_a", "pod_b", "pod_c"])
        client = world.client()
        client.say(get("/1") + request("POST", "/2", body=b"body") + get("/3"))
        self.assertEqual(world.contacted(), ["pod_a"], "one at a time")
        for pod, body in (("pod_a", b"1"), ("pod_b", b"2"), ("pod_c", b"3")):
            world.pods[pod].say(response(200, body))
        self.assertEqual([client.take().body for _ in range(3)], [b"1", b"2", b"3"])
        self.assertEqual([record.path for record in world.records], ["/1", "/2", "/3"])
        client.leave()

    def test_reading_ahead_is_bounded(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("/1"))
        client.say(get("/2") * 10_000)
        self.assertTrue(client.is_paused)
        self.assertGreater(client.unread_bytes, 100_000, "the rest stays with the system")
        world.router.abort()

    def test_a_malformed_second_request_does_not_harm_the_first(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("/1") + b"nonsense\r\n\r\n" + get("/3"))
        world.pods["pod_a"].say(response(200, b"1"))
        self.assertEqual(client.take().body, b"1")
        answer = client.take()
        self.assertEqual((answer.status, answer.get("Connection")), (400, "close"))
        self.assertEqual(client.received, b"")
        self.assertEqual([record.status for record in world.records], [200, 400])
        client.leave()

    def test_a_bad_body_is_a_400_and_nothing_after_it_is_read(self) -> None:
        world = self.make_world(rules=[{"path": "/", "pod": "pod_a"}])
        client = world.client()
        client.say(request("POST", "/1", "Transfer-Encoding: chunked"))
        client.say(b"zz\r\n" + get("/2"))
        self.assertEqual(client.take().status, 400)
        self.assertTrue(world.pods["pod_a"].wire.is_broken)
        self.assertEqual(len(world.pods["pod_a"].wires), 1)
        client.leave()

    def test_a_bad_body_with_its_head_reaches_no_pod(self) -> None:
        world = self.make_world(rules=[{"path": "/", "pod": "pod_a"}])
        client = world.client()
        client.say(request("POST", "/1", "Transfer-Encoding: chunked") + b"zz\r\n")
        self.assertEqual(client.take().status, 400)
        self.assertEqual(world.pods["pod_a"].wire.received, b"")
        client.leave()


class RefusedTests(RouterTestCase):
    """What never becomes a request."""

    def test_nothing_reaches_a_pod(self) -> None:
        for sent, status in (
            (b"GET / HTTP/1.1\r\n\r\n", 400),
            (get("/", "Host: two"), 400),
            (request("POST", "/", "Content-Length: 1", "Transfer-Encoding: chunked"), 400),
            (request("POST", "/", "Content-Length: 1", "Content-Length: 1"), 400),
            (get("/" + "x" * 300), 414),
            (get("/", "X: " + "x" * 2000), 431),
            (get("/", *[f"X-{at}: 1" for at in range(20)]), 431),
            (request("CONNECT", "example.org:443"), 405),
            (request("TRACE", "/"), 405),
            (request("FROBNICATE", "/"), 501),
            (b"\x16\x03\x01\x02\x00\x01", 400),
        ):
            limits = {"url_bytes": 256, "header_bytes": 1024, "header_count": 16}
            world = self.make_world(limits=limits)
            client = world.client()
            client.say(sent)
            answer = client.take()
            self.assertEqual((answer.status, answer.get("Connection")), (status, "close"), sent)
            self.assertIsNotNone(answer.get("Content-Length"))
            self.assertEqual(world.contacted(), [])
            self.assertTrue(client.is_ended and client.connected, "a lingering close")
            self.assertEqual(len(world.records), 1)
            record = world.records[0]
            self.assertEqual((record.status, record.attempts), (status, 0))
            self.assertEqual(record.request_id.decode(), answer.get("X-Request-Id"))
            client.leave()

    def test_too_many_connections(self) -> None:
        world = self.make_world("pod_a", limits={"client_connections": 2})
        first, second = world.client(), world.client()
        third = world.client()
        answer = third.take()
        self.assertEqual((answer.status, answer.get("Connection")), (503, "close"))
        self.assertIsNotNone(answer.get("Retry-After"))
        self.assertEqual([record.status for record in world.records], [503])
        third.leave()
        second.leave()
        again = world.client()
        again.say(get("/"))
        world.pods["pod_a"].say(response(200))
        self.assertEqual(again.take().status, 200)
        again.leave()
        first.leave()


class TimeTests(RouterTestCase):
    """Clients that take too long."""

    def test_a_slow_head_has_one_deadline_for_all_of_it(self) -> None:
        world = self.make_world(timeouts={"client_headers": 10, "linger": 1})
        client = world.client()
        for byte in b"GET / HTT":
            client.say(bytes([byte]))
            world.reactor.pass_time(1)
        self.assertEqual(client.received, b"")
        world.reactor.pass_time(1)
        self.assertEqual(client.take().status, 408)
        self.assertEqual([record.status for record in world.records], [408])
        world.reactor.pass_time(1)
        self.assertFalse(client.connected)

    def test_a_slow_head_of_a_second_request(self) -> None:
        timeouts = {"client_headers": 10, "client_idle": 100}
        world = self.make_world("pod_a", timeouts=timeouts)
        client = world.client()
        client.say(get("/"))
        world.pods["pod_a"].say(response(200))
        client.take()
        world.reactor.pass_time(50)
        client.say(b"GET")
        world.reactor.pass_time(9)
        self.assertEqual(client.received, b"")
        world.reactor.pass_time(1)
        self.assertEqual(client.take().status, 408)
        client.leave()

    def test_an_idle_connection_is_closed_without_a_word(self) -> None:
        timeouts = {"client_headers": 10, "client_idle": 100}
        world = self.make_world("pod_a", timeouts=timeouts)
        silent = world.client()
        client = world.client()
        client.say(get("/"))
        world.pods["pod_a"].say(response(200))
        client.take()
        world.reactor.pass_time(10)
        self.assertEqual((silent.received, silent.is_ended), (b"", True))
        world.reactor.pass_time(89)
        self.assertTrue(client.connected)
        world.reactor.pass_time(1)
        self.assertEqual((client.received, client.is_ended), (b"", True))
        self.assertEqual(len(world.records), 1)

    def test_an_answer_that_nobody_fetches_does_not_keep_the_connection_for_ever(self) -> None:
        world = self.make_world("pod_a", timeouts={"client_idle": 10, "idle": 20})
        client = world.client()
        client.window = 0
        client.say(get("/"))
        world.pods["pod_a"].say(response(200, b"never read"))
        world.reactor.pass_time(10)
        self.assertTrue(client.connected, "it may still be fetched")
        world.reactor.pass_time(20)
        self.assertTrue(client.is_broken)


class DrainTests(RouterTestCase):
    """A router that shuts down finishes what runs."""

    def test_idle_connections_close_and_running_requests_end(self) -> None:
        world = self.make_world("pod_a", "pod_a")
        idle, busy, uploading = (world.client() for _ in range(3))
        busy.say(get("/"))
        uploading.say(request("POST", "/", "Content-Length: 4") + b"bo")
        drained = world.router.clients.drain()
        world.reactor.settle()
        self.assertTrue(idle.is_ended)
        uploading.say(b"dy")
        for client, wire in zip((busy, uploading), world.pods["pod_a"].wires, strict=True):
            self.assertNoResult(drained)
            wire.say(response(200, b"ok"))
            answer = client.take()
            self.assertEqual((answer.body, answer.get("Connection")), (b"ok", "close"))
            self.assertTrue(client.is_ended and not client.is_broken)
        self.successResultOf(drained)

    def test_half_a_head_is_told_to_come_back(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(b"GET / HTTP/1.1\r\nHost: exa")
        drained = world.router.clients.drain()
        world.reactor.settle()
        answer = client.take()
        self.assertEqual((answer.status, answer.get("Retry-After")), (503, "1"))
        client.half_close()
        self.successResultOf(drained)
        self.assertEqual(world.contacted(), [])

    def test_an_answer_that_has_begun_is_completed(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("/1") + get("/2"))
        world.pods["pod_a"].say(head_of_response(200, "Content-Length: 4") + b"he")
        drained = world.router.clients.drain()
        world.pods["pod_a"].say(b"re")
        self.assertEqual(client.take().body, b"here")
        self.assertEqual((client.received, client.is_ended), (b"", True), "the next is not begun")
        self.successResultOf(drained)

    def test_nothing_runs(self) -> None:
        world = self.make_world()
        self.successResultOf(world.router.clients.drain())

    def test_breaking_off(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("/"))
        world.router.abort()
        world.reactor.settle()
        self.assertTrue(client.is_broken and world.pods["pod_a"].wire.is_broken)
        self.assertEqual(len(world.records), 1)


class PeerTests(RouterTestCase):
    """Small things about the connection itself."""

    def test_answers_leave_without_delay(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("/"))
        self.assertTrue(client.is_without_delay)
        self.assertTrue(world.pods["pod_a"].wire.is_without_delay)
        client.reset()

    def test_cut_anywhere_a_request_gives_the_same(self) -> None:
        sent = request("POST", "/x?y", "Transfer-Encoding: chunked") + b"3\r\nabc\r\n0\r\n\r\n"
        for cut in range(len(sent)):
            world = self.make_world(rules=[{"path": "/", "pod": "pod_a"}])
            client = world.client()
            client.say(sent[:cut])
            client.say(sent[cut:])
            message = world.pods["pod_a"].take()
            self.assertEqual((message.target, message.body), (b"/x?y", b"abc"), cut)
            world.pods["pod_a"].say(response(200))
            self.assertEqual(client.take().status, 200)
            client.leave()

    def test_cut_anywhere_a_response_gives_the_same(self) -> None:
        answer = head_of_response(103) + head_of_response(200, "Transfer-Encoding: chunked")
        answer += b"3\r\nabc\r\n0\r\nX: 1\r\n\r\n"
        for cut in range(len(answer)):
            world = self.make_world(rules=[{"path": "/", "pod": "pod_a"}])
            client = world.client()
            client.say(get("/"))
            world.pods["pod_a"].say(answer[:cut])
            world.pods["pod_a"].say(answer[cut:])
            self.assertEqual([client.take().status, client.take().body], [103, b"abc"], cut)
            client.leave()
