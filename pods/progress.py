"""A bar on the terminal of who waits for something long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

#: Called with how much has been done since it was last called.
Advance = Callable[[int], object]


@contextmanager
def progress(label: str, length: int | None, stream: TextIO) -> Iterator[Advance]:
    """A bar while it is entered; nothing at all if the stream is no terminal.

    :param length: how much there is to do; None: nobody knows.
    :param stream: standard error, so that the bar never mixes with what is printed.
    """
    if not stream.isatty():
        yield lambda done: None
        return
    import click  # needed for nothing else

    endless = None if length is not None else (None for _ in ())  # click's word for that
    bar: Any = click.progressbar(
        endless, length=length, label=label, show_pos=length is None, file=stream
    )
    with bar:
        yield bar.update
