"""Bodies and connections that last: ``python -m benchmarks.whole``.

1 GiB down and up: processor time for each GiB, and how far the memory rises.  Idle connections and
idle tunnels: what each of them holds in memory.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs

from benchmarks import sink
from benchmarks.contenders import OTHERS, Contender, Place, Started, router_contenders, started
from benchmarks.proxy import MIB, available_reactors, installed
from benchmarks.stage import processors, progress_is_over, say_progress, stage
from benchmarks.upstream import Upstream

KIB = 1024
GIB = 1024 * MIB
HOST = "Host: localhost"
SETTLING_REQUESTS = 50  #: before memory is looked at


@attrs.frozen
class Whole:
    """What one proxy needs."""

    name: str
    down_cpu_seconds: float  #: for each GiB
    down_memory_mib: float  #: how far its peak rose
    up_cpu_seconds: float
    up_memory_mib: float
    idle_kib: float  #: for each connection
    tunnel_kib: float  #: for each tunnel


def arguments(args: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.whole", description=__doc__)
    parser.add_argument("--size", type=int, default=1024, help="of a body in MiB (default: 1024)")
    parser.add_argument("--connections", type=int, default=1000, help="idle ones (default: 1000)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers to it")
    return parser.parse_args(args)


def asking(one: Started, first: str, *fields: str) -> socket.socket:
    """A connection on which a request has begun."""
    connection = socket.create_connection(("127.0.0.1", one.port), timeout=120)
    connection.sendall("\r\n".join([first, HOST, *fields, "", ""]).encode())
    return connection


def answered(connection: socket.socket) -> tuple[bytes, int]:
    """The head of the answer; how much of the body came with it."""
    found = sink.head(connection)
    assert found is not None, "the connection was closed"
    return found


def down(one: Started, size: int) -> None:
    with asking(one, f"GET /hit/{size} HTTP/1.1") as connection:
        head, come_bytes = answered(connection)
        assert head.startswith(b"HTTP/1.1 200"), head
        sink.skip(connection, size - come_bytes)


def up(one: Started, size: int) -> None:
    with asking(one, "PUT /hit/up HTTP/1.1", f"Content-Length: {size}") as connection:
        sink.send(connection, size)
        head, _ = answered(connection)
        assert head.startswith(b"HTTP/1.1 200"), head


def moved(one: Started, size: int, moving: object) -> tuple[float, float]:
    """Processor seconds for each GiB, and MiB of growth."""
    assert callable(moving)
    moving(one, MIB)
    one.running.forget_peak()
    memory_bytes, cpu_seconds = one.running.memory_bytes("VmRSS"), one.running.cpu_seconds
    moving(one, size)
    used_seconds = one.running.cpu_seconds - cpu_seconds
    return used_seconds * GIB / size, (one.running.memory_bytes() - memory_bytes) / MIB


def held_kib(one: Started, count: int, request: Sequence[str], status: bytes) -> float:
    """What each of so many connections holds, once it has been answered."""
    for _ in range(SETTLING_REQUESTS):
        with asking(one, *request) as connection:
            answered(connection)
    before = one.running.memory_bytes("VmRSS")
    connections = []
    try:
        for _ in range(count):
            connections.append(asking(one, *request))
            head, _ = answered(connections[-1])
            assert head.startswith(b"HTTP/1.1 " + status), head
        return (one.running.memory_bytes("VmRSS") - before) / KIB / count
    finally:
        for connection in connections:
            connection.close()


UPGRADE = (
    *("GET /hit/tunnel HTTP/1.1", "Connection: Upgrade", "Upgrade: websocket"),
    *("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
)


def measured(contender: Contender, place: Place, options: argparse.Namespace) -> Whole:
    one = started(contender, place)
    say_progress(f"{one.name}: {options.size} MiB down")
    down_cpu_seconds, down_memory_mib = moved(one, options.size * MIB, down)
    say_progress(f"{one.name}: {options.size} MiB up")
    up_cpu_seconds, up_memory_mib = moved(one, options.size * MIB, up)
    say_progress(f"{one.name}: {options.connections} idle connections")
    idle_kib = held_kib(one, options.connections, ("GET /hit/1 HTTP/1.1",), b"200")
    say_progress(f"{one.name}: {options.connections} idle tunnels")
    tunnel_kib = held_kib(one, options.connections, UPGRADE, b"101")
    one.running.end()
    return Whole(
        *(one.name, down_cpu_seconds, down_memory_mib, up_cpu_seconds, up_memory_mib),
        *(idle_kib, tunnel_kib),
    )


def table(results: Sequence[Whole]) -> Iterable[str]:
    yield f"{'proxy':<26}{'GiB down':>21}{'GiB up':>21}{'idle':>12}{'tunnel':>12}"
    for one in results:
        yield (
            f"{one.name:<26}{one.down_cpu_seconds:>8.2f} s{one.down_memory_mib:>7.1f} MiB"
            f"{one.up_cpu_seconds:>8.2f} s{one.up_memory_mib:>7.1f} MiB"
            f"{one.idle_kib:>8.1f} KiB{one.tunnel_kib:>8.1f} KiB"
        )


def main(args: Sequence[str]) -> int:
    options = arguments(args)
    first, *_, last = [*processors(), *processors()]
    contenders = installed([c for c in OTHERS if c.name in ("nginx", "HAProxy")])
    contenders += [router_contenders(reactor)[0] for reactor in available_reactors()]
    os.sched_setaffinity(0, {last})  # the client and the pod
    with stage() as where, sink.sink() as port:
        place = Place(where, Upstream(port, port), [first])
        results = [measured(contender, place, options) for contender in contenders]
    progress_is_over()
    print("\n".join(table(results)))
    if options.json:
        options.json.write_text(json.dumps([attrs.asdict(r) for r in results], indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
