"""How a command ends when what it runs cannot start."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import NoReturn


def give_up(reason: str, pid_file: str | None = None) -> NoReturn:
    """End the process with exit code 1 and one line on the real standard error.

    :param pid_file: what twistd has written for this process, and would leave behind.

    By the time services start, twistd has put its log in the place of ``sys.stderr``, so
    ``SystemExit(reason)`` would write there.
    """
    if pid_file:
        with suppress(OSError):
            os.unlink(pid_file)
    print(reason, file=sys.__stderr__, flush=True)
    raise SystemExit(1)
