"""Samples of several windows in the simulated Verilog: states, first windows, decided samples."""

import numpy as np
import pytest
from c_programs import needs_gcc, schedule
from comparing import differences
from window_networks import window_network

from snnir.interpreters.pe import program_of
from snnir.runtime import verilator
from snnir.runtime.cmodel import CEngine
from snnir.runtime.rtl import RtlEngine
from snnir.schedule.kept import KeptStates
from snnir.schedule.memories import memories

needs_verilator = pytest.mark.skipif(verilator.find() is None, reason="verilator is not installed")


def test_rows_of_the_state_memory_are_those_of_the_lanes():
    net = window_network(2)
    module = schedule(net.module, net.pipeline)
    tables = RtlEngine.tables_of(module)
    kept = KeptStates(tables)
    layers = [layer for layer in tables.layers if layer.kept]
    assert [layer.label for layer in layers] == [
        op.label.data for op in program_of(module).layers if op.kept is not None
    ]
    ends = [first for layer, first in zip(tables.layers, kept.first, strict=True) if layer.kept]
    assert ends == sorted(ends)
    assert kept.depth > ends[-1]
    (memory,) = [memory for memory in memories(tables) if memory.name == "states"]
    assert (memory.count, memory.width, memory.depth) == (
        tables.array.drain,
        kept.width,
        kept.depth,
    )


@needs_gcc
@needs_verilator
def test_a_network_with_relays_is_equal_and_may_be_left(tmp_path):
    """Pools with overlapping windows become relays, which keep nothing; two lanes of the drain."""
    net = window_network(54, windows=3, samples=3)
    module = schedule(net.module, net.pipeline + ",verify-pe-schedule")
    tables = RtlEngine.tables_of(module)
    fires = [layer for layer in tables.layers if layer.steps and layer.mode is not None]
    assert any(layer.kept for layer in fires)
    program = CEngine.from_module(module, tmp_path, ("-O1",))
    want = program.run(net.frames)
    engine = RtlEngine.from_module(module, tmp_path)
    for seed in (0, 3):
        found = engine.run(net.frames, seed=seed)
        reference = program.run(net.frames)
        reference.events = {label: reference.events[label] for label in found.events}
        assert differences(found, reference) == []
        assert np.array_equal(found.cycles, want.cycles)
    # Whoever leaves a sample begins the next one: what was kept of the first is forgotten.
    spent = np.array([2, 1, 3])
    left = engine.run(net.frames, spent=spent)
    ran = (np.arange(3) < spent[:, None]).ravel()
    assert np.array_equal(left.potentials, want.potentials * ran[:, None])
    assert np.array_equal(left.cycles, want.cycles * ran)
