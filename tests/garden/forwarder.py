"""What the garden must catch: a proxy that passes everything on as it is."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Thread

from tests.integration.support import Address


class Forwarder:
    """Copies bytes in both directions and looks at none of them."""

    def __init__(self, target: Address) -> None:
        self._target = target
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.address: tuple[str, int] = self.listening.getsockname()
        Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client, (source, _) = self.listening.accept()
            except OSError:
                return
            Thread(target=self._forward, args=(client, source), daemon=True).start()

    def _forward(self, client: socket.socket, source: str) -> None:
        with client, socket.socket() as pod:
            pod.bind((source, 0))  # as the pod knows its clients
            pod.connect(self._target)
            back = Thread(target=copy, args=(pod, client), daemon=True)
            back.start()
            copy(client, pod)
            back.join()


def copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
