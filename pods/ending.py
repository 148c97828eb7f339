"""How a command ends when what it runs cannot start."""

from __future__ import annotations

import sys
from typing import NoReturn


def give_up(reason: str) -> NoReturn:
    """End the process with exit code 1 and one line on the real standard error.

    By the time services start, twistd has put its log in the place of ``sys.stderr``, so
    ``SystemExit(reason)`` would write there.
    """
    print(reason, file=sys.__stderr__, flush=True)
    raise SystemExit(1)
