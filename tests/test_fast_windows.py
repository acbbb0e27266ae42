"""The fast C of networks that keep states: every spike and potential equal to the interpreter's."""

import numpy as np
import pytest
from c_programs import WARNINGS, needs_gcc
from neuron_networks import REFRACTORY, frames, parallel_network, renamed
from test_fast_engine import lists_and_small_chunks
from window_networks import delayed_windows, given, window_network

from snnir.analysis.network import encode_of
from snnir.backends.c.fast import fast_sources
from snnir.dialects.assembly import integer
from snnir.interpreters.snn import run_snn
from snnir.neurons.library import load_neuron, read_neuron
from snnir.runtime.fastmodel import FastEngine

pytestmark = needs_gcc

QUICK = ("-O1", *WARNINGS)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def assert_equal(module, images, pixels, cache, windows=None):
    want = run_snn(module, images, windows=windows)
    engine = FastEngine(fast_sources(module), cache, QUICK)
    found = engine.run(pixels, windows=windows)
    assert set(found.trains) == set(want.trains)
    for label, words in want.trains.items():
        np.testing.assert_array_equal(found.trains[label], words, err_msg=label)
    np.testing.assert_array_equal(found.potentials, want.potentials.reshape(len(pixels), -1))
    # A state that has run others begins each sample anew.
    again = engine.run(pixels, record=False, windows=windows)
    np.testing.assert_array_equal(again.potentials, found.potentials)
    return engine, found


@pytest.mark.parametrize("seed", range(10))
def test_random_networks(seed, cache, monkeypatch):
    if seed % 3 == 2:
        lists_and_small_chunks(monkeypatch)
    spikes = seed % 2 == 1
    net = window_network(seed, spikes=spikes, samples=3)
    _, found = assert_equal(net.module, given(net, spikes), net.frames, cache)
    assert found.windows == 3


def test_states_of_several_kinds(cache):
    """Random numbers, counters and spikes that are delayed go on; each sample begins anew."""
    neurons = [renamed(load_neuron(n).op, f"{n}_0") for n in ("glm", "izhikevich", "alif")]
    module = parallel_network([*neurons, read_neuron(REFRACTORY).op], "rate", 3)
    encode_of(module).properties["windows"] = integer(4)
    pixels = frames(8)
    images = pixels.transpose(0, 3, 1, 2).astype(np.float32) * 0.1
    _, found = assert_equal(module, images, pixels, cache)
    # Samples that are left early are those that go on, cut.
    _, cut = assert_equal(module, images, pixels, cache, windows=2)
    assert np.array_equal(cut.potentials[:2], found.potentials[:2])
    assert not np.array_equal(cut.potentials[2:4], found.potentials[2:4])


def test_decided_samples_are_left(cache):
    net = window_network(7, windows=4, samples=3)
    engine, whole = assert_equal(net.module, given(net, False), net.frames, cache)
    wanted = [3, 1, 4]
    found = engine.run(net.frames, stop=lambda said: said.window + 1 == wanted[said.sample])
    assert found.spent.tolist() == wanted
    ran = (np.arange(4) < np.array(wanted)[:, None]).ravel()
    assert np.array_equal(found.potentials, whole.potentials * ran[:, None])


@pytest.mark.parametrize(("seed", "spikes"), [(0, True), (4, True), (1, False), (5, False)])
def test_spikes_that_are_delayed_into_the_next_window(seed, spikes, cache):
    net = delayed_windows(seed, spikes)
    assert_equal(net.module, given(net, spikes), net.frames, cache)
