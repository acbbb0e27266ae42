"""Tables and numbers as people read them: aligned, with units and thousands separators."""

from collections.abc import Iterable, Sequence

MISSING = "-"


def number(value: float | int | None, digits: int = 0) -> str:
    """A number with thousands separators: `12,345`; `-` for None."""
    return MISSING if value is None else f"{value:,.{digits}f}"


def percent(value: float | None, digits: int = 2) -> str:
    """A share as a percentage: 0.9891 -> `98.91 %`."""
    return MISSING if value is None else f"{100 * value:.{digits}f} %"


def byte_size(count: int | None) -> str:
    """A number of bytes: `812 B`, `3.2 KiB`, `1.5 MiB`."""
    if count is None:
        return MISSING
    if count < 1024:
        return f"{count} B"
    return f"{count / 1024:,.1f} KiB" if count < 1024**2 else f"{count / 1024**2:,.1f} MiB"


def duration(seconds: float | None) -> str:
    """A time with a unit that suits it: `12 us`, `3.4 ms`, `1.25 s`."""
    if seconds is None:
        return MISSING
    for scale, unit in ((1e-6, "us"), (1e-3, "ms")):
        if seconds < 999.5 * scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds:,.2f} s"


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], *, total: bool = False) -> str:
    """A table with a line under its headers; columns of numbers are aligned to the right.

    Args:
        total: the last row is a sum, set off by a line.
    """
    lines = [list(map(str, row)) for row in rows]
    columns = list(zip(headers, *lines, strict=True))
    widths = [max(map(len, column)) for column in columns]
    right = [all(_numeric(cell) for cell in column[1:]) for column in columns]

    def line(cells: Sequence[str]) -> str:
        aligned = (
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(cells, widths, right, strict=True)
        )
        return "  ".join(aligned).rstrip()

    rule = "  ".join("-" * width for width in widths)
    body = [line(cells) for cells in lines]
    if total and body:
        body.insert(-1, rule)
    return "\n".join([line(headers), rule, *body])


def facts(pairs: Iterable[tuple[str, object]]) -> str:
    """Names and values below each other, the values aligned."""
    pairs = list(pairs)
    width = max(len(name) for name, _ in pairs)
    return "\n".join(f"{name:{width}}  {value}" for name, value in pairs)


def _numeric(cell: str) -> bool:
    return cell in (MISSING, "") or cell[:1].isdigit() or cell[:1] == "-" and cell[1:2].isdigit()
