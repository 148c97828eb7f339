"""The listener of ``[admin]``: open while the router runs, drains and stops."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from pods.config import AdminConfig
from pods.listeners import Listeners, endpoints_of
from pods.readiness import Told

if TYPE_CHECKING:
    from pods.admin import AdminFactory


class Monitor:
    """Opens and closes the listener as the configuration says.

    :param metrics: asked for all of them, in Prometheus' text format.
    :param readiness: asked how the router fares.
    """

    def __init__(
        self,
        reactor: Any,
        metrics: Callable[[], Awaitable[bytes]],
        readiness: Callable[[], Awaitable[Told]],
    ) -> None:
        self._reactor = reactor
        self._metrics = metrics
        self._readiness = readiness
        self._factory: AdminFactory | None = None
        self._listeners: Listeners | None = None

    async def open(self, admin: AdminConfig | None) -> None:
        """Listen there too, if anywhere.

        :raises pods.listeners.CannotStart: that is not possible.
        """
        if admin is None:
            return
        if self._listeners is None:
            # Loaded only for those who want it: it stands on twisted.web.
            from pods.admin import AdminFactory

            self._factory = AdminFactory(self._reactor, self._metrics, self._readiness)
            self._listeners = Listeners(endpoints_of(self._reactor), self._factory)
        await self._listeners.open([admin.listen])

    async def close_all_but(self, admin: AdminConfig | None) -> None:
        """Listen nowhere else any more."""
        if self._listeners is not None:
            await self._listeners.close_all_but([admin.listen] if admin else [])

    async def stop(self) -> None:
        """Listen nowhere, and end the connections that are left."""
        await self.close_all_but(None)
        if self._factory is not None:
            self._factory.abort()
