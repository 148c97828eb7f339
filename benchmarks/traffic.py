"""Everything that clients do to a router, good manners or not."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections import Counter
from collections.abc import Awaitable, Callable

from benchmarks.client import BROKEN_OFF, RIGHT, Client, Request
from benchmarks.pod import parsed
from benchmarks.world import NAMES, World

CLIENTS = 12
PAUSE_SECONDS = 0.05  #: on average, between two requests of one client
UPLOAD_BYTES = 300_000
TENANTS = 20  #: that are well known; everything else is new each time
DOWN_SECONDS = 2.0
UP_SECONDS = 15.0
ECHOES = 5

_numbers = itertools.count()


def known() -> str:
    return f"/tenant{random.randrange(TENANTS)}"


def new() -> str:
    return f"/new{next(_numbers)}"


async def hit(client: Client) -> str:
    return await client.ask(Request("GET", f"{known()}/hit"))


async def miss(client: Client) -> str:
    """A tenant nobody heard of: two times out of three it is bounced."""
    return await client.ask(Request("GET", f"{new()}/hit"))


async def slow(client: Client) -> str:
    return await client.ask(Request("GET", f"{known()}/slow"))


async def not_found(client: Client) -> str:
    return await client.ask(Request("GET", f"{known()}/missing"))


async def upload(client: Client) -> str:
    """A body that is held on disk and often has to be replayed."""
    kind = random.choice(("late", "early"))
    body = random.randbytes(UPLOAD_BYTES)
    return await client.ask(Request("PUT", f"{new()}/{kind}", body, chunked=random.random() < 0.5))


async def aborted_upload(client: Client) -> str:
    _, writer = await client.connected()
    data = Request("PUT", f"{new()}/late", random.randbytes(UPLOAD_BYTES)).encoded()
    writer.write(data[: len(data) // 2])
    await asyncio.sleep(random.random() / 10)
    client.abort()
    return RIGHT


async def aborted_download(client: Client) -> str:
    reader, writer = await client.connected()
    writer.write(Request("GET", f"{known()}/big").encoded())
    with contextlib.suppress(OSError):
        await reader.read(random.randrange(1, 100_000))
    client.abort()
    return RIGHT


async def tunnel(client: Client) -> str:
    """A WebSocket's handshake, then bytes there and back."""
    client.abort()
    reader, writer = await client.connected()
    names = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    writer.write(Request("GET", f"{known()}/tunnel", headers=names).encoded())
    try:
        first, _ = parsed(await reader.readuntil(b"\r\n\r\n"))
        status = first.split(" ")[1]
        return await echoed(reader, writer) if status == "101" else status
    except (asyncio.IncompleteReadError, OSError):
        return BROKEN_OFF
    finally:
        client.abort()


async def echoed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    for _ in range(ECHOES):
        sent = random.randbytes(random.randrange(1, 20_000))
        writer.write(sent)
        if await reader.readexactly(len(sent)) != sent:
            return "wrong: other bytes came back"
        await asyncio.sleep(random.random() / 10)
    return RIGHT


#: What a client does, and how often in proportion.
KINDS: dict[Callable[[Client], Awaitable[str]], int] = {
    hit: 40,
    miss: 20,
    slow: 6,
    not_found: 8,
    upload: 8,
    aborted_upload: 6,
    aborted_download: 4,
    tunnel: 6,
}


async def one_client(world: World, until: float, outcomes: Counter[tuple[str, str]]) -> None:
    client = Client(world.router.port, NAMES, world.unanswered)
    clock = asyncio.get_running_loop().time
    while clock() < until:
        (kind,) = random.choices(list(KINDS), list(KINDS.values()))
        outcomes[kind.__name__, await kind(client)] += 1
        await asyncio.sleep(random.random() * 2 * PAUSE_SECONDS)
    client.abort()


async def come_and_go(world: World, until: float, up_seconds: float, down_seconds: float) -> int:
    """Kill a pod and bring it back, over and over; how often."""
    clock = asyncio.get_running_loop().time
    kills = 0
    while clock() + up_seconds + down_seconds < until:
        await asyncio.sleep(up_seconds)
        name = world.pods.any_name()
        world.pods.kill(name)
        kills += 1
        await asyncio.sleep(down_seconds)
        world.pods.start(name)
    return kills


async def run(world: World, seconds: float, outcomes: Counter[tuple[str, str]]) -> int:
    """All of it at once, for so many seconds; how often a pod was killed."""
    until = asyncio.get_running_loop().time() + seconds
    clients = [one_client(world, until, outcomes) for _ in range(CLIENTS)]
    kills = asyncio.create_task(come_and_go(world, until, UP_SECONDS, DOWN_SECONDS))
    await asyncio.gather(*clients)
    return await kills
