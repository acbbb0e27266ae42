"""Compiles a model into a build folder: runs the pipeline and writes what each stage made."""

from __future__ import annotations

import json
import math
import shutil
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnir import __version__
from snnir.calibration.gathering import gathering
from snnir.errors import UserError
from snnir.pipeline.budget import mean_bits, parse_budget
from snnir.pipeline.describe import (
    describe_input,
    describe_memory,
    describe_output,
    model_input,
    tables_of,
)
from snnir.pipeline.flow import Flow, Stage, pipeline_text, snn_opt_line
from snnir.runtime.build import CACHE, FORMAT, GATHERED, MANIFEST, seal
from snnir.runtime.progress import counted, step
from snnir.tools.arguments import MACHINE
from snnir.tools.budgets import describe_budget
from snnir.tools.folders import cannot_write, new_folder
from snnir.tools.machine_build import PROGRAM, WEIGHTS, MachineBuild
from snnir.tools.output import json_text
from snnir.tools.written import WrittenFiles

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp

    from snnir.runtime.samples import Samples
    from snnir.schedule.program import ProgramTables
    from snnir.targets import Target

KEPT_SAMPLES = 64
"""Samples of the calibration data that a build folder keeps, for reports without other data."""

TOP = "snnir_top"
"""The Verilog's top level: the default of convert-pe-to-hw."""

OWN_LANES = "verilog/synthesis"
"""Lanes made of the target's own cells, which synthesis takes in place of the portable ones."""

BRAM36_BITS = 36 * 1024

_CONTENTS = {MANIFEST, "model.onnx", "calibration.npz", "ir", "c", "verilog", CACHE}
_CONTENTS |= {MACHINE, PROGRAM, WEIGHTS}


@dataclass
class Compilation:
    """What a compilation made, for the command to tell."""

    manifest: dict[str, Any]
    seconds: dict[str, float] = field(default_factory=dict)


def compile_model(model: Path, folder: Path, flow: Flow) -> Compilation:
    """Compile a model; the folder appears whole or not at all.

    Raises:
        UserError: for whatever the model, the data, the options or the folder have that cannot be.
    """
    from snnir.targets import load_target

    check_replaceable(folder)
    target = load_target(flow.target)
    start = time.perf_counter()
    with new_folder(folder) as staging:
        keep_cache(folder, staging)
        with WrittenFiles(staging) as files, gathering(staging / GATHERED, counted):
            flow, kept = _within_budget(model, flow, target)
            build = _Build(files, model, flow, list(flow.stages()), target)
            build.kept_budget = kept
            build.run()
    compilation = Compilation(build.manifest, build.seconds)
    compilation.seconds["total"] = time.perf_counter() - start
    return compilation


def _within_budget(model: Path, flow: Flow, target: Target) -> tuple[Flow, dict[str, Any] | None]:
    """The options for each layer that a budget of time asks for, and what they were chosen by."""
    kind, amount = parse_budget(flow.budget) if flow.budget else ("", 0.0)
    if kind not in ("cycles", "us"):
        return flow, None
    from snnir.tools.cycle_budget import within_cycles

    cycles = amount * target.clock_mhz if kind == "us" else amount
    kept = within_cycles(model, flow, cycles)
    return replace(kept.flow, budget=flow.budget), {"asked": flow.budget, **kept.found}


def check_replaceable(folder: Path) -> None:
    """Whether a build may be put at `folder`.

    Raises:
        UserError: it holds something that a build folder does not.
    """
    if not folder.exists():
        return
    hint = "choose another folder with -o"
    if not folder.is_dir():
        raise UserError("not a folder", where=str(folder), hint=hint)
    try:
        names = {path.name for path in folder.iterdir()}
    except OSError as error:
        raise cannot_write(folder, error) from error
    if names and MANIFEST not in names:
        raise UserError(
            "the folder is neither empty nor a build folder", where=str(folder), hint=hint
        )
    if strange := sorted(names - _CONTENTS):
        raise UserError(
            f"the build folder holds '{strange[0]}', which compiling anew would delete",
            where=str(folder),
            hint=f"move it away, or {hint}",
        )


def keep_cache(folder: Path, staging: Path) -> None:
    """Take the cache of an older build along: what is in it is found by content."""
    if (folder / CACHE).is_dir():
        shutil.copytree(folder / CACHE, staging / CACHE, symlinks=True, dirs_exist_ok=True)


class _Build:
    """One run of the pipeline, writing into a folder that is not yet in its place."""

    def __init__(
        self, files: WrittenFiles, model: Path, flow: Flow, stages: list[Stage], target: Target
    ):
        self.files, self.model, self.flow, self.stages = files, model, flow, stages
        self.target = target
        self.pipeline = pipeline_text(stages)
        self.seconds: dict[str, float] = {}
        self.ir: list[dict[str, str]] = []
        self.roles: dict[str, str] = {}
        self.snn: ModuleOp | None = None
        self.tables: ProgramTables | None = None
        self.neurons: dict[str, Any] = {}
        self.hw_module: ModuleOp | None = None
        self.manifest: dict[str, Any] = {}
        self.machine: MachineBuild | None = None
        self.kept_budget: dict[str, Any] | None = None

    def run(self) -> None:
        from snnir.frontend.onnx import import_model
        from snnir.frontend.onnx_file import whole_model
        from snnir.pipeline.plugins import make_context, multiverse
        from snnir.pipeline.run import apply_passes
        from snnir.pipeline.spec import build_passes

        passes = build_passes(self.pipeline, multiverse().all_passes)
        with step(f"reading {self.model}"):
            module = self._timed("import", lambda: import_model(self.model))
        samples = self._calibration(module)
        self.input_shape = model_input(module)
        self._write_ir("import", module)
        for stage, instance in zip(self.stages, passes, strict=True):
            with step(stage.name):
                ctx = make_context()
                apply_passes(module, [instance], ctx, after_pass=self._after_pass)
                if not stage.is_check:
                    self._write_ir(stage.name, module)
                if stage.name == "convert-onnx-to-snn" and self.flow.weights == "onchip":
                    self._check_size(module)
                if stage.role:
                    self._keep(stage.role, module)
        with step("printing C" + (" and Verilog" if self.hw_module else "")):
            self._timed("print", self._print)
        self.files.add("model.onnx", whole_model(self.model))
        self._write_samples(samples)
        self._write_manifest()

    def _timed(self, name: str, action):
        start = time.perf_counter()
        result = action()
        self.seconds[name] = time.perf_counter() - start
        return result

    def _after_pass(self, name: str, module: ModuleOp, seconds: float) -> None:
        self.seconds[name] = seconds

    def _calibration(self, module: ModuleOp) -> Samples | None:
        """The calibration data, checked against the model before any pass takes time."""
        if self.flow.calibration is None:
            return None
        from snnir.runtime.samples import load_samples

        shape = model_input(module)
        windows = 1 if self.flow.windows is None else self.flow.windows
        return load_samples(self.flow.calibration, shape[1:], windows=windows)

    def _check_size(self, module: ModuleOp) -> None:
        """Refuse what cannot fit before calibration takes its time; the layout needs more still.

        Raises:
            UserError: the bare bits of the weights exceed the target's block RAM.
        """
        from snnir.analysis.network import branches, layers
        from snnir.dialects.snn import ConvOp, DenseOp

        chosen = self.flow.weight_bits
        if (mean := mean_bits(self.flow.budget)) is not None:
            chosen = min(chosen, mean)
        weights, total = 0, 0.0
        for layer in layers(module):
            bits = layer.given.data["bits"].value.data if layer.given else chosen
            synapses = [op for op in branches(layer) if isinstance(op, ConvOp | DenseOp)]
            size = sum(math.prod(op.weights.type.get_shape()) for op in synapses)
            weights, total = weights + size, total + size * bits
        needed = math.ceil(total / BRAM36_BITS)
        if needed > self.target.bram36:
            raise UserError(
                f"{weights:,} weights of {total / weights:g} bits need at least {needed:,} "
                f"BRAM36, {self.target.name} has {self.target.bram36}",
                where=str(self.model),
                hint="use --weights stream, fewer --weight-bits, a smaller network or a larger "
                "--target",
            )

    def _keep(self, role: str, module: ModuleOp) -> None:
        """What later steps need of the program as it is now."""
        self.roles[role] = self.ir[-1]["file"]
        if role == "snn":
            self.snn = module.clone()
        elif role == "pe":
            from snnir.backends.c import c_sources
            from snnir.schedule.loading import Ddr

            tables = self.tables = tables_of(module)
            ddr = Ddr.of(self.target, tables.read_ports) if tables.uses_ddr else None
            self.c_sources = c_sources(module, ddr)
            if self.flow.reconfigurable:
                self.machine = MachineBuild(module, self.tables, self.flow.machine)
        elif role == "hw":
            self.hw_module = module

    def _write_ir(self, name: str, module: ModuleOp) -> None:
        from io import StringIO

        from snnir.tools.ir_printing import print_ir

        stream = StringIO()
        print_ir(module, stream)
        file = f"ir/{len(self.ir):02d}-{name}.mlir"
        self.files.add(file, stream.getvalue().encode())
        self.ir.append({"stage": name, "file": file})

    def _print(self) -> None:
        from snnir.backends.c.fast import fast_sources

        for name, text in (self.c_sources | fast_sources(self.snn)).items():
            self.files.add(f"c/{name}", text if isinstance(text, bytes) else text.encode())
        if self.machine is not None:
            for name, data in self.machine.files().items():
                self.files.add(name, data)
        if self.hw_module is None:
            return
        from snnir.backends.memory import memory_images, weight_stream
        from snnir.backends.verilog import verilog_files

        for name, text in verilog_files(self.hw_module).items():
            self.files.add(f"verilog/{name}", text.encode())
        for name, text in self._own_lanes().items():
            self.files.add(f"{OWN_LANES}/{name}", text.encode())
        for name, text in memory_images(self.hw_module).items():
            self.files.add(f"verilog/{name}", text.encode())
        if self.tables.ring and self.machine is None:
            self.files.add(f"verilog/{self.tables.name}_weights.bin", weight_stream(self.tables))

    def _own_lanes(self) -> dict[str, str]:
        """The files of lanes made of the target's own cells, if there are such lanes."""
        from snnir.backends.verilog import verilog_files
        from snnir.hardware.array import LANES, smallest_lanes
        from snnir.hardware.language.builder import design

        form = smallest_lanes(self.target.part)
        if form == "portable":
            return {}
        array, shifts = self.tables.array, self.tables.shifts
        if self.machine is not None:
            shifts = self.machine.machine.shifts
        lane = LANES[form](array.banks, array.weight_bits, array.acc_bits, shifts)
        return verilog_files(design(lane))

    def _verilog(self, *folders: str) -> list[str] | None:
        """The Verilog files; one in a later folder replaces that of its name in one before."""
        found = {}
        for folder in folders:
            found |= {Path(n).name: n for n in self.files.names if str(Path(n).parent) == folder}
        return sorted(n for name, n in found.items() if name.endswith(".v")) or None

    def _write_samples(self, samples: Samples | None) -> None:
        if samples is None:
            return
        from io import BytesIO

        import numpy as np

        kept = samples.first(KEPT_SAMPLES)
        arrays = {"x": kept.x} if kept.y is None else {"x": kept.x, "y": kept.y}
        stream = BytesIO()
        np.savez_compressed(stream, **arrays)
        self.files.add("calibration.npz", stream.getvalue())

    def _write_manifest(self) -> None:
        from snnir.schedule.summary import summarise

        tables, flow = self.tables, self.flow
        options = {name: value for name, value in asdict(flow).items() if value is not None}
        manifest = {
            "format": FORMAT,
            "snnir": __version__,
            "name": tables.name,
            "model": {"file": "model.onnx", "source": str(self.model)},
            "options": options,
            "pipeline": self.pipeline,
            "snn_opt": snn_opt_line(str(self.model), self.pipeline),
            "input": describe_input(self.snn, self.input_shape),
            "output": describe_output(self.snn),
            "array": asdict(tables.array),
            "batch": tables.batch,
            "budget": self.kept_budget or describe_budget(self.snn, flow.budget),
            "memory": describe_memory(tables),
            "machine": self.machine.describe() if self.machine else None,
            "target": asdict(self.target),
            "layers": [asdict(layer) for layer in summarise(self.snn, tables)],
            "ir": self.ir,
            "stages": self.roles,
            "top": TOP if self.hw_module else None,
            "verilog": self._verilog("verilog"),
            "synthesis": self._verilog("verilog", OWN_LANES),
            "calibration": "calibration.npz" if "calibration.npz" in self.files.names else None,
            "files": self.files.hashes(),
        }
        # Through JSON once, so that what is sealed is what will be read.
        self.manifest = json.loads(json.dumps(manifest))
        self.manifest["seal"] = seal(self.manifest)
        (self.files.folder / MANIFEST).write_text(json_text(self.manifest))
