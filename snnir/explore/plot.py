"""Draws what was found as SVG: images a second against LUTs, the Pareto front as a line."""

from __future__ import annotations

from html import escape
from math import ceil, floor, log10
from typing import TYPE_CHECKING

from snnir.explore.pareto import pareto

if TYPE_CHECKING:
    from snnir.explore.model import Estimate
    from snnir.explore.search import Found, Query

WIDTH, HEIGHT = 960, 600
LEFT, RIGHT, TOP, BOTTOM = 80, 230, 50, 60

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#000000")
"""Told apart also by people who do not see all colours (Okabe and Ito)."""

SHOWN = 4000
"""Of more designs off the front, evenly chosen ones are drawn."""


def plot(query: Query, found: Found) -> str:
    """The drawing: a dot for each design, coloured by its setting; the front labelled."""
    return _Plot(query, found).draw()


class _Plot:
    def __init__(self, query: Query, found: Found):
        self.query, self.found = query, found
        every = [*found.front, *found.others]
        self.luts = max(max(e.luts for e in every), 1) * 1.05
        speeds = [e.images_per_second for e in every]
        self.low = floor(log10(min(speeds)))
        self.high = max(ceil(log10(max(speeds))), self.low + 1)
        self.parts: list[str] = []

    def x(self, luts: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * luts / self.luts

    def y(self, speed: float) -> float:
        share = (log10(speed) - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share

    def draw(self) -> str:
        name = self.query.model.rpartition("/")[2]
        title = f"{name} on the {self.query.target.name}: {len(self.found.front)} of "
        title += f"{self.found.fitting:,} designs that fit are on the front"
        self.text(LEFT, 28, title, "start", 16)
        self.axes()
        step = max(1, len(self.found.others) // SHOWN)
        for e in self.found.others[::step]:
            self.dot(e, 2, 0.35)
        self.front()
        self.legend()
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
            f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">'
        )
        background = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
        return "\n".join([head, background, *self.parts, "</svg>\n"])

    def axes(self) -> None:
        right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
        for power in range(self.low, self.high + 1):
            y = self.y(10.0**power)
            self.line(LEFT, y, right, y, "#dddddd")
            label = f"{10**power:,}" if power >= 0 else f"{10.0**power:g}"
            self.text(LEFT - 8, y + 4, label, "end")
        tick = 10 ** floor(log10(self.luts))
        tick = next(t for t in (tick / 5, tick / 2, tick, 2 * tick) if self.luts / t <= 8)
        for index in range(int(self.luts / tick) + 1):
            x = self.x(index * tick)
            self.line(x, TOP, x, bottom, "#eeeeee")
            self.text(x, bottom + 18, f"{index * tick:,.0f}", "middle")
        self.line(LEFT, bottom, right, bottom, "#333333")
        self.line(LEFT, TOP, LEFT, bottom, "#333333")
        self.text((LEFT + right) / 2, HEIGHT - 14, "LUTs, estimated", "middle", 13)
        middle = (TOP + bottom) / 2
        self.parts.append(
            f'<text transform="translate(20 {middle:.0f}) rotate(-90)" text-anchor="middle" '
            f'font-size="13" fill="#333333">images a second, estimated</text>'
        )

    def front(self) -> None:
        """The line joins what is best in speed and LUTs alone; all of the front are large dots."""
        front = self.found.front
        edge = pareto([(e.luts, -e.images_per_second) for e in front])
        points = sorted((front[i].luts, front[i].images_per_second) for i in edge)
        path = " ".join(f"{self.x(luts):.1f},{self.y(speed):.1f}" for luts, speed in points)
        self.parts.append(
            f'<polyline points="{path}" fill="none" stroke="#333333" stroke-width="1.2"/>'
        )
        for e in front:
            self.dot(e, 4.5, 1)
        chosen = front[self.found.chosen]
        self.parts.append(
            f'<circle cx="{self.x(chosen.luts):.1f}" cy="{self.y(chosen.images_per_second):.1f}" '
            f'r="8" fill="none" stroke="#333333" stroke-width="1.5"/>'
        )
        taken: list[tuple[float, float]] = []
        for e in [chosen, *(front[i] for i in edge), *front]:
            at = (self.x(e.luts), self.y(e.images_per_second))
            if all(abs(at[0] - x) > 70 or abs(at[1] - y) > 13 for x, y in taken):
                taken.append(at)
                a = e.array
                label = f"{a.banks}x{a.channels}x{a.planes}, {a.drain}"
                self.text(at[0] + 8, at[1] + 15, label, "start", 10)

    def legend(self) -> None:
        x, y = WIDTH - RIGHT + 20, TOP + 10
        used = {e.setting for e in (*self.found.front, *self.found.others)}
        for index in sorted(used):
            one = self.found.settings[index]
            accuracy = self.found.measured[index].accuracy
            label = f"{one.coding} T={one.timesteps}, {one.weight_bits}-bit weights"
            label += "" if accuracy is None else f", {100 * accuracy:.1f} %"
            colour = COLOURS[index % len(COLOURS)]
            self.parts.append(f'<circle cx="{x}" cy="{y - 4}" r="4.5" fill="{colour}"/>')
            self.text(x + 10, y, label, "start", 11)
            y += 18
        lines = (
            "large: on the front; ring: chosen", "line: best in speed and LUTs alone",
            "labels: banks x channels x planes,", "lanes of the drain",
        )  # fmt: skip
        for line in lines:
            y += 16
            self.text(x - 4, y, line, "start", 10)

    def dot(self, e: Estimate, radius: float, opacity: float) -> None:
        colour = COLOURS[e.setting % len(COLOURS)]
        self.parts.append(
            f'<circle cx="{self.x(e.luts):.1f}" cy="{self.y(e.images_per_second):.1f}" '
            f'r="{radius}" fill="{colour}" fill-opacity="{opacity}"/>'
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, colour: str) -> None:
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'
        )

    def text(self, x: float, y: float, text: str, anchor: str, size: int = 11) -> None:
        halo = 'stroke="white" stroke-width="3" paint-order="stroke"'
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
            f'fill="#333333" {halo}>{escape(text)}</text>'
        )
