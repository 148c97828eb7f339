"""Replicas are copied again and again while a pod runs; what fails is said once."""

from __future__ import annotations

import os
from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from pods.reference.replication import Replication
from tests.test_reference_databases_replicas import ReplicaTestCase


class ReplicationTests(ReplicaTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.reactor = Clock()
        self.held: Deferred[None] | None = None

    def in_thread(self, function: Callable[[], None]) -> Deferred[None]:
        done = Deferred[None]()
        (self.held or succeed(None)).addCallback(lambda _: function()).chainDeferred(done)
        return done

    def start(self) -> Replication:
        replication = Replication(self.databases.replicas(), self.reactor, self.in_thread)
        replication.start()
        return replication

    def stop(self, replication: Replication) -> Deferred[None]:
        return Deferred.fromCoroutine(replication.stop())

    def test_each_second_by_default(self) -> None:
        replication = self.start()
        self.say(self.databases.view(), "new")
        self.reactor.advance(0.9)
        self.assertIsNone(self.heard(self.databases.view()))
        self.reactor.advance(0.1)
        self.assertEqual(self.heard(self.databases.view()), "new")
        self.say(self.databases.view(), "newer")
        self.reactor.advance(1)
        self.assertEqual(self.heard(self.databases.view()), "newer")
        self.successResultOf(self.stop(replication))

    def test_until_it_is_stopped(self) -> None:
        self.successResultOf(self.stop(self.start()))
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_a_copy_that_is_being_made_is_finished_first(self) -> None:
        replication = self.start()
        self.held = Deferred()
        held = self.held
        self.reactor.advance(1)
        stopping = self.stop(replication)
        self.assertNoResult(stopping)
        held.callback(None)
        self.successResultOf(stopping)

    def test_a_copy_that_fails_is_said_once_and_tried_again(self) -> None:
        replication = self.start()
        path = os.path.join(self.folder, "shared", "admin.eu.sqlite.lock")
        os.remove(path)
        os.mkdir(path)
        self.say(self.databases.view(), "new")
        self.clock.advance(2)
        with capturedLogs() as events:
            for _ in range(3):
                self.reactor.advance(1)
        (said,) = events
        self.assertEqual(said["name"], "admin")
        self.assertIn("Is a directory", str(said["error"]))
        self.assertEqual(self.databases.lag_seconds()["admin"], 2)
        os.rmdir(path)
        self.reactor.advance(1)
        self.assertEqual(self.heard(self.databases.view()), "new")
        self.successResultOf(self.stop(replication))
