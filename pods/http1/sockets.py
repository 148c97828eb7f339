"""Small things about transports that Twisted leaves to the caller."""

from __future__ import annotations

from contextlib import suppress
from typing import Any


def send_without_delay(transport: Any) -> None:
    """Switch Nagle's algorithm off where there is one: not on a UNIX socket."""
    with suppress(AttributeError, OSError):
        transport.setTcpNoDelay(True)
