"""Volumes: 3-D layers and hybrids of 3-D and 2-D ones, equal from the ONNX graph to Verilog."""

import numpy as np
import pytest
from c_programs import needs_gcc
from comparing import differences
from volume_networks import VolumeGraph
from xdsl.context import Context

from snnir.analysis.network import branches, layers, train_labels
from snnir.analysis.slices import sliced, sliced_trains, volume_trains
from snnir.backends.c.fast import fast_sources
from snnir.dialects.dense import from_dense
from snnir.dialects.snn import OneToOneOp, SumPoolOp
from snnir.energy.operations import count_operations
from snnir.interpreters.onnx import run_onnx
from snnir.interpreters.pe import program_of as pe_program
from snnir.interpreters.pe import run_program
from snnir.interpreters.snn import pool_window, run_snn, transmit
from snnir.interpreters.windows import sum_windows
from snnir.passes.event_schedule import EventSchedulePass
from snnir.passes.tile_to_pe import TileToPePass
from snnir.passes.verify_pe_schedule import VerifyPeSchedulePass
from snnir.pipeline.describe import describe_input
from snnir.pipeline.run import run_pipeline
from snnir.runtime import verilator
from snnir.runtime.cmodel import CEngine
from snnir.runtime.compare import compare
from snnir.runtime.encode import encode_frames
from snnir.runtime.engine import EngineResult
from snnir.runtime.fastmodel import FastEngine
from snnir.runtime.rtl import RtlEngine
from snnir.schedule.reading import read_program

needs_verilator = pytest.mark.skipif(verilator.find() is None, reason="verilator is not installed")

ARRAYS = (
    {"banks": 4, "channels": 8, "drain": 2},
    {"banks": 2, "channels": 3},
    {"banks": 8, "channels": 16, "weight_bits": 4, "drain": 4},
    {"banks": 1, "channels": 2},
)
CODINGS = (
    "radix input-scale=0.01",
    "rate input-scale=0.01",
    "rate timesteps=3 emission=after input-scale=0.01",
    "radix input-scale=0.01 input-mean=1.2 input-std=0.8",
)
"""The last one has an image that is padded with what stands for 0, in front of slices too."""


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def integer_network(graph: VolumeGraph, coding: str):
    """The graph as a spiking network of integers."""
    module = graph.module
    run_pipeline(
        module,
        "simplify-onnx,fold-batchnorm,verify-onnx-convertible,"
        f"convert-onnx-to-snn{{coding={coding}}},threshold-balance{{samples=8}},"
        "quantise{weight-bits=6},verify-snn-integer",
    )
    return module


def program_of(module, seed: int):
    """The scheduled program of a network, on an array by the seed."""
    program = module.clone()
    TileToPePass(**ARRAYS[seed % len(ARRAYS)]).apply(Context(), program)
    EventSchedulePass().apply(Context(), program)
    VerifyPeSchedulePass().apply(Context(), program)
    program.verify()
    return program


@pytest.mark.parametrize("seed", range(14))
def test_the_float_network_is_that_of_the_graph(seed):
    graph = VolumeGraph(seed)
    real = (graph.images * 0.01).astype(np.float32)
    wanted = run_onnx(graph.module, real)
    run_pipeline(graph.module, "simplify-onnx,verify-onnx-convertible,convert-onnx-to-snn")
    found = run_snn(graph.module, real).outputs
    assert np.allclose(found, wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())


@pytest.mark.parametrize("seed", range(14))
def test_slices_have_the_trains_of_the_volumes(seed):
    graph = VolumeGraph(seed)
    module = integer_network(graph, CODINGS[seed % len(CODINGS)])
    want, found = run_snn(module, graph.images), run_snn(sliced(module), graph.images)
    assert np.array_equal(found.potentials, want.potentials)
    trains = sliced_trains(module, want.trains)
    assert trains.keys() <= found.trains.keys()
    assert all(np.array_equal(words, found.trains[name]) for name, words in trains.items())
    back = volume_trains(module, found.trains)
    assert all(np.array_equal(words, back[name]) for name, words in want.trains.items())


@pytest.mark.parametrize("seed", range(6))
def test_operations_are_counted(seed):
    """The spikes that meet weights, against a convolution of spike counts with ones."""
    graph = VolumeGraph(seed)
    module = integer_network(graph, CODINGS[seed % len(CODINGS)])
    trains = run_snn(module, graph.images).trains
    labels, total = train_labels(module), 0.0
    for layer, found in zip(layers(module), count_operations(module, trains), strict=True):
        for synapse, branch in zip(branches(layer), found.branches, strict=True):
            pool = synapse.source.owner if isinstance(synapse.source.owner, SumPoolOp) else None
            words = trains[labels[pool.source if pool else synapse.source]]
            counts = np.bitwise_count(words).astype(np.float64)
            counts = sum_windows(counts, **pool_window(pool)) if pool else counts
            met = transmit(synapse, np.ones(synapse.weights.type.get_shape()), counts)
            assert np.isclose(branch.acs, met.sum() / len(words))
            total += branch.acs
            outputs = np.prod(synapse.current.type.dims[1:])
            weights = from_dense(synapse.weights)
            if not isinstance(synapse, OneToOneOp):
                assert branch.macs == weights.size * outputs
    assert total > 0


def test_what_a_seed_holds():
    """The seeds of these tests have all that there is."""
    made = set().union(*(VolumeGraph(seed).made for seed in range(14)))
    assert made >= {
        "conv2", "conv3", "pads", "groups", "dilations", "residual", "reshape", "average", "max",
        "average across slices", "max across slices",
    }  # fmt: skip
    for seed in (7, 13):
        assert {"max across slices", "reshape"} <= VolumeGraph(seed).made


@needs_gcc
@pytest.mark.parametrize("seed", range(14))
def test_random_networks_are_equal_in_c(seed, cache):
    graph = VolumeGraph(seed)
    module = integer_network(graph, CODINGS[seed % len(CODINGS)])
    frames = encode_frames(describe_input(module, graph.images.shape), graph.images)
    reference = run_snn(module, graph.images)
    wanted = sliced_trains(module, reference.trains)
    fast = FastEngine(fast_sources(module), cache, ("-O1",)).run(frames)
    assert all(np.array_equal(fast.trains[label], words) for label, words in wanted.items())
    program = program_of(module, seed)
    machine = run_program(program, frames, count_cycles=True)
    found = CEngine.from_module(program, cache, ("-O1",)).run(frames)
    assert differences(found, machine) == []
    potentials = reference.potentials.reshape(len(frames), -1)
    results = {"interp": EngineResult(potentials, wanted), "c": found, "fast": fast}
    seen = compare(results, read_program(pe_program(program)))
    assert seen.equal, seen.difference
    assert {layer.name for layer in seen.layers} >= {name for name in wanted if "." not in name}


@needs_verilator
@pytest.mark.parametrize("seed", [7, 13])
def test_random_networks_are_equal_in_verilog(seed, cache):
    graph = VolumeGraph(seed)
    module = integer_network(graph, CODINGS[seed % len(CODINGS)])
    frames = encode_frames(describe_input(module, graph.images.shape), graph.images)
    program = program_of(module, seed)
    reference = CEngine.from_module(program, cache, ("-O1",)).run(frames)
    result = RtlEngine.from_module(program, cache).run(frames)
    assert differences(result, reference, ("trains", "layer_cycles")) == []
    assert np.array_equal(result.cycles, reference.cycles)
