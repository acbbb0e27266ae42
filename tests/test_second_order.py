"""Rounding led by the inputs, and the network as it is being rounded."""

import numpy as np
import pytest
from digits import CALIBRATION, EXAMPLES, MODEL, balanced, quantised

from snnir.analysis.network import branches, encode_of, layers
from snnir.calibration import second_order
from snnir.calibration.gathering import gather
from snnir.calibration.images import load_calibration
from snnir.calibration.layerwise import RoundedPrefix
from snnir.calibration.rounding import round_weights, top_level, weight_units
from snnir.calibration.second_order import round_second_order
from snnir.dialects.dense import from_dense
from snnir.frontend.onnx import import_model
from snnir.interpreters.snn import run_snn
from snnir.interpreters.words import spike_count
from snnir.passes._layer_in_work import train_values
from snnir.passes.quantise import QuantisePass
from snnir.pipeline.run import run_pipeline

rng = np.random.default_rng(5)


def inputs(size: int, count: int) -> np.ndarray:
    """Correlated and never negative, as trains are."""
    mixed = rng.normal(size=(size, size)) @ rng.normal(size=(size, count))
    return np.maximum(mixed, 0).astype(np.float32)


def by_inverse(weights, unit, bits, gram, damping=0.01):
    """GPTQ as it was published: one column after the other, with the inverse of what is left."""
    order = np.argsort(-np.diagonal(gram), kind="stable")
    left = weights[:, order] / unit[:, None]
    hessian = gram[np.ix_(order, order)].astype(np.float64)
    hessian += damping * np.diagonal(hessian).mean() * np.eye(len(hessian))
    result = np.zeros_like(left)
    for k in range(left.shape[1]):
        inverse = np.linalg.inv(hessian[k:, k:])
        result[:, k] = np.clip(np.rint(left[:, k]), -top_level(bits), top_level(bits))
        error = (left[:, k] - result[:, k]) / inverse[0, 0]
        left[:, k:] -= error[:, None] * inverse[0]
    back = np.empty_like(result)
    back[:, order] = result
    return back.astype(np.int64)


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize("size", [7, 90])
def test_equals_the_form_with_inverses(bits, size):
    weights = rng.normal(size=(6, size))
    x = inputs(size, 4 * size)
    unit = weight_units(weights, bits, "mse")
    found, error = round_second_order(weights, unit, bits, x)
    wanted = by_inverse(weights, unit, bits, np.cov(x, bias=True))
    strayed = (weights / unit[:, None] - found) @ (x - x.mean(axis=1, keepdims=True))
    assert np.allclose(error, strayed, atol=1e-3 * np.abs(strayed).max())
    # A tie that falls to the other side in float32 changes what follows in that row.
    assert (found == wanted).all(axis=1).mean() >= 5 / 6


def strayed(weights, rows, unit, x) -> float:
    return float(((weights - rows * unit[:, None]) @ x).var(axis=1).mean())


@pytest.mark.parametrize("bits", [2, 3, 4])
@pytest.mark.parametrize("group, share", [(40, 0.92), (576, 0.85)])
def test_currents_stray_less(bits, group, share, monkeypatch):
    monkeypatch.setattr(second_order, "GROUP", group)
    weights, x = rng.normal(size=(16, 150)), inputs(150, 1000)
    unit = weight_units(weights, bits, "mse")
    plain = strayed(weights, round_weights(weights, unit, bits), unit, x)
    rows, _ = round_second_order(weights, unit, bits, x)
    assert np.abs(rows).max() <= top_level(bits)
    assert strayed(weights, rows, unit, x) < share * plain


def test_a_branch_takes_up_what_the_other_strays_by():
    """Two branches one after the other do as well as one with the inputs of both."""
    weights, x = rng.normal(size=(16, 120)), inputs(120, 1000)
    unit = weight_units(weights, 3, "mse")
    whole = strayed(weights, round_second_order(weights, unit, 3, x)[0], unit, x)
    first, error = round_second_order(weights[:, :60], unit, 3, x[:60])
    second, _ = round_second_order(weights[:, 60:], unit, 3, x[60:], error)
    alone, _ = round_second_order(weights[:, 60:], unit, 3, x[60:])
    apart, together = (
        strayed(weights, np.concatenate([first, rows], axis=1), unit, x) for rows in (alone, second)
    )
    assert together < 0.95 * apart and together < 1.5 * whole


def test_silent_inputs_and_empty_rows():
    weights = rng.normal(size=(3, 8))
    weights[1] = 0
    unit = weight_units(weights, 4, "mse")
    rows, _ = round_second_order(weights, unit, 4, np.zeros((8, 30), np.float32))
    assert np.array_equal(rows, round_weights(weights, unit, 4))


def digits(options: str, quantise: str):
    module = balanced(options)
    return module, quantised(module, quantise)


def test_equalising_changes_no_output():
    module = import_model(str(MODEL))
    run_pipeline(module, "simplify-onnx,fold-batchnorm,convert-onnx-to-snn{input-scale=0.0625}")
    moved = module.clone()
    run_pipeline(moved, "equalise")
    changed = [
        not np.allclose(a, b) for a, b in zip(weights_of(module), weights_of(moved), strict=True)
    ]
    assert any(changed)
    images = np.load(EXAMPLES / "digits_test.npz")["x"][:50]
    before, after = (run_snn(m, images).outputs for m in (module, moved))
    assert np.allclose(before, after, atol=1e-4 * np.abs(before).max())


def weights_of(module) -> list[np.ndarray]:
    return [from_dense(s.weights) for layer in layers(module) for s in branches(layer)]


def test_without_images_gptq_is_mse():
    found = [weights_of(digits("", f"rounding={r} weight-bits=3")[1]) for r in ("gptq", "mse")]
    assert all(np.array_equal(a, b) for a, b in zip(*found, strict=True))


@pytest.mark.parametrize(
    "bits, method, same", [(8, "mse", True), (6, "gptq", True), (6, "mse", False)]
)
def test_auto(bits, method, same):
    given = f"weight-bits={bits} calibration={CALIBRATION} samples=64"
    found = [weights_of(digits("", f"{given} rounding={r}")[1]) for r in ("auto", method)]
    assert all(np.array_equal(a, b) for a, b in zip(*found, strict=True)) == same


def test_few_bits_are_nearer_to_the_float_network():
    images = np.load(EXAMPLES / "digits_test.npz")["x"][:200]
    errors = {}
    for method in ("gptq", "mse", "minmax"):
        floating, rounded = digits(
            "timesteps=6", f"weight-bits=3 rounding={method} calibration={CALIBRATION}"
        )
        expected = run_snn(floating, images).outputs
        errors[method] = ((run_snn(rounded, images).outputs - expected) ** 2).mean()
    assert errors["gptq"] < 0.85 * errors["mse"] and errors["mse"] < errors["minmax"]


@pytest.mark.parametrize(
    "coding",
    ["radix timesteps=4", "rate timesteps=8 emission=after", "rate timesteps=8", "rate timesteps=5 "
     "reset=hard compare=gt"],
)  # fmt: skip
def test_prefix_is_what_will_run(coding):
    """The rounded prefix holds the trains of the integer network, up to single steps."""
    floating, rounded = digits(f"coding={coding}", f"weight-bits=8 rounding=mse fraction=8 "
                               f"calibration={CALIBRATION} samples=64")  # fmt: skip
    images = load_calibration(str(CALIBRATION), 64, encode_of(floating))
    values = train_values(floating)
    prefix = RoundedPrefix(floating, images, values)
    trains = run_snn(rounded, images).trains
    seen = 0
    rounding = QuantisePass(weight_bits=8, rounding="mse")
    for op, real in zip(prefix.layers(), gather(floating, images).currents, strict=True):
        ready = rounding.prepare(op, values)
        rounding.round(ready, 8, prefix)
        prefix.finish(op, ready.integers, ready.unit, ready.bias, real, correction="affine")
        if op.results[0] in prefix.trains:
            words = trains[op.label.data].astype(np.int64)
            if op.results[0] in prefix.words:
                # Step by step: a membrane that stands at the threshold may round otherwise.
                assert "after" not in coding
                assert (prefix.words[op.train] == words).mean() > 0.99
            if coding.startswith("rate"):
                words = spike_count(words, op.train.type.steps.data) / op.train.type.steps.data
            assert np.isclose(prefix.trains[op.train], words).mean() > 0.995
            seen += 1
    assert seen >= 2


@pytest.mark.parametrize("coding", ["rate timesteps=4", "rate timesteps=8 reset=hard"])
def test_shifted_biases_mend_what_comes_too_late(coding):
    """Spikes that come unevenly lose current; correction takes it back, on other images too."""
    images = np.load(EXAMPLES / "digits_test.npz")["x"][:300]
    errors = {}
    for correction in ("none", "affine"):
        floating, rounded = digits(
            f"coding={coding}", f"correction={correction} calibration={CALIBRATION}"
        )
        expected = run_snn(floating, images).outputs
        errors[correction] = ((run_snn(rounded, images).outputs - expected) ** 2).mean()
    assert errors["affine"] < 0.95 * errors["none"]
