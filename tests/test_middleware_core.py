"""Whose a request is, and what a pod says then: without any server."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pods.errors import ConfigurationError
from pods.middleware import (
    Owner,
    Question,
    by_first_segment,
    by_header,
    by_host,
    by_prefix,
    by_token,
    first,
    moved,
    once,
)
from pods.middleware.ownership import (
    Decision,
    Ownership,
    Reply,
    asked_ahead,
    is_teaching,
    learn_answer,
)
from pods.middleware.question import encoded, host_name, path_of
from pods.middleware.running import at_once
from pods.protocol import CacheClaim, LearnAnswer, Redirect, learn_target

TENANTS = {"my-company": "pod_eu0", "gitlab-org": "pod_us0", "gitlab-org/gitlab": "pod_us1"}


def get(path: str, **more: Any) -> Question:
    return Question(method="GET", path=path, **more)


def decided(who_owns: Any, question: Question, me: str = "pod_eu0") -> Decision:
    ownership = Ownership.checked(me, who_owns)
    return ownership.decide(question, at_once(ownership.steps(question)))


def pod_of(who_owns: Any, question: Question) -> str | None:
    ownership = Ownership.checked("any", who_owns)
    owner = at_once(ownership.steps(question))
    return None if owner is None else owner.pod


def learned(who_owns: Any, path: str, me: str = "pod_eu0") -> LearnAnswer | None:
    """What a router is told, through the wire's own words."""
    ownership = Ownership.checked(me, who_owns)
    asked = asked_ahead("GET", learn_target("GET", path).partition("?")[2])
    assert isinstance(asked, Question), asked
    reply = learn_answer(asked, at_once(ownership.steps(asked)))
    return LearnAnswer.parse(reply.body) if reply.status == 200 else None


def headers(reply: Reply | None) -> dict[str, str]:
    assert reply is not None
    return dict(reply.headers)


class DecisionTests(SynchronousTestCase):
    def test_another_pods_path_is_bounced(self) -> None:
        reply = decided(TENANTS, get("/gitlab-org")).bounce
        self.assertEqual(headers(reply)["X-Gitlab-Pod-Redirect"], '{"pod": "pod_us0"}')
        self.assertEqual(headers(reply)["Content-Length"], "0")
        self.assertEqual((reply.status, reply.body) if reply else None, (307, b""))

    def test_own_path_is_taught(self) -> None:
        decision = decided(TENANTS, get("/my-company/project"))
        claim = ("X-Gitlab-Pod-Cache", '{"path_prefix": "/my-company/"}')
        self.assertEqual(decision, Decision(teaches=claim))

    def test_nobodys_path_is_left_alone(self) -> None:
        for path in ("/", "/my-company2", "/my-company.atom", "*", "//", "/static/x"):
            self.assertEqual(decided(TENANTS, get(path)), Decision(), path)

    def test_the_longest_prefix_wins(self) -> None:
        self.assertEqual(pod_of(TENANTS, get("/gitlab-org/gitlab/-/issues")), "pod_us1")
        self.assertEqual(pod_of(TENANTS, get("/gitlab-org/gitlab2")), "pod_us0")

    def test_prefixes_are_taught_as_they_stand_in_the_request(self) -> None:
        decision = decided(TENANTS, get("/my%2Dcompany/x"))
        self.assertEqual(
            decision.teaches and decision.teaches[1], '{"path_prefix": "/my%2Dcompany/"}'
        )

    def test_an_ambiguous_path_is_bounced_but_not_taught(self) -> None:
        self.assertIsNotNone(decided(TENANTS, get("/gitlab-org%2Fx")).bounce)
        for path in ("/my-company%2Fx", "/my-company//x", "/my-company/../x"):
            self.assertEqual(decided(TENANTS, get(path)), Decision(), path)

    def test_keys_may_be_spelled_with_slashes(self) -> None:
        for key in ("a/b", "/a/b", "/a/b/"):
            self.assertEqual(pod_of({key: "pod_us0"}, get("/a/b/c")), "pod_us0", key)

    def test_the_header_prefix(self) -> None:
        ownership = Ownership.checked("pod_a", {"a": "pod_a", "b": "pod_b"}, "X-Cell-")
        mine = ownership.decide(get("/a"), Owner("pod_a", "/a"))
        self.assertEqual(mine.teaches and mine.teaches[0], "X-Cell-Cache")
        self.assertIn("X-Cell-Redirect", headers(ownership.decide(get("/b"), Owner("b")).bounce))

    def test_exact_and_ttl(self) -> None:
        owner = Owner("pod_eu0", "/a/b", exact=True, ttl_seconds=5)
        decision = decided(lambda question: owner, get("/a/b"))
        claim = '{"path": "/a/b", "exact": true, "ttl_seconds": 5}'
        self.assertEqual(decision.teaches and decision.teaches[1], claim)
        self.assertIsNone(decided(lambda question: owner, get("/a/b/c")).teaches)

    def test_only_success_teaches(self) -> None:
        teaching = [status for status in range(100, 600) if is_teaching(status)]
        self.assertEqual(teaching, [101, *range(200, 300), 304])

    def test_a_function_that_names_a_pod_owns_that_path(self) -> None:
        decision = decided(lambda question: "pod_eu0", get("/a/b"))
        self.assertEqual(
            decision.teaches and decision.teaches[1], '{"path": "/a/b", "exact": true}'
        )

    def test_a_function_that_gives_nonsense(self) -> None:
        error = self.assertRaises(TypeError, decided, lambda question: 3, get("/a"))
        self.assertIn("allowed: an Owner", str(error))


class HelperTests(SynchronousTestCase):
    def test_first_segment(self) -> None:
        helper = by_first_segment({"a": "pod_a", "a/b": "pod_b"})
        self.assertEqual(pod_of(helper, get("/a/b")), "pod_a")

    def test_lookups_may_be_functions(self) -> None:
        asked: list[str] = []

        def lookup(key: str) -> str | None:
            asked.append(key)
            return "pod_a" if key == "a" else None

        self.assertEqual(pod_of(by_prefix(lookup, 2), get("/a/b/c")), "pod_a")
        self.assertEqual(asked, ["a/b", "a"])

    def test_host(self) -> None:
        helper = by_host({"acme.example.com": "pod_a"})
        self.assertEqual(pod_of(helper, get("/x", host="acme.example.com")), "pod_a")
        self.assertIsNone(pod_of(helper, get("/x", host="example.com")))
        self.assertIsNone(pod_of(helper, get("/x")))

    def test_host_below_a_domain(self) -> None:
        helper = by_host({"acme": "pod_a"}, below="Example.com")
        self.assertEqual(pod_of(helper, get("/x", host="acme.example.com")), "pod_a")
        for host in (
            "acme",
            "example.com",
            "acme.example.org",
            "x.acme.example.com",
            "acmeexample.com",
        ):
            self.assertIsNone(pod_of(helper, get("/x", host=host)), host)

    def test_header(self) -> None:
        helper = by_header("X-Tenant", {"acme": "pod_a"}, str.lower)
        self.assertEqual(pod_of(helper, get("/x", header={"X-Tenant": "ACME"}.get)), "pod_a")
        self.assertIsNone(pod_of(helper, get("/x")))

    def test_token(self) -> None:
        helper = by_token({"acme": "pod_a"}, lambda token: token.partition("-")[0])
        values = {"Bearer acme-1": "pod_a", "bearer  acme-2": "pod_a", "Basic acme-1": None}
        for value, pod in {**values, "Bearer ": None, "": None}.items():
            question = get("/x", header={"Authorization": value}.get)
            self.assertEqual(pod_of(helper, question), pod, value)

    def test_what_the_path_does_not_say_is_bounced_once_and_never_taught(self) -> None:
        helper = by_header("X-Tenant", {"acme": "pod_a"})
        question = get("/x", header={"X-Tenant": "acme"}.get)
        redirect = headers(decided(helper, question, "pod_b").bounce)["X-Gitlab-Pod-Redirect"]
        self.assertEqual(Redirect.parse(redirect), Redirect("pod_a", once=True))
        self.assertEqual(decided(helper, question, "pod_a"), Decision())
        self.assertIsNone(learned(helper, "/x"))

    def test_first_asks_until_one_knows(self) -> None:
        helper = first(by_header("X-Tenant", {"acme": "pod_a"}), TENANTS)
        self.assertEqual(pod_of(helper, get("/my-company")), "pod_eu0")
        question = get("/my-company", header={"X-Tenant": "acme"}.get)
        self.assertEqual(pod_of(helper, question), "pod_a")

    def test_once(self) -> None:
        helper = once(TENANTS)
        redirect = headers(decided(helper, get("/gitlab-org")).bounce)["X-Gitlab-Pod-Redirect"]
        self.assertEqual(Redirect.parse(redirect), Redirect("pod_us0", once=True))
        self.assertEqual(decided(helper, get("/my-company")), Decision())
        answer = learned(helper, "/gitlab-org")
        self.assertEqual(answer, LearnAnswer("/gitlab-org", "pod_us0", ttl_seconds=0))

    def test_a_marker_wins_and_is_not_remembered_for_long(self) -> None:
        helper = moved({"/my-company": "pod_us1"}, TENANTS, ttl_seconds=30)
        left = headers(decided(helper, get("/my-company/x")).bounce)["X-Gitlab-Pod-Redirect"]
        self.assertEqual(Redirect.parse(left), Redirect("pod_us1"))
        there = decided(helper, get("/my-company/x"), "pod_us1")
        claim = CacheClaim("/my-company/", ttl_seconds=30)
        self.assertEqual(CacheClaim.parse(there.teaches[1]) if there.teaches else None, claim)
        self.assertEqual(pod_of(helper, get("/gitlab-org")), "pod_us0")


class LearnTests(SynchronousTestCase):
    def test_answers(self) -> None:
        self.assertEqual(learned(TENANTS, "/gitlab-org/x"), LearnAnswer("/gitlab-org", "pod_us0"))
        self.assertEqual(learned(TENANTS, "/my-company"), LearnAnswer("/my-company", "pod_eu0"))
        self.assertIsNone(learned(TENANTS, "/nobody"))
        self.assertIsNone(learned(TENANTS, "/"))

    def test_fixed(self) -> None:
        answer = learned(lambda question: Owner("pod_a", "/users", fixed=True), "/users/sign_in")
        self.assertEqual(answer, LearnAnswer("/users", "pod_a", "fixed"))

    def test_wrong_questions(self) -> None:
        for query in ("", "path_info=x", "path_info=/a&path_info=/b", "method=GET"):
            reply = asked_ahead("GET", query)
            self.assertEqual(reply.status if isinstance(reply, Reply) else None, 400, query)
        reply = asked_ahead("POST", "path_info=/a")
        self.assertEqual(reply.status if isinstance(reply, Reply) else None, 405)


class FaultTests(SynchronousTestCase):
    """What is wrong is said while starting: what, where, and what would be right."""

    def faults(self, me: Any = "pod_a", who_owns: Any = None, **more: Any) -> str:
        return str(
            self.assertRaises(ConfigurationError, Ownership.checked, me, who_owns or {}, **more)
        )

    def test_own_name(self) -> None:
        self.assertIn("me: is 'pod a'; allowed: a pod's name", self.faults("pod a"))
        self.assertIn("there is no such pod; allowed: pod_b", self.faults(pods=["pod_b"]))

    def test_all_at_once(self) -> None:
        said = self.faults("", {"/": "pod_a", "b": "pod b"}, header_prefix="X")
        self.assertEqual(len(said.splitlines()), 4, said)

    def test_mapping(self) -> None:
        self.assertIn(
            "prefixes['/']: names nothing, or every path", self.faults(who_owns={"/": "a"})
        )
        self.assertIn("prefixes['x']: is 3;", self.faults(who_owns={"x": 3}))
        self.assertIn("is there twice", self.faults(who_owns={"x": "pod_a", "/x/": "pod_a"}))
        said = self.faults(who_owns={"x": "pod_x"}, pods=["pod_a"])
        self.assertEqual(
            said, "prefixes['x']: is 'pod_x', and there is no such pod; allowed: pod_a"
        )

    def test_functions(self) -> None:
        self.assertIn("takes (question)", self.faults(who_owns=lambda: None))
        self.assertIn("takes (key)", self.faults(who_owns=by_prefix(lambda: None)))  # type: ignore[arg-type,misc]
        self.assertIn("takes (value)", self.faults(who_owns=by_header("X", {}, lambda: "")))  # type: ignore[arg-type,misc]
        self.assertIn("a function, a mapping", self.faults(who_owns=3))
        self.assertIn("hosts: is 3", self.faults(who_owns=by_host(3)))  # type: ignore[arg-type]

    def test_options(self) -> None:
        self.assertIn("segments: is 0", self.faults(who_owns=by_prefix({}, 0)))
        self.assertIn("Owner.ttl_seconds is -1", self.faults(who_owns=moved({}, {}, -1)))
        self.assertIn("header_prefix: is 'X'", self.faults(header_prefix="X"))

    def test_inside_of_others(self) -> None:
        self.assertIn("prefixes['/']", self.faults(who_owns=first({}, once({"/": "pod_a"}))))

    def test_owners(self) -> None:
        for wrong in ({"pod": "a b"}, {"path": "a"}, {"path": "/ö"}, {"ttl_seconds": -1}):
            fields: dict[str, Any] = {"pod": "pod_a", **wrong}
            error = self.assertRaises(ValueError, lambda fields=fields: Owner(**fields))
            self.assertIn("; allowed: ", str(error))

    def test_an_awaitable_where_nobody_awaits(self) -> None:
        async def who_owns(question: Question) -> None: ...

        error = self.assertRaises(ConfigurationError, decided, who_owns, get("/a"))
        self.assertIn("gives an awaitable", str(error))

    def test_a_stop_iteration_is_no_answer(self) -> None:
        self.assertRaises(StopIteration, decided, lambda question: next(iter(())), get("/a"))


class ReadingTests(SynchronousTestCase):
    def test_paths(self) -> None:
        for target, path in {
            b"/a/b?c=/d": "/a/b",
            b"http://host/a?b": "/a",
            b"http://host": "/",
            b"*": "*",
            b"//a://b": "//a://b",
            b"/%2f|\xe4#": "/%2f|%E4%23",
        }.items():
            self.assertEqual(path_of(target), path)

    def test_hosts(self) -> None:
        for field, host in {
            "Acme.example:8080": "acme.example",
            "acme.example.": "acme.example",
            "[::1]:80": "[::1]",
            "[::1]": "[::1]",
            "": "",
            "a:": "a",
        }.items():
            self.assertEqual(host_name(field), host)

    def test_encoded(self) -> None:
        self.assertEqual(encoded("/ä b/~x@y:z".encode()), "/%C3%A4%20b/~x@y:z")
