"""The budget of `snnc compile`: its check, and what was made of it, as data and as text."""

from __future__ import annotations

import re
from typing import Any

from xdsl.dialects.builtin import ModuleOp

from snnir.analysis.network import branches, layers
from snnir.analysis.sensitivity import NARROWEST, recorded
from snnir.dialects.snn import OneToOneOp
from snnir.errors import UserError
from snnir.tools.tables import number, percent, table


def parse_budget(text: str) -> float:
    """Mean bits of a weight out of `weights=4.0b`.

    Raises:
        UserError: it is something else.
    """
    found = re.fullmatch(r"weights=(\d+(?:\.\d+)?)b?", text.strip())
    if found is None:
        raise UserError(
            f"budget is '{text}', it takes the mean bits of a weight, for example weights=3.5b"
        )
    return float(found[1])


def check_budget(asked: str, calibration: str | None, where: str) -> None:
    """Refuse a budget that cannot be kept, before anything takes time."""
    try:
        mean_bits = parse_budget(asked)
    except UserError as error:
        raise UserError(error.what, where=where) from error
    if mean_bits < NARROWEST:
        raise UserError(
            f"--budget {asked} is less than {NARROWEST} bits, the narrowest weights",
            where=where,
        )
    if calibration is None:
        raise UserError(
            "--budget needs data to measure what each bit is worth",
            where=where,
            hint="add --calibration X.npz",
        )


def describe_budget(snn: ModuleOp, asked: str | None) -> dict[str, Any] | None:
    """The bits that a budget gave to each layer, and the errors that they were chosen by."""
    found = recorded(snn)
    if not found:
        return None
    rows = []
    for op, one in zip(layers(snn), found, strict=True):
        wide = [s for s in branches(op) if not isinstance(s, OneToOneOp)]
        bits = max((s.weight_bits.value.data for s in wide), default=0)
        errors = {str(width): error for width, error in one.errors.items()}
        rows.append({"name": one.label, "weights": one.weights, "bits": bits, "errors": errors})
    total = sum(row["weights"] for row in rows)
    mean = sum(row["weights"] * row["bits"] for row in rows) / total if total else 0.0
    return {"asked": asked, "mean_bits": mean, "layers": rows}


def budget_text(budget: dict[str, Any] | None) -> str:
    """What the bits of a budget were chosen by, and what came of it."""
    if budget is None:
        return ""
    widths = list(budget["layers"][0]["errors"])
    rows = [
        (
            layer["name"],
            number(layer["weights"]),
            layer["bits"],
            *(percent(layer["errors"][bits]) for bits in widths),
        )
        for layer in budget["layers"]
    ]
    headers = ("layer", "weights", "bits", *(f"error {bits}b" for bits in widths))
    return f"""
{table(headers, rows)}

budget  {budget["asked"]}: {budget["mean_bits"]:.2f} bits a weight; \
error: share of the currents' variance, for each width
"""
