"""More of requirements B and F: what concerns questions to pods, and UNIX sockets in front."""

from __future__ import annotations

from typing import Any

import attrs
from twisted.internet.address import UNIXAddress

from tests.support_memory import RouterTestCase
from tests.support_messages import get, request, response

LEARN = "/api/v4/pods/learn"
ANSWER = b'{"path": "/team", "pod": "pod_b"}'


class QuestionTests(RouterTestCase):
    """Learn calls."""

    def test_b18_what_is_asked_for_a_request_carries_its_id(self) -> None:
        """On its first question, on the next if that brought nothing, and on the request."""
        world = self.make_world("pod_a", "pod_c", router={"strategy": "learn"})
        client = world.client()
        client.say(get("/team/x", "X-Request-Id: abc-123"))
        self.assertEqual(world.pods["pod_a"].take().get("X-Request-Id"), "abc-123")
        world.reactor.pass_time(2)
        self.assertEqual(world.pods["pod_c"].take().get("X-Request-Id"), "abc-123")
        world.pods["pod_c"].say(response(200, ANSWER))
        self.assertEqual(world.pods["pod_b"].take().get("X-Request-Id"), "abc-123")
        client.reset()

    def test_b18_and_one_that_the_router_made(self) -> None:
        world = self.make_world("pod_a", router={"strategy": "learn"})
        client = world.client()
        client.say(get("/team/x"))
        asked = world.pods["pod_a"].take().get("X-Request-Id")
        self.assertRegex(asked or "", r"^[0-9a-f]{32}$")
        world.pods["pod_a"].say(response(200, ANSWER))
        self.assertEqual(world.pods["pod_b"].take().get("X-Request-Id"), asked)
        client.reset()

    def test_b18_but_nobodys_on_a_question_of_the_router_itself(self) -> None:
        world = self.make_world()
        world.router.services.ask("pod_a", "/-/readiness").addErrback(lambda failure: None)
        world.reactor.settle()
        self.assertIsNone(world.pods["pod_a"].take().get("X-Request-Id"))
        world.pods["pod_a"].say(response(200))

    def test_f41_the_endpoint_is_closed_at_the_last_hop_too(self) -> None:
        world = self.make_world()
        client = world.client()
        client.say(request("OPTIONS", f"{LEARN}?path_info=/a", "Max-Forwards: 0"))
        self.assertEqual(client.take().status, 404)
        self.assertEqual(world.contacted(), [])
        client.leave()


@attrs.frozen
class UnixTransport:
    """The router's end of a connection over a UNIX socket."""

    def getPeer(self) -> UNIXAddress:
        return UNIXAddress(b"")


class UnixTests(RouterTestCase):
    """A proxy that comes over a UNIX socket."""

    def told(self, *trusted: str, **tables: Any) -> tuple[str | None, str | None]:
        """What a pod is told of a client at 203.0.113.9, on https, of such a proxy."""
        world = self.make_world("pod_a", router={"trusted_proxies": list(trusted)}, **tables)
        client = world.client()
        client.protocol.peer = world.router.peer(UnixTransport())
        client.say(get("/", "X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https"))
        sent = world.pods["pod_a"].take()
        client.reset()
        return sent.get("X-Forwarded-For"), sent.get("X-Forwarded-Proto")

    def test_b17_believed_if_it_is_trusted(self) -> None:
        self.assertEqual(self.told("unix:"), ("203.0.113.9", "https"))
        self.assertEqual(self.told("10.0.0.0/8", "unix:"), ("203.0.113.9", "https"))

    def test_b17_replaced_if_not(self) -> None:
        self.assertEqual(self.told(), ("unix:", "http"))
        self.assertEqual(self.told("0.0.0.0/0", "::/0"), ("unix:", "http"))
