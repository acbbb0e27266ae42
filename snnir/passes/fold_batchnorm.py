"""fold-batchnorm: BatchNormalization goes into the weights of a neighbouring layer."""

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass


@dataclass(frozen=True)
class FoldBatchnormPass(ModulePass):
    """Remove every BatchNormalization without changing what the network computes.

    What: with gain = scale / sqrt(var + epsilon) and shift = bias - mean * gain, per channel, the
    normalisation is y = gain * x + shift. Afterwards there is no BatchNormalization.

    Why: at inference it is an affine map, and a spiking layer has its weights and bias for that.

    Algorithm, for each BatchNormalization the first of these that is exact:

    1. into the Conv or Gemm that computes x, if nothing else reads x:
       w' = gain * w, b' = gain * b + shift;
    2. into the Conv or Gemm that alone reads y, through pools, Flatten and Reshape that it
       commutes with: w' = w * gain, b' = b + w @ shift, if the Conv has no zero padding or all
       shifts are 0;
    3. a depthwise 1x1 Conv of its own (a diagonal Gemm where x has no spatial dimensions).

    Assumptions: scale, bias, mean and variance are constants; run simplify-onnx before, so that
    a bias that stands as an Add is in its layer.

    Source: B. Rueckauer et al., "Conversion of continuous-valued deep networks to efficient
    event-driven networks for image classification", Frontiers in Neuroscience 11 (2017), 2.2.1.

    Raises:
        UserError: if a parameter is computed by the network or a variance is negative.
    """

    name = "fold-batchnorm"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        from snnir.passes.onnx_rewrites.batchnorm import PATTERNS
        from snnir.passes.onnx_rewrites.driver import rewrite_greedily

        rewrite_greedily(op, PATTERNS)
