"""Requirements B, to the pod: what arrives there (contract, section 4, "What the pod gets").

Each test is named after its requirement, and looks at both ends of the router.
"""

from __future__ import annotations

from pods.http1.hops import PASSES_LIMIT
from tests.support_messages import Message, bounce, chunk, chunked, get, request, response
from tests.support_requirements import RequirementTestCase, values

EVERY_BYTE = bytes(range(256))
TRUSTING = {"trusted_proxies": ["192.0.2.0/24"]}
OUR_VIA = "1.1 pods-router"


def names(message: Message) -> list[str]:
    """The names of the fields, in lower case and in order."""
    return [name.lower() for name, _ in message.fields]


class WellFormedTests(RequirementTestCase):
    def test_b13_framed_as_it_was_parsed(self) -> None:
        two_chunks = chunk(b"some ") + chunk(b"body") + chunk(b"")
        for sent, body, framing in (
            (get("/x"), b"", (None, None)),
            (request("POST", "/x", body=b""), b"", ("0", None)),
            (request("POST", "/x", body=b"some body"), b"some body", ("9", None)),
            (b"POST /x HTTP/1.0\r\nContent-Length: 4\r\n\r\nbody", b"body", ("4", None)),
            (chunked("POST", "/x") + two_chunks, b"some body", (None, "chunked")),
            (chunked("POST", "/x") + chunk(b""), b"", (None, "chunked")),
        ):
            message = self.forwarded(sent)
            seen = message.get("Content-Length"), message.get("Transfer-Encoding")
            self.assertEqual((seen, message.body), (framing, body), sent)
            self.assertTrue(message.first_line.endswith(b" /x HTTP/1.1"), sent)

    def test_b13_one_host_the_client_s(self) -> None:
        for head, host in (
            ("GET / HTTP/1.1\r\nHost: a.example:8", "a.example:8"),
            ("GET http://b.example/ HTTP/1.1\r\nHost: a", "b.example"),
            ("GET / HTTP/1.0\r\nHost: a", "a"),
            ("GET / HTTP/1.0\r\nX: 1", "127.0.0.1:9100"),
        ):
            message = self.forwarded(head.encode() + b"\r\n\r\n")
            self.assertEqual(values(message.fields, "Host"), [host])
            self.assertEqual(message.first_line, b"GET / HTTP/1.1")


class HopByHopTests(RequirementTestCase):
    PROTECTED = (
        *("Cookie: a=1", "Authorization: Basic eA==", "Content-Type: a/b", "Content-Encoding: x"),
        *("Range: bytes=0-", "If-Match: *", "X-Gitlab-Token: t", 'If-Range: "a"'),
    )

    def test_b14_removed(self) -> None:
        for fields in (
            ("Connection: keep-alive", "Keep-Alive: timeout=5"),
            ("Connection: close, X-Named", "X-Named: 1", "x-named: 2", "X-NAMED: 3"),
            ("connection: x-named", "CONNECTION: ,X-Other , close", "X-Named: 1", "x-other: 2"),
            ("Proxy-Connection: keep-alive", "PROXY-AUTHORIZATION: Basic eA==", "Keep-alive: 1"),
            ("TE: gzip", "Connection: TE"),
            ("Upgrade: h2c", "Connection: Upgrade"),
        ):
            message = self.forwarded(get("/", "X-First: 1", *fields, "X-Last: 1"))
            expected = ["host", "x-first", "x-last", "via", "x-forwarded-for"]
            self.assertEqual(names(message)[:5], expected, fields)
            for field in fields:
                self.assertNotIn(field.partition(":")[0].lower(), names(message))

    def test_b14_trailers_is_what_is_left_of_te(self) -> None:
        for fields in (
            ("TE: trailers", "Connection: TE"),
            ("te: gzip;q=0.5, Trailers",),
            ("TE: deflate", "TE: trailers", "Connection: close, te"),
        ):
            message = self.forwarded(get("/", *fields))
            self.assertEqual((message.get("TE"), message.get("Connection")), ("trailers", "TE"))

    def test_b14_what_a_pod_relies_on_cannot_be_taken_away(self) -> None:
        named = ", ".join(field.partition(":")[0] for field in self.PROTECTED)
        named += ", Host, X-Forwarded-For, X-Forwarded-Proto, X-Gitlab-Pod-Route, Via, X-Request-Id"
        for lines in (
            (f"Connection: {named}",),
            (f"connection: {named.upper()}", "Connection: close"),
        ):
            message = self.forwarded(get("/", *self.PROTECTED, "X-Request-Id: mine", *lines))
            passed = [f"{name}: {value}" for name, value in message.fields]
            self.assertEqual(passed[1:-7], list(self.PROTECTED))
            for name in (
                "Host",
                "X-Forwarded-For",
                "X-Forwarded-Proto",
                "X-Gitlab-Pod-Route",
                "Via",
            ):
                self.assertIsNotNone(message.get(name), name)
            self.assertEqual(message.get("X-Request-Id"), "mine")

    def test_b14_nor_what_a_trusted_proxy_says(self) -> None:
        claims = ("X-Forwarded-For: 1.1.1.1", "Forwarded: for=1.1.1.1", "Via: 1.1 proxy")
        named = "Connection: X-Forwarded-For, Forwarded, Via"
        message = self.forwarded(get("/", *claims, named), router=TRUSTING)
        for claim in claims:
            name, _, value = claim.partition(": ")
            self.assertTrue((message.get(name) or "").startswith(f"{value}, "), name)

    def test_b14_naming_the_length_does_not_take_the_body(self) -> None:
        head = request("POST", "/", "Connection: Content-Length, Content-Type", body=b"body")
        message = self.forwarded(head)
        self.assertEqual((message.get("Content-Length"), message.body), ("4", b"body"))


class UnchangedTests(RequirementTestCase):
    TARGETS = (
        *("/a%2Fb", "//a//b", "/a;b=c/d", "/a|b", "/%E4", "/a?", "/?", "/??a", "/a?b=c&b=d;e"),
        *("/a/../b", "/./a", "/%2e%2e/a", "/%00", "/%", "/%zz", "/{a}", "/a\\b", '/"a"', "/<a>"),
        *("/^`", "/a+b", "/a%20b", "/a?b%26=%3D", "/~!$&'()*+,;=:@", "/[a]", "//evil.example/a"),
    )

    def test_b15_targets(self) -> None:
        for target in self.TARGETS:
            self.assertEqual(self.forwarded(get(target)).target, target.encode())

    def test_b15_fields(self) -> None:
        fields = (
            *("X-One: 1", "x-ONE: 2", "Accept: a, b", "Cookie: a=1; b=2", "Accept: c", "X-ONE: 1"),
            *("X-Empty:", "User-Agent: some (thing)", "Cookie: c=3", "Authorization: Bearer x=="),
            *('ETag: W/"a"', "X-Spaced: a  b\tc", "X-Latin: \xe4\xff", "Trailer: X-Sum", "!#$%: 1"),
        )
        message = self.forwarded(get("/", *fields))
        passed = [f"{name}: {value}".strip() for name, value in message.fields]
        self.assertEqual(passed[1 : 1 + len(fields)], list(fields))
        added = ["via", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-request-id"]
        added += ["x-gitlab-pod-route", "x-gitlab-pod-attempt"]
        self.assertEqual(names(message)[1 + len(fields) :], added)

    def test_b15_bodies_of_every_method(self) -> None:
        for method in ("GET", "HEAD", "DELETE", "OPTIONS", "POST", "PUT", "PATCH", "PROPFIND"):
            for sent in (
                request(method, "/x", body=EVERY_BYTE),
                chunked(method, "/x") + chunk(EVERY_BYTE[:7]) + chunk(EVERY_BYTE[7:]) + chunk(b""),
            ):
                world, client = self.said(sent)
                message = world.pods["pod_a"].take()
                self.assertEqual(
                    (message.body, world.pods["pod_a"].wire.received), (EVERY_BYTE, b"")
                )
                self.assertTrue(message.first_line.startswith(method.encode() + b" "))
                client.reset()

    def test_b15_a_large_body(self) -> None:
        body = EVERY_BYTE * 2000
        self.assertEqual(self.forwarded(request("PUT", "/x", body=body)).body, body)


class HopsTests(RequirementTestCase):
    def test_b16_via_is_appended(self) -> None:
        for fields, via in (
            ((), OUR_VIA),
            (("Via: 1.0 fred, 1.1 b.example",), f"1.0 fred, 1.1 b.example, {OUR_VIA}"),
            (("Via: 1.0 fred", "X: 1", "via: HTTP/1.1 b"), f"1.0 fred, HTTP/1.1 b, {OUR_VIA}"),
        ):
            self.assertEqual(self.forwarded(get("/", *fields)).get("Via"), via)
        message = self.forwarded(b"GET / HTTP/1.0\r\n\r\n")
        self.assertEqual(message.get("Via"), "1.0 pods-router")

    def test_b16_a_loop_ends(self) -> None:
        ours = ["1.1 pods-router", "1.0 PODS-Router (east)", "HTTP/1.1\tpods-router"] * PASSES_LIMIT
        at_limit, over = ours[:PASSES_LIMIT], ours[: PASSES_LIMIT + 1]
        others = ["1.1 pods-router2", "1.1 a-pods-router", "1.1 a (pods-router)"] * 9
        for fields in ((", ".join(over),), over, (", ".join([*others, *over]),)):
            self.assert_rejected(508, get("/", *[f"Via: {value}" for value in fields]))
        via = ", ".join([*others, *at_limit])
        self.assertEqual(self.forwarded(get("/", f"Via: {via}")).get("Via"), f"{via}, {OUR_VIA}")

    def test_b16_a_loop_of_one_router(self) -> None:
        """What the router sends to itself comes back until it sees that."""
        sent, passes = get("/"), 0
        while True:
            world, client = self.said(sent)
            if client.received:
                break
            sent, passes = world.pods["pod_a"].wire.received, passes + 1
            client.reset()
        self.assertEqual((client.take().status, passes), (508, PASSES_LIMIT + 1))
        client.leave()

    def test_b16_max_forwards_of_options_counts_down(self) -> None:
        for target in ("/x", "*"):
            for sent, left in (("5", "4"), ("1", "0"), ("010", "9"), ("999999999", "999999998")):
                fields = ("X-A: 1", f"max-forwards: {sent}", "X-B: 1")
                message = self.forwarded(request("OPTIONS", target, *fields))
                self.assertEqual(
                    message.fields[1:4], [("X-A", "1"), ("max-forwards", left), ("X-B", "1")]
                )

    def test_b16_options_at_its_last_hop_is_answered_by_the_router(self) -> None:
        for sent in (
            request("OPTIONS", "/x", "Max-Forwards: 0"),
            request("OPTIONS", "*", "max-forwards: 00"),
            request("OPTIONS", "/x", "Max-Forwards: 0", body=b"body"),
        ):
            world, client = self.said(sent)
            answer = client.take()
            self.assertEqual(answer.status, 200)
            self.assertIn("OPTIONS", (answer.get("Allow") or "").split(", "))
            self.assertEqual(world.contacted(), [])
            self.assertEqual(world.records[0].status, 200)
            client.leave()

    def test_b16_options_with_two_max_forwards(self) -> None:
        """Which of them counts?  Passed on as they are, none would ever count down."""
        for fields in (("5", "5"), ("0", "5"), ("x", "5")):
            lines = (f"Max-Forwards: {value}" for value in fields)
            self.assert_rejected(400, request("OPTIONS", "/x", *lines))
        message = self.forwarded(get("/x", "Max-Forwards: 1", "Max-Forwards: 2"))
        self.assertEqual(
            [value for name, value in message.fields if name == "Max-Forwards"], ["1", "2"]
        )

    def test_b16_max_forwards_says_nothing_else(self) -> None:
        for method, value in (("GET", "0"), ("POST", "1"), ("OPTIONS", "x"), ("OPTIONS", "-1")):
            message = self.forwarded(request(method, "/x", f"Max-Forwards: {value}"))
            self.assertEqual(message.get("Max-Forwards"), value)


class ForwardedTests(RequirementTestCase):
    CLAIMS = (
        *(
            "X-Forwarded-For: 1.1.1.1, 2.2.2.2",
            "X-Forwarded-Proto: https",
            "X-Forwarded-Host: evil",
        ),
        *("X-Forwarded-Port: 444", "X-Forwarded-Prefix: /p", "X-Real-IP: 1.1.1.1"),
        *("x-forwarded-for: 3.3.3.3", "Forwarded: for=1.1.1.1", "forwarded: for=2.2.2.2"),
    )
    ALIASES = (
        *("X_Forwarded_For: 1", "X-Forwarded_For: 1", "x_forwarded_proto: https", "X_REAL_IP: 1"),
        *("X_Gitlab_Pod_Route: rule", "X-Gitlab_Pod-Attempt: 9", "X_Request_Id: 1", "HTTP_HOST: a"),
        *("Content_Length: 9", "Transfer_Encoding: chunked", "Proxy_Authorization: x", "Te_: 1"),
    )

    def test_b17_from_strangers_replaced(self) -> None:
        message = self.forwarded(get("/", *self.CLAIMS))
        for name, value in (
            ("X-Forwarded-For", "192.0.2.7"),
            ("X-Forwarded-Proto", "http"),
            ("X-Forwarded-Host", "example.org"),
            ("X-Forwarded-Port", None),
            ("X-Forwarded-Prefix", None),
            ("X-Real-IP", "192.0.2.7"),
            ("Forwarded", "for=192.0.2.7;proto=http"),
        ):
            self.assertEqual(message.get(name), value, name)

    def test_b17_from_trusted_proxies_appended(self) -> None:
        message = self.forwarded(get("/", *self.CLAIMS), router=TRUSTING)
        for name, value in (
            ("X-Forwarded-For", "1.1.1.1, 2.2.2.2, 3.3.3.3, 192.0.2.7"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Host", "evil"),
            ("X-Forwarded-Port", "444"),
            ("X-Forwarded-Prefix", "/p"),
            ("X-Real-IP", "1.1.1.1"),
            ("Forwarded", "for=1.1.1.1, for=2.2.2.2, for=192.0.2.7;proto=http"),
        ):
            self.assertEqual(message.get(name), value, name)

    def test_b17_trust_is_of_the_peer_and_not_of_what_it_says(self) -> None:
        fields = get("/", "X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1")
        message = self.forwarded(fields, address="203.0.113.9", router=TRUSTING)
        self.assertEqual(message.get("X-Forwarded-For"), "203.0.113.9")
        self.assertEqual(message.get("Forwarded"), "for=203.0.113.9;proto=http")

    def test_b17_without_claims(self) -> None:
        message = self.forwarded(get("/"), router=TRUSTING)
        self.assertEqual(message.get("X-Forwarded-For"), "192.0.2.7")
        self.assertEqual((message.get("Forwarded"), message.get("X-Real-IP")), (None, None))

    def test_b17_aliases_with_underscores_never_pass(self) -> None:
        ours = {"x-gitlab-pod-route", "x-gitlab-pod-attempt"}
        for tables in ({}, {"router": TRUSTING}):
            message = self.forwarded(get("/", *self.ALIASES, "X_Other: 1"), **tables)
            with_underscore = [name for name in names(message) if "_" in name]
            self.assertEqual(with_underscore, ["http_host", "te_", "x_other"])
            self.assertEqual({n for n in names(message) if n.startswith("x-gitlab-")}, ours)

    def test_b17_the_pods_headers_are_not_the_client_s_to_send(self) -> None:
        fields = ("X-Gitlab-Pod-Route: rule", "x-gitlab-pod-attempt: 9", "X-Gitlab-Pod-Any: 1")
        for tables in ({}, {"router": TRUSTING}):
            message = self.forwarded(get("/", *fields), **tables)
            self.assertEqual(message.get("X-Gitlab-Pod-Attempt"), "1")
            self.assertIsNone(message.get("X-Gitlab-Pod-Any"))


class RequestIdTests(RequirementTestCase):
    def test_b18_kept_if_it_is_fit(self) -> None:
        for sent in ("a", "x" * 128, '!~[]{}\\"', "3f0e-11"):
            message = self.forwarded(get("/", f"X-Request-Id: {sent}"))
            self.assertEqual(message.get("X-Request-Id"), sent)

    def test_b18_made_if_not(self) -> None:
        for lines in ((), ("x" * 129,), ("a b",), ("",), ("\xe4",), ("a", "b"), ("a\tb",)):
            message = self.forwarded(get("/", *[f"X-Request-Id: {line}" for line in lines]))
            self.assertRegex(message.get("X-Request-Id") or "", r"\A[0-9a-f]{32}\Z")

    def test_b18_kept_when_the_head_is_refused(self) -> None:
        _, client = self.said(b"GET / HTTP/1.1\r\nX-Request-Id: mine\r\n\r\n")
        answer = client.take()
        self.assertEqual((answer.status, answer.get("X-Request-Id")), (400, "mine"))
        client.leave()

    def test_b18_the_same_on_every_hop(self) -> None:
        for fields in ((), ("X-Request-Id: mine",)):
            world = self.make_world("pod_a")
            client = world.client()
            client.say(get("/", *fields))
            first = world.pods["pod_a"].take().get("X-Request-Id")
            world.pods["pod_a"].say(bounce("pod_b"))
            second = world.pods["pod_b"].take().get("X-Request-Id")
            world.pods["pod_b"].say(bounce("pod_a"))
            answer = client.take()
            logged = world.records[0].request_id.decode()
            self.assertEqual(answer.status, 502)
            self.assertEqual({first, second, answer.get("X-Request-Id"), logged}, {first})
            client.leave()

    def test_b18_each_request_has_its_own(self) -> None:
        world, client = self.said(get("/1"))
        ids = [world.pods["pod_a"].take().get("X-Request-Id")]
        world.pods["pod_a"].say(response(200))
        client.say(get("/2"))
        ids.append(world.pods["pod_a"].take().get("X-Request-Id"))
        self.assertEqual(len(set(ids)), 2)
        client.reset()
