"""Our cookie among others: taken out byte-exactly, set only where that is right."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pods.http1.cookies import accepts_html, may_set, setting, take_out, without_setting
from pods.http1.fields import Field, request_kinds, values_of
from pods.http1.forwarding import Peer, client_scheme, request_to_pod
from pods.http1.request import RequestHead
from pods.http1.response import ResponseHead
from tests.support_heads import PREFIX, lines, request_head, response_head

NAME = b"_r"
#: Lines as sent, lines that are left, our value.
TAKEN_OUT: list[tuple[list[bytes], list[bytes], bytes]] = [
    ([b"a=1; _r=x; b=2"], [b"a=1; b=2"], b"x"),
    ([b"_r=x; b=2"], [b"b=2"], b"x"),
    ([b"a=1; _r=x"], [b"a=1"], b"x"),
    ([b"_r=x"], [], b"x"),
    ([b"a=1", b"_r=x", b"b=2"], [b"a=1", b"b=2"], b"x"),
    ([b"_r=x; a=1", b"b=2"], [b"a=1", b"b=2"], b"x"),
    # odd spacing
    ([b"a=1;_r=x;b=2"], [b"a=1;b=2"], b"x"),
    ([b"a = 1 ;  _r\t= x ;\tb=2 ; c"], [b"a = 1 ;\tb=2 ; c"], b"x"),
    ([b"_r=x;"], [], b"x"),
    ([b";; _r=x ; ;"], [], b"x"),
    ([b"a=1;;_r=x;;b=2;"], [b"a=1;;;b=2;"], b"x"),
    ([b"a=1; ;_r=x"], [b"a=1;"], b"x"),
    # values of all kinds
    ([b'a="1 2"; _r="x y"; b="=;"'], [b'a="1 2"; b="=;"'], b'"x y"'),
    ([b"_r=x=y==; a=\xe4\xff"], [b"a=\xe4\xff"], b"x=y=="),
    ([b"_r=; a=1"], [b"a=1"], b""),
    ([b"_r; a=1"], [b"a=1"], b""),
    ([b'a="1; _r=x; 2"'], [b'a="1; 2"'], b"x"),  # a quoted semicolon ends a pair as well
    # repeated
    ([b"_r=x; a=1; _r=y"], [b"a=1"], b""),
    ([b"_r=x; _r=x"], [], b""),
    ([b"_r=x; a=1", b"b=2; _r=y"], [b"a=1", b"b=2"], b""),
    ([b"_r=x; _r"], [], b""),
    # others
    ([b"a=1; b=2", b""], [b"a=1; b=2", b""], b""),
    ([b"a_r=1; _rb=2; _R=3; a=_r; b=_r=4"], [b"a_r=1; _rb=2; _R=3; a=_r; b=_r=4"], b""),
    ([b" ; a=1 ;; _rb=2; "], [b" ; a=1 ;; _rb=2; "], b""),
]
OTHERS = st.binary(max_size=12).filter(lambda pair: b";" not in pair and NAME not in pair)
OURS = st.builds(
    lambda before, between, value: before + NAME + between + b"=" + value,
    *(st.sampled_from([b"", b" ", b"\t  "]), st.sampled_from([b"", b" "])),
    st.binary(max_size=12).filter(lambda value: b";" not in value),
)


def request(fields: list[Field], cookie: str = "_r") -> RequestHead:
    kinds = request_kinds(PREFIX, trusted=False, cookie=cookie)
    return request_head([(b"Host", b"a"), *fields], kinds=kinds)


def response(fields: list[Field], status: int = 200, cookie: str = "_r") -> ResponseHead:
    return response_head(fields, status, cookie=cookie)


class TakenOutTests(SynchronousTestCase):
    """Our cookie never reaches a pod, and all others do as they are."""

    def test_h49_table(self) -> None:
        for sent, left, value in TAKEN_OUT:
            expected = [b"Cookie: " + line for line in left], value
            got = take_out([b"Cookie: " + line for line in sent], sent, NAME)
            self.assertEqual(got, expected, sent)

    @settings(max_examples=200, deadline=None)
    @given(st.lists(st.lists(st.tuples(st.booleans(), OTHERS, OURS), min_size=1), max_size=4))
    def test_h49_all_other_bytes_stay(self, made: list[list[tuple[bool, bytes, bytes]]]) -> None:
        sent = [
            b";".join(ours if is_ours else pair for is_ours, pair, ours in line) for line in made
        ]
        left = [[pair for is_ours, pair, _ in line if not is_ours] for line in made]
        kept, _ = take_out([b"cookie: " + line for line in sent], sent, NAME)
        expected = [
            b"cookie: " + (b";".join(pairs).strip(b" \t") if NAME in line else line)
            for pairs, line in zip(left, sent, strict=True)
            if NAME not in line or b"".join(pairs).strip(b" \t")
        ]
        self.assertEqual(kept, expected)

    def test_h49_other_fields_keep_their_places(self) -> None:
        sent = [
            *(b"X-A: _r=1", b"cOOKIE: _r=x; a=1", b"X-B: 2"),
            *(b"Cookie: _r=y", b"Cookie: b=2", b"X-C: 3"),
        ]
        expected = [sent[0], b"cOOKIE: a=1", sent[2], sent[4], sent[5]]
        self.assertEqual(take_out(sent, values_of(sent, b"cookie"), NAME)[0], expected)

    def test_h49_what_a_pod_gets(self) -> None:
        head = request([(b"Cookie", b"a=1; _r=x; b=2"), (b"Accept", b"*/*")])
        self.assertEqual(head.own_cookie, b"x")
        self.assertEqual(head.values(b"cookie"), [b"a=1; b=2"])
        sent = request_to_pod(
            head, Peer("192.0.2.7", b"http"), b"id", b"", host=b"a", expects_continue=False
        )
        self.assertIn(b"\r\nCookie: a=1; b=2\r\nAccept: */*\r\n", sent)
        self.assertNotIn(b"_r", sent)

    def test_h49_connection_cannot_keep_it(self) -> None:
        head = request([(b"Connection", b"cookie, _r"), (b"Cookie", b"_r=x; a=1")])
        self.assertEqual((head.own_cookie, head.lines), (b"x", [b"Cookie: a=1"]))

    def test_h48_repeated_is_ignored(self) -> None:
        head = request([(b"Cookie", b"_r=x"), (b"Cookie", b"a=1; _r=x")])
        self.assertEqual((head.own_cookie, head.lines), (b"", [b"Cookie: a=1"]))
        self.assertTrue(head.sent_cookies)

    def test_without_a_cookie_of_our_own_all_pass(self) -> None:
        fields = [(b"Cookie", b"_r=x; a=1")]
        self.assertEqual(request(fields, cookie="").lines, lines(fields))
        fields = [(b"Set-Cookie", b"_r=x")]
        self.assertEqual(response(fields, cookie="").lines, lines(fields))


class PodsSettingTests(SynchronousTestCase):
    """A pod cannot set a cookie of our name."""

    def test_h49_a_pods_own_is_dropped(self) -> None:
        ours = [b"_r=x", b"_r=x; Path=/", b" _r =x;Secure", b"_r", b"_r=", b"=_r=x", b"\t= _r =x"]
        others = [b"a=1; Path=/", b"_rb=_r=1", b"_R=1", b"a=_r; _r=2", b"a_r=1", b"=a=_r"]
        fields = [
            (name, value) for value in [*ours, *others] for name in (b"Set-Cookie", b"set-cookie")
        ]
        x = (b"X-One", b"_r=x")
        head = response([x, *fields, x])
        expected = [x, *(field for field in fields if field[1] in others), x]
        self.assertEqual(head.lines, lines(expected))

    def test_h49_nor_in_an_interim_response(self) -> None:
        fields = [(b"Link", b"</a>"), (b"Set-Cookie", b"_r=x")]
        self.assertEqual(response(fields, status=103).lines, lines(fields[:1]))

    @settings(max_examples=200, deadline=None)
    @given(st.lists(st.binary(max_size=8)))
    def test_h49_without_our_name_nothing_is_dropped(self, values: list[bytes]) -> None:
        sent = [b"Set-Cookie: " + value for value in values]
        kept = without_setting(sent, values, NAME)
        self.assertEqual([line for line in sent if NAME not in line],
                         [line for line in kept if NAME not in line])  # fmt: skip


class OurSettingTests(SynchronousTestCase):
    """What sets our cookie."""

    def test_h50_the_line(self) -> None:
        line = b"_r=abc; Path=/; HttpOnly; SameSite=Lax; Max-Age=60"
        self.assertEqual(setting(NAME, b"abc", 60, secure=False), b"Set-Cookie: " + line)
        secured = setting(NAME, b"abc", 60, secure=True)
        self.assertEqual(secured, b"Set-Cookie: " + line + b"; Secure")

    def test_h50_an_empty_one_is_removed(self) -> None:
        self.assertEqual(
            setting(NAME, b"", 60, secure=False),
            b"Set-Cookie: _r=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0",
        )

    def test_h50_whether_the_client_came_by_https(self) -> None:
        proto = [(b"X-Forwarded-Proto", b"https")]
        trusted, stranger = (Peer("192.0.2.7", b"http", is_trusted) for is_trusted in (True, False))
        self.assertEqual(client_scheme(request(proto), trusted), b"https")
        self.assertEqual(client_scheme(request(proto), stranger), b"http")
        self.assertEqual(client_scheme(request([]), Peer("192.0.2.7", b"https", True)), b"https")

    def test_h51_statuses(self) -> None:
        self.assertEqual([n for n in range(100, 600) if may_set(n, [])],
                         [n for n in range(200, 300) if n != 206])  # fmt: skip

    def test_h51_what_shared_caches_may_keep(self) -> None:
        table = [
            ([b"public"], False),
            ([b"max-age=60, Public"], False),
            ([b"private", b"PUBLIC"], False),
            ([b"s-maxage=0"], False),
            ([b"private, S-MaxAge = 60"], False),
            ([b"private, max-age=60,immutable"], False),
            ([b"max-age=60"], False),
            ([b'private="x-a", max-age=60'], False),
            ([b"max-age=60, private"], True),
            ([b"no-store"], True),
            ([b"max-age=0, private, must-revalidate"], True),
            ([b"no-cache"], True),
            ([b"max-age=0"], True),
            ([b"x-public, publicly"], True),
            ([], True),
        ]
        for values, expected in table:
            fields = [(b"Cache-Control", value) for value in values]
            self.assertEqual(may_set(200, lines([(b"X-A", b"public"), *fields])), expected, values)

    def test_h51_a_time_in_a_field_of_its_own(self) -> None:
        expires = (b"expires", b"Thu, 01 Jan 2099 00:00:00 GMT")
        self.assertFalse(may_set(200, lines([expires])))
        self.assertTrue(may_set(200, lines([expires, (b"cache-control", b"private")])))
        self.assertTrue(may_set(200, lines([expires, (b"Cache-Control", b"max-age=0")])))

    def test_h51_clients(self) -> None:
        browser = (b"Accept", b"text/html,application/xml;q=0.9,*/*;q=0.8")
        tool = (b"Accept", b"*/*, application/json")
        for fields, expected in (
            ([browser], True),
            ([(b"accept", b"a/b"), (b"accept", b"x/y , TEXT/HTML ; level=1")], True),
            ([tool, (b"Cookie", b"a=1")], True),
            ([tool, (b"Cookie", b"_r=x")], True),
            ([tool], False),
            ([(b"Accept", b"text/html+xml, x-text/html")], False),
            ([], False),
        ):
            self.assertEqual(request(fields).takes_cookies, expected, fields)

    def test_no_accept_is_no_browser(self) -> None:
        self.assertFalse(accepts_html([]))
