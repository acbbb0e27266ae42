"""Rewrites of padding, pooling and activations: neurons stand right behind their synapses."""

from __future__ import annotations

import math

from xdsl.ir import Operation
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from snnir.analysis.nonnegative import is_nonnegative
from snnir.dialects import onnx
from snnir.dialects.onnx_op import shape_of
from snnir.passes.onnx_rewrites.affine import replace


class MergePad(RewritePattern):
    """A Pad with zeros becomes the pads of the Conv or pool behind it.

    An AveragePool then counts the padding. A MaxPool ignores padding where Pad gave zeros, which
    is the same only if no input is negative and each window holds at least one of them.
    """

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, onnx.ConvOp | onnx.MaxPoolOp | onnx.AveragePoolOp):
            return
        pad = op.x.owner
        if not isinstance(pad, onnx.PadOp):
            return
        extra, rank = _spatial_zeros(pad), len(shape_of(op.x)) - 2
        if extra is None:
            return
        p = op.params
        pads = tuple(a + b for a, b in zip(p["pads"], extra, strict=True))
        if isinstance(op, onnx.ConvOp):
            merged: Operation = onnx.ConvOp(pad.x, op.w, op.b, node=op.node, **{**p, "pads": pads})
            replace(rewriter, op, merged)
            return
        kernel = p["kernel_shape"]
        if any(pads[d] >= kernel[d % rank] for d in range(2 * rank)):
            return
        if isinstance(op, onnx.AveragePoolOp):
            if any(p["pads"]) and not p["count_include_pad"]:
                return
            p["count_include_pad"] = 1
        elif set(p["dilations"]) != {1} or not is_nonnegative(pad.x):
            return
        replace(rewriter, op, type(op)(pad.x, node=op.node, **{**p, "pads": pads}))


def _spatial_zeros(pad: onnx.PadOp) -> tuple[int, ...] | None:
    """The spatial pads of a Pad that adds zeros there and nothing elsewhere, else None."""
    p = pad.params
    pads, rank = p["pads"], len(p["pads"]) // 2
    begins, ends = pads[:rank], pads[rank:]
    if p["mode"] != "constant" or p["value"] != 0.0 or min(pads) < 0:
        return None
    if any((*begins[:2], *ends[:2])):
        return None
    return (*begins[2:], *ends[2:])


class MeanToPool(RewritePattern):
    """ReduceMean over all spatial dimensions becomes GlobalAveragePool."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: onnx.ReduceMeanOp, rewriter: PatternRewriter) -> None:
        source, result = shape_of(op.x), shape_of(op.result)
        axes = {axis % len(source) for axis in op.params["axes"]}
        if math.prod(source) == math.prod(result):
            replace(rewriter, op, onnx.ReshapeOp(op.x, node=op.node, shape=result))
        elif len(source) > 2 and axes == set(range(2, len(source))):
            pooled = onnx.GlobalAveragePoolOp(op.x, node=op.node)
            replace(rewriter, op, [pooled, onnx.ReshapeOp(pooled, node=op.node, shape=result)])


class GlobalToAveragePool(RewritePattern):
    """GlobalAveragePool becomes an AveragePool whose kernel is the whole map."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: onnx.GlobalAveragePoolOp, rewriter: PatternRewriter) -> None:
        kernel = shape_of(op.x)[2:]
        replace(rewriter, op, onnx.AveragePoolOp(op.x, node=op.node, kernel_shape=kernel))


class ActivationFirst(RewritePattern):
    """Relu and Clip move before MaxPool, Flatten and Reshape: they are monotone and elementwise."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, onnx.ReluOp | onnx.ClipOp):
            return
        moved = op.x.owner
        movable = (onnx.MaxPoolOp, onnx.FlattenOp, onnx.ReshapeOp, onnx.TransposeOp)
        if not isinstance(moved, movable) or not op.x.has_one_use():
            return
        activation = type(op)(moved.x, node=op.node, **op.params)
        after = type(moved)(activation, node=moved.node, **moved.params)
        replace(rewriter, op, [activation, after])


class MergeActivations(RewritePattern):
    """Relu and Clip in a row become one; Clip from 0 without a maximum becomes Relu."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, onnx.ReluOp | onnx.ClipOp):
            return
        low, high = _bounds(op)
        x, inner = op.x, op.x.owner
        if isinstance(inner, onnx.ReluOp | onnx.ClipOp):
            low, high = (min(max(bound, low), high) for bound in _bounds(inner))
            x = inner.x
        relu = (low, high) == (0.0, math.inf)
        if x is op.x and isinstance(op, onnx.ReluOp if relu else onnx.ClipOp):
            return
        if relu:
            replace(rewriter, op, onnx.ReluOp(x, node=op.node))
            return
        bounds = {"min": low, "max": high}
        limits = {k: v for k, v in bounds.items() if not math.isinf(v)}
        replace(rewriter, op, onnx.ClipOp(x, node=op.node, **limits))


def _bounds(op: onnx.ReluOp | onnx.ClipOp) -> tuple[float, float]:
    if isinstance(op, onnx.ReluOp):
        return 0.0, math.inf
    return op.params.get("min", -math.inf), op.params.get("max", math.inf)


PATTERNS: list[RewritePattern] = [
    MergePad(),
    MeanToPool(),
    GlobalToAveragePool(),
    ActivationFirst(),
    MergeActivations(),
]
