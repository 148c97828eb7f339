"""What goes wrong between a client and a pod: one router for many such cells of a matrix.

After each cell nothing may be left of it, and the next request must be answered.
"""

from __future__ import annotations

import contextlib  # `suppress` as a name of this module means something to trial
import os
import re
import socket
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import Any
from unittest import SkipTest

import attrs

from pods.testing.peers import (
    Await,
    Close,
    Ending,
    Peer,
    ReadBytes,
    ReadHead,
    ReadToEnd,
    ReadUntil,
    Reset,
    ScriptedClient,
    ScriptedPod,
    ScriptFailed,
    Send,
    Step,
    Tell,
)
from tests.integration.http_pod import NAMES
from tests.integration.support import (
    IntegrationTestCase,
    ask,
    free_port,
    wait_for,
)

BODY = b"0123456789" * 5000
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nright"
NOT_FOUND = OK.replace(b"200 OK", b"404 Not Found")
HALF_AN_ANSWER = OK.replace(b"5", b"5000").removesuffix(b"ght")
BOUNCE = b"HTTP/1.1 307 Go\r\nContent-Length: 0\r\n%b: pod_b\r\n\r\n" % NAMES.redirect.encode()
LEARN = b"/api/v4/pods/learn?method=GET&path_info="
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
HELD_SECONDS = 0.8
TIMEOUTS = {
    "connect": 0.8,
    "response_head": 1.2,
    "idle": 1.2,
    "linger": 0.1,
    "continue": 0.2,
    "client_headers": 2,
}
NOTHING_LEFT = re.compile(
    r"^pods_(?:held_bytes|held_files|not_found_waiting|client_connections|pod_connections"
    r"|pod_waiting_requests)(?:{.*})? (?!0\.0$)",
    re.MULTILINE,
)


def request(path: str, method: str = "GET", *fields: str) -> Send:
    """The head of a request; all but GET announce :data:`BODY`."""
    lines = [f"{method} {path} HTTP/1.1", "Host: a.example", "Connection: close", *fields]
    if method != "GET":
        lines.append(f"Content-Length: {len(BODY)}")
    return Send("\r\n".join([*lines, "", ""]).encode())


@attrs.frozen
class KeepSending:
    """Send more of a response until the other side takes no more."""

    def perform(self, peer: Peer) -> None:
        while peer.ending is Ending.OPEN and not peer.stopped.wait(0.02):
            with contextlib.suppress(ScriptFailed):
                peer.send(b".")


@attrs.frozen
class WaitFor:
    """Do nothing until something is true."""

    condition: Callable[[], Any]

    def perform(self, peer: Peer) -> None:
        try:
            wait_for(self.condition, "the client's turn")
        except AssertionError as error:
            raise ScriptFailed(str(error)) from error


HALF = len(BODY) // 2
GET = (request("/a"),)
POST = (request("/a", "POST"), Send(BODY))
BOUNCED = (request("/team", "POST"), Send(BODY))
READING = (*GET, ReadUntil(b"\r\n\r\nri"))
UPLOAD = (request("/a", "POST"), Send(BODY[:HALF]))
EXPECT = (request("/a", "POST", "Expect: 100-continue"), ReadUntil(CONTINUE))
TAKE_BODY = (ReadHead(), Send(CONTINUE), ReadBytes(len(BODY)))


@attrs.frozen
class Phase:
    """How far a request gets before something happens.

    :param client: what the client has sent by then.
    :param first: what ``pod_a`` has done by then.
    :param second: what ``pod_b`` has done by then, if the request gets there.
    :param lost: what the client gets if the pod breaks off then; 0: a response that is cut off.
    :param silent: what it gets if the pod says nothing more.
    :param kept: the end of what the client has got before, on the same connection.
    :param again: ``second`` is played by ``pod_a`` too, on its second connection.
    :param rest: what ``pod_b`` does after that, before it answers rightly.
    :param left: what the pod does once the client has left.
    """

    name: str
    client: Sequence[Step]
    first: Sequence[Step] = ()
    second: Sequence[Step] = ()
    lost: int = 502
    silent: int = 504
    kept: bytes = b""
    again: bool = False
    rest: Sequence[Step] = ()
    left: Step = attrs.field(factory=ReadToEnd)


HELD = Phase("while a 404 is held", GET, [ReadHead(), Send(NOT_FOUND)], lost=404)


class FullBacklog:
    """An address that takes no connection: the system's queue for it is full."""

    def __init__(self) -> None:
        self._sockets = [socket.create_server(("127.0.0.1", 0), backlog=0)]
        self.port = self._sockets[0].getsockname()[1]
        while self._fill():
            pass

    def _fill(self) -> bool:
        filling = socket.socket()
        self._sockets.append(filling)
        filling.settimeout(0.2)
        try:
            filling.connect(("127.0.0.1", self.port))
        except TimeoutError:
            return False
        return True

    def stop(self) -> None:
        for each in self._sockets:
            each.close()


class FaultTestCase(IntegrationTestCase):
    """Plays cells: a phase, and what happens in it."""

    def setUp(self) -> None:
        if not Path("/proc/self/fd").exists():
            raise SkipTest("needs /proc to see the descriptors of a process")
        self.full = FullBacklog()
        self.addCleanup(self.full.stop)
        self.pod_a, self.pod_b = (self.scripted() for _ in range(2))
        self.admin = ("127.0.0.1", free_port())
        self.running = self.router(
            pods={
                "pod_a": {"url": self.pod_a.url, "latest": True},
                "pod_b": {"url": self.pod_b.url},
                "refusing": {"url": f"http://127.0.0.1:{free_port()}"},
                "hanging": {"url": f"http://127.0.0.1:{self.full.port}"},
            },
            rules=[
                {"path": f"/{path}", "pod": pod}
                for path, pod in (
                    ("a", "pod_a"),
                    ("b", "pod_b"),
                    ("refused", "refusing"),
                    ("hangs", "hanging"),
                )
            ]
            + [{"path": "/learned", "strategy": "learn"}],
            strategies={"learn": {"unknown": "latest", "timeout_seconds": 0.6}},
            strategy={"unknown": "latest"},
            not_found={"delay": "random", "min_seconds": HELD_SECONDS, "max_seconds": HELD_SECONDS},
            body={"memory_bytes": 4096},
            timeouts=TIMEOUTS,
            admin={"listen": f"tcp:{self.admin[1]}:interface=127.0.0.1"},
        )

    def scripted(self) -> ScriptedPod:
        pod = ScriptedPod(ReadHead(), Send(OK))
        self.addCleanup(pod.stop)
        return pod

    # -- what is seen of the router --------------------------------------------

    def metrics(self) -> str:
        return ask(self.admin, "/metrics").body.decode()

    def metric(self, series: str) -> float:
        """One of them; ``series`` is its name with its labels."""
        (line,) = [line for line in self.metrics().splitlines() if line.startswith(f"{series} ")]
        return float(line.rpartition(" ")[2])

    def timers(self) -> float:
        """Calls that the router's reactor is to make later.

        But for those that try a pod again that cannot be reached: one for each until it can.
        """
        metrics = self.metrics()
        (timers,) = re.findall(r"^pods_timers (\S+)$", metrics, re.MULTILINE)
        return float(timers) - len(
            re.findall(r"^pods_pod_healthy{.*} 0\.0$", metrics, re.MULTILINE)
        )

    def descriptors(self) -> Counter[str]:
        """What the router has open: how many sockets, pipes, and of each file."""
        found: Counter[str] = Counter()
        for link in Path(f"/proc/{self.running.pid}/fd").iterdir():
            with contextlib.suppress(OSError):  # closed meanwhile
                found[os.readlink(link).partition(":")[0]] += 1
        # The route store opens its files when there is something to write.
        return Counter({name: n for name, n in found.items() if "routes.sqlite" not in name})

    def check_next(self, cell: str) -> None:
        """Nothing is left of what was before, and the next requests are answered."""
        self.pod_a.forget()
        self.pod_b.forget()
        for path in ("/a", "/b"):
            answer = ask(self.running.address, path)
            self.assertEqual((answer.status, answer.body), (200, b"right"), cell)
        wait_for(
            lambda: NOTHING_LEFT.search(self.metrics()) is None,
            f"nothing to be left after {cell!r}",
        )
        try:
            wait_for(lambda: self.descriptors() <= self.descriptors_before, "the descriptors")
        except AssertionError:
            left = self.descriptors() - self.descriptors_before
            raise AssertionError(f"still open after {cell!r}: {dict(left)}") from None
        wait_for(lambda: self.timers() <= self.timers_before, f"the timers after {cell!r}")

    # -- one cell ------------------------------------------------------------

    def play(self, phase: Phase, then: Sequence[Step], *client: Step) -> Peer:
        """Let the pod of that phase go on with ``then``, and the client with these steps."""
        self.pod_a.forget()
        self.pod_b.forget()
        self.pod_a.play(*phase.first, *(() if phase.second else then))
        if phase.second:
            self.last(phase).play(*phase.second, *then)
        if phase.rest:
            self.pod_b.play(*phase.rest)
        with ScriptedClient(self.running.address, *phase.client, *client) as playing:
            return playing.wait()

    def last(self, phase: Phase) -> ScriptedPod:
        """The pod at which something happens."""
        return self.pod_b if phase.second and not phase.again else self.pod_a

    def reached(self, phase: Phase, more: int = 0) -> list[Peer]:
        """The connections to pods that the phase is made of, when their scripts are over."""
        peers = [*self.pod_a.peers, *self.pod_b.peers]
        self.assertEqual(len(peers), (2 if phase.second else 1) + more, phase.name)
        return [peer.wait() for peer in peers]

    def check_answer(self, cell: str, seen: Peer, status: int, kept: bytes = b"") -> None:
        """The client got this status, or, for 0, something that it knows to be incomplete."""
        answer = seen.received[seen.received.find(kept) + len(kept) :].replace(CONTINUE, b"")
        self.assertIsNone(seen.failure, cell)
        if status == 0:
            self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), (cell, answer))
            self.assertTrue(answer.endswith(b"\r\n\r\nri"), (cell, answer))
            self.assertIs(seen.ending, Ending.RESET, cell)
            return
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 %d " % status), (cell, answer))
        self.assertIn(b"content-length: %d\r\n" % len(body), head.lower() + b"\r\n", cell)
        self.assertEqual(body == b"right", status in (200, 404), cell)

    def check_pods(self, phase: Phase, cell: str, more: int = 0) -> None:
        """Each pod got the request, or as much of it as the phase says, or was asked about it,
        and nothing else."""
        for peer in self.reached(phase, more):
            received = peer.received
            if phase.kept:  # the connection has served before
                received = received[max(0, received.rfind(b" /a ") - len("POST")) :]
            head, _, body = received.partition(b"\r\n\r\n")
            target = phase.client[0].data.split()[1]  # type: ignore[attr-defined]
            asked = LEARN + target if phase.name.startswith("learn") else target
            self.assertIn(head.split()[1], (target, asked), cell)
            self.assertTrue(BODY.startswith(body), cell)
            self.assertEqual(peer.failure, None, cell)

    def check_abort(self, cell: str, play: Callable[[], Peer]) -> None:
        """It is one more request that its client has left."""
        aborts = "pods_client_aborts_total"
        before = self.metric(aborts)
        self.assertIsNone(play().failure, cell)
        wait_for(lambda: self.metric(aborts) == before + 1, f"the abort of {cell!r}")

    def held(self, phase: Phase) -> Sequence[Step]:
        """Wait until the 404 is held, if the phase is about that."""
        return [WaitFor(lambda: self.metric("pods_not_found_waiting"))] if phase is HELD else []

    def pod_breaks_off(self, phase: Phase, how: Step) -> Any:
        def play(cell: str) -> None:
            ready = Event()  # else the reset may overtake what was sent before it
            client = [*self.held(phase), Tell(ready), ReadToEnd()]
            seen = self.play(phase, [Await(ready), how], *client)
            self.check_answer(cell, seen, phase.lost, phase.kept)
            self.check_pods(phase, cell, 2 if phase.rest else 0)

        return play

    def pod_hangs(self, phase: Phase) -> Any:
        def play(cell: str) -> None:
            seen = self.play(phase, [ReadToEnd()], ReadToEnd())
            self.check_answer(cell, seen, phase.silent, phase.kept)
            self.check_pods(phase, cell, 2 if phase.rest else 0)
            self.assertNotEqual(self.last(phase).peers[-1].ending, Ending.OPEN, cell)

        return play

    def client_leaves(self, phase: Phase, leave: Step) -> Any:
        def play(cell: str) -> None:
            there = Event()
            then = [Tell(there), phase.left]
            client = [Await(there), *self.held(phase), leave]
            self.check_abort(cell, lambda: self.play(phase, then, *client))
            self.check_pods(phase, cell)
            self.assertNotEqual(self.last(phase).peers[-1].ending, Ending.OPEN, cell)

        return play

    # -- all of them -----------------------------------------------------------

    def cells_of(self, phases: Sequence[Phase]) -> Iterator[tuple[str, Any]]:
        """Everything that can happen in these phases: the name of each cell, and what plays it."""
        for phase in phases:
            for then in (Reset(), Close()):
                name = type(then).__name__.lower()
                yield f"{phase.name}: pod {name}s", self.pod_breaks_off(phase, then)
                yield f"{phase.name}: client {name}s", self.client_leaves(phase, then)
            if phase is not HELD:  # then the pod has said all
                yield f"{phase.name}: pod hangs", self.pod_hangs(phase)

    def play_all(self, cells: Iterable[tuple[str, Any]]) -> None:
        """Every cell; a failure names it, and all failures are listed."""
        for path in ("/a", "/b"):
            ask(self.running.address, path)
        wait_for(lambda: NOTHING_LEFT.search(self.metrics()) is None, "the router to be idle")
        self.descriptors_before = self.descriptors()
        # Some come again and again, and are not there while they are made.
        self.timers_before = max(self.timers() for _ in range(5))
        failed = {}
        for cell, play in cells:
            if error := self.fault_of(play, cell):
                failed[cell] = error
            if error := self.fault_of(self.check_next, cell):
                failed[f"after {cell}"] = error
                break  # what is left here would be found after each of the others
        self.assertEqual(failed, {}, "".join(f"\n{cell}\n    {failed[cell]}" for cell in failed))

    def fault_of(self, check: Callable[[str], None], cell: str) -> str:
        """Why this check fails; empty if it does not."""
        try:
            check(cell)
        except (AssertionError, OSError) as error:
            return str(error)
        return ""
