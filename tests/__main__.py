"""Runs the tests, several modules at a time: ``python -m tests``.

Most tests wait for something, so this takes a part of the time of ``python -m twisted.trial
tests``, which runs them one after the other.  The last line is trial's, for all of them together.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from tests.running import Result, Trial, has_passed, remove, run_all, summary
from tests.selecting import ROOT, all_modules, below, grouped, meets_reactor

JOBS_PER_PROCESSOR = 2  #: as most of them wait
MEMORY = Path("/dev/shm")
TEMP_BYTES = 4 * 1024**3  #: enough for all that tests which run at the same time write
FAILURE = 1
INTERRUPTED = 128 + signal.SIGINT  #: the exit status, as a shell has it


def parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests", description="Run the tests.")
    parser.add_argument("modules", nargs="*", help="modules or packages (default: all)")
    parser.add_argument(
        "--jobs",
        type=int,
        default=JOBS_PER_PROCESSOR * (os.cpu_count() or 1),
        help=f"processes at a time (default: {JOBS_PER_PROCESSOR} for each processor)",
    )
    parser.add_argument(
        "--reactor", help="run those that have to do with a reactor on this one, such as uvloop"
    )
    options = parser.parse_args(arguments)
    try:
        options.modules = below(options.modules) if options.modules else all_modules()
    except ValueError as error:
        parser.error(str(error))
    if options.jobs < 1:
        parser.error("--jobs is less than 1")
    return options


def make_temp() -> Path:
    """A new folder for the files of the tests: below ``TMPDIR``, else in memory if it is large.

    Disks that are flushed for each transaction make some tests take ten times as long, and none
    of them takes the power away.
    """
    in_memory = "TMPDIR" not in os.environ and can_hold_temp(MEMORY)
    temp = Path(tempfile.mkdtemp(prefix="pods-tests-", dir=MEMORY if in_memory else None))
    temp.chmod(0o755)  # some tests start programs as another user
    return temp


def can_hold_temp(folder: Path) -> bool:
    """Whether it is there, large enough, and programs may be in it."""
    if not folder.is_dir() or shutil.disk_usage(folder).free < TEMP_BYTES:
        return False
    return not os.statvfs(folder).f_flag & os.ST_NOEXEC


def tell(result: Result) -> None:
    """A line for a process that has ended, and what there is to say beyond it."""
    first, *more = result.modules
    name = f"{first} and {len(more)} more" if more else first
    print(f"{result.seconds:6.1f} s  {name}: {summary(result.counts)}", flush=True)
    if not has_passed(result.counts):
        print(f"exit status {result.exit_status}, files in {result.home}; it printed:")
        print(result.output, flush=True)
    elif result.remarks:
        print(result.remarks, flush=True)


async def run(options: argparse.Namespace, temp: Path) -> int:
    """The exit status.  A signal that is to end us ends all that runs."""
    here = asyncio.current_task()
    assert here is not None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, here.cancel)
    modules = options.modules
    if options.reactor:
        modules = list(filter(meets_reactor, modules))
    trial = Trial(ROOT, temp, options.reactor)
    try:
        counts = await run_all(trial, grouped(modules), options.jobs, tell)
    except asyncio.CancelledError:
        print("interrupted")
        return INTERRUPTED
    print(summary(counts))
    return 0 if has_passed(counts) else FAILURE


def main(arguments: list[str]) -> int:
    options = parsed(arguments)
    temp = make_temp()
    exit_status = asyncio.run(run(options, temp))
    if exit_status != FAILURE:
        remove(temp)
    return exit_status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
