"""What cases are made of: models, images, build folders, and the commands that take them."""

from __future__ import annotations

import shutil
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save_model

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
COMPILE = "compile model.onnx -o out"
RUN = "run build --input data.npz"
KERNEL = np.ones((1, 1, 3, 3))


def digits() -> bytes:
    return (EXAMPLES / "digits.onnx").read_bytes()


def write_model(nodes, weights=(), shape=(1, 1, 4, 4), domains=(), **changes) -> None:
    """A model.onnx of the given nodes from `x` to `y`, without any check."""
    inputs = changes.get("inputs") or [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))
    ]
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    tensors = [numpy_helper.from_array(np.asarray(a, np.float32), n) for n, a in weights]
    graph = helper.make_graph(nodes, "net", inputs, [result], tensors)
    opsets = [helper.make_opsetid("", 17), *(helper.make_opsetid(d, 1) for d in domains)]
    save_model(helper.make_model(graph, opset_imports=opsets, ir_version=8), "model.onnx")


def conv(source: str, weights: str, result: str):
    return helper.make_node("Conv", [source, weights], [result], name=result)


def node(op: str, sources: list[str], result: str, **attributes):
    return helper.make_node(op, sources, [result], name=result, **attributes)


def with_digits(**arrays) -> None:
    """The shipped model, and data.npz with the given arrays."""
    Path("model.onnx").write_bytes(digits())
    if arrays:
        np.savez("data.npz", **arrays)


@cache
def digits_build(*options: str) -> TemporaryDirectory:
    """The shipped network's build folder, which is there until the process ends."""
    folder = TemporaryDirectory(prefix="snnir-build-")
    command = [
        "compile", str(EXAMPLES / "digits.onnx"), "-o", folder.name, "--no-verilog", *options,
        "--calibration", str(EXAMPLES / "digits_calibration.npz"), "--input-scale", "1/16",
    ]  # fmt: skip
    from snnir.tools.snnc import run

    with redirect_stdout(StringIO()):
        assert run(command) == 0
    return folder


def build(**arrays) -> None:
    """A good build folder, and data.npz."""
    shutil.copytree(digits_build().name, "build")
    np.savez("data.npz", **(arrays or {"x": np.full((2, 1, 8, 8), 5, np.uint8)}))
