"""Compile a trained network into a build folder: IR of all stages, C, Verilog, weights."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from snnir.errors import UserError
from snnir.tools.arguments import (
    array,
    batch,
    between,
    by_layer,
    positive,
    real,
    several,
    whole,
    windows,
    words,
)


def add_arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("model", metavar="MODEL", type=Path, help="the trained network, an .onnx file")
    add("-o", "--output", metavar="DIR", type=Path, required=True, help="the build folder")
    add("--json", action="store_true", help="print what was made as one JSON object")

    add_pixel_arguments(parser)

    network = parser.add_argument_group("spiking network")
    add = network.add_argument
    add("--coding", choices=("radix", "rate"), help="of the trains (radix, or the --neuron's own)")
    add("--timesteps", metavar="T", type=whole(1, 16), default=4, help="1 to 16 (4)")
    add(
        "--steps-of", metavar="LAYER:T,..", type=by_layer(1, 16),
        help="radix coding: timesteps of single layers' trains",
    )  # fmt: skip
    add("--weight-bits", metavar="B", type=whole(2, 8), default=8, help="2 to 8 (8)")
    add(
        "--bits-of", metavar="LAYER:B,..", type=by_layer(2, 8),
        help="bits of single layers' weights, 2 to 8",
    )  # fmt: skip
    add(
        "--budget", metavar="weights=B|cycles=N|us=N",
        help="bits for each layer, from 2 to --weight-bits, of B in the mean; or bits and steps "
        "with which an image takes N clocks or microseconds at most; they go where they mend most, "
        "as measured on calibration data",
    )  # fmt: skip
    add(
        "--windows", metavar="N|endless", type=windows,
        help="a sample is N images, or windows of spikes, of T steps each, one after another, and "
        "neurons keep their states between them; endless: any number of them (1)",
    )  # fmt: skip
    add_neuron_arguments(network)
    add(
        "--neuron", metavar="[LAYER=]NAME|FILE,..", action="append", type=words,
        help="what fires, in the neuron language: a shipped neuron or a file; in all layers, or in "
        "the one that is named; may be repeated",
    )  # fmt: skip
    add(
        "--neuron-values", metavar="NAME=V,..",
        help="for its parameters and options: leak=3, conv1.leak=2, conv1.leak=1:2:3, reset=hard",
    )  # fmt: skip
    add(
        "--readout", metavar="NAME|FILE",
        help="what the last layer is read out by, in the neuron language: a shipped neuron that "
        "never fires, such as readout_leak, or a file",
    )  # fmt: skip
    add("--readout-values", metavar="NAME=V,..", help="for its parameters and options: leak=6")

    machine = parser.add_argument_group("machine")
    add = machine.add_argument
    add("--target", default="pynq-z2", metavar="NAME|FILE.toml", help="the device (pynq-z2)")
    add(
        "--array", metavar="K,C,P[,L]|FILE", type=array,
        help="banks, output channels, planes, lanes of the drain; the compiler chooses unless "
        "given. Or the machine of another build, its machine.json: the program is compiled for it",
    )  # fmt: skip
    add(
        "--reconfigurable", action="store_true",
        help="make a machine whose program is data: its Verilog runs other networks too",
    )  # fmt: skip
    add(
        "--weights", choices=("auto", "onchip", "stream"),
        help="where weights are kept: in the banks' memories, or in DDR, from which they come "
        "tile by tile (auto: in DDR where they do not fit the device)",
    )  # fmt: skip
    add(
        "--batch", metavar="N|auto", type=batch,
        help="images that are computed together and share the weights that come from DDR: 1 to 8, "
        "or as many as the time that these take asks for (1)",
    )  # fmt: skip
    add(
        "--maps", choices=("auto", "onchip", "ddr"),
        help="where feature maps are kept: in the array's memories, or in DDR, and layers over "
        "them are computed in bands of rows (auto: in DDR those that do not fit the device)",
    )  # fmt: skip
    add(
        "--bands", metavar="N", type=whole(1),
        help="bands of a layer whose result is in DDR (as few as fit the device)",
    )  # fmt: skip
    add(
        "--no-overlap", action="store_true",
        help="do not move feature maps to and from DDR while the array computes",
    )  # fmt: skip
    add("--no-verilog", action="store_true", help="leave the hardware out, C only")


def add_pixel_arguments(parser: ArgumentParser) -> None:
    """The options about calibration data and what a pixel means."""
    data = parser.add_argument_group("calibration data and pixels")
    add = data.add_argument
    add(
        "--calibration", metavar="X.npz",
        help="a few hundred inputs 'x' from which thresholds are chosen",
    )  # fmt: skip
    add(
        "--samples",
        metavar="N",
        type=whole(1),
        help="inputs of it that are used (128)",
    )
    add(
        "--input-scale", metavar="S", type=positive,
        help="what a pixel counts: the model takes pixel * S, for example 1/255",
    )  # fmt: skip
    add(
        "--mean", metavar="M,..", type=several(real),
        help="the model takes (pixel * S - mean) / std, one value for each channel; "
        "S is 1/255 unless --input-scale is given",
    )  # fmt: skip
    add(
        "--input-coding", choices=("pixels", "spikes"),
        help="what comes in: an image (pixels), or spikes of T steps, such as snnc events makes; "
        "the model takes S * n / T for n spikes, S is 1 unless --input-scale is given",
    )  # fmt: skip
    add("--std", metavar="D,..", type=several(positive), help="see --mean")


def add_neuron_arguments(network) -> None:
    """The options about neurons, thresholds and rounding."""
    add = network.add_argument
    add(
        "--emission", choices=("causal", "after"),
        help="rate coding: fire in each step (causal), or after all steps are integrated",
    )  # fmt: skip
    add("--reset", choices=("soft", "hard"), help="rate coding: subtract the threshold (soft) or 0")
    add("--compare", choices=("ge", "gt"), help="rate coding: fire at v >= threshold (ge) or v >")
    add(
        "--balance", choices=("max", "percentile", "mse", "learned"),
        help="how thresholds follow from the activations (mse); learned also looks at the outputs, "
        "and takes longer",
    )  # fmt: skip
    add("--percentile", metavar="P", type=between(0, 100), help="for --balance percentile (99.9)")
    add("--per-channel", action="store_true", help="a threshold for each channel, not each layer")
    add(
        "--rounding", choices=("auto", "gptq", "mse", "minmax"),
        help="of weights: led by calibration data so that currents stray least (gptq), by least "
        "squared error (mse), without clipping (minmax); auto is gptq for up to 6 bits, else mse",
    )  # fmt: skip


def check_neuron_arguments(args: Namespace, where: str, rate: bool) -> None:
    """Refuse options that would have no effect."""
    for option in ("emission", "reset", "compare"):
        if getattr(args, option) is not None and not rate:
            raise UserError(
                f"--{option} is a matter of rate-coded neurons",
                where=where,
                hint="add --coding rate, or leave it out",
            )
    if args.percentile is not None and args.balance != "percentile":
        raise UserError(
            "--percentile has no effect on this method",
            where=where,
            hint="add --balance percentile",
        )


def check_own_neuron(args: Namespace) -> str:
    """Read the user's neuron before anything else takes time; the coding of its trains."""
    from snnir.passes.convert_onnx_to_snn import ConvertOnnxToSnnPass

    given = {"emission": args.emission, "reset": args.reset, "compare": args.compare}
    everywhere = any("=" not in entry for entry in args.neuron or ())
    for option, value in given.items():
        if value is not None and everywhere:
            raise UserError(
                f"--{option} is a matter of the neuron itself",
                where="snnc compile",
                hint="leave it out, or choose an option of the neuron with --neuron-values",
            )
    pass_ = ConvertOnnxToSnnPass(
        coding=args.coding, neuron=args.neuron, neuron_values=args.neuron_values
    )
    coding = pass_.choice().coding
    check_neuron_arguments(args, "snnc compile", everywhere or coding == "rate")
    return coding


def check_own_readout(args: Namespace, coding: str) -> None:
    """Read the user's readout before anything else takes time."""
    from snnir.passes.convert_onnx_to_snn import ConvertOnnxToSnnPass

    ConvertOnnxToSnnPass(readout=args.readout, readout_values=args.readout_values).last(coding)


def check_windows_alone(args: Namespace) -> None:
    """Refuse what a machine whose neurons keep their states does not do."""
    reasons = {
        "--reconfigurable": args.reconfigurable and "a machine whose program is data",
        "--array FILE": isinstance(args.array, Path) and "a machine whose program is data",
        "--batch": args.batch not in (None, 1) and "a batch of images",
        "--budget": (args.budget or "").partition("=")[0] in ("cycles", "us")
        and "a budget of clocks",
    }
    for option, what in reasons.items():
        if what:
            raise UserError(
                f"{what} keeps no states between windows",
                where="snnc compile",
                hint=f"leave --windows or {option} out",
            )


def run(args: Namespace) -> int:
    from snnir.pipeline.flow import Flow

    coding = args.coding or "radix"
    args.neuron = args.neuron and tuple(entry for entries in args.neuron for entry in entries)
    if args.neuron is not None or args.neuron_values is not None:
        coding = check_own_neuron(args)
    else:
        check_neuron_arguments(args, "snnc compile", coding == "rate")
    if args.readout is not None or args.readout_values is not None:
        check_own_readout(args, coding)
    machine = args.array if isinstance(args.array, Path) else None
    if (machine or args.reconfigurable) and args.weights == "onchip":
        raise UserError(
            "a machine whose program is data takes its weights from DDR",
            where="snnc compile",
            hint="leave --weights out",
        )
    if (machine or args.reconfigurable) and (args.maps == "ddr" or args.bands):
        raise UserError(
            "a machine whose program is data keeps all feature maps on the chip",
            where="snnc compile",
            hint="leave --maps and --bands out",
        )
    if args.windows not in (None, 1):
        check_windows_alone(args)
    from snnir.tools.budgets import check_budget

    if args.budget is not None:
        check_budget(args.budget, args.calibration, "snnc compile")
    flow = Flow(
        calibration=args.calibration,
        samples=args.samples,
        coding=coding,
        timesteps=args.timesteps,
        steps_of=args.steps_of,
        emission=args.emission,
        reset=args.reset,
        compare=args.compare,
        neuron=args.neuron,
        neuron_values=args.neuron_values,
        readout=args.readout,
        readout_values=args.readout_values,
        mean=args.mean,
        std=args.std,
        input_scale=args.input_scale,
        input_coding=args.input_coding,
        balance=args.balance,
        percentile=args.percentile,
        per_channel=args.per_channel,
        weight_bits=args.weight_bits,
        bits_of=args.bits_of,
        rounding=args.rounding,
        budget=args.budget,
        target=args.target,
        array=None if machine else args.array,
        machine=str(machine) if machine else None,
        reconfigurable=args.reconfigurable or machine is not None,
        weights=args.weights,
        batch=args.batch,
        windows=args.windows,
        maps=args.maps,
        bands=args.bands,
        overlap=not args.no_overlap,
        verilog=not args.no_verilog,
    )
    from snnir.tools.compiling import compile_model

    made = compile_model(args.model, args.output, flow)
    if args.json:
        from snnir.tools.output import print_json

        print_json(_as_json(args.output, made))
    else:
        print(_as_text(args.output, made))
    return 0


def _as_json(folder: Path, made) -> dict:
    manifest = made.manifest
    return {
        "folder": str(folder),
        **{
            key: manifest[key]
            for key in ("name", "pipeline", "snn_opt", "options", "array", "batch", "budget")
        },
        "layers": manifest["layers"],
        "memory": manifest["memory"],
        "files": list(manifest["files"]),
        "seconds": {name: round(value, 4) for name, value in made.seconds.items()},
    }


def _as_text(folder: Path, made) -> str:
    from snnir.tools.budgets import budget_text
    from snnir.tools.tables import byte_size, duration, number, table

    manifest = made.manifest
    rows = [
        (
            layer["name"],
            layer["kind"],
            "x".join(map(str, layer["stored"])),
            number(layer["parameters"]),
            number(layer["macs"]),
            layer["weight_bits"],
            layer["acc_bits"],
            layer["membrane_bits"],
        )
        for layer in manifest["layers"]
    ]
    headers = ("layer", "kind", "output", "params", "MACs", "w bits", "acc bits", "v bits")
    array = manifest["array"]
    memory = {entry["name"]: entry["bytes"] for entry in manifest["memory"]}
    operations = array["banks"] * array["channels"] * array["planes"]
    together = f", {manifest['batch']} images together" if manifest["batch"] > 1 else ""
    hardware = "IR, C and Verilog" if manifest["verilog"] else "IR and C"
    return f"""\
{table(headers, rows)}
{budget_text(manifest["budget"])}
array   {array["banks"]} banks x {array["channels"]} channels x {array["planes"]} planes \
= {number(operations)} synaptic operations per clock, {array["drain"]} channels drained{together}
memory  {byte_size(sum(memory.values()))}, of that weights {byte_size(memory["weights"])}
made    {folder}: {hardware}, {len(manifest["files"])} files in {duration(made.seconds["total"])}

The same by snn-opt ({_targets(manifest)}):
{manifest["snn_opt"]}"""


def _targets(manifest: dict) -> str:
    """How to get what is not IR from the line of passes."""
    if not manifest["verilog"]:
        return "add -t c for the C program"
    return "add -t verilog for Verilog; without convert-pe-to-hw, -t c for C"
