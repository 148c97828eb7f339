"""Processes on processors of their own: started, watched through ``/proc``, and always ended."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import attrs

from tests.integration.support import accepts, wait_for

ROOT = Path(__file__).resolve().parent.parent
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
STOP_SECONDS = 10
#: Where the fields of /proc/PID/stat stand after the name of the program.
SESSION, USER_TICKS, CHILDREN_SYSTEM_TICKS = 3, 11, 14


def processors() -> list[int]:
    """The processors that may be used."""
    return sorted(os.sched_getaffinity(0))


def pinned(processors: Sequence[int], command: Sequence[str]) -> list[str]:
    """A command that may run on these processors only."""
    return ["taskset", "--cpu-list", ",".join(map(str, processors)), *command]


@attrs.frozen
class Running:
    """A program with all the processes that it has started: they are one session."""

    process: subprocess.Popen[bytes]
    output: Path

    @property
    def pids(self) -> list[int]:
        """Of the processes that are there now."""
        own = str(self.process.pid)
        return [pid for pid in all_pids() if stat_fields(pid)[SESSION : SESSION + 1] == [own]]

    @property
    def cpu_seconds(self) -> float:
        """Processor time that they have used, and those of them that have ended."""
        ticks = 0
        for pid in self.pids:
            ticks += sum(map(int, stat_fields(pid)[USER_TICKS : CHILDREN_SYSTEM_TICKS + 1]))
        return ticks / TICKS_PER_SECOND

    def memory_bytes(self, field: str = "VmHWM") -> int:
        """What the kernel says of their memory: ``VmRSS`` is now, ``VmHWM`` the highest so far."""
        return sum(status_bytes(pid, field) for pid in self.pids)

    def forget_peak(self) -> None:
        """``VmHWM`` begins anew."""
        for pid in self.pids:
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def printed(self) -> str:
        return self.output.read_text(errors="replace")

    def check(self) -> None:
        """:raises RuntimeError: it has ended, with what it printed."""
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.process.args!r} ended\n{self.printed()}")

    def end(self) -> None:
        """End all of them, kindly at first."""
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_SECONDS)
        self._signal(signal.SIGKILL)
        self.process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


def all_pids() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name; none if the process is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return []


def status_bytes(pid: int, field: str) -> int:
    """One of the sizes in /proc/PID/status; 0 if the process is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
    return 0


class Stage:
    """Where programs run, with a folder for their files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: list[Running] = []

    def start(
        self,
        name: str,
        command: Sequence[str],
        on: Sequence[int],
        port: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Running:
        """Start a program, and wait until it accepts connections.

        :param on: the processors that it may run on.
        :param port: where it listens; None: nothing is waited for.
        :raises RuntimeError: it ended at once, with what it printed.
        """
        output = self.folder / f"{name}.output"
        with output.open("wb") as file:
            process = subprocess.Popen(
                pinned(on, command),
                cwd=self.folder,
                env=os.environ | {"PYTHONPATH": str(ROOT)} | dict(environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        running = Running(process, output)
        self._running.append(running)
        if port is not None:
            wait_for(lambda: listens(running, port), f"{name} to listen")
        return running

    def end(self) -> None:
        for running in self._running:
            running.end()


def listens(running: Running, port: int) -> bool:
    running.check()
    return accepts(("127.0.0.1", port))


@contextmanager
def stage() -> Iterator[Stage]:
    """A stage that leaves nothing behind: neither a process nor a file, whatever happens."""
    folder = Path(tempfile.mkdtemp(prefix="pods-bench-"))
    folder.chmod(0o755)  # servers that give up privileges read files in it
    stage = Stage(folder)
    previous = {number: signal.signal(number, leave) for number in ENDING}
    try:
        yield stage
    finally:
        stage.end()
        shutil.rmtree(folder)
        for number, handler in previous.items():
            signal.signal(number, handler)


def leave(number: int, frame: FrameType | None) -> None:
    """A signal that ends the program ends it in good order; a second one does not disturb that."""
    for each in ENDING:
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def say_progress(text: str) -> None:
    """On a terminal: what is being done now, on a line that the next one overwrites."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def progress_is_over() -> None:
    """Leave an empty line where progress was told."""
    say_progress("")
