"""Load by wrk, and what it says of it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import attrs

from benchmarks.stage import pinned

COUNTING, THINKING, VARYING = (
    Path(__file__).with_name(f"{name}.lua") for name in ("counting", "thinking", "varying")
)
#: As nearly every request of a browser has them.
COOKIES = "_session=6a5c9e27ab0f4d1388be02c1d2f9a4e7; theme=dark"
#: How much longer than it should wrk may take.
LATE_SECONDS = 30
SECONDS_PER = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}
TOTAL = re.compile(r"(\d+) requests in ([\d.]+)(us|ms|s|m),")
PERCENTILE = r"^ +{}% +([\d.]+)(us|ms|s|m) *$"
WRONG = re.compile(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)")


class WrongAnswersError(Exception):
    """Some requests were not answered well; a measurement is worth nothing then."""


@attrs.frozen
class Load:
    """What came of the requests."""

    requests: int
    seconds: float
    p50_seconds: float
    p99_seconds: float

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    @classmethod
    def parse(cls, text: str) -> Load:
        """Read what wrk prints.

        :raises WrongAnswersError: not every answer was a 200 on a connection that held.
        """
        total = TOTAL.search(text)
        wrong = WRONG.search(text)
        if total is None or wrong is not None:
            raise WrongAnswersError(wrong[0] if wrong is not None else text)
        p50, p99 = (percentile(text, number) for number in (50, 99))
        return cls(int(total[1]), float(total[2]) * SECONDS_PER[total[3]], p50, p99)


def percentile(text: str, number: int) -> float:
    """In seconds."""
    found = re.search(PERCENTILE.format(number), text, re.MULTILINE)
    if found is None:
        raise WrongAnswersError(text)
    return float(found[1]) * SECONDS_PER[found[2]]


def load(
    url: str,
    seconds: float,
    processors: Sequence[int],
    *,
    connections: int = 32,
    script: Path | None = None,
    think_ms: float = 0,
    close: bool = False,
    cookies: str = COOKIES,
) -> Load:
    """As many requests as are answered.

    :param script: for wrk, in Lua.
    :param think_ms: for :data:`THINKING`.
    :param close: a new connection for each request.
    :param cookies: those that the client has.
    :raises WrongAnswersError: see :meth:`Load.parse`.
    """
    whole_seconds = max(1, round(seconds))
    command = ["wrk", "--latency", "-t1", f"-c{connections}", f"-d{whole_seconds}s"]
    command += ["-H", f"Cookie: {cookies}"]
    if close:
        command += ["-H", "Connection: close"]
    if script is not None:
        command += ["-s", str(script)]
    done = subprocess.run(
        pinned(processors, [*command, url]),
        env=os.environ | {"THINK_MS": f"{think_ms:.3f}"},
        capture_output=True,
        text=True,
        timeout=whole_seconds + LATE_SECONDS,
        check=True,
    )
    return Load.parse(done.stdout)
