"""Where a router gets its listeners, its access log and its route store from."""

from __future__ import annotations

import os
import time
from typing import Any

from twisted.internet.interfaces import IStreamServerEndpoint

from pods import keys
from pods.accesslog import AccessLog
from pods.config import Config, LogConfig
from pods.interfaces import IRouteStore
from pods.keys import KeyRing
from pods.listeners import endpoints_of
from pods.stores.sqlite import SQLiteStore

STORE_FILE = "routes.sqlite"  #: in the router's ``data_dir``


class Surroundings:
    """Those of a router that is alone in its process; a worker has others."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def endpoint(self, description: str) -> IStreamServerEndpoint:
        """What listens for clients; may raise whatever its parts raise."""
        return endpoints_of(self._reactor)(description)

    def access_log(self, config: LogConfig) -> AccessLog:
        """The log that ``[log]`` describes, not yet open."""
        return AccessLog(config.access, config.format, self._reactor)

    def keys(self, folder: str, before: KeyRing | None = None) -> KeyRing:
        """What the router signs with; see :func:`pods.keys.load`."""
        return keys.load(folder, before)

    def store(self, config: Config) -> IRouteStore:
        """Where routes persist, not yet open."""
        return SQLiteStore(
            os.path.join(config.router.data_dir, STORE_FILE),
            config.cache.max_entries,
            config.cache.max_ttl_seconds,
            wall_seconds=time.time,
            clock=self._reactor,
            call_in_reactor=self._reactor.callFromThread,
        )
