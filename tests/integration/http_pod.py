"""Pods for the integration tests: a small threaded HTTP server that streams both ways.

It is made of ``http.server``, so that nothing of the router is tested against itself.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import attrs

from pods.protocol import LEARN_PATH, HeaderNames, LearnAnswer, Redirect, parse_learn_query

NAMES = HeaderNames()
BLOCK_BYTES = 65_536
LINGER_SECONDS = 5


@attrs.frozen
class Seen:
    """One request that came to a pod."""

    method: str
    target: str
    headers: Mapping[str, str]

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


class Exchange(BaseHTTPRequestHandler):
    """One request on its way through a pod.  The body is read when it is asked for."""

    protocol_version = "HTTP/1.1"
    server: Server
    timeout = 60

    def setup(self) -> None:
        if self.server.tls is not None:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle_expect_100(self) -> bool:
        return True  # said when somebody reads the body

    def answer(self) -> None:
        names = {name.lower(): value for name, value in self.headers.items()}
        self.seen = Seen(self.command, self.path, names)
        self._left_bytes = int(names.get("content-length", 0))
        self._unread = "transfer-encoding" in names or self._left_bytes > 0
        self.server.pod.seen.append(self.seen)
        self.server.pod.answer(self)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer

    # -- the request's body --------------------------------------------------

    def body(self) -> Iterator[bytes]:
        """The body in pieces, as they come.  Asks for it at once, so call it before responding."""
        if self._unread and self.seen.headers.get("expect") == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._unread = False
        return self._pieces()

    def _pieces(self) -> Iterator[bytes]:
        if "transfer-encoding" in self.seen.headers:
            yield from self._chunks()
        while self._left_bytes:
            yield self._some(self._left_bytes)

    def _chunks(self) -> Iterator[bytes]:
        while self._left_bytes or self._next_chunk():
            yield self._some(self._left_bytes)
            if not self._left_bytes:
                self.rfile.readline()

    def _next_chunk(self) -> int:
        self._left_bytes = int(self.rfile.readline(), 16)
        if not self._left_bytes:
            self.rfile.readline()
        return self._left_bytes

    def _some(self, limit_bytes: int) -> bytes:
        data = self.rfile.read(min(limit_bytes, BLOCK_BYTES))
        if not data:
            raise ConnectionError("the request was cut off")
        self._left_bytes -= len(data)
        return data

    # -- the response --------------------------------------------------------

    def respond(
        self,
        status: int,
        body: bytes | Iterable[bytes] = b"",
        headers: Iterable[tuple[str, str]] = (),
        length: int | None = None,
    ) -> None:
        """Send a response: with a length if it is known, else chunked."""
        if isinstance(body, bytes):
            body, length = [body], len(body)
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        framing = ("Transfer-Encoding", "chunked") if length is None else ("Content-Length", length)
        self.send_header(framing[0], str(framing[1]))
        if self._unread:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self._send(body, chunked=length is None)
        if self._unread:
            self._linger()

    def _send(self, pieces: Iterable[bytes], *, chunked: bool) -> None:
        for piece in pieces:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _linger(self) -> None:
        """End the connection so that the answer survives a body that still comes."""
        self.close_connection = True
        self.connection.settimeout(LINGER_SECONDS)
        try:
            self.connection.shutdown(socket.SHUT_WR)
            while self.connection.recv(BLOCK_BYTES):
                pass
        except OSError:
            pass

    def bounce(self, pod: str, *, once: bool = False) -> None:
        """Say "not mine", without reading the body."""
        redirect = Redirect(pod, once).format()
        self.respond(307, headers=[(NAMES.redirect, redirect), ("Set-Cookie", "wrong=pod")])

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the tests look at ``seen``."""


class Server(ThreadingHTTPServer):
    """A listening socket for one pod: TCP, or UNIX if the address is a path."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, pod: HttpPod, address: tuple[str, int] | str, tls: ssl.SSLContext | None):
        self.pod = pod
        self.tls = tls
        self.address_family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        super().__init__(address, Exchange)  # type: ignore[arg-type]

    def server_bind(self) -> None:
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        return connection, address or ("unix", 0)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that the router breaks off are part of the tests."""


class HttpPod:
    """A pod that answers each request by a function, on a thread of its own.

    :param name: the pod's name.
    :param answer: called with each :class:`Exchange`.
    :param unix_path: listen there instead of on a port.
    :param tls: speak TLS.
    """

    def __init__(
        self,
        name: str,
        answer: Callable[[Exchange], None],
        unix_path: Path | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.name = name
        self.answer = answer
        self.seen: list[Seen] = []
        self._tls = tls
        self._server = Server(self, str(unix_path) if unix_path else ("127.0.0.1", 0), tls)
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Its base URL; a host name, so that a certificate has something to name."""
        return f"https://localhost:{self.port}" if self._tls else f"http://127.0.0.1:{self.port}"

    def count(self, method: str, ending: str = "") -> int:
        """How many requests of this method, to a path that ends so, came here."""
        return sum(seen.method == method and seen.path.endswith(ending) for seen in self.seen)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def answer_learn(exchange: Exchange, owner: str | None, prefix: str) -> bool:
    """Answer a router's question.

    :param owner: the pod to name, or None: nobody's.
    :param prefix: the path that it owns; it must lead to the one that is asked for.
    :returns: False, with nothing done, if this is another request.
    """
    path, _, query = exchange.seen.target.partition("?")
    if path != LEARN_PATH:
        return False
    _, asked = parse_learn_query(query)
    if owner is None or not f"{asked}/".startswith(f"{prefix}/"):
        exchange.respond(404)
    else:
        exchange.respond(200, LearnAnswer(prefix, owner).format().encode())
    return True
