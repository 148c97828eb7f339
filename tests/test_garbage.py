"""What a request leaves behind for the garbage collector: nothing.

Objects that know each other live until the collector comes by.  It then holds up every request, and
till then the next request finds no memory that is warm.
"""

from __future__ import annotations

import gc
import json
import socket
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from twisted.internet.protocol import ClientFactory, Factory
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from pods.http1.server import ClientConnection
from pods.http1.upstream import PodConnection
from tests.support_memory import POD_NAMES, RouterTestCase, World
from tests.support_messages import bounce, get, request, response
from tests.support_wire import Wire


@contextmanager
def collected() -> Iterator[Counter[str]]:
    """What of the router only the collector can free, by the names of types; known at the end."""
    found: Counter[str] = Counter()
    gc.collect()
    gc.disable()
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found.update(
            type(one).__qualname__ for one in gc.garbage if type(one).__module__.startswith("pods.")
        )
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def answered(world: World, client: Wire, number: int) -> None:
    """One GET, answered."""
    client.say(get(f"/{number}"))
    world.pods["pod_a"].say(response(200, b"right"))
    client.take()


class GarbageTests(RouterTestCase):
    """Each kind of request, twice: the first one fills what is kept."""

    choices: tuple[str, ...] = ("pod_a", "pod_a")

    def check(self, play: Callable[[World, int], None], **tables: Any) -> None:
        world = self.make_world(*self.choices, **tables)
        play(world, 1)
        with collected() as found:
            play(world, 2)
        self.assertEqual(found, {})

    def check_request(self, play: Callable[[World, Wire, int], None], **tables: Any) -> None:
        """On a connection that stays."""
        clients: list[Wire] = []

        def on_one(world: World, number: int) -> None:
            if not clients:
                clients.append(world.client())
            play(world, clients[0], number)

        self.check(on_one, **tables)

    def test_a_get(self) -> None:
        self.check_request(answered)

    def test_a_connection(self) -> None:
        def play(world: World, number: int) -> None:
            client = world.client()
            answered(world, client, number)
            client.leave()

        self.check(play)

    def test_a_connection_to_a_pod(self) -> None:
        def play(world: World, client: Wire, number: int) -> None:
            client.say(get(f"/{number}"))
            world.pods["pod_a"].say(response(200, b"right", "Connection: close"))
            client.take()

        self.check_request(play)

    def test_a_bounce_with_a_body(self) -> None:
        def play(world: World, client: Wire, number: int) -> None:
            client.say(request("POST", f"/{number}", body=b"12345"))
            world.pods["pod_a"].say(bounce("pod_b"))
            world.pods["pod_b"].say(response(200, b"right"))
            client.take()

        self.check_request(play)

    def test_a_question(self) -> None:
        def play(world: World, client: Wire, number: int) -> None:
            client.say(get(f"/{number}"))
            learned = {"path": f"/{number}", "pod": "pod_b", "source": "routable"}
            world.pods["pod_a"].say(response(200, json.dumps(learned).encode()))
            world.pods["pod_b"].say(response(200, b"right"))
            client.take()

        self.check_request(play, router={"strategy": "learn"})

    def test_a_question_that_is_not_answered(self) -> None:
        def play(world: World, client: Wire, number: int) -> None:
            client.say(get(f"/{number}"))
            for _ in world.pods:
                world.reactor.pass_time(2)
            self.assertEqual(client.take().status, 503)

        self.choices = 2 * POD_NAMES
        self.check_request(play, router={"strategy": "learn"})

    def test_a_404_that_is_held(self) -> None:
        def play(world: World, client: Wire, number: int) -> None:
            client.say(get(f"/{number}"))
            world.pods["pod_a"].say(response(404, b"no"))
            world.reactor.pass_time(1)
            client.take()

        self.check_request(
            play, not_found={"delay": "random", "min_seconds": 0.5, "max_seconds": 0.5}
        )

    def test_a_refusal(self) -> None:
        def play(world: World, number: int) -> None:
            client = world.client()
            client.say(b"GET / HTTP/1.1\r\n\r\n")
            self.assertEqual(client.take().status, 400)
            client.leave()

        self.check(play)

    def test_a_client_that_leaves(self) -> None:
        def play(world: World, number: int) -> None:
            client = world.client()
            client.say(get(f"/{number}"))
            client.reset()

        self.check(play)


class RealConnectionTests(TestCase):
    """Connections that the other side resets, on the transports of the reactor of these tests."""

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.world = World(self.mktemp(), (), {})
        self.addCleanup(self.world.router.abort)
        self.made = self.lost = 0

    def noting(self, connection: Any) -> Any:
        """This connection; it is counted when it is made, and when it is lost."""
        begin, hear = connection.connectionMade, connection.connectionLost

        def made() -> None:
            self.made += 1
            del connection.connectionMade  # it is none of the garbage looked for
            begin()

        def lost(reason: Any) -> None:
            self.lost += 1
            del connection.connectionLost
            hear(reason)

        connection.connectionMade, connection.connectionLost = made, lost
        return connection

    async def reset(self, other: socket.socket) -> None:
        """Reset it, and wait until that is heard."""
        before = self.lost
        other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        other.close()
        while self.lost == before:
            await deferLater(self.reactor, 0.01)

    async def test_from_a_client(self) -> None:
        router = self.world.router
        factory: Factory[Any] = Factory.forProtocol(
            lambda: self.noting(ClientConnection(router, router.server_settings))
        )
        port = self.reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)

        async def play() -> None:
            client = socket.create_connection(("127.0.0.1", port.getHost().port))
            opened = self.made
            client.sendall(b"GET / HTTP/1.1\r\n")
            while self.made == opened:
                await deferLater(self.reactor, 0.01)
            await self.reset(client)

        await play()
        with collected() as found:
            await play()
        self.assertEqual(found, {})

    async def test_to_a_pod(self) -> None:
        pool = self.world.router.pools["pod_a"]
        listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listening.close)

        async def play() -> None:
            factory = ClientFactory.forProtocol(
                lambda: self.noting(PodConnection(pool.settings, pool))
            )
            opened = self.made
            self.reactor.connectTCP(*listening.getsockname(), factory)
            while self.made == opened:
                await deferLater(self.reactor, 0.01)
            pod, _ = listening.accept()
            await self.reset(pod)

        await play()
        with collected() as found:
            await play()
        self.assertEqual(found, {})
