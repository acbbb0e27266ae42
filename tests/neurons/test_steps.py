"""Single neurons on random steps: interpreter, printed C and Verilog are equal."""

import shutil

import numpy as np
import pytest
from c_programs import needs_gcc
from neuron_networks import REFRACTORY

from snnir.neurons.library import load_neuron, read_neuron
from snnir.runtime import verilator
from snnir.runtime.neuron_steps import draw, interpreted, printed_c, simulated


def lives_of(name: str):
    """10,000 steps of a neuron; `tired` is not shipped and has a refractory counter."""
    neuron = read_neuron(REFRACTORY).op if name == "tired" else load_neuron(name).op
    coding = "radix" if name in ("radix", "ttfs", "readout_radix") else "rate"
    return draw(neuron, coding, 4, 2_500, seed=3)


def assert_equal(got, want):
    for found, wanted in zip(got, want, strict=True):
        np.testing.assert_array_equal(found, wanted)


@needs_gcc
@pytest.mark.parametrize("name", ["radix", "alif", "glm", "readout_first_spike", "tired"])
def test_printed_c(name, tmp_path):
    lives = lives_of(name)
    want = interpreted(lives)
    assert lives.steps == 10_000 and len(np.unique(np.stack(want), axis=1).T) > 20
    assert_equal(printed_c(lives, tmp_path), want)


@needs_gcc
@pytest.mark.skipif(
    verilator.find() is None or shutil.which("g++") is None or shutil.which("make") is None,
    reason="Verilator or a compiler is missing",
)
def test_verilog(tmp_path):
    """The radix neurons and the readouts; those of rate coding run in whole machines."""
    names = ("radix", "ttfs", "readout_radix", "readout_rate", "tired")
    found = [lives_of(name) for name in names]
    for lives, got in zip(found, simulated(found, tmp_path), strict=True):
        assert lives.steps == 10_000
        assert_equal(got, interpreted(lives))


@needs_gcc
def test_a_difference_is_seen(tmp_path):
    """C of another neuron does not pass."""
    want = interpreted(lives_of("if"))
    got = printed_c(lives_of("lif"), tmp_path)
    with pytest.raises(AssertionError):
        assert_equal(got, want)
