"""What a network does in one setting: its shape, which trains are silent, how often it is right.

A setting (coding, steps, weight bits) is compiled once, without Verilog, for an array of no device,
and run in C; no array changes a train. Results are kept in a folder and found by content.
"""

from __future__ import annotations

import os
import pickle
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snnir.errors import UserError
from snnir.explore.space import Setting
from snnir.runtime.programs import content_key
from snnir.runtime.samples import Samples, load_samples
from snnir.tiling.clocks import Activity
from snnir.tiling.shape import NetworkShape

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp

    from snnir.pipeline.flow import Flow

ACTIVE = 8
"""Images whose trains are looked at."""

BANKS, CHANNELS = 8, 32
"""Of the array on which the C program runs."""


@dataclass(frozen=True)
class Job:
    """One setting of one network to be measured.

    Args:
        model: path of the ONNX file.
        flow: the options that all settings share; `flow.calibration` is a path.
        data: path of samples that the network is run on; None for no measurement.
        limit: of these samples, so many.
        planes: for each number of planes that arrays may have, widths are proven.
    """

    model: str
    flow: Flow
    setting: Setting
    data: str | None
    limit: int | None
    planes: tuple[int, ...]

    def files(self) -> list[str]:
        """The files that the job reads."""
        return [p for p in (self.model, self.flow.calibration, self.data) if p is not None]


@dataclass(frozen=True)
class Measured:
    """What estimates need to know of a network in one setting.

    Args:
        widths: of an array with so many planes.
        accuracy: share of right predictions; None without labels.
        samples: on so many samples.
    """

    shape: NetworkShape
    widths: dict[int, dict[str, int]]
    activity: Activity | None
    accuracy: float | None
    samples: int


@dataclass(frozen=True)
class Refused:
    """A setting that the network or the machine does not have, and why."""

    what: str
    where: str | None = None
    hint: str | None = None

    @property
    def why(self) -> str:
        return str(self.error).removeprefix("error: ")

    @property
    def error(self) -> UserError:
        return UserError(self.what, where=self.where, hint=self.hint)


def measure(job: Job, contents: Mapping[str, bytes] | None = None) -> Measured | Refused:
    """Measure a setting; what the compiler refuses is a result.

    Args:
        contents: the job's files, where this process may not find them by their paths.
    """
    with tempfile.TemporaryDirectory(prefix="snnir-explore-") as name:
        folder, here = Path(name), job
        if contents is not None:
            here = _localised(job, contents, folder)
        try:
            return _measure(here, folder)
        except UserError as error:
            # It must speak of the user's files, not of copies.
            where = error.where and error.where.replace(here.model, job.model)
            return Refused(error.what, where, error.hint)


def _localised(job: Job, contents: Mapping[str, bytes], folder: Path) -> Job:
    """The job with its files written into a folder."""
    paths = {None: None}
    for number, (path, data) in enumerate(contents.items()):
        paths[path] = str(folder / f"{number}-{Path(path).name}")
        Path(paths[path]).write_bytes(data)
    flow = replace(job.flow, calibration=paths[job.flow.calibration])
    return replace(job, model=paths[job.model], flow=flow, data=paths[job.data])


def _measure(job: Job, folder: Path) -> Measured:
    from snnir.frontend.onnx import import_model
    from snnir.pipeline.describe import describe_input, model_input
    from snnir.tiling.layers import plan_network
    from snnir.tiling.shape import shape_of

    module = import_model(Path(job.model))
    shape = model_input(module)
    samples = load_samples(job.data, shape[1:]).first(job.limit) if job.data else None
    snn = _until_integer(module, job)
    plan = plan_network(snn)
    proven = _widths(plan, job)
    network = shape_of(plan, next(iter(proven.values()))["weight_bits"])
    if samples is None:
        return Measured(network, proven, None, None, 0)
    what = describe_input(snn, shape)
    return _run(module, network, proven, what, samples, folder, max(proven))


def _until_integer(module: ModuleOp, job: Job) -> ModuleOp:
    """Run the passes that make integers; the module as it is behind them."""
    flow = replace(job.flow, **asdict(job.setting), verilog=False)
    names = []
    for stage in flow.stages():
        names.append(stage)
        if stage.name == "verify-snn-integer":
            break
    _apply(module, names)
    return module.clone()


def _apply(module: ModuleOp, stages) -> None:
    from snnir.pipeline.flow import pipeline_text
    from snnir.pipeline.plugins import make_context, multiverse
    from snnir.pipeline.run import apply_passes
    from snnir.pipeline.spec import build_passes

    passes = build_passes(pipeline_text(stages), multiverse().all_passes)
    apply_passes(module, passes, make_context())


def _widths(plan, job: Job) -> dict[int, dict[str, int]]:
    """The widths for each number of planes that is possible."""
    from snnir.explore.space import Space
    from snnir.tiling.choose import Request, longest_train, widths

    steps = longest_train(plan)[1] or min(plan.image_bits, 8)
    choices = Space(planes=job.planes).plane_choices(steps, plan.image_bits)
    if not choices:
        raise UserError(
            f"trains of {steps} steps need as many planes", hint=f"add {steps} to --planes"
        )
    return {planes: widths(plan, Request(), planes) for planes in choices}


def _run(
    module: ModuleOp,
    network: NetworkShape,
    proven: dict[int, dict[str, int]],
    what: Mapping[str, Any],
    samples: Samples,
    folder: Path,
    planes: int,
) -> Measured:
    """Compile for an array of no device and run the samples in C."""
    from snnir.pipeline.flow import Stage
    from snnir.runtime.cmodel import CEngine
    from snnir.runtime.encode import encode_frames

    target = folder / "any.toml"
    target.write_text(_ANY_TARGET)
    size = {"banks": BANKS, "channels": CHANNELS, "planes": planes, "drain": 1}
    stages = [
        Stage("tile-to-pe", {"target": str(target), **size}),
        Stage("event-schedule", {"target": "none"}),
    ]
    _apply(module, stages)
    engine = CEngine.from_module(module, folder)
    frames = encode_frames(what, samples.x)
    watched = engine.run(frames[:ACTIVE], count=False)
    pixels = watched.trains["input"].astype(np.uint8)
    trains = tuple(watched.trains[label] != 0 for label in network.labels[1:])
    accuracy = None
    if samples.y is not None:
        found = engine.run(frames, record=False, count=False).potentials.argmax(axis=1)
        accuracy = float((found == samples.y).mean())
    return Measured(network, proven, Activity(pixels, trains), accuracy, len(samples))


_ANY_TARGET = """\
name = "any"
part = "any"
lut = 1000000000
ff = 1000000000
bram36 = 1000000000
dsp = 0
clock_mhz = 100
ddr_gbps = 1
lut_share = 1
max_operations = 1024
max_banks = 16
"""


class Cache:
    """Measurements by content: of the compiler, the files and the options."""

    def __init__(self, folder: Path | None):
        self.folder = folder

    def find(self, job: Job, contents: Mapping[str, str]) -> Measured | Refused | None:
        """What is known of a job; None for nothing, also where a file cannot be read."""
        if self.folder is None:
            return None
        try:
            with self._path(job, contents).open("rb") as stream:
                found = pickle.load(stream)
        except Exception:
            return None
        return found if isinstance(found, Measured | Refused) else None

    def keep(self, job: Job, contents: Mapping[str, str], result: Measured | Refused) -> None:
        """Write a result; it appears whole or not at all.

        Raises:
            UserError: the folder cannot be written.
        """
        if self.folder is None:
            return
        path = self._path(job, contents)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(f".{os.getpid()}")
            part.write_bytes(pickle.dumps(result))
            part.replace(path)
        except OSError as error:
            raise UserError(
                f"cannot write: {error.strerror}", where=str(self.folder), hint="see --cache"
            ) from error

    def _path(self, job: Job, contents: Mapping[str, str]) -> Path:
        """Where a job's result is kept.

        Args:
            contents: a hash of each of its files.
        """
        nameless = replace(job, model="", data=None, flow=replace(job.flow, calibration=None))
        files = [f"{kind}:{contents.get(path)}" for kind, path in _roles(job)]
        key = content_key([compiler_key(), repr(nameless), *files])
        return self.folder / f"{key[:32]}.measured"


def _roles(job: Job) -> Iterator[tuple[str, str | None]]:
    yield "model", job.model
    yield "calibration", job.flow.calibration
    yield "data", job.data


@cache
def compiler_key() -> str:
    """A hash of this package's sources: another compiler may make other trains."""
    root = Path(__file__).parent.parent
    files = sorted(p for p in root.rglob("*") if p.suffix in (".py", ".c", ".h", ".lark"))
    return content_key(files)
