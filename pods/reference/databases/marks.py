"""How far a session has written: the positions of its last writes, in a cookie.

A replica that is not yet so far is not asked by that session.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

COOKIE = "_pods_written"
MARKS_LIMIT = 20  #: a session that has written to more databases forgets the oldest
_MARK = re.compile(r"([A-Za-z0-9_.@-]{1,80}):([0-9]{1,18})")


def parse_marks(text: str) -> dict[str, int]:
    """The position in each database; what is not well-formed is no mark."""
    found = [_MARK.fullmatch(part) for part in text.split("|")[-MARKS_LIMIT:]]
    return {mark[1]: int(mark[2]) for mark in found if mark}


def format_marks(marks: Mapping[str, int]) -> str:
    """What :func:`parse_marks` reads."""
    return "|".join(f"{name}:{position}" for name, position in list(marks.items())[-MARKS_LIMIT:])
