"""A picture of timing attacks, as SVG: for each policy what far and near answers look like, and how
well they are told apart."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.attack import Findings, Situation
from benchmarks.picture import text

WIDTH, HEIGHT = 420, 190  #: of a panel
LEFT, TOP, RIGHT_MARGIN, BOTTOM = 46, 32, 16, 34
PLOT_WIDTH, PLOT_HEIGHT = WIDTH - LEFT - RIGHT_MARGIN, HEIGHT - TOP - BOTTOM
BARS = 80
PICTURED_GROUPS = 100  #: with fewer, chance alone goes far from a half
COLOURS = ("#c0392b", "#1f6fb4")  #: far, near
DASHES = ("", "5 3", "1 3", "8 2 2 2", "3 1")


def picture(findings: Mapping[str, Findings]) -> str:
    """One row for each policy."""
    rows = [
        f'<g transform="translate({column * WIDTH},{row * HEIGHT})">\n{panel}\n</g>'
        for row, (policy, found) in enumerate(findings.items())
        for column, panel in enumerate((answers(policy, found), told_apart(policy, found)))
    ]
    size = f'width="{2 * WIDTH}" height="{len(findings) * HEIGHT}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif"'
            ' font-size="11" fill="#333">',
            '<rect width="100%" height="100%" fill="#fff"/>',
            *rows,
            "</svg>\n",
        ]
    )


def axes(title: str, below: str) -> list[str]:
    bottom = TOP + PLOT_HEIGHT
    return [
        text(LEFT, TOP - 14, title, "start", ' font-weight="bold"'),
        f'<path d="M{LEFT} {TOP}V{bottom}H{LEFT + PLOT_WIDTH}" fill="none" stroke="#999"/>',
        text(LEFT + PLOT_WIDTH / 2, bottom + 28, below, "middle"),
    ]


def answers(policy: str, found: Findings) -> str:
    """How long answers took: a step line for far names, one for near names."""
    situation = found.situations[0]
    sides = [[x for name in side for x in name] for side in (situation.slow, situation.fast)]
    pooled = sorted(x for side in sides for x in side)
    start, end = 0.0, pooled[int(len(pooled) * 0.999)] * 1.05
    shares = [list(histogram(side, start, end)) for side in sides]
    highest = max(max(side) for side in shares)
    parts = axes(f"{policy}: answers for one name", "ms")
    for side, colour, name, at in zip(shares, COLOURS, ("far", "near"), (0, 1), strict=True):
        parts.append(line(steps(side, highest), colour))
        parts.append(text(WIDTH - RIGHT_MARGIN, TOP + 12 * at, name, "end", f' fill="{colour}"'))
    bottom = TOP + PLOT_HEIGHT + 14
    parts.append(text(LEFT, bottom, f"{start * 1000:.0f}", "middle"))
    parts.append(text(LEFT + PLOT_WIDTH, bottom, f"{end * 1000:.0f}", "middle"))
    return "\n".join(parts)


def histogram(values: Sequence[float], start: float, end: float) -> Iterator[float]:
    counts = [0] * BARS
    for value in values:
        if start <= value < end:
            counts[int((value - start) / (end - start) * BARS)] += 1
    return (count / len(values) for count in counts)


def steps(shares: Sequence[float], highest: float) -> Iterator[tuple[float, float]]:
    for at, share in enumerate(shares):
        height = TOP + PLOT_HEIGHT * (1 - share / highest)
        yield LEFT + PLOT_WIDTH * at / BARS, height
        yield LEFT + PLOT_WIDTH * (at + 1) / BARS, height


def told_apart(policy: str, found: Findings) -> str:
    """The AUC of the best classifier by the number of repeats: a line for each situation.

    A point is full if it is beyond chance.
    """
    parts = axes(f"{policy}: best classifier's AUC", "answers compared at a time")
    for value in (0.5, 1.0):
        parts.append(text(LEFT - 4, height_of(value) + 4, f"{value:g}", "end"))
    parts.append(line([(LEFT, height_of(0.5)), (LEFT + PLOT_WIDTH, height_of(0.5))], "#bbb"))
    for repeats in (1, 10, 100, 1000):
        parts.append(text(place_of(repeats), TOP + PLOT_HEIGHT + 14, str(repeats), "middle"))
    for at, (situation, dashes) in enumerate(zip(found.situations, DASHES, strict=True)):
        points = list(best_aucs(situation))
        if not points:
            continue
        parts.append(line([(x, y) for x, y, _ in points], "#444", dashes))
        parts += [point(x, y, is_beyond_chance) for x, y, is_beyond_chance in points]
        x, y, _ = points[-1]
        parts.append(text(x + 4, y - 4 + 3 * at, situation.title, "start", ' font-size="8"'))
    return "\n".join(parts)


def best_aucs(situation: Situation) -> Iterator[tuple[float, float, bool]]:
    for comparison in situation.comparisons():
        if comparison.groups < PICTURED_GROUPS and not comparison.leaks:
            continue
        _, auc = comparison.best
        height = height_of(0.5 + abs(auc - 0.5))
        yield place_of(comparison.repeats), height, bool(comparison.leaks)


def point(x: float, y: float, is_full: bool) -> str:
    colour = COLOURS[0] if is_full else "#fff"
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}" stroke="#444"/>'


def place_of(repeats: int) -> float:
    return LEFT + PLOT_WIDTH * (0.04 + 0.75 * math.log10(repeats) / 3)


def height_of(auc: float) -> float:
    """On a scale from 0.4 to 1."""
    return TOP + PLOT_HEIGHT * (1 - (auc - 0.4) / 0.6)


def line(
    points: Iterator[tuple[float, float]] | Sequence[tuple[float, float]],
    colour: str,
    dashes: str = "",
) -> str:
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="1.2"{dashed}/>'
