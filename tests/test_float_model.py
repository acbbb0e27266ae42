"""The float network under onnxruntime: any number of inputs, whatever batch the file says."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save_model

from snnir.runtime.float_model import BATCH, FloatModel, available

pytestmark = pytest.mark.skipif(not available(), reason="onnxruntime is not installed")


@pytest.mark.parametrize("batch", ["any", 1, 7, BATCH])
@pytest.mark.parametrize("count", [1, 5, BATCH, BATCH + 8])
def test_batches(batch, count, tmp_path):
    weights = np.arange(6, dtype=np.float32).reshape(3, 2)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, 2])],
        [numpy_helper.from_array(weights, "w")],
    )
    opsets = [helper.make_opsetid("", 17)]
    save_model(helper.make_model(graph, opset_imports=opsets, ir_version=8), tmp_path / "net.onnx")
    x = np.arange(3 * count, dtype=np.float32).reshape(count, 3)
    found = FloatModel(tmp_path / "net.onnx").outputs(x)
    np.testing.assert_array_equal(found, x @ weights)
