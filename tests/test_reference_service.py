"""One reference pod on a real socket."""

from __future__ import annotations

import os
import time
from typing import Any

import treq
from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent, HTTPConnectionPool

from pods.keys import FILE_NAME
from pods.reference.resource import BODY_LIMIT_BYTES, Served
from pods.reference.service import PodService, PodStartError
from pods.reference.settings import PodSettings, from_mapping
from pods.reference.visits import session_token

PODS = {
    "pod_us0": {"region": "us", "legacy": True},
    "pod_us1": {"region": "us"},
    "pod_eu0": {"region": "eu"},
}


class Collector(Protocol):
    """Keeps what comes until the connection ends."""

    def __init__(self) -> None:
        self.data = b""
        self.began: Deferred[None] = Deferred()
        self.ended: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.data += data
        if not self.began.called:
            self.began.callback(None)

    def connectionLost(self, reason: Any = None) -> None:
        self.ended.callback(self.data)


class PodServiceTestCase(TestCase):
    """Starts pods, and asks them."""

    timeout = 60
    sessions = "store"

    def setUp(self) -> None:
        self.folder = os.path.abspath(self.mktemp())
        self.served: list[Served] = []
        self.client = treq.client.HTTPClient(
            Agent(reactor, pool=HTTPConnectionPool(reactor, persistent=False))
        )

    def settings(self, **own: Any) -> PodSettings:
        table = {
            "name": "pod_us0",
            "listen": "tcp:0:interface=127.0.0.1",
            "shared_dir": "shared",
            "data_dir": "own",
            "seed": True,
        }
        tables = {"pod": table | own, "pods": PODS, "sessions": {"kind": self.sessions}}
        return from_mapping(tables, "pod.toml", self.folder)

    def start(self, **own: Any) -> PodService:
        pod = PodService(self.settings(**own), reactor, self.served.append)
        pod.startService()
        self.addCleanup(pod.stopService)
        return pod

    def url(self, pod: PodService, target: str) -> str:
        assert isinstance(pod.address, IPv4Address)
        return f"http://127.0.0.1:{pod.address.port}{target}"

    async def get(self, pod: PodService, target: str, method: str = "GET", **options: Any) -> Any:
        return await self.client.request(
            method, self.url(pod, target), allow_redirects=False, **options
        )

    async def raw(self, pod: PodService, request: bytes) -> bytes:
        assert isinstance(pod.address, IPv4Address)
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", pod.address.port)
        collector = await connectProtocol(endpoint, Collector())
        collector.transport.write(request)
        answer: bytes = await collector.ended
        return answer


class PodServiceTests(PodServiceTestCase):
    async def test_a_page_over_http(self) -> None:
        response = await self.get(self.start(), "/gitlab-org/gitlab")
        self.assertEqual(response.code, 200)
        self.assertEqual(
            response.headers.getRawHeaders("X-Gitlab-Pod-Cache"),
            ['{"path_prefix": "/gitlab-org/"}'],
        )
        text = await response.text()
        self.assertTrue(text.startswith('<!DOCTYPE html>\n<html lang="en">'))
        self.assertIn("<h1>GitLab.org / GitLab</h1>", text)
        self.assertEqual(response.length, len(text))

    async def test_head_has_no_body(self) -> None:
        answer = await self.raw(
            self.start(), b"HEAD /gitlab-org HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK\r\n"), answer)
        self.assertTrue(answer.endswith(b"\r\n\r\n"), answer)

    async def test_signing_in_and_out_with_a_browser(self) -> None:
        pod = self.start()
        form = {"username": "taylor", "password": "taylor-builds-this"}
        response = await self.get(pod, "/users/sign_in?redirect=/dashboard", "POST", data=form)
        self.assertEqual(response.headers.getRawHeaders("Location"), ["/dashboard"])
        self.assertEqual((await self.get(pod, "/dashboard")).code, 200)
        await self.get(pod, "/users/sign_out", "POST")
        response = await self.get(pod, "/dashboard")
        self.assertEqual(
            response.headers.getRawHeaders("Location"), ["/users/sign_in?redirect=/dashboard"]
        )

    async def test_the_session_holds_at_another_pod(self) -> None:
        form = {"username": "casey", "password": "casey-pays-for-this"}
        await self.get(self.start(), "/users/sign_in", "POST", data=form)
        other = self.start(name="pod_eu0", data_dir="other")
        response = await self.get(other, "/my-company/my-project")
        self.assertIn("<h1>My Project</h1>", await response.text())

    async def test_the_prefix_of_the_headers(self) -> None:
        pod = self.start(header_prefix="X-Cell-")
        response = await self.get(pod, "/my-company", cookies={})
        self.assertEqual(response.code, 302)
        response = await self.get(pod, "/gitlab-org")
        self.assertTrue(response.headers.hasHeader("X-Cell-Cache"))
        self.assertFalse(response.headers.hasHeader("X-Gitlab-Pod-Cache"))

    async def test_what_was_served_is_told(self) -> None:
        pod = self.start()
        await self.get(pod, "/gitlab-org?x", headers={"X-Request-Id": "abc"})
        (served,) = self.served
        self.assertEqual(
            (served.pod, served.method, served.target, served.status),
            ("pod_us0", "GET", "/gitlab-org?x", 200),
        )
        self.assertEqual(served.request_headers["x-request-id"], "abc")
        self.assertIn("x-gitlab-pod-cache", served.headers)

    async def test_the_latency_is_waited_before_each_answer(self) -> None:
        pod = self.start(latency_seconds=0.2)
        began = time.monotonic()
        await self.get(pod, "/-/readiness")
        self.assertGreaterEqual(time.monotonic() - began, 0.2)

    async def test_forms_that_cannot_be_read(self) -> None:
        pod = self.start()
        for body in (b"a" * (BODY_LIMIT_BYTES + 1), b"&".join([b"a=b"] * 60), b"a=%00"):
            response = await self.get(
                pod,
                "/users/sign_in",
                "POST",
                data=body,
                headers={"Content-Type": "application/x-www-form-urlencoded"},
            )
            self.assertEqual(response.code, 400)

    async def test_a_client_that_leaves_is_forgotten(self) -> None:
        pod = self.start(latency_seconds=0.05)
        assert isinstance(pod.address, IPv4Address)
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", pod.address.port)
        collector = await connectProtocol(endpoint, Collector())
        collector.transport.write(b"GET /gitlab-org HTTP/1.1\r\nHost: x\r\n\r\n")
        collector.transport.loseConnection()
        await collector.ended
        await self.get(pod, "/-/readiness")
        self.assertEqual([served.target for served in self.served], ["/-/readiness"])

    async def test_stopping_ends_every_connection(self) -> None:
        pod = self.start()
        assert isinstance(pod.address, IPv4Address)
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", pod.address.port)
        collector = await connectProtocol(endpoint, Collector())
        collector.transport.write(b"GET /-/readiness HTTP/1.1\r\nHost: x\r\n\r\n")
        await collector.began
        await pod.stopService()
        self.assertIn(b"ready", await collector.ended)


class PodStartTests(PodServiceTestCase):
    def test_making_one_opens_nothing(self) -> None:
        pod = PodService(self.settings(), reactor)
        self.assertFalse(os.path.exists(self.folder))
        self.assertRaises(RuntimeError, lambda: pod.address)

    def assert_does_not_start(self, reason: str, **own: Any) -> None:
        pod = PodService(self.settings(**own), reactor)
        error = self.assertRaises(PodStartError, pod.startService)
        self.assertIn(reason, str(error))
        self.assertEqual(len(str(error).splitlines()), 1)
        self.assertFalse(pod.running)

    def test_an_address_that_is_taken(self) -> None:
        address = self.start().address
        assert isinstance(address, IPv4Address)
        self.assert_does_not_start(
            "Address already in use", listen=f"tcp:{address.port}:interface=127.0.0.1"
        )

    def test_a_folder_that_cannot_be_made(self) -> None:
        os.makedirs(self.folder)
        with open(os.path.join(self.folder, "own"), "w"):
            pass
        self.assert_does_not_start("File exists")

    def test_a_file_that_is_no_database(self) -> None:
        os.makedirs(os.path.join(self.folder, "own"))
        with open(os.path.join(self.folder, "own", "main.sqlite"), "w") as file:
            file.write("no database" * 1000)
        self.assert_does_not_start("file is not a database")

    async def test_it_starts_again_where_it_stopped(self) -> None:
        first = PodService(self.settings(), reactor)
        first.startService()
        form = {"username": "taylor", "password": "taylor-builds-this"}
        await self.get(first, "/users/sign_in", "POST", data=form)
        await self.get(first, "/groups", "POST", data={"path": "lasting"})
        await first.stopService()
        self.assertEqual((await self.get(self.start(), "/lasting")).code, 200)


class SignedSessionsTests(PodServiceTestCase):
    """``kind = "token"``."""

    sessions = "token"

    def setUp(self) -> None:
        super().setUp()
        self.key_file = os.path.join(self.folder, "shared", FILE_NAME)

    async def test_signed_with_keys_that_all_pods_share(self) -> None:
        form = {"username": "casey", "password": "casey-pays-for-this"}
        response = await self.get(self.start(), "/users/sign_in", "POST", data=form)
        (cookie,) = response.headers.getRawHeaders("Set-Cookie")
        self.assertEqual(session_token(cookie).count("."), 2)
        self.assertEqual(os.stat(self.key_file).st_mode & 0o777, 0o600)
        other = self.start(name="pod_eu0", data_dir="other")
        self.assertEqual((await self.get(other, "/-/profile")).code, 200)

    def test_a_faulty_file_of_keys(self) -> None:
        os.makedirs(os.path.dirname(self.key_file))
        with open(self.key_file, "w") as file:
            file.write("no key\nnor this\n")
        pod = PodService(self.settings(), reactor)
        error = self.assertRaises(PodStartError, pod.startService)
        self.assertRegex(str(error), "^pod.toml: pod_us0 cannot start: .*: line 1: this is no key")
        self.assertEqual(len(str(error).splitlines()), 1)
        self.assertNotIn("nor this", str(error))
