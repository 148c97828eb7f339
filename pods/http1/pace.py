"""How fast a body must come: a byte now and then is not enough to stay for ever."""

from __future__ import annotations

from pods.http1.deadline import Deadline
from pods.http1.site import ServerSettings


class Pace:
    """Moves a deadline on whenever enough of a body has come.

    :param deadline: expires if less than ``body_pace_bytes`` come in ``stall_seconds``.
    """

    __slots__ = ("_deadline", "_missing_bytes")

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._missing_bytes = 0

    def begin(self, settings: ServerSettings) -> None:
        """From now on bytes are expected."""
        self._missing_bytes = settings.body_pace_bytes
        self._deadline.set(settings.stall_seconds)

    def came(self, size: int, settings: ServerSettings) -> None:
        """Some have come."""
        self._missing_bytes -= size
        if self._missing_bytes <= 0:
            self.begin(settings)
