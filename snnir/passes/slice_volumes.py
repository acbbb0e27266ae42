"""slice-volumes: a network over volumes becomes one over maps, slices as channels."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from snnir.analysis.slices import slice_volumes


@dataclass(frozen=True)
class SliceVolumesPass(ModulePass):
    """Keeps each volume as a map whose channels are its slices, as the array will.

    What: the machine knows maps (C, H, W). A volume (C, D, H, W) becomes a map of D * C channels,
    slice behind slice: channel d * C + c. All trains stay what they are.

    Algorithm: a convolution over volumes becomes one over maps. Its weights are those of the volume
    where input slice d lies in the window of output slice z, d = z * stride + k * dilation - front,
    and zero elsewhere; padding in depth leaves slices out. So a tile of output channels holds as
    many slices as have room, the runs of slices that none of them sees are dropped, and tiles of
    equal weights share their rows. A sum over slices adds up weights; a max pool is one
    within the slices and then one across them (`snn.max_slices`), which finds the same first of
    the largest. What reads slices as channels, or flattens a volume, has the columns of its weights
    in the new order. Parameters are repeated for each slice.

    Assumptions: `quantise` has run. tile-to-pe does this by itself; the pass shows it.

    Source: the shift-invariant form of a convolution as a Toeplitz matrix.
    """

    name = "slice-volumes"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        slice_volumes(op)
