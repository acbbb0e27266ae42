"""Conversion: the float form of the spiking network is the ONNX network, layer for layer."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import ModuleOp, TensorType, f32
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Region

from snnir.analysis.labels import Labels, common_parent, readable
from snnir.analysis.network import encode_of, layers
from snnir.dialects import onnx
from snnir.dialects.assembly import int_list
from snnir.frontend.onnx import import_model
from snnir.interpreters.onnx import run_onnx
from snnir.interpreters.snn import run_snn
from snnir.pipeline.run import run_pipeline

DATA = os.environ.get("SNNIR_DATA")
REAL = sorted(Path(DATA, "models").glob("**/*.onnx")) if DATA else []


class Graph:
    """Draws an ONNX graph of what the conversion takes."""

    def __init__(self, draw, shape):
        self.draw, self.rng = draw, np.random.default_rng(draw(st.integers(0, 999)))
        self.block = Block(arg_types=[TensorType(f32, (1, *shape))])
        self.value = self.block.args[0]
        self.fired = False

    def add(self, kind, *operands, **params):
        op = kind(*operands, **params)
        self.block.add_op(op)
        return op.results[0]

    def constant(self, *shape):
        return self.add(onnx.ConstantOp, self.rng.normal(0, 0.5, shape).astype(np.float32))

    @property
    def shape(self):
        return self.value.type.get_shape()

    def conv(self, value, outputs, same=False):
        _, channels, height, width = value.type.get_shape()
        kernel = self.draw(st.sampled_from([1, 3])) if same else self.draw(st.integers(1, 3))
        pad = kernel // 2 if same or kernel > min(height, width) else self.draw(st.integers(0, 1))
        stride = 1 if same else self.draw(st.integers(1, 2))
        group = self.draw(st.sampled_from([g for g in (1, 2) if not (channels % g or outputs % g)]))
        return self.add(
            onnx.ConvOp,
            value,
            self.constant(outputs, channels // group, kernel, kernel),
            self.constant(outputs),
            pads=(pad,) * 4,
            strides=(stride,) * 2,
            group=group,
        )

    def layer(self):
        kind = self.draw(st.sampled_from(["conv", "residual", "max", "average", "early max"]))
        _, channels, height, width = self.shape
        fits = min(height, width) >= 2
        # Of the network input itself, one average pool is all that is taken.
        is_input = not self.fired
        is_raw = self.value is self.block.args[0]
        window = {"kernel_shape": (2, 2), "strides": (self.draw(st.integers(1, 2)),) * 2}
        if kind == "residual" and not is_input:
            other = self.conv(self.value, channels, same=True)
            pair = (other, self.value) if self.draw(st.booleans()) else (self.value, other)
            self.value = self.relu(self.add(onnx.AddOp, *pair))
        elif kind == "average" and fits and (is_raw or not is_input):
            self.value = self.add(onnx.AveragePoolOp, self.value, **window)
        elif kind == "max" and fits and not is_input:
            self.value = self.add(onnx.MaxPoolOp, self.value, **window)
        elif kind == "early max":
            value = self.conv(self.value, 4)
            if min(value.type.get_shape()[2:]) >= 2:
                value = self.add(onnx.MaxPoolOp, value, **window)
            self.value = self.relu(value)
        elif kind == "conv" or is_input:
            self.value = self.relu(self.conv(self.value, self.draw(st.sampled_from([2, 4]))))

    def relu(self, value):
        self.fired = True
        if self.draw(st.booleans()):
            return self.add(onnx.ReluOp, value)
        return self.add(onnx.ClipOp, value, min=0.0, max=3.0)

    def finish(self):
        if self.draw(st.booleans()):
            size = int(np.prod(self.shape))
            flat = self.add(onnx.FlattenOp, self.value)
            weights, bias = self.constant(3, size), self.constant(3)
            self.value = self.add(onnx.GemmOp, flat, weights, bias, transB=1)
            last = self.draw(st.sampled_from([None, onnx.SoftmaxOp, onnx.LogSoftmaxOp, "relu"]))
            if last == "relu":
                self.value = self.relu(self.value)
            elif last:
                self.value = self.add(last, self.value)
        self.block.add_op(ReturnOp(self.value))
        types = ([self.block.args[0].type], [self.value.type])
        return ModuleOp([FuncOp("network", types, Region(self.block))])


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_float_form_equals_the_onnx_interpreter(data):
    draw = data.draw
    graph = Graph(draw, (draw(st.sampled_from([1, 2, 4])), *(draw(st.integers(3, 7)),) * 2))
    for _ in range(draw(st.integers(1, 4))):
        graph.layer()
    module = graph.finish()
    module.verify()
    x = graph.rng.normal(size=(3, *module.body.block.first_op.body.block.args[0].type.get_shape()))
    x = x[:, 0].astype(np.float32)
    expected = run_onnx(module, x)
    convert = draw(st.sampled_from(["", "{input-mean=0.4 input-std=0.3}"]))
    run_pipeline(module, f"verify-onnx-convertible,convert-onnx-to-snn{convert}")
    labels = [op.label.data for op in layers(module)]
    assert len(set(labels)) == len(labels)
    assert np.allclose(run_snn(module, x).outputs, expected, atol=1e-4)


@pytest.mark.skipif(not REAL, reason="SNNIR_DATA is not set")
@pytest.mark.parametrize("path", REAL, ids=lambda p: p.stem)
def test_real_models(path):
    module = import_model(str(path))
    run_pipeline(module, "simplify-onnx,fold-batchnorm")
    function = module.body.block.first_op
    shape = function.body.block.args[0].type.get_shape()
    x = np.random.default_rng(0).normal(0, 1, (2, *shape[1:])).astype(np.float32)
    expected = run_onnx(module, x)
    run_pipeline(module, "convert-onnx-to-snn")
    assert np.allclose(run_snn(module, x).outputs, expected, rtol=1e-3, atol=1e-3)


def test_input_scale_and_zero():
    module = import_model(str(Path(__file__).parent.parent / "examples" / "digits.onnx"))
    run_pipeline(module, "simplify-onnx,fold-batchnorm")
    other = module.clone()
    run_pipeline(module, "convert-onnx-to-snn{input-mean=0.25 input-std=0.5 input-scale=0.0625}")
    encode = encode_of(module)
    assert np.allclose(encode.scale.get_values(), 0.125)
    assert np.allclose(encode.zero.get_values(), 4)
    assert int_list(encode.pads) == (1, 1, 1, 1)
    run_pipeline(other, "convert-onnx-to-snn{input-scale=0.0625}")
    assert list(encode_of(other).zero.get_values()) == [0]
    assert int_list(encode_of(other).pads) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    "name, label",
    [
        ("layer1.0.conv1.weight", "layer1.0.conv1"),
        ("conv1.weight", "conv1"),
        ("features/block_1/kernel", "features.block_1"),
        ("30.weight", "layer30"),
        ("3.c1.weight", "layer3.c1"),
        ("5.sc.0.weight_bias", "layer5.sc.0"),
        ("Parameter193", None),
        ("Times212_reshape1", None),
        ("Conv_0", None),
        ("onnx::Conv_123", None),
        ("", None),
        (None, None),
    ],
)
def test_readable_labels(name, label):
    assert readable(name) == label


def test_labels_are_unique():
    labels = Labels()
    made = [labels.unique("a"), labels.unique("a"), labels.unique("input")]
    assert made == ["a", "a_2", "input_2"]
    assert labels.numbered("conv") == "conv1" and labels.numbered("conv") == "conv2"
    assert common_parent(["layer1.0.conv2", "layer1.0.shortcut.0"]) == "layer1.0"
    assert common_parent(["conv2"]) is None and common_parent([]) is None
