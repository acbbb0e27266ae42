"""The integer interpreter against the same networks computed a second time, from formulas."""

import sys
from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.func import FuncOp
from xdsl.parser import Parser

from snnir.dialects.dense import to_dense
from snnir.dialects.neurons import NeuronChoice
from snnir.errors import UserError
from snnir.interpreters.images import pixels_of
from snnir.interpreters.snn import run_snn
from snnir.interpreters.windows import conv2d, first_largest, pad_or_crop
from snnir.pipeline.plugins import make_context
from snnir.pipeline.run import run_pipeline

sys.path.insert(0, str(Path(__file__).parent))
from plain_snn import plain_trains  # noqa: E402
from random_networks import network_from_seed  # noqa: E402


def parse(text: str):
    module = Parser(make_context(), text).parse_module()
    module.verify()
    return module


def quantised(text: str):
    """The network with the radix neurons, as integers."""
    module = parse(text)
    choice = NeuronChoice()
    module.body.block.add_ops([choice.fire_neuron(), choice.readout_neuron()])
    run_pipeline(module, "quantise")
    return module


@pytest.mark.parametrize("seed", range(80))
def test_random_networks_equal_the_formulas(seed):
    network = network_from_seed(seed, images=3)
    result = run_snn(network.module, network.images)
    plain = plain_trains(network.module, network.images.astype(np.int64))
    potentials = plain.pop("potentials")
    assert np.array_equal(result.potentials.reshape(potentials.shape), potentials)
    for label, words in plain.items():
        assert result.trains[label].dtype == np.uint16
        assert np.array_equal(result.trains[label], words), (label, network.summary)


def test_batches_of_any_size_give_the_same(monkeypatch):
    network = network_from_seed(5, images=7)
    whole = run_snn(network.module, network.images)
    monkeypatch.setattr("snnir.interpreters.snn.CHUNK_BYTES", 1)
    pieces = run_snn(network.module, network.images)
    assert np.array_equal(whole.outputs, pieces.outputs)
    for label, words in whole.trains.items():
        assert np.array_equal(words, pieces.trains[label])


def test_the_input_and_pools_are_among_the_trains():
    module = quantised(NETWORK)
    images = np.arange(16, dtype=np.uint8).reshape(1, 1, 4, 4) * 16
    result = run_snn(module, images)
    assert list(result.trains) == ["input", "a", "a.pool"]
    assert np.array_equal(result.trains["input"][0, 0, 1:5, 1:5], images[0, 0])
    # The zero point 127.6 is padded with the nearest pixel.
    assert set(result.trains["input"][0, 0, 0]) == {128}


NETWORK = """
func.func @network(%image: tensor<1x1x4x4xf32>) -> tensor<1x2xf32> {
  %in = snn.encode %image scale array<f64: 0.5> zero array<f64: 127.6> pads [1, 1, 1, 1] : tensor<1x1x4x4xf32> -> !snn.train<1x6x6, direct, 8>
  %c = snn.conv %in pads [-1, -1, -1, -1] weights dense<2.0> : tensor<2x1x1x1xf32> : !snn.train<1x6x6, direct, 8> -> !snn.current<2x4x4, direct, 8>
  %t = snn.fire %c with @radix name "a" bias dense<[0.5, -0.5]> : tensor<2xf32> ceiling 90.0 threshold dense<100.0> : tensor<1xf32> : !snn.current<2x4x4, direct, 8> -> !snn.train<2x4x4, radix, 8>
  %p = snn.max_pool %t kernel [2, 2] strides [2, 2] : !snn.train<2x4x4, radix, 8> -> !snn.train<2x2x2, radix, 8>
  %s = snn.sum_pool %p kernel [2, 2] : !snn.train<2x2x2, radix, 8> -> !snn.sum<2x1x1, radix, 8, 4>
  %d = snn.one_to_one %s weights dense<0.25> : tensor<2xf32> : !snn.sum<2x1x1, radix, 8, 4> -> !snn.current<2x1x1, radix, 8>
  %out = snn.readout %d with @readout_radix name "out" activation "softmax" : !snn.current<2x1x1, radix, 8> -> tensor<1x2xf32>
  func.return %out : tensor<1x2xf32>
}
"""  # noqa: E501


def test_float_form_is_the_float_network():
    module = parse(NETWORK)
    rng = np.random.default_rng(3)
    x = rng.normal(0, 40, (5, 1, 4, 4)).astype(np.float32)
    seen = {}
    result = run_snn(module, x, observe=lambda op, v: seen.setdefault(op.name, v))
    currents = x * 2 + np.array([0.5, -0.5], np.float32).reshape(2, 1, 1)
    fired = np.clip(currents, 0, 90)
    assert np.allclose(seen["snn.fire"], fired)
    pooled = fired.reshape(5, 2, 2, 2, 2, 2).max((3, 5)).mean((2, 3))
    expected = np.exp(pooled - pooled.max(1, keepdims=True))
    assert np.allclose(result.outputs, expected / expected.sum(1, keepdims=True), atol=1e-5)
    assert result.potentials is None and result.trains == {}


def test_uint8_images_are_pixels_in_both_forms():
    module = parse(NETWORK)
    pixels = np.random.default_rng(4).integers(0, 256, (3, 1, 4, 4), dtype=np.uint8)
    real = (pixels.astype(np.float32) - 127.6) * 0.5
    assert np.allclose(run_snn(module, pixels).outputs, run_snn(module, real).outputs, atol=1e-4)
    encode = next(iter(next(op for op in module.ops if isinstance(op, FuncOp)).body.block.ops))
    assert np.array_equal(pixels_of(encode, real), pixels)


def test_wrong_images_are_refused():
    module = quantised(NETWORK)
    with pytest.raises(UserError, match="each image is 1x5x5, the network takes 1x4x4"):
        run_snn(module, np.zeros((2, 1, 5, 5), np.uint8))
    with pytest.raises(UserError, match="are no numbers"):
        run_snn(module, np.array([["a"]]))
    with pytest.raises(UserError, match="no images"):
        run_snn(module, np.zeros((0, 1, 4, 4), np.uint8))


def test_half_quantised_networks_are_refused():
    module = quantised(NETWORK)
    function = next(op for op in module.ops if isinstance(op, FuncOp))
    conv = next(op for op in function.body.block.ops if op.name == "snn.conv")
    conv.properties["weights"] = to_dense(np.ones((2, 1, 1, 1), np.float32))
    del conv.properties["weight_bits"]
    with pytest.raises(UserError, match="some weights are integers"):
        run_snn(module, np.zeros((1, 1, 4, 4), np.uint8))


def test_convolution_by_matrix_product():
    rng = np.random.default_rng(0)
    x = rng.integers(-4, 5, (2, 4, 7, 6)).astype(np.float32)
    w = rng.integers(-4, 5, (6, 2, 3, 2)).astype(np.float32)
    y = conv2d(x, w, strides=(2, 1), pads=(1, -1, 0, 2), dilations=(1, 2), groups=2)
    torch = pytest.importorskip("torch")
    padded = torch.from_numpy(pad_or_crop(x, (1, -1, 0, 2)))
    expected = torch.nn.functional.conv2d(
        padded, torch.from_numpy(w), stride=(2, 1), dilation=(1, 2), groups=2
    )
    assert np.array_equal(y, expected.numpy())


def test_the_first_of_equal_trains_wins():
    words = np.array([[[[0b0011, 0b0101], [0b1000, 0b0110]]]], np.uint16)
    counts = np.array([[[[2, 2], [1, 2]]]], np.int32)
    pooled = first_largest(words, counts, kernel=(2, 2), strides=(2, 2), pads=(0, 0, 0, 0))
    assert pooled.tolist() == [[[[0b0011]]]]
