"""A picture of a soak, as SVG: one panel for each series, all from zero."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.watching import SERIES, Sample, Series

COLUMNS = 3
PANEL_WIDTH, PANEL_HEIGHT = 280, 150
LEFT, TOP, RIGHT_MARGIN, BOTTOM = 42, 28, 14, 24  #: of the plot within its panel
PLOT_WIDTH = PANEL_WIDTH - LEFT - RIGHT_MARGIN
PLOT_HEIGHT = PANEL_HEIGHT - TOP - BOTTOM


def picture(samples: Sequence[Sample]) -> str:
    """The whole picture, given at least one sample."""
    rows = -(-len(SERIES) // COLUMNS)
    size = f'width="{COLUMNS * PANEL_WIDTH}" height="{rows * PANEL_HEIGHT}"'
    panels = [placed(index, panel(series, samples)) for index, series in enumerate(SERIES)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif"'
            ' font-size="11" fill="#333">',
            '<rect width="100%" height="100%" fill="#fff"/>',
            *panels,
            "</svg>\n",
        ]
    )


def placed(index: int, content: str) -> str:
    row, column = divmod(index, COLUMNS)
    return (
        f'<g transform="translate({column * PANEL_WIDTH},{row * PANEL_HEIGHT})">\n{content}\n</g>'
    )


def panel(series: Series, samples: Sequence[Sample]) -> str:
    """One series over time."""
    values = series.values(samples)
    highest = max(*values, 1.0)
    last_seconds = max(samples[-1].seconds, 1.0)
    points = " ".join(
        f"{LEFT + PLOT_WIDTH * sample.seconds / last_seconds:.1f},"
        f"{TOP + PLOT_HEIGHT * (1 - value / highest):.1f}"
        for sample, value in zip(samples, values, strict=True)
    )
    title = f"{series.title}, {series.unit}" if series.unit else series.title
    bottom = TOP + PLOT_HEIGHT
    return "\n".join(
        [
            text(LEFT, TOP - 10, title, "start", ' font-weight="bold"'),
            f'<path d="M{LEFT} {TOP}V{bottom}H{LEFT + PLOT_WIDTH}" fill="none" stroke="#999"/>',
            text(LEFT - 4, TOP + 8, f"{highest:.0f}", "end"),
            text(LEFT - 4, bottom, "0", "end"),
            text(LEFT + PLOT_WIDTH, bottom + 14, f"{last_seconds / 60:.1f} min", "end"),
            f'<polyline points="{points}" fill="none" stroke="#1f6fb4" stroke-width="1.2"/>',
        ]
    )


def text(x: float, y: float, words: str, anchor: str, more: str = "") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}"{more}>{words}</text>'
