"""Synapses that delay spikes into the next window, in every engine."""

import numpy as np
import pytest
from c_programs import needs_gcc, schedule
from comparing import differences
from window_networks import delayed_windows, given, run_on_machine, twice_as_long

from snnir.analysis.network import encode_of
from snnir.dialects.assembly import integer
from snnir.interpreters.pe import run_program
from snnir.interpreters.snn import run_snn
from snnir.runtime import verilator
from snnir.runtime.cmodel import CEngine
from snnir.runtime.losses import count_losses, losses_of_counters
from snnir.runtime.rtl import RtlEngine

needs_verilator = pytest.mark.skipif(verilator.find() is None, reason="verilator is not installed")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@needs_gcc
@pytest.mark.parametrize(
    ("seed", "spikes"),
    [(0, True), (4, True), (16, True), (1, False), (5, False), (9, False), (10, False)],
)
def test_random_networks_are_equal(seed, spikes, cache):
    net = delayed_windows(seed, spikes)
    run_on_machine(net, spikes, cache)


@needs_verilator
@pytest.mark.parametrize(("seed", "spikes"), [(16, True)])
def test_random_networks_are_equal_in_verilog(seed, spikes, tmp_path):
    net = delayed_windows(seed, spikes)
    module = schedule(net.module, net.pipeline)
    result = CEngine.from_module(module, tmp_path, ("-O1",)).run(net.frames)
    engine = RtlEngine.from_module(module, tmp_path)
    found = engine.run(net.frames)
    result.events = {label: result.events[label] for label in found.events}
    assert differences(found, result) == []
    assert np.array_equal(found.cycles, result.cycles)
    model = count_losses(engine.tables, module, result.trains, windows=3)
    assert losses_of_counters(engine.tables, engine.run(net.frames, counted=True).counted) == model


@needs_verilator
def test_a_readout_of_endless_samples_hears_the_window_before(tmp_path):
    """No neuron keeps anything, and yet the first window of a sample differs."""
    net = delayed_windows(2, True)
    encode_of(net.module).properties["windows"] = integer(0)
    want = run_snn(net.module, given(net, True), windows=3)
    module = schedule(net.module, net.pipeline)
    engine = RtlEngine.from_module(module, tmp_path)
    assert not any(layer.kept for layer in engine.tables.layers)
    found = engine.run(net.frames, windows=3)
    assert np.array_equal(found.potentials, want.potentials.reshape(len(net.frames), -1))
    counted = run_program(module, net.frames, count_cycles=True, windows=3)
    assert np.array_equal(found.cycles, counted.cycles)


@pytest.mark.parametrize("seed", [3, 20, 21])
def test_windows_are_pieces_of_one_longer_train(seed):
    """Two windows are one twice as long: what is late goes on where the first one ends."""
    net = delayed_windows(seed, True, windows=2, samples=3, pools=False, most_steps=4)
    images = given(net, True)
    steps = encode_of(net.module).train.type.steps.data
    pieces = run_snn(net.module, images)
    joined = run_snn(twice_as_long(net).module, images[0::2] << steps | images[1::2])
    assert np.array_equal(joined.potentials, pieces.potentials[1::2])
    for label, words in joined.trains.items():
        parts = pieces.trains[label].astype(np.uint32)
        assert np.array_equal(words, parts[0::2] << steps | parts[1::2]), label
