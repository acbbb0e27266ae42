"""Numpy interpreter of the onnx dialect: float32, one call per layer, all samples at once.

Every value is an array with one more leading axis than its type says: the sample. A value of type
`tensor<1x8x14x14xf32>` is an array (N, 1, 8, 14, 14) and a constant has N = 1, so that no op has
to know which of its dimensions is the batch. Callers see the batch dimension in place of the
leading axis and the 1: (N, 8, 14, 14).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, OpResult, SSAValue

from snnir.analysis.network import network_of
from snnir.dialects.onnx import ConstantOp, constant_of
from snnir.dialects.onnx_op import OnnxOp, describe, shape_of
from snnir.errors import UserError

Observer = Callable[[OpResult, np.ndarray], None]
Params = dict[str, Any]

# Unfolded windows of one chunk of samples: large enough for the matrix product to be efficient,
# small enough to stay well below the activations of a calibration set.
CHUNK_BYTES = 64 << 20


def run_onnx(module: ModuleOp, x: np.ndarray, observe: Observer | None = None) -> np.ndarray:
    """Run the network on samples x (N, ...) and give its outputs (N, ...).

    Args:
        module: a module with one `func.func` of onnx ops.
        x: samples; the shape after N is that of the network's input without its batch dimension.
        observe: called with each op's result value and its array (N, ...), constants excepted.

    Raises:
        UserError: if x does not have the network's input shape, or an op has no interpretation.
    """
    network = network_of(module)
    block = network.body.block
    argument = block.args[0]
    expected = _sample_shape(shape_of(argument))
    if x.ndim < 1 or x.shape[1:] != expected:
        raise UserError(
            f"samples of shape {x.shape[1:]} do not fit the network's input {expected}",
            hint=f"give an array of shape (N, {', '.join(map(str, expected))})",
        )
    samples = np.ascontiguousarray(x, np.float32).reshape(len(x), *shape_of(argument))
    values: dict[SSAValue, np.ndarray] = {argument: samples}
    uses = Counter(operand for op in block.ops for operand in set(op.operands))
    for op in block.ops:
        if isinstance(op, func.ReturnOp):
            return _outward(op.operands[0], values[op.operands[0]], len(x))
        result = _interpret(op, [values[operand] for operand in op.operands])
        values[op.results[0]] = result
        if observe is not None and not isinstance(op, ConstantOp):
            observe(op.results[0], _outward(op.results[0], result, len(x)))
        for operand in set(op.operands):
            uses[operand] -= 1
            if not uses[operand]:
                del values[operand]
    raise UserError("the network returns nothing", where=network.sym_name.data)


def known_value(value: SSAValue) -> np.ndarray | None:
    """The array of a value that does not depend on the network's input, else None."""
    if (constant := constant_of(value)) is not None:
        return constant
    op = value.owner
    if not isinstance(op, OnnxOp) or not op.operands:
        return None
    inputs = []
    for operand in op.operands:
        if (array := known_value(operand)) is None:
            return None
        inputs.append(array[None])
    return _interpret(op, inputs)[0]


def _sample_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape without its batch dimension; a network without one keeps all."""
    return shape[1:] if shape and shape[0] == 1 else shape


def _outward(value: SSAValue, array: np.ndarray, samples: int) -> np.ndarray:
    shape = _sample_shape(shape_of(value))
    return np.broadcast_to(array.reshape(len(array), *shape), (samples, *shape))


def _interpret(op: Operation, inputs: Sequence[np.ndarray]) -> np.ndarray:
    if isinstance(op, ConstantOp):
        constant = constant_of(op.result)
        assert constant is not None
        return constant[None]
    kernel = KERNELS.get(op.name)
    if kernel is None or not isinstance(op, OnnxOp):
        raise UserError(f"{op.name} has no float interpretation", where=describe(op))
    return kernel(list(inputs), op.params, shape_of(op.result))


def _merge_batch(x: np.ndarray) -> np.ndarray:
    return x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])


def _weights(array: np.ndarray) -> np.ndarray:
    if len(array) != 1:
        raise UserError("weights that depend on the input have no interpretation")
    return array[0]


def _window(x: np.ndarray, offset: tuple[int, ...], out: tuple[int, ...], p: Params) -> np.ndarray:
    """The elements that one kernel position sees, over all output positions."""
    index = [slice(None)] * (x.ndim - len(out))
    for d, count in enumerate(out):
        start, stride = offset[d] * p["dilations"][d], p["strides"][d]
        index.append(slice(start, start + (count - 1) * stride + 1, stride))
    return x[tuple(index)]


def _padded(x: np.ndarray, pads: Sequence[int], value: float) -> np.ndarray:
    rank = len(pads) // 2
    if not any(pads):
        return x
    width = [(0, 0)] * (x.ndim - rank) + list(zip(pads[:rank], pads[rank:], strict=True))
    return np.pad(x, width, constant_values=value)


def _conv(inputs: list[np.ndarray], p: Params, shape: tuple[int, ...]) -> np.ndarray:
    x, w = _merge_batch(inputs[0]), _weights(inputs[1])
    kernel, out, group = w.shape[2:], shape[2:], p["group"]
    x = _padded(x, p["pads"], 0.0)
    positions = math.prod(out)
    if group > 1 and w.shape[1] == 1 and w.shape[0] == group:
        y = np.zeros((len(x), group, *out), np.float32)
        for offset in np.ndindex(*kernel):
            y += _window(x, offset, out, p) * w[(slice(None), 0, *offset)].reshape(
                -1, *[1] * len(out)
            )
    else:
        y = np.empty((len(x), w.shape[0], *out), np.float32)
        matrix = w.reshape(group, w.shape[0] // group, -1)
        per_sample = matrix.shape[2] * group * positions * 4
        chunk = max(1, CHUNK_BYTES // per_sample)
        for first in range(0, len(x), chunk):
            part = x[first : first + chunk]
            # Samples side by side: the weights are read once for all of them.
            turned = part.swapaxes(0, 1)
            taps = [_window(turned, offset, out, p) for offset in np.ndindex(*kernel)]
            columns = np.stack(taps, axis=1).reshape(group, matrix.shape[2], -1)
            result = np.matmul(matrix, columns).reshape(w.shape[0], len(part), *out)
            y[first : first + chunk] = result.swapaxes(0, 1)
    if len(inputs) > 2:
        y += _weights(inputs[2]).reshape(-1, *[1] * len(out))
    return y.reshape(len(inputs[0]), *shape)


def _gemm(inputs: list[np.ndarray], p: Params, shape: tuple[int, ...]) -> np.ndarray:
    a = inputs[0].swapaxes(1, 2) if p["transA"] else inputs[0]
    b = inputs[1].swapaxes(1, 2) if p["transB"] else inputs[1]
    y = _product(a, b) * np.float32(p["alpha"])
    if len(inputs) > 2:
        c = inputs[2]
        y = y + c.reshape(len(c), *[1] * (3 - c.ndim), *c.shape[1:]) * np.float32(p["beta"])
    return y


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Matrix product of sample stacks; shared weights make it one large product."""
    if len(b) == 1 and b.ndim == 3 and a.ndim >= 3:
        return (a.reshape(-1, a.shape[-1]) @ b[0]).reshape(*a.shape[:-1], b.shape[-1])
    return np.matmul(a, b)


def _matmul(inputs: list[np.ndarray], p: Params, shape: tuple[int, ...]) -> np.ndarray:
    a, b = inputs
    a = a[:, None] if a.ndim == 2 else a
    b = b[..., None] if b.ndim == 2 else b
    if len(b) > 1 or b.ndim > 3:
        rank = max(a.ndim, b.ndim)
        a = a.reshape(len(a), *[1] * (rank - a.ndim), *a.shape[1:])
        b = b.reshape(len(b), *[1] * (rank - b.ndim), *b.shape[1:])
    y = _product(a, b)
    return y.reshape(len(y), *shape)


def _batch_normalization(inputs: list[np.ndarray], p: Params, shape: tuple) -> np.ndarray:
    scale, bias, mean, var = (_weights(v) for v in inputs[1:])
    gain = scale / np.sqrt(var + np.float32(p["epsilon"]))
    per_channel = (-1, *[1] * (len(shape) - 2))
    return inputs[0] * gain.reshape(per_channel) + (bias - mean * gain).reshape(per_channel)


def _clip(inputs: list[np.ndarray], p: Params, shape: tuple[int, ...]) -> np.ndarray:
    return np.clip(inputs[0], np.float32(p.get("min", -np.inf)), np.float32(p.get("max", np.inf)))


def _max_pool(inputs: list[np.ndarray], p: Params, shape: tuple[int, ...]) -> np.ndarray:
    x = _padded(inputs[0], p["pads"], -np.inf)
    offsets = np.ndindex(*p["kernel_shape"])
    y = _window(x, next(offsets), shape[2:], p).copy()
    for offset in offsets:
        np.maximum(y, _window(x, offset, shape[2:], p), out=y)
    return y


def _average_pool(inputs: list[np.ndarray], p: Params, shape: tuple[int, ...]) -> np.ndarray:
    total = _window_sum(_padded(inputs[0], p["pads"], 0.0), p, shape[2:])
    if p["count_include_pad"] or not any(p["pads"]):
        return total / np.float32(math.prod(p["kernel_shape"]))
    ones = np.ones(inputs[0].shape[3:], np.float32)
    return total / _window_sum(_padded(ones, p["pads"], 0.0), p, shape[2:])


def _window_sum(x: np.ndarray, p: Params, out: tuple[int, ...]) -> np.ndarray:
    offsets = np.ndindex(*p["kernel_shape"])
    y = _window(x, next(offsets), out, p).copy()
    for offset in offsets:
        y += _window(x, offset, out, p)
    return y


def _global_average_pool(inputs: list[np.ndarray], p: Params, shape: tuple) -> np.ndarray:
    return inputs[0].mean(axis=tuple(range(3, inputs[0].ndim)), keepdims=True, dtype=np.float32)


def _reduce_mean(inputs: list[np.ndarray], p: Params, shape: tuple[int, ...]) -> np.ndarray:
    rank = inputs[0].ndim - 1
    axes = tuple(axis % rank + 1 for axis in p["axes"])
    return inputs[0].mean(axis=axes, keepdims=bool(p["keepdims"]), dtype=np.float32)


def _reshape(inputs: list[np.ndarray], p: Params, shape: tuple[int, ...]) -> np.ndarray:
    return inputs[0].reshape(len(inputs[0]), *shape)


def _transpose(inputs: list[np.ndarray], p: Params, shape: tuple[int, ...]) -> np.ndarray:
    return inputs[0].transpose(0, *(d + 1 for d in p["perm"]))


def _elementwise(function: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    def kernel(inputs: list[np.ndarray], p: Params, shape: tuple[int, ...]) -> np.ndarray:
        # The sample axis must stay in front while ranks are made equal.
        aligned = [
            v.reshape(len(v), *[1] * (len(shape) + 1 - v.ndim), *v.shape[1:]) for v in inputs
        ]
        total = aligned[0]
        for value in aligned[1:]:
            total = function(total, value)
        return total

    return kernel


def _pad(inputs: list[np.ndarray], p: Params, shape: tuple[int, ...]) -> np.ndarray:
    x, rank = inputs[0], len(shape)
    begins, ends = p["pads"][:rank], p["pads"][rank:]
    crop = [slice(None)]
    for size, begin, end in zip(x.shape[1:], begins, ends, strict=True):
        crop.append(slice(max(-begin, 0), size - max(-end, 0)))
    width = [(0, 0), *((max(b, 0), max(e, 0)) for b, e in zip(begins, ends, strict=True))]
    x = x[tuple(crop)]
    if p["mode"] == "constant":
        return np.pad(x, width, constant_values=p["value"])
    return np.pad(x, width, mode=p["mode"])


def _log_softmax(inputs: list[np.ndarray], p: Params, shape: tuple[int, ...]) -> np.ndarray:
    axis = p["axis"] % len(shape) + 1
    shifted = inputs[0] - inputs[0].max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def _pixels(inputs: list[np.ndarray], p: Params, shape: tuple[int, ...]) -> np.ndarray:
    scale, zero = (_aligned(p[name], shape) for name in ("scale", "zero"))
    pixels = np.clip(np.rint(inputs[0] / scale + zero), 0, (1 << p["bits"]) - 1)
    return ((pixels - zero) * scale).astype(np.float32)


def _quant(inputs: list[np.ndarray], p: Params, shape: tuple[int, ...]) -> np.ndarray:
    step = np.float32(p["step"])
    return np.clip(np.rint(inputs[0] / step), 0, (1 << p["bits"]) - 1).astype(np.float32) * step


def _potentials(x: np.ndarray, p: Params, shape: tuple[int, ...], steps: int) -> np.ndarray:
    """What `steps` steps make of a mean current x and the bias, in units of a current of 1."""
    units = x * (steps / _aligned(p["unit"], shape))
    return np.rint(units) + _aligned(p["bias"], shape) * (steps / 2.0 ** p["fraction"])


def _neurons(inputs: list[np.ndarray], p: Params, shape: tuple[int, ...]) -> np.ndarray:
    """The value of the trains, spread evenly and without a leak: what rate coding stands for."""
    radix, steps = p["coding"] == "radix", p["steps"]
    levels = (1 << steps) - 1 if radix else steps
    theta = _aligned(p["theta"], shape)
    potentials = _potentials(inputs[0], p, shape, 1 if radix else steps) * 2.0 ** p["fraction"]
    counts = np.clip((potentials + theta // 2) // theta, 0, levels)
    return (counts * (p["spike"] / (1 if radix else steps))).astype(np.float32)


def _readout(inputs: list[np.ndarray], p: Params, shape: tuple[int, ...]) -> np.ndarray:
    potentials = inputs[0] / _aligned(p["unit"], shape)
    potentials += _aligned(p["bias"], shape) / 2.0 ** p["fraction"]
    return (potentials * _aligned(p["unit"], shape)).astype(np.float32)


def _aligned(values: Sequence[float], shape: tuple[int, ...]) -> np.ndarray:
    return np.array(values, np.float64).reshape(-1, *[1] * (len(shape) - 2))


KERNELS: dict[str, Callable[[list[np.ndarray], Params, tuple[int, ...]], np.ndarray]] = {
    "onnx.Conv": _conv,
    "onnx.Gemm": _gemm,
    "onnx.MatMul": _matmul,
    "onnx.BatchNormalization": _batch_normalization,
    "onnx.Relu": lambda inputs, p, shape: np.maximum(inputs[0], np.float32(0)),
    "onnx.Clip": _clip,
    "onnx.MaxPool": _max_pool,
    "onnx.AveragePool": _average_pool,
    "onnx.GlobalAveragePool": _global_average_pool,
    "onnx.ReduceMean": _reduce_mean,
    "onnx.Flatten": _reshape,
    "onnx.Reshape": _reshape,
    "onnx.Squeeze": _reshape,
    "onnx.Unsqueeze": _reshape,
    "onnx.Transpose": _transpose,
    "onnx.Add": _elementwise(np.add),
    "onnx.Sub": _elementwise(np.subtract),
    "onnx.Mul": _elementwise(np.multiply),
    "onnx.Div": _elementwise(np.divide),
    "onnx.Sum": _elementwise(np.add),
    "onnx.Pad": _pad,
    "onnx.Identity": lambda inputs, p, shape: inputs[0],
    "onnx.Dropout": lambda inputs, p, shape: inputs[0],
    "onnx.Softmax": lambda inputs, p, shape: np.exp(_log_softmax(inputs, p, shape)),
    "onnx.LogSoftmax": _log_softmax,
    "onnx.Pixels": _pixels,
    "onnx.Neurons": _neurons,
    # The first step of a sample has none before.
    "onnx.Recurrent": lambda inputs, p, shape: np.zeros_like(inputs[0]),
    "onnx.Quant": _quant,
    "onnx.Readout": _readout,
}
