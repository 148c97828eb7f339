"""The words between pods and router: what is read, what is refused, and that writing undoes it."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pods.errors import ProtocolError
from pods.protocol import (
    HEADER_LIMIT_BYTES,
    PATH_LIMIT_BYTES,
    CacheClaim,
    HeaderNames,
    LearnAnswer,
    Redirect,
    is_pod_name,
    learn_target,
    parse_learn_query,
)

visible = [chr(code) for code in range(0x21, 0x7F) if chr(code) not in "?#"]
request_paths = st.text(visible, max_size=PATH_LIMIT_BYTES - 1).map(lambda text: "/" + text)
pod_names = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}", fullmatch=True)
ttls = st.one_of(st.none(), st.integers(0, 10**9), st.floats(0, 1e9))

NO_OBJECTS = ("", "x y", "[]", '"pod"', "1e+1", "-1", "{", "[" * 4000, "{}}", b"\xff\xfe")


class PodNameTests(SynchronousTestCase):
    """``is_pod_name``"""

    def test_names(self) -> None:
        for name in ("pod_eu0", "0", "_", "a.b-c", "x" * 63):
            self.assertTrue(is_pod_name(name), name)
        for name in ("", ".a", "-a", "a b", "a/b", "x" * 64, "pod\n", "pöd", "http://x"):
            self.assertFalse(is_pod_name(name), name)


class HeaderNamesTests(SynchronousTestCase):
    """``HeaderNames``"""

    def test_prefix(self) -> None:
        names = HeaderNames("X-Pod-")
        self.assertEqual(names.redirect, "X-Pod-Redirect")
        self.assertEqual(names.cache, "X-Pod-Cache")
        self.assertEqual(names.route, "X-Pod-Route")
        self.assertEqual(names.attempt, "X-Pod-Attempt")
        self.assertEqual(HeaderNames().redirect, "X-Gitlab-Pod-Redirect")


class RedirectTests(SynchronousTestCase):
    """``Redirect``"""

    def test_read(self) -> None:
        for value in (
            "pod_eu0",
            " pod_eu0\t",
            b"pod_eu0",
            '{"pod": "pod_eu0"}',
            b'{"pod":"pod_eu0"}',
        ):
            self.assertEqual(Redirect.parse(value), Redirect("pod_eu0"))
        self.assertEqual(
            Redirect.parse('{"pod": "pod_eu0", "once": true, "later": []}'),
            Redirect("pod_eu0", once=True),
        )

    def test_refused(self) -> None:
        for value in (
            *NO_OBJECTS,
            *("{}", '{"pod": 1}', '{"pod": ""}', '{"pod": "a b"}', '{"pod": "http://evil/"}'),
            *('{"pod": "a", "once": 1}', '{"pod": "a", "once": "true"}', '{"pod": null}'),
            "http://evil/",
            json.dumps({"pod": "a", "x": "x" * HEADER_LIMIT_BYTES}),
        ):
            self.assertRaises(ProtocolError, Redirect.parse, value)

    @given(st.builds(Redirect, pod=pod_names, once=st.booleans()))
    def test_writing_undoes_reading(self, redirect: Redirect) -> None:
        self.assertEqual(Redirect.parse(redirect.format()), redirect)
        self.assertEqual(Redirect.parse(redirect.format().encode()), redirect)

    @given(st.one_of(st.text(), st.binary()))
    def test_anything_is_read_or_refused(self, value: str | bytes) -> None:
        try:
            Redirect.parse(value)
        except ProtocolError:
            return
        text = value.decode() if isinstance(value, bytes) else value
        self.assertTrue(is_pod_name(text.strip(" \t\r\n")) or "pod" in text)


class CacheClaimTests(SynchronousTestCase):
    """``CacheClaim``"""

    def test_read(self) -> None:
        self.assertEqual(
            CacheClaim.parse('{"path_prefix": "/my-company/"}'), CacheClaim("/my-company/")
        )
        self.assertEqual(
            CacheClaim.parse(
                '{"path": "/-/profile", "exact": true, "pod": "pod_eu0", "ttl_seconds": 0}'
            ),
            CacheClaim("/-/profile", exact=True, pod="pod_eu0", ttl_seconds=0),
        )

    def test_refused(self) -> None:
        for value in (
            *NO_OBJECTS,
            *(
                "{}",
                "1",
                "null",
                "pod_eu0",
                '{"path": "/a"}',
                '{"path_prefix": "/a", "exact": true}',
            ),
            *('{"path_prefix": "a"}', '{"path_prefix": ""}', '{"path_prefix": 1}'),
            *('{"path_prefix": "/a?b"}', '{"path_prefix": "/a#b"}', '{"path_prefix": "/a b"}'),
            *('{"path_prefix": "/\\u00e4"}', '{"path_prefix": "/a\\n"}'),
            *('{"path_prefix": "/a", "pod": null}', '{"path_prefix": "/a", "pod": "a b"}'),
            *('{"path_prefix": "/a", "exact": 1}', '{"path_prefix": "/a", "ttl_seconds": "1"}'),
            *(
                '{"path_prefix": "/a", "ttl_seconds": -1}',
                '{"path_prefix": "/a", "ttl_seconds": true}',
            ),
            *('{"path_prefix": "/a", "ttl_seconds": NaN}',),
            *('{"path_prefix": "/a", "ttl_seconds": Infinity}',),
            '{"path_prefix": "/a", "ttl_seconds": 1e400}',
            json.dumps({"path_prefix": "/a", "ttl_seconds": 10**400}),
            json.dumps({"path_prefix": "/" + "a" * PATH_LIMIT_BYTES}),
        ):
            self.assertRaises(ProtocolError, CacheClaim.parse, value)

    @given(
        st.builds(
            CacheClaim,
            path=request_paths,
            exact=st.booleans(),
            pod=st.one_of(st.none(), pod_names),
            ttl_seconds=ttls,
        )
    )
    def test_writing_undoes_reading(self, claim: CacheClaim) -> None:
        self.assertEqual(CacheClaim.parse(claim.format()), claim)


class LearnAnswerTests(SynchronousTestCase):
    """``LearnAnswer``"""

    def test_read(self) -> None:
        self.assertEqual(
            LearnAnswer.parse(
                b'{"path": "/gitlab-org/gitlab-test", "pod": "pod_0", "source": "routable"}'
            ),
            LearnAnswer("/gitlab-org/gitlab-test", "pod_0"),
        )
        self.assertEqual(
            LearnAnswer.parse(
                '{\n"path": "/-/profile", "pod": "pod_0", "source": "fixed", "exact": true}\n'
            ),
            LearnAnswer("/-/profile", "pod_0", "fixed", exact=True),
        )

    def test_refused(self) -> None:
        for body in (
            *NO_OBJECTS,
            *("{}", "1", "null", '{"path": "/a"}', '{"pod": "a"}', '{"path": "a", "pod": "a"}'),
            *(
                '{"path": "/a", "pod": "a", "source": "x"}',
                '{"path": "/a", "pod": "a", "source": 1}',
            ),
            *('{"path": "/a", "pod": "a", "exact": null}', '{"path": ["/a"], "pod": "a"}'),
            '{"path": "/a", "pod": "a", "source": []}',
            json.dumps({"path": "/a", "pod": "a", "ttl_seconds": 10**400}),
        ):
            self.assertRaises(ProtocolError, LearnAnswer.parse, body)

    @given(
        st.builds(
            LearnAnswer,
            path=request_paths,
            pod=pod_names,
            source=st.sampled_from(["routable", "fixed"]),
            exact=st.booleans(),
            ttl_seconds=ttls,
        )
    )
    def test_writing_undoes_reading(self, answer: LearnAnswer) -> None:
        self.assertEqual(LearnAnswer.parse(answer.format()), answer)


class LearnTargetTests(SynchronousTestCase):
    """``learn_target`` and ``parse_learn_query``"""

    def test_as_in_the_proposal(self) -> None:
        self.assertEqual(
            learn_target("GET", "/gitlab-org/gitlab-test/-/issues"),
            "/api/v4/pods/learn?method=GET&path_info=/gitlab-org/gitlab-test/-/issues",
        )

    @given(st.from_regex(r"[A-Z][A-Z-]{0,10}", fullmatch=True), request_paths)
    def test_the_pod_gets_the_path_back(self, method: str, path: str) -> None:
        target = learn_target(method, path)
        self.assertEqual(parse_learn_query(target.partition("?")[2]), (method, path))
        self.assertTrue(set(target) <= set(visible) | {"?"})

    def test_method_is_optional(self) -> None:
        self.assertEqual(parse_learn_query("path_info=/a"), ("GET", "/a"))

    def test_refused(self) -> None:
        for query in (
            *("", "method=GET", "path_info=", "path_info=a", "path_info=/a&path_info=/b"),
            *("method=GET&method=PUT&path_info=/a", "&".join(["path_info=/a"] + ["x=1"] * 9)),
        ):
            self.assertRaises(ProtocolError, parse_learn_query, query)
