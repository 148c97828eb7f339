"""The state of pods: what takes one out, what brings it back, and what is said about it."""

from __future__ import annotations

import enum
from contextlib import ExitStack
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from pods.health import (
    LONGEST_RETRY_SECONDS,
    REASON_LIMIT,
    Cause,
    HealthWatch,
    PodObserver,
    Watched,
)

REFUSED = "ConnectionRefusedError: refused"


class HealthTestCase(SynchronousTestCase):
    """A watch over two pods, with everything it says."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.changes: list[tuple[str, bool]] = []
        self.reconnects: list[str] = []
        self.health = HealthWatch(self.clock)
        self.watch("pod_a", "pod_b")
        self.changes.clear()
        stack = ExitStack()
        self.addCleanup(stack.close)
        self.events = stack.enter_context(capturedLogs())

    def watch(self, *names: str, kept: tuple[str, ...] = (), **more: Any) -> None:
        settings: dict[str, Any] = {
            "changed": lambda name, is_healthy: self.changes.append((name, is_healthy)),
            "reconnect": self.reconnects.append,
            "has_checks": True,
        }
        self.health.watch(Watched(names, **(settings | more)), kept)

    def logged(self) -> list[tuple[Any, str, str]]:
        """Level, pod and reason of each line."""
        ours = [event for event in self.events if event["log_namespace"].startswith("pods.health")]
        return [(event["log_level"], event["pod"], event.get("reason", "")) for event in ours]

    def reason(self, name: str = "pod_a") -> str:
        return self.health.states[name].reason


class ConnectionTests(HealthTestCase):
    """Passive: a pod that cannot be connected to."""

    def test_one_failure_takes_it_out_and_one_connection_brings_it_back(self) -> None:
        self.health.refused("pod_a", REFUSED)
        self.assertEqual(self.changes, [("pod_a", False)])
        self.assertEqual(self.reason(), REFUSED)
        self.assertTrue(self.health.states["pod_b"].is_healthy)
        self.clock.advance(5)
        self.health.connected("pod_a")
        self.assertEqual(self.changes, [("pod_a", False), ("pod_a", True)])
        self.assertEqual((self.reason(), self.health.states["pod_a"].since), ("", 1005))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_it_is_tried_again_after_longer_and_longer(self) -> None:
        self.health.refused("pod_a", REFUSED)
        tried_at = []
        for second in range(200):
            self.clock.advance(1)
            tried_at += [second + 1] * len(self.reconnects)
            for name in self.reconnects:
                self.health.refused(name, REFUSED)
            self.reconnects.clear()
        self.assertEqual(tried_at, [1, 3, 7, 15, 31, 63, 123, 183])
        self.assertEqual(LONGEST_RETRY_SECONDS, 60)

    def test_time_alone_does_not_bring_it_back(self) -> None:
        self.health.refused("pod_a", REFUSED)
        self.clock.pump([60] * 100)
        self.assertFalse(self.health.states["pod_a"].is_healthy)
        self.assertEqual(self.changes, [("pod_a", False)])

    def test_a_try_that_hangs_is_followed_by_another(self) -> None:
        self.health.refused("pod_a", REFUSED)
        self.clock.pump([1, 2, 4])
        self.assertEqual(self.reconnects, ["pod_a"] * 3)

    def test_many_failures_at_once_are_one_outage(self) -> None:
        for number in range(1000):
            self.health.refused("pod_a", f"failure {number}")
        self.assertEqual(self.reason(), "failure 999")
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.assertEqual(self.health.states["pod_a"].outages, {Cause.CONNECTIONS: 1})
        self.clock.advance(1)
        self.assertEqual(self.reconnects, ["pod_a"])

    def test_after_a_connection_patience_begins_anew(self) -> None:
        for _ in range(2):
            self.health.refused("pod_a", REFUSED)
            self.clock.pump([1, 2])
            self.assertEqual(self.reconnects, ["pod_a", "pod_a"])
            self.reconnects.clear()
            self.health.connected("pod_a")
        self.assertEqual(self.health.states["pod_a"].outages, {Cause.CONNECTIONS: 2})

    def test_a_try_that_is_answered_at_once(self) -> None:
        observer = PodObserver(self.health, "pod_a")
        self.watch("pod_a", reconnect=lambda name: observer.could_not_dial(REFUSED))
        observer.could_not_dial(REFUSED)
        self.clock.pump([1, 2])
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.watch("pod_a", kept=("pod_a",), reconnect=lambda name: observer.dialed())
        self.clock.advance(4)
        self.assertTrue(self.health.states["pod_a"].is_healthy)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopping_leaves_nothing_with_the_clock(self) -> None:
        self.health.refused("pod_a", REFUSED)
        self.health.refused("pod_b", REFUSED)
        self.health.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class CheckTests(HealthTestCase):
    """Active: thresholds."""

    def check(self, *failures: str | None) -> list[bool]:
        """Whether the pod was in after each of these checks."""
        healthy = []
        for failure in failures:
            self.health.checked("pod_a", failure)
            healthy.append(self.health.states["pod_a"].is_healthy)
        return healthy

    def test_so_many_failures_in_a_row(self) -> None:
        self.assertEqual(self.check("1", "2"), [True, True])
        self.assertEqual(self.check(None, "1", "2"), [True] * 3, "not in a row")
        self.assertEqual(self.check("status 503"), [False])
        self.assertEqual(self.reason(), "status 503")

    def test_so_many_successes_in_a_row(self) -> None:
        self.check("1", "2", "3")
        self.assertEqual(self.check(None, "4", None), [False] * 3)
        self.assertEqual(self.reason(), "4", "a success alone changes nothing")
        self.assertEqual(self.check(None), [True])
        self.assertEqual(self.changes, [("pod_a", False), ("pod_a", True)])

    def test_both_causes(self) -> None:
        """It is in again when neither keeps it out any more."""
        for first in Cause:
            self.check("no", "no", "no")
            self.health.refused("pod_a", REFUSED)
            self.assertEqual(self.reason(), f"no; {REFUSED}")
            if first is Cause.CHECKS:
                self.check(None, None)
                self.assertEqual(self.reason(), REFUSED)
                self.health.connected("pod_a")
            else:
                self.health.connected("pod_a")
                self.assertEqual(self.reason(), "no")
                self.check(None, None)
            self.assertTrue(self.health.states["pod_a"].is_healthy)
        self.assertEqual(self.changes, [("pod_a", False), ("pod_a", True)] * 2)
        self.assertEqual(
            self.health.states["pod_a"].outages, {Cause.CHECKS: 2, Cause.CONNECTIONS: 2}
        )

    def test_the_same_reason_twice_is_told_once(self) -> None:
        self.health.refused("pod_a", REFUSED)
        self.check(REFUSED, REFUSED, REFUSED)
        self.assertEqual(self.reason(), REFUSED)


class LogTests(HealthTestCase):
    """One line when a pod goes out and one when it comes back."""

    def test_each_change_once(self) -> None:
        for _ in range(5):
            self.health.refused("pod_a", REFUSED)
            self.health.checked("pod_a", "status 500")
            self.clock.advance(1)
        self.assertEqual(self.logged(), [(LogLevel.warn, "pod_a", REFUSED)])
        for _ in range(5):
            self.health.connected("pod_a")
            self.health.checked("pod_a", None)
        self.assertEqual(self.logged()[1:], [(LogLevel.info, "pod_a", "")])

    def test_j54_a_reason_is_one_line_without_control_characters(self) -> None:
        self.health.refused("pod_a", "one\r\ntwo\x1b[31m\x00 \u2028\u00e9")
        self.assertEqual(self.reason(), r"one\r\ntwo\x1b[31m\x00 \u2028\xe9")
        self.assertEqual(self.logged(), [(LogLevel.warn, "pod_a", self.reason())])

    def test_j54_a_reason_is_not_long(self) -> None:
        self.health.refused("pod_a", "x" * 100_000)
        self.assertEqual(len(self.reason()), REASON_LIMIT)


class WatchTests(HealthTestCase):
    """Another configuration."""

    def test_what_is_kept(self) -> None:
        for name in ("pod_a", "pod_b"):
            self.health.refused(name, REFUSED)
        self.changes.clear()
        self.watch("pod_a", "pod_b", "pod_c", kept=("pod_a", "pod_x"))
        self.assertEqual(self.changes, [("pod_a", False), ("pod_b", True), ("pod_c", True)])
        self.clock.advance(1)
        self.assertEqual(self.reconnects, ["pod_a"])
        self.health.stop()

    def test_what_is_gone_is_not_tried_again(self) -> None:
        self.health.refused("pod_a", REFUSED)
        self.watch("pod_b", kept=("pod_a", "pod_b"))
        self.assertEqual(list(self.health.states), ["pod_b"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_without_checks_none_can_keep_a_pod_out(self) -> None:
        for _ in range(3):
            self.health.checked("pod_a", "no")
        self.watch("pod_a", kept=("pod_a",), has_checks=False)
        self.assertTrue(self.health.states["pod_a"].is_healthy)
        self.assertEqual(self.changes[-1], ("pod_a", True))

    def test_other_thresholds(self) -> None:
        self.watch("pod_a", unhealthy_after=1, healthy_after=1)
        self.changes.clear()
        for failure in ("no", None):
            self.health.checked("pod_a", failure)
        self.assertEqual(self.changes, [("pod_a", False), ("pod_a", True)])


class Happening(enum.Enum):
    CONNECTED = enum.auto()
    REFUSED = enum.auto()
    PASSED = enum.auto()
    FAILED = enum.auto()
    SECOND = enum.auto()


class LawTests(SynchronousTestCase):
    """Whatever happens, in whichever order."""

    @given(st.lists(st.sampled_from(Happening), max_size=60))
    def test_laws(self, happenings: list[Happening]) -> None:
        clock = Clock()
        changes: list[bool] = []
        health = HealthWatch(clock)
        health.watch(
            Watched(("pod",), lambda name, healthy: changes.append(healthy), has_checks=True)
        )
        for happening in happenings:
            if happening is Happening.CONNECTED:
                health.connected("pod")
            elif happening is Happening.REFUSED:
                health.refused("pod", "refused")
            elif happening is Happening.SECOND:
                clock.advance(1)
            else:
                health.checked("pod", None if happening is Happening.PASSED else "failed")
            state = health.states["pod"]
            self.assertEqual(changes[-1], state.is_healthy, "what was told is what holds")
            self.assertEqual(state.is_healthy, state.reason == "")
            is_tried = len(clock.getDelayedCalls()) == 1
            self.assertEqual(is_tried, Cause.CONNECTIONS in state.reasons)
        self.assertEqual(changes, [True, False] * (len(changes) // 2) + [True] * (len(changes) % 2))
        health.connected("pod")
        self.assertEqual(clock.getDelayedCalls(), [])
