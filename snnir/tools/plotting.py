"""Charts as SVG text, by hand: no library, the same bytes for the same numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 960
MARGIN = 24
BAR, GAP = 18, 7
CHARACTER = 6.6
"""Mean width of a character of 12 pixels height; fonts differ, so places leave room."""

_STYLE = (
    "text{font:12px system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;fill:#1a202c}"
    ".title{font-size:17px;font-weight:600}.about,.tick{fill:#4a5568}"
    ".tick{font-size:11px}.head{font-size:11px;fill:#4a5568}.total{font-weight:600}"
    ".grid{stroke:#e2e8f0}.line{stroke:#718096}"
)


@dataclass(frozen=True)
class Bar:
    """A row of a chart: its label, what it is made of, and what stands behind it.

    Args:
        shares: of the whole row for each part; they add up to 1.
        columns: texts, one for each heading.
    """

    label: str
    shares: Sequence[float]
    columns: Sequence[str]
    is_total: bool = False


def stacked_bars(
    title: str,
    about: str,
    axis: str,
    parts: Sequence[tuple[str, str]],
    headings: Sequence[str],
    bars: Sequence[Bar],
) -> str:
    """Bars of equal length, one below the other, each cut into its parts, as an SVG file's text.

    Args:
        about: one line below the title.
        axis: what the length of a part means.
        parts: name and colour of each; those that no bar has are left out of the legend.
        headings: of the columns behind the bars.
    """
    longest = max(len(bar.label) for bar in bars)
    left = MARGIN + 12 + min(260, longest * CHARACTER + 10)
    sizes = [
        max(len(heading), *(len(bar.columns[i]) for bar in bars)) * CHARACTER + 22
        for i, heading in enumerate(headings)
    ]
    right = WIDTH - MARGIN - sum(sizes)
    used = [i for i in range(len(parts)) if any(bar.shares[i] > 0 for bar in bars)]
    lines = [_text(MARGIN, 36, title, "title"), _text(MARGIN, 57, about, "about")]
    legend, top = _legend([parts[i] for i in used], 74)
    lines += legend
    first = top + 24
    height = sum(BAR + GAP + (GAP if bar.is_total else 0) for bar in bars)
    for percent in range(0, 101, 20):
        x = left + (right - left) * percent / 100
        lines.append(
            f'<line class="grid" x1="{x:.1f}" y1="{first - 6}" x2="{x:.1f}" y2="{first + height}"/>'
        )
        lines.append(_text(x, first + height + 16, f"{percent} %", "tick", "middle"))
    lines.append(_text((left + right) / 2, first + height + 36, axis, "about", "middle"))
    x = right
    for heading, size in zip(headings, sizes, strict=True):
        x += size
        lines.append(_text(x, first - 10, heading, "head", "end"))
    y = first
    for bar in bars:
        if bar.is_total:
            lines.append(
                f'<line class="line" x1="{MARGIN}" y1="{y}" x2="{WIDTH - MARGIN}" y2="{y}"/>'
            )
            y += GAP
        lines += _bar(bar, [parts[i] for i in used], used, left, right, y)
        x = right
        for text, size in zip(bar.columns, sizes, strict=True):
            x += size
            lines.append(_text(x, y + 13, text, "total" if bar.is_total else "", "end"))
        y += BAR + GAP
    total = first + height + 36 + MARGIN
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{total}" '
        f'viewBox="0 0 {WIDTH} {total}" role="img" aria-label="{escape(title)}">'
    )
    paper = f'<rect width="{WIDTH}" height="{total}" fill="#ffffff"/>'
    return "\n".join([head, f"<style>{_STYLE}</style>", paper, *lines, "</svg>", ""])


def _bar(
    bar: Bar, parts: list[tuple[str, str]], used: list[int], left: float, right: float, y: float
) -> list[str]:
    kind = "total" if bar.is_total else ""
    lines = [_text(left - 10, y + 13, _shortened(bar.label, left - 10 - MARGIN), kind, "end")]
    x = left
    for (name, colour), index in zip(parts, used, strict=True):
        size = (right - left) * bar.shares[index]
        if size <= 0:
            continue
        told = escape(f"{bar.label}: {name} {100 * bar.shares[index]:.1f} %")
        lines.append(
            f'<rect x="{x:.2f}" y="{y}" width="{size:.2f}" height="{BAR}" fill="{colour}">'
            f"<title>{told}</title></rect>"
        )
        x += size
    return lines


def _legend(parts: list[tuple[str, str]], top: int) -> tuple[list[str], int]:
    """The legend and the height at which its last row ends."""
    lines, x, y = [], float(MARGIN), top
    for name, colour in parts:
        size = 18 + len(name) * CHARACTER + 22
        if x + size > WIDTH - MARGIN:
            x, y = float(MARGIN), y + 20
        lines.append(f'<rect x="{x:.1f}" y="{y}" width="12" height="12" rx="2" fill="{colour}"/>')
        lines.append(_text(x + 18, y + 10, name))
        x += size
    return lines, y + 14


def _shortened(text: str, room: float) -> str:
    most = int(room / CHARACTER)
    return text if len(text) <= most else text[: most - 1] + "…"


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "") -> str:
    extra = (f' class="{kind}"' if kind else "") + (f' text-anchor="{anchor}"' if anchor else "")
    return f'<text x="{x:.1f}" y="{y:.1f}"{extra}>{escape(text)}</text>'
