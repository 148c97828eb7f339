"""Chance that does as it is told."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable
from typing import Any


class ScriptedRandom(random.Random):
    """A ``random.Random`` whose next choices are named beforehand.

    Everything but ``choice`` behaves as with a fixed seed, and so does ``choice`` once the
    script is over.

    :param choices: what each call of ``choice`` gives, in turn: one of the things to choose
        from, or its ``name``, such as a pod's.
    :param seed: for all the rest.
    """

    def __init__(self, choices: Iterable[Any] = (), seed: int = 0) -> None:
        super().__init__(seed)
        self.script: deque[Any] = deque(choices)  #: what is still to come

    def choice(self, seq: Any) -> Any:
        """What the script names next.

        :raises AssertionError: it cannot be chosen here.
        """
        if not self.script:
            return super().choice(seq)
        wanted = self.script.popleft()
        for candidate in seq:
            if wanted in (candidate, getattr(candidate, "name", candidate)):
                return candidate
        raise AssertionError(
            f"the script says {wanted!r}, but there is only {seq!r} to choose from"
        )
