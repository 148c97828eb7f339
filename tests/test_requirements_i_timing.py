"""Requirement 53: the time of a 404 does not tell where something is.

The attacker of ``benchmarks.timing_attack``, with the same classifiers, against the policies and
the release queue in a world whose time is moved by hand.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import attrs
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from benchmarks.attack import Pairs, Situation
from pods.counters import Counters
from pods.delays import off, padded
from pods.delays import random as random_delay
from pods.http1.response import ResponseHead
from pods.not_found import HeldResponse
from pods.releases import Releases
from pods.testing import FakeRequest, FakeServices
from tests.support_memory import RouterTestCase
from tests.support_messages import get, response

NEAR, FAR = 0.01, 0.06
REQUESTS_PER_SECOND = 400
SAMPLES = 10_000  #: of each class
WEAK_SAMPLES = 2_000  #: where that is enough
POLICIES: Mapping[str, Any] = {"off": off, "random": random_delay, "padded": padded}

#: How long all hops of one request take together, given chance.
Way = Callable[[random.Random], float]


def hit(pod: float, chance: random.Random) -> float:
    """It is known where to go."""
    return pod


def bounced(pod: float | None, chance: random.Random) -> float:
    """Any pod is tried; the wrong one sends the request on to the right one, if there is one."""
    first = chance.choice((NEAR, FAR))
    return first if pod in (first, None) else first + (pod or 0)


def asked(pod: float | None, chance: random.Random) -> float:
    """Any pod is asked whose it is; if nobody's, that pod gets the request."""
    first = chance.choice((NEAR, FAR))
    return first + (first if pod is None else pod)


@attrs.frozen(order=True)
class Event:
    """Something that happens at some time."""

    seconds: float
    number: int
    happens: Callable[[], None] = attrs.field(order=False)


class Attacked:
    """A delay policy and the release queue, and somebody who asks and looks at the clock.

    :param samples: how many answers of each class, or pairs, are looked at.
    """

    def __init__(
        self, policy: str, samples: int, options: Mapping[str, Any] | None = None, seed: int = 53
    ) -> None:
        self.samples = samples
        self.clock = Clock()
        self.chance = random.Random(seed)
        self.counters = Counters()
        services = FakeServices(clock=self.clock, random=random.Random(seed + 1))
        self.policy = POLICIES[policy].from_config(options or {}, services)
        self.releases = Releases(self.clock, random.Random(seed + 2), self.counters, limit=10_000)
        self._events: list[Event] = []
        self._numbers = itertools.count()

    def at(self, seconds: float, happens: Callable[[], None]) -> None:
        heapq.heappush(self._events, Event(seconds, next(self._numbers), happens))

    def run(self) -> None:
        """Let everything happen, in order."""
        while self._events:
            event = heapq.heappop(self._events)
            self.clock.advance(max(0.0, event.seconds - self.clock.seconds()))
            event.happens()
        while waiting := self.clock.getDelayedCalls():
            self.clock.advance(min(call.getTime() for call in waiting) - self.clock.seconds())

    def ask(self, path: str, arrives: float, way: Way, then: Callable[[float], None]) -> None:
        """Have a request come; ``then`` is told when its 404 left.

        Hops take a little longer than they must, and sometimes a good deal.
        """
        stall = self.chance.expovariate(1 / 0.02) if self.chance.random() < 0.02 else 0.0
        took = way(self.chance) + self.chance.expovariate(1 / 0.001) + stall
        request, held = FakeRequest("GET", path), HeldResponse(_HEAD, self.releases)
        release_at = partial(self.policy.release_at, request, arrives)

        def leave() -> None:
            then(self.clock.seconds())

        self.at(arrives + took, lambda: held.wait(release_at, leave))

    def arrivals(self) -> Iterator[float]:
        """Times at which requests come, independent of each other."""
        seconds = self.clock.seconds()
        while True:
            seconds += self.chance.expovariate(REQUESTS_PER_SECOND)
            yield seconds

    def situation(self, title: str, slow: Way, fast: Way, names: int = 20) -> Situation:
        """Names of two classes, asked for in random order."""
        classes = [[f"/{side}{n}" for n in range(names)] for side in ("slow", "fast")]
        ways = {name: way for side, way in zip(classes, (slow, fast), strict=True) for name in side}
        targets = list(ways) * (self.samples // names)
        self.chance.shuffle(targets)
        answers: dict[str, list[float]] = {name: [] for name in ways}
        for arrives, name in zip(self.arrivals(), targets, strict=False):
            self.ask(name, arrives, ways[name], partial(self._note, answers[name], arrives))
        self.run()
        slow_answers, fast_answers = ([answers[name] for name in side] for side in classes)
        return Situation(title, slow_answers, fast_answers)

    def _note(self, answers: list[float], arrived: float, left: float) -> None:
        network = abs(self.chance.gauss(0.0005, 0.0002))
        answers.append(left - arrived + network)

    def pairs(self, title: str, slow: Way, fast: Way) -> Pairs:
        """Two requests at the same moment: which 404 leaves first?"""
        orders: list[list[str]] = [[] for _ in range(self.samples)]
        for arrives, order in zip(self.arrivals(), orders, strict=False):
            sides = [("slow", slow), ("fast", fast)]
            self.chance.shuffle(sides)
            for at, (side, way) in enumerate(sides):
                note = partial(self._note_order, order, side)
                self.ask(f"/{side}", arrives + at * 1e-5, way, note)
        self.run()
        return Pairs(title, [1.0 if order[0] == "fast" else -1.0 for order in orders])

    def _note_order(self, order: list[str], side: str, left: float) -> None:
        order.append(side)


_HEAD = ResponseHead(
    404, b"Not Found", 1, [], {}, 0, chunked=False, has_body=False, keep_alive=True
)

SITUATIONS: Sequence[tuple[str, Way, Way]] = (
    ("one name, hit", partial(hit, FAR), partial(hit, NEAR)),
    ("bounced, far/near", partial(bounced, FAR), partial(bounced, NEAR)),
    ("bounced, far/absent", partial(bounced, FAR), partial(bounced, None)),
    ("asked, far/near", partial(asked, FAR), partial(asked, NEAR)),
    ("asked, absent/near", partial(asked, None), partial(asked, NEAR)),
)


class TimingTests(SynchronousTestCase):
    """53: thousands of each class, alone and in groups."""

    def assert_alike(self, found: Situation) -> None:
        told_apart = [
            f"{found.title}: {name} of {comparison.repeats}: {comparison.aucs[name]:.3f}"
            for comparison in found.comparisons()
            for name in comparison.leaks
        ]
        self.assertEqual(told_apart, [])

    def test_i53_padded_404s_cannot_be_told_apart_at_a_bearable_price(self) -> None:
        for situation in SITUATIONS:
            attacked = Attacked("padded", SAMPLES)
            self.assert_alike(attacked.situation(*situation))
            added = attacked.counters.not_found_added
            self.assertLess(added.seconds / sum(added.counts), 0.3, situation)
            self.assertEqual(sum(added.counts), 2 * SAMPLES)

    def test_i53_without_a_delay_or_with_a_random_one_they_can(self) -> None:
        for policy in ("off", "random"):
            for situation in SITUATIONS:
                found = Attacked(policy, WEAK_SAMPLES).situation(*situation)
                self.assertTrue(any(one.leaks for one in found.comparisons()), policy)

    def test_i53_the_edge_betrays_a_random_delay_sooner_than_the_mean(self) -> None:
        attacked = Attacked("random", SAMPLES, {"max_seconds": 5})
        hundreds = attacked.situation(*SITUATIONS[0]).comparisons()[2]
        self.assertGreater(hundreds.aucs["min"], hundreds.aucs["mean"] + 0.05)

    def test_i53_the_order_of_two_says_nothing(self) -> None:
        for situation in SITUATIONS:
            pairs = Attacked("padded", WEAK_SAMPLES).pairs(*situation)
            self.assertFalse(pairs.leaks, (pairs.title, pairs.share))
        for policy in ("off", "random"):
            pairs = Attacked(policy, WEAK_SAMPLES).pairs(*SITUATIONS[0])
            self.assertTrue(pairs.leaks, pairs.share)

    def test_i53_a_pod_farther_away_than_anybody_said_is_learned(self) -> None:
        """It can be seen for ten seconds, and then no more."""
        attacked = Attacked("padded", WEAK_SAMPLES)
        far: Way = partial(hit, 0.3)
        for second in range(11):
            attacked.ask("/far", float(second), far, lambda left: None)
        attacked.run()
        self.assert_alike(attacked.situation("far", far, partial(hit, NEAR)))


class WholeRouterTests(RouterTestCase):
    """53: the same through the whole router."""

    def test_i53_near_and_far_404s_of_one_moment_leave_at_one_moment(self) -> None:
        world = self.make_world("pod_a", "pod_b", not_found={"delay": "padded"})
        near, far = world.client(), world.client()
        near.say(get("/near"))
        far.say(get("/far"))
        for pod in ("pod_a", "pod_b"):
            world.reactor.pass_time(0.05)
            world.pods[pod].say(response(404, b"no"))
        world.reactor.pass_time(0.14)
        self.assertEqual((near.received, far.received), (b"", b""))
        world.reactor.pass_time(0.02)
        for client in (near, far):
            self.assertEqual(client.take().status, 404)
            client.leave()
