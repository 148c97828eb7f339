"""A flame graph as SVG: stacks of calls, as wide as the share of the time spent in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape

import attrs

WIDTH, ROW, MARGIN = 1160, 17, 10
TOP = 40
LEAST_WIDTH = 0.5  #: narrower ones are left out
LETTER_WIDTH = 6.2
#: By where a function is defined.
COLOURS = (("pods/", "#7fb2de"), ("twisted/", "#e8c06a"), ("", "#c9ced2"))


@attrs.define
class Frame:
    """A function, called along one way."""

    name: str
    samples: int = 0
    callees: dict[str, Frame] = attrs.field(factory=dict)

    @property
    def depth(self) -> int:
        return 1 + max((callee.depth for callee in self.callees.values()), default=0)


def read(lines: Iterable[str], below: tuple[str, ...]) -> Frame:
    """The calls in py-spy's raw output.

    :param below: what is above a function of one of these names is cut off, and stacks without
        one, such as those of threads that wait, are left out.
    """
    root = Frame("all")
    for line in lines:
        stack, _, count = line.rpartition(" ")
        names = stack.split(";")
        starts = [index for index, name in enumerate(names) if name.startswith(below)]
        if starts:
            add(root, names[starts[-1] :], int(count))
    return root


def add(root: Frame, names: Iterable[str], samples: int) -> None:
    frame = root
    frame.samples += samples
    for name in names:
        frame = frame.callees.setdefault(name, Frame(name))
        frame.samples += samples


def flames(title: str, root: Frame) -> str:
    """The whole picture, given at least one sample."""
    height = TOP + ROW * root.depth + MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
            f' width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="11"'
            ' fill="#222">',
            '<rect width="100%" height="100%" fill="#fff"/>',
            f'<text x="{MARGIN}" y="24" font-size="14" font-weight="bold">{escape(title)}</text>',
            *drawn(root, root.samples, MARGIN, TOP),
            "</svg>\n",
        ]
    )


def drawn(frame: Frame, total: int, x: float, y: int) -> Iterator[str]:
    """A frame, and below it what it calls, in the order of their names."""
    width = (WIDTH - 2 * MARGIN) * frame.samples / total
    if width < LEAST_WIDTH:
        return
    yield box(frame, frame.samples / total, x, y, width)
    for callee in sorted(frame.callees.values(), key=lambda callee: callee.name):
        yield from drawn(callee, total, x, y + ROW)
        x += (WIDTH - 2 * MARGIN) * callee.samples / total


def box(frame: Frame, share: float, x: float, y: int, width: float) -> str:
    colour = next(colour for part, colour in COLOURS if part in frame.name)
    short = frame.name.partition(" (")[0]
    letters = int((width - 6) / LETTER_WIDTH)
    shown = short if len(short) <= letters else short[: max(0, letters - 1)] + "…"
    label = f'<text x="{x + 3:.1f}" y="{y + 12}">{escape(shown)}</text>' if letters > 2 else ""
    return (
        f"<g><title>{escape(frame.name)}: {share:.1%}</title>"
        f'<rect x="{x:.1f}" y="{y}" width="{max(width - 0.5, 0.3):.1f}" height="{ROW - 1}"'
        f' fill="{colour}"/>{label}</g>'
    )
