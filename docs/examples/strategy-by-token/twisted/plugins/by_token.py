"""Routes by a header that names the tenant: ``strategy = "by-token"`` in ``router.toml``.

Requests without a token that is known go to a random pod, which may bounce them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from zope.interface import implementer

from pods.errors import NoConnection
from pods.interfaces import IRoutingStrategy, IRoutingStrategyFactory, Placement
from pods.options import OptionReader
from pods.protocol import Redirect


@implementer(IRoutingStrategy)
@attrs.frozen
class ByToken:
    """Looks the pod up in a table.

    :param services: an ``IServices``.
    :param header: the name of the header that holds the token.
    :param tokens: the name of each token's pod.
    """

    services: Any
    header: str
    tokens: Mapping[str, str]

    def locate(self, request: Any) -> Placement:
        """The token's pod, for certain; or any pod, which may be the wrong one."""
        owner = self.tokens.get(request.headers.get(self.header))
        if owner is None:
            return self._guess(request)
        if owner in request.tried:
            raise NoConnection("This tenant's server cannot be reached.", f"{owner} is down")
        return Placement(owner, certain=True)

    def redirected(self, request: Any, placement: Placement, redirect: Redirect) -> Placement:
        """Wherever the bounce says; that pod might bounce as well."""
        return Placement(redirect.pod)

    def _guess(self, request: Any) -> Placement:
        pod = self.services.pods.random(self.services.region, exclude=request.tried)
        if pod is None:
            raise NoConnection("No server can be reached.")
        return Placement(pod.name)


@implementer(IRoutingStrategyFactory)
class ByTokenFactory:
    """Makes the strategy from ``header`` and ``[strategy.tokens]``."""

    name = "by-token"

    def from_config(self, options: Mapping[str, Any], services: Any) -> ByToken:
        reader = OptionReader(options)
        header = reader.text("header", "X-Tenant")
        tokens = reader.table("tokens")
        names = [pod.name for pod in services.pods.all]
        for token, pod in tokens.items():
            if pod not in names:
                reader.fault(f"tokens.{token}", f"is {pod!r}, which is no pod", ", ".join(names))
        reader.finish()
        return ByToken(services, header, tokens)


by_token = ByTokenFactory()
