"""Prints the tables of docs/energy.md: what LeNet-5 and VGG-11 take by the model of energy.

    SNNIR_DATA=... python tools/bench_energy.py [--rows lenet,vgg] [--images N] [--technology NAME]

Needs models/cifar10, data/cifar10 and data/mnist in the folder. Each network is compiled, the first
test images run in the C program, and everything is read off the JSON of `snnc report --energy`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from datasets import data_folder
from full_size import CIFAR, MNIST
from measure import prepare, snnc, work_folder

from snnir.tools.energy import nano, ratio
from snnir.tools.tables import number

VGG = ("VGG-11", "models/cifar10/vgg11_cifar10.onnx", "cifar10")
LENET = ("LeNet-5", "examples/lenet5.onnx", "mnist")
RADIX = ("--coding", "radix", "--timesteps", "4", "--weight-bits", "4")
ACE = ("--coding", "rate", "--timesteps", "5", "--weight-bits", "6")
SPIN = ("--coding", "rate", "--timesteps", "8", "--weight-bits", "8")

ROWS = {
    "lenet": (*LENET, "radix T = 4, 4 bit", (*RADIX, "--array", "8,16,4")),
    "vgg": (*VGG, "radix T = 4, 4 bit", (*RADIX, "--array", "16,64,4,4")),
    "lenet-ace": (*LENET, "rate T = 5, 6 bit", (*ACE, "--array", "8,16,5")),
    "vgg-ace": (*VGG, "rate T = 5, 6 bit", (*ACE, "--array", "16,32,5,4")),
    "lenet-spin": (*LENET, "rate T = 8, 8 bit", (*SPIN, "--array", "8,16,8")),
}
"""Name -> network, model below the data folder or this repository, data, setting, options."""


def markdown(headers: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in [headers, ["---"] * len(headers), *rows]]
    return "\n".join(lines).replace("| --- ", "|---").replace("--- |", "---|")


def measured(name: str, root: Path, work: Path, images: int, technology: str) -> dict:
    """The report of one row."""
    network, model, kind, setting, options = ROWS[name]
    here = Path(__file__).parent.parent
    path = (here if model.startswith("examples") else root) / model
    test, calibration = prepare(root, kind, work)
    scale, build = CIFAR if kind == "cifar10" else MNIST, str(work / name)
    snnc("compile", str(path), "-o", build, "--calibration", str(calibration), *scale, *options,
         "--no-verilog")  # fmt: skip
    some = ("--input", str(test), "--limit", str(images))
    _, told = snnc("report", build, *some, "--energy", "--technology", technology)
    return told | {"title": f"{network}, {setting}"}


def layers_table(told: dict, model: str) -> str:
    """Counts and energies by layer."""
    rows = [*told["energy"]["layers"], {"name": "total", **told["energy"]["total"]}]
    return markdown(
        [f"{told['title']}, model {model}", "MACs", "ACs", "ACs/MAC", "weights met",
         "float [nJ]", "quantised [nJ]", "SNN [nJ]", "of that sums", "memory", "DDR",
         "float/SNN", "quantised/SNN"],
        [
            [
                row["name"], *(number(row[key]) for key in ("macs", "acs")),
                ratio(row["acs"], row["macs"]), number(row["touched"]),
                *(nano(row["energy_pj"][n]["total"]) for n in ("float", "quantised", "snn")),
                *(nano(row["energy_pj"]["snn"][k]) for k in ("arithmetic", "on_chip", "off_chip")),
                *(ratio(value, 1) for value in row["ratio"].values()),
            ]
            for row in rows
        ],
    )  # fmt: skip


def ace_table(reports: list[dict], model: str) -> str:
    rows = []
    for told in reports:
        for row in told["energy"]["ace_snn"]:
            sums = (nano(row[f"{key}_pj"]) for key in ("first", "rest", "total"))
            rows.append(
                [told["title"], row["name"], *sums,
                 *(ratio(value, 1) for value in row["ratio"]["total"].values()),
                 nano(row["operations_pj"]),
                 *(ratio(value, 1) for value in row["ratio"]["operations"].values())]
            )  # fmt: skip
    return markdown(
        [f"model {model}", "network", "first layer [nJ]", "others [nJ]", "all [nJ]", "float/it",
         "6 bit/it", "operations alone [nJ]", "float/it", "6 bit/it"],
        rows,
    )  # fmt: skip


def spin_table(reports: list[dict], model: str) -> str:
    rows = []
    for told in reports:
        for row in told["energy"]["spinaps"] or ():
            rows.append(
                [told["title"], row["name"], number(1e3 * row["read_pj"], 1),
                 number(row["operation_pj"], 3), nano(row["inference_pj"]),
                 f"{row['area_mm2']:.3g}", number(row["gsops_per_watt"]),
                 number(row["gsops_per_watt_mm2"]), ratio(row["ratio"], 1)]
            )  # fmt: skip
    return markdown(
        [f"model {model}", "synapses", "bit [fJ]", "synaptic operation [pJ]", "inference [nJ]",
         "cells [mm2]", "GSOPS/W", "GSOPS/W/mm2", "ratio"],
        rows,
    )  # fmt: skip


def constants_table(told: dict) -> str:
    """The constants with their sources, as the report has them."""
    rows = []
    for constant in told["energy"]["technology"]["constants"]:
        values = constant["bits"] or {"": constant["value"]}
        text = ", ".join(f"{v:g} ({w} bit)" if w else f"{v:g}" for w, v in values.items())
        rows.append([f"`{constant['name']}`", text, constant["unit"], constant["basis"],
                     constant["source"]])  # fmt: skip
    return markdown(["constant", "value", "unit", "basis", "source"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", default=",".join(ROWS), metavar="A,B", help=", ".join(ROWS))
    parser.add_argument("--images", type=int, default=64, help="of the test set (64)")
    parser.add_argument("--technology", default="cmos-45nm")
    parser.add_argument("--work", type=Path, help="keeps the builds here")
    args = parser.parse_args()
    root, work = data_folder(), work_folder(args.work, "energy")
    found = {}
    for name in args.rows.split(","):
        print(f"{name} ...", file=sys.stderr)
        found[name] = measured(name, root, work, args.images, args.technology)
    told = list(found.values())
    plain = [report for name, report in found.items() if "-" not in name]
    model = args.technology
    tables = [constants_table(told[0]), *(layers_table(t, model) for t in plain)]
    print(*tables, ace_table(told, model), spin_table(told, model), sep="\n\n")


if __name__ == "__main__":
    main()
