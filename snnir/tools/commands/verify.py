"""Compare every spike of every layer between engines: integer reference, C, simulated Verilog."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnir.errors import UserError
from snnir.tools.arguments import whole
from snnir.tools.ddr import add_ddr_arguments, chosen_ddr, ddr_as_json, ddr_as_text, held_in_ddr

if TYPE_CHECKING:
    from snnir.runtime.build import BuildFolder
    from snnir.runtime.compare import Comparison, Difference
    from snnir.runtime.engine import EngineResult

ENGINES = ("interp", "c", "rtl")
NAMES = (*ENGINES, "fast")
LIMIT = 16


def add_arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("folder", metavar="DIR", type=Path, help="a build folder, made by snnc compile")
    add("--input", metavar="X.npz", required=True, help="inputs 'x'")
    add(
        "--limit", metavar="N", type=whole(0), default=LIMIT,
        help=f"compare the first N samples ({LIMIT}); 0 for all, which takes its time in rtl",
    )  # fmt: skip
    add(
        "--engines", metavar="E,E", type=_engines,
        help=f"two or more of {', '.join(NAMES)} (the first three, as far as the build folder has "
        "them)",
    )  # fmt: skip
    add_ddr_arguments(parser, pauses=True)
    add("--json", action="store_true", help="print one JSON object")


def _engines(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    for name in names:
        if name not in NAMES:
            raise ArgumentTypeError(f"no engine '{name}', there are {', '.join(NAMES)}")
    if len(names) < 2:
        raise ArgumentTypeError(f"takes two or more of {', '.join(NAMES)}")
    return names


def run(args: Namespace) -> int:
    from snnir.runtime.build import BuildFolder
    from snnir.runtime.compare import compare
    from snnir.runtime.engines import run_engine
    from snnir.runtime.progress import step
    from snnir.runtime.samples import load_for
    from snnir.tools.output import print_json

    build = BuildFolder(args.folder)
    engines = args.engines or (ENGINES if build.has_verilog else ENGINES[:2])
    if "rtl" in engines and not build.has_verilog:
        raise UserError(
            "it holds no Verilog", where=str(args.folder), hint="compile without --no-verilog"
        )
    ddr = chosen_ddr(args, build)
    if args.ddr_pauses and "rtl" not in engines:
        raise UserError(
            "--ddr-pauses has no effect: rtl is not among the engines", where=str(args.folder)
        )
    how = {"ddr": ddr, "ddr_pauses": args.ddr_pauses or 0}
    everything = load_for(build.manifest, args.input)
    samples = everything.first(args.limit or None)
    results: dict[str, EngineResult] = {}
    for engine in engines:
        with step(f"{engine}: {len(samples):,} samples"):
            results[engine] = run_engine(engine, build, samples.x, trains=True, **how)
    comparison = compare(results, build.tables)
    found = _as_json(comparison, results, len(samples))
    found["ddr"] = ddr_as_json(build, ddr)
    if found["ddr"]:
        found["ddr"]["pauses"] = args.ddr_pauses
    if args.json:
        print_json(found)
    else:
        print(_as_text(build, comparison, found, len(everything)))
    return 0 if comparison.equal else 1


def _as_json(comparison: Comparison, results: dict[str, EngineResult], count: int) -> dict:
    windows = next(iter(results.values())).windows
    cycles = {name: result.cycles for name, result in results.items()}
    counted = [values for values in cycles.values() if values is not None]
    first = comparison.difference
    return {
        "equal": comparison.equal,
        "samples": count,
        "windows": windows,
        "engines": list(results),
        "layers": [
            {
                "name": layer.name,
                "kind": layer.kind,
                "compared": layer.compared,
                "spikes": layer.spikes,
                "mismatches": layer.mismatches,
            }
            for layer in comparison.layers
        ],
        "cycles": {name: result.cycles_per_image for name, result in results.items()},
        "cycles_equal": None
        if len(counted) < 2
        else all((values == counted[0]).all() for values in counted[1:]),
        "first_difference": _place(first, windows) if first else None,
        "seconds": {name: round(result.seconds, 4) for name, result in results.items()},
    }


def _place(first: Difference, windows: int) -> dict[str, Any]:
    """Where engines differ first; engines know windows, not samples."""
    sample, window = divmod(first.sample, windows)
    return first.as_json() | {"sample": sample, "window": window}


def _as_text(
    build: BuildFolder, comparison: Comparison, found: dict[str, Any], available: int
) -> str:
    from snnir.tools.tables import duration, number, table

    rows = [
        (
            layer.name,
            layer.kind,
            number(layer.compared),
            number(layer.spikes),
            number(layer.mismatches),
            "yes" if layer.mismatches == 0 else "NO",
        )
        for layer in comparison.layers
    ]
    layers = table(("layer", "what", "compared", "spikes", "different", "equal"), rows)
    engines = table(
        ("engine", "time", "cycles a window" if found["windows"] > 1 else "cycles a sample"),
        [
            (name, duration(found["seconds"][name]), number(found["cycles"][name]))
            for name in found["engines"]
        ],
    )
    lines = [layers, "", engines, ""]
    pauses = found["ddr"] and found["ddr"]["pauses"]
    if found["ddr"]:
        random = f", with random pauses of seed {pauses}" if pauses else ""
        held = held_in_ddr(found["ddr"]).capitalize()
        lines += [f"{held} come from DDR at {ddr_as_text(found['ddr'])}{random}.", ""]
    if found["cycles_equal"] is False and pauses:
        lines.append("The clock counts differ, as random pauses make them.")
    elif found["cycles_equal"] is False:
        lines.append("The clock counts differ; see docs/machine.md.")
    some = f"first {found['samples']:,} of {available:,} samples (see --limit)"
    which = some if found["samples"] < available else f"all {available:,} samples"
    names = ", ".join(found["engines"])
    first = comparison.difference
    if first is None:
        lines.append(f"EQUAL: every spike and every output of {names} on the {which}.")
        return "\n".join(lines)
    values = ", ".join(f"{name} {value}" for name, value in first.values.items())
    step = "" if first.step is None else f", step {first.step}"
    at = str(found["first_difference"]["sample"])
    if found["windows"] > 1:
        at += f", window {found['first_difference']['window']}"
    lines.append(
        f"DIFFERENT on the {which}.\nFirst difference: layer {first.layer}, sample {at}, "
        f"neuron (c, y, x) = {first.neuron}{step}: {values}"
    )
    return "\n".join(lines)
