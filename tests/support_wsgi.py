"""WSGI applications on Python's own server."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server


class Server(ThreadingMixIn, WSGIServer):
    """A thread for each connection."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that are cut are no news here."""


class Quiet(WSGIRequestHandler):
    """Writes no log."""

    def log_message(self, format: str, *arguments: Any) -> None: ...


@contextmanager
def serving(application: Any, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """The URL of an application that runs in a thread.

    :param tls: what to speak https by.
    """
    server = make_server("127.0.0.1", 0, application, Server, Quiet)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        base = "http://127.0.0.1" if tls is None else "https://localhost"
        yield f"{base}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
