"""Each neuron, shipped or not, makes the same spikes in the interpreter, both C engines and RTL."""

import shutil

import numpy as np
import pytest
from c_programs import needs_gcc
from neuron_networks import REFRACTORY, fires, frames, parallel_network, renamed
from xdsl.context import Context

from snnir.backends.c.fast import fast_sources
from snnir.dialects.pe_types import ArrayParameters
from snnir.hardware.language.builder import design
from snnir.hardware.neuron import neuron_module
from snnir.hardware.timing import fire_stages
from snnir.interpreters.comb import Simulator
from snnir.interpreters.neuron import run_neuron
from snnir.interpreters.snn import run_snn
from snnir.neurons.library import load_neuron, read_neuron, shipped
from snnir.passes.event_schedule import EventSchedulePass
from snnir.passes.tile_to_pe import TileToPePass
from snnir.runtime import verilator
from snnir.runtime.cmodel import CEngine
from snnir.runtime.fastmodel import FastEngine
from snnir.schedule.program import Mode

RATE = (
    "if", "ahead", "lif", "cuba_lif", "alif", "glm", "glm_window", "izhikevich", "sigma_delta",
)  # fmt: skip
RADIX = ("radix", "ttfs")
STEPS = 5
IMAGES = 15
"""144 neurons of 5 steps in each layer and image: 10,800 steps of each neuron."""

NETWORKS = {"rate": RATE, "radix": RADIX}


def own(name: str):
    """A shipped neuron by a name that is not that of the network's own neurons."""
    return renamed(load_neuron(name).op, f"own_{name}")


@pytest.fixture(scope="module", params=["rate", "radix"])
def network(request):
    """A quantised network, its frames and what the interpreter makes of them."""
    coding = request.param
    neurons = [own(name) for name in NETWORKS[coding]]
    if coding == "rate":
        neurons.append(read_neuron(REFRACTORY).op)
    module = parallel_network(neurons, coding, STEPS if coding == "rate" else 4)
    pixels = frames(IMAGES)
    return module, pixels, run_snn(module, pixels.transpose(0, 3, 1, 2) * 0.1)


def test_all_shipped_neurons_are_here():
    readouts = {"readout_rate", "readout_radix", "readout_leak", "readout_first_spike"}
    assert set(shipped()) == {*RATE, *RADIX} | readouts


def test_trains_are_worth_comparing(network):
    module, _, want = network
    for label, op in fires(module).items():
        trains = want.trains[label]
        steps = op.train.type.steps.data
        spikes = sum(int(((trains >> t) & 1).sum()) for t in range(steps))
        assert 0.02 < spikes / (trains.size * steps) < 0.98, label
        assert len(np.unique(trains)) > 4, label


@needs_gcc
def test_fast_c(network, tmp_path):
    module, pixels, want = network
    got = FastEngine(fast_sources(module), tmp_path, ("-O1",)).run(pixels)
    assert_equal(got, want)


@needs_gcc
def test_machine_in_c_and_rtl(network, tmp_path):
    """The clocks that the C program counts are those of the hardware, too."""
    module, pixels, want = network
    scheduled = module.clone()
    TileToPePass(banks=2, channels=2, planes=STEPS).apply(Context(), scheduled)
    EventSchedulePass().apply(Context(), scheduled)
    got = CEngine.from_module(scheduled, tmp_path, ("-O1",)).run(pixels)
    assert_equal(got, want)
    simulated = verilator.find() is not None and shutil.which("g++") is not None
    if simulated and "own_glm" in want.trains:
        from snnir.runtime.rtl import RtlEngine

        found = RtlEngine.from_module(scheduled, tmp_path).run(pixels)
        assert_equal(found, want)
        assert list(found.cycles) == list(got.cycles)


def assert_equal(got, want):
    assert set(got.trains) == set(want.trains)
    for label, trains in want.trains.items():
        np.testing.assert_array_equal(got.trains[label], trains, err_msg=label)
    np.testing.assert_array_equal(got.potentials, want.potentials.reshape(len(got.potentials), -1))


@pytest.mark.parametrize("name", RADIX)
def test_pipelines_of_radix_neurons(name):
    """Those of the others run as Verilog above; these in the evaluator of hw modules."""
    neuron, width, count = load_neuron(name).op, 18, 24
    array = ArrayParameters(2, 2, planes=4, weight_bits=4, acc_bits=8, membrane_bits=width)
    modes = [Mode(name, "radix", 4, 4, 1)]
    rng = np.random.default_rng(1)
    params = {"theta": rng.integers(1, 300, count), "bias": rng.integers(-50, 50, count)}
    sim = Simulator(
        next(iter(design(neuron_module(modes, {name: neuron}, list(params), array)).body.block.ops))
    )
    planes = rng.integers(-60, 100, (4, count))
    late = fire_stages(tuple(modes), {name: neuron})
    results = []
    for step in range(count + late):
        n = min(step, count - 1)
        # Plane 0 is the least significant one, which comes last.
        word = sum((int(planes[3 - p][n]) & 255) << (8 * p) for p in range(4))
        given = {key: int(values[n]) & ((1 << width) - 1) for key, values in params.items()}
        results.append(sim.step(accumulators=word, **given)["train"])
    spikes, _ = run_neuron(
        neuron, [plane.reshape(1, -1) for plane in planes], params,
        coding="radix", steps_in=4, steps_out=4, fraction=1, rate=False,
    )  # fmt: skip
    trains = sum(spike.reshape(-1).astype(int) << (3 - t) for t, spike in enumerate(spikes))
    assert results[late:] == trains.tolist() and len(set(results)) > 3
