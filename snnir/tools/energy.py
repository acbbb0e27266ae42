"""`snnc report --energy`: what is counted and what a technology's model makes of it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from snnir.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from snnir.energy.model import Energy
    from snnir.energy.operations import Operations
    from snnir.runtime.build import BuildFolder
    from snnir.targets.technology import Technology

COUNTS = ("macs", "adds", "acs", "touched")
"""Counts of branches that are shown by layer."""

TITLES = {"float": "float", "quantised": "quantised", "snn": "SNN"}

ENGINES = {"model": "the C program", "rtl": "the Verilog", "both": "the Verilog"}


def add_energy_arguments(parser: ArgumentParser) -> None:
    """`--energy` and `--technology`."""
    add = parser.add_argument_group("energy, by a model").add_argument
    add(
        "--energy", action="store_true",
        help="count operations and accesses, and say what they take by a model: of the float "
        "network, the quantised dense one and the SNN",
    )  # fmt: skip
    add(
        "--technology", metavar="NAME",
        help="constants of the model: cmos-45nm (default), block-ram, or a .toml file",
    )  # fmt: skip


def chosen_technology(args: Namespace) -> Technology | None:
    """The constants that are asked for, None without --energy.

    Raises:
        UserError: there are none of that name, or they have no effect.
    """
    if not args.energy:
        if args.technology:
            hint = "add --energy, or leave it out"
            raise UserError("has no effect without --energy", where="--technology", hint=hint)
        return None
    from snnir.targets.technology import DEFAULT, load_technology

    return load_technology(args.technology or DEFAULT)


def energy_as_json(
    build: BuildFolder,
    trains: Mapping[str, np.ndarray],
    technology: Technology,
    windows: int = 1,
) -> dict[str, Any]:
    """Counts and energies by layer and of the whole network, and the two comparisons.

    Args:
        windows: so many images of the trains are one sample; all figures are of a window.
    """
    from snnir.analysis.slices import volume_trains
    from snnir.energy.forms import ace_snn, spinaps
    from snnir.energy.model import NETWORKS, added, moved_bytes, network_energy
    from snnir.energy.operations import count_operations
    from snnir.schedule.kept import KeptStates

    tables = build.tables
    layers = count_operations(build.snn, volume_trains(build.snn, trains), windows)
    kept = KeptStates(tables).accesses
    found = network_energy(layers, technology, moved_bytes(tables), tables.array.weight_bits, kept)
    whole = {name: added(row[name] for row in found) for name in NETWORKS}
    counts = [
        {name: layer.total(name) for name in COUNTS}
        | {"updates": layer.updates, "states": kept.get(layer.name, (0, 0))[0]}
        for layer in layers
    ]
    return {
        "technology": {
            "name": technology.name,
            "title": technology.title,
            "constants": [_constant(c) for c in technology.constants.values()],
        },
        "layers": [
            {
                "name": layer.name,
                **_widths(layer),
                "state_bits": kept.get(layer.name, (0, 0))[1],
                **count,
                **_energies(row),
            }
            for layer, count, row in zip(layers, counts, found, strict=True)
        ],
        "total": {key: sum(count[key] for count in counts) for key in counts[0]} | _energies(whole),
        "ace_snn": _ace(ace_snn(layers, technology)),
        "spinaps": _spin(spinaps(layers, technology)),
    }


def _constant(constant) -> dict[str, Any]:
    values = {str(width): value for width, value in constant.values.items() if width}
    return {
        "name": constant.name,
        "bits": values or None,
        "value": constant.values.get(0),
        "unit": constant.unit,
        "basis": constant.basis,
        "source": constant.source,
    }


def _widths(layer: Operations) -> dict[str, Any]:
    return {
        "weight_bits": [branch.weight_bits for branch in layer.branches],
        "input_bits": [branch.input_bits for branch in layer.branches],
        "acc_bits": layer.acc_bits,
        "membrane_bits": layer.membrane_bits,
    }


def _energies(row: Mapping[str, Energy]) -> dict[str, Any]:
    snn = row["snn"].total
    return {
        "energy_pj": {name: asdict(e) | {"total": e.total} for name, e in row.items()},
        "ratio": {n: row[n].total / snn if snn else None for n in row if n != "snn"},
    }


def _ace(rows: list) -> list[dict[str, Any]]:
    """Ratios are those of the float and of the 6-bit CNN, the first two rows, to each."""
    found = []
    for row in rows:
        sums = {"operations": row.operations, "total": row.total}
        ratios = {
            key: {
                name: getattr(other, key) / value if value else None
                for name, other in zip(("float", "six_bit"), rows, strict=False)
            }
            for key, value in sums.items()
        }
        split = {"first_pj": row.first.total, "rest_pj": row.rest.total}
        pico = {f"{key}_pj": value for key, value in sums.items()}
        found.append({"name": row.name, **split, **pico, "ratio": ratios})
    return found


def _spin(rows: list) -> list[dict[str, Any]] | None:
    if not rows:
        return None
    least = rows[0].gsops_per_watt_mm2
    return [
        {
            "name": row.name,
            "read_pj": row.read,
            "operation_pj": row.operation,
            "inference_pj": row.inference,
            "area_mm2": row.area,
            "gsops_per_watt": row.gsops_per_watt,
            "gsops_per_watt_mm2": row.gsops_per_watt_mm2,
            "ratio": row.gsops_per_watt_mm2 / least,
        }
        for row in rows
    ]


def energy_as_text(found: dict[str, Any]) -> str:
    """The tables of a report with `energy`."""
    from snnir.tools.tables import facts, number, table

    energy, activity = found["energy"], found["activity"]
    model, samples = energy["technology"]["name"], activity["samples"]
    rows = [*energy["layers"], {"name": "total", **energy["total"]}]
    keeps = energy["total"]["states"] > 0
    counts = table(
        ("counted", "MACs", "adds", "ACs", "ACs/MAC", "weights met", "neuron steps",
         *(["states read, written"] if keeps else []),
         *(f"{title} [kbit]" for title in TITLES.values())),
        [
            (
                row["name"],
                *(number(row[key]) for key in ("macs", "adds", "acs")),
                ratio(row["acs"], row["macs"]),
                *(number(row[key]) for key in ("touched", "updates")),
                *([number(row["states"])] if keeps else []),
                *(number(_bits(row, name) / 1e3, 1) for name in TITLES),
            )
            for row in rows
        ],
        total=True,
    )  # fmt: skip
    parts = ("arithmetic", "on_chip", *(["states"] if keeps else []), "off_chip")
    by_model = table(
        (f"model {model}", *(f"{title} [nJ]" for title in TITLES.values()),
         "of that sums", "memory", *(["of that states"] if keeps else []), "DDR", "float/SNN",
         "quantised/SNN"),
        [
            (
                row["name"],
                *(nano(row["energy_pj"][name]["total"]) for name in TITLES),
                *(nano(row["energy_pj"]["snn"][key]) for key in parts),
                *(ratio(value, 1) for value in row["ratio"].values()),
            )
            for row in rows
        ],
        total=True,
    )  # fmt: skip
    about = [
        ("counted", f"ACs, weights met and the SNN's accesses are means over {samples:,} samples "
         f"of {activity['source']}, from the trains of {ENGINES[activity['engine']]}; MACs and "
         "the other accesses follow from shapes"),
        ("model", f"all energies: {model}, {energy['technology']['title']}; nothing was measured"),
    ]  # fmt: skip
    tables = [counts, by_model, ace_table(energy, model)]
    if energy["spinaps"]:
        tables.append(spin_table(energy, model))
    return "\n\n".join([*tables, facts(about)])


def ace_table(energy: dict[str, Any], model: str) -> str:
    """The form of ACE-SNN: operations, and with reads of weights; neurons left out."""
    from snnir.tools.tables import table

    return table(
        (f"as ACE-SNN, model {model}", "first layer [nJ]", "others [nJ]", "all [nJ]",
         "float/it", "6 bit/it", "operations alone [nJ]", "float/it", "6 bit/it"),
        [
            (
                row["name"],
                *(nano(row[key]) for key in ("first_pj", "rest_pj", "total_pj")),
                *(ratio(value, 1) for value in row["ratio"]["total"].values()),
                nano(row["operations_pj"]),
                *(ratio(value, 1) for value in row["ratio"]["operations"].values()),
            )
            for row in energy["ace_snn"]
        ],
    )  # fmt: skip


def spin_table(energy: dict[str, Any], model: str) -> str:
    """The form of SpinAPS: a synaptic operation, an inference, and the area of the cells."""
    from snnir.tools.tables import number, table

    return table(
        (f"as SpinAPS, model {model}", "bit [fJ]", "synaptic operation [pJ]", "inference [nJ]",
         "cells [mm2]", "GSOPS/W", "GSOPS/W/mm2", "ratio"),
        [
            (row["name"], number(1e3 * row["read_pj"], 1), number(row["operation_pj"], 3),
             nano(row["inference_pj"]), f"{row['area_mm2']:.3g}",
             number(row["gsops_per_watt"]), number(row["gsops_per_watt_mm2"]),
             ratio(row["ratio"], 1))
            for row in energy["spinaps"]
        ],
    )  # fmt: skip


def _bits(row: dict[str, Any], name: str) -> float:
    return row["energy_pj"][name]["bits"]


def nano(pico: float) -> str:
    """Picojoules in nJ, to three digits or more."""
    value = pico / 1e3
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def ratio(value: float | None, of: float) -> str:
    """A quotient to three digits; `-` for none."""
    return "-" if value is None or not of else f"{value / of:,.3g}"
