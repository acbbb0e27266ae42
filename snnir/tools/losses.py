"""The table of `snnc report` that says where the clocks of each layer go."""

from __future__ import annotations

from typing import Any

from snnir.analysis.losses import PARTS
from snnir.tools.tables import number, percent, table


def losses_table(losses: dict[str, Any]) -> str:
    """Clocks by part, a row for each layer; the parts of a row add up to its clocks."""
    rows = [*losses["layers"], {"name": "total", **losses["total"]}]
    digits = 1 if losses["total"]["cycles"] < 10_000 else 0
    return table(
        ("layer", "of peak", "cycles", *PARTS),
        [
            (
                row["name"],
                percent(row["sustained"], 1),
                *(number(row[key], digits) for key in ("cycles", *PARTS)),
            )
            for row in rows
        ],
        total=True,
    )
