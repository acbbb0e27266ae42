"""Rewrites that compute what is known, drop what does nothing and bring reshapes into one form."""

from __future__ import annotations

import numpy as np
from xdsl.ir import Operation
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from snnir.analysis.nonnegative import is_nonnegative
from snnir.dialects import onnx
from snnir.dialects.onnx import constant_of
from snnir.dialects.onnx_op import OnnxOp, shape_of
from snnir.interpreters.onnx import known_value
from snnir.passes.onnx_rewrites.affine import constant, replace

_RESHAPES = (onnx.ReshapeOp, onnx.FlattenOp, onnx.SqueezeOp, onnx.UnsqueezeOp)


class FoldConstant(RewritePattern):
    """An op of constants becomes the constant that the interpreter computes."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, OnnxOp) or isinstance(op, onnx.ConstantOp) or not op.operands:
            return
        if any(constant_of(operand) is None for operand in op.operands):
            return
        with np.errstate(all="ignore"):
            array = known_value(op.result)
        assert array is not None
        folded = constant(array, op)
        if op.node is not None:
            folded.properties["node"] = op.node
        replace(rewriter, op, folded)


class DropNoOp(RewritePattern):
    """An op whose result is its operand goes away."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if isinstance(op, onnx.BinaryOp):
            neutral = constant_of(op.rhs)
            if neutral is not None and shape_of(op.result) == shape_of(op.lhs):
                expected = 0 if isinstance(op, onnx.AddOp | onnx.SubOp) else 1
                if (neutral == expected).all():
                    replace(rewriter, op, [], [op.lhs])
        elif isinstance(op, onnx.UnaryOp) and _does_nothing(op):
            replace(rewriter, op, [], [op.x])


def _does_nothing(op: onnx.UnaryOp) -> bool:
    p = op.params
    match op:
        case onnx.IdentityOp() | onnx.DropoutOp():
            return True
        case onnx.ReluOp():
            return is_nonnegative(op.x)
        case onnx.PadOp():
            return not any(p["pads"])
        case onnx.MaxPoolOp() | onnx.AveragePoolOp():
            return {*p["kernel_shape"], *p["strides"]} == {1} and not any(p["pads"])
        case onnx.ReshapeOp() | onnx.FlattenOp() | onnx.SqueezeOp() | onnx.UnsqueezeOp():
            return shape_of(op.x) == shape_of(op.result)
        case onnx.TransposeOp():
            return p["perm"] == tuple(range(len(p["perm"])))
        case onnx.ClipOp():
            return "min" not in p and "max" not in p
        case _:
            return False


class CanonicalReshape(RewritePattern):
    """Chains of Reshape, Flatten, Squeeze and Unsqueeze become one Flatten or one Reshape.

    Flatten where the result is (1, n), else Reshape; a Transpose that moves only dimensions of
    size 1 is a Reshape too.
    """

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if isinstance(op, onnx.TransposeOp):
            large = [d for d in op.params["perm"] if shape_of(op.x)[d] > 1]
            if large == sorted(large):
                shape = shape_of(op.result)
                replace(rewriter, op, onnx.ReshapeOp(op.x, node=op.node, shape=shape))
            return
        if not isinstance(op, _RESHAPES):
            return
        source, result = op.x, shape_of(op.result)
        while isinstance(source.owner, _RESHAPES):
            source = source.owner.x
        start = shape_of(source)
        if start == result:
            replace(rewriter, op, [], [source])
            return
        flat = len(result) == 2 and result[0] == 1 and start[:1] == (1,)
        if source is op.x and isinstance(op, onnx.FlattenOp if flat else onnx.ReshapeOp):
            return
        if flat:
            new_op: Operation = onnx.FlattenOp(source, node=op.node)
        else:
            new_op = onnx.ReshapeOp(source, node=op.node, shape=result)
        replace(rewriter, op, new_op)


class SumToAdds(RewritePattern):
    """A Sum of n tensors becomes n - 1 Adds."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: onnx.SumOp, rewriter: PatternRewriter) -> None:
        total, adds = op.inputs[0], []
        for value in op.inputs[1:]:
            adds.append(onnx.AddOp(total, value, node=op.node))
            total = adds[-1].result
        replace(rewriter, op, adds, [total])


class CanonicalArithmetic(RewritePattern):
    """Sub and Div by a constant become Add and Mul; a constant stands on the right."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, onnx.BinaryOp):
            return
        left, right = constant_of(op.lhs), constant_of(op.rhs)
        if left is not None and right is not None:
            return
        if right is not None and isinstance(op, onnx.SubOp):
            negated = constant(-right, op)
            replace(rewriter, op, [negated, onnx.AddOp(op.lhs, negated, node=op.node)])
        elif right is not None and isinstance(op, onnx.DivOp) and (right != 0).all():
            inverse = constant(1.0 / right.astype(np.float64), op)
            replace(rewriter, op, [inverse, onnx.MulOp(op.lhs, inverse, node=op.node)])
        elif left is not None and isinstance(op, onnx.AddOp | onnx.MulOp):
            replace(rewriter, op, type(op)(op.rhs, op.lhs, node=op.node))
        elif left is not None and isinstance(op, onnx.SubOp):
            minus = constant(np.full((1,) * len(shape_of(op.rhs)), -1.0), op)
            negative = onnx.MulOp(op.rhs, minus, node=op.node)
            replace(rewriter, op, [minus, negative, onnx.AddOp(negative, op.lhs, node=op.node)])


PATTERNS: list[RewritePattern] = [
    FoldConstant(),
    DropNoOp(),
    CanonicalReshape(),
    SumToAdds(),
    CanonicalArithmetic(),
]
