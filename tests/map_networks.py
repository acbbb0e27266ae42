"""Networks whose maps are kept in DDR, for tests."""

import importlib.util
from pathlib import Path

import numpy as np
from comparing import differences
from random_networks import network_from_seed
from xdsl.context import Context

from snnir.interpreters.pe import run_program
from snnir.passes.event_schedule import EventSchedulePass
from snnir.passes.tile_to_pe import TileToPePass
from snnir.passes.verify_pe_schedule import VerifyPeSchedulePass
from snnir.pipeline.flow import Flow
from snnir.runtime.build import BuildFolder
from snnir.runtime.cmodel import CEngine
from snnir.runtime.engine import EngineResult
from snnir.runtime.rtl import RtlEngine
from snnir.schedule.loading import Ddr
from snnir.tools.compiling import compile_model

TOOLS = Path(__file__).parents[1] / "tools"

SLOW = Ddr(latency=100, rate=33)
MEMORIES = [Ddr(), Ddr(1, 256), Ddr(3, 179), SLOW]


def compiled(seed: int, **options):
    """A random network as a scheduled program, and its images."""
    network = network_from_seed(seed)
    TileToPePass(**(network.options | options)).apply(Context(), network.module)
    EventSchedulePass().apply(Context(), network.module)
    VerifyPeSchedulePass().apply(Context(), network.module)
    network.module.verify()
    return network.module, network.frames


TARGET = """
name = "small"
part = "xc7z020clg400-1"
lut = 53200
ff = 106400
bram36 = {bram36}
dsp = 220
clock_mhz = 150
ddr_gbps = 2.1
ddr_share = 0.7
ddr_latency = 40
lut_share = 0.8
max_operations = 1024
max_banks = 16
"""


def check_c(module, frames, folder) -> None:
    """The C program has the interpreter's trains, clocks and events with each of the memories."""
    engine = CEngine.from_module(module, folder, ("-O1",))
    for ddr in MEMORIES:
        reference = run_program(module, frames, count_cycles=True, ddr=ddr)
        assert differences(engine.run(frames, ddr=ddr), reference) == []


def check_verilog(engine: RtlEngine, program: CEngine, frames) -> tuple[EngineResult, ...]:
    """Verilog has the C program's trains, clocks and events with each of the memories.

    Returns:
        Both results with the last of the memories, C's first.
    """
    for ddr in MEMORIES:
        reference = program.run(frames, ddr=ddr)
        result = engine.run(frames, ddr=ddr, seed=1, counted=True)
        reference.events = {label: reference.events[label] for label in result.events}
        assert differences(result, reference) == []
        assert np.array_equal(result.cycles, reference.cycles)
    return reference, result


def stops(status: int) -> str:
    """What is said of a run that a fault ended."""
    return f"status {status}: it has stopped, 0 requests open"


def stack(folder, bram36: int, **options) -> tuple[BuildFolder, np.ndarray]:
    """Convolutions over images of 40x40, for a device of so many block RAMs, and 4 images."""
    spec = importlib.util.spec_from_file_location("map_stack", TOOLS / "map_stack.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    model, data, target = (folder / name for name in ("s.onnx", "s.npz", "small.toml"))
    model.write_bytes(tool.stack(40, (4, 8, 8)).SerializeToString())
    pixels = tool.images(40, 4)
    np.savez(data, x=pixels)
    target.write_text(TARGET.format(bram36=bram36))
    flow = Flow(
        calibration=str(data), weight_bits=4, array=(2, 4, 4, 1), input_scale=1 / 255,
        target=str(target), weights="stream", **options,
    )  # fmt: skip
    compile_model(model, folder / "build", flow)
    return BuildFolder(folder / "build"), np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
