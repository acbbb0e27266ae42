"""The first table of docs/results.md: what may be lost, and the row that loses no more."""

from __future__ import annotations

from collections.abc import Iterable

from results_rows import AHEAD, Row
from systems_page import line, table

TEXT = """\
## What is asked, and what is reached

For each network, coding and width of weights with a bound, in any of its trainings: the row that
keeps the bound on every split; of several that of the fewest steps, of those the one that loses
least. Neurons of rate coding decide each spike in its own step, or, `2 ahead`, when two more steps
are heard.

"""
COLUMNS = ("network", "coding", "weights", "asked", "lost", "", "row")


def glance(rows: Iterable[tuple[Row, dict]]) -> str:
    """The section.

    Args:
        rows: with what was measured of each.
    """
    kinds: dict[tuple, list[tuple[Row, dict]]] = {}
    for row, found in rows:
        if row.within is not None:
            family = row.network.title.split(",")[0]
            coding = row.setting.split()[0], row.mark.endswith(AHEAD)
            kinds.setdefault((family, *coding, row.bits, row.within), []).append((row, found))
    lines = table(*COLUMNS)
    for (family, _, ahead, bits, within), several in kinds.items():
        row, found = min(several, key=_rank)
        lost = ", ".join(f"{100 * part:.2f} ({split})" for split, part in _lost(found).items())
        reached = "missed" if _missed(row, found) else "reached"
        coding = f"{row.setting}, {AHEAD}" if ahead else row.setting
        lines.append(
            line(family, coding, f"{bits} bits", f"{within:g}", lost, reached, f"`{row.name}`")
        )
    return TEXT + "\n".join(lines) + "\n\n"


def _lost(found: dict) -> dict[str, float]:
    """Share of right answers that is lost, by split."""
    return {
        split: (of["float_right"] - of["right"]) / of["samples"]
        for split, of in found["accuracy"].items()
    }


def _missed(row: Row, found: dict) -> int:
    """Splits on which more is lost than may be."""
    return sum(not row.keeps(of) for of in found["accuracy"].values())


def _rank(measured: tuple[Row, dict]) -> tuple:
    row, found = measured
    lost = sorted(_lost(found).values(), reverse=True)
    return _missed(row, found), int(row.setting.split()[-1]), lost
