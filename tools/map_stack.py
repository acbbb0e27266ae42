"""Writes a stack of convolutions over large images, with random weights, and images for it.

    python tools/map_stack.py 224 stack.onnx images.npz
    snnc compile stack.onnx -o stack --calibration images.npz --weight-bits 4 --array 16,32,4,4

Its feature maps are larger than any block RAM; the layers are computed in bands.
"""

from __future__ import annotations

import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CHANNELS = (16, 32, 32, 32)
"""Output channels of the layers; all but the first are pooled."""


def stack(size: int, channels: tuple[int, ...] = CHANNELS, classes: int = 10) -> onnx.ModelProto:
    """Convolutions 3x3 with ReLU, max pools 2x2, global average, and a dense layer."""
    random = np.random.default_rng(7)
    nodes, constants, value, before = [], [], "image", 3
    for index, count in enumerate(channels):
        spread = np.sqrt(2 / (before * 9))
        weights = random.normal(0, spread, (count, before, 3, 3)).astype(np.float32)
        bias = random.normal(0, 0.1, count).astype(np.float32)
        constants += [
            numpy_helper.from_array(weights, f"w{index}"),
            numpy_helper.from_array(bias, f"b{index}"),
        ]
        inputs = [value, f"w{index}", f"b{index}"]
        nodes.append(
            helper.make_node(
                "Conv", inputs, [f"c{index}"], f"conv{index + 1}", kernel_shape=[3, 3],
                pads=[1, 1, 1, 1],
            )
        )  # fmt: skip
        nodes.append(helper.make_node("Relu", [f"c{index}"], [f"r{index}"]))
        value, before = f"r{index}", count
        if index:
            nodes.append(
                helper.make_node(
                    "MaxPool", [value], [f"p{index}"], kernel_shape=[2, 2], strides=[2, 2]
                )
            )
            value = f"p{index}"
    dense = random.normal(0, 0.3, (classes, before)).astype(np.float32)
    constants.append(numpy_helper.from_array(dense, "dense"))
    nodes += [
        helper.make_node("GlobalAveragePool", [value], ["g"]),
        helper.make_node("Flatten", ["g"], ["f"]),
        helper.make_node("Gemm", ["f", "dense"], ["out"], "out", transB=1),
    ]
    shapes = {"image": [1, 3, size, size], "out": [1, classes]}
    values = {
        name: helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)
        for name, dims in shapes.items()
    }
    graph = helper.make_graph(
        nodes, f"stack{size}", [values["image"]], [values["out"]], initializer=constants
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def images(size: int, count: int) -> np.ndarray:
    """Smooth random images: uint8 (N, 3, size, size)."""
    random = np.random.default_rng(11)
    coarse = random.uniform(0, 255, (count, 3, 9, 9))
    at = np.linspace(0, 7.999, size)
    low, part = at.astype(int), at % 1
    rows = coarse[:, :, low] * (1 - part)[:, None] + coarse[:, :, low + 1] * part[:, None]
    whole = rows[..., low] * (1 - part) + rows[..., low + 1] * part
    return (whole + random.normal(0, 8, whole.shape)).clip(0, 255).astype(np.uint8)


def main(size: str, model: str, data: str) -> None:
    onnx.save(stack(int(size)), model)
    np.savez_compressed(data, x=images(int(size), 8))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
