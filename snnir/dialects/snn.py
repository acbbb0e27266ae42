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
    UnitAttr,
)
from xdsl.ir import Dialect
from xdsl.irdl import (
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import Pure, SymbolTable

from snnir.dialects.assembly import (
    Clause,
    int_list,
    ints,
)
from snnir.dialects.snn_neuron import LookupOp, NeuronOp, YieldOp
from snnir.dialects.snn_op import SnnOp
from snnir.dialects.snn_op import window_size as window_size
from snnir.dialects.snn_pools import MaxPoolOp, MaxSlicesOp, SumPoolOp
from snnir.dialects.snn_synapses import AddOp, ConvOp, DenseOp, OneToOneOp
from snnir.dialects.snn_synapses import SynapseOp as SynapseOp
from snnir.dialects.snn_types import CurrentType, SumType, TrainType

_ZERO4 = ints([0, 0, 0, 0])

LEVEL_BITS = 8
"""Bits of a pixel that is compared with levels."""

TIES, SILENT = ("lowest", "strongest"), ("potential", "lowest", "none")
"""What a `decision` of snn.readout may say."""

DECISION = (
    f"decision needs bits, ties ({' or '.join(TIES)}) and silent ({', '.join(SILENT[:-1])} or none)"
)


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

    Where a sample goes on for ever each window has potentials of its own, unless the neuron
    `goes_on`: they are then those of a running decision, and have a bound by themselves.
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
    goes_on = opt_prop_def(UnitAttr)
    output = result_def(TensorType)
    traits = traits_def(Pure())
    CLAUSES: ClassVar = (
        Clause("with", "symbol", prop="neuron"),
        Clause("name", "string", prop="label"),
        Clause("activation", "string", StringAttr("none")),
        Clause("goes_on", "flag"),
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
