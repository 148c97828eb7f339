"""Twisted's own reactor cases, on three reactors: ``python -m tests.reactor_conformance``.

It ends with the counts, one reactor beside the other.  The exit code is 1 if the uvloop reactor
fails a case that the other two pass and that is not among the :data:`DIFFERENCES`, or passes one
that is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

ROOT = Path(__file__).resolve().parent.parent
REACTORS = ("epoll", "asyncio", "uvloop")

#: The cases that it is not meant to pass, and why.
DIFFERENCES: Mapping[str, str] = {
    "twisted.internet.test.test_unix.UNIXTestsBuilder.test_avoidLeakingFileDescriptors": (
        "uvloop reads with read(2), so the kernel itself closes descriptors that are sent to a "
        "protocol which takes none; there is nobody to log it"
    ),
    "twisted.test.test_tcp.HalfCloseTests.testCloseWriteCloser": (
        "looks at a private attribute of Twisted's transports, _tempDataBuffer"
    ),
}


@attrs.frozen
class Verdict:
    """What became of the cases on one reactor.

    :param outcomes: "passed", "failed" or "skipped", by the name of the case.
    :param reasons: why, where it did not pass.
    """

    outcomes: Mapping[str, str]
    reasons: Mapping[str, str]

    def count(self, outcome: str) -> int:
        return Counter(self.outcomes.values())[outcome]

    def failed(self) -> set[str]:
        return {name for name, outcome in self.outcomes.items() if outcome == "failed"}


def run_all(reactors: Sequence[str], folder: Path) -> dict[str, Verdict]:
    """Run the cases on each reactor, in processes of their own, as many as there are processors.

    :raises RuntimeError: if one of them breaks off.
    """
    waiting, verdicts = list(reactors), {}
    while waiting:
        batch = [waiting.pop(0) for _ in range(min(len(waiting), os.cpu_count() or 1))]
        processes = [start(reactor, folder) for reactor in batch]
        for reactor, process in zip(batch, processes, strict=True):
            verdicts[reactor] = finished(reactor, process, folder)
    return verdicts


def start(reactor: str, folder: Path) -> subprocess.Popen[bytes]:
    home = folder / reactor
    home.mkdir()
    return subprocess.Popen(
        [sys.executable, "-m", "tests.reactor_cases", reactor, str(folder / f"{reactor}.json")],
        cwd=home,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=(folder / f"{reactor}.log").open("wb"),
        stderr=subprocess.STDOUT,
    )


def finished(reactor: str, process: subprocess.Popen[bytes], folder: Path) -> Verdict:
    status = process.wait()
    report = folder / f"{reactor}.json"
    if not report.exists():
        log = (folder / f"{reactor}.log").read_text(errors="replace")[-3000:]
        raise RuntimeError(f"the cases broke off on {reactor} (exit status {status}):\n{log}")
    return Verdict(*json.loads(report.read_text()))


def surprises(verdicts: Mapping[str, Verdict]) -> dict[str, str]:
    """What is wrong with the uvloop reactor, by case."""
    failed = verdicts["uvloop"].failed()
    elsewhere = {name for other in REACTORS[:2] for name in verdicts[other].failed()}
    wrong = {
        name: verdicts["uvloop"].reasons[name] for name in failed - elsewhere - DIFFERENCES.keys()
    }
    return wrong | dict.fromkeys(DIFFERENCES.keys() - failed, "passes: no difference")


def report(verdicts: Mapping[str, Verdict]) -> str:
    """Every failure with its reason, and the counts."""
    lines = [
        f"{reactor}: {name}: {DIFFERENCES.get(name, verdict.reasons[name])}"
        for reactor, verdict in verdicts.items()
        for name in sorted(verdict.failed())
    ]
    lines.append(f"{'reactor':<10}{'passed':>8}{'failed':>8}{'skipped':>8}")
    for reactor, verdict in verdicts.items():
        counts = "".join(f"{verdict.count(what):>8}" for what in ("passed", "failed", "skipped"))
        lines.append(f"{reactor:<10}{counts}")
    return "\n".join(lines)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        verdicts = run_all(REACTORS, Path(folder))
    wrong = surprises(verdicts)
    for name, reason in sorted(wrong.items()):
        print(f"SURPRISE: {name}: {reason}")
    print(report(verdicts))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
