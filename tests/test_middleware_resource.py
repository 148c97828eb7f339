"""A resource of twisted.web as a pod, on sockets."""

from __future__ import annotations

import json
import threading
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, connectProtocol
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase
from twisted.web.resource import EncodingResourceWrapper, Resource
from twisted.web.server import GzipEncoderFactory, Site

from pods.errors import ConfigurationError
from pods.middleware import Question, Table, by_graphql_variable, first
from pods.middleware.resource import PodRequest, ResourcePod
from pods.protocol import LEARN_PATH, LearnAnswer
from tests.test_check_pod import check
from tests.test_reference_service import Collector

TENANTS = {"my-company": "pod_eu0", "gitlab-org": "pod_us0"}
REDIRECT = b'X-Gitlab-Pod-Redirect: {"pod": "pod_us0"}\r\n'
CACHE = b'X-Gitlab-Pod-Cache: {"path_prefix": "/my-company/"}\r\n'


class Page(Resource):
    """Says where it was found, and what it got."""

    def __init__(self, name: bytes = b"", status: int = 200) -> None:
        super().__init__()
        self.name, self.status = name, status

    def getChild(self, path: bytes, request: Any) -> Resource:
        return Page(self.name + b"/" + path, 404 if path == b"gone" else 200)

    def render_GET(self, request: Any) -> bytes:
        request.setResponseCode(self.status)
        return b"page " + self.name + b" of " + b"/".join(request.prepath)

    def render_POST(self, request: Any) -> bytes:
        return b"got %d bytes" % len(request.content.read())


class ResourceTestCase(TestCase):
    timeout = 30

    async def start(self, resource: Any, who_owns: Any = TENANTS, early: bool = False) -> None:
        pod = ResourcePod(resource, me="pod_eu0", who_owns=who_owns)
        site = Site(pod, requestFactory=PodRequest) if early else Site(pod)
        site.noisy = False
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        port = await endpoint.listen(site)
        self.addCleanup(port.stopListening)
        self.port = port.getHost().port

    async def connect(self, request: bytes) -> Any:
        """The receiving end of a connection, over which this was sent."""
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self.port)
        collector: Any = await connectProtocol(endpoint, Collector())
        self.addCleanup(collector.transport.abortConnection)
        collector.transport.write(request)
        return collector

    async def ask(self, target: bytes, method: bytes = b"GET", body: bytes = b"") -> bytes:
        """The whole answer."""
        length = b"Content-Length: %d\r\n" % len(body) if body else b""
        head = b"%b %b HTTP/1.1\r\nHost: Acme:80\r\nConnection: close\r\n%b\r\n"
        collector = await self.connect(head % (method, target, length) + body)
        answer: bytes = await collector.ended
        return answer


class ResourceTests(ResourceTestCase):
    async def test_own_requests_are_answered_and_taught(self) -> None:
        await self.start(Page())
        answer = await self.ask(b"/my-company/x")
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK"), answer)
        self.assertIn(CACHE, answer)
        self.assertTrue(answer.endswith(b"page /my-company/x of my-company/x"), answer)

    async def test_others_are_bounced(self) -> None:
        await self.start(Page())
        for method in (b"GET", b"HEAD", b"PATCH"):
            answer = await self.ask(b"/gitlab-org", method)
            self.assertTrue(answer.startswith(b"HTTP/1.1 307 "), answer)
            self.assertIn(REDIRECT, answer)
            self.assertTrue(answer.endswith(b"\r\n\r\n"), answer)

    async def test_nobodys_requests_are_left_alone(self) -> None:
        await self.start(Page())
        for target in (b"/", b"/x", b"/static/a%2Fb"):
            answer = await self.ask(target)
            self.assertIn(b"page ", answer)
            self.assertNotIn(b"X-Gitlab-Pod", answer)

    async def test_what_is_not_shown_teaches_nothing(self) -> None:
        await self.start(Page())
        answer = await self.ask(b"/my-company/gone")
        self.assertTrue(answer.startswith(b"HTTP/1.1 404"), answer)
        self.assertNotIn(CACHE, answer)

    async def test_head_is_taught_too(self) -> None:
        await self.start(Page())
        self.assertIn(CACHE, await self.ask(b"/my-company/x", b"HEAD"))

    async def test_a_leaf_sees_the_request_as_if_it_were_the_root(self) -> None:
        class Leaf(Page):
            isLeaf = True

            def render_GET(self, request: Any) -> bytes:
                return repr((request.prepath, request.postpath)).encode()

        await self.start(Leaf())
        answer = await self.ask(b"/my-company/x")
        self.assertTrue(answer.endswith(b"([], [b'my-company', b'x'])"), answer)

    async def test_encoders_stay(self) -> None:
        root = Page()
        root.putChild(b"my-company", EncodingResourceWrapper(Page(), [GzipEncoderFactory()]))
        await self.start(root)
        answer = await self.ask(b"/my-company HTTP/1.1\r\nAccept-Encoding: gzip\r\nX: ")
        self.assertIn(b"Content-Encoding: gzip", answer)
        self.assertIn(CACHE, answer)

    async def test_learn(self) -> None:
        await self.start(Page())
        answer = await self.ask(LEARN_PATH.encode() + b"?path_info=/gitlab-org/a")
        body = answer.partition(b"\r\n\r\n")[2]
        self.assertEqual(LearnAnswer.parse(body), LearnAnswer("/gitlab-org", "pod_us0"))
        answer = await self.ask(LEARN_PATH.encode() + b"?path_info=/x")
        self.assertTrue(answer.startswith(b"HTTP/1.1 404"), answer)
        self.assertTrue((await self.ask(LEARN_PATH.encode())).startswith(b"HTTP/1.1 400"))

    async def test_owners_may_take_their_time(self) -> None:
        questions: list[Question] = []

        async def who_owns(question: Question) -> str:
            questions.append(question)
            await deferLater(reactor, 0)
            return TENANTS[question.names[0]]

        await self.start(Page(), who_owns)
        self.assertIn(REDIRECT[:21], await self.ask(b"/gitlab-org"))
        self.assertIn(b"page /my-company/x of my-company/x", await self.ask(b"/my-company/x"))
        self.assertEqual([question.host for question in questions], ["acme", "acme"])

    async def test_what_blocks_is_called_in_another_thread(self) -> None:
        threads: list[Any] = []

        class Slow(Table):
            blocks = True

            def pod_of(self, key: str) -> str:
                threads.append(threading.current_thread())
                return "pod_us0"

        await self.start(Page(), Slow())
        self.assertIn(REDIRECT, await self.ask(b"/x"))
        self.assertIsNot(threads[0], threading.current_thread())

    async def test_owners_that_fail(self) -> None:
        async def later(question: Question) -> str:
            await deferLater(reactor, 0)
            raise ZeroDivisionError

        def at_once(question: Question) -> str:
            raise ZeroDivisionError

        for who_owns in (later, at_once):
            await self.start(Page(), who_owns)
            self.assertTrue((await self.ask(b"/x")).startswith(b"HTTP/1.1 500"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)

    async def test_a_client_that_leaves_meanwhile(self) -> None:
        asked: Deferred[None] = Deferred()
        gone: Deferred[None] = Deferred(lambda _: cancelled.callback(None))
        cancelled: Deferred[None] = Deferred()

        async def who_owns(question: Question) -> str:
            asked.callback(None)
            await gone
            return "pod_us0"

        await self.start(Page(), who_owns)
        collector = await self.connect(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
        await asked
        collector.transport.abortConnection()
        await cancelled

    async def test_a_body_decides(self) -> None:
        await self.start(Page(), by_graphql_variable("company", TENANTS, limit_bytes=100))
        for company, expected in ((b"gitlab-org", b"307 "), (b"my-company", b"got 50 bytes")):
            body = b'{"variables": {"company": "%b"}} ' % company
            answer = await self.ask(b"/graphql", b"POST", body.ljust(50))
            self.assertIn(expected, answer)

    async def test_mounted_below_the_root(self) -> None:
        root = Resource()
        pod = ResourcePod(Page(), me="pod_eu0", who_owns=TENANTS)
        root.putChild(b"my-company", pod)
        pod.putChild(b"own", Page(b"own"))
        site = Site(root)
        site.noisy = False
        port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(site)
        self.addCleanup(port.stopListening)
        self.port = port.getHost().port
        self.assertIn(CACHE, await self.ask(b"/my-company"))
        self.assertIn(b"page own of my-company/own", await self.ask(b"/my-company/own"))

    def test_faults_are_said_while_starting(self) -> None:
        error = self.assertRaises(
            ConfigurationError, ResourcePod, 3, me="pod a", who_owns={"/": "pod_a"}
        )
        self.assertEqual([fault.key for fault in error.faults], ["resource", "me", "prefixes['/']"])


class EarlyTests(ResourceTestCase):
    """Bounces before the body is there."""

    HEAD = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n%b\r\n"
    EXPECT = b"Expect: 100-continue\r\n"

    async def test_others_are_bounced_before_the_body(self) -> None:
        await self.start(Page(), early=True)
        collector = await self.connect(self.HEAD % (b"/gitlab-org", b""))
        await collector.began
        self.assertTrue(collector.data.startswith(b"HTTP/1.1 307 "), collector.data)
        self.assertIn(REDIRECT, collector.data)
        collector.transport.write(b"x" * 10)
        answer = await collector.ended
        self.assertEqual(answer.count(b"HTTP/1.1"), 1)

    async def test_chunked_bodies(self) -> None:
        await self.start(Page(), early=True)
        collector = await self.connect(
            b"POST /gitlab-org HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        await collector.began
        self.assertIn(REDIRECT, collector.data)

    async def test_in_place_of_100_continue(self) -> None:
        await self.start(Page(), early=True)
        collector = await self.connect(self.HEAD % (b"/gitlab-org", self.EXPECT))
        collector.transport.write(b"x" * 10)
        answer = await collector.ended
        self.assertTrue(answer.startswith(b"HTTP/1.1 307 "), answer)
        self.assertNotIn(b" 100 ", answer)

    async def test_own_bodies_arrive(self) -> None:
        asked: list[Question] = []

        def who_owns(question: Question) -> str:
            asked.append(question)
            return "pod_eu0"

        await self.start(Page(), who_owns, early=True)
        answer = await self.ask(b"/my-company", b"POST", b"x" * 200_000)
        self.assertIn(b"got 200000 bytes", answer)
        self.assertEqual(len(asked), 1)

    async def test_100_continue_for_ones_own(self) -> None:
        await self.start(Page(), early=True)
        collector = await self.connect(self.HEAD % (b"/my-company", self.EXPECT))
        await collector.began
        self.assertEqual(collector.data, b"HTTP/1.1 100 Continue\r\n\r\n")

    async def test_a_late_decision_still_comes_before_the_body(self) -> None:
        async def who_owns(question: Question) -> str:
            await deferLater(reactor, 0)
            return "pod_us0"

        await self.start(Page(), who_owns, early=True)
        collector = await self.connect(self.HEAD % (b"/x", b""))
        await collector.began
        self.assertIn(REDIRECT[:21], collector.data)

    async def test_a_decision_after_the_body_is_answered_once(self) -> None:
        async def who_owns(question: Question) -> str:
            await deferLater(reactor, 0.05)
            return "pod_us0"

        await self.start(Page(), who_owns, early=True)
        answer = await self.ask(b"/x", b"POST", b"x")
        self.assertEqual(answer.count(b"HTTP/1.1 "), 1, answer)
        self.assertIn(REDIRECT[:21], answer)

    async def test_a_body_that_has_to_be_looked_into_is_waited_for(self) -> None:
        body = by_graphql_variable("company", TENANTS)
        await self.start(Page(), first(body, TENANTS), early=True)
        content = json.dumps({"variables": {"company": "gitlab-org"}}).encode()
        self.assertIn(b"307 ", await self.ask(b"/graphql", b"POST", content))

    async def test_owners_that_fail_are_asked_again_and_told(self) -> None:
        def who_owns(question: Question) -> str:
            raise ZeroDivisionError

        await self.start(Page(), who_owns, early=True)
        answer = await self.ask(b"/x", b"POST", b"x")
        self.assertTrue(answer.startswith(b"HTTP/1.1 500"), answer)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    async def test_a_router_finds_nothing_wrong(self) -> None:
        await self.start(Page(), early=True)
        url, paths = f"http://127.0.0.1:{self.port}", ("/my-company/x", "/gitlab-org/x")
        code, lines = await deferToThread(check, url, paths=paths)
        self.assertEqual((code, lines[-1].split()[-2:]), (0, ["0", "wrong"]), lines)
        self.assertTrue(any("bounced before the body" in line for line in lines))
        self.assertTrue(any("307 at once" in line for line in lines))

    async def test_requests_without_a_body(self) -> None:
        await self.start(Page(), early=True)
        self.assertIn(REDIRECT, await self.ask(b"/gitlab-org"))
        self.assertIn(CACHE, await self.ask(b"/my-company"))
