"""The `snn` dialect: a spiking network, one op per synapse, neuron, pool, encoding, readout.

Before `quantise` the weights, biases and thresholds are float32; behind it everything is an exact
integer. The rationale of each decision is in `docs/rationale_snn.md`.
"""

from __future__ import annotations

import math
from typing import ClassVar

from xdsl.dialects.builtin import (
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    DictionaryAttr,
    FloatAttr,
    IntegerAttr,
    StringAttr,
    SymbolRefAttr,
    TensorType,
)
from xdsl.ir import Dialect
from xdsl.irdl import (
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import Pure, SymbolTable

from snnir.dialects.assembly import (
    Clause,
    int_list,
    integer,
    ints,
)
from snnir.dialects.snn_neuron import LookupOp, NeuronOp, YieldOp
from snnir.dialects.snn_op import SnnOp, window_size
from snnir.dialects.snn_types import CurrentType, SumType, TrainType

_ZERO4 = ints([0, 0, 0, 0])
_ONE2 = ints([1, 1])

LEVEL_BITS = 8
"""Bits of a pixel that is compared with levels."""

TIES, SILENT = ("lowest", "strongest"), ("potential", "lowest", "none")
"""What a `decision` of snn.readout may say."""

DECISION = (
    f"decision needs bits, ties ({' or '.join(TIES)}) and silent ({', '.join(SILENT[:-1])} or none)"
)


def _same_code(a: TrainType | SumType | CurrentType, b: CurrentType) -> bool:
    return a.coding == b.coding and a.steps == b.steps


@irdl_op_definition
class EncodeOp(SnnOp):
    """The image becomes spike trains: one bit plane of an unsigned pixel per step.

    The real value of a pixel u of channel c is `scale[c] * (u - zero[c])`. The image may be padded
    here, with pixels of the value nearest to zero[c] (a silent pixel would not mean 0 then), and
    may be given another shape with as many elements.

    A rate-coded result says that the image already is spikes: what comes in is the word of each
    train, step t of T as bit T-1-t. A train of n spikes then stands for `scale[c] * n / T`. With
    `levels`, one for each step, pixels of 8 bits come in all the same, and become such trains here:
    there is a spike in each step whose level is below the pixel.

    Properties: `scale`, `zero` float64 per channel (absent until known), `pads` [top, left,
    bottom, right] [pixels], of a volume [front, top, left, back, bottom, right]; where a map has
    six, front and back are channels. `slices` D: the map is a volume, slice behind slice, channel
    d * C + c; the image comes as a volume (C, D, H, W). `windows`: a sample is so many images, one
    after another, and neurons keep their states from one to the next (docs/streams.md); 0 stands
    for any number.
    """

    name = "snn.encode"
    image = operand_def(TensorType)
    scale = opt_prop_def(DenseArrayBase)
    zero = opt_prop_def(DenseArrayBase)
    pads = prop_def(DenseArrayBase)
    slices = opt_prop_def(IntegerAttr)
    windows = opt_prop_def(IntegerAttr)
    levels = opt_prop_def(DenseArrayBase)
    train = result_def(TrainType)
    traits = traits_def(Pure())
    CLAUSES: ClassVar = (
        Clause("slices", "int"),
        Clause("windows", "int"),
        Clause("scale", "attr"),
        Clause("zero", "attr"),
        Clause("levels", "ints"),
        Clause("pads", "ints", _ZERO4),
    )

    @property
    def window_count(self) -> int:
        """Windows of a sample; 0 for any number."""
        return 1 if self.windows is None else self.windows.value.data

    @property
    def pixel_bits(self) -> int:
        """Bits of what comes in: of a pixel, or of the word of a train."""
        return LEVEL_BITS if self.levels is not None else self.train.type.steps.data

    def verify_(self) -> None:
        train = self.train.type
        spikes = train.coding_name == "rate"
        if self.levels is not None:
            levels = int_list(self.levels)
            self.expect(spikes, "levels make rate-coded trains")
            self.expect(
                len(levels) == train.steps.data and 0 <= min(levels) <= max(levels) < 255,
                f"levels needs {train.steps.data} pixels below 255",
            )
        self.expect(
            spikes or train.coding_name == "direct",
            "the result must be a direct-coded train, or a rate-coded one of given spikes",
        )
        if spikes and self.zero is not None:
            self.expect(not any(self.zero.get_values()), "the zero of given spikes must be 0")
        self.expect(len(self.pads) == 4 or len(self.pads) == 6, "pads are 4 or 6 numbers")
        self.expect(min(int_list(self.pads)) >= 0, "pads must not be negative")
        self.expect(self.window_count >= 0, "windows must not be negative")
        c = train.dims[0]
        inner = math.prod(self.unpadded)
        size = 1
        for extent in self.image.type.get_shape():
            size *= extent
        self.expect(size == inner, f"the image has {size} elements, the train needs {inner}")
        for name in ("scale", "zero"):
            values = self.properties.get(name)
            self.expect(
                values is None or len(values) == c, f"{name} needs one value for each channel"
            )

    @property
    def unpadded(self) -> tuple[int, ...]:
        """The shape of the image itself: (C, H, W) or (C, D, H, W)."""
        shape, pads = list(int_list(self.train.type.shape)), int_list(self.pads)
        rank = len(pads) // 2
        for axis in range(rank):
            shape[axis - rank] -= pads[axis] + pads[axis + rank]
        return tuple(shape)


class SynapseOp(SnnOp):
    """What conv, dense and one-to-one synapses share: a train or sum in, currents out.

    With a `delay` a spike of step t makes its current in step t + delay (rate coding); what would
    come behind the last step is lost. Several such synapses of one source, joined by `snn.add`,
    are a filter over a window of past steps. In the float form, which has no steps, it is nothing.
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


class NeuronUseOp(SnnOp):
    """What firing and reading out share: a neuron, its parameters, its reported widths."""

    def check_parameters(self) -> None:
        channels = self.current.type.dims[0]
        for name in ("bias", "threshold"):
            dense = self.properties.get(name)
            if dense is not None:
                shape = tuple(dense.type.get_shape())
                self.expect(
                    shape == (channels,) or (shape == (1,) and name == "threshold"),
                    f"{name} has shape {shape}, expected ({channels},)",
                )
        if self.given is not None:
            self.check_given(channels)
        if self.params is None:
            return
        for name, dense in self.params.data.items():
            self.expect(
                isinstance(dense, DenseIntOrFPElementsAttr)
                and tuple(dense.type.get_shape()) == (channels,)
                and not str(dense.type.get_element_type()).startswith("f"),
                f"parameter {name} must be an integer tensor of {channels} channels",
            )
        definition = SymbolTable.lookup_symbol(self, self.neuron) if self.neuron else None
        if isinstance(definition, NeuronOp):
            wanted = set(definition.param_names)
            self.expect(
                wanted == set(self.params.data),
                f"neuron @{definition.sym_name.data} takes {sorted(wanted)}, "
                f"given {sorted(self.params.data)}",
            )

    def check_settings(self) -> None:
        channels = self.current.type.dims[0]
        for name, value in (self.settings.data if self.settings else {}).items():
            self.expect(
                isinstance(value, DenseArrayBase) and len(value) in (1, channels),
                f"settings {name} needs 1 value or one for each of {channels} channels",
            )

    def check_given(self, channels: int) -> None:
        """That the integers of a trained layer are all there."""
        given = self.given.data
        names = ("bits", "fraction", "unit", "bias", *(["theta"] if hasattr(self, "train") else []))
        self.expect(set(given) == set(names), f"given needs {', '.join(names)}")
        for name in names[:2]:
            self.expect(isinstance(given[name], IntegerAttr), f"given {name} must be an integer")
        for name in names[2:]:
            value = given[name]
            sized = isinstance(value, DenseArrayBase) and len(value) == channels
            self.expect(sized, f"given {name} needs one value for each of {channels} channels")


@irdl_op_definition
class FireOp(NeuronUseOp):
    """A layer of neurons: currents in, trains out.

    Float form: `bias` (real, per channel), `ceiling` (upper clip of the activation), and behind
    `threshold-balance` a `threshold` (the activation that a full train stands for, per channel or
    one). `given` holds what training has fixed, which `quantise` keeps: weight `bits`, `fraction`,
    `unit` (real value of a current of 1), `theta` and `bias` (without what the input's zero point
    adds) as integers. `settings` are integers for parameters of the neuron, one or one for each
    channel, that replace what its `setup` says. Integer form (behind `quantise`): `params` of the
    `neuron`, `fraction` (bits by which the currents are shifted left first), `acc_bits` and
    `membrane_bits` (proven widths), `unit` (real value of one spike of least weight, float64 per
    channel, for reports).
    """

    name = "snn.fire"
    current = operand_def(CurrentType)
    neuron = opt_prop_def(SymbolRefAttr)
    label = prop_def(StringAttr)
    bias = opt_prop_def(DenseIntOrFPElementsAttr)
    threshold = opt_prop_def(DenseIntOrFPElementsAttr)
    ceiling = opt_prop_def(FloatAttr)
    fraction = opt_prop_def(IntegerAttr)
    acc_bits = opt_prop_def(IntegerAttr)
    membrane_bits = opt_prop_def(IntegerAttr)
    params = opt_prop_def(DictionaryAttr)
    unit = opt_prop_def(DenseArrayBase)
    given = opt_prop_def(DictionaryAttr)
    settings = opt_prop_def(DictionaryAttr)
    train = result_def(TrainType)
    traits = traits_def(Pure())
    CLAUSES: ClassVar = (
        Clause("with", "symbol", prop="neuron"),
        Clause("name", "string", prop="label"),
        Clause("fraction", "int"),
        Clause("acc_bits", "int"),
        Clause("membrane_bits", "int"),
        Clause("ceiling", "float"),
        Clause("bias", "dense"),
        Clause("threshold", "dense"),
        Clause("given", "attr"),
        Clause("settings", "attr"),
        Clause("unit", "attr"),
        Clause("params", "attr"),
    )

    def verify_(self) -> None:
        current, train = self.current.type, self.train.type
        self.expect(current.shape == train.shape, "current and train differ in shape")
        self.expect(train.coding_name != "direct", "only the input is direct-coded")
        if current.coding_name != "direct":
            self.expect(
                current.coding == train.coding,
                f"{current.coding_name} currents cannot make {train.coding_name} trains",
            )
            self.expect(
                current.coding_name != "rate" or current.steps == train.steps,
                "rate-coded layers have the same number of steps",
            )
        self.check_settings()
        definition = SymbolTable.lookup_symbol(self, self.neuron) if self.neuron else None
        if isinstance(definition, NeuronOp) and definition.coding is not None:
            self.expect(
                definition.coding.data == train.coding_name,
                f"neuron @{definition.sym_name.data} makes {definition.coding.data} trains, "
                f"not {train.coding_name}",
            )
        self.check_parameters()


@irdl_op_definition
class PreviousOp(SnnOp):
    """The trains that the layer `of` fired in the window before; silence in a sample's first one.

    With windows of one step that is what the layer, or one before it, fired one step ago:
    `%p = snn.previous "hidden" : !snn.train<64x1x1, rate, 1>`. In the float form, which has no
    time, it is 0.
    """

    name = "snn.previous"
    of = prop_def(StringAttr)
    train = result_def(TrainType)
    traits = traits_def(Pure())

    @classmethod
    def parse(cls, parser: Parser):
        of = StringAttr(parser.parse_str_literal())
        parser.parse_punctuation(":")
        return cls.build(properties={"of": of}, result_types=[parser.parse_type()])

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_attribute(self.of)
        printer.print_string(" : ")
        printer.print_attribute(self.train.type)

    @property
    def layer(self) -> FireOp | None:
        """The layer whose trains these are."""
        block = self.parent_block()
        fires = (op for op in block.ops if isinstance(op, FireOp)) if block else ()
        return next((op for op in fires if op.label == self.of), None)

    def verify_(self) -> None:
        train = self.train.type
        self.expect(
            train.coding_name == "rate" and train.steps.data == 1,
            "a window must be one rate-coded step, so that the window before is the step before",
        )
        if self.parent_block() is None:
            return
        encode = next((op for op in self.parent_block().ops if isinstance(op, EncodeOp)), None)
        self.expect(
            encode is None or encode.window_count != 1,
            f"layer '{self.of.data}' comes again in the next window, a sample has only one",
        )
        self.expect(self.layer is not None, f"there is no layer '{self.of.data}'")
        self.expect(
            self.layer.train.type == train,
            f"layer '{self.of.data}' fires {self.layer.train.type}, not {train}",
        )


@irdl_op_definition
class ReadoutOp(NeuronUseOp):
    """The last layer: membrane potentials are read, nothing fires.

    Integer potentials V become real outputs `scale[c] * V`, then `activation` (`none`, `relu`,
    `softmax`, `logsoftmax`) on the host. `settings` as of `snn.fire`.

    With `decision` {bits, ties, silent} potentials are scores: that of a neuron that spikes first
    in step t of T is at least (T - t) * 2^bits and less than (T - t + 1) * 2^bits, that of a neuron
    that never does is less than 2^bits, and the class is that of the largest score, the first of
    equals. `ties` says what decides between neurons that spike first in the same step: `lowest`
    (the index) or `strongest` (the potential); `silent` what does where none spikes: `potential`
    of the last step, `lowest` (class 0) or `none` (there is no class).
    """

    name = "snn.readout"
    current = operand_def(CurrentType)
    neuron = opt_prop_def(SymbolRefAttr)
    label = prop_def(StringAttr)
    bias = opt_prop_def(DenseIntOrFPElementsAttr)
    activation = prop_def(StringAttr)
    fraction = opt_prop_def(IntegerAttr)
    acc_bits = opt_prop_def(IntegerAttr)
    membrane_bits = opt_prop_def(IntegerAttr)
    params = opt_prop_def(DictionaryAttr)
    scale = opt_prop_def(DenseArrayBase)
    given = opt_prop_def(DictionaryAttr)
    settings = opt_prop_def(DictionaryAttr)
    decision = opt_prop_def(DictionaryAttr)
    output = result_def(TensorType)
    traits = traits_def(Pure())
    CLAUSES: ClassVar = (
        Clause("with", "symbol", prop="neuron"),
        Clause("name", "string", prop="label"),
        Clause("activation", "string", StringAttr("none")),
        Clause("fraction", "int"),
        Clause("acc_bits", "int"),
        Clause("membrane_bits", "int"),
        Clause("bias", "dense"),
        Clause("decision", "attr"),
        Clause("given", "attr"),
        Clause("settings", "attr"),
        Clause("scale", "attr"),
        Clause("params", "attr"),
    )

    def verify_(self) -> None:
        size = 1
        for extent in self.output.type.get_shape():
            size *= extent
        channels, height, width = self.current.type.dims
        self.expect(size == channels * height * width, "current and output differ in size")
        self.expect(
            self.activation.data in ("none", "relu", "softmax", "logsoftmax"),
            f"unknown activation '{self.activation.data}'",
        )
        self.check_settings()
        if self.decision is not None:
            decision = self.decision.data
            self.expect(set(decision) == {"bits", "ties", "silent"}, DECISION)
            words = [decision[name] for name in ("ties", "silent")]
            self.expect(all(isinstance(word, StringAttr) for word in words), DECISION)
            ties, silent = (word.data for word in words)
            self.expect(
                isinstance(decision["bits"], IntegerAttr) and ties in TIES and silent in SILENT,
                DECISION,
            )
        self.check_parameters()


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


Snn = Dialect(
    "snn",
    [
        EncodeOp,
        ConvOp,
        DenseOp,
        OneToOneOp,
        AddOp,
        FireOp,
        PreviousOp,
        ReadoutOp,
        MaxPoolOp,
        MaxSlicesOp,
        SumPoolOp,
        NeuronOp,
        LookupOp,
        YieldOp,
    ],
    [TrainType, SumType, CurrentType],
)
