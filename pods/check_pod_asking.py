"""Questions to an application as a router asks them."""

from __future__ import annotations

import attrs

from pods.check_pod_wire import Address, Answer, Conversation, request_head
from pods.protocol import HeaderNames, learn_target

#: Of a request whose body is held back: small, as a server that insists on it gets it after all.
BODY = b" " * 16


@attrs.frozen
class Asking:
    """Sends requests, each on a connection of its own.

    :param timeout_seconds: for each answer.
    """

    address: Address
    names: HeaderNames
    timeout_seconds: float

    def get(self, target: str, method: str = "GET") -> Answer:
        """The head of the answer.

        :raises NoAnswer: there is none that can be read.
        """
        with self.conversation() as conversation:
            conversation.send(self.wire(method, target))
            return conversation.head()

    def whole(self, target: str) -> Answer:
        """The answer to GET with its body, which must end.

        :raises NoAnswer: as above.
        """
        with self.conversation() as conversation:
            conversation.send(self.wire("GET", target))
            return conversation.with_body(conversation.head())

    def learn(self, path: str) -> Answer:
        """What the application says whose a path is.

        :raises NoAnswer: as above.
        """
        return self.plain(learn_target("GET", path))

    def plain(self, target: str) -> Answer:
        """The whole answer to a question of the router's own.

        :raises NoAnswer: as above.
        """
        fields = (("Host", self.address.authority), ("User-Agent", "pods-router"))
        with self.conversation() as conversation:
            conversation.send(request_head("GET", target, (*fields, ("Connection", "close"))))
            return conversation.with_body(conversation.head())

    def conversation(self) -> Conversation:
        """A new connection.

        :raises NoAnswer: there is none.
        """
        return Conversation(self.address, self.timeout_seconds)

    def wire(self, method: str, target: str, *fields: tuple[str, str]) -> bytes:
        """The head of a client's request that the router sends on."""
        return request_head(
            method,
            target,
            (
                ("Host", self.address.authority),
                ("User-Agent", "pods-check-pod"),
                ("Accept", "*/*"),
                ("X-Forwarded-For", "192.0.2.1"),
                ("X-Forwarded-Proto", "http"),
                ("Via", "1.1 pods-check-pod"),
                ("X-Request-Id", "pods-check-pod"),
                (self.names.route, "strategy"),
                (self.names.attempt, "1"),
                ("Connection", "close"),
                *fields,
            ),
        )

    def upload(self, target: str, *fields: tuple[str, str]) -> bytes:
        """The head of a request with a body that is yet to come."""
        kind = ("Content-Type", "application/octet-stream")
        return self.wire("POST", target, kind, ("Content-Length", str(len(BODY))), *fields)
