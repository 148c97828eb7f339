"""How fast routes are found, however many are stored: ``python -m benchmarks.lookups``.

For 1,000 to 10,000,000 stored routes: a look-up in memory, one on disk, what all that costs in
memory, and how soon a router that is started before such a file gives its first answer.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.lookups_probe import Measured, path_of, resident_bytes
from benchmarks.pod import owner
from benchmarks.world import NAMES, ROOT, PodProcesses
from pods.progress import progress
from pods.stores.opening import open_file
from pods.surroundings import STORE_FILE
from tests.integration.support import RouterProcess, ask

FEWEST, MOST = 1000, 10_000_000
SLICE = 100_000  #: rows that are written in one go
TTL_SECONDS = 80_000
LOOKUPS = 120_000  #: more than memory holds
_INSERT = """
WITH RECURSIVE numbers(number) AS
(SELECT :first UNION ALL SELECT number + 1 FROM numbers WHERE number < :last)
INSERT INTO routes (change, key, pod, learned_at, expires_at, used_at)
SELECT :before + number, printf('/organisation-%08d', number),
  owner(printf('/organisation-%08d', number)), :now, :expires, :now FROM numbers
"""


def fill(file: Path, have: int, rows: int) -> None:
    """Write more routes straight into the file of a store."""
    with contextlib.closing(open_file(str(file)).connection) as database:
        database.create_function("owner", 1, lambda path: owner(path, NAMES), deterministic=True)
        find_triggers = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        triggers = database.execute(find_triggers).fetchall()
        for name, _ in triggers:
            database.execute(f"DROP TRIGGER {name}")  # they count row by row
        [[changes]] = database.execute("SELECT last_change FROM totals").fetchall()
        before = changes - have
        with progress(f"{rows:,} routes", rows - have, sys.stderr) as advance:
            for first in range(have + 1, rows + 1, SLICE):
                last = min(first + SLICE - 1, rows)
                times = {"now": time.time(), "expires": time.time() + TTL_SECONDS}
                numbers = {"first": first, "last": last, "before": before}
                database.execute(_INSERT, {**numbers, **times})
                advance(last - first + 1)
        database.execute("UPDATE totals SET routes = ?, last_change = ?", (rows, before + rows))
        for _, statement in triggers:
            database.execute(statement)
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def probed(file: Path, rows: int) -> Measured:
    """What a process of its own measures."""
    command = [sys.executable, "-m", "benchmarks.lookups_probe", str(file), str(rows)]
    done = subprocess.run(
        [*command, str(LOOKUPS)], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    return Measured(**json.loads(done.stdout))


def started(router: RouterProcess, number: int) -> tuple[float, float]:
    """Start a router on the file: seconds to the first answer, and its megabytes then.

    :raises AssertionError: it did not know the route.
    """
    began = time.monotonic()
    router.start()
    answer = ask(router.address, path_of(number).rpartition("/")[0] + "/hit")
    seconds = time.monotonic() - began
    megabytes = resident_bytes(router.pid) / 1e6
    router.stop()
    log = router.folder / "access.log"
    told = json.loads(log.read_text().splitlines()[-1])
    log.unlink()
    assert (answer.status, told["route"], told["attempts"]) == (200, "cache", 1), told
    return seconds, megabytes


HEADER = (
    f"{'':>11}{'hot':>8}{'many':>8}{'cold':>9}{'cold, 99 %':>12}{'late':>6}{'memory':>9}"
    f"{'start':>8}{'router':>9}\n"
    f"{'routes':>11}{'µs':>8}{'µs':>8}{'ms':>9}{'ms':>12}{'':>6}{'MB':>9}{'s':>8}{'MB':>9}"
)


def row(rows: int, measured: Measured, seconds: float, megabytes: float) -> str:
    return (
        f"{rows:>11,}{measured.hot_microseconds:>8.2f}{measured.many_microseconds:>8.2f}"
        f"{measured.cold_median_milliseconds:>9.2f}{measured.cold_slowest_milliseconds:>12.2f}"
        f"{measured.late:>6}{measured.megabytes:>9.1f}{seconds:>8.2f}{megabytes:>9.1f}"
    )


def run(folder: Path, pods: PodProcesses, most: int) -> None:
    """Measure and print, for ten times as many routes each time."""
    urls = {name: {"url": f"http://127.0.0.1:{port}"} for name, port in pods.ports.items()}
    router = RouterProcess(folder, {"pods": urls, "cache": {"max_entries": 10**9}})
    file = folder / "var" / STORE_FILE
    print(HEADER, flush=True)
    have, rows = 0, FEWEST
    while rows <= most:
        fill(file, have, rows)
        measured = probed(file, rows)
        print(row(rows, measured, *started(router, rows // 2)), flush=True)
        have, rows = rows, rows * 10


def main(args: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lookups", description=__doc__)
    parser.add_argument("--most", type=int, default=MOST, help=f"routes (default: {MOST})")
    most = parser.parse_args(args).most
    folder, pods = Path(tempfile.mkdtemp(prefix="pods-bench-")), PodProcesses()
    try:
        pods.start_all(TTL_SECONDS)
        run(folder, pods, most)
    finally:
        pods.kill_all()
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
