"""A reactor whose TCP and UNIX streams are uvloop's own, behind Twisted's ordinary interfaces.

``twistd --reactor=uvloop`` chooses it, or :func:`install` before anything imports
``twisted.internet.reactor``.  Of the rest of ``pods`` it imports the outbox only.

:mod:`pods.outbox`, :mod:`~pods.uvloop_reactor.sending`,
:mod:`~pods.uvloop_reactor.secured`, :mod:`~pods.uvloop_reactor.receiving` and
:mod:`~pods.uvloop_reactor.stream` make a transport,
:mod:`~pods.uvloop_reactor.tcp` and :mod:`~pods.uvloop_reactor.unix` its ports and connectors,
:mod:`~pods.uvloop_reactor.reactor` is what offers them.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from importlib.util import find_spec

REQUIREMENT = "pods-router[uvloop]"


def install(eventloop: AbstractEventLoop | None = None) -> None:
    """Make this the process's reactor.

    :param eventloop: the uvloop to run on; without one a new loop is made and set.
    :raises ImportError: if uvloop is not installed; the message says how to install it.
    :raises TypeError: if the loop is not uvloop's.
    :raises twisted.internet.error.ReactorAlreadyInstalledError: if there is a reactor already.
    """
    if find_spec("uvloop") is None:
        raise ImportError(f"uvloop is not installed: pip install '{REQUIREMENT}'", name="uvloop")
    from pods.uvloop_reactor import reactor

    reactor.install(eventloop)
