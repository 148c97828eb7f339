"""A WSGI application as a pod, driven in memory and watched by the standard library's validator."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pods.errors import ConfigurationError
from pods.middleware import Question, WsgiPod, by_body, by_graphql_variable, by_header, first
from pods.middleware.replay import Replayed
from pods.protocol import LEARN_PATH, LearnAnswer, Redirect

TENANTS = {"my-company": "pod_eu0", "gitlab-org": "pod_us0"}
REDIRECT, CACHE = "X-Gitlab-Pod-Redirect", "X-Gitlab-Pod-Cache"


class UntouchedBody:
    """A body that nobody may read."""

    def read(self, size: int = -1) -> bytes:
        raise AssertionError("the body was read")

    readline = readlines = __iter__ = read


class Application:
    """Says what it got."""

    def __init__(self, status: str = "200 OK", *headers: tuple[str, str]) -> None:
        self.status = status
        self.headers = [("Content-Type", "text/plain"), *headers]
        self.environs: list[dict[str, Any]] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.environs.append(environ)
        start_response(self.status, list(self.headers))
        return [b"application"]


def ask(
    application: Any, target: str, method: str = "GET", /, raw: bool = True, **more: Any
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer."""
    path, _, query = target.partition("?")
    environ: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": path, "SCRIPT_NAME": ""}
    environ["QUERY_STRING"] = query
    if raw:
        environ["RAW_URI"] = target
    setup_testing_defaults(environ)
    environ.update(more)
    started: list[Any] = []

    def start_response(*arguments: Any) -> Any:
        started.append(arguments)
        return lambda data: None

    answer = application(environ, start_response)
    body = b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    status, headers, *_ = started[-1]
    return int(status[:3]), dict(headers), body


class WsgiTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.application = Application()
        self.pod = self.wrapped(self.application)

    def wrapped(self, application: Any, who_owns: Any = TENANTS) -> Any:
        """Checked by the validator from both sides."""
        return validator(WsgiPod(validator(application), me="pod_eu0", who_owns=who_owns))

    def test_own_requests_are_answered_and_taught(self) -> None:
        status, headers, body = ask(self.pod, "/my-company/x?y=z")
        self.assertEqual((status, body), (200, b"application"))
        self.assertEqual(headers[CACHE], '{"path_prefix": "/my-company/"}')

    def test_others_are_bounced_before_the_body_is_read(self) -> None:
        pod = WsgiPod(self.application, me="pod_eu0", who_owns=TENANTS)
        body: dict[str, Any] = {"wsgi.input": UntouchedBody(), "CONTENT_LENGTH": "100000000"}
        for method in ("POST", "PUT", "GET", "DELETE"):
            status, headers, content = ask(pod, "/gitlab-org/x", method, **body)
            self.assertEqual((status, content), (307, b""))
            self.assertEqual(Redirect.parse(headers[REDIRECT]), Redirect("pod_us0"))
        self.assertEqual(self.application.environs, [])

    def test_a_bounced_head_has_no_body(self) -> None:
        self.assertEqual(ask(self.pod, "/gitlab-org", "HEAD")[::2], (307, b""))

    def test_nobodys_requests_go_through_as_they_are(self) -> None:
        seen: list[Any] = []

        def application(environ: Any, start_response: Any) -> Any:
            seen.append(start_response)
            return seen

        def start_response(*arguments: Any) -> None: ...

        environ: dict[str, Any] = {"REQUEST_METHOD": "GET", "PATH_INFO": "/static/x"}
        pod = WsgiPod(application, me="pod_eu0", who_owns=TENANTS)
        self.assertIs(pod(environ, start_response), seen)
        self.assertIs(seen[0], start_response)

    def test_streams_are_not_touched(self) -> None:
        """Not even a part of one's own answer is made before the server asks for it."""

        def application(environ: Any, start_response: Any) -> Any:
            start_response("200 OK", [])
            yield b"data: 1\n\n"
            raise AssertionError("too early")

        answer = WsgiPod(application, me="pod_eu0", who_owns=TENANTS)(
            {"REQUEST_METHOD": "GET", "PATH_INFO": "/my-company"}, lambda *arguments: None
        )
        self.assertEqual(next(iter(answer)), b"data: 1\n\n")

    def test_what_is_not_shown_teaches_nothing(self) -> None:
        for status in ("302 Found", "401 Unauthorized", "403 Forbidden", "404 Not Found"):
            _, headers, _ = ask(self.wrapped(Application(status)), "/my-company")
            self.assertNotIn(CACHE, headers)

    def test_what_the_application_teaches_itself_stays(self) -> None:
        own = (CACHE.lower(), '{"path_prefix": "/my-company/a/"}')
        _, headers, _ = ask(self.wrapped(Application("200 OK", own)), "/my-company/a")
        self.assertEqual(headers[own[0]], own[1])
        self.assertNotIn(CACHE, headers)

    def test_exc_info_is_handed_on(self) -> None:
        seen: list[Any] = []

        def application(environ: Any, start_response: Any) -> Any:
            start_response("500 Sorry", [], "exc_info")
            return []

        pod = WsgiPod(application, me="pod_eu0", who_owns=TENANTS)
        pod({"REQUEST_METHOD": "GET", "PATH_INFO": "/my-company"}, lambda *all: seen.append(all))
        self.assertEqual(seen, [("500 Sorry", [], "exc_info")])

    def test_learn(self) -> None:
        status, headers, body = ask(self.pod, f"{LEARN_PATH}?method=GET&path_info=/gitlab-org/a")
        self.assertEqual(LearnAnswer.parse(body), LearnAnswer("/gitlab-org", "pod_us0"))
        self.assertEqual((status, headers["Content-Type"]), (200, "application/json"))
        self.assertEqual(ask(self.pod, f"{LEARN_PATH}?path_info=/nobody")[0], 404)
        self.assertEqual(ask(self.pod, LEARN_PATH)[0], 400)
        self.assertEqual(ask(self.pod, f"{LEARN_PATH}?path_info=/a", "POST")[0], 405)
        self.assertEqual(ask(self.pod, f"{LEARN_PATH}?path_info=/my-company", "HEAD")[2], b"")
        self.assertEqual(self.application.environs, [])

    def test_a_server_that_has_decoded_the_path(self) -> None:
        pod = WsgiPod(self.application, me="pod_eu0", who_owns={"ä b": "pod_eu0"})
        path = "/ä b/x".encode().decode("latin-1")
        _, headers, _ = ask(pod, path, raw=False)
        self.assertEqual(headers[CACHE], '{"path_prefix": "/%C3%A4%20b/"}')

    def test_an_application_that_is_mounted_below(self) -> None:
        _, headers, _ = ask(self.pod, "/x", raw=False, SCRIPT_NAME="/my-company")
        self.assertIn(CACHE, headers)

    def test_what_is_known_of_a_request(self) -> None:
        seen: list[Question] = []
        pod = WsgiPod(self.application, me="pod_eu0", who_owns=seen.append)
        ask(pod, "/a", "PUT", HTTP_HOST="Acme:80", HTTP_X_TENANT="t", CONTENT_TYPE="text/x")
        self.assertEqual((seen[0].method, seen[0].host), ("PUT", "acme"))
        self.assertEqual(seen[0].header("x-tenant"), "t")
        self.assertEqual(seen[0].header("Content-Type"), "text/x")
        self.assertIsNone(seen[0].header("X-Other"))

    def test_faults_are_said_while_starting(self) -> None:
        async def asgi(scope: Any, receive: Any, send: Any) -> None: ...

        async def owner(question: Question) -> None: ...

        for application, who_owns, said in (
            (3, {}, "application: is 3; allowed: a WSGI application"),
            (lambda environ: [], {}, "takes (environ, start_response)"),
            (asgi, {}, "is asynchronous; allowed: for ASGI there is AsgiPod"),
            (Application(), owner, "who_owns: is asynchronous"),
            (3, {"/": "x"}, "prefixes['/']"),
        ):
            error = self.assertRaises(
                ConfigurationError, WsgiPod, application, me="pod_a", who_owns=who_owns
            )
            self.assertIn(said, str(error))


class BodyTests(SynchronousTestCase):
    """What is looked into is still there for the application."""

    def setUp(self) -> None:
        self.bodies: list[bytes] = []
        variable = by_graphql_variable("input.company", TENANTS, limit_bytes=1000)
        who_owns = first(by_header("X-Tenant", TENANTS), variable)
        self.pod = WsgiPod(self.application, me="pod_eu0", who_owns=who_owns)

    def application(self, environ: Any, start_response: Any) -> Any:
        self.bodies.append(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"] or 0)))
        start_response("200 OK", [])
        return []

    def post(self, body: bytes, **more: Any) -> Any:
        length = {"CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}
        return ask(self.pod, "/graphql", "POST", **{**length, **more})

    def query(self, company: Any) -> bytes:
        variables = {"input": {"company": company}}
        return json.dumps({"query": "{ me }", "variables": variables}).encode()

    def test_a_variable_decides(self) -> None:
        status, headers, _ = self.post(self.query("gitlab-org"))
        self.assertEqual((status, self.bodies), (307, []))
        self.assertEqual(Redirect.parse(headers[REDIRECT]), Redirect("pod_us0", once=True))

    def test_own_bodies_arrive_whole(self) -> None:
        status, headers, _ = self.post(self.query("my-company"))
        self.assertEqual((status, self.bodies), (200, [self.query("my-company")]))
        self.assertNotIn(CACHE, headers)

    def test_what_says_nothing_stays_here(self) -> None:
        deep = b'{"variables": ' + b"[" * 100_000
        bodies = [b"", b"[]", b"{", b'{"variables": []}', self.query(3), self.query("x"), deep]
        for body in bodies:
            self.assertEqual(self.post(body)[0], 200)
        self.assertEqual(self.bodies, bodies)

    def test_a_long_body_is_read_no_further_than_the_limit(self) -> None:
        stream = io.BytesIO(self.query("x" * 5000))
        seen: list[int] = []

        def application(environ: Any, start_response: Any) -> Any:
            seen.append(stream.tell())
            return self.application(environ, start_response)

        variable = by_graphql_variable("input.company", TENANTS, limit_bytes=1000)
        self.pod = WsgiPod(application, me="pod_eu0", who_owns=variable)
        self.post(stream.getvalue(), **{"wsgi.input": stream})
        self.assertEqual((seen, self.bodies), ([1000], [stream.getvalue()]))

    def test_what_comes_after_the_body_is_not_read(self) -> None:
        """Some servers hand over the connection itself."""
        body = self.query("my-company")
        stream = io.BytesIO(body + b"GET / HTTP/1.1")

        def application(environ: Any, start_response: Any) -> Any:
            self.bodies.append(environ["wsgi.input"].read())
            start_response("200 OK", [])
            return []

        variable = by_graphql_variable("input.company", TENANTS, limit_bytes=10)
        self.pod = WsgiPod(application, me="pod_eu0", who_owns=variable)
        self.post(body, **{"wsgi.input": stream})
        self.assertEqual(self.bodies, [body])

    def test_only_these_paths_and_methods(self) -> None:
        untouched: dict[str, Any] = {"CONTENT_LENGTH": "5", "wsgi.input": UntouchedBody()}
        for path, method in (("/other", "POST"), ("/graphql", "GET")):
            status, _, _ = ask(
                WsgiPod(Application(), me="pod_eu0", who_owns=by_graphql_variable("a", TENANTS)),
                path,
                method,
                **untouched,
            )
            self.assertEqual(status, 200)

    def test_a_header_that_decides_spares_the_body(self) -> None:
        more: dict[str, Any] = {"HTTP_X_TENANT": "gitlab-org", "wsgi.input": UntouchedBody()}
        self.assertEqual(self.post(b"x", **more)[0], 307)

    def test_a_body_that_ends_by_itself(self) -> None:
        body = self.query("gitlab-org")
        more: dict[str, Any] = {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}
        self.assertEqual(self.post(body, **more)[0], 307)

    def test_a_body_without_an_end_is_not_touched(self) -> None:
        more: dict[str, Any] = {"CONTENT_LENGTH": "", "wsgi.input": UntouchedBody()}
        pod = WsgiPod(Application(), me="pod_eu0", who_owns=by_graphql_variable("a", TENANTS))
        self.assertEqual(ask(pod, "/graphql", "POST", **more)[0], 200)

    def test_faults(self) -> None:
        helper = by_body({"/": "pod_a"}, lambda: None, paths=["x"], limit_bytes=0)  # type: ignore[arg-type,misc]
        error = self.assertRaises(
            ConfigurationError, WsgiPod, self.application, me="a", who_owns=helper
        )
        self.assertEqual(
            [fault.key for fault in error.faults], ["limit_bytes", "paths", "read", "bodies['/']"]
        )

    @settings(deadline=None)
    @given(
        st.binary(max_size=60),
        st.integers(0, 60),
        st.lists(st.tuples(st.sampled_from(["read", "readline", "readinto"]), st.integers(0, 20))),
        st.booleans(),
    )
    def test_replayed_reads_like_the_body_itself(
        self, body: bytes, begun: int, calls: list[tuple[str, int]], is_bounded: bool
    ) -> None:
        rest = body[begun:]
        after = b"the next request" if is_bounded else b""
        replayed = Replayed(
            body[:begun], io.BytesIO(rest + after), len(rest) if is_bounded else None
        )
        plain = io.BytesIO(body)
        for call, size in calls:
            if call == "readinto":
                buffer = bytearray(size)
                count = replayed.readinto(buffer)
                self.assertEqual(bytes(buffer[:count]), plain.read(count))
            else:
                self.assertEqual(getattr(replayed, call)(size), getattr(plain, call)(size))
        self.assertEqual(replayed.read(), plain.read())
