"""Small random integer spiking networks, built straight in the IR, and images for them.

Every choice goes through one function `pick(options) -> option`, so a seeded generator and
hypothesis drive the same code, and hypothesis shrinks towards the first option of each choice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from xdsl.dialects.builtin import (
    DenseArrayBase,
    DictionaryAttr,
    ModuleOp,
    StringAttr,
    SymbolRefAttr,
    TensorType,
    f32,
    f64,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, Region, SSAValue

from snnir.dialects.assembly import int_list, integer, ints
from snnir.dialects.dense import to_dense
from snnir.dialects.neurons import NeuronChoice
from snnir.dialects.snn import (
    AddOp,
    ConvOp,
    DenseOp,
    EncodeOp,
    FireOp,
    MaxPoolOp,
    OneToOneOp,
    ReadoutOp,
    SumPoolOp,
    window_size,
)
from snnir.dialects.snn_types import MAX_STEPS, CurrentType, SumType, TrainType

Pick = Callable[[Sequence[Any]], Any]

CODINGS = (
    NeuronChoice("radix", "after"),
    NeuronChoice("rate", "causal", "soft", "ge"),
    NeuronChoice("rate", "after", "soft", "ge"),
    NeuronChoice("rate", "causal", "soft", "gt"),
    NeuronChoice("rate", "causal", "hard", "ge"),
    NeuronChoice("rate", "causal", "hard", "gt"),
)

ARRAYS = (
    {},
    {"banks": 2, "channels": 2},
    {"banks": 1, "channels": 3},
    {"banks": 4, "channels": 4, "weight_bits": 4},
    {"banks": 4, "channels": 2},
    {"banks": 8, "channels": 3, "fifo": 2},
    {"banks": 2, "channels": 8, "weight_bits": 3, "fifo": 4},
)
"""Options of `tile-to-pe` that the networks are tried with; planes are added where they fit."""


@dataclass
class RandomNetwork:
    """An integer `snn` module, images for it, and options of `tile-to-pe` to try."""

    module: ModuleOp
    frames: np.ndarray
    """uint8 (N, H, W, C)."""
    options: dict[str, int]
    summary: list[str] = field(default_factory=list)

    @property
    def images(self) -> np.ndarray:
        """The frames as float images (N, C, H, W); the input's scale is 1."""
        return np.ascontiguousarray(self.frames.transpose(0, 3, 1, 2), np.float32)

    @property
    def pipeline(self) -> str:
        """The passes that make a scheduled program of the module."""
        options = " ".join(f"{k.replace('_', '-')}={v}" for k, v in self.options.items())
        return f"tile-to-pe{{{options}}},event-schedule"


def seeded_pick(seed: int) -> Pick:
    """A source of choices from a seed."""
    rng = np.random.default_rng(seed)
    return lambda options: options[int(rng.integers(len(options)))]


def random_network(pick: Pick, images: int = 2, mixed: bool = False) -> RandomNetwork:
    """A network of 1 to 4 layers with any mixture of what the array runs.

    Args:
        mixed: radix coding, each layer with steps of its own, and layers that join two of them.
    """
    return _Maker(pick, images, mixed).make()


def network_from_seed(seed: int, images: int = 2, mixed: bool = False) -> RandomNetwork:
    """The same network for the same seed."""
    return random_network(seeded_pick(seed), images, mixed)


class _Maker:
    def __init__(self, pick: Pick, images: int, mixed: bool = False):
        self.pick = pick
        self.images = images
        self.mixed = mixed
        self.fired: list[SSAValue] = []
        self.choice: NeuronChoice = CODINGS[0] if mixed else pick(CODINGS)
        self.readout_choice = self.choice
        self.steps = pick([4, 1, 2, 3, 5, 8, 16])
        self.bits = pick([4, 2, 3, 6, 8])
        self.fraction = pick([0, 1, 3])
        self.rng = np.random.default_rng(pick(range(10_000)))
        self.least_planes = 1
        self.most_steps = 1 if mixed else self.steps
        self.ops: list[Operation] = []
        self.spreads: dict[Operation, float] = {}
        """Size of a typical current of one plane, for each synapse."""
        self.summary = [f"{self.choice.fire_name} T={self.steps} weights={self.bits} bits"]

    def make(self) -> RandomNetwork:
        extents = [4, 1, 3, 5, 6, 9]
        shape = (self.pick([1, 2, 3, 5]), self.pick(extents), self.pick(extents))
        block = Block(arg_types=[TensorType(f32, (1, *shape))])
        train = self.encode(block.args[0], shape)
        if self.pick([False] * 7 + [True]):
            self.summary.append("max pool of the image")
            train = self.max_pool(train)
            self.least_planes = self.pixel_bits
        for index in range(self.pick([3, 2, 4] if self.mixed else [1, 0, 2, 3])):
            train = self.hidden(train, f"layer{index + 1}")
        result = self.readout(train)
        self.ops.append(ReturnOp(result))
        block.add_ops(self.ops)
        function = FuncOp("net", ([block.args[0].type], [result.type]), Region(block))
        neurons = [self.choice.fire_neuron(), self.readout_choice.readout_neuron()]
        module = ModuleOp([*neurons, function])
        module.verify()
        return RandomNetwork(module, self.frames(shape), self.options(), self.summary)

    def options(self) -> dict[str, int]:
        options = dict(self.pick(ARRAYS))
        planes = self.pick([0, min(self.steps + 1, 16), 8])
        if max(self.most_steps, self.least_planes) <= planes <= MAX_STEPS:
            options["planes"] = planes
        if options.get("channels", 9) < 9 and self.pick([False, False, True]):
            options["weight_bits"] = self.pick([2, 4, 8])
        drain = self.pick(
            [0, *(lanes for lanes in (1, 2, 4, 8) if lanes <= options.get("banks", 0))]
        )
        if drain:
            options["drain"] = drain
        self.summary.append(f"array {options}")
        return options

    def frames(self, shape: tuple[int, int, int]) -> np.ndarray:
        channels, height, width = shape
        pixels = self.rng.integers(0, 1 << self.pixel_bits, (self.images, height, width, channels))
        silent = self.rng.random(pixels.shape) < self.pick([0.5, 0.0, 0.2, 0.9])
        return np.where(silent, 0, pixels).astype(np.uint8)

    def add(self, op: Operation) -> Operation:
        self.ops.append(op)
        return op

    # Layers ------------------------------------------------------------------------------------

    def encode(self, image: SSAValue, shape: tuple[int, int, int]) -> SSAValue:
        self.pixel_bits = self.pick([8, 8, 8, 5])
        self.summary.append(f"image {shape} of {self.pixel_bits} bits")
        zero = {"zero": DenseArrayBase.from_list(f64, [0.0] * shape[0])}
        return self._encoded(image, shape, "direct", zero)

    def encode_spikes(self, image: SSAValue, shape: tuple[int, int, int]) -> SSAValue:
        """The image is trains, of as many steps as the layers have."""
        self.pixel_bits = self.steps
        return self._encoded(image, shape, "rate", {})

    def _encoded(self, image: SSAValue, shape: tuple[int, int, int], coding: str, more: dict):
        op = EncodeOp.build(
            operands=[image],
            properties={
                "scale": DenseArrayBase.from_list(f64, [1.0] * shape[0]),
                "pads": ints([0, 0, 0, 0]),
                **more,
            },
            result_types=[TrainType(shape, coding, self.pixel_bits)],
        )
        return self.add(op).train

    def hidden(self, train: SSAValue, label: str) -> SSAValue:
        kinds = ["conv", "dense", "residual", "depthwise", "pooled"]
        kind = self.pick(["skip"] * 3 + kinds if len(self.fired) > 1 else kinds)
        match kind:
            case "skip":
                current = self.skip(train)
            case "residual":
                current = self.residual(train)
            case "dense":
                current = self.dense(train, self.pick([4, 1, 3, 7, 10]))
            case "pooled":
                current = self.conv(self.sum_pool(train), padded=self.pick([False, True]))
            case "depthwise":
                current = self.conv(train, depthwise=True)
            case _:
                current = self.conv(train)
        fired = self.fire(current, label)
        after = self.pick(["nothing", "pool", "both", "twice"])
        self.summary.append(f"{label}: {kind} -> {current.type.dims}, {after}")
        if after == "nothing":
            return fired
        pooled = self.max_pool(fired)
        if after == "twice":
            return self.max_pool(pooled)
        if after == "both" and pooled.type.dims == fired.type.dims:
            branches = [self.one_to_one(fired), self.one_to_one(pooled)]
            total = AddOp.build(operands=[branches], result_types=[branches[0].type])
            return self.fire(self.add(total).total, f"{label}b")
        return pooled

    def readout(self, train: SSAValue) -> SSAValue:
        kind = self.pick(["dense", "global", "conv"])
        if kind == "global":
            train = self.sum_pool(train, whole=True)
        outputs = self.pick([3, 1, 10])
        current = self.conv(train) if kind == "conv" else self.dense(train, outputs)
        channels, height, width = current.type.dims
        # A readout of the image itself has bit planes to weigh, in whatever coding the rest is.
        if current.type.coding_name == "direct":
            self.readout_choice = CODINGS[0]
        params = self.parameters(current)
        del params["theta"]
        self.summary.append(f"readout: {kind} -> {current.type.dims}")
        op = ReadoutOp.build(
            operands=[current],
            properties={
                "neuron": SymbolRefAttr(self.readout_choice.readout_name),
                "label": StringAttr("out"),
                "activation": StringAttr("none"),
                "fraction": integer(self.fraction),
                "params": DictionaryAttr({k: to_dense(v) for k, v in params.items()}),
                "scale": DenseArrayBase.from_list(f64, [1.0] * channels),
            },
            result_types=[TensorType(f32, (1, channels, height, width))],
        )
        return self.add(op).output

    def fire(self, current: SSAValue, label: str) -> SSAValue:
        steps = self.pick([4, 1, 2, 3, 6, 8]) if self.mixed else self.steps
        self.most_steps = max(self.most_steps, steps)
        params = self.parameters(current, steps)
        op = FireOp.build(
            operands=[current],
            properties={
                "neuron": SymbolRefAttr(self.choice.fire_name),
                "label": StringAttr(label),
                "fraction": integer(self.fraction),
                "params": DictionaryAttr({k: to_dense(v) for k, v in params.items()}),
            },
            result_types=[TrainType(current.type.dims, self.choice.coding, steps)],
        )
        if self.mixed:
            self.summary.append(f"{label}: T={steps}")
            self.fired.append(op.train)
        return self.add(op).train

    def parameters(self, current: SSAValue, steps: int = 0) -> dict[str, np.ndarray]:
        """theta and bias for which some neurons spike and some do not."""
        code: CurrentType = current.type
        channels = code.dims[0]
        spread = max(1.0, self.spread(current.owner))
        per_step = spread / 2 if code.coding_name == "rate" else spread * code.peak / 2
        if self.choice.coding == "radix":
            per_step = per_step / max(1, (1 << (steps or self.steps)) - 1)
        scale = per_step * self.rng.uniform(0.3, 1.5, channels) * (1 << self.fraction)
        bias = self.rng.normal(0.2 * scale, 0.3 * scale)
        return {
            "theta": np.maximum(1, np.rint(scale)).astype(np.int32),
            "bias": np.rint(bias).astype(np.int32),
        }

    def spread(self, op: Operation) -> float:
        """Size of a typical current of one plane."""
        if isinstance(op, AddOp):
            return sum(self.spread(current.owner) for current in op.currents)
        return self.spreads[op]

    # Synapses ----------------------------------------------------------------------------------

    def weights(self, *shape: int, bits: int | None = None) -> np.ndarray:
        top = (1 << ((bits or self.bits) - 1)) - 1
        weights = self.rng.integers(-top - 1, top + 1, shape)
        weights[self.rng.random(shape) < self.pick([0.0, 0.5, 0.95])] = 0
        return weights.astype(np.int8 if (bits or self.bits) <= 8 else np.int16)

    def synapse(self, kind, source: SSAValue, dims, weights: np.ndarray, bits: int, **properties):
        code = source.type
        op = kind.build(
            operands=[source],
            properties={
                "weights": to_dense(weights),
                "weight_bits": integer(bits),
                **properties,
            },
            result_types=[CurrentType(dims, code.coding, code.steps)],
        )
        fan_in = max(1, weights[0].size)
        rms = float(np.sqrt((weights.astype(float) ** 2).mean()))
        self.spreads[op] = rms * fan_in**0.5
        return self.add(op).current

    def conv(self, source: SSAValue, *, depthwise=False, padded=True, same=False) -> SSAValue:
        channels, height, width = source.type.dims
        if depthwise:
            groups, outputs = channels, channels * self.pick([1, 2])
        else:
            groups = self.pick([g for g in (1, 2) if channels % g == 0])
            outputs = groups * self.pick([2, 1, 3, 5])
        axes = [self.axis(extent, padded, same) for extent in (height, width)]
        if same:
            groups, outputs = 1, channels
        (kh, sy, dy, top, bottom, oh), (kw, sx, dx, left, right, ow) = axes
        weights = self.weights(outputs, channels // groups, kh, kw)
        return self.synapse(
            ConvOp,
            source,
            (outputs, oh, ow),
            weights,
            self.bits,
            strides=ints([sy, sx]),
            dilations=ints([dy, dx]),
            pads=ints([top, left, bottom, right]),
            groups=integer(groups),
        )

    def axis(self, extent: int, padded: bool, same: bool) -> tuple[int, ...]:
        """(kernel, stride, dilation, before, after, outputs) along one axis."""
        if same:
            kernel = self.pick([1, 3])
            return kernel, 1, 1, kernel // 2, kernel // 2, extent
        kernel, stride = self.pick([1, 2, 3, 5]), self.pick([1, 2, 3])
        dilation = self.pick([1, 1, 2])
        before, after = (self.pick([0, 1, 2, -1]) if padded else 0 for _ in range(2))
        outputs = window_size(extent, kernel, stride, before, after, dilation)
        if outputs < 1 or extent + min(before, 0) + min(after, 0) < 1:
            return 1, 1, 1, 0, 0, extent
        return kernel, stride, dilation, before, after, outputs

    def dense(self, source: SSAValue, outputs: int) -> SSAValue:
        weights = self.weights(outputs, int(np.prod(source.type.dims)))
        return self.synapse(DenseOp, source, (outputs, 1, 1), weights, self.bits)

    def one_to_one(self, source: SSAValue) -> SSAValue:
        bits = self.pick([self.bits, 8, 12, 16])
        dims = source.type.dims
        return self.synapse(OneToOneOp, source, dims, self.weights(dims[0], bits=bits), bits)

    def skip(self, train: SSAValue) -> SSAValue:
        """The layer before, and an earlier one whose trains may have other steps."""
        earlier = self.pick(self.fired[:-1])
        if train.type.dims == earlier.type.dims and self.pick([True, False]):
            currents = [self.conv(train, same=True), self.one_to_one(earlier)]
        else:
            outputs = self.pick([4, 1, 3, 7])
            currents = [self.dense(train, outputs), self.dense(earlier, outputs)]
        longest = max((current.type for current in currents), key=lambda code: code.steps.data)
        total = AddOp.build(operands=[currents], result_types=[longest])
        return self.add(total).total

    def residual(self, train: SSAValue) -> SSAValue:
        currents = [self.conv(train, same=True), self.one_to_one(train)]
        total = AddOp.build(operands=[currents], result_types=[currents[0].type])
        return self.add(total).total

    # Pools -------------------------------------------------------------------------------------

    def max_pool(self, source: SSAValue) -> SSAValue:
        properties, dims = self.window(source, self.pick([False, True]))
        code = source.type
        op = MaxPoolOp.build(
            operands=[source],
            properties=properties,
            result_types=[TrainType(dims, code.coding, code.steps)],
        )
        return self.add(op).train

    def sum_pool(self, source: SSAValue, *, whole=False) -> SSAValue:
        code = source.type
        if whole:
            kernel = code.dims[1:]
            zero, one = ints([0, 0, 0, 0]), ints([1, 1])
            properties = {"kernel": ints(kernel), "strides": one, "pads": zero}
            dims = (code.dims[0], 1, 1)
        else:
            properties, dims = self.window(source, self.pick([False, True]))
        ky, kx = int_list(properties["kernel"])
        op = SumPoolOp.build(
            operands=[source],
            properties=properties,
            result_types=[SumType(dims, code.coding, code.steps, ky * kx)],
        )
        return self.add(op).sum

    def window(self, source: SSAValue, padded: bool):
        channels, *extents = source.type.dims
        axes = []
        for extent in extents:
            kernel = self.pick([k for k in (2, 1, 3) if k <= extent])
            stride = self.pick([2, 1, 3])
            before, after = (
                (self.pick(range(kernel)), self.pick(range(kernel))) if padded else (0, 0)
            )
            axes.append(
                (kernel, stride, before, after, window_size(extent, kernel, stride, before, after))
            )
        (ky, sy, top, bottom, oh), (kx, sx, left, right, ow) = axes
        properties = {
            "kernel": ints([ky, kx]),
            "strides": ints([sy, sx]),
            "pads": ints([top, left, bottom, right]),
        }
        return properties, (channels, oh, ow)
