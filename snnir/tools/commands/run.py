"""Run a compiled network on data: outputs, accuracy beside the float model's, speed, cycles."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnir.tools.arguments import whole
from snnir.tools.ddr import add_ddr_arguments, chosen_ddr, ddr_as_json, ddr_as_text, held_in_ddr
from snnir.tools.events import add_binning_arguments, recording_or_input

if TYPE_CHECKING:
    import numpy as np

    from snnir.runtime.build import BuildFolder
    from snnir.runtime.engine import EngineResult
    from snnir.runtime.samples import Samples

ENGINES = {
    "c": "C program",
    "fast": "C without clocks",
    "interp": "integer reference",
    "rtl": "Verilog, simulated",
}

SHOWN = 10
"""Up to as many samples are listed one by one."""


def add_arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("folder", metavar="DIR", type=Path, help="a build folder, made by snnc compile")
    add("--input", metavar="X.npz", help="inputs 'x' and, where known, labels 'y'")
    add("--events", metavar="FILE", help="or, of a network of spikes, a recording of events")
    add(
        "--engine", choices=tuple(ENGINES), default="c",
        help="the C program, which counts clocks (c); C that does not, and is the fastest way to "
        "an accuracy (fast); the integer reference (interp); simulated Verilog (rtl)",
    )  # fmt: skip
    add("--limit", metavar="N", type=whole(1), help="run the first N samples only")
    add(
        "--outputs", metavar="FILE.npz", type=Path,
        help="write outputs, potentials and predictions of all samples",
    )  # fmt: skip
    add("--no-float", action="store_true", help="leave the float model's accuracy out")
    add_ddr_arguments(parser)
    add_binning_arguments(parser)
    add("--json", action="store_true", help="print one JSON object")


def run(args: Namespace) -> int:
    from snnir.runtime.build import BuildFolder
    from snnir.runtime.decision import stop_when_decided
    from snnir.runtime.encode import real_inputs, real_outputs
    from snnir.runtime.engines import run_engine
    from snnir.runtime.progress import step
    from snnir.runtime.windows import decided
    from snnir.tools.output import print_json

    build = BuildFolder(args.folder)
    ddr = chosen_ddr(args, build)
    samples = recording_or_input(args, build).first(args.limit)
    several = build.windows != 1
    with step(f"{args.engine}: {len(samples):,} samples"):
        result = run_engine(
            args.engine, build, samples.x, trains=several, ddr=ddr,
            stop=stop_when_decided(build.manifest["output"]),
        )  # fmt: skip
    found = summary(args.engine, result, samples, build.windows, build.manifest["output"])
    found["ddr"] = ddr_as_json(build, ddr) if result.cycles is not None else None
    goes_on = build.manifest["output"].get("goes_on", False)
    # Scores are no sums over windows, nor is what a readout of one's own makes of them.
    shared = 1 if found["decision"] or goes_on else result.windows
    potentials = decided(result, build.windows, goes_on)
    outputs = real_outputs(build.manifest["output"], potentials / shared)
    if build.tables.recurs:
        why = "it knows no time, and so no window before"
    elif args.no_float:
        why = "left out"
    else:
        real = real_inputs(build.manifest["input"], samples.x)
        found["float_accuracy"], why = float_accuracy(build, real, samples.y)
    if args.outputs:
        _save(args.outputs, outputs, result, found["predictions"])
    if args.json:
        print_json(found)
    else:
        print(_as_text(build, found, samples, outputs, why))
    return 0


def summary(
    engine: str,
    result: EngineResult,
    samples: Samples,
    windows: int = 1,
    output: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What a run found, as the JSON object has it.

    Args:
        windows: of a sample, as the build has them.
        output: of the manifest; says how scores are read, where they are scores.
    """
    from snnir.runtime.decision import decide, spent
    from snnir.runtime.windows import decided

    output = output or {}
    potentials = decided(result, windows, output.get("goes_on", False))
    predictions, steps = decide(output, potentials)
    right = None if samples.y is None else float((predictions == samples.y).mean())
    return {
        "engine": engine,
        "samples": len(samples),
        "accuracy": right,
        "float_accuracy": None,
        "seconds_per_sample": result.seconds / len(samples),
        "batch": result.batch,
        "cycles_per_sample": None
        if result.cycles is None
        else result.cycles_per_image * result.windows,
        "decision": spent(output, potentials),
        "predictions": predictions.tolist(),
        "steps": None if steps is None else steps.tolist(),
        "windows": _windows(result) if windows != 1 else None,
    }


def _windows(result: EngineResult) -> dict[str, Any]:
    """What each window of each sample said: class, spikes of all neurons, clocks."""
    from snnir.runtime.windows import by_window, spikes_of

    count = result.windows
    cycles = None if result.cycles is None else by_window(result.cycles, count).tolist()
    return {
        "count": count,
        "predictions": by_window(result.potentials.argmax(axis=1), count).tolist(),
        "spikes": spikes_of(result).tolist(),
        "cycles": cycles,
    }


def float_accuracy(
    build: BuildFolder, x: np.ndarray, y: np.ndarray | None
) -> tuple[float | None, str | None]:
    """Accuracy of the float model, or why there is none."""
    from snnir.runtime import float_model
    from snnir.runtime.progress import step

    if y is None:
        return None, "the data has no labels"
    if not float_model.available():
        return None, "onnxruntime is not installed: pip install 'snnir[float]'"
    with step(f"float model: {len(x):,} samples"):
        predictions = float_model.FloatModel(build.model).predictions(x)
    return float((predictions == y).mean()), None


def _save(path: Path, outputs: np.ndarray, result: EngineResult, predictions: list[int]) -> None:
    from io import BytesIO

    import numpy as np

    from snnir.tools.files import write_bytes

    stream = BytesIO()
    np.savez_compressed(
        stream,
        outputs=outputs,
        potentials=result.potentials,
        predictions=np.array(predictions),
    )
    write_bytes(str(path), stream.getvalue())


def decision_as_text(decision: Mapping[str, Any]) -> str:
    """How soon the first output neuron spiked."""
    from snnir.tools.tables import number, percent

    text = f"by the first output neuron to spike, {number(decision['steps_per_sample'])} steps"
    share = decision["undecided"]
    silent = f", none spiked in {percent(share)}" if share else ""
    return f"{text} of {decision['steps']} a sample{silent}"


def _as_text(build: BuildFolder, found: dict[str, Any], samples: Samples, outputs, why) -> str:
    from snnir.tools.tables import duration, facts, number, percent, table

    clock = build.manifest["target"]["clock_mhz"]
    cycles = found["cycles_per_sample"]
    pairs: list[tuple[str, object]] = [
        ("samples", number(len(samples))),
        ("engine", ENGINES[found["engine"]]),
        ("time", f"{duration(found['seconds_per_sample'])} a sample"),
    ]
    if samples.y is not None:
        pairs.insert(2, ("accuracy", percent(found["accuracy"])))
        pairs.insert(3, ("float model", percent(found["float_accuracy"]) if why is None else why))
    if cycles is not None:
        at_clock = duration(cycles / (clock * 1e6))
        together = f", {found['batch']} together" if found["batch"] > 1 else ""
        how = f"{number(cycles)} cycles a sample, {at_clock} at {clock:g} MHz{together}"
        pairs.append(("hardware", how))
    if found["windows"]:
        spikes = found["windows"]["spikes"]
        mean = sum(map(sum, spikes)) / sum(map(len, spikes))
        count = found["windows"]["count"]
        pairs.append(("windows", f"{count} a sample, {mean:.1f} spikes in each of them"))
    if found["decision"]:
        pairs.append(("decision", decision_as_text(found["decision"])))
    if found["ddr"]:
        pairs.append((held_in_ddr(found["ddr"]), f"from DDR at {ddr_as_text(found['ddr'])}"))
    text = facts(pairs)
    if len(samples) > SHOWN:
        return text
    labels = samples.y if samples.y is not None else ["-"] * len(samples)
    rows = [
        (index, found["predictions"][index], labels[index], "".join(f"{v:10.4g}" for v in row[:10]))
        for index, row in enumerate(outputs.reshape(len(samples), -1))
    ]
    return f"{text}\n\n{table(('sample', 'predicted', 'label', 'outputs'), rows)}"
