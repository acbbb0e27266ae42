"""Thresholds learned from calibration data: the error of the network's outputs decides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from snnir.analysis.network import LayerOp, branches, layers, network_of
from snnir.analysis.synapses import term_matrix
from snnir.calibration.causal import causal_words, is_causal, shifted_bias
from snnir.calibration.gathering import chosen_places, counted
from snnir.calibration.layerwise import RoundedPrefix, nearest_unit, rounded_train
from snnir.dialects.dense import from_dense
from snnir.dialects.snn import EncodeOp, FireOp, MaxPoolOp, ReadoutOp, SumPoolOp
from snnir.interpreters.snn import pool_window, run_snn
from snnir.interpreters.windows import first_largest, max_windows, sum_windows
from snnir.interpreters.words import spike_count

IMAGES = 48
"""What a full-scale is judged by; trains of all layers are kept for so many images."""

BIAS_PLACES = 1024
"""Places at which a causal layer's spikes decide its bias."""

STEP = 1.15
"""By what a full-scale is made larger or smaller, as long as that helps."""

PATIENCE = 2
"""After so many steps that do not help the search turns; levels of short trains make bumps."""

WORTHWHILE = 0.99
"""A full-scale is changed if the error falls to this share of itself; less is chance."""

UNIT = 2.0**-10
"""Unit of a layer's currents, in full-scales; far finer than weights will be."""


def learned(
    module: ModuleOp, images: np.ndarray, values: dict[SSAValue, np.ndarray], fixed: set[FireOp]
) -> dict[FireOp, float]:
    """By what each layer's full-scale is to be multiplied, of those that are not `fixed`.

    Coordinate descent: layer after layer the full-scale is made larger, or smaller, as long as the
    outputs come nearer to those of the float network. All trains are as they come, spike by spike
    where neurons fire while they integrate; weights are not rounded, means are corrected as
    quantise will correct them.

    Args:
        values: the real value of a step, per channel of each train; changed to what is chosen.
    """
    return dict(_Descent(module, images[:IMAGES], values).choices(fixed))


@dataclass
class _Drive:
    """What drives a layer's neurons, in its unit: a current for each step, or one for all."""

    op: LayerOp
    currents: list[np.ndarray]
    unit: np.ndarray
    bias: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """The mean current over the steps, with the bias, in real values."""
        mean = sum(self.currents) / np.float32(len(self.currents))
        mean *= self.unit.astype(np.float32).reshape(-1, 1, 1)
        mean += self.bias.astype(np.float32).reshape(-1, 1, 1)
        return mean


class _Descent:
    """The network on some images, of which layers from some one on can be run again."""

    def __init__(self, module: ModuleOp, images: np.ndarray, values: dict[SSAValue, np.ndarray]):
        self.values = values
        self.ops = list(network_of(module).body.block.ops)
        self.state = RoundedPrefix(module, images, values)
        ends = {op.current: op for op in layers(module)}
        parts: dict[Operation, list[np.ndarray]] = {op: [] for op in ends.values()}

        def observe(op: Operation, value: np.ndarray) -> None:
            if op.results[0] in ends:
                layer = ends[op.results[0]]
                bias = 0 if layer.bias is None else from_dense(layer.bias).reshape(-1, 1, 1)
                parts[layer].append(value[0] + bias)

        run_snn(module, images, observe=observe)
        self.real = {op: np.concatenate(part) for op, part in parts.items()}

    def choices(self, fixed: set[FireOp]) -> Iterator[tuple[FireOp, float]]:
        best = self.error(self.run(0))
        fires = [(i, op) for i, op in enumerate(self.ops) if isinstance(op, FireOp)]
        for index, op in counted(fires, len(fires)):
            if op in fixed:
                continue
            factor, best = self.descend(index, op, best)
            if factor != 1:
                self.scale(op, factor)
                self.run(index)
                yield op, factor

    def descend(self, index: int, op: FireOp, best: float) -> tuple[float, float]:
        """The factor of least error for one layer, and that error."""
        chosen = 1.0
        for step in (STEP, 1 / STEP):
            factor, missed = step, 0
            while missed < PATIENCE:
                error = self.tried(index, op, factor)
                if error < WORTHWHILE * best:
                    chosen, best, missed = factor, error, 0
                else:
                    missed += 1
                factor *= step
            if chosen != 1:
                break
        return chosen, best

    def tried(self, index: int, op: FireOp, factor: float) -> float:
        """The error of the outputs with another full-scale; nothing is kept of it."""
        trains, words = dict(self.state.trains), dict(self.state.words)
        self.scale(op, factor)
        error = self.error(self.run(index))
        self.scale(op, 1 / factor)
        self.state.trains, self.state.words = trains, words
        return error

    def scale(self, op: FireOp, factor: float) -> None:
        chosen, reached = self.values[op.train] * factor, [op.train]
        for value in reached:
            self.values[value] = chosen
            pools = (use.operation for use in value.uses)
            reached += [p.results[0] for p in pools if isinstance(p, MaxPoolOp | SumPoolOp)]

    def run(self, first: int) -> np.ndarray:
        """Runs the ops from one on, and gives the outputs."""
        outputs = None
        trains, words = self.state.trains, self.state.words
        for op in self.ops[first:]:
            match op:
                case EncodeOp():
                    trains[op.train] = self.state.encoded(op)
                case MaxPoolOp():
                    trains[op.train] = max_windows(trains[op.source], **pool_window(op))
                    if op.source in words:
                        keys = spike_count(words[op.source], op.train.type.steps.data)
                        words[op.train] = first_largest(words[op.source], keys, **pool_window(op))
                case SumPoolOp():
                    trains[op.sum] = sum_windows(trains[op.source], **pool_window(op))
                case FireOp():
                    self.fire(self.drive(op))
                case ReadoutOp():
                    outputs = self.drive(op).mean
        return outputs

    def error(self, outputs: np.ndarray) -> float:
        """How far the outputs are from the float network's, as a share of their variance."""
        wanted = next(self.real[op] for op in self.ops[::-1] if op in self.real)
        power = float(wanted.var())
        return float(((outputs - wanted) ** 2).mean()) / power if power else 0.0

    def drive(self, op: LayerOp) -> _Drive:
        """A layer's currents; of each channel, unit and bias are corrected as quantise does it."""
        peaks = np.abs(self.real[op]).max(axis=(0, 2, 3)).astype(np.float64)
        unit = np.maximum(peaks, peaks.max() * UNIT + 1e-30) * UNIT
        rows = []
        for synapse in branches(op):
            matrix, channel = term_matrix(synapse)
            rows.append(matrix * self.values[synapse.source][channel] / unit[:, None])
        currents = self.state.currents(op, rows)
        found = sum(map(_at_places, currents)) / np.float32(len(currents))
        real = _at_places(self.real[op])
        if isinstance(op, FireOp):
            unit = nearest_unit(real, found, unit)
        means = [array.mean(axis=1, dtype=np.float64) for array in (real, found)]
        bias = means[0] - means[1] * unit
        return _Drive(op, currents, unit, bias)

    def fire(self, drive: _Drive) -> None:
        op, value = drive.op, self.values[drive.op.train]
        if not is_causal(op):
            steps = drive.mean
            steps /= value.astype(np.float32).reshape(-1, 1, 1)
            self.state.trains[op.train] = rounded_train(steps, op)
            return
        steps = op.train.type.steps.data
        wanted = np.clip(_at_places(self.real[op]), 0, value[:, None])
        currents = [_at_places(current) for current in drive.currents]
        bias = shifted_bias(op, currents, wanted, drive.unit, drive.bias, value)
        words = causal_words(op, drive.currents, drive.unit, bias, value)
        self.state.words[op.train] = words
        self.state.trains[op.train] = np.float32(spike_count(words, steps)) / np.float32(steps)


def _at_places(maps: np.ndarray) -> np.ndarray:
    """(C, places) of maps (N, C, H, W)."""
    n, channels, height, width = maps.shape
    image, inner = np.divmod(chosen_places(n * height * width, BIAS_PLACES), height * width)
    return maps.reshape(n, channels, -1)[image, :, inner].T
