"""``pods.testing.peers``: what scripts do, and what is recorded of it."""

from __future__ import annotations

import socket
from threading import Event

import attrs
from twisted.trial.unittest import SynchronousTestCase

from pods.testing.peers import (
    Await,
    Close,
    Delay,
    Ending,
    HalfClose,
    Hang,
    Peer,
    ReadBytes,
    ReadHead,
    ReadToEnd,
    ReadUntil,
    Reset,
    ScriptedClient,
    ScriptedPod,
    Send,
    Step,
    Tell,
)

HEAD = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"


class PeersTestCase(SynchronousTestCase):
    def pod(self, *otherwise: Step, timeout_seconds: float = 10) -> ScriptedPod:
        pod = ScriptedPod(*otherwise, timeout_seconds=timeout_seconds)
        self.addCleanup(pod.stop)
        return pod

    def talk(self, pod: ScriptedPod, *steps: Step) -> tuple[Peer, Peer]:
        """What the client and the pod have recorded in the end."""
        with ScriptedClient(pod.address, *steps) as client:
            seen = client.wait()
        return seen, pod.peers[-1].wait()


class StepTests(PeersTestCase):
    """What each step does, seen from the other side."""

    def test_bytes_go_both_ways(self) -> None:
        pod = self.pod(ReadHead(), ReadBytes(3), Send(b"one;two"), Close())
        client, served = self.talk(
            pod, Send(HEAD), Delay(0), Send(b"abc"), ReadUntil(b";"), ReadUntil(b"two"), ReadToEnd()
        )
        self.assertEqual((served.received, served.failure), (HEAD + b"abc", None))
        self.assertEqual((client.received, client.failure), (b"one;two", None))
        self.assertIs(client.ending, Ending.ENDED)

    def test_half_close(self) -> None:
        pod = self.pod(ReadToEnd(), Send(b"still here"))
        client, served = self.talk(pod, Send(b"all"), HalfClose(), ReadToEnd())
        self.assertEqual((served.received, client.received), (b"all", b"still here"))

    def test_reset(self) -> None:
        client, _ = self.talk(self.pod(ReadHead(), Reset()), Send(HEAD), ReadToEnd())
        self.assertIs(client.ending, Ending.RESET)

    def test_choreography(self) -> None:
        """One side waits for the other by an event."""
        there = Event()
        pod = self.pod(ReadHead(), Tell(there), ReadToEnd())
        _, served = self.talk(pod, Send(HEAD), Await(there), Send(b"more"), Close())
        self.assertEqual(served.received, HEAD + b"more")

    def test_a_step_of_ones_own(self) -> None:
        @attrs.frozen
        class Shout:
            def perform(self, peer: Peer) -> None:
                peer.send(peer.received.upper())

        client, _ = self.talk(self.pod(ReadUntil(b"."), Shout()), Send(b"ho."), ReadToEnd())
        self.assertEqual(client.received, b"HO.")


class FailureTests(PeersTestCase):
    """A script that cannot be played says why."""

    def test_the_other_side_ends_too_early(self) -> None:
        client, _ = self.talk(self.pod(Send(b"HTTP/1.1")), ReadHead())
        self.assertEqual(client.received, b"HTTP/1.1")
        self.assertIn("ReadHead", str(client.failure))
        self.assertIn("ended", str(client.failure))

    def test_nothing_comes(self) -> None:
        pod = self.pod(ReadHead(), timeout_seconds=0.05)
        _, served = self.talk(pod, ReadToEnd())
        self.assertIn("nothing came for 0.05 s", str(served.failure))

    def test_nobody_sets_the_event(self) -> None:
        pod = self.pod(Await(Event()), timeout_seconds=0.05)
        _, served = self.talk(pod, ReadToEnd())
        self.assertIn("nobody set the event", str(served.failure))

    def test_a_step_after_the_end(self) -> None:
        _, served = self.talk(self.pod(Close(), Send(b"late")), ReadToEnd())
        self.assertIn("Send(data=b'late')", str(served.failure))


class PodTests(PeersTestCase):
    """``ScriptedPod``"""

    def test_scripts_are_played_in_turn(self) -> None:
        pod = self.pod(Send(b"other"))
        pod.play(Send(b"first"))
        pod.play(Send(b"second"))
        answers = [self.talk(pod, ReadToEnd())[0].received for _ in range(3)]
        self.assertEqual(answers, [b"first", b"second", b"other"])
        self.assertEqual(len(pod.peers), 3)

    def test_forget(self) -> None:
        pod = self.pod(Send(b"other"))
        pod.play(Send(b"first"))
        pod.forget()
        self.assertEqual(self.talk(pod, ReadToEnd())[0].received, b"other")

    def test_stop_ends_a_hanging_connection(self) -> None:
        pod = self.pod(ReadHead(), Hang())
        with ScriptedClient(pod.address, Send(HEAD), ReadToEnd()) as client:
            while not (pod.peers and pod.peers[0].received):
                Event().wait(0.01)
            pod.stop()
            self.assertIsNot(client.wait().ending, Ending.OPEN)
        with self.assertRaises(OSError):
            socket.create_connection(pod.address)
