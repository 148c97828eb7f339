"""Something on the way between two programs that counts what goes by."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Thread

from tests.integration.support import connect


class CountingRelay:
    """Passes bytes on to a port, both ways, and counts those that go to it.

    It takes no more from its client than the port takes, but for what the kernel holds.
    """

    def __init__(self, port: int) -> None:
        self.to_pod_bytes = 0
        self._port = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def stop(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        """Until the pod has said all; a pod may do so before it has heard all."""
        with client, connect(("127.0.0.1", self._port)) as pod:
            pod.settimeout(None)
            there = Thread(target=_pump, args=(client, pod, self._count), daemon=True)
            there.start()
            _pump(pod, client)
            for side in (client, pod):
                with suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)
            there.join()

    def _count(self, size_bytes: int) -> None:
        self.to_pod_bytes += size_bytes


def _pump(
    source: socket.socket, target: socket.socket, count: Callable[[int], None] = lambda size: None
) -> None:
    """Until one side ends; the other is told that no more comes."""
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
            count(len(data))
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
