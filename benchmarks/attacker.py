"""Somebody who asks for what is not there, and looks at the clock."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator, Sequence

from benchmarks.distant_pod import BODY

#: Each connection asks about once in so long, whatever the policy: so the load is the same.
CYCLE_SECONDS = 0.35
ANSWER_SECONDS = 30


class Prober(asyncio.Protocol):
    """One connection that measures how long a 404 takes."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._received = b""
        self._answer: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    @classmethod
    async def connected(cls, port: int) -> Prober:
        loop = asyncio.get_running_loop()
        _, prober = await loop.create_connection(cls, "127.0.0.1", port)
        return prober

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self, target: str) -> asyncio.Future[float]:
        """Ask, and get the time at which the answer was there."""
        self._received, self._answer = b"", asyncio.get_running_loop().create_future()
        self._transport.write(f"GET {target} HTTP/1.1\r\nHost: bench.test\r\n\r\n".encode())
        return self._answer

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        self._received += data
        if self._received.endswith(BODY):
            assert self._received[9:12] in (b"404", b"200"), self._received
            self._answer.set_result(now)

    def leave(self) -> None:
        self._transport.abort()


async def times(
    port: int, targets: Sequence[str], connections: int, chance: random.Random
) -> list[float]:
    """How long each target took, in seconds, asked in this order by many connections at once."""
    found = [0.0] * len(targets)
    waiting = iter(enumerate(targets))

    async def work() -> None:
        prober = await Prober.connected(port)
        await asyncio.sleep(chance.uniform(0, CYCLE_SECONDS))
        for at, target in waiting:
            asked = time.perf_counter()
            async with asyncio.timeout(ANSWER_SECONDS):
                found[at] = await prober.ask(target) - asked
            rest = CYCLE_SECONDS * chance.uniform(0.8, 1.2) - found[at]
            await asyncio.sleep(max(rest, 0))
        prober.leave()

    await asyncio.gather(*(work() for _ in range(connections)))
    return found


async def orders(
    port: int, pairs: Sequence[tuple[str, str]], connections: int, chance: random.Random
) -> list[float]:
    """By how much the first of each pair came later than the second, asked at the same moment."""
    found = [0.0] * len(pairs)
    waiting = iter(enumerate(pairs))

    async def work() -> None:
        probers = [await Prober.connected(port) for _ in range(2)]
        await asyncio.sleep(chance.uniform(0, CYCLE_SECONDS))
        for at, pair in waiting:
            asked = [(prober, target) for prober, target in zip(probers, pair, strict=True)]
            is_swapped = chance.random() < 0.5
            answers = [prober.ask(target) for prober, target in asked[:: -1 if is_swapped else 1]]
            async with asyncio.timeout(ANSWER_SECONDS):
                first, second = await asyncio.gather(*answers)
            found[at] = second - first if is_swapped else first - second
            await asyncio.sleep(CYCLE_SECONDS * chance.uniform(0, 0.4))
        for prober in probers:
            prober.leave()

    await asyncio.gather(*(work() for _ in range(connections // 2)))
    return found


def numbered(letter: str, chance: random.Random) -> Iterator[str]:
    """Names without end that begin with this letter."""
    while True:
        yield f"{letter}{chance.getrandbits(48):012x}"
