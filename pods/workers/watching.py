"""What the supervisor says of all workers together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs

from pods.numbers import Numbers


@attrs.frozen
class CrewReadiness:
    """How a router of several workers fares, at one moment.

    :param is_listening: clients can connect.
    :param is_draining: it finishes what runs and takes nothing new.
    :param workers: what each says of itself, see
        :meth:`pods.readiness.Readiness.as_dict`; None: it says nothing.
    """

    is_listening: bool
    is_draining: bool
    workers: Mapping[str, dict[str, Any] | None]

    @property
    def is_ready(self) -> bool:
        """Whether to send it requests: some worker is ready, and it is not stopping."""
        is_somebody_ready = any(told and told["ready"] for told in self.workers.values())
        return self.is_listening and not self.is_draining and is_somebody_ready

    def as_json(self) -> str:
        """The whole story, for people and programs."""
        return json.dumps(
            {
                "ready": self.is_ready,
                "listening": self.is_listening,
                "draining": self.is_draining,
                "pods": self._pods(),
                "workers": self.workers,
            }
        )

    def _pods(self) -> dict[str, Any]:
        """Each pod as the worker sees it that thinks worst of it."""
        pods: dict[str, Any] = {}
        for told in self.workers.values():
            for name, state in (told or {"pods": {}})["pods"].items():
                if name not in pods or not state["healthy"]:
                    pods[name] = state
        return pods


def crew_numbers(serving: int, restarts: int) -> list[Numbers]:
    """What the supervisor counts itself."""
    return [
        Numbers("pods_workers", "gauge", "Workers that serve.", (), {(): serving}),
        Numbers(
            "pods_worker_restarts_total",
            "counter",
            "How often a worker was started in the place of one that had ended.",
            (),
            {(): restarts},
        ),
    ]
