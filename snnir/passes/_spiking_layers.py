"""What convert-onnx-to-snn builds with: trains, pre-activations, and the ops made of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from xdsl.builder import Builder
from xdsl.dialects.builtin import (
    DenseArrayBase,
    DictionaryAttr,
    StringAttr,
    SymbolRefAttr,
    TensorType,
    UnitAttr,
    f64,
)
from xdsl.ir import Attribute, SSAValue

from snnir.analysis.labels import Labels
from snnir.analysis.network import producer
from snnir.dialects import onnx
from snnir.dialects.assembly import int_list, integer, ints, real
from snnir.dialects.dense import to_dense
from snnir.dialects.neurons import NeuronChoice
from snnir.dialects.snn import (
    AddOp,
    ConvOp,
    FireOp,
    MaxPoolOp,
    OneToOneOp,
    ReadoutOp,
    SumPoolOp,
    SynapseOp,
    window_size,
)
from snnir.dialects.snn_types import CurrentType, SumType, TrainType
from snnir.errors import UserError
from snnir.neurons.own import OwnNeuron

Dims = tuple[int, ...]
"""(C, H, W), or (C, D, H, W) of a volume."""

SCORE_BITS = 8
"""Bits below the step in the scores of `readout_first_spike`."""


@dataclass(frozen=True)
class Window:
    """A pooling window of two or three axes; pads are the begins of all axes, then the ends."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    pads: tuple[int, ...]

    def outputs(self, dims: Dims) -> Dims:
        rank = len(self.kernel)
        sizes = zip(dims[1:], self.kernel, self.strides, self.pads, self.pads[rank:], strict=False)
        return dims[0], *(window_size(n, *window) for n, *window in sizes)

    def over_slices(self) -> Window:
        """The same window over a volume whose slices are seen as channels."""
        (top, left, bottom, right) = self.pads
        pads = (0, top, left, 0, bottom, right)
        return Window((1, *self.kernel), (1, *self.strides), pads)

    def properties(self) -> dict:
        return {
            "kernel": ints(self.kernel),
            "strides": ints(self.strides),
            "pads": ints(self.pads),
        }


@dataclass(frozen=True)
class Spikes:
    """A tensor that trains carry.

    Args:
        factor: what one spike of the value counts: 1/k^2 where a k x k average pool has only
            summed; the weights behind it take it up.
        reshaped: whether the slices of the volume are seen as channels, c * D + d.
        delay: steps by which the synapses behind it take it later.
    """

    value: SSAValue
    factor: float = 1.0
    reshaped: bool = False
    delay: int = 0

    @property
    def dims(self) -> Dims:
        if self.reshaped:
            c, d, h, w = self.value.type.volume
            return c * d, h, w
        return int_list(self.value.type.shape)

    @property
    def is_sum(self) -> bool:
        return isinstance(self.value.type, SumType)

    @property
    def is_input(self) -> bool:
        return self.value.type.coding_name == "direct"


@dataclass(frozen=True)
class Branch:
    """A synapse to be: made anew wherever its current is used, since a current has one user."""

    kind: type[SynapseOp]
    source: Spikes
    weights: np.ndarray
    dims: Dims
    window: dict = field(default_factory=dict)

    @property
    def is_pointwise(self) -> bool:
        """Whether it acts on each pixel alone, so that an average pool may go before it."""
        if self.kind is OneToOneOp:
            return True
        return (
            self.kind is ConvOp
            and {*self.weights.shape[2:], *self.window["strides"]} == {1}
            and not any(self.window["pads"])
        )


@dataclass(frozen=True)
class Linear:
    """A tensor before its Relu: currents that meet, a bias per channel, and what must follow.

    Args:
        pools: max pools that came before the Relu; they commute with it, so they go behind.
        name: label of the layer, if a layer is made of it.
        node: how messages name where it comes from.
    """

    branches: tuple[Branch, ...]
    bias: np.ndarray | None
    name: str
    node: str
    pools: tuple[Window, ...] = ()

    @property
    def dims(self) -> Dims:
        return self.branches[0].dims

    def plus(self, other: Linear, name: str, node: str) -> Linear:
        biases = [b for b in (self.bias, other.bias) if b is not None]
        bias = sum(biases) if biases else None
        return Linear(self.branches + other.branches, bias, name, node)


@dataclass(frozen=True)
class Given:
    """What a trained file says of a layer: neurons, steps, and the properties of its op."""

    choice: NeuronChoice
    steps: int
    properties: dict[str, Attribute]

    @classmethod
    def of(cls, op: onnx.NeuronsOp | onnx.ReadoutOp) -> Given:
        p = op.params
        neurons = isinstance(op, onnx.NeuronsOp)
        unit, shift = np.array(p["unit"]), 2.0 ** p["fraction"]
        given = {
            "bits": integer(p["weight_bits"]),
            "fraction": integer(p["fraction"]),
            "unit": DenseArrayBase.from_list(f64, unit.tolist()),
            "bias": ints(p["bias"]),
        }
        if neurons:
            given["theta"] = ints(p["theta"])
        properties = {
            "given": DictionaryAttr(given),
            "bias": to_dense((np.array(p["bias"]) * unit / shift).astype(np.float32)),
        }
        own = None
        if p.get("neuron") is not None:
            own = OwnNeuron.read(p["neuron"], p.get("values"), readout=not neurons)
            settings = own.settings(f"node '{op.node.data}'" if op.node else "", len(unit))
            properties |= {"settings": settings} if settings is not None else {}
        if not neurons:
            if p.get("ties") is not None:
                properties["decision"] = DictionaryAttr(
                    {
                        "bits": integer(SCORE_BITS),
                        "ties": StringAttr(p["ties"]),
                        "silent": StringAttr(p["silent"]),
                    }
                )
            return cls(NeuronChoice(own=own), 0, properties)
        coding, steps = p["coding"], p["steps"]
        levels = 1 if coding == "rate" else (1 << steps) - 1
        properties["threshold"] = to_dense(np.array([p["spike"] * levels], np.float32))
        choice = NeuronChoice(coding, leak=p["leak"], ahead=p["ahead"], margin=p["margin"], own=own)
        return cls(choice, steps, properties)

    @classmethod
    def quantised(cls, op: onnx.QuantOp, build: SpikingBuilder) -> Given:
        """Radix trains of as many steps as the activation has bits; in rate coding its range."""
        p = op.params
        full = p["step"] * ((1 << p["bits"]) - 1)
        steps = p["bits"] if build.choice.coding == "radix" else build.steps
        return cls(build.choice, steps, {"threshold": to_dense(np.array([full], np.float32))})


class SpikingBuilder:
    """Appends snn ops to a block.

    Args:
        own: steps of single layers, by label; all others have `steps`.
    """

    def __init__(self, builder: Builder, choice: NeuronChoice, steps: int, own: Mapping[str, int]):
        self.builder, self.choice, self.steps, self.own = builder, choice, steps, own
        self.single: Mapping[str, NeuronChoice] = {}
        """The neurons of single layers, by label; all others have `choice`."""
        self.last: OwnNeuron | None = None
        """What the last layer is read out by, if not by the neuron of its coding."""
        self.labels = Labels()
        self.fired: list[str] = []
        self.used_neurons: dict[str, NeuronChoice] = {}
        self.location: Attribute | None = None
        """Where what is built now was written; errors about it will point there."""

    def insert(self, op):
        if self.location is not None:
            op.location = self.location
        return self.builder.insert(op)

    def current(self, linear: Linear) -> SSAValue:
        """The op that makes the pre-activation's current.

        Raises:
            UserError: for max pools that no Relu followed, and for branches of unequal coding.
        """
        if linear.pools:
            raise UserError(
                "a MaxPool takes values that may be negative, which no spike can carry",
                where=linear.node,
                hint="put a Relu before it, or directly behind it",
            )
        codes = {b.source.value.type.coding_name for b in linear.branches}
        if len(codes) > 1:
            raise UserError(
                "an Add joins the network input with a layer's output, which are coded differently",
                where=linear.node,
                hint="put a layer with Relu on the branch that comes from the input",
            )
        currents = [self._synapse(branch).current for branch in linear.branches]
        if len(currents) == 1:
            return currents[0]
        longest = max((current.type for current in currents), key=lambda t: t.steps.data)
        return self.insert(AddOp.build(operands=[currents], result_types=[longest])).total

    def _synapse(self, branch: Branch) -> SynapseOp:
        source = branch.source.value.type
        weights = (branch.weights * branch.source.factor).astype(np.float32)
        properties = {"weights": to_dense(weights)}
        if branch.source.delay:
            if branch.source.delay >= source.steps.data:
                raise UserError(
                    f"a spike comes {branch.source.delay} steps later, where there are "
                    f"{source.steps.data} steps in all",
                    hint="leave out the branch, to which nothing ever comes",
                )
            properties["delay"] = integer(branch.source.delay)
        if branch.kind is ConvOp:
            properties |= {
                key: integer(value) if key == "groups" else ints(value)
                for key, value in branch.window.items()
            }
        return self.insert(
            branch.kind.build(
                operands=[branch.source.value],
                properties=properties,
                result_types=[CurrentType(branch.dims, source.coding, source.steps)],
            )
        )

    def fire(
        self,
        linear: Linear,
        ceiling: float | None = None,
        given: Given | None = None,
        steps: int | None = None,
    ) -> Spikes:
        """A layer of neurons, then the max pools that had waited for it.

        Args:
            steps: of its trains, where they are not those of the network; `own` goes first.
        """
        current = self.current(replace(linear, pools=()))
        label = self.labels.unique(linear.name)
        choice = self.single.get(label, self.choice if given is None else given.choice)
        self.fired.append(label)
        if given is not None and label in self.own:
            raise UserError(
                f"layer '{label}' has its {given.steps} steps from the file",
                where=linear.node,
                hint="leave it out of steps-of",
            )
        steps = self.own.get(label, steps or self.steps) if given is None else given.steps
        properties = {
            "neuron": SymbolRefAttr(self.neuron(choice.fire_name, choice)),
            "label": StringAttr(label),
        }
        if linear.bias is not None:
            properties["bias"] = to_dense(linear.bias.astype(np.float32))
        if ceiling is not None:
            properties["ceiling"] = real(ceiling)
        if given is not None:
            properties |= given.properties
        if choice.own is not None and given is None:
            settings = choice.own.settings(properties["label"].data, linear.dims[0])
            properties |= {"settings": settings} if settings is not None else {}
        train = TrainType(linear.dims, choice.coding, steps)
        op = FireOp.build(operands=[current], properties=properties, result_types=[train])
        spikes = Spikes(self.insert(op).train)
        for window in linear.pools:
            spikes = self.max_pool(spikes, window)
        return spikes

    def readout(
        self, linear: Linear, activation: str, output: TensorType, given: Given | None = None
    ) -> SSAValue:
        """The last layer; direct currents are always decoded bit by bit, which is exact."""
        current = self.current(linear)
        # A network of one layer has nothing to count spikes with.
        coding = current.type.coding_name
        choice = NeuronChoice() if coding == "direct" else NeuronChoice(coding)
        if given is not None and given.choice.own is not None:
            choice = given.choice
        label = self.labels.unique(linear.name)
        properties = {"label": StringAttr(label), "activation": StringAttr(activation)}
        if self.last is not None:
            if coding == "direct":
                raise UserError(
                    "a readout of one's own counts spikes, and this network has none",
                    where=linear.node,
                    hint="leave the option readout out",
                )
            choice = NeuronChoice(coding, own=self.last)
            properties["goes_on"] = UnitAttr()
            settings = self.last.settings(label, linear.dims[0])
            properties |= {"settings": settings} if settings is not None else {}
        properties["neuron"] = SymbolRefAttr(self.neuron(choice.readout_name, choice))
        if linear.bias is not None:
            properties["bias"] = to_dense(linear.bias.astype(np.float32))
        if given is not None:
            properties |= given.properties
        op = ReadoutOp.build(operands=[current], properties=properties, result_types=[output])
        return self.insert(op).output

    def neuron(self, name: str, choice: NeuronChoice) -> str:
        """The name of a neuron that the module shall define.

        Raises:
            UserError: it has another neuron of that name already.
        """
        before = self.used_neurons.get(name)
        owns = [c.own for c in (before, choice) if c is not None and c.own is not None]
        if len(owns) == 2 and not owns[0].op.is_structurally_equivalent(owns[1].op):
            raise UserError(
                f"two layers have neurons @{name} of different options",
                hint="give the options that differ as parameters",
            )
        self.used_neurons[name] = choice
        return name

    def identity(self, spikes: Spikes, name: str, node: str) -> Linear:
        """Each neuron feeds the one at the same place with weight 1.

        Raises:
            UserError: where slices are seen as channels, which the neurons are not.
        """
        if spikes.reshaped:
            raise UserError(
                "a volume that was reshaped to a map goes on without a layer's weights",
                where=node,
                hint="reshape it directly in front of a convolution, a pool or a dense layer",
            )
        ones = np.ones(spikes.dims[0], np.float32)
        return Linear((Branch(OneToOneOp, spikes, ones, spikes.dims),), None, name, node)

    def relay(self, spikes: Spikes, node: str) -> Spikes:
        """Neurons that fire what they receive with weight 1; behind an average pool they divide."""
        source = producer(spikes.value)
        if not isinstance(source, FireOp):
            return self.fire(self.identity(spikes, "input.relay", node))
        linear = self.identity(spikes, f"{source.label.data}.relay", node)
        # As many steps as it receives, so that it can repeat trains.
        return self.fire(linear, steps=source.train.type.steps.data)

    def max_pool(self, spikes: Spikes, window: Window) -> Spikes:
        value = spikes.value
        if spikes.delay:
            raise UserError("a max pool takes whole trains", hint="put the Delay behind it")
        window = window.over_slices() if spikes.reshaped else window
        shape = window.outputs(int_list(value.type.shape))
        train = TrainType(shape, value.type.coding, value.type.steps)
        op = MaxPoolOp.build(operands=[value], properties=window.properties(), result_types=[train])
        return replace(spikes, value=self.insert(op).train)

    def sum_pool(self, spikes: Spikes, window: Window) -> Spikes:
        terms = math.prod(window.kernel)
        value = spikes.value
        window = window.over_slices() if spikes.reshaped else window
        shape = window.outputs(int_list(value.type.shape))
        sums = SumType(shape, value.type.coding, value.type.steps, terms)
        op = SumPoolOp.build(operands=[value], properties=window.properties(), result_types=[sums])
        return replace(spikes, value=self.insert(op).sum, factor=spikes.factor / terms)
