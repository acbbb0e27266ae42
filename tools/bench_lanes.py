"""LUTs and flip-flops of a channel in both forms of its lanes, as Yosys counts them.

    python tools/bench_lanes.py [--banks 16] [--planes 4,8] [--weight-bits 4,8] [--acc-bits 12,16]

A channel is its weight and train registers, the pair sums, P lanes and their shadow; the table is
in Markdown, counts divided by the channel's synaptic operations in a clock (banks x planes).
"""

from __future__ import annotations

import argparse
import tempfile
from itertools import product
from pathlib import Path

from snnir.backends.verilog import verilog_files
from snnir.dialects.pe_types import ArrayParameters
from snnir.hardware.array import LANES, channel_module
from snnir.hardware.language.builder import design
from snnir.runtime.yosys import synth_xilinx


def channel_cells(array: ArrayParameters, shifts: tuple[int, ...], lanes: str) -> dict:
    """What Yosys makes of one channel."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in verilog_files(design(channel_module(array, shifts, lanes))).items():
            (folder / file).write_text(text)
        return synth_xilinx(sorted(folder.glob("*.v")), "channel", folder / "yosys")


def numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--banks", type=int, default=16)
    parser.add_argument("--planes", type=numbers, default=[4, 8])
    parser.add_argument("--weight-bits", type=numbers, default=[4, 8])
    parser.add_argument("--acc-bits", type=numbers, default=[12, 16])
    parser.add_argument("--shifts", type=numbers, default=[4], help="of the phases, bits")
    args = parser.parse_args()
    headers = ["banks", "planes", "weights [bit]", "accumulator [bit]"]
    headers += [f"{unit} per SOP, {form}" for unit in ("LUT", "FF") for form in LANES]
    print(f"| {' | '.join(headers)} |\n|{'---|' * len(headers)}")
    for planes, bits, acc_bits in product(args.planes, args.weight_bits, args.acc_bits):
        array = ArrayParameters(
            args.banks, 1, planes=planes, weight_bits=bits, acc_bits=acc_bits, membrane_bits=24
        )
        cells = [channel_cells(array, tuple(args.shifts), lanes) for lanes in LANES]
        each = [f"{c[key] / array.synaptic_operations:.2f}" for key in ("lut", "ff") for c in cells]
        row = [str(number) for number in (args.banks, planes, bits, acc_bits)]
        print(f"| {' | '.join(row + each)} |", flush=True)


if __name__ == "__main__":
    main()
