"""The table of error responses (``docs/reference/errors.rst``), seen from a client's side."""

from __future__ import annotations

import contextlib  # `suppress` as a name of this module means something to trial
import json
import socket
from collections.abc import Callable, Mapping
from http.client import IncompleteRead
from threading import Thread
from typing import Any

from pods.protocol import LEARN_PATH, CacheClaim
from tests.integration.http_pod import NAMES, Exchange
from tests.integration.support import (
    Address,
    Answer,
    IntegrationTestCase,
    ask,
    connect,
    free_port,
    talk,
    wait_for,
)

REDIRECT = NAMES.redirect.encode()


def redirect(value: bytes) -> bytes:
    """A bounce with that header value."""
    return b"HTTP/1.1 307 Go\r\nContent-Length: 0\r\n%b: %b\r\n\r\n" % (REDIRECT, value)


class RawPod:
    """Answers the head of each request with prepared bytes, and then ends the connection.

    :param answers: what to send for each path; None is to stay silent until the router leaves.
    """

    def __init__(self, answers: Mapping[str, bytes | None]) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            head = list(iter(stream.readline, b"\r\n"))
            path = head[0].split()[1].decode()
            self.asked.append(path)
            answer = self.answers[path]
            if answer is not None:
                connection.sendall(answer)
                return
            with contextlib.suppress(ConnectionResetError):
                stream.read()

    def stop(self) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()


class ErrorTestCase(IntegrationTestCase):
    def raw_pod(self, answers: Mapping[str, bytes | None]) -> RawPod:
        pod = RawPod(answers)
        self.addCleanup(pod.stop)
        return pod

    def assert_refused(self, answer: Answer, status: int, case: object) -> None:
        """A short answer of the router's own, that tells nothing about what is behind it."""
        self.assertEqual(answer.status, status, case)
        self.assertIn("x-request-id", answer.headers, case)
        self.assertTrue(0 < len(answer.body) < 1000, case)
        for word in (b"pod", b"Twisted", b"Traceback"):
            self.assertNotIn(word, answer.body, case)
        if status == 503:
            self.assertGreater(int(answer.headers["retry-after"]), 0, case)


class PodFaultTests(ErrorTestCase):
    """What a pod can do wrong, with a rule that leads straight to it."""

    ANSWERS: Mapping[str, bytes | None] = {
        "/garbage": b"GARBAGE\r\n\r\n",
        "/both-lengths": (
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        ),
        "/two-lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "/endless-head": b"HTTP/1.1 200 OK\r\nX-Large: " + b"x" * 1_000_000,
        "/nothing": b"",
        "/half-a-head": b"HTTP/1.1 200 OK\r\nContent-",
        "/unreadable": redirect(b'{"pod":'),
        "/no-name": redirect(b"no such name!"),
        "/unknown": redirect(b'{"pod": "nobody"}'),
        "/itself": redirect(b"pod_raw"),
        "/loop": redirect(b"pod_loop"),
        "/too-many": redirect(b"pod_hop"),
    }

    def start(self, **tables: Any) -> Address:
        back = self.pod("pod_loop", lambda exchange: exchange.bounce("pod_raw"))
        on = self.pod("pod_hop", lambda exchange: exchange.bounce("pod_last"))
        self.last = self.pod("pod_last", lambda exchange: exchange.respond(200, b"reached"))
        self.raw = self.raw_pod({**self.ANSWERS, **self.CUT, "/silent": None})
        return self.router(
            pods={
                "pod_raw": {"url": self.raw.url},
                "pod_loop": {"url": back.url},
                "pod_hop": {"url": on.url},
                "pod_last": {"url": self.last.url},
                "pod_down": {"url": f"http://127.0.0.1:{free_port()}"},
            },
            rules=[{"path": "/down", "pod": "pod_down"}, {"path": "/", "pod": "pod_raw"}],
            strategy={"max_bounces": 1},
            timeouts={"response_head": 0.5},
            **tables,
        ).address

    CUT: Mapping[str, bytes] = {
        "/cut": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        "/cut-in-chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\nabc",
        "/cut-between-chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    }

    def test_what_the_pods_side_does_wrong(self) -> None:
        address = self.start()
        for path in self.ANSWERS:
            self.assert_refused(ask(address, path), 502, path)
        self.assert_refused(ask(address, "/down"), 502, "/down")
        self.assert_refused(ask(address, "/silent"), 504, "/silent")
        self.assertEqual(self.last.seen, [])

    def test_a_response_that_is_cut_off(self) -> None:
        """What came is passed on, and the client can tell that it is not whole."""
        address = self.start()
        for path in self.CUT:
            with self.assertRaises((IncompleteRead, ConnectionResetError), msg=path):
                ask(address, path)

    def test_the_form_of_an_error(self) -> None:
        address = self.start()
        plain = ask(address, "/down", headers={"Accept": "text/html"})
        self.assertTrue(plain.headers["content-type"].startswith("text/plain"))
        problem = ask(address, "/down", headers={"Accept": "application/json"})
        self.assertEqual(problem.headers["content-type"], "application/problem+json")
        self.assertEqual(json.loads(problem.body)["status"], 502)


class LearnTests(ErrorTestCase):
    def test_no_pod_can_say(self) -> None:
        """Never a 404: 503 with ``Retry-After``, and nobody gets the request."""

        def broken(exchange: Exchange) -> None:
            exchange.respond(500 if exchange.seen.path == LEARN_PATH else 200)

        pods = [self.pod(name, broken) for name in ("pod_a", "pod_b")]
        router = self.router(
            router={"strategy": "learn"}, pods={pod.name: {"url": pod.url} for pod in pods}
        )
        self.assert_refused(ask(router.address, "/team"), 503, "learn")
        for pod in pods:
            self.assertEqual([seen.path for seen in pod.seen], [LEARN_PATH])

    def test_the_endpoint_is_closed_to_clients(self) -> None:
        pod = self.pod("pod_a", lambda exchange: exchange.respond(200))
        address = self.router(pods={"pod_a": {"url": pod.url}}).address
        for target in (
            LEARN_PATH,
            f"{LEARN_PATH}?path_info=/team",
            f"/{LEARN_PATH}",
            LEARN_PATH.replace("learn", "%6cearn"),
            LEARN_PATH.replace("learn", "./learn"),
            f"{LEARN_PATH};x",
            f"http://localhost{LEARN_PATH}",
        ):
            self.assert_refused(ask(address, target), 404, target)
        self.assertEqual(pod.seen, [])


class ReplayTests(ErrorTestCase):
    def test_a_bounce_after_the_body_was_let_go(self) -> None:
        """503, and the same request again succeeds, because the route was corrected."""
        self.owner = "pod_a"
        pods = {name: self.pod(name, self.answer_as(name)) for name in ("pod_a", "pod_b")}
        address = self.router(
            pods={name: {"url": pod.url} for name, pod in pods.items()},
            body={"memory_bytes": 1024},
        ).address

        def is_remembered() -> bool:
            self.assertEqual(ask(address, "/team/page").body, b"pod_a")
            return pods["pod_a"].seen[-1].headers[NAMES.route.lower()] == "cache"

        wait_for(is_remembered, "the route to be remembered")
        self.owner = "pod_b"
        body = b"x" * 1_000_000
        self.assert_refused(ask(address, "/team/page", "POST", body), 503, "first")
        again = ask(address, "/team/page", "POST", body)
        self.assertEqual((again.status, again.body), (200, b"pod_b"))

    def answer_as(self, name: str) -> Callable[[Exchange], None]:
        def answer(exchange: Exchange) -> None:
            for _ in exchange.body():
                pass
            if name != self.owner:
                exchange.bounce(self.owner)
            else:
                claim = CacheClaim("/team/").format()
                exchange.respond(200, name.encode(), [(NAMES.cache, claim)])

        return answer


class ClientFaultTests(ErrorTestCase):
    """What a client can do wrong; nothing of it reaches the pod."""

    HOST = b"Host: a.example\r\n"
    GET = b"GET / HTTP/1.1\r\n" + HOST
    POST = b"POST / HTTP/1.1\r\n" + HOST
    MALFORMED = (
        b"GET / HTTP/1.1\r\n\r\n",
        GET + HOST + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        GET.replace(b"\r\n", b"\n") + b"\n",
        GET + b"X: a\rb\r\n\r\n",
        GET + b"X: a\0b\r\n\r\n",
        GET + b"X : a\r\n\r\n",
        GET + b"X: a\r\n folded\r\n\r\n",
        POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        POST + b"Content-Length: +3\r\n\r\nabc",
        POST + b"Content-Length: \r\n\r\n",
        POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: identity\r\n\r\n",
        b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /\x80 HTTP/1.1\r\n" + HOST + b"\r\n",
    )
    REFUSED = (
        (405, b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n"),
        (405, b"TRACE / HTTP/1.1\r\n" + HOST + b"\r\n"),
        (501, b"FROBNICATE / HTTP/1.1\r\n" + HOST + b"\r\n"),
        (414, b"GET /" + b"x" * 400 + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
        (431, GET + b"X: " + b"x" * 4000 + b"\r\n\r\n"),
        (431, GET + b"X: x\r\n" * 20 + b"\r\n"),
        (413, POST + b"Content-Length: 2000\r\n\r\n" + b"x" * 2000),
        (417, POST + b"Expect: miracles\r\nContent-Length: 1\r\n\r\nx"),
        (408, GET),
    )

    def setUp(self) -> None:
        self.only = self.pod("only", lambda exchange: exchange.respond(200))
        self.address = self.router(
            pods={"only": {"url": self.only.url}},
            limits={
                "url_bytes": 256,
                "header_bytes": 2048,
                "header_count": 16,
                "body_bytes": 1000,
            },
            timeouts={"client_headers": 0.5},
        ).address

    def check(self, status: int, data: bytes) -> None:
        """One complete answer, after which the router ends the connection."""
        head, _, body = talk(self.address, data).partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        names = dict(line.lower().split(": ", 1) for line in lines[1:])
        answer = Answer(int(lines[0].split()[1]), names, body)
        self.assert_refused(answer, status, data)
        self.assertEqual(names["connection"], "close", data)
        self.assertEqual(int(names["content-length"]), len(body), data)

    def test_malformed(self) -> None:
        for data in self.MALFORMED:
            self.check(400, data)
        self.assertEqual(self.only.seen, [])

    def test_refused(self) -> None:
        for status, data in self.REFUSED:
            self.check(status, data)
        self.assertEqual(self.only.seen, [])

    def test_a_chunked_body_over_the_limit(self) -> None:
        """It may have been sent on in part before it was seen to be too large."""
        self.check(413, self.POST + b"Transfer-Encoding: chunked\r\n\r\n7d0\r\n" + b"x" * 2000)

    def test_a_bad_chunk(self) -> None:
        self.check(400, self.POST + b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n")


class LimitTests(ErrorTestCase):
    def test_too_many_clients(self) -> None:
        pod = self.pod("only", lambda exchange: exchange.respond(200))
        address = self.router(
            pods={"only": {"url": pod.url}}, limits={"client_connections": 1}
        ).address
        first = wait_for(lambda: self.served(address), "a place for the first client")
        with first:
            self.assert_refused(ask(address, "/"), 503, "second")
        wait_for(lambda: ask(address, "/").status == 200, "the place to be free again")

    def served(self, address: Address) -> socket.socket | None:
        """A connection over which a request was answered, or None if it got no place."""
        connection = connect(address)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
        if connection.recv(100).startswith(b"HTTP/1.1 200"):
            return connection
        connection.close()
        return None
