"""Weights that a file holds as integers with scales, as the real numbers that they stand for."""

from __future__ import annotations

import numpy as np

from snnir.frontend.onnx_nodes import Node, NodeError


def dequantised(node: Node, arrays: list[np.ndarray]) -> np.ndarray:
    """(x - zero point) * scale, per tensor or along one axis: DequantizeLinear of constants.

    Raises:
        NodeError: for scales by block, or of another number than the axis is long.
    """
    x, scale, *zero = arrays
    if node.get("block_size", 0):
        raise NodeError("it has a scale for each block", "use one scale for each output channel")
    shape = [1] * x.ndim
    if scale.size > 1:
        axis = node.get("axis", 1)
        if not -x.ndim <= axis < x.ndim or scale.shape != (x.shape[axis],):
            raise NodeError(f"{scale.size} scales do not fit {x.shape} along axis {axis}")
        shape[axis] = -1
    integers = x.astype(np.float32)
    if zero:
        integers = integers - zero[0].astype(np.float32).reshape(shape)
    return (integers * scale.astype(np.float32).reshape(shape)).astype(np.float32)
