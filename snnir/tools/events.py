"""Options about recordings of events, and the samples that they become."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from snnir.errors import UserError
from snnir.tools.arguments import whole

if TYPE_CHECKING:
    import numpy as np

    from snnir.runtime.build import BuildFolder
    from snnir.runtime.events import Binning
    from snnir.runtime.samples import Samples


def add_binning_arguments(parser: ArgumentParser) -> None:
    """`--bin`, `--bin-events` and `--windows`."""
    add = parser.add_argument_group("bins of events").add_argument
    add(
        "--bin", metavar="LENGTH", type=whole(1),
        help="length of a step in the unit of t; a recording is as many windows of T steps as it "
        "lasts (one window, cut into T equal steps)",
    )  # fmt: skip
    add("--bin-events", metavar="N", type=whole(1), help="steps of N events each instead")
    add("--windows", metavar="N", type=whole(1), help="the first N windows of a recording only")


def binning_of(args: Namespace, stream: int = 1) -> Binning:
    """How time is cut, for samples of so many windows.

    Raises:
        UserError: the options exclude each other.
    """
    from snnir.runtime.events import Binning

    if args.bin is not None and args.bin_events is not None:
        raise UserError("--bin and --bin-events exclude each other", hint="leave one of them out")
    return Binning(args.bin, args.bin_events, args.windows, stream)


def words_of(
    files: Sequence[str], shape: tuple[int, int, int], steps: int, binning: Binning
) -> list[np.ndarray]:
    """The words of the windows of each recording, (N, C, H, W)."""
    from snnir.runtime.events import bin_events, read_events

    return [bin_events(read_events(file), shape, steps, binning, str(file)) for file in files]


def recording_or_input(args: Namespace, build: BuildFolder) -> Samples:
    """The samples of `--input`, or those that a recording of `--events` becomes.

    Raises:
        UserError: neither or both are given, or they do not fit the network.
    """
    from snnir.runtime.events import as_samples
    from snnir.runtime.samples import Samples, load_for

    if (args.input is None) == (args.events is None):
        what = (
            "there is nothing to run" if args.input is None else "both inputs and events are given"
        )
        raise UserError(what, where="--input", hint="give --input X.npz or --events FILE")
    if args.input is not None:
        for option in ("bin", "bin_events", "windows"):
            if getattr(args, option) is not None:
                name = f"--{option.replace('_', '-')}"
                raise UserError("has no effect without --events", where=name, hint="leave it out")
        return load_for(build.manifest, args.input)
    given = build.manifest["input"]
    if given["coding"] != "rate":
        hint = "compile it with --input-coding spikes"
        raise UserError("the network takes pixels, no events", where=str(build.path), hint=hint)
    windows = build.windows
    binning = binning_of(args, windows or 1)
    (words,) = words_of([args.events], tuple(given["image"]), given["bits"], binning)
    x = words.reshape(len(words), *given["shape"])
    # Where samples may have any length the whole recording is one.
    return Samples(x if windows == 1 else as_samples(x, windows or len(x)), None)
