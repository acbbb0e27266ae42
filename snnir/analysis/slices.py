"""A network over volumes as one over maps: the slices of a volume become channels of a map.

A volume (C, D, H, W) is kept as a map of D * C channels, slice behind slice: channel d * C + c. A
convolution over volumes is then one over maps, whose weights are those of the volume wherever an
input slice lies in the window of an output slice, and zero elsewhere. Trains do not change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from xdsl.builder import Builder, InsertPoint
from xdsl.dialects.builtin import DenseArrayBase, DictionaryAttr, ModuleOp, f64
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Operation, SSAValue

from snnir.analysis.intervals import signed_bits
from snnir.analysis.network import network_of, train_labels
from snnir.dialects.assembly import int_list, integer, ints
from snnir.dialects.dense import from_dense, to_dense
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
from snnir.dialects.snn_types import CodedType, CurrentType, SumType, TrainType
from snnir.errors import UserError
from snnir.interpreters.snn import pool_window
from snnir.interpreters.windows import first_largest
from snnir.interpreters.words import spike_count


def has_volumes(module: ModuleOp) -> bool:
    """Whether anything in the network is a volume."""
    return any(
        isinstance(result.type, CodedType) and result.type.is_volume
        for op in network_of(module).body.block.ops
        for result in op.results
    )


def slice_order(channels: int, depth: int) -> np.ndarray:
    """Which plane c * D + d of a volume each channel of its map is."""
    return np.arange(channels * depth).reshape(channels, depth).T.ravel()


def sliced_trains(module: ModuleOp, trains: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Trains of a network over volumes as the network of their slices has and names them.

    Args:
        trains: label -> (N, C, D * H, W), as `run_snn` gives them.
    """
    names = _renamed(module) if has_volumes(module) else {label: label for label in trains}
    found = {}
    for value, label in train_labels(module).items():
        if label not in trains or label not in names:
            continue
        words, kind = trains[label], value.type
        if kind.is_volume:
            words = words.reshape(len(words), *kind.volume).swapaxes(1, 2)
            words = words.reshape(len(words), -1, *kind.volume[2:])
        found[names[label]] = np.ascontiguousarray(words)
    return found


def _renamed(module: ModuleOp) -> dict[str, str]:
    """What each train is called in the network of the slices."""
    copy = module.clone()
    before = train_labels(copy)
    known = _Slicer(copy).run()
    after = train_labels(copy)
    return {label: after[known[value].value] for value, label in before.items()}


def volume_trains(module: ModuleOp, trains: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The other way round: trains of the slices as the network over volumes has and names them."""
    found, labels = dict(trains), train_labels(module)
    for value, label in labels.items():
        kind, op = value.type, value.owner
        if not kind.is_volume:
            continue
        if isinstance(op, MaxPoolOp):
            words = found[labels[op.source]]
            steps = kind.steps.data
            rate = kind.coding_name == "rate"
            keys = spike_count(words, steps) if rate else words.astype(np.int32)
            found[label] = first_largest(words, keys, **pool_window(op))
        elif label in trains:
            channels, depth, height, width = kind.volume
            words = trains[label].reshape(-1, depth, channels, height, width).swapaxes(1, 2)
            found[label] = words.reshape(len(words), *kind.dims)
    return found


def sliced(module: ModuleOp) -> ModuleOp:
    """The network over maps: the module itself, or a copy of it without volumes."""
    if not has_volumes(module):
        return module
    copy = module.clone()
    slice_volumes(copy)
    return copy


def slice_volumes(module: ModuleOp) -> bool:
    """Turns volumes into maps, in place; says whether there were any.

    Raises:
        UserError: the network has float weights, or a form that maps do not have.
    """
    if not has_volumes(module):
        return False
    _Slicer(module).run()
    return True


@dataclass(frozen=True)
class _Sliced:
    """A volume as a map.

    Args:
        shape: (C, D, H, W) of the volume; of a map, D = 1.
        order: which plane c * D + d each channel of the map is.
        depths: (D of the volume, D of the map) counts: the slices of the map that a sum over slices
            adds up; None where there is no such sum.
    """

    value: SSAValue
    shape: tuple[int, int, int, int]
    order: np.ndarray
    depths: np.ndarray | None = None

    def weights(self, full: np.ndarray) -> np.ndarray:
        """Weights (M, C * D, ...) of the volume's planes as weights of the map's channels."""
        outputs, _, *rest = full.shape
        if self.depths is not None:
            channels, depth = self.shape[:2]
            planes = full.reshape(outputs, channels, depth, -1)
            full = np.einsum("mcdk,de->mcek", planes, self.depths)
        return full.reshape(outputs, -1, *rest)[:, self.order]


class _Slicer:
    def __init__(self, module: ModuleOp):
        self.block = network_of(module).body.block
        self.known: dict[SSAValue, _Sliced] = {}
        self.build: Builder

    def run(self) -> dict[SSAValue, _Sliced]:
        """Replaces all ops; what each value has become."""
        replaced = []
        for op in list(self.block.ops):
            self.build = Builder(InsertPoint.before(op))
            found = self.convert(op)
            if found is not None:
                self.known[op.results[0]] = found
                replaced.append(op)
        for op in reversed(replaced):
            op.detach()
            op.erase()
        return self.known

    def convert(self, op: Operation) -> _Sliced | None:
        """The op in its new form; None where it stays as it is."""
        match op:
            case EncodeOp():
                return self.encode(op)
            case ConvOp():
                return self.conv(op)
            case DenseOp():
                return self.dense(op)
            case OneToOneOp():
                return self.one_to_one(op)
            case AddOp():
                return self.add(op)
            case FireOp():
                return self.fire(op)
            case MaxPoolOp():
                return self.max_pool(op)
            case SumPoolOp():
                return self.sum_pool(op)
            case ReadoutOp():
                return self.readout(op)
            case ReturnOp():
                op.operands = [self.known[v].value if v in self.known else v for v in op.operands]
                return None
            case PreviousOp():
                raise UserError("a network over volumes has no recurrent layers here")
            case _:
                raise UserError(f"{op.name} is no part of a spiking network")

    def made(self, op: Operation, old: Operation) -> SSAValue:
        op.location = old.location
        op.attributes |= old.attributes
        return self.build.insert(op).results[0]

    def encode(self, op: EncodeOp) -> _Sliced:
        shape = channels, depth, height, width = op.train.type.volume
        properties = dict(op.properties)
        pads = int_list(op.pads)
        if op.train.type.is_volume:
            properties["slices"] = integer(depth)
            if len(pads) == 6:
                front, top, left, back, bottom, right = pads
                pads = (front * channels, top, left, back * channels, bottom, right)
            properties["pads"] = ints(pads)
            for name in ("scale", "zero"):
                if name in properties:
                    values = list(properties[name].get_values()) * depth
                    properties[name] = DenseArrayBase.from_list(f64, values)
        kind = self.kind(op.train.type)
        new = EncodeOp.build(operands=[op.image], properties=properties, result_types=[kind])
        return _Sliced(self.made(new, op), shape, slice_order(channels, depth))

    def kind(self, old: TrainType | CurrentType) -> TrainType | CurrentType:
        """The type of a volume's map."""
        channels, depth, height, width = old.volume
        return type(old)((channels * depth, height, width), old.coding, old.steps)

    def rewired(self, op: Operation) -> SSAValue:
        """An op over maps, which stays what it is, behind what its source has become."""
        new = type(op).build(
            operands=[self.known[op.operands[0]].value],
            properties=dict(op.properties),
            result_types=[op.results[0].type],
        )
        return self.made(new, op)

    def synapse(self, op: SynapseOp, kind: type[SynapseOp], weights: np.ndarray, window: dict):
        """A synapse of the new network, its weights no narrower than they must be."""
        needed = signed_bits(int(weights.min(initial=0)), int(weights.max(initial=0)))
        bits = max(op.weight_bits.value.data, needed)
        narrow = weights.astype(np.int8 if bits <= 8 else np.int16)
        kept = {"delay": op.delay} if op.delay is not None else {}
        kept |= {"weights": to_dense(narrow), "weight_bits": integer(bits)}
        new = kind.build(
            operands=[self.known[op.source].value],
            properties={**kept, **window},
            result_types=[self.kind(op.current.type)],
        )
        return self.made(new, op)

    def integers(self, op: SynapseOp) -> np.ndarray:
        if op.weight_bits is None:
            raise UserError("the weights are floats", hint="run quantise")
        return from_dense(op.weights).astype(np.int64)

    def conv(self, op: ConvOp) -> _Sliced:
        source, weights = self.known[op.source], self.integers(op)
        window = {name: op.properties[name] for name in ("strides", "pads", "dilations", "groups")}
        shape = channels, depth, _, _ = op.current.type.volume
        plain = source.shape[1] == 1 and source.depths is None
        if weights.ndim == 4 and plain:
            current = self.synapse(op, ConvOp, weights, window)
            return _Sliced(current, shape, slice_order(channels, depth))
        weights = _ungrouped(weights, op.groups.value.data)
        window["groups"] = integer(1)
        if weights.ndim == 5:
            strides, dilations, pads = (
                int_list(window[name]) for name in ("strides", "dilations", "pads")
            )
            weights = _spread(weights, depth, source.shape[1], strides[0], dilations[0], pads[0])
            window["strides"], window["dilations"] = ints(strides[1:]), ints(dilations[1:])
            window["pads"] = ints([*pads[1:3], *pads[4:]])
        current = self.synapse(op, ConvOp, source.weights(weights), window)
        return _Sliced(current, shape, slice_order(channels, depth))

    def dense(self, op: DenseOp) -> _Sliced:
        source, weights = self.known[op.source], self.integers(op)
        planes = source.shape[0] * source.shape[1]
        full = source.weights(weights.reshape(len(weights), planes, -1))
        current = self.synapse(op, DenseOp, full.reshape(len(weights), -1), {})
        return _Sliced(current, op.current.type.volume, np.arange(len(weights)))

    def one_to_one(self, op: OneToOneOp) -> _Sliced:
        source, weights = self.known[op.source], self.integers(op)
        shape = channels, depth, _, _ = op.current.type.volume
        if source.depths is None:
            current = self.synapse(op, OneToOneOp, weights[source.order // depth], {})
            return _Sliced(current, shape, source.order)
        # Each slice is the sum of several: a convolution of 1x1 pixels.
        full = np.diag(np.repeat(weights, depth))[slice_order(channels, depth)]
        window = {
            "strides": ints([1, 1]),
            "pads": ints([0, 0, 0, 0]),
            "dilations": ints([1, 1]),
            "groups": integer(1),
        }
        current = self.synapse(op, ConvOp, source.weights(full[..., None, None]), window)
        return _Sliced(current, shape, slice_order(channels, depth))

    def add(self, op: AddOp) -> _Sliced:
        parts = [self.known[current] for current in op.currents]
        if any(not np.array_equal(part.order, parts[0].order) for part in parts):
            raise UserError("branches of an Add keep the slices of a volume in different orders")
        kind = self.kind(op.total.type)
        new = AddOp.build(operands=[[part.value for part in parts]], result_types=[kind])
        return replace(parts[0], value=self.made(new, op))

    def fire(self, op: FireOp) -> _Sliced:
        source = self.known[op.current]
        if op.params is None:
            raise UserError("no neuron parameters", where=op.label.data, hint="run quantise")
        channel = source.order // source.shape[1]
        properties = dict(op.properties)
        params = {
            name: to_dense(np.ascontiguousarray(from_dense(dense)[channel]))
            for name, dense in op.params.data.items()
        }
        properties["params"] = DictionaryAttr(params)
        if op.unit is not None:
            units = np.array(op.unit.get_values())[channel]
            properties["unit"] = DenseArrayBase.from_list(f64, units.tolist())
        kind = self.kind(op.train.type)
        new = FireOp.build(operands=[source.value], properties=properties, result_types=[kind])
        return replace(source, value=self.made(new, op))

    def readout(self, op: ReadoutOp) -> _Sliced:
        source = self.known[op.current]
        if source.shape[1] > 1:
            raise UserError(
                f"the network's result has {source.shape[1]} slices",
                where=op.label.data,
                hint="let it end in a dense layer, or in one slice",
            )
        return replace(source, value=self.rewired(op))

    def max_pool(self, op: MaxPoolOp) -> _Sliced:
        source, shape = self.known[op.source], op.train.type.volume
        if not op.train.type.is_volume:
            return replace(source, value=self.rewired(op), shape=shape)
        value, (kernel, strides, pads) = source.value, _window(op)
        planes = source.shape[0] * source.shape[1]
        if _in_slices(op):
            old = value.type
            new = MaxPoolOp.build(
                operands=[value],
                properties=_within(kernel, strides, pads),
                result_types=[TrainType((planes, *shape[2:]), old.coding, old.steps)],
            )
            value = self.made(new, op)
        if _over_slices(op):
            old = value.type
            new = MaxSlicesOp.build(
                operands=[value],
                properties={
                    "slices": integer(source.shape[1]),
                    "kernel": integer(kernel[0]),
                    "stride": integer(strides[0]),
                    "pads": ints([pads[0], pads[3]]),
                },
                result_types=[TrainType((shape[0] * shape[1], *shape[2:]), old.coding, old.steps)],
            )
            value = self.made(new, op)
        return _Sliced(value, shape, slice_order(*shape[:2]))

    def sum_pool(self, op: SumPoolOp) -> _Sliced:
        source, shape = self.known[op.source], op.sum.type.volume
        if not op.sum.type.is_volume:
            return replace(source, value=self.rewired(op), shape=shape)
        value, (kernel, strides, pads) = source.value, _window(op)
        if _in_slices(op):
            planes, old = source.shape[0] * source.shape[1], value.type
            terms = kernel[1] * kernel[2]
            kind = SumType((planes, *shape[2:]), old.coding, old.steps, terms)
            properties = _within(kernel, strides, pads)
            new = SumPoolOp.build(operands=[value], properties=properties, result_types=[kind])
            value = self.made(new, op)
        depths = None
        if _over_slices(op):
            at = np.arange(shape[1])[:, None] * strides[0] + np.arange(kernel[0]) - pads[0]
            depths = (at[:, :, None] == np.arange(source.shape[1])).sum(1)
        return _Sliced(value, shape, source.order, depths)


def _ungrouped(weights: np.ndarray, groups: int) -> np.ndarray:
    """Weights (M, C, ...) for all channels of the source, zero for those of other groups."""
    if groups == 1:
        return weights
    outputs, inner, *rest = weights.shape
    full = np.zeros((outputs, groups, inner, *rest), weights.dtype)
    full[np.arange(outputs), np.arange(outputs) // (outputs // groups)] = weights
    return full.reshape(outputs, groups * inner, *rest)


def _spread(
    weights: np.ndarray, outputs: int, depth: int, stride: int, dilation: int, before: int
) -> np.ndarray:
    """Weights (M, C, KD, KH, KW) as those of all planes, (outputs * M, C * D, KH, KW)."""
    count, channels, kernel, *rest = weights.shape
    full = np.zeros((outputs, count, channels, depth, *rest), weights.dtype)
    for z in range(outputs):
        for k in range(kernel):
            at = z * stride + k * dilation - before
            if 0 <= at < depth:
                full[z, :, :, at] += weights[:, :, k]
    return full.reshape(outputs * count, channels * depth, *rest)


def _window(op: MaxPoolOp | SumPoolOp) -> tuple[tuple[int, ...], ...]:
    return tuple(int_list(op.properties[name]) for name in ("kernel", "strides", "pads"))


def _within(kernel, strides, pads) -> dict:
    """The window of a pool within a slice."""
    inner = [*pads[1:3], *pads[4:]]
    return {"kernel": ints(kernel[1:]), "strides": ints(strides[1:]), "pads": ints(inner)}


def _in_slices(op: MaxPoolOp | SumPoolOp) -> bool:
    """Whether a pool over volumes does anything within a slice."""
    kernel, strides, _ = _window(op)
    return max(*kernel[1:], *strides[1:]) > 1


def _over_slices(op: MaxPoolOp | SumPoolOp) -> bool:
    """Whether it does anything across slices."""
    kernel, strides, _ = _window(op)
    return max(kernel[0], strides[0]) > 1
