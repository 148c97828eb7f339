"""Real curl through the router: a gibibyte each way, and slow sides that must not fill memory."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from random import Random
from typing import IO

from tests.integration.http_pod import Exchange
from tests.integration.support import (
    MIB,
    IntegrationTestCase,
    RouterProcess,
    need,
    progress,
)

GIB = 1024 * MIB
BLOCK = Random(1).randbytes(65_536)
SLOW_BYTES = 8 * MIB  #: takes 8 s at the rate below
SLOW_RATE = "1M"
GROWTH_BYTES = 8 * MIB


def noise(size_bytes: int) -> Iterator[bytes]:
    """So many bytes, in blocks none of which equals another."""
    for start in range(0, size_bytes, len(BLOCK)):
        block = start.to_bytes(8, "big") + BLOCK[8:]
        yield block[: size_bytes - start]


def digest(pieces: Iterable[bytes]) -> str:
    total = sha256()
    for piece in pieces:
        total.update(piece)
    return total.hexdigest()


def slowly(pieces: Iterable[bytes], slow_bytes: int) -> Iterator[bytes]:
    """The same pieces, about a MiB in a second until ``slow_bytes`` have come."""
    seen_bytes = 0
    for piece in pieces:
        if seen_bytes < slow_bytes:
            time.sleep(len(piece) / MIB)
        seen_bytes += len(piece)
        yield piece


def counted(pieces: Iterable[bytes], counts: list[int]) -> Iterator[bytes]:
    for piece in pieces:
        counts[0] += len(piece)
        yield piece


def curl(*arguments: str) -> subprocess.Popen[bytes]:
    command = ["curl", "--silent", "--show-error", "--fail", "--max-time", "120", *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def download(url: str, *options: str) -> str:
    """The digest of what curl gets."""
    with curl(*options, url) as process:
        assert process.stdout is not None
        result = digest(blocks(process.stdout))
    assert process.returncode == 0, process.returncode
    return result


def upload(url: str, pieces: Iterable[bytes], *options: str) -> str:
    """What the pod answers to curl, which sends these pieces chunked, as they come."""
    with curl(*options, "--upload-file", "-", url) as process:
        assert process.stdin is not None and process.stdout is not None
        with process.stdin:
            for piece in pieces:
                process.stdin.write(piece)
        result = process.stdout.read().decode()
    assert process.returncode == 0, process.returncode
    return result


def blocks(stream: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: stream.read(len(BLOCK)), b"")


class CurlTests(IntegrationTestCase):
    def setUp(self) -> None:
        need("curl")
        self.offered = [0]  #: bytes of the endless download that the pod got rid of
        self.bulk = self.pod("bulk", self.answer)

    def answer(self, exchange: Exchange) -> None:
        """``/SIZE`` is a download; ``/digest`` and ``/slow`` answer with an upload's digest."""
        last = exchange.seen.path.rpartition("/")[2]
        if last == "digest":
            exchange.respond(200, digest(exchange.body()).encode())
        elif last == "slow":
            exchange.respond(200, digest(slowly(exchange.body(), SLOW_BYTES)).encode())
        elif last == "endless":
            exchange.respond(200, counted(noise(GIB), self.offered), length=GIB)
        else:
            exchange.respond(200, noise(int(last)), length=int(last))

    def start(self) -> RouterProcess:
        """A router that has seen some traffic, so that what it needs at all is not growth."""
        router = self.router(pods={"bulk": {"url": self.bulk.url}})
        for _ in range(3):
            download(f"{router.url}/{MIB}")
            upload(f"{router.url}/digest", noise(MIB))
        return router

    def test_a_gibibyte_down_and_up(self) -> None:
        router = self.start()
        expected = digest(noise(GIB))
        progress("curl: 1 GiB down")
        with router.measured_growth() as down:
            self.assertEqual(download(f"{router.url}/{GIB}"), expected)
        progress("curl: 1 GiB up")
        with router.measured_growth() as up:
            self.assertEqual(upload(f"{router.url}/digest", noise(GIB)), expected)
        progress(f"memory grew by {down[0] / MIB:.1f} MiB down, {up[0] / MIB:.1f} MiB up")
        self.assertLess(max(down[0], up[0]), GROWTH_BYTES)

    def test_slow_sides(self) -> None:
        """Four at once: a slow download, a slow upload, a slow pod, and a slow endless download."""
        router = self.start()
        limited = ("--limit-rate", SLOW_RATE)
        progress("curl: slow clients and a slow pod")
        with router.measured_growth() as growth, ThreadPoolExecutor() as together:
            results = [
                together.submit(download, f"{router.url}/{SLOW_BYTES}", *limited),
                together.submit(upload, f"{router.url}/digest", noise(SLOW_BYTES), *limited),
                together.submit(upload, f"{router.url}/slow", noise(8 * SLOW_BYTES)),
            ]
            endless = curl(*limited, f"{router.url}/endless", "--output", "/dev/null")
            digests = [result.result() for result in results]
            endless.kill()
            endless.communicate()
        small, large = digest(noise(SLOW_BYTES)), digest(noise(8 * SLOW_BYTES))
        self.assertEqual(digests, [small, small, large])
        self.assertLess(self.offered[0], 64 * MIB, "the pod was not held back")
        progress(f"memory grew by {growth[0] / MIB:.1f} MiB")
        self.assertLess(growth[0], GROWTH_BYTES)
