"""Whether a string describes a Twisted endpoint, found out without a reactor.

The kinds that Twisted itself brings are built, with no reactor behind them, and
dropped again: building opens no socket, but finds missing arguments and missing
key files.  Of other kinds only the name is checked, because a plugin may do
anything when it builds.  So it is with ``systemd:``, whose sockets are only there
when systemd starts the router.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.interfaces import (
    IStreamClientEndpointStringParserWithReactor,
    IStreamServerEndpointStringParser,
)
from twisted.plugin import getPlugins

from pods.config.checks import text
from pods.config.reading import Check, Source
from pods.wording import listed, nearest

_PORT = re.compile(r"(?<!\\):(?:port=)?([0-9]+)(?=:|$)")
_SERVERS = ("tcp", "tcp6", "unix", "ssl")  # those that may be built
_CLIENTS = ("tcp", "unix", "ssl", "tls")


def _endpoint(
    built: tuple[str, ...], build: Callable[[Any, str], Any], others: Any, allowed: str
) -> Check:
    def convert(value: Any, source: Source) -> str:
        kind = text(value).partition(":")[0]
        if kind in built:
            _try(build, value)
        else:
            _must_be_one_of(kind, {*built, *(plugin.prefix for plugin in getPlugins(others))})
        return text(value)

    return Check(allowed, convert)


def _try(build: Callable[[Any, str], Any], description: str) -> None:
    if any(int(port) > 65_535 for port in _PORT.findall(description)):
        raise ValueError("no such port")
    try:
        build(None, description)
    except Exception as error:  # Twisted lets through whatever its parts raise
        raise ValueError(_said(error)) from error


def _said(error: Exception) -> str:
    if isinstance(error, TypeError):  # names Twisted's own functions
        return "an argument is missing, unknown or too much"
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__


def _must_be_one_of(kind: str, kinds: set[str]) -> None:
    if kind not in kinds:
        known = sorted(kinds)
        raise ValueError(f"no such kind{nearest(kind, known)} of {listed(known)}")


server = _endpoint(
    _SERVERS,
    serverFromString,
    IStreamServerEndpointStringParser,
    "a Twisted server endpoint such as tcp:8080:interface=127.0.0.1",
)
client = _endpoint(
    _CLIENTS,
    clientFromString,
    IStreamClientEndpointStringParserWithReactor,
    "a Twisted client endpoint such as unix:/run/app.sock",
)
