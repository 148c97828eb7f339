"""What a client's connection holds on to between two requests."""

from __future__ import annotations

import gc

from pods.http1.request import RequestHead
from tests.support_memory import RouterTestCase
from tests.support_messages import get, response


class IdleTests(RouterTestCase):
    """Next to nothing: there may be thousands of them."""

    def test_no_head(self) -> None:
        targets = ["/first-of-two", "/second-of-two"]
        world = self.make_world("pod_a", "pod_a")
        client = world.client()
        for target in targets:
            client.say(get(target))
            world.pods["pod_a"].take()
            world.pods["pod_a"].say(response(200))
            client.take()
        gc.collect()
        heads = [one.path for one in gc.get_objects() if isinstance(one, RequestHead)]
        # The first is what is known of the fields, which both have.
        self.assertEqual([path for path in heads if path in targets], targets[:1])
        client.leave()
