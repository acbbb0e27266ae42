"""Thresholds, rounding and scales: what quantise and threshold-balance promise in numbers."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from xdsl.parser import Parser

from snnir.analysis.network import branches, layers
from snnir.calibration.images import BINS, Histogram
from snnir.calibration.rounding import round_weights, top_level, weight_units
from snnir.dialects.dense import from_dense
from snnir.errors import UserError
from snnir.frontend.onnx import import_model
from snnir.interpreters.snn import run_snn
from snnir.pipeline.plugins import make_context
from snnir.pipeline.run import run_pipeline

sys.path.insert(0, str(Path(__file__).parent))
from plain_snn import plain_trains  # noqa: E402

ROOT = Path(__file__).parent.parent
DATA = os.environ.get("SNNIR_DATA")

rng = np.random.default_rng(11)


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_minmax_rounds_to_the_nearest_step(bits):
    weights = rng.normal(size=(5, 40))
    unit = weight_units(weights, bits, "minmax")
    integers = round_weights(weights, unit, bits)
    assert np.abs(integers).max() == top_level(bits)
    assert (np.abs(weights - integers * unit[:, None]) <= unit[:, None] / 2 + 1e-12).all()


@pytest.mark.parametrize("bits", [2, 3, 4])
def test_mse_loses_no_more_than_minmax(bits):
    weights = rng.normal(size=(6, 200))
    lost = {}
    for method in ("minmax", "mse"):
        unit = weight_units(weights, bits, method)
        restored = round_weights(weights, unit, bits) * unit[:, None]
        lost[method] = ((weights - restored) ** 2).sum(1)
    assert (lost["mse"] <= lost["minmax"] * (1 + 1e-5)).all()
    assert lost["mse"].sum() < 0.9 * lost["minmax"].sum()


def test_rows_of_zeros_stay_zero():
    weights = np.zeros((2, 3))
    assert weight_units(weights, 4, "mse").tolist() == [0, 0]
    assert round_weights(weights, np.zeros(2), 4).tolist() == [[0, 0, 0], [0, 0, 0]]


def test_histogram_grows_with_the_data():
    histogram = Histogram()
    values = np.abs(rng.normal(size=(50, 3, 4, 4))).astype(np.float32)
    values[:, 2] = 0
    for part, factor in ((values[:10], 0.01), (values[10:], 1)):
        histogram.add(part * np.float32(factor))
    assert histogram.counts.sum(1)[2] == 0 and histogram.counts.sum() == 50 * 2 * 16
    everything = np.concatenate([values[:10] * 0.01, values[10:]]).astype(np.float32)
    assert np.allclose(histogram.peaks, everything.max((0, 2, 3)))
    for percentile in (50, 90, 99):
        exact = [np.percentile(everything[:, c], percentile) for c in (0, 1)]
        assert np.allclose(histogram.percentile(percentile)[:2], exact, atol=histogram.top / 200)
    assert histogram.percentile(100)[0] == histogram.peaks[0]


def test_least_error_is_the_least_of_its_candidates():
    histogram = Histogram()
    values = np.abs(rng.standard_t(3, size=(200, 1, 5, 5))).astype(np.float32)
    histogram.add(values)
    (chosen,) = histogram.least_error(15)

    def lost(full):
        return ((values - np.clip(np.rint(values / full * 15), 0, 15) * full / 15) ** 2).mean()

    candidates = histogram.peaks[0] * np.linspace(1, 0.2, 64)
    assert lost(chosen) <= min(map(lost, candidates)) * 1.01
    assert chosen < histogram.peaks[0] and histogram.counts.shape == (1, BINS)


NETWORK = """
func.func @network(%image: tensor<1x4xf32>) -> tensor<1x3xf32> {{
  %w = onnx.Constant {{node = "a.weight"}} dense<{first}> : tensor<5x4xf32>
  %b = onnx.Constant dense<[0.1, -0.2, 0.3, 0.0, 4.0]> : tensor<5xf32>
  %g = onnx.Gemm %image, %w, %b {{transB = 1}} : (tensor<1x4xf32>, tensor<5x4xf32>, tensor<5xf32>) -> tensor<1x5xf32>
  %r = onnx.Relu %g : (tensor<1x5xf32>) -> tensor<1x5xf32>
  %v = onnx.Constant {{node = "b.weight"}} dense<{second}> : tensor<3x5xf32>
  %h = onnx.Gemm %r, %v {{transB = 1}} : (tensor<1x5xf32>, tensor<3x5xf32>) -> tensor<1x3xf32>
  func.return %h : tensor<1x3xf32>
}}
"""  # noqa: E501


def network(first=None, second=None):
    first = rng.normal(size=(5, 4)) if first is None else first
    second = rng.normal(size=(3, 5)) if second is None else second
    text = NETWORK.format(first=np.round(first, 3).tolist(), second=np.round(second, 3).tolist())
    return Parser(make_context(), text).parse_module()


def compiled(module, tmp_path, x, convert="", balance="", quantise=""):
    np.savez(tmp_path / "c.npz", x=x)
    run_pipeline(
        module,
        f"convert-onnx-to-snn{{{convert}}},"
        f"threshold-balance{{calibration={tmp_path}/c.npz {balance}}},"
        f"quantise{{{quantise}}},verify-snn-integer",
    )
    return module


@pytest.mark.parametrize("balance", ["", "per-channel", "method=max", "method=percentile"])
@pytest.mark.parametrize(
    "convert, tolerance",
    [
        ("timesteps=8", 0.01),
        ("timesteps=12", 0.008),
        ("coding=rate timesteps=16 emission=after", 0.08),
    ],
)
def test_outputs_follow_the_float_network(tmp_path, convert, tolerance, balance):
    module = network()
    x = rng.normal(size=(300, 4)).astype(np.float32)
    run = compiled(module.clone(), tmp_path, x, convert, balance).clone()
    run_pipeline(module, "convert-onnx-to-snn")
    expected = run_snn(module, x).outputs
    error = np.abs(run_snn(run, x).outputs - expected)
    assert np.percentile(error, 90) < tolerance * np.abs(expected).max()


def test_readout_units(tmp_path):
    """Potentials are comparable with one unit for all outputs; with own units they are finer."""
    second = rng.normal(size=(3, 5)) * np.array([[1], [0.1], [0.01]])
    x = rng.normal(size=(300, 4)).astype(np.float32)
    module = network(second=second)
    alike = compiled(module.clone(), tmp_path, x, "timesteps=8", quantise="readout=layer")
    result = run_snn(alike, x)
    assert len({*list(layers(alike))[-1].scale.get_values()}) == 1
    assert np.array_equal(result.outputs.argmax(1), result.potentials.argmax(1))
    own = compiled(module.clone(), tmp_path, x, "timesteps=8", quantise="readout=channel")
    run_pipeline(module, "convert-onnx-to-snn")
    expected = run_snn(module, x).outputs
    errors = [np.abs(run_snn(m, x).outputs - expected)[:, 2].mean() for m in (alike, own)]
    assert errors[1] < errors[0]


def test_zero_point_cancels_exactly(tmp_path):
    """Pixels at the zero point cause no current at all, whatever the weights were rounded to."""
    module = network()
    x = rng.normal(size=(50, 4)).astype(np.float32)
    compiled(module, tmp_path, x)
    first = next(layers(module))
    (synapse,) = branches(first)
    offset = from_dense(synapse.weights).astype(int).sum(1) * 128
    step = 2.0**first.fraction.value.data
    from_float = np.array([0.1, -0.2, 0.3, 0.0, 4.0])
    bias = from_dense(first.params.data["bias"]) / step + offset
    theta = from_dense(first.params.data["theta"]) / step
    unit = np.array(first.unit.get_values()) / theta
    # Half a step of the bias, and half a step of theta, by which the unit is known.
    allowed = (unit + np.abs(from_float) / theta) * (0.5 + 1e-6) / step
    assert (np.abs(bias * unit - from_float) <= allowed).all()


def test_channels_that_never_fire(tmp_path):
    first = rng.normal(size=(5, 4))
    first[1] = 0
    x = rng.normal(size=(50, 4)).astype(np.float32)
    for balance in ("", "per-channel"):
        module = compiled(network(first), tmp_path, x, balance=balance)
        trains = run_snn(module, x).trains["a"]
        assert not trains[:, 1].any() and trains[:, 0].any()
        assert next(layers(module)).membrane_bits.value.data < 24


def test_membranes_that_do_not_fit_are_refused(tmp_path):
    x = rng.normal(size=(50, 4)).astype(np.float32)
    with pytest.raises(UserError, match="the machine has at most 31") as error:
        compiled(network(), tmp_path, x, "timesteps=16", quantise="fraction=16")
    assert "fewer timesteps" in error.value.hint
    # Left to itself, quantise takes fewer fraction bits.
    module = compiled(network(), tmp_path, x, "timesteps=16")
    assert max(op.membrane_bits.value.data for op in layers(module)) <= 31


def test_bias_correction_keeps_the_mean(tmp_path):
    """With two-bit weights the outputs' means drift; the correction takes the drift back."""
    x = rng.uniform(0, 1, size=(300, 4)).astype(np.float32)
    module = network()
    found = []
    for option in ("", f"calibration={tmp_path}/c.npz"):
        rounded = compiled(
            module.clone(), tmp_path, x, "timesteps=8", quantise=f"weight-bits=2 {option}"
        )
        found.append(run_snn(rounded, x).outputs.mean(0))
    run_pipeline(module, "convert-onnx-to-snn")
    expected = run_snn(module, x).outputs.mean(0)
    plain, corrected = (np.abs(mean - expected).max() for mean in found)
    assert corrected < 0.5 * plain


def test_shipped_digits():
    """The demo network keeps its accuracy."""
    archive = np.load(ROOT / "examples" / "digits_test.npz")
    module = import_model(str(ROOT / "examples" / "digits.onnx"))
    run_pipeline(
        module,
        "simplify-onnx,fold-batchnorm,convert-onnx-to-snn{input-scale=0.0625},"
        f"threshold-balance{{calibration={ROOT}/examples/digits_calibration.npz}},"
        "quantise,verify-snn-integer",
    )
    right = run_snn(module, archive["x"]).outputs.argmax(1) == archive["y"]
    assert right.mean() > 0.95


@pytest.mark.parametrize(
    "options",
    [
        "timesteps=4 input-scale=0.0625",
        "timesteps=3 input-mean=0.4 input-std=0.3 input-scale=0.0625",
        "coding=rate timesteps=5 input-scale=0.0625",
        "coding=rate timesteps=4 emission=after compare=gt input-mean=0.4 input-scale=0.0625",
        "coding=rate timesteps=4 reset=hard input-bits=4 input-scale=0.0625",
    ],
)
def test_compiled_networks_equal_the_formulas(options):
    module = import_model(str(ROOT / "examples" / "digits.onnx"))
    run_pipeline(
        module,
        f"simplify-onnx,fold-batchnorm,convert-onnx-to-snn{{{options}}},"
        f"threshold-balance{{calibration={ROOT}/examples/digits_calibration.npz samples=32}},"
        "quantise,verify-snn-integer",
    )
    images = np.load(ROOT / "examples" / "digits_test.npz")["x"][:3]
    result = run_snn(module, images)
    plain = plain_trains(module, result.trains["input"].astype(np.int64))
    assert np.array_equal(
        result.potentials.reshape(plain["potentials"].shape), plain.pop("potentials")
    )
    for label, words in plain.items():
        assert np.array_equal(result.trains[label], words) and words.any(), label


@pytest.mark.skipif(not DATA, reason="SNNIR_DATA is not set")
def test_mnist_radix_four_steps(tmp_path):
    sys.path.insert(0, str(ROOT / "tools"))
    from datasets import mnist

    images, labels = mnist(Path(DATA), "test")
    calibration, _ = mnist(Path(DATA), "train")
    np.savez(tmp_path / "c.npz", x=calibration[:256])
    module = import_model(str(Path(DATA) / "models" / "mnist-8" / "model.onnx"))
    run_pipeline(
        module,
        "simplify-onnx,fold-batchnorm,convert-onnx-to-snn{input-scale=1},"
        f"threshold-balance{{calibration={tmp_path}/c.npz}},quantise,verify-snn-integer",
    )
    result = run_snn(module, images[:500], keep_trains=False)
    assert (result.outputs.argmax(1) == labels[:500]).mean() >= 0.985
