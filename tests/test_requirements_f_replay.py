"""Requirements, section F: bounces and replays, and the learn question."""

from __future__ import annotations

import json
import os
import stat
from gzip import compress
from pathlib import Path
from random import Random
from typing import Any

from pods.interfaces import Route
from tests.support_memory import RouterTestCase, World
from tests.support_messages import (
    Message,
    bounce,
    chunk,
    chunked,
    get,
    head_of_response,
    request,
    response,
)
from tests.support_wire import Wire

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
MEMORY_BYTES = 1000


def learned(path: str, pod: str) -> bytes:
    answer = {"path": path, "pod": pod, "source": "routable"}
    return response(200, json.dumps(answer).encode())


def end_to_end(message: Message) -> list[tuple[str, str]]:
    """The fields that must be the same at every pod."""
    ours = ("X-Gitlab-Pod-Attempt", "Expect")
    return [field for field in message.fields if field[0] not in ours]


class BounceTests(RouterTestCase):
    """34 to 37: what is a bounce, what is not, and what must not be followed."""

    def test_f34_a_302_without_the_header_is_the_clients_own(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("/users"))
        location = "Location: /users/sign_in"
        world.pods["pod_a"].say(response(302, b"go", location, "Set-Cookie: a=1"))
        answer = client.take()
        self.assertEqual((answer.status, answer.body), (302, b"go"))
        self.assertEqual(answer.get("Location"), "/users/sign_in")
        self.assertEqual(answer.get("Set-Cookie"), "a=1")
        self.assertEqual(world.contacted(), ["pod_a"])
        client.leave()

    def bounced(self, world: World, client: Wire, sent: bytes) -> tuple[Message, Message]:
        """What the first pod got, and what the second."""
        client.say(sent)
        if b"Expect" in world.pods["pod_a"].wire.received:
            world.pods["pod_a"].say(CONTINUE)
        first = world.pods["pod_a"].take()
        world.pods["pod_a"].say(bounce("pod_b"))
        second = world.pods["pod_b"].take()
        world.pods["pod_b"].say(response(200, b"mine"))
        return first, second

    def test_f35_a_bounced_request_arrives_identical(self) -> None:
        random = Random(35)
        limits = (0, 1, MEMORY_BYTES, MEMORY_BYTES + 1, 200 * MEMORY_BYTES)
        bodies = [random.randbytes(size) for size in limits] + [compress(b"text" * 999)]
        for body in [None, *bodies]:
            fields = ("Content-Encoding: gzip", "X-Two: 1", "X-Two: 2", "Cookie: a=1; b=2")
            plain = request("POST", "/x%2Fy?", *fields, body=body)
            in_chunks = chunked("POST", "/x%2Fy?", *fields)
            in_chunks += b"".join(chunk(part) for part in (body or b"", b"") if part or body)
            for sent in [plain] + [in_chunks] * bool(body):
                world = self.make_world("pod_a", body={"memory_bytes": MEMORY_BYTES})
                client = world.client()
                first, second = self.bounced(world, client, sent)
                self.assertEqual(first.first_line, b"POST /x%2Fy? HTTP/1.1")
                self.assertEqual(second.first_line, first.first_line)
                self.assertEqual(end_to_end(second), end_to_end(first))
                self.assertTrue(second.body == first.body == (body or b""))
                self.assertEqual(client.take().body, b"mine")
                client.leave()

    def test_f36_nothing_of_a_bounce_reaches_the_client(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("/x"))
        world.pods["pod_a"].say(head_of_response(103, "Link: </wrong.css>"))
        world.pods["pod_a"].say(bounce("pod_b", body=b"secret of the wrong pod"))
        self.assertEqual(client.received, b"")
        world.pods["pod_b"].say(head_of_response(103, "Link: </right.css>"))
        world.pods["pod_b"].say(response(200, b"mine", "Set-Cookie: right=1"))
        self.assertNotIn(b"wrong", client.received)
        self.assertNotIn(b"Location", client.received)
        self.assertEqual(client.take().get("Link"), "</right.css>")
        self.assertEqual(client.take().get("Set-Cookie"), "right=1")
        self.assertEqual(client.received, b"")
        client.leave()

    def test_f36_a_bounce_while_the_client_uploads(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(request("POST", "/x", "Content-Length: 30") + b"0123456789")
        world.pods["pod_a"].say(bounce("pod_b"))
        self.assertFalse(world.pods["pod_a"].wire.connected, "the first pod is left")
        client.say(b"abcdefghijABCDEFGHIJ")
        self.assertEqual(
            world.pods["pod_b"].take().body, b"0123456789abcdefghijABCDEFGHIJ", "from its start"
        )
        world.pods["pod_b"].say(response(200, b"mine"))
        self.assertEqual(client.take().body, b"mine")
        self.assertEqual(client.received, b"", "one response")
        client.leave()

    def test_f37_bounces_that_are_not_followed(self) -> None:
        def redirect(value: str) -> bytes:
            return response(302, b"", f"X-Gitlab-Pod-Redirect: {value}")

        nobody = ("pod_unknown", "127.0.0.1", "localhost:9102", "http://pod_c/", "POD_C", "pod_c.")
        unreadable = ("", "{", "[]", '{"pod": 1}', '{"pod": null}', "a b", '{"pod": "\\u0000"}')
        for value in ("pod_a", *nobody, *unreadable):
            world = self.make_world("pod_a")
            client = world.client()
            client.say(get("/x"))
            world.pods["pod_a"].say(redirect(value))
            self.assertEqual(client.take().status, 502, value)
            self.assertEqual(world.contacted(), ["pod_a"], value)
            client.leave()

    def test_f37_loops_end(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("/x"))
        world.pods["pod_a"].say(bounce("pod_b"))
        world.pods["pod_b"].say(bounce("pod_a"))
        self.assertEqual(client.take().status, 502)
        self.assertEqual(world.contacted(), ["pod_a", "pod_b"])
        self.assertEqual(len(world.pods["pod_a"].wires), 1)
        client.leave()


class HoldingTests(RouterTestCase):
    """38: where held bodies are, and how much there may be of them."""

    def spooled(self, world: World) -> Wire:
        """A client whose upload is on disk by now, with more of it to come."""
        client = world.client()
        client.say(request("POST", "/x", "Content-Length: 1000"))
        world.pods["pod_a"].say(CONTINUE)
        client.say(b"x" * 500)
        self.assertEqual(world.router.budget.files, 1)
        return client

    def files(self, world: World) -> list[os.stat_result]:
        """Every open file of this process in the folder for held bodies."""
        folder = str(Path(world.router.budget.directory).resolve())
        links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        return [link.stat() for link in links if str(link.readlink()).startswith(folder + "/")]

    def test_f38_files_have_no_name_and_are_private(self) -> None:
        if not Path("/proc/self/fd").exists():
            self.skipTest("needs /proc to see open files")
        world = self.make_world("pod_a", body={"memory_bytes": 10})
        client = self.spooled(world)
        (status,) = self.files(world)
        self.assertEqual((status.st_nlink, stat.S_IMODE(status.st_mode)), (0, 0o600))
        self.assertEqual(status.st_size, 500)
        self.assertEqual(os.listdir(world.router.budget.directory), [])
        client.reset()
        self.assertEqual(self.files(world), [])

    def test_f38_they_are_gone_after_every_outcome(self) -> None:
        def finish(world: World, client: Wire, answer: bytes) -> None:
            client.say(b"x" * 500)
            world.pods["pod_a"].say(answer)

        outcomes: dict[str, Any] = {
            "answered": lambda world, client: finish(world, client, response(200)),
            "refused": lambda world, client: finish(world, client, response(500)),
            "bounced to nobody": lambda world, client: finish(world, client, bounce("pod_x")),
            "garbage": lambda world, client: finish(world, client, b"nonsense\r\n\r\n"),
            "the client left": lambda world, client: client.reset(),
            "the pod died": lambda world, client: world.pods["pod_a"].wire.reset(),
            "too slow": lambda world, client: world.reactor.pass_time(301),
        }
        for name, outcome in outcomes.items():
            world = self.make_world("pod_a", body={"memory_bytes": 10})
            client = self.spooled(world)
            outcome(world, client)
            budget = world.router.budget
            self.assertEqual(
                (budget.files, budget.spool_bytes, budget.memory_bytes), (0, 0, 0), name
            )
            client.reset()

    def uploads(self, world: World, size: int) -> list[Wire]:
        """Two clients that have sent so much to a pod that has not answered."""
        clients = [world.client(), world.client()]
        for at, client in enumerate(clients):
            client.say(chunked("POST", "/x") + chunk(b"%d" % at * size) + chunk(b""))
            world.pods["pod_a"].wires[at].say(CONTINUE)
        return clients

    def test_f38_memory_of_all_requests_is_capped_and_the_rest_goes_to_disk(self) -> None:
        world = self.make_world("pod_a", "pod_a", body={"total_memory_bytes": 1500})
        clients = self.uploads(world, 1000)
        budget = world.router.budget
        self.assertEqual((budget.memory_bytes, budget.spool_bytes), (1000, 1000))
        for at, client in enumerate(clients):
            world.pods["pod_a"].wires[at].say(bounce("pod_b"))
            world.pods["pod_b"].say(CONTINUE)
            self.assertEqual(world.pods["pod_b"].take().body, b"%d" % at * 1000)
            world.pods["pod_b"].say(response(200))
            client.leave()

    def test_f38_memory_and_disk_full_is_a_503_for_those_that_are_bounced(self) -> None:
        limits = {"total_memory_bytes": 1500, "total_spool_bytes": 999}
        world = self.make_world("pod_a", "pod_a", body=limits)
        clients = self.uploads(world, 1000)
        for at, status in ((0, 200), (1, 503)):
            world.pods["pod_a"].wires[at].say(bounce("pod_b"))
            if status == 200:
                world.pods["pod_b"].wires[at].say(CONTINUE)
                world.pods["pod_b"].wires[at].say(response(200))
            self.assertEqual(clients[at].take().status, status)
            clients[at].leave()

    def test_f38_with_a_remembered_route_holding_is_given_up(self) -> None:
        world = self.make_world(body={"total_memory_bytes": 1500})
        world.router.memory.table.remember(Route("/x", "pod_a"))
        clients = [world.client(), world.client()]
        for client in clients:
            client.say(request("POST", "/x", body=b"x" * 1000))
        self.assertEqual(world.router.budget.memory_bytes, 1000)
        self.assertEqual(world.router.budget.spool_bytes, 0)
        for at, client in enumerate(clients):
            self.assertEqual(len(world.pods["pod_a"].wires[at].take().body), 1000)
            world.pods["pod_a"].wires[at].say(response(200))
            self.assertEqual(client.take().status, 200)
            client.leave()


class NoSecondPodTests(RouterTestCase):
    """39: trouble alone sends nothing elsewhere."""

    def test_f39_trouble_alone_never_sends_a_non_idempotent_request_elsewhere(self) -> None:
        troubles: dict[str, Any] = {
            "reset": (lambda world: world.pods["pod_a"].wire.reset(), 502),
            "closed": (lambda world: world.pods["pod_a"].wire.leave(), 502),
            "silent": (lambda world: world.reactor.pass_time(301), 504),
            "500": (lambda world: world.pods["pod_a"].say(response(500)), 500),
            "503": (lambda world: world.pods["pod_a"].say(response(503)), 503),
        }
        for name, (trouble, status) in troubles.items():
            for sent in (request("POST", "/x", body=b"order"), request("PATCH", "/x", body=b"")):
                world = self.make_world("pod_a", "pod_b")
                client = world.client()
                client.say(sent)
                trouble(world)
                self.assertEqual(client.take().status, status, name)
                self.assertEqual(world.contacted(), ["pod_a"], name)
                client.leave()

    def test_f39_nor_an_unheld_one(self) -> None:
        limits = {"memory_bytes": 10, "spool_bytes": 10}
        world = self.make_world("pod_a", "pod_b", body=limits)
        client = world.client()
        client.say(request("PUT", "/x", body=b"x" * 100))
        world.pods["pod_a"].say(CONTINUE)
        world.pods["pod_a"].wire.reset()
        self.assertEqual(client.take().status, 502)
        self.assertEqual(world.contacted(), ["pod_a"])
        client.leave()


class LearnTests(RouterTestCase):
    """40 and 41: the question to a pod."""

    def learner(self, *choices: str, **options: Any) -> World:
        return self.make_world(*choices, router={"strategy": "learn"}, strategy=options)

    def test_f40_one_question_then_one_request_then_no_question_on_a_hit(self) -> None:
        world = self.learner("pod_a")
        client = world.client()
        secrets = ("Cookie: s=1", "Authorization: Basic eA==", "X-Api-Key: k")
        client.say(request("POST", "/a b&c=d?q".replace(" ", "%20"), *secrets, body=b"once"))
        asked = world.pods["pod_a"].take()
        target = b"/api/v4/pods/learn?method=POST&path_info=/a%2520b%26c%3Dd"
        self.assertEqual(asked.first_line, b"GET " + target + b" HTTP/1.1")
        for name in ("Cookie", "Authorization", "X-Api-Key", "X-Forwarded-For"):
            self.assertIsNone(asked.get(name), name)
        world.pods["pod_a"].say(learned("/a%20b&c=d", "pod_b"))
        self.assertEqual(world.pods["pod_b"].take().body, b"once")
        world.pods["pod_b"].say(response(200))
        client.say(get("/a%20b&c=d/more"))
        self.assertEqual(world.pods["pod_b"].take().target, b"/a%20b&c=d/more")
        world.pods["pod_b"].say(response(200))
        self.assertFalse(world.pods["pod_a"].was_contacted, "asked once, sent nothing")
        client.leave()

    def test_f40_equal_misses_share_one_question(self) -> None:
        world = self.learner("pod_a")
        clients = [world.client() for _ in range(20)]
        for client in clients:
            client.say(get("/group"))
        (only,) = world.pods["pod_a"].wires
        only.take()
        self.assertEqual(only.received, b"")
        only.say(learned("/group", "pod_b"))
        for client, wire in zip(clients, world.pods["pod_b"].wires, strict=True):
            wire.say(response(200))
            self.assertEqual(client.take().status, 200)
            client.leave()

    def test_f40_answers_that_cannot_be_used(self) -> None:
        endless = head_of_response(200, "Content-Length: 10000000") + b"x" * 100_000
        answers: dict[str, bytes] = {
            "slow": b"",
            "oversized": endless,
            "no JSON": response(200, b"<html>"),
            "no HTTP": b"SSH-2.0\r\n\r\n",
            "a failure": response(500),
            "a path that was not asked for": learned("/other", "pod_c"),
            "everything": learned("/", "pod_c"),
            "a pod that is not configured": learned("/group", "pod_unknown"),
        }
        for name, answer in answers.items():
            world = self.learner("pod_a", "pod_b", timeout_seconds=2)
            client = world.client()
            client.say(get("/group"))
            world.pods["pod_a"].say(answer)
            world.reactor.pass_time(0 if answer else 2)
            self.assertIsNone(world.knows("/group"), name)
            self.assertTrue(world.pods["pod_b"].take().target.startswith(b"/api/v4/pods/learn"))
            world.pods["pod_b"].say(learned("/group", "pod_c"))
            self.assertEqual(world.pods["pod_c"].take().target, b"/group", name)
            world.pods["pod_c"].say(response(200, b"mine"))
            self.assertEqual(client.take().body, b"mine", name)
            failures = world.router.counters.tallies.all["learn_failures"].counts
            self.assertEqual(sum(failures.values()), 1, name)
            client.leave()

    def test_f41_the_learn_endpoint_is_closed_in_every_spelling(self) -> None:
        tail = "?method=GET&path_info=/x"
        for path in (
            "/api/v4/pods/learn",
            "/api/v4/pods/learn/",
            "//api/v4/pods/learn",
            "/api//v4/pods/learn",
            "/api/v4/pods/%6cearn",
            "/api/v4/pods/%256cearn",
            "/API/v4/Pods/LEARN",
            "/api/v4/./pods/learn",
            "/api/v4/x/../pods/learn",
            "/api/v4/pods;x/learn;y=1",
            "/api%2fv4%2fpods%2flearn",
            "http://example.org/api/v4/pods/learn",
            "/api/v4/pods/learn%00",
            "/api/v4/pods/learn%3fx",
        ):
            world = self.make_world("pod_a")
            client = world.client()
            client.say(get(path + tail))
            self.assertEqual(client.take().status, 404, path)
            self.assertEqual(world.contacted(), [], path)
            client.leave()
