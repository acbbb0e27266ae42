"""Line charts as SVG: a few named series over numbers or names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 70, 170, 46, 96
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Told apart also by people who do not see all colours (Okabe and Ito)."""

TICKS = 5
Series = Mapping[str, Sequence[tuple[float, float]]]


def line_chart(
    title: str, x_label: str, y_label: str, series: Series, names: Sequence[str] | None = None
) -> str:
    """The drawing.

    Args:
        series: name -> points (x, y).
        names: what is written below x = 0, 1, ...; the numbers themselves if None.
    """
    points = [point for line in series.values() for point in line]
    xs = sorted({x for x, _ in points})
    low, high = min(xs), max(xs)
    top = max(max(y for _, y in points), 1e-9)
    bottom = min(0.0, min(y for _, y in points))

    def x_at(x: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * ((x - low) / (high - low) if high > low else 0.5)

    def y_at(y: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (y - bottom) / (top - bottom)

    parts = [_text(LEFT, 26, title, "start", 15)]
    for index in range(TICKS + 1):
        value = bottom + (top - bottom) * index / TICKS
        y = y_at(value)
        parts.append(_line(LEFT, y, WIDTH - RIGHT, y, "#dddddd"))
        parts.append(_text(LEFT - 6, y + 4, f"{value:.3g}", "end"))
    for x in xs:
        at = x_at(x)
        parts.append(_line(at, TOP, at, HEIGHT - BOTTOM, "#eeeeee"))
        if names is None:
            parts.append(_text(at, HEIGHT - BOTTOM + 18, f"{x:g}", "middle"))
        else:
            turn = f'transform="rotate(-40 {at:.1f} {HEIGHT - BOTTOM + 14})" '
            name = names[int(x)]
            short = name if len(name) <= 14 else "..." + name[-12:]
            parts.append(_text(at, HEIGHT - BOTTOM + 14, short, "end", 10, turn))
    for index, (name, line) in enumerate(series.items()):
        colour = COLOURS[index % len(COLOURS)]
        path = " ".join(f"{x_at(x):.1f},{y_at(y):.1f}" for x, y in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for x, y in line:
            parts.append(f'<circle cx="{x_at(x):.1f}" cy="{y_at(y):.1f}" r="3" fill="{colour}"/>')
        y = TOP + 14 + 20 * index
        at = WIDTH - RIGHT + 16
        parts.append(f'<circle cx="{at}" cy="{y - 4}" r="5" fill="{colour}"/>')
        parts.append(_text(at + 12, y, name, "start"))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, x_label, "middle", 13))
    middle = (TOP + HEIGHT - BOTTOM) / 2
    turn = f'transform="rotate(-90 18 {middle})" '
    parts.append(_text(18, middle, y_label, "middle", 13, turn))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">'
    )
    background = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
    return "\n".join([head, background, *parts, "</svg>\n"])


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _text(x: float, y: float, text: str, anchor: str, size: int = 11, turn: str = "") -> str:
    return (
        f'<text {turn}x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
        f'fill="#333333">{escape(text)}</text>'
    )
