"""Requirements C, to the client: what becomes of a pod's response (RFC 9110 and 9112).

Each test is named after its requirement, and looks at both ends of the router.
"""

from __future__ import annotations

from typing import Any

from pods.http1.server import LINGER_LIMIT_BYTES
from tests.support_messages import chunk, chunked, get, head_of_response, request, response
from tests.support_requirements import RequirementTestCase

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
SWITCHED = head_of_response(101, "Upgrade: websocket", "Connection: Upgrade")
IN_CHUNKS = head_of_response(200, "Transfer-Encoding: chunked")
OLD = b"GET / HTTP/1.0\r\n\r\n"
EVIL = response(200, b"evil")


class UnchangedTests(RequirementTestCase):
    FIELDS = (
        *("Set-Cookie: a=1; Path=/", "X-One: 1", "set-cookie: b=2", "x-ONE: 2", "Vary: a, b"),
        *("Set-Cookie: a=3", "Vary: c", "Server: some/1.0", "Date: whenever", "Trailer: X-Sum"),
        *('ETag: W/"a"', "X-Empty:", "X-Latin: \xe4\xff", "X-Spaced: a  b\tc", "Via: 1.1 other"),
        *("Content-Type: a/b", "Content-Encoding: gzip", "Location: //a|b", "X-Request-Id: its"),
    )

    def test_c19_status_and_reason(self) -> None:
        for status in (b"200 OK", b"200 ", b"299 Whatever it is", b"418 \xe4\xff", b"999 x\ty"):
            for version in (b"HTTP/1.1 ", b"HTTP/1.0 "):
                answer = self.answered(version + status + b"\r\nContent-Length: 2\r\n\r\nok")
                self.assertEqual((answer.first_line, answer.body), (b"HTTP/1.1 " + status, b"ok"))

    def test_c19_fields(self) -> None:
        answer = self.answered(response(200, b"", *self.FIELDS))
        passed = [f"{name}: {value}".strip() for name, value in answer.fields]
        self.assertEqual(passed, [*self.FIELDS, "Content-Length: 0"])

    def test_c19_but_those_that_are_for_one_hop(self) -> None:
        fields = ("Connection: X-Named", "X-Named: 1", "Keep-Alive: timeout=5", "Upgrade: h2c")
        ours = ("X-Gitlab-Pod-Any: 1", "x-gitlab-pod-cache: {}", "Proxy-Connection: x")
        answer = self.answered(response(200, b"", *fields, "X-Stays: 1", *ours))
        self.assertEqual([name for name, _ in answer.fields], ["X-Stays", "Content-Length"])

    def test_c19_but_a_426_must_say_to_what(self) -> None:
        for to, connection in (
            (get("/"), "Upgrade"),
            (get("/", "Connection: close"), "close, Upgrade"),
        ):
            fields = ("Upgrade: HTTP/3.0, foo", "Connection: Upgrade")
            answer = self.answered(response(426, b"no", *fields), to=to)
            self.assertEqual(answer.get("Upgrade"), "HTTP/3.0, foo")
            self.assertEqual(answer.get("Connection"), connection)

    def test_c19_bodies(self) -> None:
        body = bytes(range(256)) * 1000
        for sent in (
            response(200, body),
            IN_CHUNKS + chunk(body[:1]) + chunk(body[1:]) + chunk(b""),
        ):
            for to in (get("/"), OLD):
                self.assertEqual(self.answered(sent, to=to).body, body)
        self.assertEqual(self.answered(head_of_response(200) + body, ends=True).body, body)

    def test_c19_trailers_for_those_who_asked(self) -> None:
        lines = b"0\r\nX-Sum: 1\r\nContent-Length: 9\r\nX-Gitlab-Pod-Cache: a\r\nx-sum: 2\r\n\r\n"
        sent = IN_CHUNKS + chunk(b"abc") + lines
        asking = get("/", "TE: trailers", "Connection: TE")
        for to, trailers in ((asking, [("X-Sum", "1"), ("x-sum", "2")]), (get("/"), []), (OLD, [])):
            answer = self.answered(sent, to=to)
            self.assertEqual((answer.body, answer.trailers), (b"abc", trailers), to)


class WithoutBodyTests(RequirementTestCase):
    def test_c20_none_whatever_the_fields_say(self) -> None:
        for method, status, fields, length in (
            ("HEAD", 200, ("Content-Length: 5",), "5"),
            ("HEAD", 404, ("Content-Length: 5",), "5"),
            ("HEAD", 200, ("Transfer-Encoding: chunked",), None),
            ("HEAD", 200, (), None),
            ("GET", 204, ("Content-Length: 5",), None),
            ("GET", 204, ("Transfer-Encoding: chunked",), None),
            ("POST", 204, (), None),
            ("GET", 304, ("Content-Length: 5",), "5"),
            ("GET", 304, ("Transfer-Encoding: chunked",), None),
            ("GET", 304, (), None),
        ):
            world, client = self.said(request(method, "/1"))
            pod = world.pods["pod_a"]
            pod.take()
            pod.say(head_of_response(status, *fields))
            answer = client.take(to_head=True)
            self.assertEqual((answer.status, client.received), (status, b""))
            self.assertEqual(answer.get("Content-Length"), length, (method, status, fields))
            client.say(get("/2"))
            self.assertEqual((pod.take().target, len(pod.wires)), (b"/2", 1), "both stay usable")
            pod.say(response(200, b"second"))
            self.assertEqual(client.take().body, b"second")
            client.leave()

    def test_c20_a_body_that_comes_all_the_same_reaches_nobody(self) -> None:
        for method, status in (("HEAD", 200), ("GET", 204), ("GET", 304)):
            world, client = self.said(request(method, "/1") + get("/2"))
            pod = world.pods["pod_a"]
            pod.say(head_of_response(status, f"Content-Length: {len(EVIL)}") + EVIL)
            self.assertEqual(client.take(to_head=True).status, status)
            self.assertEqual([wire.connected for wire in pod.wires], [False, True])
            pod.say(response(200, b"second"))
            self.assertEqual(client.take().body, b"second")
            client.leave()

    def test_c20_interim_responses_have_none(self) -> None:
        world, client = self.said(get("/"))
        world.pods["pod_a"].say(head_of_response(103, "Content-Length: 5") + response(200, b"ok"))
        self.assertEqual([client.take().get("Content-Length"), client.take().body], [None, b"ok"])
        client.leave()


class FramingTests(RequirementTestCase):
    def test_c21_of_unknown_length(self) -> None:
        whole = IN_CHUNKS + chunk(b"one") + chunk(b"two") + chunk(b"")
        for sent, ends in ((whole, False), (head_of_response(200) + b"onetwo", True)):
            for to, coding in ((get("/"), "chunked"), (OLD, None)):
                answer = self.answered(sent, to=to, ends=ends)
                self.assertEqual(answer.body, b"onetwo")
                self.assertEqual(answer.get("Transfer-Encoding"), coding)
                self.assertEqual(answer.get("Connection"), None if coding else "close")

    def test_c21_each_event_leaves_at_once(self) -> None:
        for framed in (IN_CHUNKS, head_of_response(200, "Content-Type: text/event-stream")):
            for to in (get("/"), OLD):
                world, client = self.said(to)
                world.pods["pod_a"].say(framed)
                self.assertTrue(client.received.endswith(b"\r\n\r\n"), "the head does not wait")
                for event in (b"data: 1\n\n", b"d", b"ata: 2\n\n"):
                    said = chunk(event) if framed is IN_CHUNKS else event
                    world.pods["pod_a"].say(said)
                    self.assertTrue(client.received.endswith(event if to is OLD else chunk(event)))
                client.reset()

    def test_c21_so_does_each_byte_of_a_known_length(self) -> None:
        world, client = self.said(get("/"))
        world.pods["pod_a"].say(head_of_response(200, "Content-Length: 3"))
        for seen in (b"\r\n\r\na", b"\r\n\r\nab", b"\r\n\r\nabc"):
            world.pods["pod_a"].say(seen[-1:])
            self.assertTrue(client.received.endswith(seen))
        client.leave()


class CutTests(RequirementTestCase):
    def test_c22_a_pod_that_dies_in_mid_body(self) -> None:
        for sent, ways in (
            (head_of_response(200, "Content-Length: 9") + b"some", ("half_close", "reset")),
            (IN_CHUNKS + chunk(b"some"), ("half_close", "reset")),
            (IN_CHUNKS + b"9\r\nsome", ("half_close", "reset")),
            (IN_CHUNKS + chunk(b"some") + b"0\r\n", ("half_close", "reset")),
            (IN_CHUNKS + chunk(b"some") + b"0\r\nX-Sum: 1\r\n", ("half_close", "reset")),
            (head_of_response(200) + b"some", ("reset",)),
        ):
            for way in ways:
                for to in (get("/1") + get("/2"), OLD):
                    world, client = self.said(to)
                    world.pods["pod_a"].say(sent)
                    getattr(world.pods["pod_a"].wire, way)()
                    self.assertTrue(client.is_broken, (sent, way, to))
                    tail = b"some" if to is OLD or b"Length" in sent else chunk(b"some")
                    self.assertTrue(client.received.endswith(tail), "no padding, no last chunk")
                    self.assertEqual(len(world.pods["pod_a"].wires), 1, "the next is not begun")
                    self.assertIsNotNone(world.records[0].error)

    def test_c22_a_body_that_turns_malformed(self) -> None:
        for then in (
            b"zz\r\n",
            b"5\r\nabcdefg",
            b"5\nabcde",
            b"8000000000000000\r\n",
            b"0\r\nX\r\n\r\n",
        ):
            world, client = self.said(get("/"))
            world.pods["pod_a"].say(IN_CHUNKS + chunk(b"some"))
            world.pods["pod_a"].say(then)
            self.assertTrue(client.is_broken and world.pods["pod_a"].wire.is_broken, then)
            self.assertNotIn(b"0\r\n\r\n", client.received)

    def test_c22_a_pod_that_falls_silent_in_mid_body(self) -> None:
        world, client = self.said(get("/"), timeouts={"idle": 10})
        world.pods["pod_a"].say(IN_CHUNKS + chunk(b"some"))
        world.reactor.pass_time(10)
        self.assertTrue(client.is_broken and client.received.endswith(chunk(b"some")))


class MalformedTests(RequirementTestCase):
    LENGTHS = (
        ("Content-Length: 4", "Transfer-Encoding: chunked"),
        ("Content-Length: 4", "Content-Length: 5"),
        ("Content-Length: 4", "content-length: 4"),
        *(
            ("Content-Length: " + value,)
            for value in ("", "+4", "-4", "4, 4", "4 4", "0x4", str(2**63))
        ),
        *(("Transfer-Encoding: " + value,) for value in ("", "gzip", "gzip, chunked", "identity")),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
    )
    STATUS_LINES = (
        *(
            b"HTTP/1.1 20 OK",
            b"HTTP/2 200 OK",
            b"HTTP/1.1 0200 OK",
            b"HTTP/1.1 200OK",
            b"ICY 200 OK",
        ),
        *(
            b"HTTP/1.1  200 OK",
            b"HTTP/1.1 200 O\x00K",
            b"HTTP/1.1 099 No",
            b"HTTP/1.1",
            b"nonsense",
        ),
        *(b"http/1.1 200 OK", b" HTTP/1.1 200 OK", b"HTTP/1.2 200 OK", b"HTTP/1.1 -20 OK", b""),
        *(b"HTTP/1.1 200 a\rb", b"HTTP/1.1 2000 OK", b"<html>hello</html>", b"\x16\x03\x01\x02"),
    )
    LINES = (
        *(
            b"X: a\x00",
            b"X: a\x01",
            b"X: a\x7f",
            b"X: a\rb",
            b"X: a\nY: b",
            b"X : a",
            b"X: a\r\n b",
        ),
        *(b" X: a", b": a", b"X", b"X y: a", b"X(: a", b"\xc3\xa4: a"),
    )

    def assert_bad_gateway(self, said: bytes, **tables: Any) -> None:
        """The client gets a 502 and nothing of what the pod said; the next request is served."""
        world, client = self.said(get("/1"), **tables)
        pod = world.pods["pod_a"]
        pod.say(said)
        answer = client.take()
        self.assertEqual((answer.status, client.received), (502, b""), said[:200])
        self.assertTrue(pod.wire.is_broken, said[:200])
        client.say(get("/2"))
        pod.say(response(200, b"second"))
        self.assertEqual((client.take().body, len(pod.wires)), (b"second", 2))
        client.leave()

    def test_c23_ambiguous_lengths(self) -> None:
        for fields in self.LENGTHS:
            self.assert_bad_gateway(head_of_response(200, *fields) + b"0\r\n\r\n" + EVIL)

    def test_c23_status_lines(self) -> None:
        for line in self.STATUS_LINES:
            self.assert_bad_gateway(line + b"\r\nContent-Length: 4\r\n\r\nbody")

    def test_c23_malformed_fields(self) -> None:
        for line in self.LINES:
            self.assert_bad_gateway(b"HTTP/1.1 200 OK\r\n%b\r\nContent-Length: 0\r\n\r\n" % line)

    def test_c23_oversized_heads(self) -> None:
        limits = {"header_bytes": 1024, "header_count": 16}
        for said in (response(200, b"", "X: " + "x" * 1024), response(200, b"", *["X: 1"] * 16)):
            self.assert_bad_gateway(said, limits=limits)
        self.assert_bad_gateway(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1024, limits=limits)

    def test_c23_a_head_that_is_cut(self) -> None:
        head = head_of_response(200, "Content-Length: 4")
        for size in (0, 1, 9, 20, len(head) - 1):
            for way in ("half_close", "reset"):
                world, client = self.said(get("/"))
                if size:
                    world.pods["pod_a"].say(head[:size])
                getattr(world.pods["pod_a"].wire, way)()
                self.assertEqual(client.take().status, 502, (size, way))
                client.leave()

    def test_c23_bytes_after_a_response_reach_nobody(self) -> None:
        for glued, later in ((EVIL, b""), (b"", EVIL)):
            world, client = self.said(get("/1"))
            pod = world.pods["pod_a"]
            pod.say(response(200, b"first") + glued)
            pod.say(later)
            self.assertFalse(pod.wire.connected)
            self.assertEqual((client.take().body, client.received), (b"first", b""))
            other = world.client()
            for each in (client, other):
                each.say(get("/2"))
                pod.say(response(200, b"second"))
                self.assertEqual((each.take().body, each.received), (b"second", b""))
                each.leave()


class InterimTests(RequirementTestCase):
    LINK = "Link: </a.css>; rel=preload"

    def test_c24_in_order(self) -> None:
        expecting = request("PUT", "/", "Expect: 100-continue", "Content-Length: 4")
        world, client = self.said(expecting)
        sent = (head_of_response(102), CONTINUE, head_of_response(103, self.LINK, "X-A: 1"))
        for at, interim in enumerate(sent):
            world.pods["pod_a"].say(interim)
            self.assertEqual(client.take().status, (102, 100, 103)[at], "each leaves at once")
        client.say(b"body")
        world.pods["pod_a"].say(head_of_response(103, self.LINK, "X-A: 2") + response(200, b"ok"))
        self.assertEqual(client.take().fields, [("Link", self.LINK[6:]), ("X-A", "2")])
        self.assertEqual(client.take().body, b"ok")
        client.leave()

    def test_c24_not_to_http_1_0(self) -> None:
        sent = (head_of_response(102), head_of_response(103, self.LINK), response(200, b"ok"))
        self.assertEqual(self.answered(*sent, to=OLD).status, 200)

    def test_c24_a_100_that_the_client_did_not_ask_for(self) -> None:
        guessing: dict[str, Any] = {"rules": []}  # then the router itself asks before a large body
        for to, rest, tables in (
            (get("/"), b"", {}),
            (chunked("POST", "/") + chunk(b"body"), chunk(b""), guessing),
        ):
            world, client = self.said(to, **tables)
            pod = world.pods["pod_a"]
            self.assertEqual(b"Expect: 100-continue" in pod.wire.received, tables is guessing)
            pod.say(CONTINUE)
            self.assertEqual(client.received, b"")
            client.say(rest)
            pod.say(CONTINUE + response(200, b"ok"))
            self.assertEqual((client.take().body, client.received), (b"ok", b""))
            client.leave()

    def test_c24_sixteen_and_no_more(self) -> None:
        world, client = self.said(get("/"))
        world.pods["pod_a"].say(head_of_response(102) * 16 + response(200, b"ok"))
        statuses = [client.take().status for _ in range(17)]
        self.assertEqual((statuses, client.received[:1]), ([102] * 16 + [200], b""))
        for to in (get("/"), OLD):
            for interim in (head_of_response(103), CONTINUE):
                world, client = self.said(to)
                world.pods["pod_a"].say(interim * 17 + EVIL)
                self.assertNotIn(b"evil", client.received)
                last = client.received.rpartition(b"HTTP/1.1 ")[2]
                self.assertTrue(last.startswith(b"502 "), last)
                self.assertTrue(world.pods["pod_a"].wire.is_broken)
                client.leave()

    def test_c24_a_101_that_nobody_asked_for(self) -> None:
        for to in (get("/"), OLD, request("POST", "/", body=b"body")):
            world, client = self.said(to)
            world.pods["pod_a"].say(SWITCHED + b"frames")
            self.assertEqual((client.take().status, client.received), (502, b""))
            self.assertTrue(world.pods["pod_a"].wire.is_broken)
            client.leave()


class EarlyTests(RequirementTestCase):
    HEAD = request("POST", "/x", "Content-Length: 50000000")
    BEGUN = ((HEAD, b"x" * 300_000), (chunked("POST", "/x"), chunk(b"x" * 100_000)))

    def test_c25_a_final_response_before_the_body_is_complete(self) -> None:
        for pieces in self.BEGUN:
            for reads in (True, False):
                world, client = self.said(pieces[0])
                pod = world.pods["pod_a"].wire
                pod.window = None if reads else 0
                client.say(pieces[1])
                pod.say(response(403, b"no"))
                answer = client.take()
                self.assertEqual((answer.status, answer.body), (403, b"no"), "without any time")
                self.assertEqual(answer.get("Connection"), "close")
                self.assertTrue(client.is_ended and client.connected, "a lingering close")
                self.assertFalse(pod.connected, "what it has is not complete")
                client.say(b"x" * 100_000 + get("/smuggled"))
                self.assertFalse(client.is_paused)
                self.assertEqual((client.received, len(world.pods["pod_a"].wires)), (b"", 1))
                client.leave()

    def test_c25_its_body_comes_whole(self) -> None:
        world, client = self.said(*self.BEGUN[0])
        pod = world.pods["pod_a"].wire
        pod.say(IN_CHUNKS + chunk(b"some"))
        client.say(b"x" * 1000)
        pod.say(chunk(b" more") + chunk(b""))
        self.assertEqual((client.take().body, client.received), (b"some more", b""))
        client.leave()

    def test_c25_the_drain_is_bounded_in_time_and_bytes(self) -> None:
        for by_time in (True, False):
            world, client = self.said(self.HEAD, b"x", timeouts={"linger": 2})
            world.pods["pod_a"].say(response(413, b"no"))
            self.assertEqual(client.take().status, 413)
            for _ in range(3):
                world.reactor.pass_time(0.5)
                client.say(b"x" * 1000)
            self.assertTrue(client.connected)
            if by_time:
                world.reactor.pass_time(0.5)
            else:
                client.say(b"x" * LINGER_LIMIT_BYTES)
            self.assertFalse(client.connected)
