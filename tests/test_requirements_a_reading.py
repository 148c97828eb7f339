"""Requirements A, reading requests: what is refused, and what goes on (RFC 9112, sections 2 to 7).

Each test is named after its requirement, and looks at both ends of the router.
"""

from __future__ import annotations

import re
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support_messages import chunk, chunked, get, head_of_response, request, response
from tests.support_requirements import RequirementTestCase, values

#: What an attacker hides in a body, or behind a message.
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: example.org\r\n\r\n"
SWITCHED = head_of_response(101, "Upgrade: websocket", "Connection: Upgrade")


def framed(*fields: str, first: str = "POST /x HTTP/1.1") -> bytes:
    """A request with these fields and a host; what follows looks like another request.

    Its body is five bytes long, or a complete one in chunks, or none.
    """
    head = "\r\n".join([first, "Host: example.org", *fields, "", ""])
    return head.encode("latin-1") + chunk(b"") + SMUGGLED


class HostTests(RequirementTestCase):
    WRONG = (
        *("", "Host: a\r\nHost: a\r\n", "Host: a\r\nhost: b\r\n", "Host:\r\n", "Host: a b\r\n"),
        *(
            "Host: a/b\r\n",
            "Host: a@b\r\n",
            "Host: a:b\r\n",
            "Host: a:123456\r\n",
            "Host: [::1\r\n",
        ),
        *(
            "Host: http://a\r\n",
            "Host: a?b\r\n",
            "Host: a#b\r\n",
            "Host: \xe4\r\n",
            "Host: :80\r\n",
        ),
    )

    def test_a01_exactly_one_host_that_is_one(self) -> None:
        for line in self.WRONG:
            head = f"GET / HTTP/1.1\r\n{line}\r\n"
            self.assert_rejected(400, head.encode("latin-1") + SMUGGLED)

    def test_a01_hosts_that_are_right(self) -> None:
        for host in ("a", "a.example:8080", "127.0.0.1:1", "[::1]:80", "a:", "xn--bcher-kva.de"):
            sent = self.forwarded(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            self.assertEqual(sent.get("Host"), host)


class FramingTests(RequirementTestCase):
    def test_a02_content_length_is_one_number(self) -> None:
        wrong = ("", "+5", "-5", "0x5", "5,5", "5, 6", "5 5", "5_0", "5.0", "5a", "\xb2", "9" * 20)
        for value in wrong:
            self.assert_rejected(400, framed(f"Content-Length: {value}"))
        for second in ("Content-Length: 6", "content-length: 5", "CONTENT-LENGTH:5"):
            self.assert_rejected(400, framed("Content-Length: 5", second))

    def test_a02_white_space_around_it_is_none_of_it(self) -> None:
        sent = self.forwarded(request("POST", "/x", "Content-Length: \t4 \t") + b"body")
        self.assertEqual((sent.get("Content-Length"), sent.body), ("4", b"body"))

    def test_a03_never_both_lengths(self) -> None:
        for fields in (
            ("Content-Length: 5", "Transfer-Encoding: chunked"),
            ("Transfer-Encoding: chunked", "Content-Length: 0"),
            ("content-length: 5", "TRANSFER-ENCODING: CHUNKED"),
            ("Content-Length: 5", "Transfer-Encoding: identity"),
        ):
            for first in ("POST /x HTTP/1.1", "GET /x HTTP/1.1", "POST /x HTTP/1.0"):
                self.assert_rejected(400, framed(*fields, first=first))

    def test_a04_transfer_encoding_is_chunked_or_wrong(self) -> None:
        wrong = (
            *("", "identity", "gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked"),
            *("chunked, identity", "chunked;q=1", "chunked,", ",chunked", "xchunked", "chunked x"),
            *("\x0bchunked", "chunked\x00", '"chunked"', "chunked\xa0", "chunke\xe4d"),
        )
        for value in wrong:
            self.assert_rejected(400, framed(f"Transfer-Encoding: {value}"))
        for fields in (
            ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
            ("Transfer-Encoding: chunked", "transfer-encoding: identity"),
            ("Transfer-Encoding:\r\n chunked",),
            ("Transfer-Encoding : chunked",),
        ):
            self.assert_rejected(400, framed(*fields))

    def test_a04_never_on_http_1_0(self) -> None:
        line = "Transfer-Encoding: chunked"
        self.assert_rejected(400, framed(line, first="POST /x HTTP/1.0"))

    def test_a04_in_any_case(self) -> None:
        for value in ("chunked", "Chunked", "CHUNKED"):
            head = request("POST", "/x", f"Transfer-Encoding: {value}")
            sent = self.forwarded(head + chunk(b"body") + chunk(b""))
            self.assertEqual((sent.get("Transfer-Encoding"), sent.body), ("chunked", b"body"))


class ChunkTests(RequirementTestCase):
    HEAD = chunked("POST", "/x")
    MALFORMED = (
        *(b"0x3\r\nabc\r\n", b"+3\r\nabc\r\n", b"-3\r\nabc\r\n", b"3_0\r\nabc\r\n", b"\r\nabc\r\n"),
        *(b"3 \r\nabc\r\n", b" 3\r\nabc\r\n", b"3\nabc\r\n", b"3\r\nabc\n", b"3\r\nabc0\r\n\r\n"),
        *(
            b"3\r\nabcd\r\n",
            b"3\r\nab\r\n0\r\n\r\n",
            b"g\r\n",
            b"3;a\x00\r\n",
            b"3;a\rb\r\nabc\r\n",
        ),
        *(b"8000000000000000\r\n", b"10000000000000000\r\n", b"\xb3\r\n", b"3 ;a\r\nabc\r\n"),
    )

    def test_a05_chunks_are_read_strictly(self) -> None:
        for chunks in self.MALFORMED:
            self.assert_rejected(400, self.HEAD + chunks + chunk(b"") + SMUGGLED)

    def test_a05_malformed_after_the_head_has_gone_on(self) -> None:
        for chunks in self.MALFORMED:
            world, client = self.said(self.HEAD, chunk(b"fine"), chunks + chunk(b"") + SMUGGLED)
            self.assertEqual(client.take().status, 400, chunks)
            self.assertTrue(client.is_ended and client.connected)
            (pod,) = world.pods["pod_a"].wires
            self.assertTrue(pod.is_broken, "what the pod has is not complete")
            self.assertTrue(pod.received.endswith(b"\r\n\r\n" + chunk(b"fine")), chunks)
            client.leave()

    def test_a05_the_largest_size(self) -> None:
        world, client = self.said(self.HEAD + b"7fffffffffffffff\r\nabc")
        self.assertTrue(world.pods["pod_a"].wire.received.endswith(b"\r\n\r\n3\r\nabc\r\n"))
        self.assertEqual(client.received, b"")
        client.reset()

    def test_a05_extensions_are_bounded_and_end_here(self) -> None:
        few = b"3;name=value\r\nabc\r\n" * 3 + chunk(b"")
        self.assertEqual(self.forwarded(self.HEAD + few).body, b"abc" * 3)
        self.assert_rejected(400, self.HEAD + b"3;" + b"x" * 1024 + b"\r\nabc\r\n" + chunk(b""))
        many = (b"1;" + b"x" * 999 + b"\r\na\r\n") * 16
        self.assertEqual(self.forwarded(self.HEAD + many + chunk(b"")).body, b"a" * 16)
        self.assert_rejected(400, self.HEAD + many + b"1;" + b"x" * 999 + b"\r\na\r\n" + chunk(b""))


class SyntaxTests(RequirementTestCase):
    LINES = (
        *(b"X: a\rb", b"X: a\nY: b", b"X: a\x00b", b"X: a\x01b", b"X: a\x7fb", b"X: \x1b[0m"),
        *(b"X : a", b"X\t: a", b" X: a", b"X: a\r\n b", b"X: a\r\n\tb", b": a", b"X", b"X y: a"),
        *(b"X(: a", b"X/y: a", b"\xc3\xa4: a", b"X\x00: a", b"X@y: a", b'"X": a', b"X\r: a"),
    )

    def test_a06_malformed_fields(self) -> None:
        for line in self.LINES:
            self.assert_rejected(400, b"GET / HTTP/1.1\r\nHost: a\r\n%b\r\n\r\n" % line + SMUGGLED)

    def test_a06_a_tab_is_no_control_character(self) -> None:
        sent = self.forwarded(get("/", "X: a\tb"))
        self.assertEqual(sent.get("X"), "a\tb")

    def test_a06_lines_end_with_cr_lf(self) -> None:
        self.assert_rejected(400, b"GET / HTTP/1.1\nHost: a\n\n")
        self.assert_rejected(400, b"GET / HTTP/1.1\r\nHost: a\n\r\n")
        self.assert_rejected(400, b"GET / HTTP/1.1\rHost: a\r\r")

    def test_a06_one_empty_line_before_a_request(self) -> None:
        self.assertEqual(self.forwarded(b"\r\n" + get("/x")).target, b"/x")
        for before in (b"\r\n\r\n", b"\n", b"\r", b" \r\n", b"\x00"):
            self.assert_rejected(400, before + get("/x"))


class TargetTests(RequirementTestCase):
    WRONG = (
        *("GET /\xe4", "GET /a b", "GET /a\tb", "GET /a#b", "GET /\x7f", "GET /\x00", "GET  /"),
        *(
            "GET *",
            "GET ?a",
            "GET a",
            "GET example.org:80",
            "GET ftp://a/",
            "GET http:/a",
            "GET //\x01",
        ),
        *("GET http://", "GET http://a b/", "GET http://u@a/", "GET http://a:b/", "OPTIONS **"),
    )

    def test_a07_malformed_targets(self) -> None:
        for first in self.WRONG:
            self.assert_rejected(400, framed(first=f"{first} HTTP/1.1"))

    def test_a07_connect_and_trace(self) -> None:
        for first in ("CONNECT example.org:443", "CONNECT /", "TRACE /", "TRACE *"):
            self.assert_rejected(405, framed(first=f"{first} HTTP/1.1"))

    def test_a07_the_forms_of_a_target(self) -> None:
        for sent, target, host in (
            ("GET /a?b", b"/a?b", "example.org"),
            ("GET http://b.example:81/a?b", b"/a?b", "b.example:81"),
            ("GET HTTPS://b/", b"/", "b"),
            ("GET http://b", b"/", "b"),
            ("GET http://b?c", b"/?c", "b"),
            ("OPTIONS *", b"*", "example.org"),
            ("OPTIONS http://b", b"*", "b"),
            ("OPTIONS http://b/", b"/", "b"),
        ):
            message = self.forwarded(f"{sent} HTTP/1.1\r\nHost: example.org\r\n\r\n".encode())
            self.assertEqual((message.target, message.get("Host")), (target, host), sent)


class VersionTests(RequirementTestCase):
    def test_a08_later_versions_are_served_as_1_1(self) -> None:
        for minor in (2, 9):
            sent = self.forwarded(f"GET / HTTP/1.{minor}\r\nHost: a\r\n\r\n".encode())
            self.assertEqual(sent.first_line, b"GET / HTTP/1.1")

    def test_a08_anything_else_is_refused_at_once(self) -> None:
        for sent in (
            *(
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
                b"GET /\r\n",
            ),
            *(
                b"GET / HTTP/0.9\r\n",
                b"GET / HTTP/1.10\r\n",
                b"GET / http/1.1\r\n",
                b"GET / HTTPS/1.1",
            ),
            *(b"\x16\x03\x01\x02\x00\x01\x00\x01", b"\x00" * 20, b"\xff\xfe", b"nonsense, really"),
            *(
                b"SSH-2.0-OpenSSH_9.6\r\n",
                b"GET / HTTP/1.1 \r\n",
                b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n",
            ),
        ):
            self.assert_rejected(400, sent)

    def test_a08_garbage_without_an_end_is_refused_within_a_second(self) -> None:
        """As soon as no method begins so, its line has to end; what it says then still counts."""
        for sent in (
            *(b"abcdefg", b"a", b"abcdefg" * 9, b"GETGET", b"GE ", b"FOO /a?b HTTP/1.1", b"\r"),
            *(b"PRI", b"\r\nabc", b"abc def"),
        ):
            world, client = self.said(*[bytes([byte]) for byte in sent])
            world.reactor.pass_time(0.4)
            self.assertEqual(client.received, b"", sent)
            world.reactor.pass_time(0.2)
            self.assertEqual(client.take().status, 400, sent)
            client.leave()

    def test_a08_garbage_after_another_request(self) -> None:
        world, client = self.said(get("/"))
        world.pods["pod_a"].say(response(200))
        self.assertEqual(client.take().status, 200)
        for byte in b"garbage":
            world.reactor.pass_time(0.1)
            client.say(bytes([byte]))
        self.assertEqual(client.take().status, 400, "more of it does not put it off")
        client.leave()

    def test_a08_a_known_method_may_come_slowly(self) -> None:
        world, client = self.said(b"")
        for byte in get("/slow"):
            world.reactor.pass_time(0.6)
            client.say(bytes([byte]))
        world.pods["pod_a"].say(response(200))
        self.assertEqual(client.take().status, 200)
        client.leave()

    def test_a08_an_unknown_method_may_come_in_pieces(self) -> None:
        for sent in (b"FROBNICATE / HTTP/1.1\r\n", request("PRI", "/")):
            self.assert_rejected(501, *[bytes([byte]) for byte in sent])


class LimitTests(RequirementTestCase):
    LIMITS = {"url_bytes": 256, "header_bytes": 1024, "header_count": 16}

    def test_a09_over_a_limit(self) -> None:
        for sent, status in (
            (get("/" + "x" * 256), 414),
            (b"GET /" + b"x" * 256, 414),
            (get("/", "X: " + "x" * 1024), 431),
            (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 1024, 431),
            (get("/", *["X: 1"] * 16), 431),
            (b"GET / HTTP/1.1\r\n" + b"X: 1\r\n" * 200, 431),
        ):
            self.assert_rejected(status, sent, limits=self.LIMITS)

    def test_a09_exactly_at_a_limit(self) -> None:
        length = len(get("/", "X: "))
        for sent in (
            get("/" + "x" * 255),
            get("/", "X: " + "x" * (1024 - length)),
            get("/", *["X: 1"] * 15),
        ):
            self.forwarded(sent, limits=self.LIMITS)


class CuttingTests(RequirementTestCase):
    STREAMS = (
        get("/1") + request("POST", "/2?a", body=b"body") + get("/3", "Connection: close"),
        b"\r\n" + chunked("PUT", "/1") + b"3;a=b\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n\r\n" + get("/2"),
        get("/1") + framed("Content-Length: 5", "Transfer-Encoding: chunked"),
        get("/1") + chunked("POST", "/2") + b"3\r\nabcd\r\n" + get("/3"),
        b"GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n" + get("/2"),
        get("/1") + b"GET http://b/%2F HTTP/1.0\r\n\r\n" + get("/3"),
    )

    def outcome(self, pieces: list[bytes]) -> tuple[list[tuple[bytes, bytes]], list[int]]:
        """The requests that a pod got, and the answers that the client got."""
        world, client = self.said(*pieces)
        pod, requests = world.pods["pod_a"], []
        while pod.wires and pod.wire.connected and b"\r\n\r\n" in pod.wire.received:
            message = pod.take()
            requests.append((message.first_line, message.body))
            pod.say(response(200))
        statuses = [int(status) for status in re.findall(rb"HTTP/1.1 (\d+)", client.received)]
        client.leave()
        return requests, statuses

    @settings(deadline=None, max_examples=60)
    @given(st.sampled_from(STREAMS), st.lists(st.integers(1, 250), max_size=8))
    def test_a10_cut_anywhere(self, stream: bytes, cuts: list[int]) -> None:
        places = [0, *sorted(set(cuts)), len(stream)]
        pieces = [stream[a:b] for a, b in pairwise(places) if stream[a:b]]
        requests, statuses = self.outcome(pieces)
        whole_requests, whole_statuses = self.outcome([stream])
        self.assertEqual(statuses, whole_statuses)
        self.assertEqual(requests, whole_requests)

    def test_a10_byte_by_byte(self) -> None:
        for stream in self.STREAMS:
            self.assertEqual(self.outcome([bytes([b]) for b in stream]), self.outcome([stream]))


class UpgradeTests(RequirementTestCase):
    WEBSOCKET = ("Upgrade: websocket", "Connection: Upgrade")
    NEVER = (
        (request("GET", "/", *WEBSOCKET, body=SMUGGLED), SMUGGLED),
        (chunked("GET", "/", *WEBSOCKET) + chunk(SMUGGLED) + chunk(b""), SMUGGLED),
        (request("POST", "/", *WEBSOCKET, body=b""), b""),
        (framed(*WEBSOCKET, first="GET / HTTP/1.0")[: -len(chunk(b"") + SMUGGLED)], b""),
        (
            get("/", "Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AA"),
            b"",
        ),
        (get("/", "Upgrade: websocket, h2c", "Connection: Upgrade"), b""),
        (get("/", "Upgrade: h2c", "Upgrade: websocket", "Connection: Upgrade"), b""),
        (get("/", "Upgrade: TLS/1.0", "Connection: Upgrade"), b""),
        (get("/", "Upgrade: websocket"), b""),
    )

    def test_a11_never_switches(self) -> None:
        for sent, body in self.NEVER:
            message = self.forwarded(sent)
            self.assertEqual(message.body, body)
            for name in ("Upgrade", "HTTP2-Settings", "Connection"):
                self.assertIsNone(message.get(name), sent)

    def test_a11_even_if_the_pod_wants_to(self) -> None:
        for sent, _ in self.NEVER:
            world, client = self.said(sent)
            world.pods["pod_a"].say(SWITCHED)
            answer = client.take()
            self.assertEqual((answer.status, answer.get("Upgrade")), (502, None), sent)
            self.assertTrue(world.pods["pod_a"].wire.is_broken)
            client.leave()


class TrailerTests(RequirementTestCase):
    FRAMING = ("Content-Length", "Transfer-Encoding", "Trailer", "Connection", "TE")
    ROUTING = ("Host", "X-Gitlab-Pod-Route", "X_Gitlab_Pod_Route", "X-Forwarded-For", "Forwarded")
    OTHERS = ("Authorization", "Cookie", "Content-Type", "Expect", "Max-Forwards", "Upgrade")

    def test_a12_trailers_stay_trailers(self) -> None:
        refused = (*self.FRAMING, *self.ROUTING, *self.OTHERS)
        lines = "".join(f"{name}: 5\r\n" for name in refused) + "X-Sum: 1\r\nx-sum: 2\r\n\r\n"
        sent = self.forwarded(chunked("POST", "/x") + chunk(b"abc") + b"0\r\n" + lines.encode())
        self.assertEqual(sent.trailers, [("X-Sum", "1"), ("x-sum", "2")])
        self.assertEqual(values(sent.fields, "X-Sum"), [])
        self.assertEqual(sent.get("Host"), "example.org")
        for name in ("Content-Length", "Cookie", "Authorization", "Upgrade", "Forwarded"):
            self.assertIsNone(sent.get(name))

    def test_a12_malformed_trailers(self) -> None:
        for trailer in (b"X : 1", b" X: 1", b"X", b"X: \x00", b"X: a\rb", b"X: " + b"x" * 16_384):
            body = chunk(b"abc") + b"0\r\n" + trailer + b"\r\n\r\n"
            self.assert_rejected(400, chunked("POST", "/x") + body + SMUGGLED)
