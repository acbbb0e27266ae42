"""The budget of `snnc compile`: its check, and what was made of it, as data and as text."""

from __future__ import annotations

from typing import Any

from xdsl.dialects.builtin import ModuleOp

from snnir.analysis.network import branches, layers
from snnir.calibration.sensitivity import NARROWEST, recorded
from snnir.dialects.snn import OneToOneOp
from snnir.errors import UserError
from snnir.pipeline.budget import parse_budget
from snnir.tools.tables import number, percent, table


def check_budget(asked: str, calibration: str | None, where: str) -> None:
    """Refuse a budget that cannot be kept, before anything takes time."""
    try:
        kind, amount = parse_budget(asked)
    except UserError as error:
        raise UserError(error.what, where=where) from error
    if kind == "weights" and amount < NARROWEST:
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
    if "cycles" in budget:
        return _cycles_text(budget)
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


def _cycles_text(budget: dict[str, Any]) -> str:
    found = (
        f"budget  {budget['asked']}: {budget['cycles']:,.0f} clocks an image, counted in C on "
        f"{budget['images']} calibration images; {budget['before']:,.0f} without a budget"
    )
    if not budget["layers"]:
        return f"\n{found}, so nothing is changed\n"
    rows = [
        (
            layer["name"],
            layer["bits"],
            layer["steps"],
            percent(layer["error_of_bits"]),
            percent(layer["error_of_steps"]),
        )
        for layer in budget["layers"]
    ]
    headers = ("layer", "bits", "steps", "error of bits", "error of steps")
    notes = "".join(f"        {note}\n" for note in budget["notes"])
    return f"""
{table(headers, rows)}

{found}
{notes}"""
