"""A pod some way off: ``python -m benchmarks.distant_pod NAME PORT DELAY_SECONDS SEED``.

It answers 404 to nearly everything, as to somebody who is not logged in: to what it owns, and to
what does not exist.  What the other pod owns it bounces, and whose a path is it tells who asks
before.  Each answer takes the delay.  Only what is called ``public`` below a name is there, for the
router to learn from.

A path's first segment says by itself nothing about where it is: that depends on the seed.  Its
first letter says whether there must be such a thing (``c``) or not (``m``).
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from urllib.parse import parse_qs

PODS = ("pod_a", "pod_b")
LEARN_PATH = "/api/v4/pods/learn"
PUBLIC = "public"
PRIVATE = "private"
NEVER_LEARNED = "a%2Fb"  #: an ambiguous path: whose it is is asked each time
BODY = b"There is nothing here.\n"


def placed(name: str, seed: str) -> str | None:
    """The pod of a name, by the toss of a coin; None if there is no such thing."""
    sides: list[str | None] = [*PODS] if name.startswith("c") else [*PODS, None]
    return random.Random(f"{seed} {name}").choice(sides)


def first_segment(path: str) -> str:
    return path.split("/")[1]


class Pod:
    """What it says to each target."""

    def __init__(self, name: str, seed: str) -> None:
        self._name = name
        self._seed = seed

    def answer(self, target: str) -> bytes:
        path, _, query = target.partition("?")
        if path == LEARN_PATH:
            return self._told(first_segment(parse_qs(query)["path_info"][0]))
        name = first_segment(path)
        owner = placed(name, self._seed)
        if owner not in (None, self._name):
            return response("307 Not Mine", b"", {"X-Gitlab-Pod-Redirect": str(owner)})
        if path.endswith(f"/{PUBLIC}"):
            claim = {"X-Gitlab-Pod-Cache": json.dumps({"path_prefix": f"/{name}"})}
            return response("200 OK", BODY, claim)
        return response("404 Not Found", BODY, {})

    def _told(self, name: str) -> bytes:
        owner = placed(name, self._seed)
        if owner is None:
            return response("404 Not Found", BODY, {})
        answer = {"path": f"/{name}", "pod": owner, "source": "routable"}
        return response("200 OK", json.dumps(answer).encode(), {})


def response(status: str, body: bytes, headers: dict[str, str]) -> bytes:
    headers = headers | {"Content-Length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body


class Connection(asyncio.Protocol):
    """One connection of the router."""

    def __init__(self, pod: Pod, delay_seconds: float) -> None:
        self._pod = pod
        self._delay_seconds = delay_seconds
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            target = head.split(b" ", 2)[1].decode()
            loop = asyncio.get_running_loop()
            loop.call_later(self._delay_seconds, self._say, self._pod.answer(target))

    def _say(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)


async def main(name: str, port: int, delay_seconds: float, seed: str) -> None:
    pod = Pod(name, seed)
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(pod, delay_seconds), "127.0.0.1", port, backlog=1024
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]))
