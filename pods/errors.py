"""What can go wrong, as classes with fields and a sentence that says the remedy.

Two families matter to authors of plugins:

* :class:`ConfigurationError` is raised while starting, before a socket is open.
* :class:`Refusal` and its children end *one* request.  Each knows the status
  that the client gets (contract, section 5); a strategy may raise any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs


class PodsError(Exception):
    """Everything that this package raises on purpose."""


# -- while starting ----------------------------------------------------------


@attrs.frozen
class Fault:
    """One thing that is wrong in a configuration file."""

    key: str  #: dotted path of the key, such as ``pods.pod_eu0.url``; ``""`` for the whole file
    problem: str  #: what is wrong
    allowed: str = ""  #: what would be right; ``""`` if the problem already says it
    file: str = ""  #: the file; filled in by whoever knows it

    def __str__(self) -> str:
        where = ": ".join(part for part in (self.file, self.key) if part)
        allowed = f"; allowed: {self.allowed}" if self.allowed else ""
        return f"{where}: {self.problem}{allowed}" if where else f"{self.problem}{allowed}"


class ConfigurationError(PodsError):
    """The configuration cannot be used.

    :param faults: every fault found, not only the first; a plain sentence is
        taken as one fault of the whole file.
    """

    def __init__(self, *faults: Fault | str) -> None:
        self.faults: tuple[Fault, ...] = tuple(
            fault if isinstance(fault, Fault) else Fault(key="", problem=fault) for fault in faults
        )
        super().__init__("\n".join(map(str, self.faults)))

    def in_file(self, file: str, under: str = "") -> ConfigurationError:
        """The same faults, said to be in ``file`` and, if given, below the key ``under``."""

        def placed(fault: Fault) -> Fault:
            key = ".".join(part for part in (under, fault.key) if part)
            return attrs.evolve(fault, file=fault.file or file, key=key)

        return ConfigurationError(*map(placed, self.faults))


class PluginError(ConfigurationError):
    """A plugin that the configuration names is unknown, broken or there twice."""


# -- during one request ------------------------------------------------------

_ALLOW = ((b"Allow", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),)


class Refusal(PodsError):
    """This request ends with a response made by the router; but for one, an error.

    :param detail: one sentence for the client.  It names no pod and no version.
    :param reason: the same for the log, where it may name pods.
    """

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal Server Error"
    retry_after_seconds: ClassVar[int | None] = None
    closes: ClassVar[bool] = False  #: nothing more can be read from this client
    headers: Sequence[tuple[bytes, bytes]] = ()

    def __init__(self, detail: str, reason: str = "") -> None:
        super().__init__(reason or detail)
        self.detail = detail
        self.reason = reason or detail


class BadRequest(Refusal):
    """Malformed or ambiguous HTTP: nothing of it reaches a pod."""

    status, title, closes = 400, "Bad Request", True


class LastHop(Refusal):
    """An OPTIONS whose ``Max-Forwards`` is 0 is answered by the router: it goes no further."""

    status, title, closes = 200, "OK", True
    headers = _ALLOW


class NotFound(Refusal):
    """The router itself keeps this path closed (the learn endpoint)."""

    status, title = 404, "Not Found"


class MethodNotAllowed(Refusal):
    """CONNECT and TRACE are not relayed."""

    status, title, closes = 405, "Method Not Allowed", True
    headers = _ALLOW


class RequestTimeout(Refusal):
    """The client was too slow with its head or its body."""

    status, title, closes = 408, "Request Timeout", True


class ContentTooLarge(Refusal):
    """The body is over ``limits.body_bytes``."""

    status, title, closes = 413, "Content Too Large", True


class UriTooLong(Refusal):
    """The target is over ``limits.url_bytes``."""

    status, title, closes = 414, "URI Too Long", True


class ExpectationFailed(Refusal):
    """An expectation other than ``100-continue`` (RFC 9110, section 10.1.1)."""

    status, title, closes = 417, "Expectation Failed", True


class HeadersTooLarge(Refusal):
    """Over ``limits.header_bytes`` or ``limits.header_count``."""

    status, title, closes = 431, "Request Header Fields Too Large", True


class StrategyFailed(Refusal):
    """A strategy raised something that is not a :class:`Refusal`, or answered nonsense."""


class MethodUnknown(Refusal):
    """A method that the parser does not know."""

    status, title, closes = 501, "Not Implemented", True


class BadGateway(Refusal):
    """The pods' side cannot answer: no connection, or no HTTP."""

    status, title = 502, "Bad Gateway"


class ConnectionLost(BadGateway):
    """The connection to the pod ended before any of its answer came."""


class NoConnection(BadGateway):
    """No connection to any allowed pod."""


class UnknownPod(BadGateway):
    """A pod or a strategy named a pod that is not configured."""


class PodAlreadyTried(BadGateway):
    """A bounce to a pod that this request has been at: a loop."""


class TooManyBounces(BadGateway):
    """More bounces than the strategy allows."""


class UnreadableRedirect(BadGateway):
    """The redirect header is there and cannot be read."""


class BadResponse(BadGateway):
    """What the pod sent is not well-formed HTTP, or over a limit."""


class Unavailable(Refusal):
    """Not now; the same request may succeed soon."""

    status, title, retry_after_seconds = 503, "Service Unavailable", 1


class NobodyKnows(Unavailable):
    """No pod could say where this belongs (every learn failed).  Never a 404."""

    retry_after_seconds = 2


class NotReplayable(Unavailable):
    """Bounced after the body was no longer held; the route is corrected."""


class AtLimit(Unavailable):
    """The router is at one of its limits, or shutting down."""


class GatewayTimeout(Refusal):
    """The pod was silent past ``timeouts.response_head``."""

    status, title = 504, "Gateway Timeout"


class LoopDetected(Refusal):
    """The request has passed too many routers of this kind (``Via``): they send it in a circle."""

    status, title, closes = 508, "Loop Detected", True


# -- asking a pod ------------------------------------------------------------


class AskFailed(PodsError):
    """``services.ask`` got no usable answer: no connection, too slow, too long, no HTTP."""


class AskTimeout(AskFailed):
    """The answer did not come in time."""


class NotAsked(AskFailed):
    """The router is at one of its own limits: that says nothing about the pod."""


class ProtocolError(PodsError, ValueError):
    """A ``X-Gitlab-Pod-*`` header or a learn answer cannot be read."""
