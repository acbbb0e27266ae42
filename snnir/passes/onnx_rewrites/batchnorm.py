"""BatchNormalization into the layer above, the layer below or a layer of its own."""

from __future__ import annotations

import numpy as np
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from snnir.dialects import onnx
from snnir.dialects.location import place
from snnir.dialects.onnx import constant_of
from snnir.dialects.onnx_op import describe, shape_of
from snnir.errors import UserError
from snnir.passes.onnx_rewrites.affine import absorb_above, absorb_below, constant, replace


class FoldBatchnorm(RewritePattern):
    """Tries the layer above, then the layer below, and else writes a layer."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: onnx.BatchNormalizationOp, rewriter: PatternRewriter) -> None:
        gain, shift = _affine(op)
        per_channel = (-1, *[1] * (len(shape_of(op.x)) - 2))
        wide = gain.reshape(per_channel), shift.reshape(per_channel)
        if absorb_above(rewriter, op, op.x, *wide) or absorb_below(rewriter, op, op.x, *wide):
            return
        b = constant(shift, op)
        spatial = len(shape_of(op.x)) - 2
        if spatial:
            w = constant(gain.reshape(-1, 1, *[1] * spatial), op)
            layer = onnx.ConvOp(op.x, w, b, node=op.node, group=len(gain))
        else:
            w = constant(np.diag(gain), op)
            layer = onnx.GemmOp(op.x, w, b, node=op.node, transB=1)
        replace(rewriter, op, [w, b, layer])


def _affine(op: onnx.BatchNormalizationOp) -> tuple[np.ndarray, np.ndarray]:
    """Gain and shift per channel, in float64."""
    arrays = []
    for name in ("scale", "bias", "mean", "var"):
        array = constant_of(getattr(op, name))
        if array is None:
            raise UserError(
                f"{describe(op)}: its {name} is not a constant",
                where=place(op),
                hint="run simplify-onnx before fold-batchnorm, or export with model.eval()",
            )
        arrays.append(array.astype(np.float64))
    scale, bias, mean, var = arrays
    spread = var + op.params["epsilon"]
    if (spread <= 0).any():
        channel = int(np.argmin(spread))
        raise UserError(
            f"{describe(op)}: variance {var[channel]:g} of channel {channel} is not positive",
            where=place(op),
            hint="the statistics are damaged: train or export the model again",
        )
    gain = scale / np.sqrt(spread)
    return gain, bias - mean * gain


PATTERNS: list[RewritePattern] = [FoldBatchnorm()]
