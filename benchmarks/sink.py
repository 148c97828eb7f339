"""A pod for whole connections: it takes any body, gives as many bytes as it is asked for, tunnels.

It runs in threads of the benchmark itself, on plain sockets: nothing is cheaper in Python.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PIECE = bytes(1024 * 1024)
LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
TARGET = re.compile(rb"[A-Z]+ /hit/(\w+)")
TEACHING = b'X-Gitlab-Pod-Cache: {"path_prefix": "/hit/"}\r\n'
#: To the key of RFC 6455, section 1.3; some proxies look at it.
SWITCHING = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


@contextmanager
def sink() -> Iterator[int]:
    """The port where it listens."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listening:
        threading.Thread(target=accepting, args=(listening,), daemon=True).start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)


def accepting(listening: socket.socket) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=serving, args=(connection,), daemon=True).start()


def serving(connection: socket.socket) -> None:
    """One connection, until the other side ends it."""
    with connection, suppress(OSError):
        while (received := head(connection)) is not None:
            answer(connection, *received)


def head(connection: socket.socket) -> tuple[bytes, int] | None:
    """A head, and how much of the body has come with it; None at the connection's end."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65_536)
        if not piece:
            return None
        data += piece
    first, _, rest = data.partition(b"\r\n\r\n")
    return first + b"\r\n", len(rest)


def answer(connection: socket.socket, request: bytes, come_bytes: int) -> None:
    if b"\r\nupgrade:" in request.lower():
        connection.sendall(SWITCHING)
        skip(connection, 1 << 62)
        return
    length = LENGTH.search(request)
    skip(connection, int(length[1]) - come_bytes if length else 0)
    target = TARGET.match(request)
    asked = target[1] if target is not None else b""
    size = int(asked) if asked.isdigit() else 0
    teaching = TEACHING if asked == b"taught" else b""
    connection.sendall(b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n" % (teaching, size))
    send(connection, size)


def skip(connection: socket.socket, size: int) -> None:
    """Read so many bytes, or to the end."""
    buffer = bytearray(len(PIECE))
    while size > 0 and (count := connection.recv_into(buffer, min(size, len(buffer)))):
        size -= count


def send(connection: socket.socket, size: int) -> None:
    """Send so many zeros."""
    for start in range(0, size, len(PIECE)):
        connection.sendall(PIECE[: size - start])
