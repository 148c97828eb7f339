"""Request bodies held back and let go on, and strategies that look into them (requirement 29,
and ``IRequest.body``)."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pods.http1.held import HeldBody, HoldBudget
from pods.http1.upload import READ_AHEAD_BYTES, Upload
from tests.test_http1_upload import LIMITLESS, MEMORY, PATTERN, FakeClient, FakePod, World


class EagerClient(FakeClient):
    """Has the next bytes in its buffer and hands them over while it is being resumed."""

    upload: Upload
    left: list[bytes] = []

    def resume_upload(self) -> None:
        super().resume_upload()
        if self.left:
            self.upload.received(self.left.pop(0))


class FlowTests(SynchronousTestCase):
    """The client is held back, and let go on."""

    def setUp(self) -> None:
        self.world = World(self.mktemp())

    def test_while_nobody_takes_the_body(self) -> None:
        world = self.world
        world.receive(READ_AHEAD_BYTES - 1)
        self.assertFalse(world.client.is_paused)
        world.receive(1)
        self.assertTrue(world.client.is_paused)
        world.attach()
        self.assertFalse(world.client.is_paused)

    def test_while_the_pod_is_full(self) -> None:
        world = self.world
        pod = world.attach()
        world.receive(MEMORY * 2)
        pod.full()
        self.assertFalse(world.client.is_paused)
        world.receive(READ_AHEAD_BYTES)
        self.assertTrue(world.client.is_paused)
        pod.ready()
        self.assertFalse(world.client.is_paused)

    def test_a_pod_that_is_gone_does_not_fill_the_next(self) -> None:
        self.world.attach().full()
        self.world.detach()
        pod = self.world.attach()
        self.world.receive(5)
        self.assertEqual(pod.data, PATTERN[:5])

    def test_a_client_that_goes_on_while_it_is_resumed(self) -> None:
        client = EagerClient()
        client.left = [PATTERN[MEMORY : MEMORY + 5], PATTERN[MEMORY + 5 : MEMORY + 9]]
        budget = HoldBudget(self.mktemp(), LIMITLESS, LIMITLESS)
        client.upload = upload = Upload(client, HeldBody(budget, MEMORY, 0))
        upload.received(PATTERN[:MEMORY])
        pod = FakePod(upload, full_after=1)
        self.assertTrue(client.is_paused)
        upload.attach(pod)  # it takes one piece, then the client sends
        self.assertTrue(client.is_paused)
        self.assertTrue(pod.data == PATTERN[:MEMORY])
        pod.ready()
        self.assertTrue(pod.data == PATTERN[: MEMORY + 9])
        self.assertFalse(client.is_paused)

    def test_closed_in_the_middle(self) -> None:
        """After its end an upload leaves its client alone, which may be at another request."""
        for not_sent in (1, MEMORY):  # the client is not paused, and paused
            world = World(self.mktemp())
            pod = world.attach()
            world.receive(MEMORY)
            pod.full()
            world.receive(not_sent)
            world.upload.close()
            world.upload.close()
            self.assertEqual(world.left_behind(), (0, 0, 0))
            calls, upload = world.client.calls, world.upload
            for late in (upload.sink_is_full, upload.sink_is_ready, upload.detach):
                late()
                self.assertEqual(world.client.calls, calls)
            self.assertEqual(len(pod.data), MEMORY)


class WatchTests(SynchronousTestCase):
    """Strategies that look into the body."""

    def setUp(self) -> None:
        self.world = World(self.mktemp(), spool_bytes=0)
        self.seen: list[bytes] = []

    def watch(self, limit_bytes: int) -> None:
        self.world.upload.watch(limit_bytes, self.seen.append)

    def test_table(self) -> None:
        for sizes, limit, seen in [
            ([], 0, 0),
            ([5], 0, 0),
            ([5], 5, 5),
            ([5], 4, 4),
            ([5], 6, None),
            ([3, 3], 6, 6),
            ([3, 3], 5, 5),
            ([60_000, 60_000], MEMORY, MEMORY),
        ]:
            for watch_first in (True, False):
                self.setUp()
                if watch_first:
                    self.watch(limit)
                for size in sizes:
                    self.world.receive(size)
                if not watch_first:
                    self.watch(limit)
                expected = [] if seen is None else [PATTERN[:seen]]
                self.assertTrue(self.seen == expected, (sizes, limit))

    def test_a_short_body(self) -> None:
        self.watch(100)
        self.world.receive(5)
        self.assertEqual(self.seen, [])
        self.world.upload.finish([])
        self.assertEqual(self.seen, [PATTERN[:5]])
        self.watch(100)
        self.assertEqual(self.seen, [PATTERN[:5]] * 2)

    def test_two_at_once(self) -> None:
        self.watch(10)
        self.watch(3)
        self.world.receive(5)
        self.assertEqual(self.seen, [PATTERN[:3]])
        self.world.receive(5)
        self.assertEqual(self.seen, [PATTERN[:3], PATTERN[:10]])

    def test_what_is_wanted_is_not_held_back(self) -> None:
        """A client is not paused before as much has come as somebody waits for."""
        self.world = World(self.mktemp(), memory_bytes=4 * MEMORY)
        self.world.receive(READ_AHEAD_BYTES)
        self.assertTrue(self.world.client.is_paused)
        self.watch(3 * READ_AHEAD_BYTES)
        while not self.seen:
            self.assertFalse(self.world.client.is_paused)
            self.world.receive(READ_AHEAD_BYTES)
        self.assertTrue(self.seen == [PATTERN[: 3 * READ_AHEAD_BYTES]])
        self.assertTrue(self.world.client.is_paused)

    def test_what_was_read_is_still_sent(self) -> None:
        self.watch(3)
        self.world.receive(5)
        pod = self.world.attach()
        self.assertEqual(pod.data, PATTERN[:5])

    def test_forwarded_by_who_looked(self) -> None:
        """The strategy decides as soon as it knows, in the middle of receiving."""

        def forward(seen: bytes) -> None:
            self.world.attach()

        self.world.upload.watch(3, forward)
        self.world.receive(5)
        assert self.world.pod is not None
        self.assertEqual(self.world.pod.data, PATTERN[:5])

    def test_nobody_is_called_after_the_end(self) -> None:
        self.watch(3)
        self.world.upload.close()
        self.world.upload.finish([])
        self.assertEqual(self.seen, [])
