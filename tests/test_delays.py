"""Synapses that act some steps later, and trains made of pixels by levels, in every engine."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from c_programs import needs_gcc, parse, schedule
from random_networks import RandomNetwork, network_from_seed
from test_spike_input import spike_network
from xdsl.utils.exceptions import VerifyException

from snnir.analysis.network import encode_of, network_of
from snnir.backends.c.fast import fast_sources
from snnir.dialects.assembly import int_list, integer, ints
from snnir.dialects.snn import SynapseOp
from snnir.interpreters.pe import program_of, run_program
from snnir.interpreters.snn import run_snn
from snnir.runtime import verilator
from snnir.runtime.cmodel import CEngine
from snnir.runtime.compare import compare
from snnir.runtime.engine import EngineResult
from snnir.runtime.fastmodel import FastEngine
from snnir.runtime.rtl import RtlEngine
from snnir.schedule.program import RUN_FIELDS
from snnir.schedule.reading import read_program

LIT = Path(__file__).parent.parent / "lit_tests"

needs_verilator = pytest.mark.skipif(verilator.find() is None, reason="verilator is not installed")


def delayed_network(seed: int, images: int = 2) -> RandomNetwork:
    """The next random network from a seed on with rate-coded synapses, delayed at random."""
    rng = np.random.default_rng(seed)
    while True:
        net = network_from_seed(seed, images)
        synapses = [
            op
            for op in network_of(net.module).body.block.ops
            if isinstance(op, SynapseOp)
            and op.source.type.coding_name == "rate"
            and op.source.type.steps.data > 1
        ]
        if len(synapses) > 1:
            break
        seed += 1000
    for number, op in enumerate(synapses):
        delay = int(rng.integers(0, min(4, op.source.type.steps.data)))
        if delay or not number:
            op.properties["delay"] = integer(delay or 1)
    net.module.verify()
    return net


def with_levels(net: RandomNetwork, steps: int) -> RandomNetwork:
    """The same for a network of spikes, whose trains are now made of pixels."""
    encode = encode_of(net.module)
    encode.properties["levels"] = ints([(97 * step + 30) % 255 for step in range(steps)])
    net.module.verify()
    pixels = np.random.default_rng(steps).integers(0, 256, net.frames.shape, np.uint8)
    return replace(net, frames=pixels)


def by_hand(net: RandomNetwork) -> EngineResult:
    """What the integer reference says, which is asked before the network becomes a program."""
    want = run_snn(net.module, net.images)
    return EngineResult(want.potentials.reshape(len(net.frames), -1).astype(np.int64), want.trains)


@needs_gcc
@pytest.mark.parametrize("seed", range(3))
def test_random_networks_with_delays_are_equal(seed, tmp_path):
    net = delayed_network(seed)
    results = {"interp": by_hand(net)}
    results["fast"] = FastEngine(fast_sources(net.module), tmp_path, ("-O1",)).run(net.frames)
    module = schedule(net.module, net.pipeline)
    machine = run_program(module, net.frames, count_cycles=True)
    results["c"] = CEngine.from_module(module, tmp_path, ("-O1",)).run(net.frames)
    found = compare(results, read_program(program_of(module)))
    assert found.equal, found.difference
    assert np.array_equal(machine.potentials, results["c"].potentials)
    assert np.array_equal(machine.cycles, results["c"].cycles)


@needs_verilator
@pytest.mark.parametrize("seed", [5])
def test_random_networks_with_delays_are_equal_in_verilog(seed, tmp_path):
    net = delayed_network(seed)
    results = {"interp": by_hand(net)}
    module = schedule(net.module, net.pipeline)
    results["c"] = CEngine.from_module(module, tmp_path, ("-O1",)).run(net.frames)
    results["rtl"] = RtlEngine.from_module(module, tmp_path).run(net.frames)
    found = compare(results, read_program(program_of(module)))
    assert found.equal, found.difference
    assert np.array_equal(results["rtl"].cycles, results["c"].cycles)


@needs_verilator
def test_all_synapses_may_have_the_same_delay(tmp_path):
    net = spike_network(19)
    for op in network_of(net.module).body.block.ops:
        if isinstance(op, SynapseOp):
            op.properties["delay"] = integer(1)
    want = by_hand(net)
    module = schedule(net.module, net.pipeline)
    assert set(read_program(program_of(module)).runs[:, RUN_FIELDS.index("delay")]) == {1}
    found = RtlEngine.from_module(module, tmp_path).run(net.frames)
    assert np.array_equal(found.potentials, want.potentials)


@pytest.mark.parametrize("seed", [0, 3])
def test_pixels_become_trains_by_levels(seed, tmp_path):
    net = spike_network(seed)
    steps = encode_of(net.module).train.type.steps.data
    net = with_levels(net, steps)
    results = {"interp": by_hand(net)}
    levels = int_list(encode_of(net.module).levels)
    pixels = net.frames.transpose(0, 3, 1, 2)
    by_levels = sum(
        (pixels > level).astype(int) << (steps - 1 - t) for t, level in enumerate(levels)
    )
    assert np.array_equal(results["interp"].trains["input"], by_levels)
    results["fast"] = FastEngine(fast_sources(net.module), tmp_path, ("-O1",)).run(net.frames)
    module = schedule(net.module, net.pipeline)
    machine = run_program(module, net.frames, count_cycles=True)
    results["c"] = CEngine.from_module(module, tmp_path, ("-O1",)).run(net.frames)
    if verilator.find() is not None and not seed:
        results["rtl"] = RtlEngine.from_module(module, tmp_path).run(net.frames)
        assert np.array_equal(results["rtl"].cycles, results["c"].cycles)
    found = compare(results, read_program(program_of(module)))
    assert found.equal, found.difference
    assert np.array_equal(machine.cycles, results["c"].cycles)


def test_spikes_act_later():
    """What a filter over a window of three steps adds up to, and what comes too late."""
    module = parse((LIT / "dialects" / "snn_delay.mlir").read_text())
    spikes = np.array([[0b1000, 0, 0, 0], [0b0001, 0, 0, 0], [0b0110, 0b0010, 0, 0]], np.uint8)
    # All of the window comes for a spike in the first two of four steps, 3 alone for the last.
    found = run_snn(module, spikes).potentials
    assert found[:, 0].tolist() == [3 + 2 + 1, 3, (3 + 2 + 1) + 2 * (3 + 2)]


@pytest.mark.parametrize("delay", [0, 16, -1])
def test_a_delay_is_less_than_the_steps(delay):
    net = delayed_network(3)
    synapses = [op for op in network_of(net.module).body.block.ops if isinstance(op, SynapseOp)]
    synapses[-1].properties["delay"] = integer(delay)
    with pytest.raises(VerifyException, match="delay must be 1 to"):
        net.module.verify()
