"""One function per ONNX operator: what differs between opsets becomes one op of the onnx dialect.

Nothing here knows protobuf: a `Node` holds plain Python values and an `Env` gives the tensors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from xdsl.ir import SSAValue

from snnir.dialects import onnx
from snnir.dialects.onnx_op import OnnxOp, shape_of
from snnir.dialects.onnx_shapes import Shape

# TensorProto's numbers for float32, float16, float64 and bfloat16.
FLOAT_TYPES = (1, 10, 11, 16)


class NodeError(Exception):
    """A node that cannot be imported, and what to do about it."""

    def __init__(self, what: str, hint: str | None = None):
        super().__init__(what)
        self.what, self.hint = what, hint


@dataclass(frozen=True)
class Node:
    """An ONNX node in plain Python: attributes are numbers, strings, lists or arrays."""

    name: str
    op_type: str
    domain: str
    opset: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    complaint: str | None = None

    def get(self, name: str, default: Any = None) -> Any:
        return self.attributes.get(name, default)

    def has_input(self, index: int) -> bool:
        return index < len(self.inputs) and self.inputs[index] != ""


class Env(Protocol):
    """The tensors that a node can refer to."""

    fixed_batch: int
    """The batch size that the file fixes and that import replaces by 1; 1 where there is none."""

    def tensor(self, name: str) -> SSAValue:
        """The value of a tensor; a constant is written into the network on first use."""
        ...

    def constant(self, name: str) -> np.ndarray | None:
        """The array of a constant tensor, None for one that depends on the network's input."""
        ...


def _tensors(node: Node, env: Env) -> list[SSAValue]:
    return [env.tensor(name) for name in node.inputs if name]


def _known(node: Node, env: Env, index: int, what: str) -> np.ndarray | None:
    """An optional input that must be constant."""
    if not node.has_input(index):
        return None
    array = env.constant(node.inputs[index])
    if array is None:
        raise NodeError(f"{what} is computed by the network", f"make {what} a constant")
    return array


def _list(node: Node, env: Env, attribute: str, index: int) -> tuple[int, ...] | None:
    """A list that older opsets give as an attribute and newer ones as an input."""
    array = _known(node, env, index, attribute)
    values = node.get(attribute) if array is None else array.reshape(-1)
    return None if values is None else tuple(int(v) for v in values)


def _number(node: Node, env: Env, attribute: str, index: int) -> float | None:
    array = _known(node, env, index, attribute)
    if array is not None and array.size != 1:
        raise NodeError(f"{attribute} has {array.size} values where one is expected")
    value = node.get(attribute) if array is None else array.reshape(-1)[0]
    return None if value is None else float(value)


def _window(node: Node, spatial: Shape, kernel: Shape) -> dict[str, Shape]:
    """Strides, dilations and pads, with auto_pad and ceil_mode turned into pads."""
    rank = len(spatial)
    strides = tuple(node.get("strides", (1,) * rank))
    dilations = tuple(node.get("dilations", (1,) * rank))
    pads = list(node.get("pads", (0,) * (2 * rank)))
    if not len(kernel) == len(strides) == len(dilations) == rank or len(pads) != 2 * rank:
        raise NodeError(f"kernel, strides, dilations or pads do not fit {rank} spatial dimensions")
    auto = node.get("auto_pad", "NOTSET")
    if auto not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        raise NodeError(f"auto_pad '{auto}' is unknown")
    if auto != "NOTSET":
        pads = [0] * (2 * rank)
    for d, size in enumerate(spatial):
        reach = (kernel[d] - 1) * dilations[d] + 1
        if auto.startswith("SAME"):
            total = max((math.ceil(size / strides[d]) - 1) * strides[d] + reach - size, 0)
            small, large = total // 2, total - total // 2
            pads[d], pads[d + rank] = (small, large) if auto == "SAME_UPPER" else (large, small)
        elif node.get("ceil_mode", 0):
            pads[d + rank] += _ceil_pad(node, size, reach, strides[d], pads[d], pads[d + rank])
    return {"strides": strides, "dilations": dilations, "pads": tuple(pads)}


def _ceil_pad(node: Node, size: int, reach: int, stride: int, begin: int, end: int) -> int:
    """How much more end padding makes the rounded-down output as large as the rounded-up one."""
    outputs = math.ceil((size + begin + end - reach) / stride) + 1
    if (outputs - 1) * stride >= size + begin:
        # A window that would start in the padding at the end is left out.
        outputs -= 1
    extra = max((outputs - 1) * stride + reach - (size + begin + end), 0)
    if extra and node.op_type == "AveragePool" and node.get("count_include_pad", 0):
        raise NodeError(
            "ceil_mode with count_include_pad divides border windows unevenly",
            "use ceil_mode = 0, or count_include_pad = 0",
        )
    return extra


def _conv(node: Node, env: Env) -> OnnxOp:
    operands = _tensors(node, env)
    x, w = shape_of(operands[0]), shape_of(operands[1])
    kernel = w[2:]
    if tuple(node.get("kernel_shape", kernel)) != kernel:
        raise NodeError(f"kernel_shape {node.get('kernel_shape')} differs from the weights {w}")
    window = _window(node, x[2:], kernel)
    return onnx.ConvOp(*operands, node=node.name, group=node.get("group", 1), **window)


def _max_pool(node: Node, env: Env) -> OnnxOp:
    if len(node.outputs) > 1:
        raise NodeError("the second output (indices) is used", "use the pooled values only")
    x = env.tensor(node.inputs[0])
    kernel = tuple(node.get("kernel_shape", ()))
    window = _window(node, shape_of(x)[2:], kernel)
    return onnx.MaxPoolOp(x, node=node.name, kernel_shape=kernel, **window)


def _average_pool(node: Node, env: Env) -> OnnxOp:
    x = env.tensor(node.inputs[0])
    kernel = tuple(node.get("kernel_shape", ()))
    window = _window(node, shape_of(x)[2:], kernel)
    include = node.get("count_include_pad", 0)
    return onnx.AveragePoolOp(
        x, node=node.name, kernel_shape=kernel, count_include_pad=include, **window
    )


def _global_max_pool(node: Node, env: Env) -> OnnxOp:
    x = env.tensor(node.inputs[0])
    return onnx.MaxPoolOp(x, node=node.name, kernel_shape=shape_of(x)[2:])


def _gemm(node: Node, env: Env) -> OnnxOp:
    params = {k: node.get(k) for k in ("alpha", "beta", "transA", "transB") if k in node.attributes}
    return onnx.GemmOp(*_tensors(node, env), node=node.name, **params)


def _batch_normalization(node: Node, env: Env) -> OnnxOp:
    if node.get("training_mode", 0) or len(node.outputs) > 1:
        raise NodeError("it is in training mode", "export the model with model.eval()")
    if node.get("spatial", 1) != 1:
        raise NodeError("spatial = 0 normalises each pixel by itself", "use spatial = 1")
    epsilon = node.get("epsilon", 1e-5)
    return onnx.BatchNormalizationOp(*_tensors(node, env), node=node.name, epsilon=epsilon)


def _clip(node: Node, env: Env) -> OnnxOp:
    low, high = _number(node, env, "min", 1), _number(node, env, "max", 2)
    bounds = {"min": low, "max": high}
    limits = {k: v for k, v in bounds.items() if v is not None and abs(v) < 3.4e38}
    return onnx.ClipOp(env.tensor(node.inputs[0]), node=node.name, **limits)


def _reduce_mean(node: Node, env: Env) -> OnnxOp:
    x = env.tensor(node.inputs[0])
    axes = _list(node, env, "axes", 1)
    keepdims = node.get("keepdims", 1)
    if not axes:
        if node.get("noop_with_empty_axes", 0):
            return onnx.IdentityOp(x, node=node.name)
        axes = tuple(range(len(shape_of(x))))
    return onnx.ReduceMeanOp(x, node=node.name, axes=axes, keepdims=keepdims)


def _reshape(node: Node, env: Env) -> OnnxOp:
    x = env.tensor(node.inputs[0])
    target = list(_list(node, env, "shape", 1) or ())
    source = shape_of(x)
    if not node.get("allowzero", 0):
        for d, size in enumerate(target):
            if size == 0 and d < len(source):
                target[d] = source[d]
    depends = env.constant(node.inputs[0]) is None
    target = _without_batch(target, source, env.fixed_batch if depends else 1)
    if target.count(-1) > 1 or min(target, default=1) < -1:
        raise NodeError(f"shape {target} leaves more than one size open")
    if -1 in target:
        others = math.prod(n for n in target if n != -1)
        target[target.index(-1)] = math.prod(source) // max(others, 1)
    return onnx.ReshapeOp(x, node=node.name, shape=tuple(target))


def _without_batch(target: list[int], source: Shape, batch: int) -> list[int]:
    """A target shape for one sample, made from one that was written for `batch` samples."""
    if batch == 1 or not target:
        return target
    if target[0] == batch:
        return [1, *target[1:]]
    too_many = -1 not in target and math.prod(target) == batch * math.prod(source)
    if too_many and target[0] % batch == 0:
        return [target[0] // batch, *target[1:]]
    return target


def _squeeze(node: Node, env: Env) -> OnnxOp:
    x = env.tensor(node.inputs[0])
    axes = _list(node, env, "axes", 1)
    if axes is None:
        axes = tuple(d for d, size in enumerate(shape_of(x)) if size == 1)
    return onnx.SqueezeOp(x, node=node.name, axes=axes)


def _unsqueeze(node: Node, env: Env) -> OnnxOp:
    axes = _list(node, env, "axes", 1)
    return onnx.UnsqueezeOp(env.tensor(node.inputs[0]), node=node.name, axes=axes or ())


def _transpose(node: Node, env: Env) -> OnnxOp:
    x = env.tensor(node.inputs[0])
    perm = tuple(node.get("perm", reversed(range(len(shape_of(x))))))
    return onnx.TransposeOp(x, node=node.name, perm=perm)


def _pad(node: Node, env: Env) -> OnnxOp:
    x = env.tensor(node.inputs[0])
    rank = len(shape_of(x))
    pads = _list(node, env, "pads", 1)
    if pads is None:
        raise NodeError("it has no pads")
    axes = _list(node, env, "axes", 3)
    if axes is not None:
        full = [0] * (2 * rank)
        for index, axis in enumerate(axes):
            full[axis % rank] = pads[index]
            full[axis % rank + rank] = pads[index + len(axes)]
        pads = tuple(full)
    value = _number(node, env, "value", 2) or 0.0
    mode = node.get("mode", "constant")
    return onnx.PadOp(x, node=node.name, pads=pads, mode=mode, value=value)


def _softmax(node: Node, env: Env) -> OnnxOp:
    x = env.tensor(node.inputs[0])
    shape = shape_of(x)
    axis = node.get("axis", -1 if node.opset >= 13 else 1)
    if node.opset < 13:
        # Up to opset 12 the tensor is a matrix for softmax, split before the axis.
        wide = [d for d in range(axis % len(shape), len(shape)) if shape[d] > 1]
        if len(wide) > 1:
            raise NodeError(f"softmax over dimensions {wide} at once", "flatten before it")
        axis = wide[0] if wide else len(shape) - 1
    op = onnx.SoftmaxOp if node.op_type == "Softmax" else onnx.LogSoftmaxOp
    return op(x, node=node.name, axis=axis)


def _dropout(node: Node, env: Env) -> OnnxOp:
    training = _known(node, env, 2, "training_mode")
    if training is not None and training.any():
        raise NodeError("it is in training mode", "export the model with model.eval()")
    return onnx.DropoutOp(env.tensor(node.inputs[0]), node=node.name)


def _cast(node: Node, env: Env) -> OnnxOp:
    if node.get("to") not in FLOAT_TYPES:
        raise NodeError("it leaves floating point", "export the network in float32 throughout")
    return onnx.IdentityOp(env.tensor(node.inputs[0]), node=node.name)


def _plain(op: type[OnnxOp]) -> Callable[[Node, Env], OnnxOp]:
    """An operator that has no parameters and is the same in all opsets."""
    return lambda node, env: op(*_tensors(node, env), node=node.name)


IMPORTERS: dict[str, Callable[[Node, Env], OnnxOp]] = {
    "Conv": _conv,
    "Gemm": _gemm,
    "MatMul": _plain(onnx.MatMulOp),
    "BatchNormalization": _batch_normalization,
    "Relu": _plain(onnx.ReluOp),
    "Clip": _clip,
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "GlobalAveragePool": _plain(onnx.GlobalAveragePoolOp),
    "GlobalMaxPool": _global_max_pool,
    "ReduceMean": _reduce_mean,
    "Flatten": lambda node, env: onnx.FlattenOp(
        env.tensor(node.inputs[0]), node=node.name, axis=node.get("axis", 1)
    ),
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Transpose": _transpose,
    "Add": _plain(onnx.AddOp),
    "Sub": _plain(onnx.SubOp),
    "Mul": _plain(onnx.MulOp),
    "Div": _plain(onnx.DivOp),
    "Sum": _plain(onnx.SumOp),
    "Pad": _pad,
    "Identity": _plain(onnx.IdentityOp),
    "Dropout": _dropout,
    "Cast": _cast,
    "Softmax": _softmax,
    "LogSoftmax": _softmax,
}


def import_node(
    node: Node, env: Env, importers: Mapping[str, Callable[[Node, Env], OnnxOp]] = IMPORTERS
) -> OnnxOp:
    """The op of the onnx dialect for a supported node.

    Raises:
        NodeError: if its operands or attributes do not fit together.
    """
    try:
        return importers[node.op_type](node, env)
    except (ValueError, IndexError, TypeError) as error:
        # Attributes of a damaged model can have any length or type.
        what = str(error) or "its inputs and attributes do not fit together"
        raise NodeError(what, "the model is inconsistent: export it again") from error


def check_finite(array: np.ndarray, name: str) -> np.ndarray:
    """Weights as float32.

    Raises:
        NodeError: if a value is NaN or infinite.
    """
    with np.errstate(over="ignore"):
        floats = np.ascontiguousarray(array, dtype=np.float32).reshape(array.shape)
    bad = int(np.count_nonzero(~np.isfinite(floats)))
    if bad:
        raise NodeError(
            f"tensor '{name}' holds {bad} NaN or infinite values of {floats.size}",
            "train or export the model again",
        )
    return floats
