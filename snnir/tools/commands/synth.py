"""Synthesise a build folder's Verilog with Yosys: what it uses of the target, and what there is."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from snnir.errors import UserError

if TYPE_CHECKING:
    from snnir.runtime.build import BuildFolder


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "folder", metavar="DIR", type=Path, help="a build folder, made by snnc compile"
    )
    parser.add_argument(
        "--parts",
        action="store_true",
        help="count each part instead, synthesised by itself: faster, and a little more in all",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--timing", action="store_true", help="also the longest paths, with an allowance for wires"
    )
    parser.add_argument(
        "--period",
        type=float,
        default=PERIOD,
        metavar="NS",
        help=f"with --timing, what they are compared with ({PERIOD:g})",
    )


PERIOD = 6.6
"""A clock of 150 MHz, less 0.07 ns for its jitter [ns]."""


def run(args: Namespace) -> int:
    from snnir.runtime.build import BuildFolder
    from snnir.runtime.yosys import NETLIST, synth_parts, synth_xilinx
    from snnir.tools.output import print_json

    if args.period <= 0:
        raise UserError(f"a period of {args.period:g} ns", where="--period", hint="give it in ns")
    if args.timing and args.parts:
        raise UserError("--timing needs the whole design", hint="leave --parts out")
    build = BuildFolder(args.folder)
    if not build.has_verilog:
        raise UserError(
            "it holds no Verilog", where=str(args.folder), hint="compile without --no-verilog"
        )
    files = [build.path / name for name in build.manifest["synthesis"]]
    top, cache = build.manifest["top"], build.cache / "synth"
    if args.parts:
        parts = synth_parts(files, top, build.cache / "synth_parts")
        if args.json:
            print_json(parts)
        else:
            print(_parts_text(parts, _operations(build.manifest["array"])))
        return 0
    found = _as_json(build, synth_xilinx(files, top, cache))
    if args.timing:
        found["timing"] = _timing(cache / NETLIST, top, args.period)
    if args.json:
        print_json(found)
    else:
        print(_as_text(found))
    return 0


def _timing(netlist: Path, top: str, period: float) -> dict:
    from dataclasses import asdict

    from snnir.runtime.sta import analyse

    report = analyse(netlist, top)
    return {
        "period_ns": period,
        "longest_ns": round(report.worst, 2),
        "slack_ns": round(period - report.worst, 2),
        "endpoints": report.endpoints,
        "levels": report.levels,
        "paths": [asdict(path) for path in report.paths],
        "fanout": dict(report.fanout),
    }


def _as_json(build: BuildFolder, counts: dict) -> dict:
    target = build.manifest["target"]
    # Half a block RAM is one, unless another half goes with it.
    bram = counts["bram36"] + counts["bram18"] / 2
    used = {"lut": counts["lut"], "ff": counts["ff"], "bram36": bram, "dsp": counts["dsp"]}
    return {
        "name": build.manifest["name"],
        "target": target["name"],
        "part": target["part"],
        "used": used,
        "available": {key: target[key] for key in used},
        "fits": all(used[key] <= target[key] for key in used),
        "operations_per_clock": _operations(build.manifest["array"]),
        "details": {key: counts[key] for key in ("lutram", "carry4", "bram18")},
        "cells": counts["cells"],
    }


def _operations(array: dict[str, int]) -> int:
    return array["banks"] * array["channels"] * array["planes"]


def _as_text(found: dict) -> str:
    from snnir.tools.tables import number, percent, table

    names = {"lut": "LUT", "ff": "FF", "bram36": "BRAM36", "dsp": "DSP"}
    rows = []
    for key, name in names.items():
        used, available = found["used"][key], found["available"][key]
        digits = 0 if float(used).is_integer() else 1
        share = percent(used / available, 1) if available else "-"
        rows.append((name, number(used, digits), number(available), share))
    each = found["used"]["lut"] / found["operations_per_clock"]
    verdict = "fits" if found["fits"] else "DOES NOT FIT"
    text = (
        f"{table(('resource', 'used', 'available', 'share'), rows)}\n\n"
        f"{verdict} the {found['target']} ({found['part']}); whole design, "
        f"{each:.1f} LUT per synaptic operation a clock"
    )
    return f"{text}\n\n{_timing_text(found['timing'])}" if "timing" in found else text


def _parts_text(parts: dict[str, dict], operations: int) -> str:
    from snnir.tools.tables import number, table

    def row(name: str, used: dict) -> tuple[str, ...]:
        counts = (used["lut"], used["ff"], used["bram36"], used["dsp"])
        each = f"{used['lut'] / operations:.2f}"
        return (name, *[number(n, 0 if float(n).is_integer() else 1) for n in counts], each)

    inner = sorted((n for n in parts if n), key=lambda n: (-parts[n]["lut"], n))
    rows = [row(name, parts[name]) for name in inner] + [row("in all", parts[""])]
    return table(("part", "LUT", "FF", "BRAM36", "DSP", "LUT per operation"), rows)


def _timing_text(timing: dict) -> str:
    from snnir.tools.tables import number, table

    rows = [
        (f"{path['delay']:.2f}", path["levels"], path["alike"], path["source"], path["sink"])
        for path in timing["paths"]
    ]
    levels = ", ".join(f"{level}: {number(n)}" for level, n in timing["levels"].items())
    return (
        f"{table(('ns', 'levels', 'alike', 'from', 'to'), rows)}\n\n"
        f"longest path {timing['longest_ns']:.2f} ns, slack {timing['slack_ns']:.2f} ns to "
        f"{timing['period_ns']:g} ns\n"
        "delays of speed grade -1 and an allowance for each wire; nothing is placed\n"
        f"ends of paths by levels of logic  {levels}"
    )
