"""Runs a spiking network on a batch of images: exactly, once it is integer; as floats before that.

The integer form is the reference of every back end: `Result.trains` holds each layer's trains bit
for bit. The float form is the network that the spikes stand for (clipped rectified sums), which
calibration observes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation, SSAValue

from snnir.analysis.network import encode_of, is_rate, network_of, neuron_of, schedule, train_labels
from snnir.analysis.ranges import current_range
from snnir.analysis.windows import count_windows, fired_earlier, kept_windows
from snnir.dialects.assembly import int_list
from snnir.dialects.dense import from_dense
from snnir.dialects.snn import (
    AddOp,
    ConvOp,
    DenseOp,
    EncodeOp,
    FireOp,
    MaxPoolOp,
    MaxSlicesOp,
    OneToOneOp,
    PreviousOp,
    ReadoutOp,
    SumPoolOp,
    SynapseOp,
)
from snnir.dialects.snn_types import TrainType
from snnir.errors import UserError
from snnir.interpreters.images import (
    input_values,
    padded_images,
    per_channel,
    pixels_of,
    shaped_images,
    words_of,
)
from snnir.interpreters.neuron import run_neuron, run_window
from snnir.interpreters.windows import conv2d, conv3d, first_largest, max_windows, sum_windows
from snnir.interpreters.words import packed, planes_of, spike_count

CHUNK_BYTES = 96 << 20
"""How much the largest layer's plane currents may take; the batch is cut accordingly."""

Observer = Callable[[Operation, np.ndarray], None]


@dataclass
class Result:
    """What a network made of N images.

    Args:
        outputs: the real outputs, behind the activation, in the shape of the network's result.
        potentials: the readout's membrane potentials (integer form only).
        trains: label -> words (N, C, H, W) of uint16; step t of T is bit T-1-t (integer form only).
    """

    outputs: np.ndarray
    potentials: np.ndarray | None = None
    trains: dict[str, np.ndarray] = field(default_factory=dict)


def run_snn(
    module: ModuleOp,
    images: np.ndarray,
    *,
    observe: Observer | None = None,
    keep_trains: bool = True,
    windows: int | None = None,
) -> Result:
    """The network's outputs, and in integer form its potentials and all trains.

    Args:
        images: N images: pixels as uint8, or float as the model takes them.
        observe: called with each op and its result (words, plane currents stacked on axis 0, or in
            the float form real values), chunk by chunk of the batch.
        keep_trains: whether to return the trains, which may be large.
        windows: so many images, one behind the other, are one sample of an integer network that
            keeps its states; as many as the network says, or all, if not given.

    Raises:
        UserError: if the images do not fit the network, or it is only half quantised.
    """
    network = _Network(module)
    images = np.asarray(images)
    if len(images) == 0:
        raise UserError("no images to run")
    if network.integer:
        network.windows = count_windows(network.encode.window_count, windows, len(images))
    run = network.run_stepwise if network.recurs else network.run
    parts: list[Result] = []
    chunk = max(1, network.chunk // network.windows) * network.windows
    for first in range(0, len(images), chunk):
        parts.append(run(images[first : first + chunk], observe, keep_trains))
    return Result(
        np.concatenate([p.outputs for p in parts]),
        np.concatenate([p.potentials for p in parts]) if network.integer else None,
        {k: np.concatenate([p.trains[k] for p in parts]) for k in parts[0].trains},
    )


def activate(values: np.ndarray, activation: str) -> np.ndarray:
    """What the host does with the outputs; classes are axis 1."""
    match activation:
        case "relu":
            return np.maximum(values, 0)
        case "softmax" | "logsoftmax":
            shifted = values - values.max(axis=1, keepdims=True)
            total = np.log(np.exp(shifted).sum(axis=1, keepdims=True))
            return np.exp(shifted - total) if activation == "softmax" else shifted - total
        case _:
            return values


@dataclass
class _Synapse:
    """A synapse made ready: weights in the type in which matrix products are exact."""

    weights: np.ndarray
    decoded: bool
    """Whether it takes the value of a direct-coded train at once instead of bit by bit."""


class _Network:
    """A module with what can be prepared once for all images."""

    def __init__(self, module: ModuleOp):
        self.function: FuncOp = network_of(module)
        self.encode = encode_of(module)
        self.ops = list(self.function.body.block.ops)
        synapses = [op for op in self.ops if isinstance(op, SynapseOp)]
        integer = [op.weight_bits is not None for op in synapses]
        self.integer = all(integer)
        if any(integer) and not self.integer:
            raise UserError("some weights are integers and some are floats", hint="run quantise")
        self.labels = train_labels(module)
        self.prepared = {op: self.prepare(op) for op in synapses}
        largest = max(
            int(np.prod(op.results[0].type.dims)) * op.results[0].type.steps.data
            for op in self.ops
            if isinstance(op, SynapseOp | SumPoolOp)
        )
        self.chunk = max(1, CHUNK_BYTES // (8 * largest))
        self.windows = 1
        self.recurs = self.integer and any(isinstance(op, PreviousOp) for op in self.ops)
        self.states: dict[Operation, list[np.ndarray]] = {}
        self.fired: dict[str, np.ndarray] = {}

    def prepare(self, op: SynapseOp) -> _Synapse:
        weights = from_dense(op.weights)
        if not self.integer:
            return _Synapse(np.ascontiguousarray(weights, np.float32), False)
        source = op.source.type
        decoded = source.coding_name == "direct" and _feeds_rate_neuron(op.current)
        lo, hi = current_range(op)
        reach = max(int(hi.max()), -int(lo.min())) * (source.peak if decoded else 1)
        assert reach < 2**53, "a current leaves the integers that float64 holds"
        dtype = np.float32 if reach < 2**24 else np.float64
        return _Synapse(np.ascontiguousarray(weights, dtype), decoded)

    def run_stepwise(self, images: np.ndarray, observe: Observer | None, keep: bool) -> Result:
        """As `run`, window by window: layers see what was fired in the window before."""
        self.states, self.fired = {}, {}
        count = self.windows
        parts = [self.run(images[window::count], observe, keep) for window in range(count)]

        def joined(arrays: list[np.ndarray]) -> np.ndarray:
            return np.stack(arrays, axis=1).reshape(len(images), *arrays[0].shape[1:])

        return Result(
            joined([part.outputs for part in parts]),
            joined([part.potentials for part in parts]),
            {label: joined([part.trains[label] for part in parts]) for label in parts[0].trains},
        )

    def run(self, images: np.ndarray, observe: Observer | None, keep: bool) -> Result:
        values: dict[SSAValue, np.ndarray] = {}
        result: Result | None = None
        fired: dict[str, np.ndarray] = {}
        for op in self.ops:
            match op:
                case EncodeOp():
                    value = self.encoded(op, images)
                case ConvOp() | DenseOp() | OneToOneOp():
                    value = self.synapse(op, values[op.source])
                case AddOp():
                    value = _joined([values[current] for current in op.currents])
                case FireOp():
                    value = self.fire(op, values[op.current])
                    if self.recurs:
                        fired[op.label.data] = value
                case PreviousOp():
                    silence = np.zeros((len(images), *op.train.type.dims), np.uint16)
                    value = self.fired.get(op.of.data, silence)
                    value = value if self.integer else value.astype(np.float32)
                case MaxPoolOp():
                    value = self.max_pool(op, values[op.source])
                case MaxSlicesOp():
                    value = self.max_slices(op, values[op.source])
                case SumPoolOp():
                    planes = self.planes(op.source, values[op.source])
                    value = np.stack([sum_windows(p, **pool_window(op)) for p in planes])
                case ReadoutOp():
                    value, result = self.readout(op, values[op.current])
                case ReturnOp():
                    continue
                case _:
                    raise UserError(f"{op.name} is no part of a spiking network")
            values[op.results[0]] = value
            if observe is not None:
                observe(op, value)
            for operand in op.operands:
                # Currents and planes are the largest arrays: let go of them at their last use.
                if operand in values and not isinstance(operand.type, TrainType):
                    last = max(self.ops.index(use.operation) for use in operand.uses)
                    if self.ops[last] is op:
                        del values[operand]
        if result is None:
            raise UserError("the network has no readout")
        self.fired = fired
        if keep and self.integer:
            result.trains = {label: values[v] for v, label in self.labels.items()}
        return result

    def encoded(self, op: EncodeOp, images: np.ndarray) -> np.ndarray:
        pads = int_list(op.pads)
        scale, zero = per_channel(op.scale), per_channel(op.zero)
        if self.integer:
            pixels = words_of(op, pixels_of(op, images))
            if not any(pads):
                return pixels
            fill = np.zeros(op.train.type.dims[0]) if zero is None else np.rint(zero)
            fill = np.clip(fill, 0, (1 << op.train.type.steps.data) - 1).reshape(-1, 1, 1)
            inside = padded_images(op, np.ones_like(pixels[:1])) == 1
            return np.where(inside, padded_images(op, pixels), fill.astype(np.uint16))
        x = shaped_images(op, images)
        if x.dtype == np.uint8 or op.levels is not None:
            x = input_values(op, images)
            if scale is not None:
                zero = np.zeros_like(scale) if zero is None else zero
                x = (x - zero.reshape(-1, 1, 1)) * scale.reshape(-1, 1, 1)
        return padded_images(op, x.astype(np.float32))

    def planes(self, value: SSAValue, array: np.ndarray, decoded: bool = False):
        """What a synapse or sum sees: float arrays (N, C, H, W), one for each step."""
        if not self.integer:
            return [array] if isinstance(value.type, TrainType) else list(array)
        if not isinstance(value.type, TrainType):
            if decoded:
                return [sum(value.type.weight(t) * array[t] for t in range(len(array)))]
            return list(array)
        if decoded:
            return [array.astype(np.float32)]
        steps = value.type.steps.data
        return planes_of(array, steps)

    def synapse(self, op: SynapseOp, source: np.ndarray) -> np.ndarray:
        ready = self.prepared[op]
        dtype = ready.weights.dtype
        planes = self.planes(op.source, source, ready.decoded)
        if self.integer and op.delay_steps:
            # Where windows have one step and run one by one, nothing can be delayed.
            before = [fired_earlier(plane, self.windows) for plane in planes]
            planes = delayed(planes, op.delay_steps, before)
        currents = [
            transmit(op, ready.weights, plane.astype(dtype, copy=False)) for plane in planes
        ]
        return np.stack(currents) if len(currents) > 1 else currents[0][None]

    def fire(self, op: FireOp, currents: np.ndarray) -> np.ndarray:
        if not self.integer:
            value = np.maximum(_with_bias(op, currents[0]), 0)
            return value if op.ceiling is None else np.minimum(value, op.ceiling.value.data)
        spikes, _ = self.neurons(op, currents)
        if spikes is None:
            raise UserError("a neuron that never fires cannot make trains", where=op.label.data)
        return packed(spikes)

    def neurons(self, op: FireOp | ReadoutOp, currents: np.ndarray):
        if op.params is None:
            raise UserError("no neuron parameters", where=op.label.data, hint="run quantise")
        params = {name: from_dense(dense) for name, dense in op.params.data.items()}
        if self.recurs:
            states = self.states.get(op)
            spikes, states = run_window(neuron_of(op), currents, params, states, **schedule(op))
            if kept_windows(op) != 1:
                self.states[op] = states
            return spikes, states[0]
        windows = self.windows if kept_windows(op) != 1 else 1
        return run_neuron(neuron_of(op), currents, params, **schedule(op), windows=windows)

    def max_pool(self, op: MaxPoolOp, source: np.ndarray) -> np.ndarray:
        if not self.integer:
            return max_windows(source, **pool_window(op))
        train = op.source.type
        if train.coding_name == "rate":
            keys = spike_count(source, train.steps.data)
        else:
            keys = source.astype(np.int32)
        return first_largest(source, keys, **pool_window(op))

    def max_slices(self, op: MaxSlicesOp, source: np.ndarray) -> np.ndarray:
        slices, kernel, stride = (
            op.properties[name].value.data for name in ("slices", "kernel", "stride")
        )
        front, back = int_list(op.pads)
        n, channels, height, width = source.shape
        # Slices are the rows of what the window moves over.
        rows = source.reshape(n, slices, -1).swapaxes(1, 2)[..., None]
        keys, train = rows.astype(np.int32), op.source.type
        if train.coding_name == "rate":
            keys = spike_count(rows, train.steps.data)
        pads = (front, 0, back, 0)
        found = first_largest(rows, keys, kernel=(kernel, 1), strides=(stride, 1), pads=pads)
        return found[..., 0].swapaxes(1, 2).reshape(n, -1, height, width)

    def readout(self, op: ReadoutOp, currents: np.ndarray) -> tuple[np.ndarray, Result]:
        if self.integer:
            _, membrane = self.neurons(op, currents)
            scale = per_channel(op.scale)
            real = membrane * (1.0 if scale is None else scale.reshape(-1, 1, 1))
        else:
            membrane = real = _with_bias(op, currents[0])
        shape = (len(real), *op.output.type.get_shape()[1:])
        potentials = np.ascontiguousarray(membrane).reshape(shape)
        return potentials, Result(activate(real.reshape(shape), op.activation.data), potentials)


def delayed(
    planes: list[np.ndarray], steps: int, before: list[np.ndarray] | None = None
) -> list[np.ndarray]:
    """The planes so many steps later, behind the last ones of the window `before` or silence."""
    left = len(planes) - steps
    first = before[left:] if before is not None else [np.zeros_like(planes[0])] * steps
    return first + planes[:left]


def _feeds_rate_neuron(current: SSAValue) -> bool:
    return any(
        is_rate(use.operation)
        if isinstance(use.operation, FireOp | ReadoutOp)
        else _feeds_rate_neuron(use.operation.results[0])
        for use in current.uses
    )


def _with_bias(op: FireOp | ReadoutOp, current: np.ndarray) -> np.ndarray:
    return current if op.bias is None else current + from_dense(op.bias).reshape(-1, 1, 1)


def _joined(currents: list[np.ndarray]) -> np.ndarray:
    """The sum of plane currents; those of fewer planes begin later, so that all end together."""
    total = np.zeros_like(max(currents, key=len))
    for current in currents:
        total[-len(current) :] += current
    return total


def pool_window(op: MaxPoolOp | SumPoolOp) -> dict:
    """The window of a pool as the functions on windows take it."""
    window = {name: int_list(op.properties[name]) for name in ("kernel", "strides", "pads")}
    return window | {"depth": op.source.type.volume[1]}


def transmit(op: SynapseOp, weights: np.ndarray, plane: np.ndarray) -> np.ndarray:
    """What a synapse with these weights makes of one plane (N, C, H, W)."""
    match op:
        case ConvOp():
            convolve = conv2d if weights.ndim == 4 else conv3d
            currents = convolve(
                plane.reshape(len(plane), *op.seen),
                weights,
                strides=int_list(op.strides),
                pads=int_list(op.pads),
                dilations=int_list(op.dilations),
                groups=op.groups.value.data,
            )
            return currents.reshape(len(plane), *op.current.type.dims)
        case DenseOp():
            flat = plane.reshape(len(plane), -1) @ weights.T
            return flat.reshape(*flat.shape, 1, 1)
        case _:
            return plane * weights.reshape(-1, 1, 1)
