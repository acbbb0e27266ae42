"""Turn recordings of address events (x, y, p, t) into samples of spikes for networks of spikes."""

from __future__ import annotations

import math
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from snnir.errors import UserError
from snnir.tools.arguments import whole
from snnir.tools.events import add_binning_arguments, binning_of, words_of


def _size(text: str) -> tuple[int, int, int]:
    parts = text.lower().split("x")
    if len(parts) != 3 or not all(part.isdecimal() and int(part) for part in parts):
        raise ArgumentTypeError(f"'{text}' is no CxHxW such as 2x34x34")
    channels, height, width = map(int, parts)
    return channels, height, width


def _labels(text: str) -> list[int]:
    parts = text.split(",")
    if not all(part.isdecimal() for part in parts):
        raise ArgumentTypeError(f"'{text}' is no list of labels such as 3,0,7")
    return list(map(int, parts))


def add_arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("files", metavar="FILE", nargs="+", help="recordings: .npz with x, y, t and p")
    add("-o", "--output", metavar="X.npz", type=Path, required=True, help="the samples")
    add(
        "--size", metavar="CxHxW", type=_size, required=True,
        help="channels and pixels: 2 channels keep polarities apart, 1 joins them",
    )  # fmt: skip
    add(
        "--timesteps", metavar="T", type=whole(1, 8), required=True,
        help="steps of a sample, as the network has them (1 to 8)",
    )  # fmt: skip
    add(
        "--stream", metavar="N", type=whole(1, 4096), default=1,
        help="windows of a sample, of a network that was compiled with --windows N (1)",
    )  # fmt: skip
    add("--labels", metavar="Y,..", type=_labels, help="a label for each recording")
    add_binning_arguments(parser)
    add("--json", action="store_true", help="print one JSON object")


def run(args: Namespace) -> int:
    from io import BytesIO

    import numpy as np

    from snnir.runtime.events import as_samples
    from snnir.tools.files import write_bytes
    from snnir.tools.output import print_json

    if args.labels is not None and len(args.labels) != len(args.files):
        raise UserError(
            f"--labels has {len(args.labels)} labels for {len(args.files)} recordings",
            hint="give one for each",
        )
    words = words_of(args.files, args.size, args.timesteps, binning_of(args, args.stream))
    if args.stream > 1:
        words = [as_samples(windows, args.stream) for windows in words]
    arrays = {"x": np.concatenate(words)}
    if args.labels is not None:
        arrays["y"] = np.repeat(args.labels, list(map(len, words)))
    stream = BytesIO()
    np.savez_compressed(stream, **arrays)
    write_bytes(str(args.output), stream.getvalue())
    found = {
        "output": str(args.output),
        "recordings": len(words),
        "samples": len(arrays["x"]),
        "shape": list(args.size),
        "timesteps": args.timesteps,
        "windows": args.stream,
        "spikes": int(np.bitwise_count(arrays["x"]).sum(dtype=np.int64)),
        "silent": float((arrays["x"] == 0).mean()),
    }
    if args.json:
        print_json(found)
    else:
        print(_as_text(found))
    return 0


def _as_text(found: dict) -> str:
    from snnir.tools.tables import facts, number, percent

    windows = found["windows"]
    steps = math.prod(found["shape"]) * found["timesteps"] * found["samples"] * windows
    of = f"{windows} windows of " if windows > 1 else ""
    share = percent(found["spikes"] / steps)
    return facts(
        [
            ("made", f"{found['output']}: {number(found['samples'])} samples of "
             f"{of}{'x'.join(map(str, found['shape']))}, {found['timesteps']} steps, from "
             f"{number(found['recordings'])} recordings"),
            ("spikes", f"{number(found['spikes'])}, {share} of all steps"),
            ("silent", f"{percent(found['silent'])} of all trains"),
        ]
    )  # fmt: skip
