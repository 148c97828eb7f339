"""What every sidecar must say and hand on, request by request."""

from __future__ import annotations

import socket

from pods.protocol import (
    LEARN_PATH,
    PATH_LIMIT_BYTES,
    CacheClaim,
    HeaderNames,
    LearnAnswer,
    Redirect,
    learn_target,
)
from pods.routing.paths import is_ambiguous, prefixes
from tests.integration.http_pod import Exchange
from tests.integration.sidecar_cases import SidecarTestCase
from tests.integration.sidecars import EU, EU_APPLICATION
from tests.integration.support import Answer, ask, talk

NAMES = HeaderNames()
#: Keys that are prefixes of each other, that differ in capitals, and that hold what is encoded.
TENANTS = {
    "/my-company": "pod_eu0",
    "/my-company/secret": "pod_us0",
    "/my-company/secret/a/b": "pod_eu0",
    "/gitlab-org": "pod_us0",
    "/team": "pod_eu0",
    "/team/Sub": "pod_us0",
    "/ACME": "pod_us0",
    "/caf%C3%A9": "pod_us0",
    "/a%20b": "pod_eu0",
    "/a.b": "pod_us0",
    "/~ada": "pod_eu0",
    "/a+b;c=d,e:f@g!(h)*&i": "pod_us0",
    "/x/y/z/w": "pod_us0",
}
OTHER_PATHS = (
    "/",
    "/my",
    "/my-company2",
    "/my-company.atom",
    "/my%2Dcompany",
    "/my-company/secret2",
    "/my-company/secret/a/bc",
    "/my-company/secret/a/b/c/d/e",
    "/My-Company",
    "/team/sub",
    "/team/SUB/x",
    "/acme",
    "/caf%c3%a9",
    "/caf",
    "/a%2520b",
    "/a",
    "/axb",
    "/x/y/z",
    "/x/y/z/W",
    "/" + "long" * 100,
)
AMBIGUOUS_PATHS = (
    "//my-company",
    "/my-company//x",
    "/my-company/../gitlab-org",
    "/my-company/./x",
    "/my-company/..;x/y",
    "/my-company%2Fx",
    "/my-company/%2e%2E/x",
    "/my-company/%5cx",
)


def owner_of(path: str) -> tuple[str, str] | None:
    """The prefix and the pod, as the page says it."""
    return next(((prefix, TENANTS[prefix]) for prefix in prefixes(path) if prefix in TENANTS), None)


class WordCases(SidecarTestCase):
    """What one sidecar, that of ``pod_eu0``, says and hands on."""

    def setUp(self) -> None:
        super().setUp()
        self.status = 200
        self.headers: list[tuple[str, str]] = []
        self.behind = self.application(EU_APPLICATION, self.answer)

    def answer(self, exchange: Exchange) -> None:
        exchange.respond(self.status, b"", self.headers)

    def ask(self, target: str, method: str = "GET", **headers: str) -> Answer:
        return ask(self.sidecars.address(EU), target, method, headers=headers)

    def test_owners(self) -> None:
        """Of every path it says the same as the map, whether it is asked for it or about it."""
        self.sidecars.own(TENANTS)
        self.start("pod_eu0")
        ends = ("", "/", "/x", "/x%2Dy/z/", "x", ".x", "%20x")
        paths = (*OTHER_PATHS, *(key + end for key in TENANTS for end in ends))
        for path in paths:
            owner = owner_of(path)
            self.assertEqual(self.learned(path), owner, path)
            if owner is None:
                self.assertEqual(self.said(path), (200, None, None), path)
            elif owner[1] == "pod_eu0":
                claim = CacheClaim(f"{owner[0]}/").format()
                self.assertEqual(self.said(path), (200, None, claim), path)
            else:
                self.assertEqual(self.said(path), (307, Redirect(owner[1]).format(), None), path)
        handed_on = [seen.target for seen in self.behind.seen]
        own = [path for path in paths if (owner_of(path) or ("", "pod_eu0"))[1] == "pod_eu0"]
        self.assertEqual(handed_on, own)

    def learned(self, path: str) -> tuple[str, str] | None:
        answer = self.ask(learn_target("GET", path))
        if answer.status == 404:
            return None
        self.assertEqual((answer.status, answer.headers["content-type"]), (200, "application/json"))
        learned = LearnAnswer.parse(answer.body)
        return (learned.path, learned.pod)

    def said(self, target: str) -> tuple[int, str | None, str | None]:
        """Status, redirect and claim of what is answered."""
        answer = self.ask(target)
        names = (NAMES.redirect.lower(), NAMES.cache.lower())
        redirect, claim = (answer.headers.get(name) for name in names)
        return (answer.status, redirect, claim)

    def test_ambiguous_paths_are_neither_learned_nor_taught(self) -> None:
        self.start("pod_eu0")
        for path in AMBIGUOUS_PATHS:
            self.assertTrue(is_ambiguous(path), path)
            self.assertIsNone(self.learned(path), path)
            self.assertEqual(self.said(path), (200, None, None), path)
            # Python's server reads slashes at the beginning as one.
            self.assertEqual(self.behind.seen[-1].target, f"/{path.lstrip('/')}")
        self.assertEqual(self.said("/gitlab-org/../x")[:2], (307, Redirect("pod_us0").format()))

    def test_paths_that_are_too_long_for_routers(self) -> None:
        """They are bounced, and neither learned nor taught: with its slash a path has 255 bytes."""
        fits, too_long = "/" + "f" * (PATH_LIMIT_BYTES - 2), "/" + "t" * (PATH_LIMIT_BYTES - 1)
        self.sidecars.own({fits: "pod_eu0", too_long: "pod_eu0", f"{too_long}/x": "pod_us0"})
        self.start("pod_eu0")
        self.assertEqual(self.learned(fits), (fits, "pod_eu0"))
        self.assertEqual(self.said(fits), (200, None, CacheClaim(f"{fits}/").format()))
        self.assertIsNone(self.learned(too_long))
        self.assertEqual(self.said(too_long), (200, None, None))
        self.assertIsNone(self.learned(f"{too_long}/x"))
        self.assertEqual(self.said(f"{too_long}/x")[0], 307)

    def test_the_query_takes_no_part(self) -> None:
        self.start("pod_eu0")
        claim = CacheClaim("/my-company/").format()
        self.assertEqual(self.said("/my-company?//a/../%2F"), (200, None, claim))
        self.assertEqual(self.behind.seen[-1].target, "/my-company?//a/../%2F")
        self.assertEqual(self.said("/?/gitlab-org"), (200, None, None))

    def test_targets_with_a_host(self) -> None:
        self.start("pod_eu0")
        answer = talk(
            self.sidecars.address(EU),
            b"GET http://site.example/gitlab-org/x?y HTTP/1.1\r\n"
            b"Host: site.example\r\nConnection: close\r\n\r\n",
        )
        self.assertTrue(answer.startswith(b"HTTP/1.1 307 "), answer)
        self.assertIn(Redirect("pod_us0").format().encode(), answer)

    def test_large_heads(self) -> None:
        """As large as routers let them through by default."""
        self.start("pod_eu0")
        fields = {f"X-Field-{number}": "x" * 700 for number in range(80)}
        self.headers = list(fields.items())
        answer = self.ask("/my-company/x", **fields)
        self.assertEqual((answer.status, answer.headers["x-field-79"]), (200, "x" * 700))
        (seen,) = self.behind.seen
        self.assertEqual(seen.headers["x-field-79"], "x" * 700)
        self.headers = []
        self.assertEqual(self.said("/my-company/" + "x" * 16_000)[0], 200)
        many = {f"X-Field-{number}": "x" for number in range(190)}
        self.assertEqual(self.ask("/gitlab-org/x", **many).status, 307)

    def test_how_routers_may_ask(self) -> None:
        """Encoded more than is needed, or wrongly."""
        self.start("pod_eu0")
        for query, status in (
            ("path_info=%2Fgitlab%2Dorg%2Fx&method=GET", 200),
            ("method=POST&path_info=/gitlab-org", 200),
            ("", 400),
            ("method=GET", 400),
            ("path_info=", 400),
            ("path_info=gitlab-org", 400),
            ("path_info=/gitlab-org/%2e./x", 404),
            ("path_info=/%2e%2e/%2e%2e/x", 404),
            ("path_info=%2F..%2F..", 404),
        ):
            answer = self.ask(f"{LEARN_PATH}?{query}")
            self.assertEqual(answer.status, status, query)
            if status == 200:
                self.assertEqual(
                    LearnAnswer.parse(answer.body), LearnAnswer("/gitlab-org", "pod_us0")
                )
        self.assertEqual(self.behind.seen, [])

    def test_only_what_is_shown_is_taught(self) -> None:
        self.start("pod_eu0")
        for status in (200, 201, 206, 304, 302, 303, 307, 400, 401, 403, 404, 410, 500, 503):
            self.status = status
            taught = self.said("/my-company/x")
            self.assertEqual(taught[:2], (status, None))
            self.assertEqual(taught[2] is not None, status < 300 or status == 304, status)

    def test_an_application_that_is_down_teaches_nothing(self) -> None:
        nobody = socket.socket()  # has the port, and does not listen
        self.addCleanup(nobody.close)
        nobody.bind(("127.0.0.1", 0))
        self.sidecars.move(EU_APPLICATION, nobody.getsockname()[1])
        self.start("pod_eu0")
        status, redirect, claim = self.said("/my-company/x")
        self.assertIn(status, (502, 503))
        self.assertEqual((redirect, claim), (None, None))

    def test_an_application_cannot_speak_for_the_pod(self) -> None:
        self.start("pod_eu0")
        self.headers = [
            (NAMES.redirect, "pod_us0"),
            (NAMES.cache, '{"path_prefix": "/gitlab-org/"}'),
            (NAMES.route, "cache"),
        ]
        self.assertEqual(self.said("/nobody/x"), (200, None, None))
        answer = self.ask("/my-company/x")
        names = [name for name in answer.headers if name.startswith(NAMES.prefix.lower())]
        self.assertEqual(names, [NAMES.cache.lower()])
        self.assertEqual(answer.headers[names[0]], CacheClaim("/my-company/").format())

    def test_what_the_application_gets(self) -> None:
        """The request as the router sent it, without what routers and pods say to each other."""
        self.start("pod_eu0")
        mine = dict.fromkeys((NAMES.redirect, NAMES.cache, NAMES.route, NAMES.attempt), "x")
        sent = {
            "Host": "site.example:8443",
            "X-Forwarded-For": "192.0.2.1",
            "X-Forwarded-Proto": "https",
            "X-Request-Id": "one",
            "Cookie": "a=b; c=d",
            "Authorization": "Basic eDp5",
            "X_Odd": "kept",
        }
        self.ask("/my-company/a%2Fb/../%7Ec;d?e=%20f", "DELETE", **sent, **mine)
        (seen,) = self.behind.seen
        self.assertEqual(
            (seen.method, seen.target), ("DELETE", "/my-company/a%2Fb/../%7Ec;d?e=%20f")
        )
        got = {name: value for name, value in seen.headers.items() if name in map(str.lower, sent)}
        self.assertEqual(got, {name.lower(): value for name, value in sent.items()})
        self.assertEqual([name for name in seen.headers if name.startswith("x-gitlab")], [])
