"""No delay: a 404 leaves when it comes, and its time tells which pod it came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from zope.interface import implementer

from pods.interfaces import IDelayPolicy
from pods.options import OptionReader


@implementer(IDelayPolicy)
@attrs.frozen
class Off:
    """Releases at once."""

    def release_at(self, request: Any, arrived: float, answered: float) -> float:
        """The time at which the answer was complete."""
        return answered


def from_config(options: Mapping[str, Any], services: Any) -> Off:
    """Make the policy; it has no options.

    :raises ConfigurationError: there is an option.
    """
    OptionReader(options).finish()
    return Off()
