"""What a budget asks for: mean bits of a weight, or clocks or microseconds of an image."""

from __future__ import annotations

import re

from snnir.errors import UserError


def parse_budget(text: str) -> tuple[str, float]:
    """What a budget is of, and how much: `weights=4.0b`, `cycles=400000`, `us=2500`.

    Raises:
        UserError: it is something else.
    """
    found = re.fullmatch(
        r"(?:(weights)=(\d+(?:\.\d+)?)b?|(cycles|us)=(\d+(?:\.\d+)?))", text.strip()
    )
    if found is None:
        raise UserError(
            f"budget is '{text}', it takes mean bits of a weight, or clocks or microseconds of an "
            "image, for example weights=3.5b, cycles=400000 or us=2500"
        )
    kind, amount = found[1] or found[3], float(found[2] or found[4])
    if kind != "weights" and amount <= 0:
        raise UserError(f"budget is '{text}', no image takes no time")
    return kind, amount


def mean_bits(budget: str | None) -> float | None:
    """The mean bits of a weight that a budget asks for; None if it asks for something else."""
    kind, amount = parse_budget(budget) if budget else ("", 0.0)
    return amount if kind == "weights" else None
