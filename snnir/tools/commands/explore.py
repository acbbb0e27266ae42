"""Search arrays, codings and widths for a network; show the designs that nothing else beats."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnir.errors import UserError
from snnir.tools.arguments import between, choices, names, whole, workers
from snnir.tools.commands.compile import (
    add_neuron_arguments,
    add_pixel_arguments,
    check_neuron_arguments,
)

if TYPE_CHECKING:
    from snnir.explore.model import Estimate
    from snnir.explore.search import Found, Query

OBJECTIVES = ("speed", "luts", "bram", "moved", "accuracy")

SHARED = ("calibration", "samples", "input_scale", "input_coding", "mean", "std", "balance",
          "percentile", "rounding")  # fmt: skip
"""Options that each compilation takes as they are given here."""

ROWS = 24

RATE = ("emission", "reset", "compare")
"""Those that only rate-coded neurons have."""


def add_arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("model", metavar="MODEL", type=Path, help="the trained network, an .onnx file")
    add("--target", default="pynq-z2", metavar="NAME|FILE.toml", help="the device (pynq-z2)")
    add(
        "--data", metavar="X.npz",
        help="inputs 'x' and labels 'y' on which accuracy and silence are measured "
        "(the calibration data)",
    )  # fmt: skip
    add("--limit", metavar="N", type=whole(1), help="run the first N samples of it")
    add_pixel_arguments(parser)

    network = parser.add_argument_group("settings: each is compiled once")
    add = network.add_argument
    add(
        "--coding", metavar="radix,rate", type=names("radix", "rate"), default=("radix", "rate"),
        help="of the trains (both)",
    )  # fmt: skip
    add("--timesteps", metavar="T,..", type=choices(1, 16), default=(4, 8), help="1 to 16 (4,8)")
    add("--weight-bits", metavar="B,..", type=choices(2, 8), default=(4, 8), help="2 to 8 (4,8)")
    add_neuron_arguments(network)

    machine = parser.add_argument_group("arrays: all of these sizes, unless given")
    add = machine.add_argument
    add("--banks", metavar="K,..", type=choices(1, 32, powers=True), default=(), help="of events")
    add("--channels", metavar="C,..", type=choices(1, 256), default=(), help="output channels")
    add(
        "--planes", metavar="P,..", type=choices(1, 16), default=(),
        help="bits of a train side by side (as many as steps, or as bits of a pixel)",
    )  # fmt: skip
    add("--drain", metavar="L,..", type=choices(1, 8, powers=True), default=(), help="its lanes")
    add(
        "--weights", metavar="onchip,stream", type=names("onchip", "stream"),
        default=("onchip", "stream"), help="where weights are kept (both)",
    )  # fmt: skip

    limits = parser.add_argument_group("what to look for")
    add = limits.add_argument
    add("--max-luts", metavar="N", type=whole(1), help="(the share of the target that routes)")
    add("--max-bram", metavar="N", type=whole(0), help="block RAMs of 36 Kbit (the target's)")
    add("--min-accuracy", metavar="A", type=between(0, 1), help="share of right predictions")
    add(
        "--by", metavar="NAME,..", type=names(*OBJECTIVES), default=("speed", "luts", "accuracy"),
        help=f"what a design may be better in: {', '.join(OBJECTIVES)} (speed,luts,accuracy)",
    )  # fmt: skip

    work = parser.add_argument_group("work and results")
    add = work.add_argument
    add(
        "--workers", metavar="N|tcp://HOST:PORT", type=workers,
        help="processes (one for each core), or a Dask scheduler",
    )  # fmt: skip
    add("--cache", metavar="DIR", type=Path, help="keep measurements here (~/.cache/snnir)")
    add("--plot", metavar="FILE.svg", type=Path, help="draw images a second against LUTs")
    add(
        "--rows", metavar="N", type=whole(1), default=ROWS,
        help=f"print at most N rows, spread over the front ({ROWS}); --json has all",
    )  # fmt: skip
    add("--json", action="store_true", help="print one JSON object")


def run(args: Namespace) -> int:
    check_neuron_arguments(args, "snnc explore", "rate" in args.coding)
    if args.plot and args.plot.suffix != ".svg":
        raise UserError(
            f"cannot draw a '{args.plot.suffix}' file", where="--plot", hint="name a .svg file"
        )
    query, workplace = _query(args), args.workers
    from snnir.explore.measure import Cache
    from snnir.explore.search import search
    from snnir.explore.workers import cores, open_workers

    workers = open_workers(workplace or cores())
    try:
        found = search(query, workers, Cache(args.cache or _cache()))
    finally:
        workers.close()
    if args.plot:
        from snnir.explore.plot import plot
        from snnir.tools.files import write_bytes

        write_bytes(str(args.plot), plot(query, found).encode())
    if args.json:
        from snnir.tools.output import print_json

        print_json(_as_json(query, found))
    else:
        print(_as_text(query, found, args.plot, args.rows))
    return 0


def _query(args: Namespace) -> Query:
    from snnir.explore.model import Limits
    from snnir.explore.search import Query
    from snnir.explore.space import Space
    from snnir.pipeline.flow import Flow
    from snnir.targets import load_target

    target = load_target(args.target)
    flow = Flow(
        target=args.target,
        per_channel=args.per_channel,
        verilog=False,
        **{name: getattr(args, name) for name in (*SHARED, *RATE)},
    )
    data = args.data or args.calibration
    labelled = _check_data(args.model, data)
    if args.min_accuracy is not None and not labelled:
        raise UserError(
            "there are no labels to measure accuracy by",
            where="--min-accuracy",
            hint="give --data X.npz with 'x' and 'y'",
        )
    return Query(
        model=str(args.model),
        flow=flow,
        space=Space(
            codings=args.coding,
            timesteps=args.timesteps,
            weight_bits=args.weight_bits,
            banks=args.banks,
            channels=args.channels,
            planes=args.planes,
            drain=args.drain,
            weights=args.weights,
        ),
        target=target,
        limits=Limits(
            luts=args.max_luts or target.usable_lut,
            bram36=target.bram36 if args.max_bram is None else args.max_bram,
            accuracy=args.min_accuracy or 0.0,
        ),
        data=data,
        limit=args.limit,
        objectives=tuple(name for name in args.by if labelled or name != "accuracy"),
    )


def _check_data(model: Path, data: str | None) -> bool:
    """Whether there are labels; what is wrong with the model or the data is said at once."""
    from math import prod

    from snnir.analysis.network import network_of
    from snnir.frontend.onnx import import_model
    from snnir.pipeline.describe import model_input
    from snnir.runtime.samples import load_samples

    module = import_model(model)
    shape = model_input(module)
    outputs = network_of(module).function_type.outputs.data[0].get_shape()
    return data is not None and load_samples(data, shape[1:], prod(outputs[1:])).y is not None


def _cache() -> Path:
    import os

    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "snnir"


def options_of(found: Found, e: Estimate) -> str:
    """What `snnc compile` takes to make a design, beside the options that all share."""
    a = e.array
    size = f"{a.banks},{a.channels},{a.planes},{a.drain}"
    return f"{found.settings[e.setting].options} --array {size} --weights {e.weights}"


def compile_line(query: Query, found: Found, e: Estimate) -> str:
    """The whole command that compiles a design."""
    words = ["snnc", "compile", query.model, "-o", "build"]
    flow, rate = query.flow, found.settings[e.setting].coding == "rate"
    for name in (*SHARED, *(RATE if rate else ())):
        value = getattr(flow, name)
        if value is not None:
            text = ",".join(map(repr, value)) if isinstance(value, tuple) else str(value)
            words += [f"--{name.replace('_', '-')}", text]
    words += ["--per-channel"] if flow.per_channel else []
    words += ["--target", flow.target] if flow.target != "pynq-z2" else []
    return f"{shlex.join(words)} {options_of(found, e)}"


def _as_json(query: Query, found: Found) -> dict[str, Any]:
    from snnir.explore.measure import Refused

    settings = []
    for one, measured in zip(found.settings, found.measured, strict=True):
        refused = isinstance(measured, Refused)
        settings.append(
            {
                **asdict(one),
                "accuracy": None if refused else measured.accuracy,
                "samples": 0 if refused else measured.samples,
                "refused": measured.why if refused else None,
            }
        )
    return {
        "model": query.model,
        "target": query.target.name,
        "limits": {
            "lut": query.limits.luts,
            "bram36": query.limits.bram36,
            "accuracy": query.limits.accuracy or None,
        },
        "objectives": list(query.objectives),
        "settings": settings,
        "considered": found.considered,
        "fitting": found.fitting,
        "front": [_point(query, found, index) for index in range(len(found.front))],
        "chosen": found.chosen,
    }


def _point(query: Query, found: Found, index: int) -> dict[str, Any]:
    e = found.front[index]
    return {
        **asdict(found.settings[e.setting]),
        "array": asdict(e.array),
        "weights": e.weights,
        "images_per_second": e.images_per_second,
        "latency": e.latency,
        "cycles": e.cycles,
        "cycles_computing": e.computing,
        "lut": e.luts,
        "ff": e.ffs,
        "bram36": e.bram36,
        "bytes_moved": e.moved,
        "accuracy": e.accuracy,
        "operations_per_clock": e.array.synaptic_operations,
        "options": options_of(found, e),
        "command": compile_line(query, found, e),
    }


def _as_text(query: Query, found: Found, plot: Path | None, most: int) -> str:
    from snnir.explore.measure import Refused
    from snnir.tools.tables import byte_size, duration, facts, number, percent, table

    shown = _spread(len(found.front), most, found.chosen)
    rows = [
        (
            "*" if index == found.chosen else "",
            number(e.images_per_second, 0 if e.images_per_second >= 100 else 1),
            duration(e.latency),
            number(e.luts),
            number(e.bram36, 0 if float(e.bram36).is_integer() else 1),
            byte_size(e.moved),
            percent(e.accuracy),
            options_of(found, e),
        )
        for index, e in enumerate(found.front)
        if index in shown
    ]
    headers = ("", "images/s", "latency", "LUT", "BRAM36", "moved/image", "accuracy", "options")
    settings = [m for m in found.measured if not isinstance(m, Refused)]
    about: list[tuple[str, object]] = [
        ("searched", f"{number(found.considered)} designs in {len(settings)} settings; "
         f"{number(found.fitting)} fit {number(query.limits.luts)} LUT and "
         f"{query.limits.bram36} BRAM36 of the {query.target.name}")
    ]  # fmt: skip
    if query.data:
        measured = f"{number(settings[0].samples)} samples of {query.data}"
        about.append(("measured", measured + ("" if settings[0].accuracy is not None else
                                              ", which has no labels: no accuracy")))  # fmt: skip
    else:
        about.append(("measured", "nothing: half of all neurons are taken to be silent; "
                      "give --data or --calibration"))  # fmt: skip
    about += [
        ("refused", f"{one.options}: {m.why}")
        for one, m in zip(found.settings, found.measured, strict=True)
        if isinstance(m, Refused)
    ]
    if len(shown) < len(found.front):
        about.append(("front", f"{len(shown)} of its {len(found.front)} designs are shown; see "
                      "--rows and --by"))  # fmt: skip
    about.append(("figures", "are estimates; report and synth count what was compiled"))
    if plot:
        about.append(("plot", plot))
    chosen = compile_line(query, found, found.front[found.chosen])
    return f"{table(headers, rows)}\n\n{facts(about)}\n\nThe chosen one (*):\n{chosen}"


def _spread(count: int, most: int, always: int) -> set[int]:
    """At most so many indices, evenly spread from the first to the last, `always` among them."""
    if count <= most:
        return set(range(count))
    spread = {round(i * (count - 1) / max(1, most - 2)) for i in range(max(0, most - 1))}
    return spread | {always}
