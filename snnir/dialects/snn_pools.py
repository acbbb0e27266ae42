"""The pools of the `snn` dialect: windows over complete trains."""

from __future__ import annotations

import math
from typing import ClassVar

from xdsl.dialects.builtin import DenseArrayBase, IntegerAttr
from xdsl.irdl import (
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure

from snnir.dialects.assembly import Clause, int_list, integer, ints
from snnir.dialects.snn_op import SnnOp, window_size
from snnir.dialects.snn_types import SumType, TrainType

_ZERO4 = ints([0, 0, 0, 0])
_ONE2 = ints([1, 1])


class PoolOp(SnnOp):
    """What the pools share: a window over complete trains."""

    def check_window(self) -> None:
        channels, *extents = int_list(self.source.type.shape)
        rank = len(extents)
        kernel, strides, pads = (
            int_list(self.properties[name]) for name in ("kernel", "strides", "pads")
        )
        self.expect(
            len(kernel) == len(strides) == rank and len(pads) == 2 * rank,
            f"kernel, strides and pads must be those of {rank} axes",
        )
        self.expect(min(*kernel, *strides) > 0, "kernel and strides must be positive")
        self.expect(
            all(0 <= pad < kernel[a % rank] for a, pad in enumerate(pads)),
            "pads must be smaller than the kernel",
        )
        expected = (
            channels,
            *(
                window_size(extents[a], kernel[a], strides[a], pads[a], pads[a + rank])
                for a in range(rank)
            ),
        )
        result = self.results[0].type
        self.expect(
            int_list(result.shape) == expected and min(expected) > 0,
            f"result is {int_list(result.shape)}, the window gives {expected}",
        )
        source = self.source.type
        self.expect(
            source.coding == result.coding and source.steps == result.steps,
            "pooling changes neither coding nor steps",
        )


_POOL_CLAUSES = (
    Clause("kernel", "ints"),
    Clause("strides", "ints", _ONE2),
    Clause("pads", "ints", _ZERO4),
)


@irdl_op_definition
class MaxPoolOp(PoolOp):
    """The train of largest value in each window, the first in (y, x) order on a tie.

    The value of a train is `sum d(t) s[t]`: exact max pooling of what the trains stand for. A
    window over a volume has three axes (z, y, x), as have kernel and strides; pads are [front, top,
    left, back, bottom, right].
    """

    name = "snn.max_pool"
    source = operand_def(TrainType)
    kernel = prop_def(DenseArrayBase)
    strides = prop_def(DenseArrayBase)
    pads = prop_def(DenseArrayBase)
    train = result_def(TrainType)
    traits = traits_def(Pure())
    CLAUSES: ClassVar = _POOL_CLAUSES

    def verify_(self) -> None:
        self.check_window()


@irdl_op_definition
class MaxSlicesOp(SnnOp):
    """Max pooling across the slices of a volume that is kept as a map: channel d * C + c.

    Each result is the train of largest value of `kernel` neighbouring slices, `stride` slices
    apart, the first on a tie; `pads` [front, back] slices that never win.
    """

    name = "snn.max_slices"
    source = operand_def(TrainType)
    slices = prop_def(IntegerAttr)
    kernel = prop_def(IntegerAttr)
    stride = prop_def(IntegerAttr)
    pads = prop_def(DenseArrayBase)
    train = result_def(TrainType)
    traits = traits_def(Pure())
    CLAUSES: ClassVar = (
        Clause("slices", "int"),
        Clause("kernel", "int"),
        Clause("stride", "int", integer(1)),
        Clause("pads", "ints", ints([0, 0])),
    )

    def verify_(self) -> None:
        source, result = self.source.type, self.train.type
        channels, height, width = source.dims
        slices, kernel, stride = (
            self.properties[name].value.data for name in ("slices", "kernel", "stride")
        )
        front, back = int_list(self.pads)
        self.expect(
            not source.is_volume and slices > 0 and channels % slices == 0,
            f"{slices} slices do not divide {channels} channels of a map",
        )
        self.expect(min(kernel, stride) > 0, "kernel and stride must be positive")
        self.expect(
            0 <= front < kernel and 0 <= back < kernel, "pads must be smaller than the kernel"
        )
        count = window_size(slices, kernel, stride, front, back)
        expected = (channels // slices * count, height, width)
        self.expect(
            count > 0 and int_list(result.shape) == expected,
            f"result is {int_list(result.shape)}, the window gives {expected}",
        )
        self.expect(
            source.coding == result.coding and source.steps == result.steps,
            "pooling changes neither coding nor steps",
        )


@irdl_op_definition
class SumPoolOp(PoolOp):
    """Average pooling without its division: the sum of a window's trains, step by step.

    The division by the window's size is in the weights' scale of the synapse behind it, so nothing
    is rounded here. Padding positions count as silent.
    """

    name = "snn.sum_pool"
    source = operand_def(TrainType)
    kernel = prop_def(DenseArrayBase)
    strides = prop_def(DenseArrayBase)
    pads = prop_def(DenseArrayBase)
    sum = result_def(SumType)
    traits = traits_def(Pure())
    CLAUSES: ClassVar = _POOL_CLAUSES

    def verify_(self) -> None:
        self.check_window()
        terms = math.prod(int_list(self.kernel))
        self.expect(
            self.sum.type.terms.data == terms, f"the sum has {terms} terms, its type says other"
        )
