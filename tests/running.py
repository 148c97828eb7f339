"""Trial in several processes at a time.

Its own ``--jobs`` is of no use here: it deals out single tests, and what the tests of a module
share, such as a PostgreSQL cluster, would be made anew in each process.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import attrs

END_SECONDS = 10  #: that an interrupted process has to clean up
PASSED, FAILED = "PASSED", "FAILED"
#: In trial's order.
WHAT_IS_COUNTED = (
    *("skips", "expectedFailures", "failures", "errors", "unexpectedSuccesses", "successes"),
)
_SUMMARY = re.compile(r"^(PASSED|FAILED)(?: \((.*)\))?$", re.MULTILINE)
_RULER = "=" * 79  #: before each thing that trial has to say at the end


@attrs.frozen
class Result:
    """What became of one process.

    :param home: the folder of its files, which is there no more if all has passed.
    :param output: all that it printed.
    """

    modules: Sequence[str]
    home: Path
    seconds: float
    exit_status: int
    output: str

    @property
    def counts(self) -> Counter[str]:
        """How many tests ended how; breaking off counts as an error."""
        summaries = _SUMMARY.findall(self.output)
        said = summaries[-1][1] if summaries else ""
        counts = Counter({what: int(n) for what, n in re.findall(r"(\w+)=(\d+)", said)})
        if not summaries or (self.exit_status != 0 and has_passed(counts)):
            counts["errors"] += 1
        return counts

    @property
    def remarks(self) -> str:
        """Whatever trial says after the list of the tests, such as why some were skipped."""
        return self.output[start:] if (start := self.output.find(_RULER)) >= 0 else ""


def remove(folder: Path) -> None:
    """Remove all of it that is left alone: what has just been killed may not be gone yet."""
    shutil.rmtree(folder, ignore_errors=True)


def has_passed(counts: Counter[str]) -> bool:
    return not any(counts[what] for what in ("failures", "errors", "unexpectedSuccesses"))


def summary(counts: Counter[str]) -> str:
    """The counts in the words of trial's last line."""
    said = ", ".join(f"{what}={counts[what]}" for what in WHAT_IS_COUNTED if counts[what])
    return (PASSED if has_passed(counts) else FAILED) + (f" ({said})" if said else "")


@attrs.frozen
class Trial:
    """How to run trial.

    :param root: the folder in which the modules are found.
    :param temp: a folder for the files of the tests; its path is short, as sockets are in it.
    :param reactor: another one than the default.
    """

    root: Path
    temp: Path
    reactor: str | None = None

    async def run(self, modules: Sequence[str]) -> Result:
        """Run modules in one process; if this is cancelled, it is interrupted and waited for."""
        home = Path(tempfile.mkdtemp(prefix="", dir=self.temp))
        home.chmod(0o755)  # some tests start programs as another user
        began = time.monotonic()
        printed = home / "output.log"
        with printed.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                *self._command(home / "trial", modules),
                cwd=self.root,
                env=os.environ | self._environment(home),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=file,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,  # so that all that it starts can be ended
            )
        try:
            exit_status = await process.wait()
        except asyncio.CancelledError:
            await _interrupt(process)
            raise
        finally:
            _signal(process, signal.SIGKILL)
        took, said = time.monotonic() - began, printed.read_text(errors="replace")
        result = Result(modules, home, took, exit_status, said)
        if has_passed(result.counts):
            remove(home)
        return result

    def _command(self, temp: Path, modules: Sequence[str]) -> list[str]:
        options = [f"--temp-directory={temp}"]
        if self.reactor:
            options.append(f"--reactor={self.reactor}")
        return [sys.executable, "-m", "twisted.trial", *options, *modules]

    def _environment(self, home: Path) -> dict[str, str]:
        own = {"TMPDIR": str(home)}
        return own | {"PODS_TEST_REACTOR": self.reactor} if self.reactor else own


async def _interrupt(process: Process) -> None:
    """Have it stop as by Ctrl-C, which those that it started get as well."""
    _signal(process, signal.SIGINT)
    with suppress(TimeoutError):
        async with asyncio.timeout(END_SECONDS):
            await process.wait()


def _signal(process: Process, number: signal.Signals) -> None:
    """Signal it and all that it started; some may be there though it has ended."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


async def run_all(
    trial: Trial, groups: Iterable[Sequence[str]], jobs: int, tell: Callable[[Result], None]
) -> Counter[str]:
    """Run each group in a process of its own.

    :param jobs: so many processes at a time.
    :param tell: is told of each as soon as it has ended.
    :returns: the counts of all.
    """
    waiting, counts = iter(groups), Counter[str]()

    async def work() -> None:
        for modules in waiting:
            result = await trial.run(modules)
            counts.update(result.counts)
            tell(result)

    async with asyncio.TaskGroup() as workers:
        for _ in range(jobs):
            workers.create_task(work())
    return counts
