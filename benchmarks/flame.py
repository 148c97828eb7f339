"""Where the time goes: ``python -m benchmarks.flame FILE.svg``.

A flame graph of the router's hit path, made by py-spy from a running router under full load.  Its
width is time; what is called stands below what calls it.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.contenders import Place, Started, router_contenders, started
from benchmarks.flames import flames, read
from benchmarks.proxy import url
from benchmarks.stage import pinned, processors, stage
from benchmarks.upstream import upstream
from benchmarks.wrk import COUNTING

CONNECTIONS = 32
#: Samples a second: no divisor of the kernel's clock, so that no beat hides anything.
RATE = 397
#: The functions that wait for events and handle them.
LOOPS = ("ReactorBase.mainLoop", "AsyncioSelectorReactor.run", "UvloopReactor.run")


def arguments(args: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flame", description=__doc__)
    parser.add_argument("file", type=Path, help="the SVG to write")
    parser.add_argument("--reactor", default="epoll", help="(default: epoll)")
    parser.add_argument("--seconds", type=int, default=10, help="how long (default: 10)")
    parser.add_argument("--kind", choices=("hit", "learn", "bounce"), default="hit")
    return parser.parse_args(args)


def recorded(one: Started, options: argparse.Namespace, on: Sequence[int], file: Path) -> None:
    """Load, and py-spy watching.

    :raises subprocess.CalledProcessError: py-spy could not.
    """
    load = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{options.seconds + 4}s"]
    load += ["-H", f"Cookie: {one.cookies}", *scripted(one), url(one, "1k")]
    wrk = subprocess.Popen(pinned(on, load), stdout=subprocess.DEVNULL)
    try:
        watch = ["py-spy", "record", "--pid", str(one.running.process.pid), "--function"]
        watch += ["--rate", str(RATE), "--duration", str(options.seconds)]
        watch += ["--format", "raw", "--output", str(file)]
        subprocess.run(pinned(on, watch), check=True, stdout=subprocess.DEVNULL)
    finally:
        wrk.terminate()
        wrk.wait()


def scripted(one: Started) -> list[str]:
    return ["-s", str(COUNTING)] if one.contender.counts else []


def main(args: Sequence[str]) -> int:
    options = arguments(args)
    missing = [name for name in ("wrk", "nginx", "py-spy") if shutil.which(name) is None]
    if missing:
        print(f"needed, and not installed: {', '.join(missing)}; see benchmarks/README.rst")
        return 2
    first, *_, last = [*processors(), *processors()]
    with stage() as where:
        kinds = {c.name.rpartition(" ")[2]: c for c in router_contenders(options.reactor)}
        place = Place(where, upstream(where, [last]), [first])
        one = started(kinds[options.kind], place)
        stacks = where.folder / "stacks.txt"
        recorded(one, options, [last], stacks)
        root = read(stacks.read_text().splitlines(), LOOPS)
    title = f"The router under full load: {options.kind}, {options.reactor} reactor"
    options.file.write_text(flames(title, root))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
