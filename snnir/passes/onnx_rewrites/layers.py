"""Rewrites that give each matrix product the form x @ w.T + b and move constants into layers."""

from __future__ import annotations

import math

import numpy as np
from xdsl.ir import Operation
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from snnir.dialects import onnx
from snnir.dialects.onnx import constant_of
from snnir.dialects.onnx_op import shape_of
from snnir.passes.onnx_rewrites.affine import (
    absorb_above,
    absorb_below,
    constant,
    fits,
    is_layer,
    is_normal,
    replace,
    with_weights,
)


class MatMulToGemm(RewritePattern):
    """A MatMul of one row with a constant matrix, on either side, becomes a Gemm."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: onnx.MatMulOp, rewriter: PatternRewriter) -> None:
        left, right = constant_of(op.lhs), constant_of(op.rhs)
        if right is not None and left is None:
            x, matrix = op.lhs, right.T
            row = math.prod(shape_of(x)[:-1]) == 1
        elif left is not None and right is None:
            x, matrix = op.rhs, left
            row = len(shape_of(x)) == 1 or shape_of(x)[-1] == 1
            row = row and math.prod(shape_of(x)) == shape_of(x)[-min(len(shape_of(x)), 2)]
        else:
            return
        if matrix.ndim != 2 or not row:
            return
        flat = onnx.ReshapeOp(x, node=op.node, shape=(1, matrix.shape[1]))
        w = constant(matrix, op, like=op.lhs if right is None else op.rhs)
        product = onnx.GemmOp(flat, w, node=op.node, transB=1)
        shaped = onnx.ReshapeOp(product, node=op.node, shape=shape_of(op.result))
        replace(rewriter, op, [flat, w, product, shaped])


class NormaliseGemm(RewritePattern):
    """alpha, beta, transA and transB go into the weights, and the bias becomes a vector."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: onnx.GemmOp, rewriter: PatternRewriter) -> None:
        w = constant_of(op.w)
        b = None if op.b is None else constant_of(op.b)
        p, result = op.params, shape_of(op.result)
        if is_normal(op) or w is None or result[0] != 1:
            return
        matrix = (w if p["transB"] else w.T).astype(np.float64) * p["alpha"]
        ops: list[Operation] = []
        x = op.x
        if p["transA"]:
            ops.append(onnx.ReshapeOp(x, node=op.node, shape=(1, shape_of(x)[0])))
            x = ops[-1].results[0]
        ops.append(new_w := constant(matrix, op, like=op.w))
        if b is not None:
            vector = np.broadcast_to(b.astype(np.float64) * p["beta"], result)[0]
            ops.append(new_b := constant(vector, op, like=op.b))
            ops.append(onnx.GemmOp(x, new_w, new_b, node=op.node, transB=1))
        else:
            ops.append(onnx.GemmOp(x, new_w, node=op.node, transB=1))
            if op.b is not None and p["beta"] != 0.0:
                # An added tensor that the network computes is a residual connection.
                product, added = ops[-1], op.b
                if p["beta"] != 1.0:
                    ops.append(factor := constant(np.full((1, 1), p["beta"]), op))
                    ops.append(scaled := onnx.MulOp(added, factor, node=op.node))
                    added = scaled.result
                ops.append(onnx.AddOp(product, added, node=op.node))
        replace(rewriter, op, ops)


class MoveIntoLayer(RewritePattern):
    """Add or Mul by a constant goes into the weights and bias of a neighbouring layer."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, onnx.AddOp | onnx.MulOp):
            return
        array = constant_of(op.rhs)
        if array is None or not fits(array, shape_of(op.lhs)):
            return
        one, none = np.ones((), np.float32), np.zeros((), np.float32)
        gain, shift = (one, array) if isinstance(op, onnx.AddOp) else (array, none)
        if not absorb_above(rewriter, op, op.lhs, gain, shift):
            absorb_below(rewriter, op, op.lhs, gain, shift)


class SubtractedLayer(RewritePattern):
    """a - layer(x) becomes a + layer'(x) with negated weights."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: onnx.SubOp, rewriter: PatternRewriter) -> None:
        layer = op.rhs.owner
        if not is_layer(layer) or not op.rhs.has_one_use():
            return
        assert isinstance(layer, onnx.ConvOp | onnx.GemmOp)
        w, b = constant_of(layer.w), None if layer.b is None else constant_of(layer.b)
        assert w is not None
        negated = with_weights(rewriter, layer, -w, None if b is None else -b)
        replace(rewriter, op, onnx.AddOp(op.lhs, negated, node=op.node))


class TransposeIntoGemm(RewritePattern):
    """A Transpose before the Flatten of a Gemm becomes an order of the weights' columns."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: onnx.GemmOp, rewriter: PatternRewriter) -> None:
        flat = op.x.owner
        if not is_normal(op) or not isinstance(flat, onnx.FlattenOp | onnx.ReshapeOp):
            return
        transpose, w = flat.x.owner, constant_of(op.w)
        if not isinstance(transpose, onnx.TransposeOp) or w is None:
            return
        source = shape_of(transpose.x)
        order = np.arange(math.prod(source)).reshape(source)
        columns = np.empty_like(w)
        columns[:, order.transpose(transpose.params["perm"]).reshape(-1)] = w
        direct = onnx.ReshapeOp(transpose.x, node=flat.node, shape=shape_of(op.x))
        weights = constant(columns, op, like=op.w)
        replace(
            rewriter,
            op,
            [direct, weights, onnx.GemmOp(direct, weights, op.b, node=op.node, transB=1)],
        )


PATTERNS: list[RewritePattern] = [
    MatMulToGemm(),
    NormaliseGemm(),
    MoveIntoLayer(),
    SubtractedLayer(),
    TransposeIntoGemm(),
]
