"""The real servers that read what comes out of the router."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

from tests.garden import configurations
from tests.integration.support import PATIENCE_SECONDS, ROOT, Address, accepts, free_port, wait_for

APPS = Path(__file__).resolve().parent / "apps"
#: Both ask for the server as a whole.
ASTERISK_CASES = ("targets/asterisk-options", "targets/absolute-options")
#: For a virtual environment of their own: they are no part of what the router needs.
PINNED = ("aiohttp==3.14.5", "gunicorn==27.0.1", "waitress==3.0.2")
PIP = (sys.executable, "-m", "pip", "--quiet", "--retries=1", "--timeout=10")


class Missing(Exception):
    """A server is not there, with the reason."""


class Tools:
    """What servers are started with.

    :param folder: for their files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._python = folder / "venv" / "bin" / "python"
        self._why_no_packages: str | None = None

    def install(self) -> None:
        """Make a virtual environment with the Python servers, or note why that cannot be done."""
        venv = self._python.parent.parent
        for command in (
            (sys.executable, "-m", "venv", "--without-pip", str(venv)),
            (*PIP, "--python", str(self._python), "install", *PINNED),
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                last = (done.stderr.strip() or "no reason given").splitlines()[-1]
                self._why_no_packages = f"{' '.join(PINNED)} cannot be installed: {last}"
                return

    def python(self) -> str:
        """The interpreter with the Python servers.

        :raises Missing: they could not be installed.
        """
        if self._why_no_packages is not None:
            raise Missing(self._why_no_packages)
        return str(self._python)

    @staticmethod
    def program(name: str) -> str:
        """The path of an installed program.

        :raises Missing: it is not there.
        """
        path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
        if path is None:
            raise Missing(f"{name} is not installed")
        return path


class Server(ABC):
    """A server in a process of its own."""

    name: ClassVar[str]
    #: Cases that it answers by itself instead of giving them to its application, and why.
    own_answers: ClassVar[Mapping[str, str]] = {}
    environment: ClassVar[Mapping[str, str]] = {}

    def __init__(self, tools: Tools) -> None:
        self.tools = tools
        self.folder = tools.folder / self.name.replace(" ", "-")
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> Address:
        return ("127.0.0.1", self.port)

    @abstractmethod
    def command(self) -> Sequence[str]:
        """What to run.

        :raises Missing: it is not installed.
        """

    def start(self) -> Self:
        """Start it and wait until it listens.

        :raises Missing: it is not installed.
        :raises AssertionError: it does not start, with what it printed.
        """
        command = self.command()
        self.folder.mkdir(parents=True, exist_ok=True)
        output = self.folder / "output.log"
        with output.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=APPS,
                env=os.environ | {"PYTHONPATH": str(ROOT)} | dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            wait_for(self._is_listening, self.name)
        except AssertionError as error:
            self.stop()
            raise AssertionError(f"{error}\n{output.read_text(errors='replace')}") from error
        return self

    def _is_listening(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"{self.name} ended"
        return accepts(self.address)

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(PATIENCE_SECONDS)


class H11(Server):
    name = "h11"

    def command(self) -> Sequence[str]:
        return (sys.executable, "h11_app.py", str(self.port))


class Twisted(Server):
    name = "Twisted"
    own_answers = dict.fromkeys(ASTERISK_CASES, "OPTIONS * is answered by the server")

    def command(self) -> Sequence[str]:
        return (sys.executable, "twisted_app.py", str(self.port))


class Aiohttp(Server):
    name = "aiohttp"

    def command(self) -> Sequence[str]:
        return (self.tools.python(), "aiohttp_app.py", str(self.port))


class PureAiohttp(Aiohttp):
    """The same with its parser in Python instead of llhttp."""

    name = "aiohttp pure"
    environment = {"AIOHTTP_NO_EXTENSIONS": "1"}


class Gunicorn(Server):
    name = "gunicorn"

    def command(self) -> Sequence[str]:
        options = {
            "bind": f"127.0.0.1:{self.port}",
            "worker-class": "gthread",
            "threads": "16",
            "keep-alive": "5",
            "graceful-timeout": "1",
            "backlog": "1024",
            "limit-request-line": "0",
            "limit-request-fields": "1000",
            "limit-request-field_size": "0",
        }
        settings = [f"--{key}={value}" for key, value in options.items()]
        return (self.tools.python(), "-m", "gunicorn", *settings, "wsgi_app:application")


class Waitress(Server):
    name = "waitress"

    def command(self) -> Sequence[str]:
        settings = (f"--listen=127.0.0.1:{self.port}", "--threads=16", "--backlog=1024")
        return (self.tools.python(), "-m", "waitress", *settings, "wsgi_app:application")


class Node(Server):
    name = "node"

    def command(self) -> Sequence[str]:
        return (self.tools.program("node"), "node_app.js", str(self.port))


class InFront(Server):
    """A server that cannot say what it saw: it hands its requests on to h11, body complete."""

    def start(self) -> Self:
        self._behind = H11(self.tools).start()
        try:
            return super().start()
        except BaseException:
            self._behind.stop()
            raise

    def stop(self) -> None:
        super().stop()
        self._behind.stop()


class Nginx(InFront):
    name = "nginx"
    own_answers = dict.fromkeys(ASTERISK_CASES, "no asterisk-form: 400")

    def command(self) -> Sequence[str]:
        program = self.tools.program("nginx")
        path = configurations.nginx(self.folder, self.port, self._behind.port)
        return (program, "-e", "stderr", "-c", str(path))


class Apache(InFront):
    name = "Apache"
    own_answers = {
        **dict.fromkeys(ASTERISK_CASES, "OPTIONS * is answered by the server"),
        "hosts/right-empty-port": "no empty port in Host: 400",
    }

    def command(self) -> Sequence[str]:
        program = self.tools.program("apache2")
        modules = Path("/usr/lib/apache2/modules")
        if not modules.is_dir():
            raise Missing(f"there is no {modules}, where Debian has Apache's modules")
        path = configurations.apache(self.folder, self.port, self._behind.port, modules)
        return (program, "-DFOREGROUND", "-f", str(path))


SERVERS: tuple[type[Server], ...] = (
    Nginx,
    Apache,
    Node,
    Gunicorn,
    Waitress,
    Aiohttp,
    PureAiohttp,
    Twisted,
    H11,
)
