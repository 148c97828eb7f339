"""Which header fields pass, which are dropped, which are handled (requirements 12, 14, 17)."""

from __future__ import annotations

import tracemalloc

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pods.http1.fields import (
    HOP_BY_HOP,
    LINES_LIMIT,
    MALFORMED,
    NOTED,
    PROTECTED,
    REQUEST_SPECIAL,
    Field,
    request_kinds,
    response_kinds,
    sorted_out,
    tokens,
    without_named,
)
from tests.support_heads import fields_of, lines

PREFIX = "X-Gitlab-Pod-"
#: (name as sent, by an untrusted client, by a trusted one); None passes, b"" is dropped.
REQUEST_KINDS: list[tuple[bytes, bytes | None, bytes | None]] = [
    (b"Accept", None, None),
    (b"Cookie", b"cookie", b"cookie"),
    (b"Authorization", None, None),
    (b"X-Custom_Name", None, None),
    (b"X_Custom", None, None),
    (b"Sec-WebSocket-Key", None, None),
    (b"Keep-Alive", b"", b""),
    (b"PROXY-CONNECTION", b"", b""),
    (b"Proxy-Authorization", b"", b""),
    (b"http2-settings", b"", b""),
    (b"HTTP2_Settings", b"", b""),
    (b"Host", b"host", b"host"),
    (b"hOST", b"host", b"host"),
    (b"Content-Length", b"content-length", b"content-length"),
    (b"Content_Length", b"", b""),
    (b"Transfer_Encoding", b"", b""),
    (b"X-Request-Id", b"x-request-id", b"x-request-id"),
    (b"X_Request_Id", b"", b""),
    (b"X-Forwarded-For", b"x-forwarded-for", b"x-forwarded-for"),
    (b"X_Forwarded_For", b"", b""),
    (b"x-forwarded_for", b"", b""),
    (b"X-Forwarded-Port", b"", None),
    (b"X_Forwarded_Port", b"", None),
    (b"X-Real-Ip", b"x-real-ip", b"x-real-ip"),
    (b"X_Real_IP", b"", b""),
    (b"X-Gitlab-Pod-Route", b"", b""),
    (b"x-gitlab-pod-anything", b"", b""),
    (b"X_GITLAB_POD_ROUTE", b"", b""),
    (b"X-Gitlab_Pod-Redirect", b"", b""),
    (b"X-Gitlab-Podium", None, None),
]
RESPONSE_KINDS: list[tuple[bytes, bytes | None]] = [
    (b"Set-Cookie", b"set-cookie"),
    (b"Set_Cookie", None),
    (b"Location", None),
    (b"Via", None),
    (b"X-Request-Id", None),
    (b"Content-Length", b"content-length"),
    (b"Keep-Alive", b""),
    (b"X-Gitlab-Pod-Redirect", b"x-gitlab-pod-redirect"),
    (b"X-GITLAB-POD-CACHE", b"x-gitlab-pod-cache"),
    (b"X-Gitlab-Pod-Other", b""),
    (b"X_Gitlab_Pod_Cache", b""),
]
VALUES = st.text("ab,;: \xe9", max_size=4).map(lambda text: text.strip().encode("latin-1"))
NAMES = st.sampled_from(
    [
        *sorted(REQUEST_SPECIAL | HOP_BY_HOP | PROTECTED),
        *b"accept x-one x-two if-match x-gitlab-pod-route x-gitlab-token".split(),
    ]
)


def spellings(name: bytes) -> st.SearchStrategy[bytes]:
    """The name in any mixture of cases."""
    flips = st.lists(st.booleans(), min_size=len(name), max_size=len(name))
    return flips.map(
        lambda upper: bytes(
            ord(chr(c).upper()) if u else c for c, u in zip(name, upper, strict=True)
        )
    )


class LineTests(SynchronousTestCase):
    """Lines that are looked up as they were sent."""

    def test_what_is_no_line(self) -> None:
        kinds = request_kinds(PREFIX, False)
        for line in (
            *(b"", b"X", b"X:", b"X:a", b": a", b" X: a", b"X : a", b"X y: a", b"X:  a", b"X: a "),
            *(b"X: \ta", b"X: a\t", b"X: a\0", b"X: a\x7f", b"X: a\rb", b"X: a\nb", b"X: a\n"),
        ):
            for _ in range(2):
                self.assertEqual(kinds[line], (MALFORMED, line))

    def test_what_is_one(self) -> None:
        kinds = request_kinds(PREFIX, False)
        for value in (b"", b"a", b"a b", b"a\tb", b"\xe4", b": a", b"a: b"):
            for _ in range(2):
                self.assertIsNone(kinds[b"X: " + value])
                self.assertEqual(kinds[b"hOST: " + value], (b"host", value))
                self.assertEqual(kinds[b"Keep-Alive: " + value], (b"", value))


class KindsTests(SynchronousTestCase):
    """Every name has one fate."""

    def test_requests(self) -> None:
        untrusted, trusted = request_kinds(PREFIX, False), request_kinds(PREFIX, True)
        for name, from_untrusted, from_trusted in REQUEST_KINDS:
            self.assertEqual(untrusted.kind(name), from_untrusted, name)
            self.assertEqual(trusted.kind(name), from_trusted, name)

    def test_responses(self) -> None:
        kinds = response_kinds(PREFIX)
        for name, kind in RESPONSE_KINDS:
            self.assertEqual(kinds.kind(name), kind, name)

    def test_another_prefix(self) -> None:
        kinds = response_kinds("X-Cell-")
        self.assertEqual(kinds.kind(b"x-cell-Redirect"), b"x-cell-redirect")
        self.assertEqual(kinds.kind(b"X_Cell_Redirect"), b"")
        self.assertIsNone(kinds.kind(b"X-Gitlab-Pod-Redirect"))

    @settings(deadline=None, max_examples=50)
    @given(NAMES.flatmap(lambda name: st.tuples(st.just(name), spellings(name))))
    def test_case_makes_no_difference(self, names: tuple[bytes, bytes]) -> None:
        kinds = request_kinds(PREFIX, False)
        self.assertEqual(kinds.kind(names[0]), kinds.kind(names[1]))

    def test_invented_names_cost_bounded_memory(self) -> None:
        kinds = request_kinds(PREFIX, False)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        for number in range(4 * LINES_LIMIT):
            self.assertIsNone(kinds[b"x-%d: a" % number])
            self.assertLessEqual(len(kinds), LINES_LIMIT)
        for number in range(100):
            self.assertIsNone(kinds[b"x-%d-%b: a" % (number, b"a" * 100_000)])
            self.assertIsNone(kinds[b"x: %d-%b" % (number, b"a" * 100_000)])
        self.assertLess(tracemalloc.get_traced_memory()[0], 4_000_000)


class SortedOutTests(SynchronousTestCase):
    """A message's fields, divided."""

    def test_order_and_values(self) -> None:
        fields = [
            (b"Accept", b"a"),
            (b"Via", b"1"),
            (b"X-One", b"b"),
            (b"keep-alive", b"5"),
            (b"accept", b"c"),
            (b"VIA", b"2"),
        ]
        passing, special = sorted_out(lines(fields), request_kinds(PREFIX, False))
        self.assertEqual(fields_of(passing), [fields[0], fields[2], fields[4]])
        self.assertEqual(special, {b"via": [b"1", b"2"]})

    def test_what_is_only_noted_passes_in_its_place(self) -> None:
        fields = [(b"X-One", b"a"), (b"cookie", b"b"), (b"X-Two", b"c"), (b"Cookie", b"d")]
        passing, special = sorted_out(lines(fields), request_kinds(PREFIX, False))
        self.assertEqual((fields_of(passing), special), (fields, {b"cookie": [b"b", b"d"]}))

    def test_named_in_connection(self) -> None:
        for connection in ([b"X-One"], [b"close, x-one"], [b"close", b",X-ONE ,"], [b"a,\tx-one"]):
            fields = [(b"x-ONE", b"1"), (b"X-Two", b"2"), (b"X-One", b"3")]
            fields += [(b"Connection", value) for value in connection]
            passing, special = sorted_out(lines(fields), request_kinds(PREFIX, False))
            self.assertEqual(passing, [b"X-Two: 2"])
            self.assertEqual(special[b"connection"], connection)

    def test_protected_from_connection(self) -> None:
        """A client cannot take away what a pod relies on."""
        names = b"""Authorization Cookie Range If-Match If-None-Match If-Modified-Since Content-Type
            Content-Encoding Content-Range X-Gitlab-Token Content-MD5""".split()
        fields = [(name, b"x") for name in names]
        everything = (b"Connection", b", ".join([*names, b"Host", b"Via", b"X-Forwarded-For"]))
        host = (b"Host", b"a")
        passing, special = sorted_out(
            lines([*fields, host, everything]), request_kinds(PREFIX, False)
        )
        self.assertEqual(fields_of(passing), fields)
        self.assertEqual(special[b"host"], [b"a"])

    def test_further_forwarded_fields_of_trusted_peers(self) -> None:
        fields = [(b"X-Forwarded-Port", b"443"), (b"Connection", b"X-Forwarded-Port")]
        passing, _ = sorted_out(lines(fields), request_kinds(PREFIX, True))
        self.assertEqual(fields_of(passing), fields[:1])
        self.assertEqual(sorted_out(lines(fields), request_kinds(PREFIX, False))[0], [])

    @settings(deadline=None, max_examples=100)
    @given(st.lists(st.tuples(NAMES.flatmap(spellings), VALUES)))
    def test_nothing_is_reordered_or_invented(self, fields: list[Field]) -> None:
        kinds = request_kinds(PREFIX, False)
        passing, special = sorted_out(lines(fields), kinds)
        named = tokens(special.get(b"connection", ()))
        expected = lines(field for field in fields if kinds.kind(field[0]) in (None, *NOTED))
        self.assertEqual(passing, without_named(expected, named))
        for name, values in special.items():
            self.assertEqual(values, [v for n, v in fields if n.lower() == name])


class TokensTests(SynchronousTestCase):
    """Lists of RFC 9110, section 5.6.1."""

    def test_table(self) -> None:
        for values, members in [
            ([], []),
            ([b""], []),
            ([b" , ,"], []),
            ([b"Close"], [b"close"]),
            ([b"a ,\tB", b"c"], [b"a", b"b", b"c"]),
            ([b"a b"], [b"a b"]),
        ]:
            self.assertEqual(tokens(values), members, values)
