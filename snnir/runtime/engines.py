"""The engines by name: the integer reference, the C programs, the simulated Verilog."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from snnir.runtime.engine import EngineResult, Stop
from snnir.runtime.windows import frames_of, leave_decided

if TYPE_CHECKING:
    import numpy as np

    from snnir.runtime.build import BuildFolder
    from snnir.schedule.loading import Ddr

WITHOUT_MACHINE = ("interp", "fast")
"""Engines that compute the network and know of no machine, no clocks and no memory."""


def run_engine(
    name: str,
    build: BuildFolder,
    x: np.ndarray,
    *,
    trains: bool,
    counted: bool = False,
    ddr: Ddr | None = None,
    ddr_pauses: int = 0,
    stop: Stop | None = None,
) -> EngineResult:
    """Run samples on one engine.

    Args:
        name: `interp`, `fast`, `c` or `rtl`.
        x: uint8 pixels or float inputs (N, ...), or (N, W, ...) where a sample is several windows;
            results are then (N * W, ...).
        trains: whether to keep the trains of all layers.
        counted: of `rtl`, whether to keep what the hardware's counters say.
        ddr: where weights come from, the target's if None.
        ddr_pauses: other than 0, a seed by which that memory pauses at random; `rtl` only.
        stop: says behind each window of a sample whether it is decided; the others are not run.

    Raises:
        UserError: a program that the engine needs is missing.
    """
    how: dict[str, Any] = {"record": trains}
    if name == "rtl":
        how["counted"] = counted
    if name not in WITHOUT_MACHINE and build.tables.uses_ddr:
        how["ddr"] = ddr or build.ddr()
        if name == "rtl":
            how["ddr_pauses"] = ddr_pauses
    x, windows = frames_of(build, x)
    if windows is not None:
        how["windows"] = windows
        if stop is not None:
            how["stop"] = stop
    result = _ENGINES[name](build, x, how)
    if name not in WITHOUT_MACHINE:
        from snnir.schedule import bands

        result.trains = bands.join_trains(build.tables, result.trains)
        result.layer_cycles = bands.sum_rows(build.tables, result.layer_cycles)
        result.events = bands.sum_rows(build.tables, result.events)
    return result


def _interp(build: BuildFolder, x: np.ndarray, how: dict[str, Any]) -> EngineResult:
    from snnir.analysis.slices import sliced_trains
    from snnir.interpreters.snn import run_snn

    module = build.snn
    start = time.perf_counter()
    windows = how.get("windows")
    result = run_snn(module, x, keep_trains=how["record"], windows=windows)
    seconds = time.perf_counter() - start
    potentials = result.potentials.reshape(len(x), -1).astype("int64")
    found = EngineResult(
        potentials, sliced_trains(module, result.trains), seconds=seconds, windows=windows or 1
    )
    if "stop" in how:
        leave_decided(found, how["stop"])
    return found


def _fast(build: BuildFolder, x: np.ndarray, how: dict[str, Any]) -> EngineResult:
    from snnir.runtime.encode import encode_frames
    from snnir.runtime.fastmodel import FastEngine

    engine = FastEngine.from_folder(build.path / "c", build.cache)
    return engine.run(encode_frames(build.manifest["input"], x), **how)


def _c(build: BuildFolder, x: np.ndarray, how: dict[str, Any]) -> EngineResult:
    from snnir.runtime.cmodel import CEngine
    from snnir.runtime.encode import encode_frames

    engine = CEngine.from_folder(build.path / "c", build.cache)
    return engine.run(encode_frames(build.manifest["input"], x), **how)


def _rtl(build: BuildFolder, x: np.ndarray, how: dict[str, Any]) -> EngineResult:
    from snnir.runtime.encode import encode_frames
    from snnir.runtime.rtl import RtlEngine

    machine = build.manifest["machine"]
    if (stop := how.pop("stop", None)) is not None:
        # Which windows are run is found out beforehand; the simulation takes those alone.
        c = _c(build, x, {"record": False, "windows": how["windows"], "stop": stop})
        how["spent"] = c.spent
    if machine is None:
        engine = RtlEngine.from_folder(build.path / "verilog", build.cache, build.tables)
    else:
        from snnir.runtime.machine_engine import MachineEngine

        image = (build.path / machine["program"]).read_bytes()
        engine = MachineEngine(build.path / "verilog", build.tables, image, build.cache)
    return engine.run(encode_frames(build.manifest["input"], x), **how)


_ENGINES = {"interp": _interp, "fast": _fast, "c": _c, "rtl": _rtl}
