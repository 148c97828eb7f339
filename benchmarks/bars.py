"""A picture of numbers to be compared, as SVG: one bar for each, all from zero."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

import attrs

WIDTH = 780
LEFT, RIGHT = 200, 90  #: for names, and for the numbers at the bars' ends
ROW, TOP, BOTTOM = 24, 44, 14
OURS, OTHERS = "#1f6fb4", "#9aa5ad"


@attrs.frozen
class Bar:
    """One number."""

    name: str
    value: float
    unit: str
    is_ours: bool = False  #: drawn to be seen first


def bars(title: str, all_bars: Sequence[Bar]) -> str:
    """The whole picture, given at least one bar; its length is linear in the value."""
    highest = max(*(bar.value for bar in all_bars), 1e-9)
    rows = [row(index, bar, highest) for index, bar in enumerate(all_bars)]
    height = TOP + ROW * len(rows) + BOTTOM
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
            f' width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="12"'
            ' fill="#333">',
            f"<title>{escape(title)}</title>",
            '<rect width="100%" height="100%" fill="#fff"/>',
            f'<text x="12" y="24" font-size="14" font-weight="bold">{escape(title)}</text>',
            *rows,
            "</svg>\n",
        ]
    )


def row(index: int, bar: Bar, highest: float) -> str:
    y = TOP + ROW * index
    length = (WIDTH - LEFT - RIGHT) * bar.value / highest
    colour, weight = (OURS, ' font-weight="bold"') if bar.is_ours else (OTHERS, "")
    number = f"{bar.value:.1f}" if bar.value < 100 else f"{bar.value:.0f}"
    return (
        f'<text x="{LEFT - 8}" y="{y + 15}" text-anchor="end"{weight}>{escape(bar.name)}</text>'
        f'<rect x="{LEFT}" y="{y + 3}" width="{length:.1f}" height="{ROW - 8}" fill="{colour}"/>'
        f'<text x="{LEFT + length + 6:.1f}" y="{y + 15}"{weight}>{number} {escape(bar.unit)}</text>'
    )
