"""Requirements, section E, where real sockets and a real process are the point."""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import statistics
import struct
import time
from collections.abc import Callable, Iterator
from functools import partial
from threading import Event, Thread
from typing import Any

from tests.integration.certificates import Authority
from tests.integration.http_pod import Exchange, HttpPod
from tests.integration.support import (
    MIB,
    PATIENCE_SECONDS,
    IntegrationTestCase,
    RouterProcess,
    ask,
    connect,
    free_port,
    wait_for,
)
from tests.support_messages import chunk, chunked, get, request

GIB = 1024 * MIB
BLOCK = bytes(MIB)
SLOW_CLIENTS = 500
#: How a client goes away.
Leave = Callable[[socket.socket], object]


def everything(client: socket.socket) -> bytes:
    """What comes until the end."""
    return b"".join(iter(lambda: client.recv(MIB), b""))


class SocketTestCase(IntegrationTestCase):
    """One pod that owns everything, behind one router."""

    def start(self, answer: Any, **tables: Any) -> tuple[RouterProcess, HttpPod]:
        pod = self.pod("p", answer)
        rules = [{"path": "/", "pod": "p"}]
        return self.router(pods={"p": {"url": pod.url}}, rules=rules, **tables), pod

    def connected(self, router: RouterProcess) -> socket.socket:
        client = connect(router.address)
        self.addCleanup(client.close)
        return client


class MemoryTests(SocketTestCase):
    """29: bodies far larger than what the router may hold."""

    def answer(self, exchange: Exchange) -> None:
        if exchange.seen.method == "POST":
            self.read_slowly(exchange)
            exchange.respond(200)
        elif exchange.seen.path == "/large":
            exchange.respond(200, self.blocks(), length=GIB)
        else:
            exchange.respond(200)

    def blocks(self) -> Iterator[bytes]:
        for _ in range(GIB // MIB):
            yield BLOCK

    def read_slowly(self, exchange: Exchange) -> None:
        self.came = 0
        for at, piece in enumerate(exchange.body()):
            self.came += len(piece)
            if at < 20:
                time.sleep(0.05)

    def warm(self, router: RouterProcess) -> None:
        for _ in range(20):
            ask(router.address, "/small")
        ask(router.address, "/small", "POST", bytes(4 * MIB))

    def test_e29_a_slow_client_of_a_large_answer(self) -> None:
        router, _ = self.start(self.answer)
        self.warm(router)
        with router.measured_growth() as growth:
            client = self.connected(router)
            client.sendall(get("/large"))
            size = 0
            for at in range(GIB):
                data = client.recv(65_536 if at < 20 else MIB)
                size += len(data)
                if size >= GIB:
                    break
                time.sleep(0.05 if at < 20 else 0)
        self.assertGreaterEqual(size, GIB)
        self.assertLess(growth[0], 4 * MIB)

    def test_e29_a_slow_pod_of_a_large_upload(self) -> None:
        router, _ = self.start(self.answer)
        self.warm(router)
        with router.measured_growth() as growth:
            client = self.connected(router)
            client.sendall(request("POST", "/x", f"Content-Length: {GIB}"))
            for block in self.blocks():
                client.sendall(block)
            self.assertTrue(client.recv(65_536).startswith(b"HTTP/1.1 200 "))
        self.assertEqual(self.came, GIB)
        self.assertLess(growth[0], 4 * MIB)


class SlowClientsTests(SocketTestCase):
    """30: many that trickle cost the others nothing."""

    def test_e30_others_are_answered_at_once_with_500_slow_ones_connected(self) -> None:
        router, _ = self.start(lambda exchange: exchange.respond(200))
        slow = [self.connected(router) for _ in range(SLOW_CLIENTS)]
        for at, client in enumerate(slow):
            client.sendall(b"GET / HTTP/1.1\r\nHo" if at % 2 else chunked("POST", "/") + b"5\r\nx")
        seconds = []
        for at in range(50):
            for client in slow[at::50]:
                client.sendall(b"y")
            begun = time.monotonic()
            self.assertEqual(ask(router.address, "/").status, 200)
            seconds.append(time.monotonic() - begun)
        self.assertLess(statistics.median(seconds), 0.1)
        for client in slow:
            client.close()


class LeavingTests(SocketTestCase):
    """31: clients that leave while the router has stopped reading from them."""

    def setUp(self) -> None:
        self.may_answer = Event()
        self.is_aborted = Event()
        self.addCleanup(self.may_answer.set)

    def think(self, exchange: Exchange) -> None:
        """Wait for the test, and see whether the router breaks off meanwhile."""
        if exchange.seen.path != "/slow":
            exchange.respond(200)
            return
        exchange.connection.settimeout(PATIENCE_SECONDS)
        with contextlib.suppress(ConnectionError):
            if exchange.seen.method == "GET" and exchange.connection.recv(1):
                return
        self.is_aborted.set()
        exchange.close_connection = True

    def stall(self, exchange: Exchange) -> None:
        """Read nothing of an upload until the router breaks off."""
        exchange.body()
        poll = select.poll()
        poll.register(exchange.connection, 0)
        if poll.poll(PATIENCE_SECONDS * 1000):  # reset
            self.is_aborted.set()
        exchange.close_connection = True

    def break_off(self, client: socket.socket) -> None:
        """End with a reset."""
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()

    def assert_breaks_off(self, leaving: Callable[[], object]) -> None:
        """The pod's request ends within a second after the client has left.

        The machine may have much else to do: the best of three tries counts.
        """
        for _ in range(3):
            self.is_aborted.clear()
            leaving()
            if self.is_aborted.wait(1):
                return
            self.assertTrue(self.is_aborted.wait(PATIENCE_SECONDS), "the pod's request goes on")
        self.fail("the pod's request goes on for more than a second")

    def leave_pipelined(
        self, connected: Callable[[], socket.socket], pod: HttpPod, leave: Leave
    ) -> None:
        """Leave while a pod thinks about the first of many requests."""
        client = connected()
        self.addCleanup(client.close)
        seen = pod.count("GET")
        client.sendall(get("/slow") + get("/never") * 100)
        wait_for(lambda: pod.count("GET") > seen, "the first request to come")
        leave(client)

    def test_e31_with_pipelined_requests_unread(self) -> None:
        for leave in (self.break_off, socket.socket.close):
            router, pod = self.start(self.think)
            connected = partial(self.connected, router)
            self.assert_breaks_off(partial(self.leave_pipelined, connected, pod, leave))
            wait_for(router.access_log, "the request to be over")
            self.assertEqual(router.access_log()[0]["status"], 499)
            self.assertEqual(pod.count("GET", "/never"), 0)

    def test_e31_with_pipelined_requests_unread_over_tls(self) -> None:
        folder, port = self.folder(), free_port()
        authority = Authority(folder)
        certificate, key = authority.issue("localhost")
        endpoint = f"ssl:{port}:interface=127.0.0.1:privateKey={key}:certKey={certificate}"
        router, pod = self.start(self.think, router={"listen": [endpoint]})

        def secured() -> socket.socket:
            plain = connect(("127.0.0.1", port))
            return authority.client_context().wrap_socket(plain, server_hostname="localhost")

        for leave in (self.break_off, socket.socket.close):
            self.assert_breaks_off(partial(self.leave_pipelined, secured, pod, leave))
        wait_for(lambda: len(router.access_log()) >= 2, "both requests to be over")

    def test_e31_in_an_upload_that_the_pod_does_not_take(self) -> None:
        router, pod = self.start(self.stall)
        clients: list[socket.socket] = []

        def leave_in_an_upload() -> None:
            client = self.connected(router)
            clients.append(client)
            client.sendall(chunked("POST", "/slow"))
            client.settimeout(0.3)
            with self.assertRaises(TimeoutError):
                while True:
                    client.sendall(chunk(BLOCK))
            self.break_off(client)

        self.assert_breaks_off(leave_in_an_upload)
        self.assertEqual(pod.count("POST"), len(clients))

    def test_e31_one_that_only_half_closed_gets_every_byte_of_its_answer(self) -> None:
        def answer(exchange: Exchange) -> None:
            self.may_answer.wait(PATIENCE_SECONDS)
            exchange.respond(200, b"x" * MIB)

        router, pod = self.start(answer)
        client = self.connected(router)
        client.sendall(get("/x") + get("/never"))
        client.shutdown(socket.SHUT_WR)
        wait_for(lambda: pod.count("GET"), "the request to come")
        time.sleep(1)  # so that the router looks whether anybody is there
        self.may_answer.set()
        answer_bytes = everything(client)
        self.assertTrue(answer_bytes.startswith(b"HTTP/1.1 200 OK\r\n"))
        self.assertIn(b"x" * MIB, answer_bytes)


class StopTests(SocketTestCase):
    """33: SIGTERM while many requests run."""

    def answer(self, exchange: Exchange) -> None:
        time.sleep(0.05)
        exchange.respond(200, b"whole answer" * 1000)

    def load(self, router: RouterProcess, seen: list[str], stop: Event) -> None:
        """Ask until the router stops; what became of each request that was sent."""
        while not stop.is_set():
            try:
                client = connect(router.address)
            except OSError:
                return  # it accepts nothing more
            with client:
                try:
                    client.sendall(get("/x", "Connection: close"))
                    data = everything(client)
                except ConnectionError:
                    data = b""
                seen.append(
                    "whole" if data.endswith(b"whole answer" * 1000) else data[:40].decode()
                )

    def test_e33_sigterm_under_load_loses_no_answered_request(self) -> None:
        router, pod = self.start(self.answer)
        seen: list[str] = []
        stop = Event()
        threads = [Thread(target=self.load, args=(router, seen, stop)) for _ in range(20)]
        for thread in threads:
            thread.start()
        wait_for(lambda: len(seen) > 100, "some load")
        router.send_signal(signal.SIGTERM)
        self.assertEqual(router.wait(), 0)
        stop.set()
        for thread in threads:
            thread.join()
        logged = [record["status"] for record in router.access_log()]
        self.assertEqual(set(logged), {200}, "what was begun was finished")
        self.assertEqual(seen.count("whole"), len(logged))
        self.assertEqual(set(seen) - {"whole", ""}, set(), "an answer that was cut off")
        self.assertEqual(pod.count("GET"), len(logged))
        self.assertNotIn("Traceback", router.printed())
