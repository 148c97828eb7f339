"""A pod that records every byte that comes to it, by the client that caused it."""

from __future__ import annotations

import re
import socket
from collections import defaultdict
from threading import Lock, Thread

import attrs

from tests.garden.message import Malformed, read
from tests.integration.support import wait_for

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
CLIENT = re.compile(rb"\r\nX-Forwarded-For: ([0-9.]+)\r\n")
LOOPBACK = "127.0.0.1"


@attrs.frozen
class Stream:
    """All that came on one connection."""

    data: bytes
    was_reset: bool  #: broken off, not ended in order


class RecordingPod:
    """Answers each connection's first request once it is complete, or turns out to be malformed,
    and goes on to record until the other side is done.

    The address of the client is where the connection comes from, or what ``X-Forwarded-For`` says
    if that is the loopback address itself.
    """

    def __init__(self) -> None:
        self.listening = socket.create_server((LOOPBACK, 0), backlog=1024)
        self.address: tuple[str, int] = self.listening.getsockname()
        self._lock = Lock()
        self._open = 0
        self._streams: dict[str, list[tuple[int, Stream]]] = defaultdict(list)
        Thread(target=self._accept, daemon=True).start()

    def streams(self) -> dict[str, list[Stream]]:
        """What has come since the last call, by client, in the order in which it began."""
        wait_for(lambda: not self._open, "the router to leave the pod")
        with self._lock:
            recorded, self._streams = self._streams, defaultdict(list)
        return {
            client: [stream for _, stream in sorted(streams, key=lambda pair: pair[0])]
            for client, streams in recorded.items()
        }

    def stop(self) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()

    def _accept(self) -> None:
        number = 0
        while True:
            try:
                connection, (peer, _) = self.listening.accept()
            except OSError:
                return
            number += 1
            with self._lock:
                self._open += 1
            Thread(target=self._serve, args=(connection, peer, number), daemon=True).start()

    def _serve(self, connection: socket.socket, peer: str, number: int) -> None:
        with connection:
            stream = record(connection)
        forwarded = CLIENT.search(stream.data)
        if peer == LOOPBACK:
            peer = forwarded[1].decode() if forwarded else "nobody"
        with self._lock:
            if stream.data:
                self._streams[peer].append((number, stream))
            self._open -= 1


def record(connection: socket.socket) -> Stream:
    """Read to the end, answering once."""
    data = bytearray()
    continued = answered = False
    try:
        while piece := connection.recv(65_536):
            data += piece
            if not continued and b"\r\nExpect: 100-continue\r\n" in data:
                continued = True
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            if not answered and is_answerable(bytes(data)):
                answered = True
                connection.sendall(ANSWER)
                connection.shutdown(socket.SHUT_WR)
    except OSError:
        return Stream(bytes(data), was_reset=True)
    return Stream(bytes(data), was_reset=False)


def is_answerable(data: bytes) -> bool:
    try:
        return read(data) is not None
    except Malformed:
        return True
