"""What the access log tells of what never became a request."""

from __future__ import annotations

from tests.support_memory import RouterTestCase
from tests.support_messages import get, response


class RefusedLogTests(RouterTestCase):
    """Method and path as far as they are known, never the query."""

    def test_table(self) -> None:
        told = ("PUT", "/a")
        for sent, status, method_and_path in (
            (b"PUT /a?secret HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 70_000, 431, told),
            (b"PUT /a?secret HTTP/1.1\r\nHost : x\r\n\r\n", 400, told),
            (b"PUT /a?secret HTTP/1.1\r\nHost: x\n", 400, told),
            (b"PUT /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n", 414, ("PUT", "/" + "a" * 1023)),
            (get("/before") + b"\r\n\r\n", 400, ("-", "-")),
            (b"\x16\x03\x01", 400, ("-", "-")),
        ):
            world = self.make_world("pod_a")
            client = world.client()
            client.say(sent)
            for wire in world.pods["pod_a"].wires:
                wire.say(response(200, b"ok"))
            record = world.records[-1]
            self.assertEqual(
                (record.status, (record.method, record.path)), (status, method_and_path)
            )
            client.reset()
