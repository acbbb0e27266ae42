"""QONNX files: the integers of their weights and the values of their activations are kept."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save_model

from snnir.analysis.network import branches, layers
from snnir.calibration.rounding import common_steps
from snnir.dialects.dense import from_dense
from snnir.errors import UserError
from snnir.frontend.onnx import import_model
from snnir.interpreters.onnx import run_onnx
from snnir.interpreters.snn import run_snn
from snnir.pipeline.run import run_pipeline

DOMAIN = "qonnx.custom_op.general"
INT4 = {"signed": 1, "narrow": 1, "rounding_mode": "ROUND"}
UNSIGNED = {"signed": 0, "narrow": 0, "rounding_mode": "ROUND"}


def build(path, *, activation=None, weight=None, image_bits=8.0, zero=0.0):
    """Image - Quant - Conv(Quant) - BatchNorm - Relu - Quant - MaxPool - Gemm(Quant)."""
    random = np.random.default_rng(3)
    scale = random.uniform(0.02, 0.4, 5)
    arrays = {
        "w": random.normal(size=(5, 2, 3, 3)) * 0.2,
        "w.scale": scale.reshape(-1, 1, 1, 1),
        "v": random.normal(size=(4, 5 * 3 * 3)) * 0.2,
        "v.scale": 0.07,
        "image.scale": 1 / 64,
        "relu.scale": 0.11,
        "none": 0.0,
        "zero": zero,
        "four": 4.0,
        "three": 3.0,
        "eight": image_bits,
        "gain": random.uniform(0.5, 2, 5),
        "shift": random.normal(size=5) * 0.1,
        "mean": random.normal(size=5) * 0.1,
        "var": random.uniform(0.5, 2, 5),
    }

    def quant(inputs: str, name: str, attributes) -> object:
        return helper.make_node(
            "Quant", inputs.split(), [name], name=name, domain=DOMAIN, **attributes
        )

    nodes = [
        quant("x image.scale none eight", "image", UNSIGNED),
        quant("w w.scale none four", "wq", weight or INT4),
        quant("v v.scale none four", "vq", INT4),
        helper.make_node("Conv", ["image", "wq"], ["conv"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["conv", "gain", "shift", "mean", "var"], ["norm"]),
        helper.make_node("Relu", ["norm"], ["relu"], name="relu"),
        quant("relu relu.scale zero three", "act", activation or UNSIGNED),
        helper.make_node("MaxPool", ["act"], ["pool"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["pool"], ["flat"]),
        helper.make_node("Gemm", ["flat", "vq"], ["y"], name="dense", transB=1),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2, 6, 6])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])
    held = [numpy_helper.from_array(np.float32(array), name) for name, array in arrays.items()]
    model = helper.make_model(
        helper.make_graph(nodes, "net", [x], [y], held),
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(DOMAIN, 1)],
        ir_version=8,
    )
    save_model(model, path)
    return arrays


def test_weights_and_trains_are_those_of_the_file(tmp_path):
    arrays = build(tmp_path / "net.onnx")
    x = np.random.default_rng(4).integers(0, 256, (8, 2, 6, 6), dtype=np.uint8)
    np.savez(tmp_path / "x.npz", x=x)
    module = import_model(str(tmp_path / "net.onnx"))
    wanted = run_onnx(module, (x / 64).astype(np.float32))
    run_pipeline(
        module,
        "simplify-onnx,fold-batchnorm,verify-onnx-convertible,convert-onnx-to-snn,"
        f"threshold-balance{{calibration={tmp_path / 'x.npz'}}},"
        "quantise{weight-bits=4},verify-snn-integer",
    )
    conv, dense = layers(module)
    for layer, name in ((conv, "w"), (dense, "v")):
        integers = np.clip(np.rint(arrays[name] / arrays[f"{name}.scale"]), -7, 7)
        (synapse,) = branches(layer)
        found = from_dense(synapse.weights).astype(np.int64)
        found, integers = found.reshape(len(found), -1), integers.reshape(len(found), -1)
        assert len(np.unique(integers[0])) > 5
        # A row may be written in other steps, so that its largest integer comes near to 7.
        mine, theirs = (np.abs(rows).max(axis=1, keepdims=True) for rows in (found, integers))
        np.testing.assert_array_equal(found * theirs, integers * mine)
        assert (mine >= theirs).all()
    assert conv.train.type.coding_name == "radix" and conv.train.type.steps.data == 3
    result = run_snn(module, x)
    np.testing.assert_allclose(result.outputs, wanted, atol=0.02)
    assert len(np.unique(result.trains[conv.label.data])) == 8


@pytest.mark.parametrize(
    "how, what",
    [
        ({"activation": INT4}, "a sign or a zero point"),
        ({"zero": 3.0}, "a sign or a zero point"),
        ({"activation": {**UNSIGNED, "rounding_mode": "FLOOR"}}, "rounding mode FLOOR"),
        ({"weight": {**INT4, "rounding_mode": "CEIL"}}, "rounding mode CEIL"),
        ({"image_bits": 9.0}, "bits is 9, allowed: 1 to 8"),
    ],
)
def test_what_trains_cannot_carry_is_named(tmp_path, how, what):
    build(tmp_path / "net.onnx", **how)
    with pytest.raises(UserError, match=what):
        import_model(str(tmp_path / "net.onnx"))


@pytest.mark.parametrize("top", [7, 127])
def test_common_steps_are_found_where_there_are_some(top):
    random = np.random.default_rng(top)
    integers = random.integers(1, top, (16, 40)) * random.choice([-1, 1], (16, 40))
    integers[:, 0], integers[:, 1] = top, top - 1
    integers[:, 2] = 0
    units = random.uniform(0.01, 2, 16)
    rows = (integers * units[:, None]).astype(np.float32)
    np.testing.assert_allclose(common_steps(rows, top), units, rtol=1e-6)
    assert not common_steps(random.normal(size=(16, 40)), top).any()
    assert not common_steps(rows, top - 1).any(), "more bits than there are"
