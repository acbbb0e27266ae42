"""QONNX `Quant` nodes, in which Brevitas and others write quantised networks.

Source: Pappalardo et al., QONNX: representing arbitrary-precision quantized neural networks,
arXiv 2206.07527.
"""

from __future__ import annotations

import numpy as np
from xdsl.ir import BlockArgument

from snnir.dialects import onnx
from snnir.dialects.onnx_op import OnnxOp
from snnir.frontend.onnx_nodes import Env, Node, NodeError

DOMAINS = ("qonnx.custom_op.general", "finn.custom_op.general", "onnx.brevitas")

MODES = ("ROUND", "HALF_EVEN")


def quantised_constant(node: Node, arrays: list[np.ndarray]) -> np.ndarray:
    """Weights rounded and clipped as the node says, as the real numbers that they stand for."""
    x, scale, zero, bits = arrays
    low, high = _limits(node, int(_single(bits, "bit width")))
    steps = np.clip(np.rint(x / scale + zero), low, high)
    return ((steps - zero) * scale).astype(np.float32)


def import_quant(node: Node, env: Env) -> OnnxOp:
    """An activation's `Quant`: pixels if it is the image's, else neurons.

    Raises:
        NodeError: for what trains cannot carry.
    """
    scale, zero, bits = (
        _single(env.constant(name), what)
        for name, what in zip(node.inputs[1:4], ("scale", "zero point", "bit width"), strict=True)
    )
    low, _ = _limits(node, int(bits))
    x = env.tensor(node.inputs[0])
    if isinstance(x, BlockArgument):
        channels = x.type.get_shape()[1]
        return onnx.PixelsOp(
            x,
            node=node.name,
            scale=[scale] * channels,
            zero=[int(zero - low)] * channels,
            bits=int(bits),
        )
    if low != 0 or zero != 0:
        raise NodeError(
            "an activation is quantised with a sign or a zero point",
            "spikes carry values from 0 upwards: quantise behind a Relu, unsigned",
        )
    if isinstance(x.owner, onnx.ReluOp):
        x = x.owner.x
    return onnx.QuantOp(x, node=node.name, step=scale, bits=int(bits))


def _limits(node: Node, bits: int) -> tuple[int, int]:
    """The least and the largest integer."""
    if node.get("rounding_mode", "ROUND") not in MODES:
        raise NodeError(f"rounding mode {node.get('rounding_mode')} is not supported", "use ROUND")
    narrow = node.get("narrow", 0)
    if not node.get("signed", 1):
        return 0, (1 << bits) - 1 - narrow
    return -(1 << (bits - 1)) + narrow, (1 << (bits - 1)) - 1


def _single(array: np.ndarray | None, what: str) -> float:
    if array is None or array.size != 1:
        raise NodeError(f"its {what} is no single constant", "use one value for the whole tensor")
    return float(array.reshape(-1)[0])
