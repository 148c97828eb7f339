"""``pods check-pod`` against applications that are good pods, and against each kind of bad one."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase

from pods import cli
from pods.check_pod_findings import REMEDIES
from pods.middleware import WsgiPod, once
from tests.support_wsgi import serving
from tests.test_reference_service import PodServiceTestCase

TENANTS = {"mine": "pod_a", "theirs": "pod_b"}
PATHS = ("/mine/x", "/theirs/x")
TIMEOUT_SECONDS = "0.5"


def check(url: str, *more: str, paths: tuple[str, ...] = PATHS) -> tuple[int, list[str]]:
    """Exit code and lines of ``pods check-pod``."""
    stdout, stderr = io.StringIO(), io.StringIO()
    named = [word for path in paths for word in ("--path", path)]
    timeout = ("--timeout-seconds", TIMEOUT_SECONDS)
    code = cli.run(["check-pod", url, *named, *timeout, *more], stdout, stderr)
    assert not stderr.getvalue(), stderr.getvalue()
    return code, stdout.getvalue().splitlines()


def wrong(lines: list[str]) -> set[str]:
    """The names of the checks that found something wrong."""
    return {line.split()[1] for line in lines if line.startswith("WRONG")}


def site(environ: Any, start_response: Any) -> Any:
    """A good application: it has some pages."""
    is_there = environ["PATH_INFO"] in PATHS
    start_response("200 OK" if is_there else "404 Not Found", [("Content-Type", "text/plain")])
    return [b"page"]


def good(who_owns: Any = TENANTS, me: str = "pod_a", **more: Any) -> WsgiPod:
    return WsgiPod(site, me=me, who_owns=who_owns, **more)


Change = Callable[[dict[str, Any], str, list[tuple[str, str]], bytes], tuple[Any, Any, Any]]


def changed(change: Change) -> Any:
    """A good pod whose answers are changed: status, headers and body."""

    def bad(environ: Any, start_response: Any) -> Any:
        started: list[Any] = []
        body = b"".join(good()(environ, lambda *arguments: started.append(arguments)))
        status, headers, *_ = started[0]
        status, headers, body = change(environ, status, headers, body)
        start_response(status, headers)
        return [body]

    return bad


def at(path: str, status: str = "", *headers: tuple[str, str], body: bytes | None = None) -> Any:
    """Other answers than a good pod's, to requests for this path."""
    names = {name for name, _ in headers}

    def change(environ: Any, was: str, fields: Any, content: bytes) -> Any:
        if environ["PATH_INFO"] != path:
            return was, fields, content
        kept = [field for field in fields if field[0] not in names]
        if body is not None:
            kept = [field for field in kept if field[0] != "Content-Length"]
        return status or was, [*kept, *headers], content if body is None else body

    return changed(change)


def learned(answer: Callable[[str], Any]) -> Any:
    """Other learn answers than a good pod's.

    :param answer: from the path to a value for JSON, bytes, a status, or None for the good one.
    """

    def change(environ: Any, status: str, headers: Any, body: bytes) -> Any:
        asked = parse_qs(environ["QUERY_STRING"]).get("path_info", [""])[0]
        said = answer(asked) if environ["PATH_INFO"].endswith("/learn") else None
        if said is None:
            return status, headers, body
        if isinstance(said, str):
            return said, [], b""
        content = said if isinstance(said, bytes) else json.dumps(said).encode()
        return "200 OK", [("Content-Type", "application/json")], content

    return changed(change)


REDIRECT, CACHE = "X-Gitlab-Pod-Redirect", "X-Gitlab-Pod-Cache"


class GoodTests(SynchronousTestCase):
    def test_an_application_behind_the_middleware(self) -> None:
        with serving(good()) as url:
            code, lines = check(url)
            self.assertEqual((code, wrong(lines)), (0, set()), "\n".join(lines))
            names = {line.split()[1] for line in lines[:-1]}
            self.assertEqual(set(REMEDIES) - names, {"bounce-post", "owner", "redirect-elsewhere"})
            self.assertRegex(lines[-1], r"^\d+ right, 0 wrong$")

    def test_with_its_name(self) -> None:
        with serving(good()) as url:
            code, lines = check(url, "--pod", "pod_a")
        self.assertEqual(code, 0)
        self.assertTrue(any(" redirect-elsewhere " in line for line in lines))

    def test_owners_for_once(self) -> None:
        with serving(good(once(TENANTS))) as url:
            self.assertEqual(check(url)[0], 0)

    def test_what_the_path_does_not_decide_may_differ_from_learn(self) -> None:
        with serving(at("/theirs/x", "", (REDIRECT, '{"pod": "pod_c", "once": true}'))) as url:
            self.assertEqual(check(url)[0], 0)

    def test_each_prefix_is_looked_at_once(self) -> None:
        with serving(good()) as url:
            _, lines = check(url, paths=("/mine/x", "/mine"))
        self.assertEqual(sum(" trailing-slash " in line for line in lines), 1)

    def test_another_header_prefix(self) -> None:
        with serving(good(header_prefix="X-Cell-")) as url:
            self.assertEqual(check(url, "--header-prefix", "X-Cell-")[0], 0)

    def test_without_paths_it_says_what_was_not_checked(self) -> None:
        with serving(good()) as url:
            code, lines = check(url, paths=())
        self.assertEqual(code, 0)
        self.assertTrue(any("nothing was bounced; add --path" in line for line in lines), lines)


class ReferencePodTests(PodServiceTestCase):
    async def test_the_reference_pod_is_clean(self) -> None:
        url = self.url(self.start(name="pod_eu0"), "")
        paths = ("/", "/gitlab-org/gitlab", "/my-company", "/users/sign_in", "/admin", "/-/profile")
        code, lines = await deferToThread(check, url, paths=paths)
        self.assertEqual((code, wrong(lines)), (0, set()), "\n".join(lines))
        self.assertTrue(any("bounced to pod_us0" in line for line in lines))


class BadTests(SynchronousTestCase):
    """Each fault is named, and nothing else is."""

    def assert_wrong(self, application: Any, *names: str, **more: Any) -> list[str]:
        with serving(application) as url:
            code, lines = check(url, *more.pop("arguments", ()), **more)
        self.assertEqual(wrong(lines), set(names), "\n".join(lines))
        self.assertEqual(code, 1)
        for line in lines:
            if line.startswith("WRONG"):
                self.assertIn(f"; remedy: {REMEDIES[line.split()[1]]}", line)
        return lines

    # -- learn

    def test_learn_is_unknown_to_the_application(self) -> None:
        self.assert_wrong(learned(lambda path: "302 Found"), "learn-status", "learn-bad-query")

    def test_learn_fails(self) -> None:
        self.assert_wrong(learned({"/mine/x": "500 Sorry"}.get), "learn-status")

    def test_learn_answers_nonsense(self) -> None:
        for said in (b"<html>", b"[]", {"path": "/mine"}, {"path": "mine", "pod": "pod_a"}):
            self.assert_wrong(learned({"/mine/x": said}.get), "learn-json")

    def test_learn_names_another_path(self) -> None:
        for other in ("/", "/min", "/mine/x/y", "/mine//x", "/theirs"):
            answer = {"path": other, "pod": "pod_a"}
            self.assert_wrong(learned({"/mine/x": answer}.get), "learn-path")

    def test_learn_takes_bad_questions(self) -> None:
        self.assert_wrong(learned(lambda path: None if path else "200 OK"), "learn-bad-query")

    def test_a_slash_at_the_end_matters(self) -> None:
        def answer(path: str) -> Any:
            return "404 Not Found" if path == "/mine/" else None

        self.assert_wrong(learned(answer), "trailing-slash")

    def test_a_prefix_that_does_not_hold_below(self) -> None:
        def answer(path: str) -> Any:
            return "404 Not Found" if path.startswith("/mine/") and path != "/mine/x" else None

        self.assert_wrong(learned(answer), "prefix-below", "trailing-slash")

    def test_prefixes_that_are_no_segments(self) -> None:
        def answer(path: str) -> Any:
            return {"path": "/mine", "pod": "pod_a"} if path.startswith("/mine") else None

        self.assert_wrong(learned(answer), "prefix-boundary")

    # -- bounces

    def test_a_redirect_header_on_another_status(self) -> None:
        for status in ("200 OK", "303 See Other", "404 Not Found"):
            self.assert_wrong(at("/theirs/x", status), "redirect-status")

    def test_an_unreadable_redirect_header(self) -> None:
        for value in ("{pod: pod_b}", '{"pod": 3}', "pod b", ""):
            names = self.assert_wrong(at("/theirs/x", "", (REDIRECT, value)), "redirect-header")
            self.assertTrue(names)

    def test_two_redirect_headers(self) -> None:
        pair = ((REDIRECT, "pod_b"), (REDIRECT, "pod_c"))
        self.assert_wrong(at("/theirs/x", "", *pair), "redirect-header")

    def test_a_bounce_to_itself(self) -> None:
        arguments = ("--pod", "pod_b")
        self.assert_wrong(good(), "redirect-elsewhere", "cache-pod", arguments=arguments)

    def test_bounces_that_differ_from_learn(self) -> None:
        self.assert_wrong(at("/theirs/x", "", (REDIRECT, "pod_c")), "redirect-agrees")

    def test_a_bounce_that_teaches(self) -> None:
        claim = (CACHE, '{"path_prefix": "/theirs/"}')
        self.assert_wrong(at("/theirs/x", "", claim), "bounce-teaches")

    def test_a_bounce_of_get_only(self) -> None:
        def change(environ: Any, status: str, headers: Any, body: bytes) -> Any:
            if environ["REQUEST_METHOD"] == "HEAD":
                return "200 OK", [], b""
            return status, headers, body

        self.assert_wrong(changed(change), "bounce-head")

    def test_a_bounce_of_head_to_another_pod(self) -> None:
        def change(environ: Any, status: str, headers: Any, body: bytes) -> Any:
            if environ["REQUEST_METHOD"] == "HEAD":
                headers = [(REDIRECT, "pod_c")]
            return status, headers, body

        self.assert_wrong(changed(change), "bounce-head")

    def test_posts_that_are_checked_for_something_else_first(self) -> None:
        def change(environ: Any, status: str, headers: Any, body: bytes) -> Any:
            if environ["REQUEST_METHOD"] == "POST":
                return "403 Forbidden", [], b""
            return status, headers, body

        self.assert_wrong(changed(change), "bounce-post")

    def test_posts_that_are_not_taken_are_no_fault(self) -> None:
        def change(environ: Any, status: str, headers: Any, body: bytes) -> Any:
            if environ["REQUEST_METHOD"] == "POST":
                return "405 Method Not Allowed", [], b""
            return status, headers, body

        with serving(changed(change)) as url:
            code, lines = check(url)
        self.assertEqual(code, 0)
        self.assertTrue(any("405, so nothing can be said" in line for line in lines))

    def test_a_body_that_is_read_first(self) -> None:
        def application(environ: Any, start_response: Any) -> Any:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            return good()(environ, start_response)

        # Python's server sends no 100 Continue by itself, so that one is silent.
        self.assert_wrong(application, "bounce-before-body", "bounce-before-100")

    # -- teaching

    def test_an_unreadable_cache_header(self) -> None:
        for value in ("/mine/", '{"path": "/mine/"}', '{"path_prefix": "mine"}'):
            self.assert_wrong(at("/mine/x", "", (CACHE, value)), "cache-header")

    def test_two_cache_headers(self) -> None:
        claim = (CACHE, '{"path_prefix": "/mine/"}')
        self.assert_wrong(at("/mine/x", "", claim, claim), "cache-header")

    def test_a_claim_to_another_path(self) -> None:
        for path in ("/", "/theirs/", "/mi/", "/mine/x/y/"):
            claim = (CACHE, json.dumps({"path_prefix": path}))
            self.assert_wrong(at("/mine/x", "", claim), "cache-path")

    def test_a_claim_for_another_pod(self) -> None:
        claim = (CACHE, '{"path_prefix": "/mine/", "pod": "pod_b"}')
        self.assert_wrong(at("/mine/x", "", claim), "cache-pod")

    def test_what_is_not_shown_is_told(self) -> None:
        claim = (CACHE, '{"path_prefix": "/mine/"}')
        for status in ("401 Unauthorized", "403 Forbidden", "404 Not Found"):
            self.assert_wrong(at("/mine/x", status, claim), "cache-status")

    def test_a_tenants_missing_pages_are_looked_at_too(self) -> None:
        def change(environ: Any, status: str, headers: Any, body: bytes) -> Any:
            if status.startswith("404") and environ["PATH_INFO"].startswith("/mine/"):
                headers = [*headers, (CACHE, '{"path_prefix": "/mine/"}')]
            return status, headers, body

        self.assert_wrong(changed(change), "cache-status")

    def test_headers_that_only_routers_send(self) -> None:
        self.assert_wrong(at("/mine/x", "", ("X-Gitlab-Pod-Route", "cache")), "other-headers")

    def test_nothing_is_taught(self) -> None:
        plain = changed(
            lambda environ, status, headers, body: (
                status,
                [field for field in headers if field[0] != CACHE],
                body,
            )
        )
        with serving(plain) as url:
            code, lines = check(url)
        self.assertEqual(code, 0)
        self.assertTrue(any(line.startswith("note   cache-header") for line in lines))
