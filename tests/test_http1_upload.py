"""Request bodies on their way: nothing lost, doubled or reordered, whatever happens in between
(requirements 29, 35, 36 and 38)."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pods.http1.fields import Field
from pods.http1.held import HeldBody, HoldBudget
from pods.http1.upload import READ_AHEAD_BYTES, Upload

MEMORY = 65_536
LIMITLESS = 10**9
TRAILERS = [(b"X-Checksum", b"1")]
#: Period 251, so that no two offsets near each other look alike.
PATTERN = bytes(range(251)) * 4200


class FakeClient:
    """Is paused and resumed, never twice in a row."""

    def __init__(self) -> None:
        self.is_paused = False
        self.calls = 0

    def pause_upload(self) -> None:
        assert not self.is_paused
        self.is_paused = True
        self.calls += 1

    def resume_upload(self) -> None:
        assert self.is_paused
        self.is_paused = False
        self.calls += 1


class FakePod:
    """Takes a body.

    :param full_after: says that it is full after that many pieces, in the middle of being given
        one, as a transport does.
    """

    def __init__(self, upload: Upload, full_after: int = 0) -> None:
        self.upload = upload
        self.data = b""
        self.ends: list[list[Field]] = []
        self.is_full = False
        self._full_after = full_after

    def send_body(self, data: bytes) -> None:
        assert data and not self.ends
        self.data += data
        self._full_after -= 1
        if self._full_after == 0:
            self.full()

    def end_body(self, trailers: list[Field]) -> None:
        self.ends.append(trailers)

    def full(self) -> None:
        self.is_full = True
        self.upload.sink_is_full()

    def ready(self) -> None:
        self.is_full = False
        self.upload.sink_is_ready()


class World:
    """One upload, its client, and the pods that it went to."""

    def __init__(
        self, directory: str, spool_bytes: int = LIMITLESS, memory_bytes: int = MEMORY
    ) -> None:
        self.budget = HoldBudget(directory, LIMITLESS, LIMITLESS)
        self.client = FakeClient()
        held = HeldBody(self.budget, memory_bytes, spool_bytes)
        self.upload = Upload(self.client, held)
        self.pod: FakePod | None = None
        self.sent = 0

    @property
    def body(self) -> bytes:
        return PATTERN[: self.sent]

    def receive(self, size: int) -> None:
        start, self.sent = self.sent, self.sent + size
        self.upload.received(PATTERN[start : self.sent])

    def attach(self, full_after: int = 0) -> FakePod:
        self.pod = pod = FakePod(self.upload, full_after)
        self.upload.attach(pod)
        return pod

    def detach(self) -> None:
        self.pod = None
        self.upload.detach()

    def left_behind(self) -> tuple[int, int, int]:
        return self.budget.memory_bytes, self.budget.spool_bytes, self.budget.files


STEPS = st.one_of(
    st.tuples(
        st.just("receive"),
        st.sampled_from([1, 2, 1000, 16_384, 65_534, MEMORY - 1, MEMORY, MEMORY + 1]),
    ),
    st.tuples(st.sampled_from(["attach", "attach"]), st.sampled_from([0, 0, 1, 2])),
    st.tuples(st.sampled_from(["full", "ready", "detach", "finish", "keep", "settle"]), st.just(0)),
)


class LawTests(SynchronousTestCase):
    """What holds after each step of any sequence of them."""

    def setUp(self) -> None:
        self.directory = self.mktemp()

    @settings(deadline=None, max_examples=400)
    @given(st.lists(STEPS, max_size=12), st.sampled_from([0, 100_000, LIMITLESS]))
    @example([("receive", 60_000), ("attach", 0), ("detach", 0), ("receive", MEMORY)], 0)
    @example([("receive", 60_000), ("receive", 60_000), ("keep", 0), ("attach", 0)], 0)
    @example([("receive", 1), ("attach", 2), ("full", 0), ("receive", 1), ("receive", MEMORY)], 0)
    def test_any_interleaving(self, steps: list[tuple[str, int]], spool_bytes: int) -> None:
        world = World(self.directory, spool_bytes)
        started, settled = False, False  # since when the body may have been let go of
        for step, argument in steps:
            self.step(world, step, argument, settled)
            started = started or step == "attach"
            settled = settled or step == "settle"
            self.check(world)
            if not settled and (spool_bytes == LIMITLESS or not started):
                self.assertTrue(world.upload.can_start_over)
        self.end(world)

    def step(self, world: World, step: str, argument: int, settled: bool) -> None:
        if step == "receive" and not world.upload.finished:
            world.receive(argument)
        elif step == "attach" and world.upload.can_start_over:
            world.detach()
            world.attach(argument)
        elif step == "full" and world.pod is not None:
            world.pod.full()
        elif step == "ready" and world.pod is not None:
            world.pod.ready()
        elif step == "detach":
            world.detach()
        elif step == "finish" and not world.upload.finished:
            world.upload.finish(TRAILERS)
        elif step == "keep" and not settled:
            world.upload.keep_everything(LIMITLESS)
        elif step == "settle":
            world.upload.settle()

    def check(self, world: World) -> None:
        upload, pod, body = world.upload, world.pod, world.body
        takes_more = pod is not None and not pod.is_full
        given = 0
        if pod is not None:
            given = len(pod.data)
            self.assertTrue(pod.data == body[:given], "the body from its first byte, in order")
            all_given = given == len(body) and upload.finished
            self.assertEqual(upload.sent, bool(pod.ends))
            if takes_more:
                self.assertEqual(given, len(body))
                self.assertEqual(pod.ends, [TRAILERS] if all_given else [])
            self.assertLessEqual(len(pod.ends), int(all_given))
            ahead = len(body) - given
            limit = READ_AHEAD_BYTES if upload.replayable else 1
            self.assertEqual(world.client.is_paused, not takes_more and ahead >= limit)
        if takes_more:
            self.assertFalse(world.client.is_paused)
        self.assertLessEqual(world.budget.memory_bytes, MEMORY)
        if os.path.exists(self.directory):
            self.assertEqual(os.listdir(self.directory), [])

    def end(self, world: World) -> None:
        """Whoever is there in the end gets all of it; nothing is left of it afterwards."""
        if not world.upload.finished:
            world.upload.finish(TRAILERS)
        if world.upload.can_start_over:
            world.detach()
            world.attach()
        if world.pod is not None:
            world.pod.ready()
            while world.pod.is_full:  # it may have become so in the middle of what was left
                world.pod.ready()
            self.assertTrue(world.pod.data == world.body)
            self.assertEqual(world.pod.ends, [TRAILERS])
            self.assertFalse(world.client.is_paused)
        world.upload.close()
        self.assertEqual(world.left_behind(), (0, 0, 0))


class ReplayTests(SynchronousTestCase):
    """A body goes to one pod after the other."""

    def setUp(self) -> None:
        self.directory = self.mktemp()

    def test_every_size_around_the_limits(self) -> None:
        """Bounced when all, some, or nothing has come; in one piece, and in many."""
        for size in (0, 1, MEMORY - 1, MEMORY, MEMORY + 1, 3 * MEMORY):
            for piece in (10_000, size or 1):
                for bounce_at in (0, size // 2, size):
                    self.bounce(size, piece, bounce_at)

    def bounce(self, size: int, piece: int, bounce_at: int) -> None:
        world = World(self.directory, spool_bytes=0)
        world.upload.keep_everything(LIMITLESS)
        first = world.attach()
        has_bounced = False
        while world.sent < size or not has_bounced:
            if world.sent >= bounce_at and not has_bounced:
                world.detach()
                second = world.attach()
                has_bounced = True
            else:
                world.receive(min(piece, size - world.sent))
        world.upload.finish([])
        self.assertTrue(second.data == PATTERN[:size])
        self.assertEqual((first.ends, second.ends), ([], [[]]))
        self.assertTrue(PATTERN.startswith(first.data))
        if piece == 10_000:
            self.assertEqual(world.budget.files, int(size > MEMORY))
        world.upload.close()
        self.assertEqual(world.left_behind(), (0, 0, 0))

    def test_a_complete_body_is_replayed_to_its_end(self) -> None:
        world = World(self.directory)
        world.receive(5)
        world.upload.finish(TRAILERS)
        for _ in range(3):
            pod = world.attach()
            self.assertEqual((pod.data, pod.ends), (PATTERN[:5], [TRAILERS]))
            self.assertTrue(world.upload.sent)
            world.detach()

    def test_bounced_while_more_than_memory_holds_still_comes(self) -> None:
        """Between two pods nothing may be let go of, and the client waits for the second."""
        world = World(self.directory, spool_bytes=0)
        world.attach()
        world.receive(60_000)
        world.detach()
        world.receive(60_000)
        self.assertTrue(world.client.is_paused)
        self.assertTrue(world.upload.can_start_over)
        pod = world.attach()
        self.assertTrue(pod.data == world.body)
        self.assertFalse(world.client.is_paused)

    def test_not_replayable_once_bytes_are_let_go(self) -> None:
        world = World(self.directory, spool_bytes=0)
        world.attach()
        world.receive(MEMORY)
        self.assertTrue(world.upload.can_start_over)
        world.receive(1)
        world.detach()
        self.assertFalse(world.upload.can_start_over)
        self.assertEqual(world.left_behind(), (0, 0, 0))

    def test_kept_on_disk_although_it_came_before_that_was_asked_for(self) -> None:
        """A strategy that takes its time costs no replay."""
        world = World(self.directory, spool_bytes=0)
        world.receive(60_000)
        world.receive(60_000)
        self.assertTrue(world.client.is_paused)
        world.upload.keep_everything(LIMITLESS)
        self.assertTrue(world.upload.replayable)
        for _ in range(2):
            pod = world.attach()
            self.assertTrue(pod.data == world.body)
            world.receive(1000)
            self.assertTrue(pod.data == world.body)
            world.detach()
        world.upload.close()
        self.assertEqual(world.left_behind(), (0, 0, 0))

    def test_settled(self) -> None:
        """What the pod has is let go of at once; what it has not still comes."""
        world = World(self.directory)
        pod = world.attach()
        world.receive(MEMORY)
        world.receive(MEMORY)
        pod.full()
        world.receive(1000)
        world.upload.settle()
        self.assertFalse(world.upload.can_start_over)
        self.assertTrue(world.client.is_paused)
        self.assertNotEqual(world.left_behind(), (0, 0, 0))
        pod.ready()
        self.assertTrue(pod.data == world.body)
        self.assertEqual(world.left_behind(), (0, 0, 0))
        world.receive(1000)
        self.assertTrue(pod.data == world.body)
        self.assertEqual(world.left_behind(), (0, 0, 0))

    def test_a_disk_that_takes_nothing(self) -> None:
        """The body goes on to the pod that has it; only the replay is lost."""
        blocked = Path(self.mktemp())
        blocked.write_bytes(b"")
        world = World(str(blocked / "spool"))
        pod = world.attach()
        world.receive(MEMORY)
        self.assertTrue(world.upload.can_start_over)
        for _ in range(3):
            world.receive(MEMORY)
        world.upload.finish([])
        self.assertTrue(pod.data == world.body)
        self.assertEqual((pod.ends, world.upload.can_start_over), ([[]], False))
        self.assertEqual(world.left_behind(), (0, 0, 0))

    def test_a_pod_that_ends_its_attempt_in_the_middle(self) -> None:
        """The rest goes to the pod that took its place, from the first byte on."""
        world = World(self.directory)
        world.receive(MEMORY)
        world.receive(MEMORY)
        second = FakePod(world.upload)

        class Leaving(FakePod):
            def send_body(self, data: bytes) -> None:
                super().send_body(data)
                self.upload.detach()
                self.upload.attach(second)

        world.upload.finish([])
        first = Leaving(world.upload)
        world.upload.attach(first)
        self.assertTrue(second.data == world.body)
        self.assertEqual((second.ends, first.ends), ([[]], []))
