"""Two sidecars behind a router, before servers that are as they are everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Thread
from unittest import SkipTest

try:
    from websockets.sync.client import connect
    from websockets.sync.server import ServerConnection, serve
except ImportError:
    websockets_installed = False
else:
    websockets_installed = True

from tests.integration.git_pod import git
from tests.integration.git_server import GitServer
from tests.integration.sidecar_cases import PODS, Change, SidecarTestCase
from tests.integration.sidecars import EU_APPLICATION, US_APPLICATION
from tests.integration.support import MIB, PATIENCE_SECONDS, RouterProcess, progress, wait_for
from tests.integration.test_git import write_and_commit

PACK_BYTES = 32 * MIB


def echo(connection: ServerConnection) -> None:
    for word in connection:
        connection.send(word)


class RouterCases(SidecarTestCase):
    """Clients that see one site."""

    #: Pods that teach nothing, and know nothing when they are asked.
    taciturn: Sequence[Change]

    def before(self, strategy: str) -> RouterProcess:
        """A router that sends what it knows nothing of to ``pod_eu0``."""
        return self.router(
            router={"strategy": strategy},
            strategy={"unknown": "latest"},
            pods={
                name: {"url": self.sidecars.url(port), "latest": name == "pod_eu0"}
                for name, port in PODS.items()
            },
        )

    def attempts(self, router: RouterProcess, count: int) -> list[int]:
        """How many pods each of so many requests went to."""
        lines = wait_for(lambda: (found := router.access_log())[count - 1 :] and found, "the log")
        self.assertEqual(len(lines), count)
        return [line["attempts"] for line in lines]

    # -- git

    def start_git(self) -> None:
        """The repository is on ``pod_us0``; ``pod_eu0`` is asked first."""
        self.other = self.application(EU_APPLICATION, lambda exchange: exchange.respond(404))
        self.server = GitServer(self.folder())
        self.addCleanup(self.server.stop)
        self.server.create("team/project.git")
        self.server.start()
        self.sidecars.own({"/team": "pod_us0"}).move(US_APPLICATION, self.server.port)
        self.start("pod_eu0", "pod_us0")

    def clone_push_clone(self, router: RouterProcess, size_bytes: int) -> None:
        """At the end a new clone has what was pushed, and the other server has seen nothing."""
        work, url = self.folder(), f"{router.url}/team/project.git"
        git("clone", "--quiet", url, "first", cwd=work)
        git("config", "core.compression", "0", cwd=work / "first")  # random bytes: save the time
        write_and_commit(work / "first", "large", size_bytes)
        git("push", "--quiet", "origin", "HEAD:main", cwd=work / "first")
        git("clone", "--quiet", url, "second", cwd=work)
        heads = {git("rev-parse", "HEAD", cwd=work / name) for name in ("first", "second")}
        self.assertEqual(len(heads), 1)
        git("fsck", "--full", "--strict", cwd=work / "second")
        self.assertEqual(self.other.seen, [])

    def check_git(self, strategy: str, first: int) -> None:
        """Routes are learned at the first request.

        :param first: how many pods that one goes to.
        """
        self.start_git()
        router = self.before(strategy)
        self.clone_push_clone(router, MIB)
        attempts = self.attempts(router, len(self.server.requests()))
        self.assertEqual((attempts[0], set(attempts[1:])), (first, {1}))

    def test_git_under_bounce(self) -> None:
        self.check_git("bounce", 2)

    def test_git_under_learn(self) -> None:
        self.check_git("learn", 1)

    def check_git_over_the_wrong_pod(self, strategy: str) -> None:
        """Each request, the push of a large pack too, goes to the wrong pod first."""
        for change in self.taciturn:
            self.sidecars.change(*change)
        self.start_git()
        router = self.before(strategy)
        progress(f"{self.program}, {strategy}: pushing {PACK_BYTES // MIB} MiB over the wrong pod")
        self.clone_push_clone(router, PACK_BYTES)
        self.assertEqual(set(self.attempts(router, len(self.server.requests()))), {2})

    def test_git_over_the_wrong_pod_under_bounce(self) -> None:
        self.check_git_over_the_wrong_pod("bounce")

    def test_git_over_the_wrong_pod_under_learn(self) -> None:
        self.check_git_over_the_wrong_pod("learn")

    # -- WebSockets

    def start_echo(self) -> None:
        """The WebSocket is on ``pod_us0``."""
        if not websockets_installed:
            raise SkipTest("the library websockets is not installed")
        server = serve(echo, "127.0.0.1", 0)
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)
        self.other = self.application(EU_APPLICATION, lambda exchange: exchange.respond(404))
        # As the page's reload waits for /my-company to have moved.
        self.sidecars.own({"/my-company": "pod_us0", "/echo": "pod_us0"})
        self.sidecars.move(US_APPLICATION, server.socket.getsockname()[1])
        self.start("pod_eu0", "pod_us0")

    def check_websocket(self, strategy: str, first: int) -> None:
        """Two of them; a reload of the sidecar does not end them.

        :param first: how many pods the first handshake goes to.
        """
        self.start_echo()
        router = self.before(strategy)
        for _ in range(2):
            with connect(
                f"ws://127.0.0.1:{router.port}/echo/room", open_timeout=PATIENCE_SECONDS
            ) as client:
                for word in ("one", b"two" * 50_000):
                    client.send(word)
                    self.assertEqual(client.recv(timeout=PATIENCE_SECONDS), word)
                    self.sidecars.run("move-there")  # reloads the pod
        self.assertEqual(self.other.seen, [])
        self.assertEqual(self.attempts(router, 2), [first, 1])

    def test_websocket_under_bounce(self) -> None:
        self.check_websocket("bounce", 2)

    def test_websocket_under_learn(self) -> None:
        self.check_websocket("learn", 1)
