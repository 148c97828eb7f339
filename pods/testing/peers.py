"""A pod and a client that follow a script, byte by byte, on real sockets.

For tests of what a proxy does when the other side misbehaves::

    cut = b"HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\ncut"
    with ScriptedPod() as pod:
        pod.play(ReadHead(), Send(cut), Reset())
        asked = Send(b"GET / HTTP/1.1\\r\\nHost: a.example\\r\\n\\r\\n")
        with ScriptedClient(proxy_address, asked, ReadToEnd()) as client:
            client.wait()
    assert client.peer.received.endswith(b"cut")
    assert client.peer.ending is Ending.RESET

A script is a sequence of steps.  Anything with a ``perform(peer)`` is a step, so write your own
where those below do not do.  Each connection has a thread of its own; nothing here needs a
reactor.
"""

from __future__ import annotations

import enum
import socket
import struct
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from threading import Event, Lock, Thread
from typing import Protocol, Self

import attrs

END_OF_HEAD = b"\r\n\r\n"
_RECEIVE_BYTES = 65_536
_LINGER_NOT = struct.pack("ii", 1, 0)


class ScriptFailed(Exception):
    """A step could not be done: the other side ended the connection, or nothing came in time."""


class Ending(enum.StrEnum):
    """How the other side has ended what it sends, as far as that was read."""

    OPEN = "open"  #: not at all
    ENDED = "ended"  #: in order, after its last byte
    RESET = "reset"  #: it broke the connection off


class Step(Protocol):
    """One thing to do on a connection."""

    def perform(self, peer: Peer) -> None:
        """Do it.

        :raises ScriptFailed: it cannot be done; the rest of the script is left out.
        """


class Peer:
    """This side of one connection: what it does is scripted, what comes is recorded.

    :param connection: already connected; closed at the end of the script.
    :param steps: the script.
    :param timeout_seconds: the most that any one step waits for the other side.
    """

    def __init__(
        self, connection: socket.socket, steps: Sequence[Step], timeout_seconds: float = 10
    ) -> None:
        connection.settimeout(timeout_seconds)
        self.connection = connection
        self.timeout_seconds = timeout_seconds
        self.ending = Ending.OPEN
        self.failure: str | None = None  #: the step that could not be done, and why
        self.over = Event()  #: set when the script is over and the connection closed
        self.stopped = Event()  #: set when nobody wants the rest of the script
        self._steps = steps
        self._received = bytearray()
        self._taken_bytes = 0
        self._thread = Thread(target=self._run, daemon=True)

    # -- for tests -----------------------------------------------------------

    def start(self) -> Self:
        """Begin with the script."""
        self._thread.start()
        return self

    @property
    def received(self) -> bytes:
        """Every byte that was read, by all steps together."""
        return bytes(self._received)

    def wait(self) -> Self:
        """Wait until the script is over.

        :raises AssertionError: it is not within twice the time that one step may take.
        """
        assert self.over.wait(2 * self.timeout_seconds), f"the script hangs after {self.received!r}"
        return self

    def stop(self) -> None:
        """Break off whatever it does, and close the connection."""
        self.stopped.set()
        with suppress(OSError):  # it is closed already
            self.connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(self.timeout_seconds)

    # -- for steps -----------------------------------------------------------

    def receive(self) -> bool:
        """Record some more of what the other side sends; False if it has ended.

        :raises ScriptFailed: nothing comes in time.
        """
        if self.ending is not Ending.OPEN:
            return False
        try:
            data = self.connection.recv(_RECEIVE_BYTES)
        except TimeoutError:
            raise ScriptFailed(f"nothing came for {self.timeout_seconds:g} s") from None
        except ConnectionError:
            self.ending = Ending.RESET
            return False
        if not data:
            self.ending = Ending.ENDED
        self._received += data
        return bool(data)

    def receive_until(self, mark: bytes) -> None:
        """Read on to the end of these bytes; the next step reads from there.

        :raises ScriptFailed: the other side ends before, or they do not come in time.
        """
        while (at := self._received.find(mark, self._taken_bytes)) < 0:
            self._receive_more(f"{mark!r} came")
        self._taken_bytes = at + len(mark)

    def receive_bytes(self, count: int) -> None:
        """Read that many bytes; the next step reads from there.

        :raises ScriptFailed: the other side ends before, or they do not come in time.
        """
        while len(self._received) < self._taken_bytes + count:
            self._receive_more(f"{count} bytes came")
        self._taken_bytes += count

    def send(self, data: bytes) -> None:
        """Send all of it.

        :raises ScriptFailed: the other side has left, or takes nothing more.
        """
        try:
            self.connection.sendall(data)
        except TimeoutError:
            raise ScriptFailed(f"nothing was taken for {self.timeout_seconds:g} s") from None
        except ConnectionError:
            self.ending = Ending.RESET
            raise ScriptFailed("the other side broke the connection off") from None

    def _receive_more(self, before: str) -> None:
        if not self.receive():
            raise ScriptFailed(f"the other side's bytes: {self.ending}, before {before}")

    def _run(self) -> None:
        try:
            for step in self._steps:
                self._perform(step)
        except ScriptFailed as failed:
            self.failure = str(failed)
        finally:
            self.connection.close()
            self.over.set()

    def _perform(self, step: Step) -> None:
        if self.stopped.is_set():
            raise ScriptFailed(f"stopped before {step}")
        try:
            step.perform(self)
        except (ScriptFailed, OSError) as failed:
            raise ScriptFailed(f"{step}: {failed}") from failed


class ScriptedPod:
    """A server on the loopback interface that plays one script for each connection.

    :param otherwise: the script of a connection for which :meth:`play` has named none: by default
        it is closed at once.
    :param timeout_seconds: the most that any one step waits for the other side.
    """

    def __init__(self, *otherwise: Step, timeout_seconds: float = 10) -> None:
        self.peers: list[Peer] = []  #: one for each connection that was accepted, in order
        self._otherwise = otherwise
        self._timeout_seconds = timeout_seconds
        self._scripts: deque[Sequence[Step]] = deque()
        self._lock = Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listening.getsockname()  #: host and port
        self._thread = Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Its base URL, without a slash at the end."""
        return f"http://127.0.0.1:{self.address[1]}"

    def play(self, *steps: Step) -> None:
        """Name the script of the next connection for which there is none yet."""
        with self._lock:
            self._scripts.append(steps)

    def forget(self) -> None:
        """Drop the scripts that were not played, and what earlier connections recorded."""
        with self._lock:
            self._scripts.clear()
            ended, self.peers = self.peers, []
        for peer in ended:
            peer.stop()

    def stop(self) -> None:
        """End every connection, and listen no more."""
        with suppress(OSError):  # some systems only know this of connections; closing does there
            self._listening.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listening.close()
        self._thread.join(self._timeout_seconds)
        self.forget()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return  # stopped
            with self._lock:
                steps = self._scripts.popleft() if self._scripts else self._otherwise
                peer = Peer(connection, steps, self._timeout_seconds)
                self.peers.append(peer)  # before anybody can see the script's effects
                peer.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()


class ScriptedClient:
    """A client that connects at once and plays its script.

    :param address: host and port.
    :param steps: the script.
    :param timeout_seconds: the most that connecting, or any one step, waits for the other side.
    :raises OSError: it cannot connect.
    """

    def __init__(self, address: tuple[str, int], *steps: Step, timeout_seconds: float = 10) -> None:
        connection = socket.create_connection(address, timeout_seconds)
        self.peer = Peer(connection, steps, timeout_seconds).start()  #: what it records

    def wait(self) -> Peer:
        """What it has recorded, once its script is over."""
        return self.peer.wait()

    def stop(self) -> None:
        """Break the script off, and close the connection."""
        self.peer.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()


# -- steps -----------------------------------------------------------------------


@attrs.frozen
class ReadUntil:
    """Read on to the end of ``mark``."""

    mark: bytes

    def perform(self, peer: Peer) -> None:
        peer.receive_until(self.mark)


@attrs.frozen
class ReadHead:
    """Read a head of HTTP/1.1, with the empty line at its end."""

    def perform(self, peer: Peer) -> None:
        peer.receive_until(END_OF_HEAD)


@attrs.frozen
class ReadBytes:
    """Read ``count`` bytes, such as a body or the beginning of one."""

    count: int

    def perform(self, peer: Peer) -> None:
        peer.receive_bytes(self.count)


@attrs.frozen
class ReadToEnd:
    """Read all that still comes, until the other side ends; a reset is an end as well."""

    def perform(self, peer: Peer) -> None:
        while peer.receive():
            pass


@attrs.frozen
class Send:
    """Send these bytes."""

    data: bytes

    def perform(self, peer: Peer) -> None:
        peer.send(self.data)


@attrs.frozen
class Delay:
    """Do nothing for a while, not even read."""

    seconds: float

    def perform(self, peer: Peer) -> None:
        peer.stopped.wait(self.seconds)


@attrs.frozen
class Tell:
    """Set an event, so that another script or the test goes on."""

    event: Event

    def perform(self, peer: Peer) -> None:
        self.event.set()


@attrs.frozen
class Await:
    """Do nothing until somebody sets this event; it fails after the time that a step may take."""

    event: Event

    def perform(self, peer: Peer) -> None:
        deadline = time.monotonic() + peer.timeout_seconds
        while not self.event.wait(0.05):
            if peer.stopped.is_set() or time.monotonic() > deadline:
                raise ScriptFailed(f"nobody set the event for {peer.timeout_seconds:g} s")


@attrs.frozen
class HalfClose:
    """Send nothing more; what the other side sends can still be read."""

    def perform(self, peer: Peer) -> None:
        peer.connection.shutdown(socket.SHUT_WR)


@attrs.frozen
class Reset:
    """Break the connection off: the other side sees a reset, and may lose what it has not read."""

    def perform(self, peer: Peer) -> None:
        peer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        peer.connection.close()


@attrs.frozen
class Close:
    """Close the connection, as the end of every script does.

    Bytes that came and were not read make the system send a reset instead of an orderly end.
    """

    def perform(self, peer: Peer) -> None:
        peer.connection.close()


@attrs.frozen
class Hang:
    """Say nothing and read nothing, with the connection open, until ``stop()`` is called.

    To say nothing but see how the other side takes it, use :class:`ReadToEnd`.
    """

    def perform(self, peer: Peer) -> None:
        peer.stopped.wait()
