"""Searches one target for inputs that break a promise, until one is found or the time is over."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

TARGETS = (
    *("chunked_body", "learn_answer", "pod_headers", "request_head", "response_head"),
    "route_cookie",
)
INPUT_LIMIT_BYTES = 2048
PROGRESS_SECONDS = 10.0


class Progress:
    """Says now and then how far the search is."""

    def __init__(self, name: str, seconds: int, check: Callable[[bytes], bool]) -> None:
        self._name, self._seconds, self._check = name, seconds, check
        self._inputs = self._accepted = 0
        self._began_at = time.monotonic()
        self._next_at = self._began_at + PROGRESS_SECONDS

    def __call__(self, data: bytes) -> None:
        self._inputs += 1
        try:
            self._accepted += self._check(data)
        except Exception:
            print(f"{self._name}: the input was {data!r}", file=sys.stderr, flush=True)
            raise
        now = time.monotonic()
        if now >= self._next_at:
            self._next_at = now + PROGRESS_SECONDS
            passed = f"{now - self._began_at:.0f} of {self._seconds} s"
            counts = f"{self._inputs} inputs, {self._accepted} accepted"
            print(f"{self._name}: {passed}, {counts}", file=sys.stderr, flush=True)


def load_fuzzer() -> Any:
    """The fuzzer, which has no annotations.

    :raises SystemExit: it is not installed.
    """
    try:
        return importlib.import_module("atheris")
    except ImportError as error:
        raise SystemExit('atheris is missing: pip install -e ".[dev,fuzz]"') from error


def dictionary(words: tuple[bytes, ...]) -> str:
    """The words as libFuzzer wants them, one in each line."""
    return "".join('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in words)


def prepared(folder: Path, target: Any) -> list[str]:
    """libFuzzer's arguments for a search that begins with the seeds, written to this folder."""
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, seed in enumerate((*target.seeds, *target.findings)):
        (corpus / str(number)).write_bytes(seed)
    words = folder / "words"
    words.write_text(dictionary(target.words))
    return [f"-dict={words}", str(corpus)]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60, help="how long (default: 60)")
    return parser.parse_args()


def search(fuzzer: Any, options: argparse.Namespace, target: Any, more: list[str]) -> None:
    """Search; the fuzzer ends the process without cleaning up."""
    limits = [f"-max_total_time={options.seconds}", f"-max_len={INPUT_LIMIT_BYTES}", "-timeout=10"]
    output = ["-verbosity=0", "-print_final_stats=1"]
    progress = Progress(options.target, options.seconds, target.check)
    fuzzer.Setup([sys.argv[0], *limits, *output, *more], progress)
    fuzzer.Fuzz()


def main() -> int:
    options = arguments()
    fuzzer = load_fuzzer()
    with fuzzer.instrument_imports(include=["pods", "tests"]):
        target = importlib.import_module(f"tests.fuzz.{options.target}").TARGET
    with TemporaryDirectory() as folder:
        more = prepared(Path(folder), target)
        child = get_context("fork").Process(target=search, args=(fuzzer, options, target, more))
        child.start()
        child.join()
    return child.exitcode or 0


if __name__ == "__main__":
    sys.exit(main())
