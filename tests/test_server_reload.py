"""A client's connection when the configuration changes: what holds, and from when on."""

from __future__ import annotations

import attrs

from pods.config import Config
from pods.router import Router
from tests.support_memory import RouterTestCase, World
from tests.support_messages import response


class MidwayTests(RouterTestCase):
    """The head that is coming in is read under the new configuration."""

    HALF = b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Port: 8443\r\nX-For"
    REST = b"warded-Prefix: /x\r\nX-A: 1\r\n\r\n"

    def reload(self, world: World, config: Config) -> None:
        before = world.router
        world.router = Router(config, world.reactor, before.lasting, before)
        world.router.take_over(before)

    def test_its_limits(self) -> None:
        world = self.make_world()
        client = world.client()
        client.say(self.HALF)
        limits = attrs.evolve(world.router.config.limits, header_count=3)
        self.reload(world, attrs.evolve(world.router.config, limits=limits))
        client.say(self.REST)
        self.assertEqual(client.take().status, 431)
        self.assertEqual(world.contacted(), [])

    def test_who_is_trusted(self) -> None:
        untrusted, trusted = (), ("192.0.2.0/24",)
        for before, after, passed in (
            (untrusted, trusted, ["8443", "/x"]),
            (trusted, untrusted, [None, None]),
        ):
            world = self.make_world("pod_a", router={"trusted_proxies": list(before)})
            client = world.client()
            client.say(self.HALF)
            router = attrs.evolve(world.router.config.router, trusted_proxies=after)
            self.reload(world, attrs.evolve(world.router.config, router=router))
            client.say(self.REST)
            sent = world.pods["pod_a"].take()
            names = ("X-Forwarded-Port", "X-Forwarded-Prefix")
            self.assertEqual([sent.get(name) for name in names], passed)
            world.pods["pod_a"].say(response(200))
            client.leave()
