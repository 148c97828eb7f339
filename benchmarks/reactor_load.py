"""What is done to a server whose reactor is measured, from one process on uvloop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any


class Pinging(asyncio.Protocol):
    """Sends the next message when the answer to the last is complete, until it is told to stop."""

    def __init__(self, message: bytes, answer_bytes: int) -> None:
        self.message = message
        self.answer_bytes = answer_bytes
        self.missing_bytes = answer_bytes
        self.count = 0
        self.running = True

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(self.message)

    def data_received(self, data: bytes) -> None:
        self.missing_bytes -= len(data)
        if self.missing_bytes <= 0:
            self.count += 1
            self.missing_bytes = self.answer_bytes
            if self.running:
                self.transport.write(self.message)


class Taking(asyncio.Protocol):
    """Counts what it gets."""

    count = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.count += len(data)


class Giving(Taking):
    """Sends as fast as it is taken."""

    chunk = b"x" * 65_536
    full = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.resume_writing()

    def resume_writing(self) -> None:
        self.full = False
        asyncio.get_running_loop().call_soon(self.give)

    def pause_writing(self) -> None:
        self.full = True

    def give(self) -> None:
        while not self.full and not self.transport.is_closing():
            self.count += len(self.chunk)
            self.transport.write(self.chunk)


Cost = Callable[[], float]


async def per_count(
    make: Callable[[], Any], port: int, connections: int, seconds: float, cost: Cost
) -> float:
    """The server's processor seconds per unit that the clients count, once they are all at it."""
    loop = asyncio.get_running_loop()
    clients = [
        (await loop.create_connection(make, "127.0.0.1", port))[1] for _ in range(connections)
    ]
    await asyncio.sleep(seconds / 5)
    counted, spent = sum(client.count for client in clients), cost()
    await asyncio.sleep(seconds)
    counted, spent = sum(client.count for client in clients) - counted, cost() - spent
    for client in clients:
        client.running = False
        client.transport.abort()
    await asyncio.sleep(0.05)
    return float(spent / max(counted, 1))


async def per_connection(port: int, number: int, cost: Cost) -> float:
    """The server's processor seconds for a connection that it greets and closes."""
    spent = cost()
    for _ in range(number):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reader.read()
        writer.close()
    await asyncio.sleep(0.05)
    return (cost() - spent) / number


async def memory_per_connection(
    port: int, number: int, resident_bytes: Callable[[], float]
) -> float:
    """How many bytes the server grows by with each connection that is open."""
    warm = open_all(port, 50)
    await asyncio.sleep(0.2)
    before = resident_bytes()
    connections = open_all(port, number)
    await asyncio.sleep(0.5)
    grown = resident_bytes() - before
    for connection in [*warm, *connections]:
        connection.close()
    await asyncio.sleep(0.2)
    return grown / number


def open_all(port: int, number: int) -> list[socket.socket]:
    """This many connections, each of which has sent and received a byte."""
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(number)]
    for connection in connections:
        connection.sendall(b"x")
        connection.recv(1)
    return connections
