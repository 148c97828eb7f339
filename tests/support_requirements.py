"""Both ends of the router at once: what a client got, what the pod saw."""

from __future__ import annotations

from typing import Any

from tests.support_memory import RouterTestCase, World
from tests.support_messages import Message, get, response
from tests.support_wire import Wire

EVERYTHING_TO_POD_A = [{"path": "/", "pod": "pod_a"}]


class RequirementTestCase(RouterTestCase):
    """One client, and one pod that everything is sent to."""

    def said(self, *pieces: bytes, address: str = "192.0.2.7", **tables: Any) -> tuple[World, Wire]:
        """A client that has said something."""
        world = self.make_world("pod_a", "pod_a", **{"rules": EVERYTHING_TO_POD_A} | tables)
        client = world.client(address)
        for piece in pieces:
            client.say(piece)
        return world, client

    def assert_rejected(self, status: int, *pieces: bytes, **tables: Any) -> None:
        """A complete error response, a lingering close, and nothing of it at a pod."""
        world, client = self.said(*pieces, **tables)
        what = b"".join(pieces)[:200]
        answer = client.take()
        self.assertEqual((answer.status, answer.get("Connection")), (status, "close"), what)
        self.assertEqual(answer.get("Content-Length"), str(len(answer.body)), what)
        self.assertTrue(client.is_ended and client.connected, "a lingering close")
        client.say(get("/smuggled"))
        self.assertEqual(client.received, b"", "nothing more is read as a request")
        self.assertEqual(b"".join(wire.received for wire in world.pods["pod_a"].wires), b"", what)
        self.assertEqual([record.status for record in world.records], [status], what)
        client.leave()

    def forwarded(self, *pieces: bytes, **options: Any) -> Message:
        """What the pod saw of a request that it then answered; there was no second one."""
        world, client = self.said(*pieces, **options)
        pod = world.pods["pod_a"]
        sent = pod.take()
        self.assertEqual(pod.wire.received, b"")
        pod.say(response(200, b"fine"))
        self.assertEqual(client.take().body, b"fine", pieces)
        self.assertEqual((client.received, pod.wire.received), (b"", b""))
        client.leave()
        return sent

    def answered(
        self, *pieces: bytes, to: bytes = get("/"), ends: bool = False, to_head: bool = False
    ) -> Message:
        """What the client got when the pod answered in these pieces.

        :param to: the request.
        :param ends: whether the pod then closes.
        """
        world, client = self.said(to)
        for piece in pieces:
            world.pods["pod_a"].say(piece)
        if ends:
            world.pods["pod_a"].wire.half_close()
        answer = client.take(to_head=to_head)
        self.assertEqual(client.received, b"")
        client.leave()
        return answer


def values(fields: list[tuple[str, str]], name: str) -> list[str]:
    """The values of all fields of that name, in order."""
    return [value for field, value in fields if field.lower() == name.lower()]
