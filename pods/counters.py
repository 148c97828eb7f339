"""What is counted: plain integers on the hot path."""

from __future__ import annotations

from collections import Counter

import attrs


@attrs.define
class Counters:
    """Since the router was started."""

    requests: Counter[tuple[str, int]] = attrs.field(factory=Counter)  #: (route, status class)
    bounces: int = 0
    refused_claims: Counter[str] = attrs.field(factory=Counter)  #: by reason
    refusals: Counter[int] = attrs.field(factory=Counter)  #: the router's own answers, by status
