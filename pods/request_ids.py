"""Ids for requests that come without one."""

from __future__ import annotations

from random import Random

ID_BYTES = 16
#: So many are drawn at a time: asking the system for the bytes of one takes a microsecond.
DRAWN_AT_A_TIME = 64


class RequestIds:
    """Random ids of 32 hexadecimal digits.

    :param random: nobody outside may be able to foresee it.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._drawn: list[bytes] = []

    def draw(self) -> bytes:
        """A new one."""
        if not self._drawn:
            digits = self._random.randbytes(ID_BYTES * DRAWN_AT_A_TIME).hex().encode("ascii")
            step = 2 * ID_BYTES
            self._drawn = [digits[at : at + step] for at in range(0, len(digits), step)]
        return self._drawn.pop()
