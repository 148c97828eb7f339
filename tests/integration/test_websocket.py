"""Real WebSockets through the router, with the ``websockets`` library at both ends."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from threading import Thread
from unittest import SkipTest

try:
    from websockets.exceptions import ConnectionClosed
    from websockets.http11 import Request, Response
    from websockets.sync.client import ClientConnection, connect
    from websockets.sync.server import Server, ServerConnection, serve
except ImportError:
    websockets_installed = False
else:
    websockets_installed = True

from pods.protocol import LEARN_PATH, HeaderNames, Redirect
from tests.integration.support import PATIENCE_SECONDS, IntegrationTestCase, RouterProcess

FRAMES = 1000
LARGEST_BYTES = 65_536
NAMES = HeaderNames()


class EchoPod:
    """Echoes every message; bounces the handshake if it is not the owner."""

    def __init__(self, name: str, owner: str) -> None:
        self.name = name
        self.owner = owner
        self.keys: list[str] = []  #: of the handshakes that came
        self.closed_with: list[int] = []  #: close codes that it got
        self.server: Server = serve(
            self.echo, "127.0.0.1", 0, process_request=self.look, compression=None, max_size=None
        )
        self.thread = Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.socket.getsockname()[1]}"

    def look(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path.startswith(LEARN_PATH):
            return connection.respond(200, json.dumps({"path": "/echo", "pod": self.owner}))
        self.keys.append(request.headers["Sec-WebSocket-Key"])
        if self.name == self.owner:
            return None
        response = connection.respond(307, "not mine")
        response.headers[NAMES.redirect] = Redirect(self.owner).format()
        return response

    def echo(self, connection: ServerConnection) -> None:
        try:
            while (message := connection.recv()) != "please go":
                connection.send(message)
        except ConnectionClosed as closed:
            self.closed_with.append(closed.rcvd.code if closed.rcvd else 0)

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()


def send_all(client: ClientConnection, messages: Sequence[bytes]) -> None:
    for message in messages:
        client.send(message)


class WebSocketTests(IntegrationTestCase):
    def setUp(self) -> None:
        if not websockets_installed:
            raise SkipTest("the library websockets is not installed")
        self.owner, self.other = EchoPod("owner", "owner"), EchoPod("other", "owner")
        self.addCleanup(self.owner.stop)
        self.addCleanup(self.other.stop)

    def start(self, strategy: str) -> RouterProcess:
        return self.router(
            router={"strategy": strategy},
            pods={
                "owner": {"url": self.owner.url},
                "other": {"url": self.other.url, "latest": True},
            },
            strategy={"unknown": "latest"},
        )

    def open(self, router: RouterProcess) -> ClientConnection:
        url = f"ws://127.0.0.1:{router.port}/echo/room"
        return connect(url, compression=None, max_size=None, open_timeout=PATIENCE_SECONDS)

    def check_echo(self, client: ClientConnection) -> None:
        """A thousand messages, sent while the echoes come back."""
        random = Random(7)
        sent: Sequence[bytes] = [
            random.randbytes(random.choice((0, 1, 125, 126, LARGEST_BYTES))) for _ in range(FRAMES)
        ]
        sending = Thread(target=send_all, args=(client, sent))
        sending.start()
        received = [client.recv(timeout=PATIENCE_SECONDS) for _ in sent]
        sending.join()
        self.assertTrue(received == sent, "the echoes differ from what was sent")

    def check(self, strategy: str) -> None:
        with self.open(self.start(strategy)) as client:
            self.check_echo(client)
        self.owner.server.shutdown()
        self.assertEqual(self.owner.closed_with, [1000])

    def test_bounce(self) -> None:
        """The handshake goes to the wrong pod first, and is replayed with the same key."""
        self.check("bounce")
        self.assertEqual(len(self.other.keys), 1)
        self.assertEqual(self.owner.keys, self.other.keys)

    def test_learn(self) -> None:
        """The handshake goes to its pod only."""
        self.check("learn")
        self.assertEqual(len(self.owner.keys), 1)
        self.assertEqual(self.other.keys, [])

    def test_the_pod_ends_it(self) -> None:
        client = self.open(self.start("bounce"))
        client.send("please go")
        with self.assertRaises(ConnectionClosed) as ended:
            client.recv(timeout=PATIENCE_SECONDS)
        assert ended.exception.rcvd is not None
        self.assertEqual(ended.exception.rcvd.code, 1000)
