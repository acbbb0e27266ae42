"""Where the clocks of each layer go: the table of `snnc report`, and the chart of `--plot`."""

from __future__ import annotations

from typing import Any

from snnir.schedule.losses import PARTS
from snnir.tools.plotting import Bar, stacked_bars
from snnir.tools.tables import number, percent, table

SHOWN = {
    "work": ("sustained", "#1f5fa8"),
    "planes": ("silent steps", "#6ba3dc"),
    "channels": ("idle channels", "#b8d5f1"),
    "imbalance": ("bank imbalance", "#f2a33a"),
    "ends": ("ends of phases", "#f5d769"),
    "resolver": ("resolver", "#d3598f"),
    "weights": ("weights from DDR", "#b3261e"),
    "drain": ("drain", "#7a4fb5"),
    "pipeline": ("pipeline", "#8a97a8"),
    "receive": ("receiving the image", "#cfd6df"),
    "loads": ("waiting for maps from DDR", "#7fa8c9"),
    "stores": ("waiting for maps to DDR", "#4d7ea8"),
}
"""How each part is called in a chart, and its colour: blue where banks work, grey where the array
rests by design."""

WHO = {
    "model": "by the cycle model",
    "rtl": "counted by the Verilog",
    "both": "counted by the Verilog, equal to the cycle model",
}


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


def losses_chart(name: str, array: dict[str, int], losses: dict[str, Any], engine: str) -> str:
    """The same as an SVG: a bar of all clocks for each layer, cut into the parts."""
    total = losses["total"]["cycles"]
    bars = [
        Bar(
            row["name"],
            [row[part] / row["cycles"] for part in PARTS],
            (
                percent(row["sustained"], 1), f"{row['cycles']:,.0f}",
                percent(row["cycles"] / total, 1),
            ),
            is_total=index == len(losses["layers"]),
        )
        for index, row in enumerate([*losses["layers"], {"name": "total", **losses["total"]}])
    ]  # fmt: skip
    operations = array["banks"] * array["channels"] * array["planes"]
    samples = losses["samples"]
    about = (
        f"{array['banks']} banks x {array['channels']} channels x {array['planes']} planes = "
        f"{operations:,} synaptic operations a clock; {WHO[engine]}, "
        + (f"mean of {samples:,} samples" if samples > 1 else "one sample")
    )
    return stacked_bars(
        f"{name}: where the clocks go",
        about,
        "share of what the array could do in the layer's clocks",
        [SHOWN[part] for part in PARTS],
        ("of peak", "clocks", "of all"),
        bars,
    )
