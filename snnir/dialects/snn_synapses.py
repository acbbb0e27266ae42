"""The synapses of the `snn` dialect: trains in, currents out; and the sum of several."""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import DenseArrayBase, DenseIntOrFPElementsAttr, IntegerAttr
from xdsl.irdl import (
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.traits import Pure

from snnir.dialects.assembly import Clause, int_list, integer, ints
from snnir.dialects.snn_op import SnnOp, window_size
from snnir.dialects.snn_types import CurrentType, SumType, TrainType

_ZERO4 = ints([0, 0, 0, 0])
_ONE2 = ints([1, 1])


def _same_code(a: TrainType | SumType | CurrentType, b: CurrentType) -> bool:
    return a.coding == b.coding and a.steps == b.steps


class SynapseOp(SnnOp):
    """What conv, dense and one-to-one synapses share: a train or sum in, currents out.

    With a `delay` a spike of step t makes its current in step t + delay (rate coding); what would
    come behind the last step does in the next window of the sample, or is lost. Several such
    synapses of one source, joined by `snn.add`, are a filter over past steps. In the float form,
    which has no steps, it is nothing.
    """

    @property
    def delay_steps(self) -> int:
        """Steps by which its currents come later."""
        return self.delay.value.data if self.delay is not None else 0

    def check_weights(self, shape: tuple[int, ...]) -> None:
        actual = tuple(self.weights.type.get_shape())
        self.expect(actual == shape, f"weights have shape {actual}, expected {shape}")
        bits = self.weight_bits
        element = self.weights.type.get_element_type()
        self.expect(
            (bits is None) == str(element).startswith("f"),
            "integer weights need weight_bits, float weights must not have it",
        )
        self.expect(bits is None or 2 <= bits.value.data <= 16, "weight_bits must be 2 to 16")
        self.expect(
            _same_code(self.source.type, self.current.type),
            "input and current differ in coding or steps",
        )
        if self.delay is not None:
            source = self.source.type
            self.expect(source.coding_name == "rate", "only rate-coded trains can be delayed")
            most = source.steps.data - 1
            self.expect(0 < self.delay_steps <= most, f"delay must be 1 to {most}")


@irdl_op_definition
class ConvOp(SynapseOp):
    """Convolutional synapse: `I[m, y, x] = sum w[m, c, ky, kx] * s[c, y*sy + ky*dy - top, ...]`.

    Weights (M, C/groups, KH, KW); `pads` [top, left, bottom, right] may be negative (a crop);
    semantics of ONNX Conv without bias.

    With weights (M, C/groups, KD, KH, KW) it is a convolution over volumes (C, D, H, W): strides
    and dilations have three numbers, pads [front, top, left, back, bottom, right]. Weights without
    KD see the slices of a volume as channels, c * D + d.
    """

    name = "snn.conv"
    source = operand_def(TrainType | SumType)
    weights = prop_def(DenseIntOrFPElementsAttr)
    weight_bits = opt_prop_def(IntegerAttr)
    delay = opt_prop_def(IntegerAttr)
    strides = prop_def(DenseArrayBase)
    pads = prop_def(DenseArrayBase)
    dilations = prop_def(DenseArrayBase)
    groups = prop_def(IntegerAttr)
    current = result_def(CurrentType)
    traits = traits_def(Pure())
    CLAUSES: ClassVar = (
        Clause("strides", "ints", _ONE2),
        Clause("pads", "ints", _ZERO4),
        Clause("dilations", "ints", _ONE2),
        Clause("groups", "int", integer(1)),
        Clause("delay", "int"),
        Clause("weight_bits", "int"),
        Clause("weights", "dense"),
    )

    def verify_(self) -> None:
        groups = self.groups.value.data
        shape = tuple(self.weights.type.get_shape())
        rank = len(shape) - 2
        self.expect(rank in (2, 3), "weights must have shape (M, C/groups, KH, KW) or one with KD")
        self.expect(groups > 0, f"groups {groups} must be positive")
        channels, *extents = self.seen
        result = int_list(self.current.type.shape)
        self.expect(
            len(result) == rank + 1 and (rank == 2 or self.source.type.is_volume),
            f"weights with {rank} window axes do not go from {self.source.type} "
            f"to {self.current.type}",
        )
        self.expect(
            channels % groups == 0 and result[0] % groups == 0,
            f"groups {groups} must divide input channels {channels} and output {result[0]}",
        )
        self.check_weights((result[0], channels // groups, *shape[2:]))
        strides, dilations, pads = (
            int_list(self.properties[name]) for name in ("strides", "dilations", "pads")
        )
        self.expect(
            len(strides) == len(dilations) == rank and len(pads) == 2 * rank,
            f"strides, dilations and pads must be those of {rank} axes",
        )
        self.expect(min(*strides, *dilations) > 0, "strides and dilations must be positive")
        expected = tuple(
            window_size(extents[a], shape[2 + a], strides[a], pads[a], pads[a + rank], dilations[a])
            for a in range(rank)
        )
        self.expect(
            expected == result[1:] and min(expected) > 0,
            f"current is {_extents(result[1:])}, the window gives {_extents(expected)}",
        )

    @property
    def seen(self) -> tuple[int, ...]:
        """The shape of the source as the weights see it: (C, H, W), or (C, D, H, W)."""
        channels, depth, height, width = self.source.type.volume
        shape = tuple(self.weights.type.get_shape())
        if len(shape) == 4:
            return channels * depth, height, width
        return channels, depth, height, width


def _extents(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


@irdl_op_definition
class DenseOp(SynapseOp):
    """Fully connected synapse: weights (M, C*H*W) over the input flattened in (c, y, x) order.

    A volume is flattened in the order (c, d, y, x).
    """

    name = "snn.dense"
    source = operand_def(TrainType | SumType)
    weights = prop_def(DenseIntOrFPElementsAttr)
    weight_bits = opt_prop_def(IntegerAttr)
    delay = opt_prop_def(IntegerAttr)
    current = result_def(CurrentType)
    traits = traits_def(Pure())
    CLAUSES: ClassVar = (
        Clause("delay", "int"),
        Clause("weight_bits", "int"),
        Clause("weights", "dense"),
    )

    def verify_(self) -> None:
        channels, height, width = self.source.type.dims
        outputs, *rest = int_list(self.current.type.shape)
        self.expect(tuple(rest) == (1, 1), "a dense current has shape Mx1x1")
        self.check_weights((outputs, channels * height * width))


@irdl_op_definition
class OneToOneOp(SynapseOp):
    """One-to-one synapse, the identity branch of a residual: `I[c] = w[c] * s[c]`."""

    name = "snn.one_to_one"
    source = operand_def(TrainType | SumType)
    weights = prop_def(DenseIntOrFPElementsAttr)
    weight_bits = opt_prop_def(IntegerAttr)
    delay = opt_prop_def(IntegerAttr)
    current = result_def(CurrentType)
    traits = traits_def(Pure())
    CLAUSES: ClassVar = (
        Clause("delay", "int"),
        Clause("weight_bits", "int"),
        Clause("weights", "dense"),
    )

    def verify_(self) -> None:
        self.expect(
            self.source.type.shape == self.current.type.shape, "input and current differ in shape"
        )
        self.check_weights((self.source.type.dims[0],))


@irdl_op_definition
class AddOp(SnnOp):
    """Currents of several synapses meet at one neuron (residual connections).

    In radix coding a branch may have fewer steps than the sum: it begins later, so that all end
    together and steps of equal weight meet. One branch has as many as the sum.
    """

    name = "snn.add"
    currents = var_operand_def(CurrentType)
    total = result_def(CurrentType)
    traits = traits_def(Pure())
    VARIADIC: ClassVar = True

    def verify_(self) -> None:
        self.expect(len(self.currents) >= 2, "needs at least two currents")
        total = self.total.type
        for current in self.currents:
            own = current.type
            fewer = total.coding_name == "radix" and own.steps.data < total.steps.data
            self.expect(
                own.shape == total.shape
                and own.coding == total.coding
                and (fewer or own.steps == total.steps),
                f"adds {own} to {total}: shape and coding must agree, and the steps unless radix "
                "trains have fewer",
            )
        most = max(current.type.steps.data for current in self.currents)
        self.expect(most == total.steps.data, f"adds at most {most} steps to {total}")
