"""Radix networks whose layers have trains of different lengths, through all back ends."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from c_programs import needs_gcc
from comparing import differences
from random_networks import network_from_seed
from xdsl.context import Context

from snnir.analysis.network import layers
from snnir.backends.c.fast import fast_sources
from snnir.backends.c.fast import plan as fast_plan
from snnir.backends.c.gather import BY_PLANE
from snnir.dialects.neurons import radix_neuron, rate_neuron
from snnir.dialects.snn import AddOp
from snnir.hardware.neuron import mode_groups
from snnir.interpreters.pe import run_program
from snnir.interpreters.snn import run_snn
from snnir.passes.event_schedule import EventSchedulePass
from snnir.passes.tile_to_pe import TileToPePass
from snnir.runtime import verilator
from snnir.runtime.cmodel import CEngine
from snnir.runtime.compare import compare
from snnir.runtime.engine import EngineResult
from snnir.runtime.fastmodel import FastEngine
from snnir.runtime.rtl import RtlEngine
from snnir.schedule.planes import stays_at_rest

QUICK = ("-O0",)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def reference(net):
    found = run_snn(net.module, net.images)
    potentials = found.potentials.reshape(len(net.frames), -1).astype(np.int64)
    return EngineResult(potentials, found.trains)


def difference(net, **engines):
    """The first difference from the network's trains and potentials, of those that are stored."""
    found = compare(engines, RtlEngine.tables_of(net.module))
    assert sum(layer.compared for layer in found.layers) > 0
    return found.difference


def scheduled(net):
    TileToPePass(**net.options).apply(Context(), net.module)
    EventSchedulePass().apply(Context(), net.module)
    return net.module


def joined_steps(net):
    """Steps of the branches of each join."""
    adds = [op for op in net.module.walk() if isinstance(op, AddOp)]
    return [{current.type.steps.data for current in add.currents} for add in adds]


def test_the_networks_are_mixed():
    nets = [network_from_seed(seed, mixed=True) for seed in range(8)]
    fires = [{op.train.type.steps.data for op in list(layers(n.module))[:-1]} for n in nets]
    assert sum(len(steps) > 1 for steps in fires) >= 6
    assert sum(any(len(steps) > 1 for steps in joined_steps(net)) for net in nets) >= 3


@needs_gcc
@pytest.mark.parametrize("seed", [1, 3, 5, 6])
def test_interpreter_and_c_equal_the_network(seed, cache):
    net = network_from_seed(seed, images=2, mixed=True)
    expected = reference(net)
    fast = FastEngine(fast_sources(net.module), cache, QUICK).run(net.frames)
    assert differences(fast, expected, ("trains",)) == []
    module = scheduled(net)
    program = run_program(module, net.frames, count_cycles=True)
    c = CEngine.from_module(module, cache, QUICK).run(net.frames)
    assert difference(net, snn=expected, c=c) is None
    assert differences(c, program) == []


@needs_gcc
def test_fast_c_plane_by_plane(cache, monkeypatch):
    """Neurons that are not linear take each plane by itself, the shorter train's behind others."""
    monkeypatch.setattr(fast_plan, "gather_mode", lambda *_, **__: BY_PLANE)
    for seed in range(20):
        net = network_from_seed(seed, mixed=True)
        if any(len(steps) > 1 for steps in joined_steps(net)):
            fast = FastEngine(fast_sources(net.module), cache, QUICK).run(net.frames)
            assert differences(fast, reference(net), ("trains",)) == []
            break
    else:
        raise AssertionError("no network joins trains of different lengths")


@pytest.mark.skipif(
    verilator.find() is None or shutil.which("g++") is None, reason="needs Verilator and g++"
)
@pytest.mark.parametrize("seed", [1])
def test_simulated_verilog_equals_the_network(seed, tmp_path):
    net = network_from_seed(seed, images=1, mixed=True)
    assert any(len(steps) > 1 for steps in joined_steps(net))
    expected = reference(net)
    module = scheduled(net)
    rtl = RtlEngine.from_module(module, tmp_path).run(net.frames)
    assert difference(net, snn=expected, rtl=rtl) is None
    program = run_program(module, net.frames, count_cycles=True)
    np.testing.assert_array_equal(rtl.cycles, program.cycles)


def test_layers_of_equal_steps_share_a_datapath():
    """Inputs of fewer steps are taken as long ones that begin with silence."""
    for seed in range(8):
        net = network_from_seed(seed, mixed=True)
        fires = {op.train.type.steps.data for op in list(layers(net.module))[:-1]}
        modes = [m for m in RtlEngine.tables_of(scheduled(net)).modes if m.coding == "radix"]
        assert len({m.planes for m in modes}) == 1
        groups, _ = mode_groups([m for m in modes if m.neuron == "radix"])
        assert len(groups) <= len(fires)


@pytest.mark.parametrize(
    ("neuron", "expected"), [(radix_neuron(), True), (rate_neuron(emission="after"), False)]
)
def test_which_neurons_stay_at_rest(neuron, expected):
    params = {"theta": np.array([9, 4]), "bias": np.array([3, -1])}
    assert stays_at_rest(neuron, params) is expected
