"""Whether a router is fit to serve, and what speaks against it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import attrs

from pods.health import PodState


class Told(Protocol):
    """What ``/readyz`` answers with."""

    @property
    def is_ready(self) -> bool: ...

    def as_json(self) -> str: ...


@attrs.frozen
class Readiness:
    """How a router fares, at one moment.

    :param is_listening: clients can connect.
    :param is_draining: it finishes what runs and takes nothing new.
    :param pods: the state of each, by name.
    """

    is_listening: bool
    is_draining: bool
    pods: Mapping[str, PodState]

    @property
    def is_ready(self) -> bool:
        """Whether to send it requests: it listens, it is not stopping, and some pod is in."""
        has_pods = any(state.is_healthy for state in self.pods.values())
        return self.is_listening and not self.is_draining and has_pods

    def as_json(self) -> str:
        """The whole story, for people and programs."""
        return json.dumps(self.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """The same, as ``json`` takes it."""
        return {
            "ready": self.is_ready,
            "listening": self.is_listening,
            "draining": self.is_draining,
            "pods": {name: _told(state) for name, state in self.pods.items()},
        }


def _told(state: PodState) -> dict[str, Any]:
    since = datetime.fromtimestamp(state.since, UTC).isoformat(timespec="milliseconds")
    told = {"healthy": state.is_healthy, "since": since}
    return told if state.is_healthy else told | {"reason": state.reason}
