"""How far a request has come, and how much farther it may go.

Pure.  Source: RFC 9110, sections 7.6.2 (Max-Forwards) and 7.6.3 (Via).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pods.errors import BadRequest, LoopDetected
from pods.http1.fields import Line, field_of, line_of, tokens, values_of

#: How the router calls itself in Via.
PSEUDONYM = b"pods-router"
#: How many routers of this kind may have passed a request on.  One behind another is a set-up that
#: makes sense; that many are a loop.
PASSES_LIMIT = 5
_MAX_FORWARDS = re.compile(rb"[0-9]{1,9}")


def check_loop(via: Iterable[bytes]) -> None:
    """Refuse what goes round in circles.

    :param via: the values of the Via fields.
    :raises LoopDetected: routers of this kind have passed it on more than :data:`PASSES_LIMIT`
        times.
    """
    passes = sum(member.split()[1:2] == [PSEUDONYM] for member in tokens(via))
    if passes > PASSES_LIMIT:
        raise LoopDetected("The request goes round in circles.")


def forwards_left(lines: Iterable[Line]) -> int | None:
    """How many times a request may still be passed on; None if no field says so intelligibly.

    :raises BadRequest: there are several fields, and so no telling which of them counts.
    """
    values = values_of(lines, b"max-forwards")
    if len(values) > 1:
        raise BadRequest("There is more than one Max-Forwards field.")
    if not values or not _MAX_FORWARDS.fullmatch(values[0]):
        return None
    return int(values[0])


def with_forwards_left(lines: Iterable[Line], count: int) -> list[Line]:
    """The fields, Max-Forwards saying ``count``."""

    def counted(line: Line) -> Line:
        name, _ = field_of(line)
        return line_of((name, b"%d" % count)) if name.lower() == b"max-forwards" else line

    return [counted(line) for line in lines]
