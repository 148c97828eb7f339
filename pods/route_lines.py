"""Routes as lines of JSON: what ``pods routes export`` writes and ``pods routes import`` reads.

``{"path": "/my-company", "pod": "pod_eu0", "exact": false, "learned_at": 1.8e9, "expires_at":
1.8e9}``, times in seconds since the epoch.  All but path and pod can be left out.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Container
from typing import Any

import attrs

from pods.errors import ConfigurationError, Fault
from pods.interfaces import StoredRoute
from pods.protocol import PATH_LIMIT_BYTES
from pods.routing.paths import ROOT, is_ambiguous, normalized

FIELDS = ("path", "pod", "exact", "learned_at", "expires_at")
_FIELDS = frozenset(FIELDS)
#: Clocks may differ by so much; what was learned later than that was learned at no time.
SKEW_SECONDS = 60.0
_PATH = re.compile(r"/[!-\"$->@-~]*")  # printable, without # and ?
_PATH_ALLOWED = (
    f"what a request can have: / first, percent-encoded, no empty or dot segments, not / itself,"
    f" at most {PATH_LIMIT_BYTES} bytes"
)


def can_have_routes(path: str) -> bool:
    """Whether there can be a route for this path, or for one below it."""
    is_short = len(normalized(path)) <= PATH_LIMIT_BYTES
    return is_short and _PATH.fullmatch(path) is not None and not is_ambiguous(path)


def line_of(route: StoredRoute) -> str:
    """The line for a route, without an end of line."""
    return json.dumps({field: getattr(route, field) for field in FIELDS})


@attrs.frozen
class LineReader:
    """Makes routes of lines.

    :param pods: the names of the configured pods.
    :param ttl_seconds: how long a route holds that does not say.
    :param max_ttl_seconds: from now on no route holds longer, whatever it says.
    :param now: seconds since the epoch.
    """

    pods: Container[str]
    ttl_seconds: float
    max_ttl_seconds: float
    now: float

    def read(self, line: bytes) -> StoredRoute:
        """The route of a line.

        :raises pods.errors.ConfigurationError: with one fault; its key is that of the line.
        """
        fields = _object(line)
        learned_at = self._time(fields, "learned_at", self.now)
        if learned_at > self.now + SKEW_SECONDS:
            raise _wrong("learned_at", fields, f"at most {self.now:.0f}, which is now")
        learned_at = min(learned_at, self.now)
        expires_at = self._time(fields, "expires_at", learned_at + self.ttl_seconds)
        exact = fields.get("exact", False)
        if not isinstance(exact, bool):
            raise _wrong("exact", fields, "true or false")
        path, pod = _path(fields), self._pod(fields)
        expires_at = min(expires_at, self.now + self.max_ttl_seconds)
        return StoredRoute(path, exact, pod, learned_at, expires_at)

    def _pod(self, fields: dict[str, Any]) -> str:
        pod = fields.get("pod")
        if not isinstance(pod, str) or pod not in self.pods:
            raise _wrong("pod", fields, "the name of a configured pod")
        return pod

    def _time(self, fields: dict[str, Any], name: str, default: float) -> float:
        value = fields.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _wrong(name, fields, "seconds since the epoch")
        if not (math.isfinite(value) and 0 <= value < 1e11):
            raise _wrong(name, fields, "seconds since the epoch, not milliseconds")
        return float(value)


def _object(line: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(line.decode())  # to be told the encoding saves a tenth of the time
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise ConfigurationError(Fault("", "is no JSON object", '{"path": ..., "pod": ...}'))
    if not _FIELDS.issuperset(fields):
        unknown = next(name for name in fields if name not in FIELDS)
        problem = f"unknown field {json.dumps(unknown)}"
        raise ConfigurationError(Fault("", problem, ", ".join(FIELDS)))
    return fields


def _path(fields: dict[str, Any]) -> str:
    path = fields.get("path")
    if not isinstance(path, str) or path == ROOT or not can_have_routes(path):
        raise _wrong("path", fields, _PATH_ALLOWED)
    return normalized(path)


def _wrong(name: str, fields: dict[str, Any], allowed: str) -> ConfigurationError:
    if name not in fields:
        return ConfigurationError(Fault(name, "is missing", allowed))
    text = json.dumps(fields[name])
    shown = text if len(text) <= 80 else text[:77] + "..."
    return ConfigurationError(Fault(name, f"is {shown}", allowed))
