"""Requirements, section E: connections and time; what needs real sockets is in ``e_sockets``."""

from __future__ import annotations

from typing import Any

from pods.http1.pool import SPARE_SECONDS
from tests.support_memory import RouterTestCase, World
from tests.support_messages import bounce, chunk, chunked, get, head_of_response, request, response
from tests.support_wire import Wire

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
TO_POD_A = [{"path": "/", "pod": "pod_a"}]


class PipeliningTests(RouterTestCase):
    """28: several requests at once on one connection."""

    def test_e28_answers_come_in_the_order_of_the_requests(self) -> None:
        world = self.make_world(*["pod_a", "pod_b"] * 5)
        client = world.client()
        client.say(b"".join(get(f"/{at}") for at in range(10)))
        for at in range(10):
            pod = world.pods["pod_b" if at % 2 else "pod_a"]
            self.assertEqual(pod.take().target, b"/%d" % at)
            self.assertEqual(client.received, b"", "the next one waits for the answer before it")
            pod.say(response(200, b"%d" % at))
            self.assertEqual(client.take().body, b"%d" % at)
        client.leave()

    def test_e28_read_ahead_is_bounded(self) -> None:
        world = self.make_world(rules=TO_POD_A)
        client = world.client()
        client.say(get("/first") + get("/more") * 20_000)
        self.assertTrue(client.is_paused)
        self.assertGreater(client.unread_bytes, 10 * 65_536)
        client.reset()
        world.reactor.pass_time(301)

    def test_e28_a_malformed_second_one_never_harms_the_first_answer(self) -> None:
        for second in (b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00"):
            world = self.make_world("pod_a")
            client = world.client()
            client.say(get("/first") + second)
            world.pods["pod_a"].take()
            world.pods["pod_a"].say(response(200, b"the first answer"))
            self.assertEqual(client.take().body, b"the first answer")
            refused = client.take()
            self.assertEqual((refused.status, refused.get("Connection")), (400, "close"))
            self.assertEqual(world.pods["pod_a"].wire.received, b"")
            client.leave()


class SlowClientTests(RouterTestCase):
    """30: nobody is waited for without end."""

    def test_e30_a_slow_head_ends_at_an_absolute_deadline(self) -> None:
        world = self.make_world(timeouts={"client_headers": 10, "idle": 1000})
        client = world.client()
        for byte in b"GET / HTTP/1":
            client.say(bytes([byte]))
            world.reactor.pass_time(0.9 if client.connected and not client.received else 0)
        self.assertEqual(client.take().status, 408)
        self.assertTrue(client.is_ended)
        client.leave()

    def upload(self, step_bytes: int, every_seconds: float) -> tuple[World, Wire]:
        """An upload of 10,000 bytes in steps, for at most 100 seconds."""
        limits, timeouts = {"body_pace_bytes": 1000}, {"idle": 10}
        world = self.make_world(rules=TO_POD_A, limits=limits, timeouts=timeouts)
        client = world.client()
        client.say(request("POST", "/x", "Content-Length: 10000"))
        sent = seconds = 0.0
        while sent < 10_000 and seconds < 100 and not client.received:
            client.say(b"x" * step_bytes)
            world.reactor.pass_time(every_seconds)
            sent, seconds = sent + step_bytes, seconds + every_seconds
        return world, client

    def test_e30_a_slow_body_ends_at_a_minimum_rate(self) -> None:
        for step_bytes, every_seconds in ((1, 0.1), (90, 1), (900, 9.9), (10, 11)):
            world, client = self.upload(step_bytes, every_seconds)
            self.assertEqual(client.take().status, 408, step_bytes)
            self.assertTrue(world.pods["pod_a"].wire.is_broken, "never a complete request")
            client.leave()

    def test_e30_one_that_is_fast_enough_does_not(self) -> None:
        for step_bytes, every_seconds in ((100, 0.9), (1000, 9.9)):
            world, client = self.upload(step_bytes, every_seconds)
            self.assertEqual(len(world.pods["pod_a"].take().body), 10_000)
            world.pods["pod_a"].say(response(200))
            self.assertEqual(client.take().status, 200)
            client.leave()

    def test_e30_a_client_is_not_slow_while_its_pod_is(self) -> None:
        timeouts = {"idle": 10}
        world = self.make_world(rules=TO_POD_A, timeouts=timeouts, limits={"body_pace_bytes": 1000})
        client = world.client()
        client.say(request("POST", "/x", "Content-Length: 1000000"))
        pod = world.pods["pod_a"].wire
        pod.window = 0
        client.say(b"x" * 1_000_000)
        for _ in range(12):
            world.reactor.pass_time(2)
            pod.read(65_536)
        self.assertEqual(client.received, b"")
        pod.read_all()
        self.assertEqual(len(pod.take().body), 1_000_000)
        pod.say(response(200))
        client.leave()

    def test_e30_a_stalled_reader_ends_at_a_write_deadline(self) -> None:
        world = self.make_world("pod_a", timeouts={"idle": 10})
        client = world.client()
        client.window = 0
        client.say(get("/x"))
        world.pods["pod_a"].say(response(200, b"x" * 1_000_000))
        world.reactor.pass_time(9.9)
        self.assertTrue(client.connected)
        world.reactor.pass_time(0.1)
        self.assertTrue(client.is_broken)
        self.assert_nothing_runs(world)


class LeavingTests(RouterTestCase):
    """31: a client that leaves while it waits."""

    def waiting(self, phase: str) -> tuple[World, Wire]:
        world = self.make_world("pod_a", "pod_b", body={"memory_bytes": 10})
        client = world.client()
        pods = world.pods
        if phase == "dialling":
            pods["pod_a"].mode = "silent"
        client.say(get("/x") if phase != "uploading" else chunked("POST", "/x"))
        if phase == "uploading":
            pods["pod_a"].say(CONTINUE)
            client.say(chunk(b"x" * 1000))
            self.assertEqual(world.router.budget.files, 1)
        if phase == "bounced":
            pods["pod_a"].say(bounce("pod_c"))
        if phase == "answering":
            pods["pod_a"].say(head_of_response(200, "Content-Length: 1000") + b"some")
        return world, client

    def test_e31_the_pods_request_is_aborted_within_a_second(self) -> None:
        for phase in ("dialling", "thinking", "uploading", "bounced", "answering"):
            for leave in (Wire.reset, Wire.leave):
                world, client = self.waiting(phase)
                leave(client)
                world.reactor.pass_time(0.99)
                if phase == "answering":  # the next of its bytes shows it
                    world.pods["pod_a"].say(b"more")
                    world.pods["pod_a"].say(b"more")
                self.assert_nothing_runs(world)
                busy = [w for pod in world.pods.values() for w in pod.wires if w.connected]
                self.assertEqual(len(busy), phase == "bounced", (phase, "only an idle one"))
                self.assertFalse(client.connected, phase)

    def test_e31_a_client_that_only_half_closed_still_gets_its_answer(self) -> None:
        for seconds in (0, 1, 100):
            world = self.make_world("pod_a")
            client = world.client()
            client.say(get("/x"))
            client.half_close()
            world.reactor.pass_time(seconds)
            world.pods["pod_a"].say(response(200, b"answer"))
            self.assertEqual(client.take().body, b"answer")
            self.assertTrue(client.is_ended)


class PoolTests(RouterTestCase):
    """32: few connections to a pod, and which of them are used again."""

    def test_e32_total_and_idle_are_capped_and_the_queue_is_bounded(self) -> None:
        limits = {"pod_connections": 3, "pod_idle_connections": 1, "pod_queue": 2}
        world = self.make_world(rules=TO_POD_A, limits=limits, timeouts={"queue": 5})
        clients = [world.client() for _ in range(6)]
        for client in clients:
            client.say(get("/x"))
        self.assertEqual(len(world.pods["pod_a"].wires), 3)
        self.assertEqual(clients[5].take().status, 503, "the queue is full")
        self.assertEqual(world.router.pools["pod_a"].waiting_requests, 2)
        world.pods["pod_a"].wires[0].say(response(200, b"first"))
        self.assertEqual(clients[0].take().body, b"first")
        self.assertEqual(world.router.pools["pod_a"].waiting_requests, 1, "one has moved up")
        world.reactor.pass_time(5)
        late = clients[4].take()
        self.assertEqual((late.status, late.get("Retry-After")), (503, "1"))
        for wire in list(world.pods["pod_a"].wires):
            wire.say(response(200))
        self.assertEqual([client.take().status for client in clients[1:4]], [200] * 3)
        for _ in range(2):  # they are closed when they have not been needed for so long
            world.reactor.pass_time(SPARE_SECONDS)
        self.assertEqual(world.router.pools["pod_a"].open_connections, 1)
        for client in clients:
            client.leave()

    def is_reused(self, answer: bytes, sent: bytes = get("/x"), *, ends: bool = False) -> bool:
        """Whether the next request comes on the same connection."""
        world = self.make_world(rules=TO_POD_A)
        client = world.client()
        client.say(sent)
        wire = world.pods["pod_a"].wire
        wire.say(answer)
        if ends:
            wire.half_close()
        other = world.client()
        other.say(get("/next"))
        wires = world.pods["pod_a"].wires
        world.pods["pod_a"].say(response(200, b"right"))
        self.assertEqual(other.take().body, b"right")
        client.reset()
        other.leave()
        return len(wires) == 1

    def test_e32_a_connection_is_used_again_only_after_a_complete_exchange(self) -> None:
        whole = response(200, b"body")
        upload = request("POST", "/x", "Content-Length: 10")
        endless = head_of_response(200, "Transfer-Encoding: chunked")
        self.assertTrue(self.is_reused(whole))
        self.assertTrue(self.is_reused(whole, upload + b"x" * 10))
        self.assertTrue(self.is_reused(endless + chunk(b"x") + chunk(b"")))
        self.assertFalse(self.is_reused(whole + b"stray"))
        self.assertFalse(self.is_reused(whole + response(200, b"nobody asked")))
        self.assertFalse(self.is_reused(whole, upload + b"half"))
        self.assertFalse(self.is_reused(endless + chunk(b"x")))
        self.assertFalse(self.is_reused(response(200, b"", "Connection: close")))
        self.assertFalse(self.is_reused(head_of_response(200) + b"to the end", ends=True))

    def stale(self, sent: bytes, **tables: Any) -> tuple[World, Wire]:
        """A request on a used connection that the pod closes as it comes."""
        world = self.make_world(rules=TO_POD_A, **tables)
        client = world.client()
        client.say(get("/first"))
        world.pods["pod_a"].say(response(200))
        client.take()
        client.say(sent)
        world.pods["pod_a"].wire.reset()
        return world, client

    def test_e32_a_dead_reused_connection_is_retried_once_on_a_fresh_one(self) -> None:
        for sent in (get("/x"), request("PUT", "/x", body=b"held"), request("DELETE", "/x")):
            world, client = self.stale(sent)
            self.assertEqual(len(world.pods["pod_a"].wires), 2)
            retried = world.pods["pod_a"].take()
            self.assertEqual(retried.target, b"/x")
            world.pods["pod_a"].wire.reset()
            self.assertEqual(client.take().status, 502)
            self.assertEqual(len(world.pods["pod_a"].wires), 2, "once")
            client.leave()

    def test_e32_but_not_what_could_happen_twice_or_is_no_longer_held(self) -> None:
        post, unheld = request("POST", "/x", body=b"order"), request("PUT", "/x", body=b"x" * 100)
        for sent, memory_bytes in ((post, 1000), (request("PATCH", "/x"), 1000), (unheld, 10)):
            world, client = self.stale(sent, body={"memory_bytes": memory_bytes})
            self.assertEqual(client.take().status, 502)
            self.assertEqual(len(world.pods["pod_a"].wires), 1)
            client.leave()


class StopTests(RouterTestCase):
    """33: what runs is finished; see also the sockets."""

    def test_e33_what_runs_is_finished_and_nothing_new_begins(self) -> None:
        world = self.make_world(rules=TO_POD_A)
        busy, idle = world.client(), world.client()
        busy.say(get("/first") + get("/pipelined"))
        drained: list[None] = []
        world.router.clients.drain().addCallback(drained.append)
        world.reactor.settle()
        self.assertEqual((idle.is_ended, busy.is_ended, drained), (True, False, []))
        world.pods["pod_a"].take()
        world.pods["pod_a"].say(response(200, b"answer"))
        answer = busy.take()
        self.assertEqual((answer.body, answer.get("Connection")), (b"answer", "close"))
        self.assertEqual((busy.is_ended, drained), (True, [None]))
        self.assertEqual(world.pods["pod_a"].wire.received, b"")
