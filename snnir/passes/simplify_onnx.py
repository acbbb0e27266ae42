"""simplify-onnx: the imported graph becomes layers, neurons, pools and residual Adds."""

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass


@dataclass(frozen=True)
class SimplifyOnnxPass(ModulePass):
    """Rewrite what exporters leave behind into the few forms that conversion takes.

    What: afterwards the network has as few ops as its meaning needs, each in one form:

    - constants: an op of constants is computed; nothing unused is left.
    - layers: MatMul and Gemm by a constant are `x @ w.T + b` with w of shape (out, in)
      (`transB = 1`, alpha = beta = 1); a constant Add, Sub, Mul or Div goes into the weights and
      the bias of the layer before it or, if there is none, after it.
    - pools: Pad becomes the pads of the next layer or pool; ReduceMean over the map and
      GlobalAveragePool become AveragePool with a full kernel.
    - neurons: Relu and Clip stand before MaxPool, Flatten and Reshape, and in a row become one.
    - shape: Reshape, Flatten, Squeeze and Unsqueeze in a row become one Flatten (to (1, n)) or
      Reshape; a Transpose before a Gemm's Flatten reorders the weights.

    Why: a rule of the conversion then sees one spelling of each layer.

    Algorithm: greedy application of local patterns (`passes/onnx_rewrites`) until none applies.
    Each pattern keeps the function of the network; weights are computed in float64 and rounded
    once. A constant is moved over zero padding only if it maps zero to zero: `(x - mean) / std`
    at the input goes into an unpadded first layer, else its subtraction stays where it is, and
    verify-onnx-convertible says so.

    Assumptions: the batch dimension is 1. BatchNormalization is left to fold-batchnorm.
    """

    name = "simplify-onnx"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        from snnir.passes.onnx_rewrites import constants, layers, pooling
        from snnir.passes.onnx_rewrites.driver import rewrite_greedily

        patterns = [*constants.PATTERNS, *layers.PATTERNS, *pooling.PATTERNS]
        rewrite_greedily(op, patterns)
