"""Whether a bounce can be followed.  Pure."""

from __future__ import annotations

from collections.abc import Collection, Container

from pods.errors import PodAlreadyTried, ProtocolError, UnknownPod, UnreadableRedirect
from pods.protocol import Redirect


def read_redirect(values: list[bytes]) -> Redirect:
    """The redirect that a pod's response carries.

    :param values: of all its redirect headers.
    :raises UnreadableRedirect: there is more than one, or it cannot be read.
    """
    detail = "The upstream server's answer cannot be understood."
    if len(values) != 1:
        raise UnreadableRedirect(detail, "more than one redirect header")
    try:
        return Redirect.parse(values[0])
    except ProtocolError as error:
        raise UnreadableRedirect(detail, f"unreadable redirect: {error}") from error


def check_target(redirect: Redirect, pods: Container[str], tried: Collection[str]) -> None:
    """Make sure that the pod is there and was not tried yet.

    :param pods: the names of the configured pods; a name is a key, nothing is resolved.
    :raises UnknownPod: it is not configured.
    :raises PodAlreadyTried: the request goes round in circles.
    """
    if redirect.pod not in pods:
        detail = "The upstream server's answer leads nowhere."
        raise UnknownPod(detail, f"bounced to unknown pod {redirect.pod}")
    if redirect.pod in tried:
        detail = "The upstream servers send this request in circles."
        raise PodAlreadyTried(detail, f"bounced to {redirect.pod}, which was tried already")
