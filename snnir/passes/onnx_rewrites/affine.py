"""Affine maps y = gain * x + shift moved into the weights of the layer above or below.

The one place that knows when such a move is exact; bias Adds, scalings and batch normalisation
are all moved by it. Weights are computed in float64 and rounded once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import UNKNOWN_LOC
from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter

from snnir.dialects import onnx
from snnir.dialects.location import place
from snnir.dialects.onnx import constant_of
from snnir.dialects.onnx_op import describe, shape_of
from snnir.errors import UserError

Layer = onnx.ConvOp | onnx.GemmOp


def replace(
    rewriter: PatternRewriter,
    op: Operation,
    new_ops: Operation | Sequence[Operation],
    results: Sequence[SSAValue] | None = None,
) -> None:
    """Replace an op, keeping its source location for later messages."""
    new_ops = [new_ops] if isinstance(new_ops, Operation) else list(new_ops)
    for new_op in new_ops:
        if new_op.location == UNKNOWN_LOC:
            new_op.location = op.location
    rewriter.replace(op, new_ops, results)


def constant(array: np.ndarray, op: Operation, like: SSAValue | None = None) -> onnx.ConstantOp:
    """A float32 constant that rewriting an op has produced.

    Args:
        array: its values.
        op: the op that is rewritten, for messages.
        like: the constant that it takes the place of, whose names it keeps.

    Raises:
        UserError: if it does not fit float32.
    """
    with np.errstate(over="ignore"):
        floats = np.ascontiguousarray(array, dtype=np.float32).reshape(np.shape(array))
    if not np.isfinite(floats).all():
        raise UserError(
            f"{describe(op)} makes NaN or infinite weights",
            where=place(op),
            hint="check its constants for zero divisors and overflow",
        )
    if like is None or not isinstance(like.owner, onnx.ConstantOp):
        return onnx.ConstantOp(floats)
    new_op = onnx.ConstantOp(floats, like.owner.node)
    new_op.result.name_hint = like.name_hint
    return new_op


def is_normal(op: onnx.GemmOp) -> bool:
    """Whether a Gemm is x @ w.T + bias with constant weights (out, in) and bias (out)."""
    p = op.params
    return (
        (p["alpha"], p["beta"], p["transA"], p["transB"]) == (1.0, 1.0, 0, 1)
        and constant_of(op.w) is not None
        and (op.b is None or (constant_of(op.b) is not None and len(shape_of(op.b)) == 1))
    )


def is_layer(op: object) -> bool:
    """Whether an op is a Conv or normal Gemm whose weights and bias are constant."""
    match op:
        case onnx.ConvOp(w=w, b=b):
            return constant_of(w) is not None and (b is None or constant_of(b) is not None)
        case onnx.GemmOp():
            return is_normal(op)
        case _:
            return False


def per_channel(array: np.ndarray, shape: Sequence[int]) -> np.ndarray | None:
    """An array that broadcasts to shape (1, C, ...) as one value per channel, or None."""
    if len(shape) < 2 or array.ndim > len(shape):
        return None
    full = np.broadcast_to(array, shape)
    one = full[(slice(0, 1), slice(None), *(slice(0, 1) for _ in shape[2:]))]
    if array.size > shape[1] and not np.array_equal(np.broadcast_to(one, shape), full):
        return None
    return one.reshape(-1).astype(np.float64)


def fits(array: np.ndarray, shape: Sequence[int]) -> bool:
    """Whether an array broadcasts to shape without making it larger."""
    return array.ndim <= len(shape) and all(
        n in (1, m) for n, m in zip(array.shape[::-1], reversed(shape), strict=False)
    )


def _weights(op: Layer) -> tuple[np.ndarray, np.ndarray]:
    w = constant_of(op.w)
    assert w is not None
    b = None if op.b is None else constant_of(op.b)
    w64 = w.astype(np.float64)
    return w64, np.zeros(len(w64)) if b is None else b.astype(np.float64)


def with_weights(
    rewriter: PatternRewriter, op: Layer, w: np.ndarray, b: np.ndarray | None
) -> Operation:
    """Give a layer other weights, in place of the old op; an all-zero new bias is left out."""
    keep_bias = b is not None and (op.b is not None or bool(np.any(b)))
    new_w = constant(w, op, like=op.w)
    new_b = constant(b, op, like=op.b) if keep_bias and b is not None else None
    if new_b is not None and new_b.result.name_hint is None:
        new_b.result.name_hint = f"{op.w.name_hint or 'w'}_bias"
    new_op = type(op)(op.x, new_w, new_b, node=op.node, **op.params)
    replace(rewriter, op, [new_w, *([new_b] if new_b else []), new_op])
    return new_op


def absorb_above(
    rewriter: PatternRewriter, op: Operation, x: SSAValue, gain: np.ndarray, shift: np.ndarray
) -> bool:
    """Move op, which maps x to gain * x + shift, into the layer that computes x.

    Exact for one gain and shift per output channel, where nothing else reads x.
    """
    layer = x.owner
    if not is_layer(layer) or not x.has_one_use():
        return False
    assert isinstance(layer, onnx.ConvOp | onnx.GemmOp)
    shape = shape_of(x)
    gains, shifts = per_channel(gain, shape), per_channel(shift, shape)
    if gains is None or shifts is None or shape[0] != 1:
        return False
    w, b = _weights(layer)
    new_layer = with_weights(
        rewriter, layer, w * gains.reshape(-1, *[1] * (w.ndim - 1)), b * gains + shifts
    )
    replace(rewriter, op, [], new_layer.results)
    return True


def absorb_below(
    rewriter: PatternRewriter, op: Operation, x: SSAValue, gain: np.ndarray, shift: np.ndarray
) -> bool:
    """Move op, which maps x to gain * x + shift, into the one layer that reads its result.

    Between the two may stand what the map commutes with: Flatten and Reshape, AveragePool,
    MaxPool and Relu (positive gain). Exact for a Gemm with any gain and shift; for a Conv with
    one gain and shift per channel, and a shift only where the Conv has no zero padding, because
    padding stands for zeros after the map.
    """
    shape = shape_of(x)
    if not fits(gain, shape) or not fits(shift, shape):
        return False
    gain, shift = np.broadcast_to(gain, shape), np.broadcast_to(shift, shape)
    value = op.results[0]
    while (use := value.get_unique_use()) is not None and use.index == 0:
        user = use.operation
        if is_layer(user):
            assert isinstance(user, onnx.ConvOp | onnx.GemmOp)
            changed = _scaled_inputs(user, gain, shift)
            if changed is None:
                return False
            with_weights(rewriter, user, *changed)
            replace(rewriter, op, [], [x])
            return True
        if not _commutes(user, gain, shift):
            return False
        value = user.results[0]
        gain, shift = (_carried(array, user) for array in (gain, shift))
    return False


def _commutes(op: Operation, gain: np.ndarray, shift: np.ndarray) -> bool:
    match op:
        case onnx.FlattenOp() | onnx.ReshapeOp():
            return True
        case onnx.ReluOp():
            return bool((gain > 0).all()) and not shift.any()
        case onnx.MaxPoolOp() | onnx.AveragePoolOp():
            if per_channel(gain, gain.shape) is None or per_channel(shift, shift.shape) is None:
                return False
            if isinstance(op, onnx.MaxPoolOp):
                return bool((gain > 0).all())
            p = op.params
            return not (p["count_include_pad"] and any(p["pads"]) and shift.any())
        case _:
            return False


def _carried(array: np.ndarray, op: Operation) -> np.ndarray:
    shape = shape_of(op.results[0])
    if isinstance(op, onnx.MaxPoolOp | onnx.AveragePoolOp):
        corner = array[(slice(None), slice(None), *(slice(0, 1) for _ in shape[2:]))]
        return np.broadcast_to(corner, shape)
    return array.reshape(shape)


def _scaled_inputs(
    op: Layer, gain: np.ndarray, shift: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Weights and bias that give op(gain * x + shift) from x."""
    w, b = _weights(op)
    if isinstance(op, onnx.GemmOp):
        if gain.shape[0] != 1:
            return None
        return w * gain.astype(np.float64), b + w @ shift[0].astype(np.float64)
    gains, shifts = per_channel(gain, gain.shape), per_channel(shift, shift.shape)
    if gains is None or shifts is None or (any(op.params["pads"]) and shifts.any()):
        return None
    group = op.params["group"]
    grouped = w.reshape(group, len(w) // group, w.shape[1], -1)
    added = (grouped * shifts.reshape(group, 1, -1, 1)).sum(axis=(2, 3)).reshape(-1)
    return (grouped * gains.reshape(group, 1, -1, 1)).reshape(w.shape), b + added
