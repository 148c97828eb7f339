"""The unknown-route pod: who gets, or is asked about, a request that nobody has placed.

Both built-in strategies share this: the option ``unknown``, and how a bounce is followed.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import attrs

from pods.errors import NoConnection, TooManyBounces
from pods.interfaces import Placement
from pods.options import OptionReader
from pods.protocol import Redirect

CHOICES = ("region", "latest", "any")


@attrs.frozen
class UnknownRoutes:
    """Chooses a pod for a request that could belong anywhere, and follows its bounces."""

    services: Any
    unknown: str  #: ``region``, ``latest`` or ``any``
    max_bounces: int

    @classmethod
    def from_options(cls, reader: OptionReader, services: Any) -> UnknownRoutes:
        """Read ``unknown`` and ``max_bounces``.

        :param services: an :class:`~pods.interfaces.IServices`.
        """
        unknown = reader.choice("unknown", "region", CHOICES)
        if unknown == "latest" and services.pods.latest is None:
            reader.fault("unknown", 'is "latest", but no pod has latest = true', "region, any")
        return cls(services, unknown, reader.whole("max_bounces", 3, least=1, most=20))

    def choose(self, exclude: Collection[str]) -> str:
        """The name of a pod: the one that ``unknown`` means, and another if that is out.

        :param exclude: names that must not come back.
        :raises NoConnection: every pod is excluded.
        """
        pods = self.services.pods
        latest = pods.latest
        if self.unknown == "latest" and latest.healthy and latest.name not in exclude:
            return str(latest.name)
        region = None if self.unknown == "any" else self.services.region
        pod = pods.random(region, exclude)
        if pod is None:
            raise NoConnection(
                "No server could be reached.", f"no pod is left after {', '.join(exclude)}"
            )
        return str(pod.name)

    def follow(self, request: Any, redirect: Redirect) -> Placement:
        """Go where a bounce leads.

        The next pod may bounce as well, so this is never certain.

        :raises TooManyBounces: the request has been at more pods than ``max_bounces``.
        """
        if len(request.tried) > self.max_bounces:
            raise TooManyBounces(
                "The request was passed on too many times.",
                f"bounced on after {', '.join(request.tried)}; max_bounces is {self.max_bounces}",
            )
        return Placement(redirect.pod)
