"""The onnx interpreter and the graph passes against onnxruntime, on random and real networks."""

import os
import tempfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from snnir.analysis.network import network_of
from snnir.dialects.onnx_op import shape_of
from snnir.errors import UserError
from snnir.frontend.onnx import import_model
from snnir.interpreters.onnx import run_onnx
from snnir.passes.fold_batchnorm import FoldBatchnormPass
from snnir.passes.simplify_onnx import SimplifyOnnxPass

ort = pytest.importorskip("onnxruntime")

DATA = os.environ.get("SNNIR_DATA")
REAL = sorted(Path(DATA, "models").glob("**/*.onnx")) if DATA else []
needs_data = pytest.mark.skipif(not DATA, reason="SNNIR_DATA is not set")


class Net:
    """Writes an ONNX model op by op; keeps track of the current tensor and its shape."""

    def __init__(self, shape: tuple[int, ...], seed: int = 0, opset: int = 17):
        self.rng = np.random.default_rng(seed)
        self.shape, self.opset, self.last = shape, opset, "input"
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def const(self, array: np.ndarray) -> str:
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def weights(self, *shape: int) -> str:
        return self.const(self.rng.normal(0, 0.4, shape).astype(np.float32))

    def add(self, op: str, *others: str, first: str | None = None, **attributes) -> str:
        inputs = [self.last if first is None else first, *others]
        output = f"t{len(self.nodes)}"
        name = f"{op.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [output], name=name, **attributes))
        self.last = output
        return output

    def model(self) -> onnx.ModelProto:
        source = helper.make_tensor_value_info("input", TensorProto.FLOAT, self.shape)
        result = helper.make_tensor_value_info(self.last, TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, "net", [source], [result], self.initializers)
        opsets = [helper.make_opsetid("", self.opset)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)

    def check(self, path: Path, samples: int = 3, passes: bool = True) -> None:
        """Equal to onnxruntime as imported, simplified and with batch normalisation folded."""
        onnx.save(self.model(), path / "net.onnx")
        x = self.rng.normal(0, 1, (samples, *self.shape[1:])).astype(np.float32)
        compare(path / "net.onnx", x, passes)


def result_of(module: ModuleOp) -> SSAValue:
    return network_of(module).body.block.last_op.operands[0]


def reference(path: Path, x: np.ndarray) -> np.ndarray:
    options = ort.SessionOptions()
    # Its fusion of Pad and pool fails on pads that reach past the kernel.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    rank = len(session.get_inputs()[0].shape)
    rows = [row[None] if x.ndim == rank else row for row in x]
    return np.stack([session.run(None, {name: row})[0] for row in rows])


def compare(path: Path, x: np.ndarray, passes: bool = True) -> None:
    expected = reference(path, x)
    module = import_model(path)
    steps = [lambda: None]
    if passes:
        steps += [
            lambda: SimplifyOnnxPass().apply(Context(), module),
            lambda: FoldBatchnormPass().apply(Context(), module),
            lambda: SimplifyOnnxPass().apply(Context(), module),
        ]
    for step in steps:
        step()
        module.verify()
        result = run_onnx(module, x).reshape(expected.shape)
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(result, expected, atol=1e-4 * scale, rtol=0)


def draw_window(draw, size: int, pool: bool) -> dict:
    kernel = [draw(st.integers(1, min(3, size))) for _ in range(2)]
    pads = [draw(st.integers(0, k - 1 if pool else 2)) for k in kernel] * 2
    # onnxruntime takes no auto_pad for a pool whose stride is larger than its kernel.
    strides = [draw(st.integers(1, min(k, 2) if pool else 2)) for k in kernel]
    attributes = {"kernel_shape": kernel, "strides": strides, "pads": pads}
    if draw(st.booleans()):
        del attributes["pads"]
        attributes["auto_pad"] = draw(st.sampled_from(["SAME_UPPER", "SAME_LOWER", "VALID"]))
    elif pool and draw(st.booleans()):
        # With pads, onnxruntime disagrees with its own shape inference.
        attributes |= {"ceil_mode": 1, "pads": [0, 0, 0, 0]}
    return attributes


@st.composite
def networks(draw) -> Net:
    channels, size = draw(st.integers(1, 3)), draw(st.integers(4, 9))
    net = Net((1, channels, size, size), draw(st.integers(0, 999)))
    shape = [channels, size, size]
    for _ in range(draw(st.integers(1, 5))):
        layer(draw, net, shape)
        with tempfile.TemporaryDirectory() as folder:
            onnx.save(net.model(), Path(folder, "net.onnx"))
            shape = list(shape_of(result_of(import_model(Path(folder, "net.onnx")))))[1:]
    tail(draw, net, shape)
    return net


def layer(draw, net: Net, shape: list[int]) -> None:
    channels, size = shape[0], min(shape[1:])
    kinds = ["conv", "relu", "clip", "bn", "bias", "mul", "residual", "max", "average", "pad"]
    match draw(st.sampled_from(kinds)):
        case "conv":
            group = draw(st.sampled_from([g for g in (1, 2, 3) if channels % g == 0]))
            outputs = group * draw(st.integers(1, 2))
            window = draw_window(draw, size, pool=False)
            kernel = window.pop("kernel_shape")
            bias = [net.weights(outputs)] if draw(st.booleans()) else []
            w = net.weights(outputs, channels // group, *kernel)
            net.add("Conv", w, *bias, group=group, **window)
        case "relu":
            net.add("Relu")
        case "clip":
            net.add("Clip", net.const(np.float32(0)), net.const(np.float32(1)))
        case "bn":
            scale, bias, mean = (net.weights(channels) for _ in range(3))
            var = net.const(net.rng.uniform(0.5, 2, channels).astype(np.float32))
            net.add("BatchNormalization", scale, bias, mean, var)
        case "bias":
            net.add(draw(st.sampled_from(["Add", "Sub"])), net.weights(channels, 1, 1))
        case "mul":
            net.add(draw(st.sampled_from(["Mul", "Div"])), net.weights(1, channels, 1, 1))
        case "residual":
            source = net.last
            net.add("Add", source, first=net.add("Conv", net.weights(channels, channels, 1, 1)))
        case "max":
            net.add("MaxPool", **draw_window(draw, size, pool=True))
        case "average":
            net.add("AveragePool", **draw_window(draw, size, pool=True))
        case "pad":
            begins = [0, 0, draw(st.integers(0, 2)), draw(st.integers(0, 2))]
            net.add("Pad", net.const(np.array(begins * 2, np.int64)))


def tail(draw, net: Net, shape: list[int]) -> None:
    channels = shape[0]
    match draw(st.sampled_from(["map", "mean", "global", "gemm", "matmul", "transposed"])):
        case "mean":
            net.add("ReduceMean", axes=[2, 3], keepdims=0)
            net.add("Gemm", net.weights(channels, 4), net.weights(4), alpha=0.5, beta=2.0)
        case "global":
            net.add("GlobalAveragePool")
            net.add("Flatten")
            net.add("Gemm", net.weights(4, channels), transB=1)
        case "gemm":
            net.add("Flatten")
            net.add("Gemm", net.weights(4, int(np.prod(shape))), net.weights(1, 4), transB=1)
            net.add("Softmax")
        case "matmul":
            net.add("Reshape", net.const(np.array([0, -1], np.int64)))
            net.add("MatMul", net.weights(int(np.prod(shape)), 4))
            net.add("Add", net.weights(4))
            net.add("LogSoftmax")
        case "transposed":
            net.add("Transpose", perm=[0, 2, 3, 1])
            net.add("Flatten")
            net.add("Gemm", net.weights(4, int(np.prod(shape))), transB=1)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(net=networks())
def test_random_networks(net: Net, tmp_path_factory):
    net.check(tmp_path_factory.mktemp("net"))


def test_dilation_and_asymmetric_pads(tmp_path):
    net = Net((1, 4, 11, 9))
    window = {"dilations": [2, 3], "pads": [1, 2, 0, 3], "strides": [2, 1], "group": 2}
    net.add("Conv", net.weights(6, 2, 3, 2), **window)
    net.add("MaxPool", kernel_shape=[2, 2], dilations=[2, 1])
    net.check(tmp_path)


@pytest.mark.parametrize("op", ["MaxPool", "AveragePool"])
def test_ceil_mode_with_pads(tmp_path, op):
    net = Net((1, 2, 8, 7))
    net.add(op, kernel_shape=[3, 3], strides=[2, 3], pads=[1, 1, 0, 1], ceil_mode=1)
    net.check(tmp_path)


@pytest.mark.parametrize("spatial", [(12,), (5, 6, 7)])
def test_one_and_three_dimensions(tmp_path, spatial):
    net, rank = Net((1, 2, *spatial)), len(spatial)
    net.add("Conv", net.weights(4, 2, *[3] * rank), net.weights(4), pads=[1] * (2 * rank))
    net.add("Relu")
    net.add("AveragePool", kernel_shape=[2] * rank, strides=[2] * rank, count_include_pad=1)
    net.add("ReduceMean", axes=list(range(2, 2 + rank)), keepdims=1)
    net.check(tmp_path)


def test_sum_of_three_and_subtracted_layer(tmp_path):
    net = Net((1, 3, 5, 5))
    first = net.add("Conv", net.weights(3, 3, 1, 1), net.weights(3), first="input")
    second = net.add("Conv", net.weights(3, 3, 3, 3), net.weights(3), first="input", pads=[1] * 4)
    net.add("Sub", second, first=first)
    net.add("Sum", "input", "input")
    net.check(tmp_path)


def test_vector_products(tmp_path):
    net = Net((1, 7, 1))
    net.add("MatMul", net.last, first=net.weights(5, 7))
    net.add("Squeeze", net.const(np.array([2], np.int64)))
    net.add("Relu")
    net.add("MatMul", net.weights(5, 3))
    net.check(tmp_path)


def test_matmul_over_rows(tmp_path):
    net = Net((1, 4, 6))
    rows = net.add("MatMul", net.weights(6, 5))
    net.add("MatMul", rows, first=net.add("Transpose", perm=[0, 2, 1]))
    net.check(tmp_path)


def test_input_without_batch_dimension(tmp_path):
    net = Net((6,))
    net.add("MatMul", net.weights(6, 4))
    net.add("Relu")
    net.add("MatMul", net.weights(4, 2))
    onnx.save(net.model(), tmp_path / "net.onnx")
    x = net.rng.normal(size=(5, 6)).astype(np.float32)
    module = import_model(tmp_path / "net.onnx")
    session = ort.InferenceSession(str(tmp_path / "net.onnx"))
    expected = np.stack([session.run(None, {"input": row})[0] for row in x])
    np.testing.assert_allclose(run_onnx(module, x), expected, atol=1e-5)


def test_large_batches_are_cut_into_chunks(tmp_path, monkeypatch):
    net = Net((1, 2, 6, 6))
    net.add("Conv", net.weights(3, 2, 3, 3))
    monkeypatch.setattr("snnir.interpreters.onnx.CHUNK_BYTES", 5000)
    net.check(tmp_path, samples=9)


def test_observer_sees_every_layer_once(tmp_path):
    net = Net((1, 2, 6, 6))
    net.add("Conv", net.weights(3, 2, 3, 3))
    net.add("Relu")
    net.add("Flatten")
    onnx.save(net.model(), tmp_path / "net.onnx")
    seen = []
    x = np.ones((4, 2, 6, 6), np.float32)
    module = import_model(tmp_path / "net.onnx")
    result = run_onnx(module, x, lambda value, array: seen.append((value.op.name, array.shape)))
    assert seen == [
        ("onnx.Conv", (4, 3, 4, 4)),
        ("onnx.Relu", (4, 3, 4, 4)),
        ("onnx.Flatten", (4, 48)),
    ]
    assert result.shape == (4, 48)


def test_samples_of_wrong_shape(tmp_path):
    net = Net((1, 2, 6, 6))
    net.add("Relu")
    onnx.save(net.model(), tmp_path / "net.onnx")
    with pytest.raises(UserError, match=r"\(2, 6, 5\) do not fit the network's input \(2, 6, 6\)"):
        run_onnx(import_model(tmp_path / "net.onnx"), np.zeros((4, 2, 6, 5), np.float32))


@needs_data
@pytest.mark.parametrize("path", REAL, ids=[p.parent.name + "/" + p.name for p in REAL])
def test_real_networks(path):
    from snnir.passes.verify_onnx_convertible import VerifyOnnxConvertiblePass

    module = import_model(path)
    shape = next(iter(module.body.block.ops)).function_type.inputs.data[0].get_shape()
    x = np.random.default_rng(0).random((2, *shape[1:]), dtype=np.float32)
    compare(path, x)
    for step in (SimplifyOnnxPass(), FoldBatchnormPass(), VerifyOnnxConvertiblePass()):
        step.apply(Context(), module)


@needs_data
def test_golden_pair_of_mnist_8():
    folder = Path(DATA, "models", "mnist-8")
    arrays = []
    for name in ("input_0.pb", "output_0.pb"):
        data = (folder / "test_data_set_0" / name).read_bytes()
        arrays.append(numpy_helper.to_array(onnx.load_tensor_from_string(data)))
    module = import_model(folder / "model.onnx")
    SimplifyOnnxPass().apply(Context(), module)
    np.testing.assert_allclose(run_onnx(module, arrays[0]), arrays[1], rtol=1e-4, atol=1e-2)
