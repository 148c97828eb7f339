"""The line between the supervisor and a worker: JSON messages, and descriptors of open sockets.

The supervisor asks, the worker answers under the same number.  The line is a pair of UNIX sockets
without a name, so nobody else can speak on it; when it breaks, the other side is gone.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

from twisted.internet import unix
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IFileDescriptorReceiver
from twisted.internet.protocol import connectionDone
from twisted.protocols.basic import Int32StringReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

#: A message is at most so long: a configuration file, or the numbers of all pods.
MESSAGE_BYTES = 64 * 2**20
Message = dict[str, Any]


@implementer(IFileDescriptorReceiver)
class Line(Int32StringReceiver):
    """One end.

    :param heard: called with each message that is no answer, and the descriptors that came with
        it, which are the callee's to close.
    :param lost: called when the line is broken.
    """

    MAX_LENGTH = MESSAGE_BYTES
    transport: unix.Server

    def __init__(
        self, heard: Callable[[Message, list[int]], None], lost: Callable[[], None]
    ) -> None:
        self._heard = heard
        self._lost = lost
        self._numbers = count(1)
        self._asked: dict[int, Deferred[Message]] = {}
        self._descriptors: list[int] = []
        self._is_lost = False

    def say(self, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
        """Send this, if anybody is there; the descriptors must stay open until it has arrived."""
        if self._is_lost:
            return
        for descriptor in descriptors:
            self.transport.sendFileDescriptor(descriptor)
        told = {**message, "descriptors": len(descriptors)}
        self.sendString(json.dumps(told).encode("utf-8"))  # type: ignore[no-untyped-call]

    def ask(self, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> Deferred[Message]:
        """Send this; fires with the answer, or fails with ``ConnectionLost``."""
        answer: Deferred[Message] = Deferred()
        if self._is_lost:
            answer.errback(ConnectionLost())
            return answer
        number = next(self._numbers)
        self._asked[number] = answer
        self.say({**message, "number": number}, descriptors)
        return answer

    def answer(self, question: Message, message: Mapping[str, Any]) -> None:
        """Answer a message that was asked."""
        self.say({**message, "answers": question["number"]})

    def hang_up(self) -> None:
        """Break the line once everything is said."""
        self.transport.loseConnection()

    # -- what Twisted calls ----------------------------------------------------

    def fileDescriptorReceived(self, descriptor: int) -> None:
        self._descriptors.append(descriptor)

    def stringReceived(self, data: bytes) -> None:
        message: Message = json.loads(data)
        number = message.pop("descriptors")
        descriptors, self._descriptors = self._descriptors[:number], self._descriptors[number:]
        if "answers" not in message:
            self._heard(message, descriptors)
        elif (asked := self._asked.pop(message["answers"], None)) is not None:
            asked.callback(message)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._is_lost = True
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors = []
        asked, self._asked = self._asked, {}
        for answer in asked.values():
            answer.errback(reason)
        self._lost()


def connect(line: Line, descriptor: int, reactor: Any) -> None:
    """Use this socket as one end.

    Twisted's own transport can send descriptors; those of other reactors may not.

    :param descriptor: stays open, and is the caller's to close.
    """
    end = socket.socket(fileno=os.dup(descriptor))
    end.setblocking(False)
    transport = unix.Server(end, line, end.getpeername(), None, 0, reactor)
    line.makeConnection(transport)  # type: ignore[no-untyped-call]
