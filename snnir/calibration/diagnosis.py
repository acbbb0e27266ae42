"""A quantised network of which single parts can be put back to float, to see what each costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from snnir.analysis.network import (
    LayerOp,
    branches,
    encode_of,
    is_rate,
    layers,
    network_of,
    neuron_of,
    schedule,
)
from snnir.analysis.synapses import term_matrix
from snnir.dialects.assembly import int_list
from snnir.dialects.dense import from_dense
from snnir.dialects.snn import AddOp, EncodeOp, FireOp, MaxPoolOp, ReadoutOp, SumPoolOp, SynapseOp
from snnir.dialects.snn_types import SumType
from snnir.interpreters.images import padded_images, per_channel, pixels_of, words_of
from snnir.interpreters.neuron import run_neuron
from snnir.interpreters.snn import delayed, pool_window, transmit
from snnir.interpreters.windows import first_largest, max_windows, sum_windows
from snnir.interpreters.words import packed, planes_of

CAUSES = ("weights", "clipping", "rounding", "unevenness")
"""Where a layer's error comes from, and so what of a layer can be put back to float."""

FLOAT = frozenset(CAUSES)
EXTRA_BITS = 8
"""Fraction bits of currents that stopped being integers, for neurons that fire step by step."""


@dataclass(frozen=True)
class Train:
    """What a train holds: spikes, and a level that is added to each step.

    The level counts in the train's value: of a radix train 0..2^T - 1, of a rate train spikes per
    step. Only rate trains have words; what was put back to float is in the level.
    """

    words: np.ndarray | None
    level: np.ndarray | None
    steps: int = 1

    def planes(self) -> list[np.ndarray]:
        """One for each step, or a single one where all are alike."""
        if self.words is None:
            return [self.level]
        bits = planes_of(self.words, self.steps)
        return bits if self.level is None else [bit + self.level for bit in bits]

    def value(self) -> np.ndarray:
        planes = self.planes()
        return sum(planes) / np.float32(len(planes))


@dataclass
class _Layer:
    """What a layer computes with, in integers and in floats of the same unit.

    Args:
        exact: real weights of each branch divided by the unit, `integers` the rounded ones.
        bias, real_bias: of the rounded and of the float layer, in units, for pixels as they come.
        theta: units that a least spike takes; None for the readout.
    """

    op: LayerOp
    exact: list[np.ndarray]
    integers: list[np.ndarray]
    bias: np.ndarray
    real_bias: np.ndarray
    theta: np.ndarray | None


class Dissected:
    """A network before and behind `quantise`, run with parts of it put back to float.

    Args:
        balanced: the network behind threshold-balance; `quantised`: the same behind quantise.
        images: as `run_snn` takes them; all runs are made on them.
    """

    def __init__(self, balanced: ModuleOp, quantised: ModuleOp, images: np.ndarray):
        self.ops = list(network_of(quantised).body.block.ops)
        self.encode = encode_of(quantised)
        self.images = images
        self.layers = {
            op.label.data: self.prepare(op, before)
            for op, before in zip(layers(quantised), layers(balanced), strict=True)
        }
        self.labels = list(self.layers)
        self.base: dict[SSAValue, Train] = {}
        self.base, self.as_compiled = self.run({})

    def prepare(self, op: LayerOp, before: LayerOp) -> _Layer:
        scale = 2.0**op.fraction.value.data
        params = {
            name: from_dense(dense).astype(np.float64) for name, dense in op.params.data.items()
        }
        theta = None
        if isinstance(op, FireOp):
            theta = params["theta"] / scale
            unit = np.array(op.unit.get_values()) / theta
        else:
            steps = op.current.type.steps.data if is_rate(op) else 1
            unit = np.array(op.scale.get_values()) * scale * steps
        exact, integers = [], []
        real_bias = np.zeros(len(unit))
        if before.bias is not None:
            real_bias = from_dense(before.bias).astype(np.float64) / unit
        zero = per_channel(self.encode.zero)
        for synapse, float_synapse in zip(branches(op), branches(before), strict=True):
            matrix, channel = term_matrix(float_synapse)
            real = matrix * self.step_value(synapse.source)[channel] / unit[:, None]
            shape = tuple(synapse.weights.type.get_shape())
            exact.append(real.astype(np.float32).reshape(shape))
            integers.append(from_dense(synapse.weights).astype(np.float32))
            if zero is not None and synapse.source.type.coding_name == "direct":
                real_bias = real_bias - (real * zero[channel]).sum(1) * _terms(synapse)
        return _Layer(op, exact, integers, params["bias"] / scale, real_bias, theta)

    def step_value(self, train: SSAValue) -> np.ndarray:
        """What a step of a train's value stands for, per channel."""
        op = train.owner
        while isinstance(op, MaxPoolOp | SumPoolOp):
            op = op.source.owner
        return np.array((op.scale if isinstance(op, EncodeOp) else op.unit).get_values())

    def outputs(self, back: Mapping[str, frozenset[str]]) -> np.ndarray:
        """The real outputs (N, ...), before the activation, with parts put back to float.

        Args:
            back: layer -> what of it is put back, of `CAUSES`.
        """
        return self.run(back)[1]

    def run(self, back: Mapping[str, frozenset[str]]) -> tuple[dict[SSAValue, Train], np.ndarray]:
        """(trains, outputs); what no change reaches is taken from the first run."""
        trains: dict[SSAValue, Train] = {}
        outputs = self.as_compiled if self.base else None
        for op in self.ops:
            match op:
                case EncodeOp() if not self.base:
                    trains[op.train] = self.encoded(op)
                case MaxPoolOp() if op.source in trains:
                    trains[op.train] = _max_pool(op, trains[op.source])
                case FireOp() | ReadoutOp():
                    label = op.label.data
                    sources = {_pooled(synapse.source) for synapse in branches(op)}
                    if label not in back and not sources & trains.keys():
                        continue
                    parts = back.get(label, frozenset())
                    planes = self.currents(op.current, self.layers[label], trains, parts)
                    if isinstance(op, FireOp):
                        trains[op.train] = self.fire(op, planes, parts)
                    else:
                        outputs = self.readout(op, planes, parts)
        return trains, outputs

    def currents(self, value: SSAValue, layer: _Layer, trains, back) -> list[np.ndarray]:
        """One for each step in the layer's units, or a single one where all are alike."""
        op = value.owner
        if isinstance(op, AddOp):
            parts = [self.currents(current, layer, trains, back) for current in op.currents]
            count = max(map(len, parts))
            return [sum(c[t if len(c) > 1 else 0] for c in parts) for t in range(count)]
        weights = layer.exact if "weights" in back else layer.integers
        chosen = weights[branches(layer.op).index(op)]
        source = _pooled(op.source)
        train = trains[source] if source in trains else self.base[source]
        planes = train.planes()
        if isinstance(op.source.owner, SumPoolOp):
            planes = [sum_windows(plane, **pool_window(op.source.owner)) for plane in planes]
        if len(planes) > 1:
            planes = delayed(planes, op.delay_steps)
        return [transmit(op, chosen, plane) for plane in planes]

    def encoded(self, op: EncodeOp) -> Train:
        pads, train = int_list(op.pads), op.train.type
        if train.coding_name == "rate":
            words = padded_images(op, words_of(op, pixels_of(op, self.images)))
            return Train(words, None, train.steps.data)
        pixels = pixels_of(op, self.images).astype(np.float32)
        zero = per_channel(op.zero)
        if any(pads) and zero is not None:
            top = (1 << op.train.type.steps.data) - 1
            fill = np.clip(np.rint(zero), 0, top).astype(np.float32).reshape(-1, 1, 1)
            return Train(None, padded_images(op, pixels - fill) + fill)
        return Train(None, padded_images(op, pixels))

    def fire(self, op: FireOp, planes: list[np.ndarray], back: frozenset[str]) -> Train:
        layer = self.layers[op.label.data]
        theta = layer.theta.reshape(-1, 1, 1)
        train = op.train.type
        rate = train.coding_name == "rate"
        drive = np.maximum(self.mean_drive(layer, planes, back) / theta, 0)
        if op.ceiling is not None and "clipping" in back:
            top = op.ceiling.value.data / np.array(op.unit.get_values()).reshape(-1, 1, 1)
            drive = np.minimum(drive, top)
        if rate:
            return self.rate_train(layer, planes, drive, back)
        half = np.floor(from_dense(op.params.data["theta"]) / 2).reshape(-1, 1, 1)
        half = half / 2.0**op.fraction.value.data / theta
        level = drive if "rounding" in back else np.floor(drive + half)
        level = level if "clipping" in back else np.minimum(level, train.peak)
        return Train(None, level.astype(np.float32))

    def mean_drive(self, layer: _Layer, planes: list[np.ndarray], back: frozenset[str]):
        """The mean current with the bias, in the layer's units."""
        bias = layer.real_bias if "weights" in back else layer.bias
        return sum(plane for plane in planes) / len(planes) + bias.reshape(-1, 1, 1)

    def rate_train(self, layer: _Layer, planes, drive: np.ndarray, back: frozenset[str]) -> Train:
        """Spikes as they come, or even ones, and what is added to them at each step."""
        steps = layer.op.train.type.steps.data
        even = np.clip(np.floor(drive * steps + 0.5), 0, steps) / steps
        level = 0.0
        if "rounding" in back:
            level = level + np.minimum(drive, 1) - even
        if "clipping" in back:
            level = level + np.maximum(drive - 1, 0)
        if "unevenness" in back:
            return Train(None, (even + level).astype(np.float32), steps)
        words = self.words(layer, planes, back)
        added = level.astype(np.float32) if isinstance(level, np.ndarray) else None
        return Train(words, added, steps)

    def words(self, layer: _Layer, planes: list[np.ndarray], back: frozenset[str]) -> np.ndarray:
        op = layer.op
        how = schedule(op)
        params = {name: from_dense(dense) for name, dense in op.params.data.items()}
        exact = all((plane == np.rint(plane)).all() for plane in planes) and "weights" not in back
        shift = how["fraction"]
        if not exact:
            shift += EXTRA_BITS
            params = {name: value.astype(np.int64) << EXTRA_BITS for name, value in params.items()}
            if "weights" in back:
                params["bias"] = np.rint(layer.real_bias * 2.0**shift).astype(np.int64)
        currents = [np.rint(plane * 2.0**shift).astype(np.int64) for plane in planes]
        count = how["steps_out"]
        currents = currents * count if len(currents) == 1 else currents
        how |= {"fraction": 0, "coding": "rate", "steps_in": count}
        spikes, _ = run_neuron(neuron_of(op), currents, params, **how)
        return packed(spikes)

    def readout(self, op: ReadoutOp, planes: list[np.ndarray], back: frozenset[str]):
        total = self.mean_drive(self.layers[op.label.data], planes, back)
        steps = op.current.type.steps.data if is_rate(op) else 1
        scale = per_channel(op.scale) * 2.0**op.fraction.value.data * steps
        real = total * scale.reshape(-1, 1, 1)
        return real.reshape(len(real), *op.output.type.get_shape()[1:])


def _terms(synapse: SynapseOp) -> int:
    source = synapse.source.type
    return source.terms.data if isinstance(source, SumType) else 1


def _pooled(value: SSAValue) -> SSAValue:
    """The train whose sums these are, or the train itself."""
    return value.owner.source if isinstance(value.owner, SumPoolOp) else value


def _max_pool(op: MaxPoolOp, train: Train) -> Train:
    window = pool_window(op)
    if train.words is None:
        return Train(None, max_windows(train.level, **window), train.steps)
    total = train.value()
    keys = np.rint(total * (1 << 20)).astype(np.int32)
    words = first_largest(train.words, keys, **window)
    pooled = Train(words, None, train.steps)
    if train.level is None:
        return pooled
    return Train(words, max_windows(total, **window) - pooled.value(), train.steps)
