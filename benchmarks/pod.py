"""A pod that says which request it answers: ``python -m benchmarks.pod NAME PORT ALL_NAMES TTL``.

It is a process of its own, so that it can be killed, made of asyncio alone, so that it starts fast
and nothing of the router is tested against itself.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence

PIECES = 8  #: of a slow answer
PIECE_SECONDS = 0.02
BIG_LINES = 40_000  #: of an answer that a client does not want to its end
WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

Headers = Mapping[str, str]


def owner(path: str, names: Sequence[str]) -> str:
    """The pod that owns a path: by its first segment."""
    return names[zlib.crc32(path.split("/")[1].encode()) % len(names)]


def last_segment(target: str) -> str:
    """What kind of answer a target asks for."""
    return target.partition("?")[0].rpartition("/")[2]


def line(name: str, method: str, target: str, token: str, body: bytes) -> bytes:
    """What an answer consists of: everything by which it can be told from any other."""
    return f"{name} {method} {target} {token} {hashlib.sha256(body).hexdigest()}\n".encode()


def repeated(target: str) -> int:
    """How often :func:`line` stands in the answer to this target."""
    return {"slow": PIECES, "big": BIG_LINES}.get(last_segment(target), 1)


def head(first: str, headers: Headers) -> bytes:
    """A request's or a response's head."""
    lines = [first, *(f"{name}: {value}" for name, value in headers.items())]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


def parsed(data: bytes) -> tuple[str, dict[str, str]]:
    """The first line of a head, and its headers by names in lower case."""
    first, *lines = data.decode("latin-1").rstrip("\r\n").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return first, {name.lower(): value.strip() for name, _, value in pairs}


async def chunks(reader: asyncio.StreamReader) -> bytes:
    """A chunked body to its end.

    :raises asyncio.IncompleteReadError: it was cut off.
    """
    pieces = []
    while length := int(await reader.readuntil(b"\r\n"), 16):
        pieces.append(await reader.readexactly(length))
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
    return b"".join(pieces)


async def body_of(reader: asyncio.StreamReader, headers: Headers) -> bytes:
    """A body, with a length or chunked."""
    if "transfer-encoding" in headers:
        return await chunks(reader)
    return await reader.readexactly(int(headers.get("content-length", 0)))


class Pod:
    """Answers for what it owns and bounces everything else."""

    def __init__(self, name: str, names: Sequence[str], ttl_seconds: int) -> None:
        self._name = name
        self._names = names
        self._ttl_seconds = ttl_seconds

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while await self._answer(reader, writer):
                await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first, headers = parsed(await reader.readuntil(b"\r\n\r\n"))
        method, target, _ = first.split(" ")
        if owner(target, self._names) != self._name:
            return await self._bounce(target, headers, reader, writer)
        if "upgrade" in headers:
            return await self._tunnel(headers, reader, writer)
        body = await body_of(reader, headers)
        text = line(self._name, method, target, headers["x-request-id"], body)
        await self._say(target, text, writer)
        return True

    async def _bounce(
        self,
        target: str,
        headers: Headers,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        """Say whose it is: before the body is read, or after."""
        early = last_segment(target) == "early"
        if not early:
            await body_of(reader, headers)
        redirect = json.dumps({"pod": owner(target, self._names)})
        names = {"X-Gitlab-Pod-Redirect": redirect, "Content-Length": "0"}
        writer.write(
            head("HTTP/1.1 307 Not Mine", names | ({"Connection": "close"} if early else {}))
        )
        if early:
            await body_of(reader, headers)
        return not early

    async def _say(self, target: str, text: bytes, writer: asyncio.StreamWriter) -> None:
        prefix = f"/{target.split('/')[1]}/"
        cache = json.dumps({"path_prefix": prefix, "ttl_seconds": self._ttl_seconds})
        names = {"X-Gitlab-Pod-Cache": cache}
        if last_segment(target) == "slow":
            writer.write(head("HTTP/1.1 200 OK", names | {"Transfer-Encoding": "chunked"}))
            await self._say_slowly(text, writer)
            return
        count = repeated(target)
        status = (
            "HTTP/1.1 404 Not Found" if last_segment(target) == "missing" else "HTTP/1.1 200 OK"
        )
        writer.write(head(status, names | {"Content-Length": str(count * len(text))}))
        for piece in in_pieces(text, count):
            writer.write(piece)
            await writer.drain()

    async def _say_slowly(self, text: bytes, writer: asyncio.StreamWriter) -> None:
        for _ in range(PIECES):
            writer.write(b"%x\r\n%b\r\n" % (len(text), text))
            await asyncio.sleep(PIECE_SECONDS)
        writer.write(b"0\r\n\r\n")

    async def _tunnel(
        self, headers: Headers, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Say the WebSocket's yes, then give back every byte."""
        key = (headers["sec-websocket-key"] + WEBSOCKET_GUID).encode()
        accept = base64.b64encode(hashlib.sha1(key).digest()).decode()
        names = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": accept}
        writer.write(head("HTTP/1.1 101 Switching Protocols", names))
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        return False


def in_pieces(text: bytes, count: int, at_once: int = 500) -> Iterator[bytes]:
    """``text``, ``count`` times, so much of it at once."""
    for start in range(0, count, at_once):
        yield text * min(at_once, count - start)


async def main(name: str, port: int, names: Sequence[str], ttl_seconds: int) -> None:
    pod = Pod(name, names, ttl_seconds)
    server = await asyncio.start_server(pod.serve, "127.0.0.1", port, backlog=512)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3].split(","), int(sys.argv[4])))
