"""Feature maps in DDR: bands are whole layers, and the engines agree clock by clock."""

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest
from comparing import differences
from random_networks import network_from_seed
from xdsl.context import Context

from snnir.analysis.bands import join_trains, sum_rows, whole_layers
from snnir.analysis.loading import Ddr
from snnir.analysis.memories import memories
from snnir.analysis.moving import move_clocks
from snnir.analysis.program import FIRE, LOAD, RECEIVE, STORE
from snnir.analysis.reading import read_program
from snnir.errors import UserError
from snnir.hardware.machine import Machine
from snnir.hardware.timing import timing
from snnir.interpreters.pe import neurons_of, program_of, run_program
from snnir.interpreters.pe_schedule import schedules
from snnir.passes.event_schedule import EventSchedulePass
from snnir.passes.tile_to_pe import TileToPePass
from snnir.passes.verify_pe_schedule import VerifyPeSchedulePass
from snnir.runtime import verilator
from snnir.runtime.build import BuildFolder
from snnir.runtime.cmodel import CEngine
from snnir.runtime.compare import compare
from snnir.runtime.engines import run_engine
from snnir.runtime.losses import count_losses, losses_of_counters
from snnir.runtime.rtl import RtlEngine
from snnir.tools.compiling import compile_model
from snnir.tools.flow import Flow

TOOLS = Path(__file__).parents[2] / "tools"

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


@pytest.mark.parametrize("seed", range(0, 24, 2))
@pytest.mark.parametrize("bands", [1, 2, 99])
def test_bands_are_the_whole_layer(seed, bands):
    """Whatever the kernels, strides, pads and pools: trains of all bands are those of the layer."""
    module, frames = compiled(seed, maps="onchip")
    expected = run_program(module, frames)
    module, frames = compiled(seed, maps="ddr", bands=bands)
    tables = read_program(program_of(module))
    result = run_program(module, frames)
    joined = join_trains(tables, result.trains)
    assert np.array_equal(result.potentials, expected.potentials)
    assert set(joined) == set(expected.trains)
    for label, trains in expected.trains.items():
        assert np.array_equal(joined[label], trains), label
    for layer in whole_layers(tables):
        if bands > 1 and layer.kind < LOAD and layer.label + ".1" in result.trains:
            assert layer.height == expected.trains[layer.label].shape[2]


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
@pytest.mark.parametrize(
    "seed, weights", [(1, "onchip"), (6, "stream"), (8, "stream"), (13, "onchip")]
)
def test_c_counts_what_the_interpreter_counts(seed, weights, tmp_path):
    module, frames = compiled(seed, maps="ddr", bands=3, weights=weights)
    engine = CEngine.from_module(module, tmp_path, ("-O1",))
    for ddr in MEMORIES:
        reference = run_program(module, frames, count_cycles=True, ddr=ddr)
        assert differences(engine.run(frames, ddr=ddr), reference) == []


TARGET = """
name = "small"
part = "xc7z020clg400-1"
lut = 53200
ff = 106400
bram36 = 7
dsp = 220
clock_mhz = 150
ddr_gbps = 2.1
ddr_share = 0.7
ddr_latency = 40
lut_share = 0.8
max_operations = 1024
max_banks = 16
"""
"""A device on which two of the stack's maps do not fit, and the image does."""


@pytest.fixture(scope="module")
def small_stack(tmp_path_factory) -> tuple[BuildFolder, np.ndarray]:
    """Convolutions over images of 40x40, compiled for a device that has 7 block RAMs."""
    folder = tmp_path_factory.mktemp("stack")
    spec = importlib.util.spec_from_file_location("map_stack", TOOLS / "map_stack.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    model, data, target = (folder / name for name in ("s.onnx", "s.npz", "small.toml"))
    model.write_bytes(tool.stack(40, (4, 8, 8)).SerializeToString())
    pixels = tool.images(40, 4)
    np.savez(data, x=pixels)
    target.write_text(TARGET)
    flow = Flow(
        calibration=str(data), weight_bits=4, array=(2, 4, 4, 1), input_scale=1 / 255,
        target=str(target), weights="stream",
    )  # fmt: skip
    compile_model(model, folder / "build", flow)
    return BuildFolder(folder / "build"), pixels


def test_maps_go_to_ddr_where_they_do_not_fit(small_stack):
    """As few bands as fit: two maps go to DDR, one stays on the chip, and all fits."""
    build, pixels = small_stack
    bands = {}
    for layer in build.tables.layers:
        if layer.kind == FIRE:
            bands[layer.of] = bands.get(layer.of, 0) + 1
    assert bands == {"conv1": 4, "conv2": 2, "conv3": 1}
    assert sum(memory.bram36 for memory in memories(build.tables)) <= 7
    found = {name: run_engine(name, build, pixels, trains=True) for name in ("interp", "c")}
    assert compare(found, build.tables).equal


@pytest.mark.skipif(
    verilator.find() is None or shutil.which("g++") is None or shutil.which("make") is None,
    reason="Verilator, g++ or make is not installed",
)
def test_verilog_moves_maps(small_stack):
    """Every train and clock, pauses, and every kind of fault; nothing is written out of bounds."""
    build, pixels = small_stack
    tables = build.tables
    assert {layer.kind for layer in tables.layers} >= {RECEIVE, LOAD, STORE}
    engine = RtlEngine.from_folder(build.path / "verilog", build.cache, tables)
    program = CEngine.from_folder(build.path / "c", build.cache)
    frames = np.ascontiguousarray(pixels[:2].transpose(0, 2, 3, 1))
    for ddr in MEMORIES:
        reference = program.run(frames, ddr=ddr)
        result = engine.run(frames, ddr=ddr, seed=1, counted=True)
        reference.events = {label: reference.events[label] for label in result.events}
        assert differences(result, reference) == []
        assert np.array_equal(result.cycles, reference.cycles)
    losses = count_losses(tables, build.pe, reference.trains, ddr)
    assert losses_of_counters(tables, result.counted) == losses
    expected = run_program(build.pe, frames[:1], count_cycles=True, ddr=ddr)
    assert all(reference.layer_cycles[k][0] == v[0] for k, v in expected.layer_cycles.items())
    reference.layer_cycles = {}
    for pauses in (1, 2):
        assert differences(engine.run(frames, ddr=ddr, ddr_pauses=pauses), reference) == []
    faults = [
        ({"maps_faults": (5, -1)}, 2),
        ({"maps_faults": (0, -1), "maps_answer": 3}, 3),
        ({"maps_faults": (-1, 1)}, 12),
        ({"maps_faults": (-1, 0), "maps_answer": 3}, 13),
        ({"maps_faults": (-1, 0), "maps_answer": 1}, 1),
        ({"maps_bytes": tables.maps_bytes - 128}, 14),
        ({"maps_bytes": 128}, 14),
        ({"ddr_fault": 5}, 2),
    ]
    for what, status in faults:
        for pauses in (0, 1):
            with pytest.raises(
                UserError, match=f"status {status}: it has stopped, 0 requests open"
            ):
                engine.run(frames, ddr_pauses=pauses, **what)


def test_rows_of_the_table_add_up():
    """A report sees layers: trains, clocks and events of bands, loads and stores put together."""
    module, frames = compiled(8, maps="ddr", bands=3)
    tables = read_program(program_of(module))
    result = run_program(module, frames, count_cycles=True)
    clocks = sum_rows(tables, result.layer_cycles)
    assert np.array_equal(sum(clocks.values()), result.cycles)
    assert set(clocks) <= {layer.label for layer in whole_layers(tables)}
    constants = timing(tables, neurons_of(module))
    joined = join_trains(tables, result.trains)
    for found in schedules(tables, constants, joined):
        assert np.array_equal(found.clocks, result.layer_cycles[found.layer.label])


def test_moves_by_hand():
    """Two bursts, with a memory of latency 10 that gives a beat in every clock or every second."""
    assert move_clocks(2, False, Ddr(10, 256)) == 4 + 10 + 31 + 3
    assert move_clocks(2, False, Ddr(10, 128)) == 4 + 10 + 31 * 2 + 3
    assert move_clocks(2, True, Ddr(10, 256)) == 6 + 31 + 10 + 3
    # The fifth burst waits for the answer to the first: last beat at 21, answer at 221.
    assert move_clocks(5, True, Ddr(200, 256)) == 221 + 2 + 1 + 15 + 200 + 3


def test_a_machine_for_many_programs_has_its_maps_on_the_chip():
    module, _ = compiled(8, maps="ddr", weights="stream")
    with pytest.raises(UserError, match="keeps all feature maps on the chip"):
        Machine.for_program(read_program(program_of(module)), neurons_of(module))
