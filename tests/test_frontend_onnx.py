"""Import of ONNX files: what opsets spell differently, what is refused and with which words."""

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from xdsl.context import Context
from xdsl.dialects.builtin import Builtin
from xdsl.dialects.func import Func
from xdsl.parser import Parser

from snnir.analysis.network import network_of
from snnir.dialects.onnx import Onnx
from snnir.errors import UserError
from snnir.frontend.onnx import check_model, import_model

FLOAT = TensorProto.FLOAT
DATA = os.environ.get("SNNIR_DATA")


def value(name, shape, element=FLOAT):
    return helper.make_tensor_value_info(name, element, shape)


def node(op, inputs, output="y", **attributes):
    name = attributes.pop("name", op.lower())
    return helper.make_node(op, inputs.split(), output.split(), name=name, **attributes)


def model(nodes, shape=(1, 2, 6, 6), constants=None, opset=17, **overrides):
    constants = {k: numpy_helper.from_array(np.asarray(v), k) for k, v in (constants or {}).items()}
    graph = helper.make_graph(
        nodes,
        "net",
        overrides.get("inputs", [value("x", shape)]),
        overrides.get("outputs", [value("y", None)]),
        list(constants.values()),
    )
    opsets = overrides.get("opsets", [helper.make_opsetid("", opset)])
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


@pytest.fixture
def saved(tmp_path):
    def save(proto) -> Path:
        path = tmp_path / "net.onnx"
        path.write_bytes(proto if isinstance(proto, bytes) else proto.SerializeToString())
        return path

    return save


@pytest.fixture
def ops(saved):
    """The imported ops of a model, constants left out."""

    def load(proto):
        module = import_model(saved(proto))
        module.verify()
        found = [op for op in network_of(module).body.block.ops if op.name != "onnx.Constant"]
        return found[:-1]

    return load


def f32(*shape):
    return np.ones(shape, np.float32)


def i64(*values):
    return np.array(values, np.int64)


# What is spelt differently -----------------------------------------------------------------------


def test_the_module_prints_and_reads_back(saved):
    nodes = [node("Conv", "x w", "/a/conv"), node("Relu", "/a/conv", "y")]
    module = import_model(saved(model(nodes, constants={"w": f32(3, 2, 3, 3)})))
    ctx = Context()
    for dialect in (Builtin, Func, Onnx):
        ctx.load_dialect(dialect)
    text = str(module)
    assert str(Parser(ctx, text).parse_module()) == text
    assert "func.func @net(%x: tensor<1x2x6x6xf32>" in text
    assert '{node = "conv"}' in text and '{node = "w"}' in text


@pytest.mark.parametrize(
    ("mode", "pads"),
    [("SAME_UPPER", (0, 1, 1, 1)), ("SAME_LOWER", (1, 1, 0, 1)), ("VALID", (0, 0, 0, 0))],
)
def test_auto_pad(ops, mode, pads):
    conv = node("Conv", "x w", auto_pad=mode, strides=[2, 1])
    (op,) = ops(model([conv], constants={"w": f32(3, 2, 3, 3)}))
    assert op.params["pads"] == pads


def test_ceil_mode_becomes_end_pads(ops):
    pool = node("MaxPool", "x", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    (op,) = ops(model([pool]))
    assert op.params["pads"] == (0, 0, 1, 1)
    assert op.result.type.get_shape() == (1, 2, 3, 3)


def test_clip_of_both_opsets(ops):
    (old,) = ops(model([node("Clip", "x", min=0.0, max=6.0)], opset=9))
    (new,) = ops(model([node("Clip", "x a b")], constants={"a": np.float32(0), "b": np.float32(6)}))
    (half,) = ops(model([helper.make_node("Clip", ["x", "", "b"], ["y"])],
                        constants={"b": np.float32(6)}))  # fmt: skip
    assert old.params == new.params == {"min": 0.0, "max": 6.0}
    assert half.params == {"max": 6.0}


def test_pad_of_three_opsets(ops):
    pads = [0, 0, 1, 2, 0, 0, 3, 4]
    (old,) = ops(model([node("Pad", "x", pads=pads, value=1.0)], opset=9))
    constants = {"p": i64(*pads), "v": np.float32(1), "few": i64(1, 2, 3, 4), "a": i64(-2, -1)}
    (new,) = ops(model([node("Pad", "x p v")], constants=constants))
    (axes,) = ops(model([node("Pad", "x few v a")], constants=constants, opset=18))
    assert old.params == new.params == axes.params
    assert new.params["pads"] == tuple(pads)


def test_axes_as_attribute_and_input(ops):
    for nodes, opset in [
        ([node("ReduceMean", "x", axes=[2, 3])], 13),
        ([node("ReduceMean", "x a")], 18),
        ([node("Squeeze", "m", axes=[2, 3])], 11),
        ([node("Squeeze", "m b")], 13),
        ([node("Unsqueeze", "x", axes=[0])], 11),
        ([node("Unsqueeze", "x c")], 13),
    ]:
        shape = (1, 2, 1, 1) if nodes[0].input[0] == "m" else (1, 2, 6, 6)
        nodes[0].input[0] = "x"
        constants = {"a": i64(2, 3), "b": i64(2, 3), "c": i64(0)}
        (op,) = ops(model(nodes, shape, constants, opset))
        assert op.params["axes"] in {(2, 3), (0,)}


def test_dropout_and_batch_normalisation_of_old_opsets(ops):
    c = {k: f32(2) for k in "sbmv"}
    nodes = [
        node("Dropout", "x", "d", ratio=0.5),
        node("BatchNormalization", "d s b m v", epsilon=0.25, momentum=0.9),
    ]
    drop, norm = ops(model(nodes, constants=c, opset=7))
    assert drop.name == "onnx.Dropout" and norm.params["epsilon"] == 0.25


@pytest.mark.parametrize(
    ("target", "expected"),
    [((0, -1), (1, 72)), ((1, 2, 36), (1, 2, 36)), ((-1, 72), (1, 72)), ((0, 0, -1), (1, 2, 36))],
)
def test_reshape_targets(ops, target, expected):
    (op,) = ops(model([node("Reshape", "x t")], constants={"t": i64(*target)}))
    assert op.params["shape"] == expected


@pytest.mark.parametrize("target", [(8, 72), (8, -1), (-1, 72), (0, -1)])
def test_a_fixed_batch_becomes_one(ops, target):
    proto = model([node("Reshape", "x t")], (8, 2, 6, 6), {"t": i64(*target)})
    (op,) = ops(proto)
    assert op.params["shape"] == (1, 72)


def test_a_fixed_batch_that_is_joined_with_channels(ops):
    nodes = [node("Reshape", "x s", "m"), node("Reshape", "m t")]
    first, second = ops(model(nodes, (8, 2, 6, 6), {"s": i64(16, 36), "t": i64(8, 72)}))
    assert (first.params["shape"], second.params["shape"]) == ((2, 36), (1, 72))


def test_an_open_batch_becomes_one(ops):
    (op,) = ops(model([node("Relu", "x")], ("batch", 2, 6, 6)))
    assert op.result.type.get_shape() == (1, 2, 6, 6)


def test_old_softmax_runs_over_all_following_dimensions(ops):
    nodes = [node("GlobalAveragePool", "x", "g"), node("Softmax", "g")]
    assert ops(model(nodes, opset=11))[1].params["axis"] == 1
    nodes = [node("Flatten", "x", "f"), node("Softmax", "f")]
    assert ops(model(nodes, opset=13))[1].params["axis"] == -1


def test_shape_arithmetic_of_exporters_is_computed(ops):
    nodes = [
        node("Shape", "x", "s"),
        node("Gather", "s zero", "n", axis=0),
        node("Unsqueeze", "n axis", "n1"),
        node("Constant", "", "rest", value_ints=[-1]),
        node("Concat", "n1 rest", "t", axis=0),
        node("Reshape", "x t"),
    ]
    (op,) = ops(model(nodes, constants={"zero": np.int64(0), "axis": i64(0)}))
    assert op.params["shape"] == (1, 72)


def test_constants_that_the_dialect_cannot_express_are_computed(saved):
    nodes = [node("Sqrt", "v", "r"), node("Reshape", "r t", "q"), node("Mul", "x q")]
    proto = model(nodes, constants={"v": np.full(2, 4, np.float32), "t": i64(2, 1, 1)})
    module = import_model(saved(proto))
    assert "dense<2.000000e+00>" in str(module)


def test_initialisers_listed_as_inputs_are_constants(ops):
    proto = model([node("Conv", "x w")], constants={"w": f32(3, 2, 3, 3)},
                  inputs=[value("x", (1, 2, 6, 6)), value("w", (3, 2, 3, 3))])  # fmt: skip
    (op,) = ops(proto)
    assert op.name == "onnx.Conv"


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_floats_become_float32(ops, dtype):
    element = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    inputs = [value("x", (1, 2, 6, 6), element)]
    weights = {"w": np.ones((3, 2, 1, 1), dtype)}
    (op,) = ops(model([node("Conv", "x w")], constants=weights, inputs=inputs))
    assert "f32" in str(op.result.type)


def test_an_image_of_bytes_that_is_cast_first(ops):
    nodes = [node("Cast", "x", "f", to=FLOAT), node("Relu", "f")]
    inputs = [value("x", (1, 1, 4, 4), TensorProto.UINT8)]
    assert [op.name for op in ops(model(nodes, inputs=inputs))] == ["onnx.Identity", "onnx.Relu"]


def test_nodes_out_of_order_and_unused_ones(saved):
    nodes = [
        node("Relu", "a", "y", name="second"),
        node("NoSuchOp", "x", "z", name="dead"),
        node("Relu", "x", "a", name="first"),
    ]
    path = saved(model(nodes))
    names = [op.node.data for op in network_of(import_model(path)).body.block.ops if op.operands[:]
             and op.name != "func.return"]  # fmt: skip
    assert names == ["first", "second"]
    reports = {r.node: r for r in check_model(path)}
    assert reports["dead"].how.startswith("unused")


def test_local_functions_are_inlined(ops):
    relu = helper.make_node("Relu", ["a"], ["b"])
    opsets = [helper.make_opsetid("", 17)]
    function = helper.make_function("mine", "Block", ["a"], ["b"], [relu], opsets)
    proto = model([node("Block", "x", domain="mine")],
                  opsets=[*opsets, helper.make_opsetid("mine", 1)])  # fmt: skip
    proto.functions.append(function)
    assert [op.name for op in ops(proto)] == ["onnx.Relu"]


# What is refused ---------------------------------------------------------------------------------

W = {"w": f32(3, 2, 3, 3)}
CONV = node("Conv", "x w")
SEQUENCE = helper.make_tensor_sequence_value_info("x", FLOAT, None)
BODY = helper.make_graph([], "body", [], [value("z", (1,))])

REFUSED = {
    "empty file": (b"", "the file is empty"),
    "text file": (b"builtin.module {}", "not an ONNX model"),
    "zip archive": (b"PK\x03\x04" + bytes(100), "perhaps a PyTorch checkpoint"),
    "hdf5 file": (b"\x89HDF\r\n\x1a\n" + bytes(100), "perhaps a Keras or NIR model"),
    "lfs pointer": (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
    "noise": (bytes(range(256)), "not an ONNX model"),
    "cut off": (model([CONV], constants=W).SerializeToString()[:-40], "not an ONNX model"),
    "opset too old": (model([CONV], constants=W, opset=6), "opset 6 is not supported"),
    "opset too new": (model([CONV], constants=W, opset=99), "opset 99 is not supported"),
    "other domain": (
        model([CONV], constants=W, opsets=[helper.make_opsetid("my.ops", 1)]),
        "it uses only the domains my.ops",
    ),
    "unsupported op": (model([node("LeakyRelu", "x")]), r"node 'leakyrelu' \(LeakyRelu\): .*Relu"),
    "misspelt op": (model([node("Convolution", "x w")], constants=W), r"did you mean Conv\?"),
    "custom op": (
        model([node("BipolarQuant", "x w", domain="qonnx.custom_op.general")], constants=W),
        "of domain 'qonnx.custom_op.general' is not supported; give the float model",
    ),
    "unknown domain": (model([node("Foo", "x", domain="acme")]), "standard ONNX operators only"),
    "quantised": (
        model([node("QuantizeLinear", "x s", "y")], constants={"s": np.float32(1)}),
        "give the float model before quantisation",
    ),
    "recurrent": (model([node("LSTM", "x w w", hidden_size=3)], constants=W), "feed-forward"),
    "subgraph": (
        model([node("If", "c", then_branch=BODY, else_branch=BODY)], constants={"c": np.True_}),
        "removes control flow",
    ),
    "open size": (model([node("Relu", "x")], ("n", 2, "height", 6)), "of which height has no"),
    "no shape": (model([node("Relu", "x")], None), "input 'x' has no shape"),
    "two inputs": (
        model([node("Add", "x z")], inputs=[value("x", (1, 2)), value("z", (1, 2))]),
        r"2 inputs \('x', 'z'\) where one is taken",
    ),
    "no input": (model([node("Relu", "w")], constants=W, inputs=[]), r"0 inputs \(none\)"),
    "two outputs": (
        model([node("Relu", "x")], outputs=[value("y", None), value("x", None)]),
        "2 outputs",
    ),
    "sequence": (model([node("Relu", "x")], inputs=[SEQUENCE]), "input 'x' is a sequence"),
    "text input": (
        model([node("Relu", "x")], inputs=[value("x", (1, 2), TensorProto.STRING)]),
        "input 'x' holds string, not float",
    ),
    "integer input": (
        model([node("Relu", "x")], inputs=[value("x", (1, 2), TensorProto.INT32)]),
        "input 'x' holds int32, not float",
    ),
    "nan": (model([CONV], constants={"w": f32(3, 2, 3, 3) * np.nan}), "54 NaN or infinite values"),
    "too large for float32": (
        model([CONV], constants={"w": np.full((3, 2, 3, 3), 1e300)}),
        "NaN or infinite",
    ),
    "lost tensor": (model([node("Conv", "x lost")]), "'lost' is no input, initialiser or node's"),
    "cycle": (
        model([node("Add", "x b", "a", name="one"), node("Relu", "a", "b"), node("Relu", "b")]),
        "depends on the node itself",
    ),
    "lost output": (model([node("Relu", "x", "z")]), "output 'y' does not come from a layer"),
    "channels": (model([CONV], constants={"w": f32(3, 4, 3, 3)}), "input has 2 channels but"),
    "kernel_shape": (
        model([node("Conv", "x w", kernel_shape=[5, 5])], constants=W),
        "differs from the weights",
    ),
    "attribute": (model([node("Relu", "x", slope=1.0)]), "the model breaks the ONNX standard"),
    "input count": (model([node("Gemm", "x")]), "the model breaks the ONNX standard"),
    "computed pads": (
        model([node("Cast", "x", "p", to=TensorProto.INT64), node("Pad", "x p")]),
        "leaves floating point",
    ),
    "indices": (
        model([node("MaxPool", "x", "y i", kernel_shape=[2, 2])]), "second output"
    ),
    "training": (
        model([node("BatchNormalization", "x c c c c", training_mode=1)], constants={"c": f32(2)}),
        r"model.eval\(\)",
    ),
    "fixed batch": (
        model([node("Add", "x b")], (8, 2), {"b": f32(8, 2)}),
        "fixed to batch size 8",
    ),
    "reshape": (model([node("Reshape", "x t")], constants={"t": i64(1, 71)}), "does not become"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_one_line(saved, case):
    proto, words = REFUSED[case]
    with pytest.raises(UserError, match=words) as caught:
        import_model(saved(proto))
    text = str(caught.value)
    assert "\n" not in text and "net.onnx" in text, text
    assert len(text) < 400, text


def test_directory_and_missing_file(tmp_path):
    with pytest.raises(UserError, match="this is a directory"):
        import_model(tmp_path)
    with pytest.raises(UserError, match="No such file"):
        import_model(tmp_path / "lost.onnx")


def test_missing_external_data(tmp_path):
    proto = model([CONV], constants={"w": np.ones((3, 2, 3, 3), np.float32)})
    path = tmp_path / "net.onnx"
    onnx.save(proto, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert import_model(path)
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(UserError, match="external data file"):
        import_model(path)


@pytest.mark.parametrize("cut", range(1, 12))
def test_any_truncation_is_a_user_error(saved, cut):
    data = model([CONV, node("Relu", "y", "z")], constants=W).SerializeToString()
    with pytest.raises(UserError):
        import_model(saved(data[: len(data) * cut // 12]))


def test_damaged_bytes_never_end_in_a_traceback(saved):
    data = model([CONV, node("Relu", "y", "z")], constants=W).SerializeToString()
    rng = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(data)
        for position in rng.integers(0, len(data), rng.integers(1, 4)):
            damaged[position] = rng.integers(256)
        try:
            import_model(saved(bytes(damaged)))
        except UserError as error:
            assert "\n" not in str(error)


def test_check_lists_every_node(saved):
    nodes = [
        node("Conv", "x w", "a"),
        node("Elu", "a", "b"),
        node("MaxPool", "b", "c", kernel_shape=[2, 2]),
        node("Foo", "c", "d", domain="acme"),
        node("Flatten", "d", "y"),
    ]
    reports = check_model(saved(model(nodes, constants=W)))
    assert [(r.node, r.supported) for r in reports] == [
        ("conv", True), ("elu", False), ("maxpool", True), ("foo", False), ("flatten", True),
    ]  # fmt: skip
    assert reports[0].how == "a synapse layer" and reports[0].shape == (1, 3, 4, 4)
    assert "train with Relu" in reports[1].hint
    assert reports[2].how == "not examined: it depends on 'elu'"
    assert reports[3].domain == "acme"


@pytest.mark.skipif(not DATA, reason="SNNIR_DATA is not set")
def test_real_networks_are_supported():
    for path in sorted(Path(DATA, "models").glob("**/*.onnx")):
        reports = check_model(path)
        assert reports and all(r.supported for r in reports), path
