"""Neurons that integrate some steps ahead of the spike that they decide."""

import numpy as np
import pytest

from snnir.analysis.network import layers
from snnir.calibration.causal import is_causal
from snnir.dialects.dense import from_dense
from snnir.dialects.neurons import NeuronChoice, rate_neuron
from snnir.dialects.onnx_shapes import GIVEN_RANGES, given
from snnir.dialects.snn import FireOp
from snnir.errors import UserError
from snnir.frontend.onnx import import_model
from snnir.interpreters.neuron import run_neuron
from snnir.pipeline.run import run_pipeline

STEPS, THETA, BIAS = 6, 9, 1
HOW = {"coding": "rate", "steps_in": STEPS, "steps_out": STEPS, "fraction": 0, "rate": True}
PARAMS = {"theta": np.array([THETA]), "bias": np.array([BIAS])}


def currents() -> list[np.ndarray]:
    return list(np.random.default_rng(3).integers(-9, 12, (STEPS, 200, 1)))


def spikes(neuron) -> np.ndarray:
    return np.array(run_neuron(neuron, currents(), PARAMS, **HOW)[0]).astype(int)


def wanted(ahead: int, margin: int = 0) -> np.ndarray:
    """Neuron by neuron: it listens `ahead` steps, and when all is heard goes on to fire."""
    found = np.zeros((STEPS, 200, 1), int)
    for neuron in range(200):
        v = THETA // 2
        for step in range(STEPS + ahead):
            if step < STEPS:
                v += currents()[step][neuron, 0] + BIAS
            sure = THETA + (THETA * margin // 4 if step < STEPS - 1 else 0)
            if step >= ahead and v >= sure:
                v -= THETA
                found[step - ahead, neuron] = 1
    return found


@pytest.mark.parametrize("margin", [0, 1, 3, 4, 13])
@pytest.mark.parametrize("ahead", [0, 1, 2, 4, 5, 6, 9])
def test_spikes_are_decided_some_steps_later(ahead, margin):
    assert np.array_equal(spikes(rate_neuron(ahead=ahead, margin=margin)), wanted(ahead, margin))


def test_a_margin_keeps_spikes_back_that_are_not_taken_back():
    """Not more than `ahead` + 1, which are sent when all is heard: then every count is even."""
    even = spikes(rate_neuron(emission="after")).sum(0)
    hasty, sure = (wanted(2, margin).sum(0) - even for margin in (0, 8))
    assert hasty.max() > 0 and np.abs(hasty).sum() > 4 * np.abs(sure).sum()


def test_the_ends_are_the_neurons_that_do_not_wait_and_that_wait_for_all():
    assert np.array_equal(spikes(NeuronChoice("rate", ahead=0).fire_neuron()), wanted(0))
    waits = spikes(rate_neuron(emission="after"))
    assert np.array_equal(spikes(rate_neuron(ahead=STEPS)), waits)
    counts = [spikes(rate_neuron(ahead=a)).sum(0) if a else wanted(0).sum(0) for a in (0, 1, 6)]
    near = [np.abs(count - waits.sum(0)).sum() for count in counts]
    assert near[0] > near[1] > near[2] == 0


def network(**options):
    module = import_model("examples/digits.onnx")
    words = " ".join(f"{name}={value}" for name, value in options.items())
    run_pipeline(
        module,
        "simplify-onnx,fold-batchnorm,verify-onnx-convertible,"
        f"convert-onnx-to-snn{{coding=rate timesteps=4 input-scale=0.0625 {words}}},"
        "threshold-balance{calibration=examples/digits_calibration.npz samples=16}",
    )
    return [op for op in layers(module) if isinstance(op, FireOp)]


def test_thresholds_are_those_of_even_spikes_and_their_order_counts():
    ahead, after, hasty = network(neuron="ahead"), network(emission="after"), network()
    assert all(is_causal(op) for op in (*ahead, *hasty))
    assert not any(is_causal(op) for op in after)
    full = [[from_dense(op.threshold).tolist() for op in ops] for ops in (ahead, after, hasty)]
    assert full[0] == full[1] != full[2]


@pytest.mark.parametrize("what", ["ahead", "margin"])
@pytest.mark.parametrize("how", [{"coding": "radix", "leak": 0}, {"coding": "rate", "leak": 2}])
def test_a_file_that_wants_both_is_refused(how, what):
    with pytest.raises(ValueError, match="only neurons of rate coding without a leak"):
        given([(1, 4)], {what: 2, "theta": [1] * 4, **how})


@pytest.mark.parametrize("what", ["ahead", "margin"])
def test_files_and_neurons_have_the_same_range(what):
    low, high = GIVEN_RANGES[what]
    for value in (low, high):
        rate_neuron(**{"ahead": 1, what: value})
    with pytest.raises(UserError, match=f"{what} is {high + 1}, allowed are {low} to {high}"):
        rate_neuron(**{"ahead": 1, what: high + 1})
