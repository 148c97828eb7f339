"""How faults are worded: wrong values on one short line, and the nearest right word."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from typing import Any

SHOWN_LIMIT = 60  #: characters of a wrong value that a fault repeats


def shown(value: Any) -> str:
    """A value as a fault repeats it: one line, not long.

    :param value: whatever a TOML file can hold.
    """
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if isinstance(value, int) and abs(value) > 10**18:
        return "a number far too large"  # Python refuses to write thousands of digits
    text = json.dumps(value) if isinstance(value, str | bool) else str(value)
    return text if len(text) <= SHOWN_LIMIT else f"{text[:SHOWN_LIMIT]}..."


def one_line(error: Exception) -> str:
    """What an exception says, on one line."""
    return " ".join(str(error).split())


def nearest(word: str, words: Iterable[str]) -> str:
    """``, nearest is ...``: the one of ``words`` that most resembles ``word``.

    :returns: nothing if there are no words.
    """
    near = difflib.get_close_matches(word, list(words), n=1, cutoff=0.0)
    return f", nearest is {near[0]}" if near else ""


def listed(words: Iterable[str]) -> str:
    """``a, b, c``"""
    return ", ".join(words)


def span(seconds: float) -> str:
    """How long something takes or is ago, such as ``47m``."""
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f}{unit}"
    return f"{max(seconds, 0):.0f}s"
