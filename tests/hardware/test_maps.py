"""Feature maps in DDR: bands are whole layers, and the engines agree clock by clock."""

import shutil

import numpy as np
import pytest
from comparing import differences
from map_networks import MEMORIES, check_c, check_verilog, compiled, stack, stops

from snnir.errors import UserError
from snnir.hardware.reconfigurable.machine import Machine
from snnir.hardware.timing import timing
from snnir.interpreters.pe import neurons_of, program_of, run_program
from snnir.interpreters.pe_schedule import schedules
from snnir.runtime import verilator
from snnir.runtime.cmodel import CEngine
from snnir.runtime.compare import compare
from snnir.runtime.engines import run_engine
from snnir.runtime.losses import count_losses, losses_of_counters
from snnir.runtime.rtl import RtlEngine
from snnir.schedule.bands import join_trains, sum_rows, whole_layers
from snnir.schedule.loading import Ddr
from snnir.schedule.memories import memories
from snnir.schedule.moving import move_clocks
from snnir.schedule.program import FIRE, LOAD, RECEIVE, STORE
from snnir.schedule.reading import read_program


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
        if bands > 1 and layer.label + ".1" in result.trains:
            assert layer.height == expected.trains[layer.label].shape[2]


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
@pytest.mark.parametrize(
    "seed, weights", [(1, "onchip"), (6, "stream"), (8, "stream"), (13, "onchip")]
)
def test_c_counts_what_the_interpreter_counts(seed, weights, tmp_path):
    module, frames = compiled(seed, maps="ddr", bands=3, weights=weights)
    check_c(module, frames, tmp_path)


@pytest.fixture(scope="module")
def small_stack(tmp_path_factory):
    """For a device that has 7 block RAMs: two of the maps do not fit, and the image does."""
    return stack(tmp_path_factory.mktemp("stack"), 7, overlap=False)


def test_maps_go_to_ddr_where_they_do_not_fit(small_stack):
    """As few bands as fit: two maps go to DDR, one stays on the chip, and all fits."""
    build, frames = small_stack
    bands = {}
    for layer in build.tables.layers:
        if layer.kind == FIRE:
            bands[layer.of] = bands.get(layer.of, 0) + 1
    assert bands == {"conv1": 4, "conv2": 2, "conv3": 1}
    assert sum(memory.bram36 for memory in memories(build.tables)) <= 7
    found = {
        name: run_engine(name, build, frames.transpose(0, 3, 1, 2), trains=True)
        for name in ("interp", "c")
    }
    assert compare(found, build.tables).equal


@pytest.mark.skipif(
    verilator.find() is None or shutil.which("g++") is None or shutil.which("make") is None,
    reason="Verilator, g++ or make is not installed",
)
def test_verilog_moves_maps(small_stack):
    """Every train and clock, pauses, and every kind of fault; nothing is written out of bounds."""
    build, frames = small_stack
    tables = build.tables
    assert {layer.kind for layer in (*tables.layers, *tables.moved)} >= {RECEIVE, LOAD, STORE}
    engine = RtlEngine.from_folder(build.path / "verilog", build.cache, tables)
    program = CEngine.from_folder(build.path / "c", build.cache)
    frames = frames[:2]
    reference, result = check_verilog(engine, program, frames)
    ddr = MEMORIES[-1]
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
            with pytest.raises(UserError, match=stops(status)):
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
    assert move_clocks(2, False, Ddr(10, 256)) == 4 + 10 + 31 + 1
    assert move_clocks(2, False, Ddr(10, 128)) == 4 + 10 + 31 * 2 + 1
    assert move_clocks(2, True, Ddr(10, 256)) == 6 + 31 + 10 + 1
    # The fifth burst waits for the answer to the first: last beat at 21, answer at 221.
    assert move_clocks(5, True, Ddr(200, 256)) == 221 + 2 + 1 + 15 + 200 + 1


def test_a_machine_for_many_programs_has_its_maps_on_the_chip():
    module, _ = compiled(8, maps="ddr", weights="stream")
    with pytest.raises(UserError, match="keeps all feature maps on the chip"):
        Machine.for_program(read_program(program_of(module)), neurons_of(module))
