"""Bounce-and-buffer: send the request to any pod, and pass it on if that pod says so.

A pod that does not own the request answers with a redirect header; the router
holds the body for as long as that can happen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from zope.interface import implementer

from pods.interfaces import IRoutingStrategy, Placement
from pods.options import OptionReader
from pods.protocol import Redirect
from pods.strategies.unknown import UnknownRoutes


@implementer(IRoutingStrategy)
@attrs.frozen
class Bounce:
    """Guesses a pod, and goes where bounces lead."""

    _routes: UnknownRoutes

    def locate(self, request: Any) -> Placement:
        """A pod that was not tried yet, never certain."""
        return Placement(self._routes.choose(request.tried))

    def redirected(self, request: Any, placement: Placement, redirect: Redirect) -> Placement:
        """The pod that the bounce names."""
        return self._routes.follow(request, redirect)


def from_config(options: Mapping[str, Any], services: Any) -> Bounce:
    """Make the strategy from the ``[strategy]`` table.

    :param options: ``unknown`` and ``max_bounces``.
    :param services: an :class:`~pods.interfaces.IServices`.
    :raises ConfigurationError: an option is unknown or has no allowed value.
    """
    reader = OptionReader(options)
    routes = UnknownRoutes.from_options(reader, services)
    reader.finish()
    return Bounce(routes)
