"""Measures LeNet-5, VGG-11 and ResNet-18 at full size and prints docs/full_size.md's tables.

    SNNIR_DATA=... python tools/full_size.py [--rows vgg,resnet] [--verify N] [--synth] [--work DIR]

Needs models/cifar10, data/cifar10 and data/mnist in the folder. Each row is compiled, run in C on
`--limit` test images and verified on N of them: every train and clock of the integer reference, C
and simulated Verilog. With `--synth` Yosys counts and times the whole design, which takes minutes
for each. All figures are read off the JSON of `snnc`.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from datasets import data_folder
from measure import prepare, snnc, work_folder

CIFAR = ["--mean", "0.4914,0.4822,0.4465", "--std", "0.247,0.2435,0.2616", "--samples", "64"]
MNIST = ["--input-scale", "1/255", "--samples", "256"]
RATE = ["--coding", "rate", "--timesteps", "8"]
PARTS = ("work", "planes", "channels", "imbalance", "ends", "resolver", "weights", "drain",
         "pipeline", "receive", "loads", "stores")  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One design: `model` below the data folder or this repository, `options` of snnc compile."""

    name: str
    network: str
    setting: str
    model: str
    kind: str
    options: tuple[str, ...]


def _rows() -> list[Row]:
    vgg = ("VGG-11", "models/cifar10/vgg11_cifar10.onnx", "cifar10")
    resnet = ("ResNet-18", "models/cifar10/resnet18_cifar10.onnx", "cifar10")
    lenet = ("LeNet-5", "examples/lenet5.onnx", "mnist")
    whole = ("--array", "16,64,4,4")
    designs = [
        ("lenet", lenet, "radix T = 4", ("--array", "8,16,4")),
        ("vgg", vgg, "radix T = 4", whole),
        ("vgg-batch", vgg, "radix T = 4, batch 8", (*whole, "--batch", "8")),
        ("vgg-rate", vgg, "rate T = 8", (*RATE, "--array", "16,32,8,4")),
        ("resnet", resnet, "radix T = 4", ("--array", "16,64,4,8")),
        ("resnet-batch", resnet, "radix T = 4, batch 2", (*whole, "--batch", "2")),
        ("resnet-rate", resnet, "rate T = 8", (*RATE, "--array", "8,64,8,4")),
    ]
    return [
        Row(name, network, setting, model, kind, (*options, "--weight-bits", "4"))
        for name, (network, model, kind), setting, options in designs
    ]


def measure(row: Row, root: Path, work: Path, limit: int, verify: int, synth: bool) -> dict:
    """All figures of one design."""
    here = Path(__file__).parent.parent
    model = (here if row.model.startswith("examples") else root) / row.model
    test, calibration = prepare(root, row.kind, work)
    build = str(work / row.name)
    scale = CIFAR if row.kind == "cifar10" else MNIST
    _, made = snnc(
        "compile", str(model), "-o", build, "--calibration", str(calibration), *scale, *row.options
    )
    _, ran = snnc("run", build, "--input", str(test), "--limit", str(limit))
    _, told = snnc("report", build, "--input", str(test), "--limit", "4")
    images = -(-verify // made["batch"]) * made["batch"]
    _, compared = snnc("verify", build, "--input", str(test), "--limit", str(images))
    found = {"row": row, "made": made, "ran": ran, "told": told, "compared": compared}
    found["verified"] = images
    found["synth"] = snnc("synth", build, "--timing")[1] if synth else None
    streams = list(Path(build).glob("verilog/*_weights.bin"))
    found["moved"] = streams[0].stat().st_size / made["batch"] if streams else 0
    return found


def speed_table(rows: list[dict]) -> str:
    lines = [
        "| network | setting | array K x C x P, L | peak [GSOP/s] | accuracy, C (images) | "
        "equal on | clocks an image, C | RTL | images/s | DDR rate used | of the peak |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for found in rows:
        row, made, ran, told = (found[key] for key in ("row", "made", "ran", "told"))
        array, mhz = made["array"], told["fit"]["clock_mhz"]
        peak = array["banks"] * array["channels"] * array["planes"] * mhz / 1e3
        cycles = ran["cycles_per_sample"]
        rate = mhz * 1e6 / cycles
        compared = found["compared"]
        granted = told["ddr"] and told["ddr"]["gbps"]
        used = f"{100 * found['moved'] * rate / 1e9 / granted:.1f} %" if granted else "-"
        equal = "every train" if compared["equal"] and compared["cycles_equal"] else "NOT EQUAL"
        lines.append(
            f"| {row.network} | {row.setting} | {array['banks']} x {array['channels']} x "
            f"{array['planes']}, {array['drain']} | {peak:.0f} | "
            f"{100 * ran['accuracy']:.2f} % ({ran['samples']:,}) | "
            f"{equal}, {found['verified']} | {cycles:,.0f} | "
            f"{compared['cycles']['rtl']:,.0f} | {rate:,.1f} | {used} | "
            f"{100 * told['losses']['total']['sustained']:.1f} % |"
        )
    return "\n".join(lines)


def losses_table(found: dict) -> str:
    row, told = found["row"], found["told"]
    lines = [
        f"| {row.network}, {row.setting} | of peak | clocks | " + " | ".join(PARTS) + " |",
        "|---" * (len(PARTS) + 3) + "|",
    ]
    rows = [*told["losses"]["layers"], {"name": "total", **told["losses"]["total"]}]
    for layer in rows:
        parts = " | ".join(f"{layer[part]:,.0f}" for part in PARTS)
        lines.append(
            f"| {layer['name']} | {100 * layer['sustained']:.1f} % | {layer['cycles']:,.0f} | "
            f"{parts} |"
        )
    return "\n".join(lines)


def synth_table(rows: list[dict]) -> str:
    lines = [
        "| network | setting | LUT | FF | BRAM36 | DSP | LUT for each SOP | longest path [ns] |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for found in rows:
        row, counts, array = found["row"], found["synth"], found["made"]["array"]
        operations = array["banks"] * array["channels"] * array["planes"]
        used = counts["used"]
        lines.append(
            f"| {row.network} | {row.setting} | {used['lut']:,} | {used['ff']:,} | "
            f"{used['bram36']:g} | {used['dsp']} | {used['lut'] / operations:.2f} | "
            f"{counts['timing']['longest_ns']:.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known = {row.name: row for row in _rows()}
    parser.add_argument("--rows", default=",".join(known), metavar="A,B", help=", ".join(known))
    parser.add_argument("--limit", type=int, default=200, help="images in C (200)")
    parser.add_argument("--verify", type=int, default=1, help="images in Verilog (1)")
    parser.add_argument("--synth", action="store_true")
    parser.add_argument("--work", type=Path, help="keeps the builds here")
    args = parser.parse_args()
    root, work = data_folder(), work_folder(args.work, "full-size")
    found = []
    for name in args.rows.split(","):
        print(f"{name} ...", file=sys.stderr)
        found.append(measure(known[name], root, work, args.limit, args.verify, args.synth))
    print(speed_table(found), *map(losses_table, found), sep="\n\n")
    if args.synth:
        print("\n" + synth_table(found))


if __name__ == "__main__":
    main()
