"""An ASGI application as a pod, driven in memory under asyncio."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pods.errors import ConfigurationError
from pods.middleware import AsgiPod, Question, Table, by_body, by_first_segment, by_graphql_variable
from pods.protocol import LEARN_PATH, LearnAnswer, Redirect

TENANTS = {"my-company": "pod_eu0", "gitlab-org": "pod_us0"}
REDIRECT, CACHE = b"x-gitlab-pod-redirect", b"x-gitlab-pod-cache"
DENIAL: dict[str, Any] = {"websocket.http.response": {}}


class Application:
    """Answers with a script of messages, and keeps what it gets."""

    def __init__(self, *messages: dict[str, Any], reads: int = 0) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": []}
        self.messages = messages or (start, {"type": "http.response.body", "body": b"application"})
        self.reads = reads
        self.received: list[Any] = []
        self.scopes: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        self.received += [await receive() for _ in range(self.reads)]
        for message in self.messages:
            await send(message)


def scope_of(target: str, method: str = "GET", kind: str = "http", **more: Any) -> dict[str, Any]:
    path, _, query = target.partition("?")
    scope = {"type": kind, "path": path, "raw_path": path.encode(), "query_string": query.encode()}
    return {**scope, "headers": [], **({"method": method} if kind == "http" else {}), **more}


def drive(pod: Any, scope: dict[str, Any], *messages: dict[str, Any]) -> list[dict[str, Any]]:
    """What is sent when these messages come, all of which have to be taken."""
    sent: list[dict[str, Any]] = []
    coming = iter(messages)

    async def receive() -> dict[str, Any]:
        message = next(coming, None)
        assert message is not None, "the body was read"
        return message

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(pod(scope, receive, send))
    assert next(coming, None) is None, "there was more to receive"
    return sent


class AsgiTestCase(SynchronousTestCase):
    def pod(self, application: Any, who_owns: Any = TENANTS) -> AsgiPod:
        return AsgiPod(application, me="pod_eu0", who_owns=who_owns)


class HttpTests(AsgiTestCase):
    def test_own_requests_are_answered_and_taught(self) -> None:
        application = Application()
        start, body = drive(self.pod(application), scope_of("/my-company/x"))
        self.assertEqual(start["headers"], [(CACHE, b'{"path_prefix": "/my-company/"}')])
        self.assertEqual(body, application.messages[1])
        self.assertEqual(application.messages[0]["headers"], [])

    def test_others_are_bounced_before_the_body_is_read(self) -> None:
        application = Application()
        start, body = drive(self.pod(application), scope_of("/gitlab-org/x", "POST"))
        self.assertEqual((start["status"], body["body"]), (307, b""))
        self.assertEqual(Redirect.parse(dict(start["headers"])[REDIRECT]), Redirect("pod_us0"))
        self.assertEqual(application.scopes, [])

    def test_all_else_goes_through_as_it_is(self) -> None:
        for scope in (scope_of("/static/x"), scope_of("/"), {"type": "lifespan"}):
            seen: list[Any] = []

            async def application(
                scope: Any, receive: Any, send: Any, seen: list[Any] = seen
            ) -> None:
                seen.extend([scope, receive, send])

            async def receive() -> Any: ...

            async def send(message: Any) -> None: ...

            asyncio.run(self.pod(application)(scope, receive, send))
            self.assertEqual(seen, [scope, receive, send])
            self.assertIs(seen[0], scope)

    def test_what_is_not_shown_teaches_nothing(self) -> None:
        for status in (302, 401, 403, 404, 500):
            start = {"type": "http.response.start", "status": status}
            self.assertEqual(drive(self.pod(Application(start)), scope_of("/my-company")), [start])

    def test_what_the_application_teaches_itself_stays(self) -> None:
        own = [(b"X-Gitlab-Pod-Cache", b"own")]
        start = {"type": "http.response.start", "status": 200, "headers": own}
        self.assertEqual(drive(self.pod(Application(start)), scope_of("/my-company")), [start])

    def test_each_message_goes_on_at_once(self) -> None:
        """Events, early hints, trailers: whatever is sent leaves in order, unchanged."""
        early = {"type": "http.response.early_hint", "links": []}
        start = {"type": "http.response.start", "status": 200, "headers": [], "trailers": True}
        parts: list[dict[str, Any]] = [
            {"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True},
            {"type": "http.response.trailers", "headers": []},
        ]
        sent = drive(self.pod(Application(early, start, *parts)), scope_of("/my-company"))
        self.assertEqual([sent[0], *sent[2:]], [early, *parts])
        self.assertIs(sent[1]["trailers"], True)

    def test_learn(self) -> None:
        application = Application()
        pod = self.pod(application)
        start, body = drive(pod, scope_of(f"{LEARN_PATH}?path_info=/gitlab-org/a"))
        self.assertEqual(LearnAnswer.parse(body["body"]), LearnAnswer("/gitlab-org", "pod_us0"))
        self.assertIn((b"content-type", b"application/json"), start["headers"])
        for target, method, status in (
            (f"{LEARN_PATH}?path_info=/nobody", "GET", 404),
            (LEARN_PATH, "GET", 400),
            (f"{LEARN_PATH}?path_info=/a", "POST", 405),
        ):
            self.assertEqual(drive(pod, scope_of(target, method))[0]["status"], status)
        self.assertEqual(application.scopes, [])

    def test_a_server_that_has_decoded_the_path(self) -> None:
        pod = self.pod(Application(), {"ä b": "pod_eu0"})
        scope = scope_of("/ä b/x", raw_path=None)
        (start, _) = drive(pod, scope)
        self.assertEqual(start["headers"], [(CACHE, b'{"path_prefix": "/%C3%A4%20b/"}')])

    def test_what_is_known_of_a_request(self) -> None:
        seen: list[Question] = []
        headers = [(b"host", b"Acme:80"), (b"x-tenant", b"t")]
        drive(self.pod(Application(), seen.append), scope_of("/a", "PUT", headers=headers))
        self.assertEqual((seen[0].method, seen[0].host), ("PUT", "acme"))
        self.assertEqual((seen[0].header("X-Tenant"), seen[0].header("X")), ("t", None))


class WaitingTests(AsgiTestCase):
    def test_owners_may_be_asynchronous(self) -> None:
        async def who_owns(question: Question) -> str:
            await asyncio.sleep(0)
            return "pod_us0"

        self.assertEqual(drive(self.pod(Application(), who_owns), scope_of("/a"))[0]["status"], 307)

    def test_lookups_may_be_asynchronous(self) -> None:
        async def lookup(key: str) -> str | None:
            await asyncio.sleep(0)
            return TENANTS.get(key)

        pod = self.pod(Application(), by_first_segment(lookup))
        self.assertEqual(drive(pod, scope_of("/gitlab-org"))[0]["status"], 307)

    def test_what_blocks_is_called_in_another_thread(self) -> None:
        threads: list[Any] = []

        class Slow(Table):
            blocks = True

            def pod_of(self, key: str) -> str:
                threads.append(threading.current_thread())
                return "pod_us0"

        drive(self.pod(Application(), Slow()), scope_of("/a"))
        self.assertEqual(len(threads), 1)
        self.assertIsNot(threads[0], threading.current_thread())


class WebSocketTests(AsgiTestCase):
    CONNECT = {"type": "websocket.connect"}

    def test_another_pods_handshake_gets_an_http_answer(self) -> None:
        application = Application()
        scope = scope_of("/gitlab-org/socket", kind="websocket", extensions=DENIAL)
        start, body = drive(self.pod(application), scope, self.CONNECT)
        self.assertEqual(start["type"], "websocket.http.response.start")
        self.assertEqual(start["status"], 307)
        self.assertEqual(Redirect.parse(dict(start["headers"])[REDIRECT]), Redirect("pod_us0"))
        self.assertEqual(body, {"type": "websocket.http.response.body", "body": b""})
        self.assertEqual(application.scopes, [])

    def test_a_server_that_cannot_say_so(self) -> None:
        scope = scope_of("/gitlab-org/socket", kind="websocket")
        with self.assertLogs("pods.middleware") as logs:
            sent = drive(self.pod(Application()), scope, self.CONNECT)
        self.assertEqual(sent, [{"type": "websocket.close", "code": 1008}])
        self.assertIn("lacks the ASGI extension websocket.http.response", logs.output[0])

    def test_ones_own_is_accepted_and_taught(self) -> None:
        messages = [{"type": "websocket.accept", "subprotocol": "x"}, {"type": "websocket.send"}]
        application = Application(*messages, reads=1)
        scope = scope_of("/my-company/socket", kind="websocket")
        accept, text = drive(self.pod(application), scope, self.CONNECT)
        self.assertEqual(accept["headers"], [(CACHE, b'{"path_prefix": "/my-company/"}')])
        self.assertEqual((accept["subprotocol"], text), ("x", messages[1]))
        self.assertEqual(application.received, [self.CONNECT])

    def test_nobody_learns_over_a_websocket(self) -> None:
        application = Application({"type": "websocket.close"})
        drive(self.pod(application), scope_of(LEARN_PATH, kind="websocket"))
        self.assertEqual(len(application.scopes), 1)


class BodyTests(AsgiTestCase):
    def parts(self, company: str) -> list[dict[str, Any]]:
        body = json.dumps({"variables": {"company": company}}).encode()
        return [
            {"type": "http.request", "body": body[:5], "more_body": True},
            {"type": "http.request", "body": body[5:]},
        ]

    def graphql(self, application: Application, *messages: dict[str, Any]) -> list[dict[str, Any]]:
        who_owns = by_graphql_variable("company", TENANTS, limit_bytes=100)
        return drive(self.pod(application, who_owns), scope_of("/graphql", "POST"), *messages)

    def test_a_variable_decides(self) -> None:
        start, _ = self.graphql(Application(), *self.parts("gitlab-org"))
        redirect = Redirect.parse(dict(start["headers"])[REDIRECT])
        self.assertEqual(redirect, Redirect("pod_us0", once=True))

    def test_own_bodies_arrive_whole(self) -> None:
        application = Application(reads=3)
        messages = [*self.parts("my-company"), {"type": "http.disconnect"}]
        self.assertEqual(self.graphql(application, *messages)[0]["status"], 200)
        self.assertEqual(application.received, messages)

    def test_a_long_body_is_read_no_further_than_the_limit(self) -> None:
        long = {"type": "http.request", "body": b" " * 60, "more_body": True}
        application = Application()
        self.graphql(application, long, long)  # a third would fail
        self.assertEqual(len(application.scopes), 1)

    def test_who_looks_into_a_body_gets_no_more_than_the_limit(self) -> None:
        seen: list[bytes] = []
        body = {"type": "http.request", "body": b"0123456789", "more_body": True}
        who_owns = by_body({}, seen.append, paths=["/x"], limit_bytes=3)
        drive(self.pod(Application(), who_owns), scope_of("/x", "POST"), body)
        self.assertEqual(seen, [b"012"])

    def test_a_client_that_leaves(self) -> None:
        application = Application(reads=1)
        self.graphql(application, {"type": "http.disconnect"})
        self.assertEqual(application.received, [{"type": "http.disconnect"}])


class FaultTests(AsgiTestCase):
    def test_faults_are_said_while_starting(self) -> None:
        for application, said in (
            (3, "application: is 3; allowed: an ASGI 3 application"),
            (lambda environ, start_response: [], "takes (scope, receive, send)"),
        ):
            error = self.assertRaises(ConfigurationError, self.pod, application, {"/": "pod_a"})
            self.assertIn(said, str(error))
            self.assertIn("prefixes['/']", str(error))
