"""convert-onnx-to-snn: each ONNX layer becomes synapse, neurons and pooling over spike trains."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from xdsl.builder import Builder, InsertPoint
from xdsl.context import Context
from xdsl.dialects.builtin import DenseArrayBase, DictionaryAttr, ModuleOp, TensorType, f64
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, SSAValue
from xdsl.passes import ModulePass

from snnir.analysis.network import fired_before, network_of
from snnir.analysis.windows import ENDLESS, MOST_WINDOWS, check_windows
from snnir.dialects import onnx
from snnir.dialects.assembly import integer, ints
from snnir.dialects.neurons import NeuronChoice
from snnir.dialects.onnx_op import OnnxOp
from snnir.dialects.snn import EncodeOp, FireOp, PreviousOp, ReadoutOp
from snnir.dialects.snn_types import MAX_STEPS, TrainType
from snnir.errors import UserError
from snnir.neurons.own import OwnNeuron, OwnNeurons
from snnir.passes._by_layer import ByLayer, by_layer, check_known
from snnir.passes._input_padding import move_input_padding
from snnir.passes._onnx_layers import OnnxLayers
from snnir.passes._spiking_layers import Dims, Given, Spikes, SpikingBuilder

PIXEL_BITS = 8
"""What the machine receives of a pixel: a byte at most."""

RATE_STEPS = "steps-of is a matter of radix coding: rate-coded layers have the same steps"


@dataclass(frozen=True)
class ConvertOnnxToSnnPass(ModulePass):
    """Turns a clean ONNX graph into a spiking network, still with float weights.

    What: Conv and Gemm become synapses, Relu and Clip(0, max) become neurons that fire, MaxPool
    picks the train of greatest value, AveragePool sums trains and leaves its 1/k^2 to the weights
    behind it, an Add of two tensors joins currents before the neurons. The last layer is read out
    as a membrane potential. The pass decides codings and neurons; it measures and rounds nothing.

    Input: a pixel u stands for `scale[c] * (u - zero[c])`. With `input-scale` S alone that is
    scale = S, zero = 0; with `input-mean` and `input-std` the model is taken to see
    (u * S - mean) / std (S = 1/255 unless given), so scale = S / std and zero = mean / S. With none
    of them, threshold-balance finds both in the calibration data. Where zero is not 0 the first
    layers' padding moves to snn.encode, because a silent train would stand for another value.

    With `input-coding=spikes` the input is no image but the trains themselves, of `timesteps`
    steps: the model sees S * n / T for a train of n spikes (S = 1 unless `input-scale` is given).

    Algorithm: one walk over the nodes. A tensor is carried either by trains or as a
    pre-activation, currents with a bias that still wait for their Relu. A max pool in front of a
    Relu changes places with it, an average pool in front of a Relu changes places with a 1x1
    convolution; both are exact. A pool of an average gets a *relay* between them: neurons that fire
    what they receive with weight 1/k^2.

    A trained spiking network (functions of the ONNX domain `snnir`) says itself what its pixels
    and neurons are: its layers get them as `given`, and the options have no effect on them.

    Assumptions: simplify-onnx and fold-batchnorm have run. Values between layers are never
    negative: a linear layer that feeds another layer is refused by name.

    Options: `coding` radix (a step is worth twice the next one; the default) or rate (all alike);
    `timesteps` T; `steps-of=conv2:3,conv5:2` gives single layers other trains in radix coding (T of
    the others is `timesteps`; with fewer steps more neurons are silent, which saves events); for
    rate `emission` causal (fire in the step) or after (integrate all steps, then fire), `reset`
    soft (subtract) or hard (to zero), `compare` ge (fire at v >= theta) or gt; `input-bits` per
    pixel; `input-coding` pixels or spikes. `neuron` is the name of a shipped neuron or a file in
    the neuron language (docs/neurons.md); it fires in all layers but the last, `coding` is its own,
    and `neuron-values` gives its parameters and options values: "leak=3,conv1.leak=2,reset=hard".
    `neuron="conv1=alif","conv2=own.neuron",lif` names those of single layers; one without a layer
    is that of all others, which without one fire as the options above say.
    `readout` is the name or file of a neuron that never fires and reads out the last layer,
    `readout-values` are its parameters and options; in samples of any number of windows it goes on
    from window to window, so it has to have a bound (readout_leak has).
    `windows=N` makes a sample of N images (or windows of spikes), T steps each, between which
    neurons keep their states, `windows=0` of any number of them (docs/streams.md).

    Source: Rueckauer et al., Frontiers in Neuroscience 2017 (conversion); Gerlinghoff et al., IEEE
    TPDS 2022 (radix coding, average pooling by sums).
    """

    name = "convert-onnx-to-snn"
    coding: Literal["radix", "rate"] | None = None
    timesteps: int = 4
    steps_of: ByLayer = None
    emission: Literal["causal", "after"] = "causal"
    reset: Literal["soft", "hard"] = "soft"
    compare: Literal["ge", "gt"] = "ge"
    input_bits: int = 8
    input_coding: Literal["pixels", "spikes"] = "pixels"
    input_scale: float | None = None
    input_mean: tuple[float, ...] | float | None = None
    input_std: tuple[float, ...] | float | None = None
    neuron: tuple[str, ...] | str | None = None
    neuron_values: str | None = None
    readout: str | None = None
    readout_values: str | None = None
    windows: int = 1

    def __post_init__(self) -> None:
        for option, value, most in (
            ("timesteps", self.timesteps, MAX_STEPS),
            ("input-bits", self.input_bits, PIXEL_BITS),
        ):
            if not 1 <= value <= most:
                raise UserError(f"{option} is {value}, allowed are 1 to {most}")
        if by_layer("steps-of", self.steps_of, 1, MAX_STEPS) and self.coding == "rate":
            raise UserError(RATE_STEPS)
        if not ENDLESS <= self.windows <= MOST_WINDOWS:
            raise UserError(f"windows is {self.windows}, allowed are 1 to {MOST_WINDOWS}, or 0")
        if self.emission == "after" and self.reset == "hard" and self.coding == "rate":
            raise UserError(
                "emission=after needs reset=soft: with a hard reset each neuron fires once at most"
            )
        for option, value in (("input-scale", self.input_scale), ("input-std", self.input_std)):
            if any(not (v > 0 and math.isfinite(v)) for v in _values(value)):
                raise UserError(f"{option} must be positive")
        if any(not math.isfinite(v) for v in _values(self.input_mean)):
            raise UserError("input-mean must be finite")
        if self.input_coding == "spikes":
            self.check_spikes()

    def check_spikes(self) -> None:
        """That the other options fit an input of spikes."""
        if self.coding != "rate":
            raise UserError("an input of spikes needs rate-coded neurons", hint="use coding=rate")
        if self.timesteps > PIXEL_BITS:
            what = f"an input of spikes has {self.timesteps} steps, at most {PIXEL_BITS} fit a byte"
            raise UserError(what, hint="use fewer timesteps")
        if self.input_mean is not None or self.input_std is not None:
            raise UserError("input-mean and input-std have no meaning for an input of spikes")

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        function = network_of(op)
        neurons = OwnNeurons.read(self.neuron, self.neuron_values)
        choice, single = self._choices(neurons)
        last = self.last(choice.coding)
        old = function.body.block
        if len(old.args) != 1 or not isinstance(old.last_op, ReturnOp):
            raise UserError("the network must have one input and one output")
        block = Block(arg_types=[old.args[0].type])
        block.args[0].name_hint = old.args[0].name_hint
        steps = self.timesteps
        if trained := next((o for o in old.ops if isinstance(o, onnx.NeuronsOp)), None):
            if self.neuron is not None:
                raise UserError(
                    "the trained network says itself what its neurons are",
                    hint="leave the option neuron out",
                )
            if self.readout is not None:
                raise UserError(
                    "the trained network says itself how it is read out",
                    hint="leave the option readout out",
                )
            found = Given.of(trained)
            choice, steps = replace(found.choice, leak=0, own=None), found.steps
        levels = _first(old.args[0], onnx.LevelsOp)
        if levels is not None:
            choice, steps = NeuronChoice("rate"), len(levels.params["levels"])
        own = by_layer("steps-of", self.steps_of, 1, MAX_STEPS)
        build = SpikingBuilder(Builder(InsertPoint.at_end(block)), choice, steps, own)
        build.single, build.last = single, last
        encode = self.encode(build, block.args[0], _image_dims(old.args[0]), old.args[0])
        if self.windows == 1 and any(isinstance(o, onnx.RecurrentOp) for o in old.ops):
            raise UserError(
                "recurrent layers see their spikes in the next window, a sample has only one",
                hint="give windows=N (snnc compile --windows N)",
            )
        graph = OnnxLayers(build, old.args[0], Spikes(encode.train))
        for node in old.ops:
            if not isinstance(node, ReturnOp):
                graph.convert(node)
        (result,) = old.last_op.arguments
        output = graph.finish(result, result.type)
        build.insert(ReturnOp(output))
        for past in (o for o in block.ops if isinstance(o, PreviousOp)):
            fired_before(past)
        check_known("steps-of", own, build.fired)
        if self.windows != 1:
            encode.properties["windows"] = integer(self.windows)
            _count_all_steps(block, self.windows)
        _replace_body(function, block)
        for neuron, kind in build.used_neurons.items():
            is_readout = neuron == kind.readout_name
            definition = kind.readout_neuron() if is_readout else kind.fire_neuron()
            op.body.block.insert_op_before(definition, function)
        neurons.check_layers(o.label.data for o in block.ops if isinstance(o, FireOp))
        move_input_padding(encode)
        check_windows(op)

    def last(self, coding: str) -> OwnNeuron | None:
        """The neuron that the options ask for in the last layer.

        Raises:
            UserError: it is no readout, or none of these trains.
        """
        if self.readout is None:
            if self.readout_values is not None:
                raise UserError(
                    "readout-values are those of a readout", hint="give readout as well"
                )
            return None
        own = OwnNeuron.read(self.readout, self.readout_values, readout=True)
        name = own.op.sym_name.data
        if not own.is_readout:
            raise UserError(
                f"neuron @{name} fires, and a readout never does",
                where=self.readout,
                hint="write 'emission none' in it, or take readout_leak",
            )
        if own.coding not in (None, coding):
            raise UserError(
                f"readout @{name} reads {own.coding} trains, not {coding}", where=self.readout
            )
        return own

    def choice(self) -> NeuronChoice:
        """The neurons that the options ask for, but of layers with one of their own."""
        return self._choices(OwnNeurons.read(self.neuron, self.neuron_values))[0]

    def _choices(self, own: OwnNeurons) -> tuple[NeuronChoice, dict[str, NeuronChoice]]:
        """The neurons of all layers, and those of single ones.

        Raises:
            UserError: options beside them without effect.
        """
        coding = own.coding(self.coding)
        if own and self.steps_of and coding == "rate":
            raise UserError(RATE_STEPS)
        single = {label: NeuronChoice(coding, own=each) for label, each in own.layers.items()}
        if own.others is None:
            return NeuronChoice(coding, self.emission, self.reset, self.compare), single
        for name, default in (("emission", "causal"), ("reset", "soft"), ("compare", "ge")):
            if getattr(self, name) != default:
                raise UserError(
                    f"{name} is a matter of the neuron '{own.others.source}' itself",
                    hint="leave it out, or choose an option of the neuron with neuron-values",
                )
        return NeuronChoice(coding, own=own.others), single

    def encode(self, build: SpikingBuilder, image: SSAValue, dims: Dims, old: SSAValue) -> EncodeOp:
        """Where the image enters; `old` is the image of the graph that is converted."""
        properties = {"pads": ints([0, 0] * (len(dims) - 1))}
        bits, scale_zero = self.input_bits, self.scale_and_zero(dims[0])
        pixels, levels = _first(old, onnx.PixelsOp), _first(old, onnx.LevelsOp)
        given = pixels.params if pixels is not None else None
        several = levels is not None or (given is not None and given["bits"] > 1)
        if several and self.input_coding == "spikes":
            raise UserError("the trained network takes pixels, not spikes")
        if levels is not None:
            properties["levels"] = levels.levels
            properties["scale"] = DenseArrayBase.from_list(f64, [1.0] * dims[0])
            train = TrainType(dims, "rate", build.steps)
            return build.insert(
                EncodeOp.build(operands=[image], properties=properties, result_types=[train])
            )
        if given:
            bits, scale_zero = given["bits"], (given["scale"], map(float, given["zero"]))
        if scale_zero is not None:
            for name, values in zip(("scale", "zero"), scale_zero, strict=True):
                properties[name] = DenseArrayBase.from_list(f64, list(values))
        train = TrainType(dims, "direct", bits)
        if given and bits == 1 and build.steps == 1 and not any(given["zero"]):
            # Pixels of one bit in windows of one step are spikes.
            train = TrainType(dims, "rate", 1)
            properties.pop("zero")
        if self.input_coding == "spikes":
            train = TrainType(dims, "rate", build.steps)
            scale = [self.input_scale or 1.0] * dims[0]
            properties["scale"] = DenseArrayBase.from_list(f64, scale)
            properties.pop("zero", None)
        op = EncodeOp.build(operands=[image], properties=properties, result_types=[train])
        return build.insert(op)

    def scale_and_zero(self, channels: int) -> tuple[list[float], list[float]] | None:
        """What a pixel stands for, per channel; None if the options do not say."""
        if self.input_scale is None and self.input_mean is None and self.input_std is None:
            return None
        normalised = self.input_mean is not None or self.input_std is not None
        unit = self.input_scale or (1 / 255 if normalised else 1.0)
        # A pixel of other than 8 bits covers the same range of real values.
        unit *= 255 / ((1 << self.input_bits) - 1)
        mean = _spread(self.input_mean, 0.0, channels, "input-mean")
        std = _spread(self.input_std, 1.0, channels, "input-std")
        return [unit / s for s in std], [m / unit for m in mean]


def _count_all_steps(block: Block, windows: int) -> None:
    """Scores of first spikes count the steps that are left in all windows.

    Raises:
        UserError: samples have no last step.
    """
    readout = next(op for op in block.ops if isinstance(op, ReadoutOp))
    if readout.decision is None:
        return
    if windows == ENDLESS:
        raise UserError(
            "the first spike decides by the steps that are left, and samples have no last one",
            hint="use a number of windows",
        )
    last = {"last": ints([readout.current.type.steps.data * windows])}
    settings = readout.settings.data if readout.settings is not None else {}
    readout.properties["settings"] = DictionaryAttr({**settings, **last})


def _first(image: SSAValue, kind: type[OnnxOp]) -> OnnxOp | None:
    """What a trained file says of its pixels."""
    users = [use.operation for use in image.uses]
    return next((op for op in users if isinstance(op, kind)), None)


def _replace_body(function: FuncOp, block: Block) -> None:
    """The new block in the place of the old one, which is taken apart from its end."""
    old = function.body.block
    for op in reversed(list(old.ops)):
        op.detach()
        op.erase()
    function.body.detach_block(old)
    function.body.add_block(block)


def _values(option: tuple[float, ...] | float | None) -> tuple[float, ...]:
    if option is None:
        return ()
    return option if isinstance(option, tuple) else (option,)


def _spread(option, default: float, channels: int, name: str) -> list[float]:
    values = _values(option) or (default,)
    if len(values) not in (1, channels):
        raise UserError(
            f"{name} has {len(values)} values for the input's {channels} channel(s)",
            hint=f"give 1 or {channels}" if channels > 1 else "give 1",
        )
    return list(values) * channels if len(values) == 1 else list(values)


def _image_dims(image: SSAValue) -> Dims:
    """(C, H, W) or (C, D, H, W) of the input; flat, it is channels of a pixel, unless reshaped."""
    assert isinstance(image.type, TensorType)
    shape = image.type.get_shape()
    users = [use.operation for use in image.uses]
    while len(users) == 1 and isinstance(users[0], onnx.ReshapeOp):
        other = users[0].result.type.get_shape()
        users = [use.operation for use in users[0].result.uses]
        if len(other) == 5 or (len(other) == 4 and len(shape) not in (4, 5)):
            shape = other
    if not shape or shape[0] != 1:
        raise UserError(f"the input has shape {tuple(shape)}, its batch dimension must be 1")
    match list(shape[1:]):
        case [c, h, w]:
            return c, h, w
        case [c, d, h, w]:
            return c, d, h, w
        case [c, 1] | [c]:
            return c, 1, 1
        case [h, w]:
            return 1, h, w
        case _:
            raise UserError(
                f"the input has shape {tuple(shape)}",
                hint="images are (1, C, H, W), volumes (1, C, D, H, W), or flat",
            )
