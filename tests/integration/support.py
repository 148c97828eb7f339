"""A router as a user starts it, in a folder of its own; and what can be seen of it from outside."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from threading import Event, Thread
from typing import Any, Self
from unittest import SkipTest

import attrs
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.http_pod import Exchange, HttpPod

ROOT = Path(__file__).resolve().parent.parent.parent
#: The most that a test waits for what is to happen at once: far longer than it takes, so that a
#: machine with much else to do fails no test.  A wait ends when it has happened.
PATIENCE_SECONDS = 90
DRAIN_SECONDS = 180  #: longer than we wait, so that a request which is never let go fails a test
MIB = 1024 * 1024
#: What else twistd is told: the reactor, if PODS_TEST_REACTOR names one.
_REACTOR = os.environ.get("PODS_TEST_REACTOR")
REACTOR_OPTIONS = (f"--reactor={_REACTOR}",) if _REACTOR else ()
RUN_TWISTD = "from twisted.scripts.twistd import run; run()"
TWISTD = (sys.executable, "-c", RUN_TWISTD, "-n", "--pidfile=", *REACTOR_OPTIONS)
#: Below those that Linux, or another system, gives to whoever does not care.
_PORTS = (10_000, 32_768)
_claims: list[socket.socket] = []


def need(*programs: str) -> None:
    """Skip the test, with a plain reason, if one of these programs is not installed."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        raise SkipTest(f"{' and '.join(missing)} not installed")


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on, or will while we run.

    No system gives such a port to a socket that asks for any.  Tests in another process, which
    call this as well, leave it to us as its UDP port is taken.
    """
    while True:
        port = random.randrange(*_PORTS)
        claim = socket.socket(type=socket.SOCK_DGRAM)
        try:
            claim.bind(("127.0.0.1", port))
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            claim.close()
        else:
            _claims.append(claim)
            return port


def progress(text: str) -> None:
    """One line about what a long test is at, past trial's own output."""
    print(f"\n      {text} ...", end="", flush=True, file=sys.__stdout__)


def wait_for(condition: Any, what: str, seconds: float = PATIENCE_SECONDS) -> Any:
    """The first true value of ``condition()``.

    :raises AssertionError: it stays false for ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(0.02)
    return value


def to_toml(table: Mapping[str, Any], at: str = "") -> str:
    """A mapping as TOML: plain values first, then the tables below it."""
    plain = {key: value for key, value in table.items() if not is_table(value)}
    lines = [f"[{at}]"] if at else []
    lines += [f"{key} = {json.dumps(value)}" for key, value in plain.items()]
    for key, value in table.items():
        name = f"{at}.{key}" if at else key
        if isinstance(value, Mapping):
            lines.append(to_toml(value, name))
        elif is_table(value):
            lines += [to_toml(item, name).replace(f"[{name}]", f"[[{name}]]", 1) for item in value]
    return "\n".join(lines)


def is_table(value: Any) -> bool:
    listed = isinstance(value, Sequence) and not isinstance(value, str)
    return isinstance(value, Mapping) or (listed and any(isinstance(x, Mapping) for x in value))


class RouterProcess:
    """``twistd -n pods`` with a configuration of its own.

    Subclasses may start it by another ``command``.

    :param folder: where its files go; made if missing.
    :param tables: what ``router.toml`` holds.  A free port of the loopback interface comes first
        in ``router.listen``.
    """

    command: Sequence[str] = TWISTD

    def __init__(self, folder: Path, tables: Mapping[str, Any]) -> None:
        self.folder = folder
        self.port = free_port()
        own = {"strategy": "bounce", "data_dir": str(folder / "var"), **tables.get("router", {})}
        own["listen"] = [f"tcp:{self.port}:interface=127.0.0.1", *own.get("listen", [])]
        log = {"access": str(folder / "access.log"), **tables.get("log", {})}
        timeouts = {"shutdown": DRAIN_SECONDS, **tables.get("timeouts", {})}
        self.tables = {**tables, "router": own, "log": log, "timeouts": timeouts}
        self.config = folder / "router.toml"
        self.output = folder / "output.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    @property
    def pid(self) -> int:
        assert self.process is not None, "not started"
        return self.process.pid

    def start(self) -> Self:
        """Start it and wait until it serves, wherever it listens.

        :raises AssertionError: it ends or does not listen, with what it printed.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config.write_text(to_toml(self.tables))
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [*self.command, "pods", "--config", str(self.config)],
                cwd=self.folder,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
            )
        wait_for(self._serves, f"the router to serve: {self.config}", PATIENCE_SECONDS)
        return self

    def _serves(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the router ended\n{self.printed()}")
        return serves(self.address)

    def printed(self) -> str:
        """What it wrote to its standard output and error."""
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        assert self.process is not None
        return self.process.wait(PATIENCE_SECONDS)

    def stop(self) -> None:
        """End it by SIGTERM, as an operator does.

        :raises AssertionError: its exit code is not 0, it logged a traceback, or it leaves held
            bodies behind.
        """
        if self.process is None or self.process.poll() is not None:
            return
        self.send_signal(signal.SIGTERM)
        try:
            code = self.wait()
        finally:
            self.kill()
        assert code == 0, f"exit code {code}\n{self.printed()}"
        assert "Traceback" not in self.printed(), self.printed()
        assert self.left_over() == [], self.left_over()

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE_SECONDS)

    # -- seen from outside ---------------------------------------------------

    def access_log(self) -> list[dict[str, Any]]:
        """The lines of the access log that are there by now."""
        path = self.folder / "access.log"
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text().splitlines()]

    def memory_bytes(self, field: str = "VmRSS") -> int:
        """What the kernel says of its memory: ``VmRSS`` is now, ``VmHWM`` the highest so far."""
        status = Path(f"/proc/{self.pid}/status")
        if not status.exists():
            raise SkipTest("needs /proc to see the memory of a process")
        (line,) = [line for line in status.read_text().splitlines() if line.startswith(field)]
        return int(line.split()[1]) * 1024

    @contextmanager
    def measured_growth(self) -> Iterator[list[int]]:
        """How far its peak rises over what it has at the start: one number, there at the end."""
        before = self.memory_bytes()
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")  # VmHWM begins anew
        growth: list[int] = []
        yield growth
        growth.append(self.memory_bytes("VmHWM") - before)

    def held_files(self) -> dict[str, int]:
        """Regular files below its folder that it has open and that are unlinked: path to size."""
        held: dict[str, int] = {}
        for link in Path(f"/proc/{self.pid}/fd").iterdir():
            try:
                target, size = str(link.readlink()), link.stat().st_size
            except OSError:
                continue  # closed meanwhile
            if target.startswith(str(self.folder)) and "(deleted)" in target:
                held[target] = size
        return held

    def left_over(self) -> list[str]:
        """Files in its data folder that are neither the route cache nor the cookie's key."""
        known = ("routes.sqlite", "cookie.key")
        files = [path for path in (self.folder / "var").rglob("*") if path.is_file()]
        return [str(path) for path in files if not path.name.startswith(known)]


class HeldFilesWatch:
    """Looks, many times a second, how much the router holds in files.

    ``highest_bytes`` is the most that it held at once.
    """

    def __init__(self, router: RouterProcess) -> None:
        self._router = router
        self._ended = Event()
        self._thread = Thread(target=self._look, daemon=True)
        self.highest_bytes = 0

    def _look(self) -> None:
        while not self._ended.wait(0.02):
            self.highest_bytes = max(self.highest_bytes, sum(self._router.held_files().values()))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._thread.join()


# -- a client --------------------------------------------------------------------

#: Host and port, or the path of a UNIX socket.
Address = tuple[str, int] | str


@attrs.frozen
class Answer:
    """A complete response."""

    status: int
    headers: Mapping[str, str]  #: by names in lower case
    body: bytes


def connect(address: Address, seconds: float = PATIENCE_SECONDS) -> socket.socket:
    """A connected socket that gives up waiting after some seconds."""
    connection = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
    connection.settimeout(seconds)
    try:
        connection.connect(address)
    except BaseException:
        connection.close()
        raise
    return connection


def accepts(address: Address) -> bool:
    """Whether somebody listens there."""
    try:
        connect(address).close()
    except OSError:
        return False
    return True


def serves(address: Address) -> bool:
    """Whether somebody listens there and is at work.

    A router that has begun to listen may have more places to open, and may not heed signals yet.
    Once it notices that we end a connection it has all that behind it.
    """
    try:
        with connect(address) as connection:
            connection.shutdown(socket.SHUT_WR)
            return connection.recv(1) == b""
    except OSError:
        return False


def ask(
    address: Address,
    target: str,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """One request on a connection of its own.

    :raises http.client.IncompleteRead: the response was cut off.
    """
    client = HTTPConnection("localhost")
    client.sock = connect(address)
    try:
        if tls is not None:
            client.sock = tls.wrap_socket(client.sock, server_hostname="localhost")
        client.request(method, target, body, dict(headers or {}))
        response = client.getresponse()
        names = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, names, response.read())
    finally:
        client.close()


def talk(address: Address, data: bytes) -> bytes:
    """What comes back for these bytes, until the other side ends the connection."""
    with connect(address) as connection:
        connection.sendall(data)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


class IntegrationTestCase(SynchronousTestCase):
    """Gives folders and routers, and takes them away."""

    def folder(self) -> Path:
        path = Path(tempfile.mkdtemp(prefix="pods-"))  # short enough for a UNIX socket's path
        self.addCleanup(shutil.rmtree, path)
        return path

    def pod(self, name: str, answer: Callable[[Exchange], None], **options: Any) -> HttpPod:
        """A running pod; see :class:`~tests.integration.http_pod.HttpPod`."""
        pod = HttpPod(name, answer, **options)
        self.addCleanup(pod.stop)
        return pod

    def router(self, **tables: Any) -> RouterProcess:
        """A running router; at the end of the test it must stop cleanly."""
        router = RouterProcess(self.folder(), tables)
        self.addCleanup(router.kill)
        router.start()
        self.addCleanup(router.stop)
        return router
