"""The example applications, set up and run by the very commands of their how-to pages.

A page names its commands: each ``code-block:: shell`` has ``:name: EXAMPLE-STEP``, such as
``django-set-up``.  They are run in a copy of the checkout, with free ports in place of the page's:
the step ``set-up`` at its top, where it begins with ``cd docs/examples/...``, the others there.
"""

from __future__ import annotations

import csv
import os
import re
import shutil
import signal
import subprocess
import time
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest import SkipTest

import attrs

from tests.integration.support import (
    PATIENCE_SECONDS,
    ROOT,
    accepts,
    free_port,
    wait_for,
)

DOCS = ROOT / "docs"
PACKAGE = ("pods", "twisted", "setup.cfg", "pyproject.toml", "README.rst", "LICENSE")
MADE = shutil.ignore_patterns(".venv", "var", "__pycache__")  #: by somebody who follows the page
SET_UP = "set-up"  #: the step of each page that makes the virtual environment
COMMAND_SECONDS = 300
_BLOCK = r"^\.\. code-block:: shell\n   :name: {}-(\S+)\n\n((?:   .*\n|\n)+)"
_TABLE = r"^\.\. csv-table:: .*\n   :name: {}-lines\n(?:   :.*\n)*\n((?:   .*\n)+)"
_PORT = re.compile(r"\b(?:127\.0\.0\.1|localhost|port|tcp)[ :=]+(\d{4,5})\b")


# -- pages -----------------------------------------------------------------------


@attrs.frozen
class HowTo:
    """A page of ``docs/how-to``.

    :param name: of the example, such as ``django``.
    :param page: the page's name, such as ``run-django-pods``.
    """

    name: str
    page: str

    @property
    def text(self) -> str:
        return (DOCS / "how-to" / f"{self.page}.rst").read_text()

    def commands(self) -> dict[str, str]:
        """What each step of the page types, in the page's order."""
        found = re.findall(_BLOCK.format(self.name), self.text, re.MULTILINE)
        return {step: re.sub("^   ", "", text, flags=re.MULTILINE) for step, text in found}

    def is_all_named(self) -> bool:
        """Whether each block of commands is one that a test can run."""
        return self.text.count("code-block:: shell") == len(self.commands())

    def lines(self) -> dict[str, int]:
        """The page's table of lines that the pod needs beyond the plain application, by file."""
        found = re.search(_TABLE.format(self.name), self.text, re.MULTILINE)
        assert found is not None, f"{self.page}.rst has no csv-table named {self.name}-lines"
        rows = csv.reader((line.strip() for line in found[1].splitlines()), skipinitialspace=True)
        return {row[0].strip("`"): int(row[1]) for row in rows}


def lines_beyond(example: Path) -> dict[str, int]:
    """The lines that an example needs to be a pod, by file.

    They stand between the comments ``# pod: begin`` and ``# pod: end``.  Lines that are empty or
    only a comment are not counted.
    """
    counted = {}
    for path in sorted(path for path in example.rglob("*") if path.suffix in (".py", ".tac")):
        if ".venv" in path.parts:
            continue
        inside = re.findall(r"# pod: begin.*?\n(.*?)# pod: end", path.read_text(), re.DOTALL)
        lines = [line.strip() for line in "".join(inside).splitlines()]
        count = sum(1 for line in lines if line and not line.startswith("#"))
        if count:
            counted[path.relative_to(example).as_posix()] = count
    return counted


# -- programs --------------------------------------------------------------------


class Example:
    """An example in a copy of the checkout, and the commands of its page.

    :param checkout: an empty folder for that copy.
    :param folder: the example's own name below ``docs/examples``.
    """

    def __init__(self, checkout: Path, how_to: HowTo, folder: str) -> None:
        for name in PACKAGE:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
            copy(ROOT / name, checkout / name)
        self.checkout = checkout
        self.folder = checkout / "docs" / "examples" / folder
        shutil.copytree(DOCS / "examples" / folder, self.folder, ignore=MADE)
        self.how_to = how_to
        self.commands = how_to.commands()
        self.ran: list[str] = []  #: steps, in the order of their first run
        self.seconds: dict[str, float] = {}  #: that each step took
        self.printed = checkout / "printed.log"  #: by programs that are or were running
        self._running: list[subprocess.Popen[bytes]] = []
        config = self.folder / "router.toml"
        said = "\n".join(self.commands.values()) + config.read_text()
        self.ports = {int(port): free_port() for port in set(_PORT.findall(said))}
        config.write_text(self._on_free_ports(config.read_text()))

    @property
    def tables(self) -> dict[str, Any]:
        """The example's ``router.toml``, with free ports."""
        return tomllib.loads((self.folder / "router.toml").read_text())

    def port_of_pod(self, pod: str) -> int:
        """Where the example's router finds a pod."""
        return _port_in(self.tables["pods"][pod]["url"])

    def set_up(self) -> None:
        """Make the virtual environment.

        :raises SkipTest: no package index can be reached, or there is no ``venv``.
        """
        try:
            self.run(SET_UP)
        except AssertionError as error:
            if "ensurepip" in str(error):
                raise SkipTest("the module venv of python3 is not installed") from error
            if self.type(".venv/bin/pip index versions pip")[0]:
                raise SkipTest("pip cannot reach a package index") from error
            raise

    def run(self, step: str) -> str:
        """What the commands of a step print.

        :raises AssertionError: one of them fails.
        """
        began = time.monotonic()
        folder = self.checkout if step == SET_UP else self.folder
        code, said = self.type(self._command(step), folder)
        self.seconds[step] = time.monotonic() - began
        assert code == 0, f"{step}: exit code {code}\n{said}"
        return said

    def type(self, command: str, folder: Path | None = None) -> tuple[int, str]:
        """The exit code of a command in the example's or another folder, and what it prints."""
        process = self._shell(command, subprocess.PIPE, folder)
        try:
            output, _ = process.communicate(timeout=COMMAND_SECONDS)
        finally:
            _end(process)
        return process.returncode, output.decode(errors="replace")

    def start(self, step: str) -> tuple[str, int]:
        """Run a step that goes on until it is stopped; its address, once it listens there."""
        began = time.monotonic()
        address = self.serve(self._command(step), self._port_of(step))
        self.seconds[step] = time.monotonic() - began
        return address

    def serve(self, command: str, port: int) -> tuple[str, int]:
        """The same for a command of a test's own, which is to listen on that port.

        :raises AssertionError: it ends, with what was printed.
        """
        with self.printed.open("ab") as printed:
            process = self._shell(command, printed)
        self._running.append(process)

        def is_listening() -> bool:
            if process.poll() is not None:
                printed = self.printed.read_text(errors="replace")
                raise AssertionError(f"it ended: {command}\n{printed}")
            return accepts(("127.0.0.1", port))

        wait_for(is_listening, f"port {port} of {command}")
        return ("127.0.0.1", port)

    def stop(self) -> None:
        """End, with all that they started, the programs that still run, the last one first."""
        while self._running:
            _end(self._running.pop())

    def _command(self, step: str) -> str:
        if step not in self.ran:
            self.ran.append(step)
        return self._on_free_ports(self.commands[step])

    def _port_of(self, step: str) -> int:
        """Where a step listens: its own port, or that of the ``router.toml`` it names."""
        command = self.commands[step]
        is_router = "router.toml" in command
        said = self.tables["router"]["listen"][0] if is_router else self._on_free_ports(command)
        return _port_in(said)

    def _on_free_ports(self, text: str) -> str:
        ports = "|".join(map(str, self.ports))
        return re.sub(rf"\b({ports})\b", lambda found: str(self.ports[int(found[1])]), text)

    def _shell(
        self, command: str, stdout: Any, folder: Path | None = None
    ) -> subprocess.Popen[bytes]:
        """A shell of its own, as a person has one."""
        unset = ("PYTHONPATH", "VIRTUAL_ENV", "POD")
        return subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=folder or self.folder,
            # Most of what pip would compile is never imported.
            env={name: value for name, value in os.environ.items() if name not in unset}
            | {"PIP_NO_COMPILE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that all it starts can be ended
        )


def _port_in(text: str) -> int:
    found = _PORT.search(text)
    assert found is not None, f"no port in {text!r}"
    return int(found[1])


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a shell and all that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE_SECONDS)
