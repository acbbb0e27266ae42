"""Samples of several windows: neurons go on where they stopped, in every engine."""

import json

import numpy as np
import pytest
from c_programs import needs_gcc, schedule
from comparing import differences
from digits import CALIBRATION, EXAMPLES, MODEL
from neuron_networks import REFRACTORY, fires, frames, parallel_network, renamed
from window_networks import given, run_on_machine, twice_as_long, window_network

from snnir.analysis.network import encode_of
from snnir.analysis.ranges import neuron_ranges
from snnir.backends.c import c_sources
from snnir.dialects.assembly import integer
from snnir.interpreters.pe import run_program
from snnir.interpreters.snn import run_snn
from snnir.neurons.library import load_neuron, read_neuron
from snnir.runtime.build import BuildFolder
from snnir.runtime.cmodel import CEngine
from snnir.runtime.engines import run_engine
from snnir.tools import snnc
from snnir.tools.errors import run_tool

STEPWISE = ("lif", "cuba_lif", "alif", "sigma_delta")
"""Shipped neurons that leak, so that they have a bound for any number of steps."""


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@needs_gcc
@pytest.mark.parametrize("seed", range(6))
def test_random_networks_are_equal(seed, cache):
    spikes = seed % 2 == 1
    net = window_network(seed, spikes=spikes)
    result = run_on_machine(net, spikes, cache)
    assert result.windows == 3
    assert result.spent.tolist() == [3, 3]


@pytest.mark.parametrize("seed", [3, 20, 21])
def test_windows_are_pieces_of_one_longer_train(seed):
    """Two windows are one twice as long, where no max pool looks at windows as a whole."""
    net = window_network(seed, windows=2, samples=3, spikes=True, pools=False, most_steps=4)
    images = given(net, True)
    steps = encode_of(net.module).train.type.steps.data
    pieces = run_snn(net.module, images)
    joined = run_snn(twice_as_long(net).module, images[0::2] << steps | images[1::2])
    assert np.array_equal(joined.potentials, pieces.potentials[1::2])
    for label, words in joined.trains.items():
        parts = pieces.trains[label].astype(np.uint32)
        assert np.array_equal(words, parts[0::2] << steps | parts[1::2]), label


def _real(pixels: np.ndarray) -> np.ndarray:
    return pixels.transpose(0, 3, 1, 2).astype(np.float32) * 0.1


def _alone(module, pixels: np.ndarray):
    return run_snn(module, _real(pixels), windows=1)


@needs_gcc
def test_random_numbers_counters_and_delayed_spikes_go_on(cache):
    """A state is whatever lives from step to step; `step` counts on."""
    neurons = [
        read_neuron(REFRACTORY).op,
        load_neuron("glm").op,
        renamed(load_neuron("lif").op, "leaky"),
    ]
    module = parallel_network(neurons, "rate", 3)
    next(op for op in module.walk() if op.name == "snn.encode").properties["windows"] = integer(4)
    pixels = frames(8)
    want = run_snn(module, _real(pixels))
    alone = _alone(module, pixels[4:5])
    assert set(fires(module)) == {"first", "tired", "glm", "leaky"}
    # The first window of the second sample begins as any other sample does.
    for label, words in alone.trains.items():
        assert np.array_equal(words[0], want.trains[label][4]), label
    second = _alone(module, pixels[1:2])
    scheduled = schedule(module, "tile-to-pe{banks=2 channels=4},event-schedule,verify-pe-schedule")
    result = CEngine.from_module(scheduled, cache, ("-O1",)).run(pixels)
    for label, words in want.trains.items():
        assert np.array_equal(result.trains[label], words), label
    assert np.array_equal(result.potentials, want.potentials.reshape(8, -1))
    # The second window differs from what it would be alone, for each of the neurons.
    for label in ("tired", "glm", "leaky"):
        assert not np.array_equal(second.trains[label][0], want.trains[label][1]), label


@needs_gcc
def test_a_sample_may_be_left_when_it_is_decided(cache):
    net = window_network(7, windows=4, samples=5)
    module = schedule(net.module, net.pipeline)
    engine = CEngine.from_module(module, cache, ("-O1",))
    whole = engine.run(net.frames)
    wanted = [3, 1, 4, 2, 1]
    seen = []

    def stop(said):
        seen.append((said.sample, said.window))
        assert np.array_equal(said.potentials, whole.potentials[4 * said.sample + said.window])
        return said.window + 1 == wanted[said.sample]

    found = engine.run(net.frames, stop=stop)
    assert found.spent.tolist() == wanted
    assert sorted(seen) == [(s, w) for s in range(5) for w in range(wanted[s])]
    ran = (np.arange(4) < np.array(wanted)[:, None]).ravel()
    assert np.array_equal(found.potentials[ran], whole.potentials[ran])
    assert np.array_equal(found.cycles, whole.cycles * ran)


def currents():
    return np.full(2, -50), np.full(2, 40)


def test_states_that_leak_have_a_bound_for_any_number_of_windows():
    how = {"coding": "rate", "steps_in": 4, "steps_out": 4, "fraction": 0, "rate": True}
    for name in STEPWISE:
        neuron = load_neuron(name).op
        values = {"theta": 100, "leak": 4, "synapse_leak": 1, "recovery": 2, "strength": 3}
        params = {key: np.full(2, values.get(key, 3)) for key in neuron.param_names}
        some = neuron_ranges(neuron, params, currents(), **how, windows=60)
        ever = neuron_ranges(neuron, params, currents(), **how, windows=0)
        assert all(e >= s for e, s in zip(ever.state_bits, some.state_bits, strict=True))
        assert ever.bits <= 14


@needs_gcc
def test_c_in_one_file_runs_the_windows_of_a_file(cache, tmp_path):
    """The program for the command line goes on from image to image, and begins anew by itself."""
    from c_programs import SANITIZERS, build, run, write_sources

    net = window_network(7, windows=3, samples=2)
    module = schedule(net.module, net.pipeline)
    program = build(write_sources(c_sources(module), tmp_path / "c"), *SANITIZERS)
    np.save(tmp_path / "x.npy", net.frames)
    done = run(program, "--quiet", "-o", tmp_path / "out.npy", tmp_path / "x.npy")
    assert done.returncode == 0, done.stderr
    want = run_program(module, net.frames).potentials
    assert np.array_equal(np.load(tmp_path / "out.npy"), want)


# The command line ---------------------------------------------------------------------------------


def tool(capsys, *words) -> tuple[int, str, str]:
    status = run_tool(snnc.run, [*map(str, words)])
    said = capsys.readouterr()
    return status, said.out, said.err


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits") / "build"
    words = ["compile", MODEL, "-o", folder, "--coding", "rate", "--timesteps", 2, "--windows", 3]
    words += ["--calibration", CALIBRATION, "--input-scale", 0.0625, "--array", "4,8,2,2"]
    assert run_tool(snnc.run, [*map(str, words), "--no-verilog"]) == 0
    return folder


@needs_gcc
def test_run_tells_what_each_window_said(built, capsys):
    capsys.readouterr()
    data = EXAMPLES / "digits_test.npz"
    status, out, _ = tool(capsys, "run", built, "--input", data, "--limit", 40, "--json")
    assert status == 0
    found = json.loads(out)
    windows = found["windows"]
    assert windows["count"] == 3
    assert [row[-1] for row in windows["predictions"]] == found["predictions"]
    assert np.shape(windows["spikes"]) == np.shape(windows["cycles"]) == (40, 3)
    assert found["cycles_per_sample"] == pytest.approx(np.sum(windows["cycles"]) / 40)
    assert found["accuracy"] > 0.9
    build = BuildFolder(built)
    x = np.load(data)["x"][:40]
    x = np.repeat(x[:, None], 3, axis=1)
    stop = lambda said: said.window == said.sample % 3  # noqa: E731
    results = {name: run_engine(name, build, x, trains=True, stop=stop) for name in ("interp", "c")}
    assert differences(results["c"], results["interp"], ("trains",)) == []
    assert results["c"].spent.tolist() == results["interp"].spent.tolist()
    status, out, _ = tool(capsys, "verify", built, "--input", data, "--limit", 3, "--json")
    assert status == 0
    assert json.loads(out)["windows"] == 3
    status, out, _ = tool(capsys, "report", built, "--json")
    assert status == 0
    assert "states" in [memory["name"] for memory in json.loads(out)["memory"]]


@needs_gcc
def test_what_cannot_go_on_is_refused_in_a_line(built, capsys, tmp_path):
    capsys.readouterr()
    data = EXAMPLES / "digits_test.npz"
    wrong = tmp_path / "x.npz"
    np.savez(wrong, x=np.zeros((2, 5, 1, 8, 8), np.uint8))
    given = [MODEL, "-o", tmp_path / "no", "--calibration", CALIBRATION, "--windows", 2]
    cases = [
        (["compile", *given], "neuron @radix cannot go on in another window: the steps of"),
        (["compile", *given, "--coding", "rate", "--emission", "after"], "it fires when all steps"),
        (
            ["compile", *given, "--coding", "rate", "--batch", 2],
            "a batch of images keeps no states",
        ),
        (["compile", *given, "--coding", "rate", "--reconfigurable"], "a machine whose program is"),
        (
            ["compile", *given[:-1], "endless", "--coding", "rate", "--input-scale", 0.0625],
            "state v of neuron @integrate_and_fire_soft_ge has no bound",
        ),
        (["run", built, "--input", wrong], "has 5 windows, the network is made for 3"),
        (["run", built, "--input", wrong, "--engine", "fast"], "has 5 windows, the network is"),
        (["diagnose", built, "--input", data], "samples of one window alone"),
    ]
    for words, message in cases:
        status, _, err = tool(capsys, *words)
        assert status == 1, words
        assert message in err, (words, err)
        assert err.count("\n") == 1, err
