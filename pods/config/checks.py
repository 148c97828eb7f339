"""What may stand under a key: one small reader for each kind of value.

Each says in words what it allows; the same words stand in faults and in the
reference of the configuration.
"""

from __future__ import annotations

import ipaddress
import os
import re
from typing import Any

import attrs

from pods.config.reading import Check, Place, Source
from pods.errors import PluginError
from pods.interfaces import IDelayPolicyFactory, IRoutingStrategyFactory
from pods.plugins import find
from pods.protocol import is_pod_name
from pods.wording import listed, nearest, shown

_URL = re.compile(r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?/?")
#: Header names that a prefix must leave alone: what HTTP, and the router itself, need.
_KEPT_HEADERS = (
    *("accept-encoding", "access-control-", "cache-control", "content-type", "if-match"),
    *("keep-alive", "last-modified", "proxy-connection", "sec-websocket-key", "set-cookie"),
    *("strict-transport-security", "transfer-encoding", "user-agent", "www-authenticate"),
    *("x-forwarded-for", "x-real-ip", "x-request-id"),
)


def whole(least: int, most: int) -> Check:
    """A whole number within bounds."""

    def convert(value: Any, source: Source) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError
        return value

    return Check(f"a whole number, {least:_} to {most:_}", convert)


def seconds(least: float, most: int) -> Check:
    """A time within bounds; fractions are fine."""

    def convert(value: Any, source: Source) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError
        if not least <= value <= most:  # so is nan
            raise ValueError
        return value

    return Check(f"a number of seconds, {least:_} to {most:_}", convert)


def _flag(value: Any, source: Source) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def text(value: Any) -> str:
    """The value, if it is a string.

    :raises ValueError: it is something else.
    """
    if not isinstance(value, str):
        raise ValueError
    return value


def matching(pattern: str, allowed: str) -> Check:
    """A string that matches a regular expression as a whole."""
    compiled = re.compile(pattern)

    def convert(value: Any, source: Source) -> str:
        if not compiled.fullmatch(text(value)):
            raise ValueError
        return text(value)

    return Check(allowed, convert)


def one_of(*words: str) -> Check:
    """One of a few words."""

    def convert(value: Any, source: Source) -> str:
        if text(value) not in words:
            raise ValueError(nearest(value, words).strip(", "))
        return text(value)

    return Check(listed(words), convert)


def path(allowed: str, *kept: str) -> Check:
    """A file or folder, made absolute: after twistd's chdir it would mean another.

    :param kept: words that are no paths and stay as they are.
    """

    def convert(value: Any, source: Source) -> str:
        if text(value) in kept:
            return text(value)
        if not value or "\0" in value:
            raise ValueError
        return os.path.normpath(os.path.join(source.base_dir, value))

    return Check(allowed, convert)


def _url(value: Any, source: Source) -> str:
    match = _URL.fullmatch(text(value))
    if match is None:
        raise ValueError
    host, port = match.groups()
    if host.startswith("["):
        ipaddress.IPv6Address(host[1:-1])
    if port is not None and not 1 <= int(port) <= 65_535:
        raise ValueError("no such port")
    return text(value).removesuffix("/")


def _network(value: Any, source: Source) -> str:
    return "unix:" if value == "unix:" else str(ipaddress.ip_network(text(value)))


def _header_prefix(value: Any, source: Source) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,62}-", text(value)):
        raise ValueError
    caught = [name for name in _KEPT_HEADERS if name.startswith(value.lower())]
    if caught:
        raise ValueError(f"this would also remove {listed(caught)}")
    return text(value)


def _pod_of_this_file(value: Any, source: Source) -> str:
    if text(value) not in source.pod_names:
        raise ValueError(f"no such pod{nearest(value, sorted(source.pod_names))}")
    return text(value)


@attrs.frozen
class PluginName:
    """Reads the name of an installed plugin.

    :param interface: what its factory provides.
    """

    interface: Any
    allowed: str = "the name of an installed plugin"

    def read(self, value: Any, place: Place) -> str | None:
        if not isinstance(value, str):
            place.fault(f"is {shown(value)}", self.allowed)
            return None
        try:
            find(self.interface, value)
        except PluginError as error:
            place.faults.extend(error.in_file("", under=place.key).faults)
            return None
        return value


def _name(value: Any, source: Source) -> str:
    if not is_pod_name(text(value)):
        raise ValueError
    return text(value)


flag = Check("true or false", _flag)
name = Check("1 to 63 letters, digits, _, ., -", _name)
url = Check("a URL of http or https, a host, perhaps a port, and nothing more", _url)
network = Check("an IP address, a network such as 127.0.0.0/8, or unix:", _network)
header_prefix = Check("letters, digits and -, with a - at the end", _header_prefix)
pod_of_this_file = Check("the name of a pod of this file", _pod_of_this_file)
method = matching("[A-Z][A-Z-]*", "a method in capitals, such as GET")
request_path = matching(
    r'/[!-"$->@-~]*', "a path that begins with /, percent-encoded as in a request, without query"
)
strategy = PluginName(IRoutingStrategyFactory)
delay = PluginName(IDelayPolicyFactory)
