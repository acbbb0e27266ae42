"""Show sizes, spikes, cycles and memory of each layer, and how the design fits on its target."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnir.errors import UserError
from snnir.tools.arguments import whole
from snnir.tools.ddr import (
    add_ddr_arguments,
    chosen_ddr,
    ddr_as_json,
    ddr_as_text,
    held_in_ddr,
    moves_as_json,
    moves_as_text,
)
from snnir.tools.energy import add_energy_arguments, chosen_technology, energy_as_json

if TYPE_CHECKING:
    import numpy as np

    from snnir.runtime.build import BuildFolder
    from snnir.runtime.engine import EngineResult
    from snnir.schedule.loading import Ddr
    from snnir.targets.technology import Technology

SAMPLES = 64

ENGINES = ("model", "rtl", "both")


def add_arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("folder", metavar="DIR", type=Path, help="a build folder, made by snnc compile")
    add(
        "--input", metavar="X.npz",
        help="count spikes and cycles on these inputs; "
        "without it, on the calibration samples that the build folder keeps",
    )  # fmt: skip
    add(
        "--limit", metavar="N", type=whole(1), default=SAMPLES,
        help=f"run the first N samples ({SAMPLES})",
    )  # fmt: skip
    add(
        "--trace", metavar="FILE", type=Path,
        help="write when everything happens in the first sample, for ui.perfetto.dev",
    )  # fmt: skip
    add(
        "--plot", metavar="FILE.svg", type=Path,
        help="draw where the clocks of each layer go",
    )  # fmt: skip
    add(
        "--engine", choices=ENGINES, default="model",
        help="who says where clocks go: the cycle model on the trains of the C program (default), "
        "the counters of the simulated Verilog, or both, which must agree",
    )  # fmt: skip
    add_ddr_arguments(parser)
    add_energy_arguments(parser)
    add("--json", action="store_true", help="print one JSON object")


def run(args: Namespace) -> int:
    from snnir.runtime.build import BuildFolder
    from snnir.tools.output import print_json

    build = BuildFolder(args.folder)
    source = args.input or build.calibration()
    ddr = chosen_ddr(args, build)
    technology = chosen_technology(args)
    wanted = (("--trace", args.trace), ("--plot", args.plot), ("--energy", args.energy))
    for option, given in wanted:
        if given and not source:
            what = f"there is nothing to {option[2:]}"
            raise UserError(what, where=option, hint="give inputs: --input X.npz")
    if args.engine != "model" and not source:
        raise UserError(
            "there is nothing to run", where="--engine", hint="give inputs: --input X.npz"
        )
    activity = None
    if source:
        activity = _activity(build, source, args.limit, args.engine, args.trace, ddr, technology)
    found = _as_json(build, activity, str(source) if source else None)
    found["ddr"] = ddr_as_json(build, ddr)
    found["moves"] = moves_as_json(build)
    for key, file in (("trace", args.trace), ("plot", args.plot)):
        found[key] = str(file) if file else None
    if args.plot:
        _plot(found, args.plot)
    if args.json:
        print_json(found)
    elif technology:
        from snnir.tools.energy import energy_as_text

        print(energy_as_text(found))
    else:
        print(_as_text(found))
    return 0


def _activity(
    build: BuildFolder,
    source: str | Path,
    limit: int,
    engine: str,
    trace: Path | None,
    ddr: Ddr | None,
    technology: Technology | None,
) -> dict[str, Any]:
    """Spikes, silence, events, cycles and losses per layer, from a run of C or of the Verilog."""
    import numpy as np

    from snnir.runtime.engines import run_engine
    from snnir.runtime.losses import count_losses, losses_of_counters
    from snnir.runtime.progress import step
    from snnir.runtime.samples import load_for
    from snnir.schedule.loading import DDR

    samples = load_for(build.manifest, source).first(limit)
    counted = engine != "model"
    runs = "rtl" if counted else "c"
    with step(f"{runs}: {len(samples):,} samples"):
        result = run_engine(runs, build, samples.x, trains=True, counted=counted, ddr=ddr)
    losses = {}
    if counted:
        losses["rtl"] = losses_of_counters(build.tables, result.counted)
    if engine != "rtl":
        with step("clocks of the layers"):
            losses["model"] = count_losses(
                build.tables, build.pe, result.trains, ddr or DDR, result.windows
            )
    if engine == "both":
        _compare(losses["model"], losses["rtl"], str(build.path))
    if trace:
        _trace(build, result, str(source), engine, trace, ddr or DDR)
    layers = {}
    for label, words in result.trains.items():
        spikes = np.bitwise_count(words).sum(dtype=np.int64) / len(words)
        layers[label] = {"spikes": float(spikes), "silent": float((words == 0).mean())}
    return {
        "engine": engine,
        "samples": len(samples),
        "layers": layers,
        "cycles": _by_image(result.layer_cycles, result.batch),
        "events": _by_image(result.events, result.batch),
        "total_cycles": result.cycles_per_image,
        "losses": next(iter(losses.values())),
        "energy": energy_as_json(build, result.trains, technology, result.windows)
        if technology
        else None,
    }


def _by_image(counts: dict[str, np.ndarray], batch: int) -> dict[str, float]:
    """Means over images of what is counted by batch."""
    return {label: float(values.mean()) / batch for label, values in counts.items()}


def _compare(model: dict[str, Any], rtl: dict[str, Any], where: str) -> None:
    for expected, found in zip(model["layers"], rtl["layers"], strict=True):
        for key, value in expected.items():
            if found[key] != value:
                raise UserError(
                    f"the Verilog counts {found[key]} clocks of {expected['name']} to {key}, "
                    f"the cycle model {value}",
                    where=where,
                )


def _trace(
    build: BuildFolder, result: EngineResult, source: str, engine: str, path: Path, ddr: Ddr
) -> None:
    from snnir.runtime.progress import step
    from snnir.runtime.timeline import model_timeline, rtl_timeline
    from snnir.runtime.trace import trace_events, trace_text
    from snnir.tools.files import write_bytes

    mhz, cycles = build.manifest["target"]["clock_mhz"], int(result.cycles[0])
    events: list[dict[str, Any]] = []
    with step("trace of the first sample"):
        if engine != "rtl":
            told = model_timeline(build.tables, build.pe, result.trains, ddr)
            events += trace_events(build.tables, told, mhz, "cycle model")
        if engine != "model":
            told = rtl_timeline(build.tables, result.counted)
            events += trace_events(build.tables, told, mhz, "Verilog", process=1)
    about = {"network": build.manifest["name"], "input": source, "sample": 0}
    about |= {"clock_mhz": mhz, "cycles": cycles}
    write_bytes(str(path), trace_text(events, about).encode())


def _plot(found: dict[str, Any], path: Path) -> None:
    from snnir.tools.files import write_bytes
    from snnir.tools.losses import losses_chart

    engine = found["activity"]["engine"]
    chart = losses_chart(found["name"], found["array"], found["losses"], engine)
    write_bytes(str(path), chart.encode())


def _as_json(build: BuildFolder, activity: dict[str, Any] | None, source: str | None) -> dict:
    manifest = build.manifest
    layers = []
    for layer in manifest["layers"]:
        counted = dict.fromkeys(("spikes", "silent", "events", "cycles"))
        if activity:
            # Of a pooled layer, the stored trains are what the next layer sees.
            stored = f"{layer['name']}.pool"
            label = stored if stored in activity["layers"] else layer["name"]
            counted |= activity["layers"].get(label, {})
            counted["events"] = activity["events"].get(layer["name"])
            counted["cycles"] = activity["cycles"].get(layer["name"])
        layers.append({**layer, **counted})
    target, array = manifest["target"], manifest["array"]
    cycles = activity["total_cycles"] if activity else None
    bram = sum(memory["bram36"] for memory in manifest["memory"])
    luts = _estimated_luts(manifest)
    inside = luts <= target["lut"] * target["lut_share"] and bram <= target["bram36"]
    return {
        "name": manifest["name"],
        "windows": build.windows,
        "array": array,
        "operations_per_clock": array["banks"] * array["channels"] * array["planes"],
        "activity": {"source": source, **{key: activity[key] for key in ("samples", "engine")}}
        if activity
        else None,
        "input": _input(build, activity),
        "layers": layers,
        "memory": manifest["memory"],
        "totals": {
            "parameters": sum(layer["parameters"] for layer in layers),
            "macs": sum(layer["macs"] for layer in layers),
            "spikes": sum(layer["spikes"] or 0 for layer in layers) if activity else None,
            "cycles": cycles,
            "seconds": cycles / (target["clock_mhz"] * 1e6) if activity else None,
            "batch": manifest["batch"],
            "memory_bytes": sum(memory["bytes"] for memory in manifest["memory"]),
        },
        "fit": {
            "target": target["name"],
            "part": target["part"],
            "clock_mhz": target["clock_mhz"],
            "lut_estimate": luts,
            "lut": target["lut"],
            "bram36_estimate": bram,
            "bram36": target["bram36"],
            "fits": inside,
        },
        "losses": activity["losses"] if activity else None,
        "energy": activity["energy"] if activity else None,
    }


def _input(build: BuildFolder, activity: dict[str, Any] | None) -> dict[str, Any]:
    """The image: what it takes to receive it. One row of the layer table for each word of bits."""
    coding = build.manifest["input"]["coding"]
    found = {"coding": coding, "shape": list(build.tables.image)}
    if activity is None:
        return found | dict.fromkeys(("spikes", "silent", "cycles"))
    rows = [c for label, c in activity["cycles"].items() if label.split(".")[0] == "input"]
    return found | activity["layers"]["input"] | {"cycles": sum(rows)}


def _estimated_luts(manifest: dict[str, Any]) -> int:
    from snnir.dialects.pe_types import ArrayParameters
    from snnir.schedule.resources import estimate_luts

    rate = manifest["options"]["coding"] == "rate"
    return estimate_luts(ArrayParameters(**manifest["array"]), rate)


def _as_text(found: dict[str, Any]) -> str:
    from snnir.tools.losses import WHO, losses_table
    from snnir.tools.tables import byte_size, duration, facts, number, percent, table

    totals, fit, array = found["totals"], found["fit"], found["array"]
    image = found["input"]
    kind = "spikes" if image["coding"] == "rate" else "pixels in bits"
    rows = [
        ("input", kind, "x".join(map(str, image["shape"])), "-", "-",
         number(image["spikes"]), percent(image["silent"], 1), number(image["cycles"]), "-", "-")
    ]  # fmt: skip
    for layer in found["layers"]:
        widths = (layer["weight_bits"], layer["acc_bits"], layer["membrane_bits"])
        rows.append(
            (
                layer["name"],
                layer["kind"],
                "x".join(map(str, layer["stored"])),
                number(layer["parameters"]),
                number(layer["macs"]),
                number(layer["spikes"]),
                percent(layer["silent"], 1),
                number(layer["cycles"]),
                "/".join("-" if width is None else str(width) for width in widths),
                byte_size(layer["weight_bytes"]),
            )
        )
    rows.append(
        ("total", "", "", number(totals["parameters"]), number(totals["macs"]),
         number(totals["spikes"]), "", number(totals["cycles"]), "",
         byte_size(sum(layer["weight_bytes"] for layer in found["layers"])))
    )  # fmt: skip
    headers = (
        "layer", "kind", "output", "params", "MACs", "spikes", "silent", "cycles",
        "bits w/acc/v", "weight memory",
    )  # fmt: skip
    memory = table(
        ("memory", "count", "width [bit]", "depth", "size", "BRAM36"),
        [
            (m["name"], m["count"], m["width"], number(m["depth"]), byte_size(m["bytes"]),
             f"{m['bram36']:g}")
            for m in found["memory"]
        ],
    )  # fmt: skip
    about = []
    if found["activity"]:
        count, source = found["activity"]["samples"], found["activity"]["source"]
        many = found["windows"] != 1
        of = f"the windows of {count:,} samples" if many else f"{count:,} samples"
        about.append(("counted", f"spikes and cycles are means over {of} of {source}"))
        about.append(
            ("losses", f"the array does {percent(found['losses']['total']['sustained'], 1)} of its "
             "peak; the second table says in clocks where the rest goes, "
             f"{WHO[found['activity']['engine']]}")
        )  # fmt: skip
        batch = totals["batch"]
        together = f" for {batch} images together" if batch > 1 else ""
        about.append(
            ("latency", f"{number(batch * totals['cycles'])} cycles{together}, "
             f"{duration(batch * totals['seconds'])} at {fit['clock_mhz']:g} MHz, "
             f"{number(1 / totals['seconds'])} {'windows' if many else 'images'} a second")
        )  # fmt: skip
    else:
        about.append(("counted", "nothing: give --input X.npz to see spikes and cycles"))
    about.append(
        ("array", f"{array['banks']} banks x {array['channels']} channels x {array['planes']} "
         f"planes = {number(found['operations_per_clock'])} synaptic operations per clock")
    )  # fmt: skip
    if found["ddr"]:
        about.append((held_in_ddr(found["ddr"]), f"from DDR at {ddr_as_text(found['ddr'])}"))
    if found["moves"]:
        about.append(("moves", moves_as_text(found["moves"])))
    about.append(
        ("fit", f"{'fits' if fit['fits'] else 'DOES NOT FIT'} the {fit['target']} by estimate: "
         f"{number(fit['lut_estimate'])} of {number(fit['lut'])} LUT, "
         f"{fit['bram36_estimate']:g} of {fit['bram36']} BRAM36, no DSP (snnc synth counts them)")
    )  # fmt: skip
    if found["trace"]:
        about.append(("trace", f"{found['trace']}, to be opened at ui.perfetto.dev"))
    if found["plot"]:
        about.append(("plot", found["plot"]))
    losses = [losses_table(found["losses"])] if found["losses"] else []
    return "\n\n".join([table(headers, rows, total=True), *losses, memory, facts(about)])
