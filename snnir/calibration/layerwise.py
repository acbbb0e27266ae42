"""The network as it is being rounded, layer after layer, on the calibration images."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from snnir.analysis.network import LayerOp, branches, network_of
from snnir.calibration.causal import (
    causal_words,
    is_causal,
    shifted_bias,
)
from snnir.calibration.gathering import chosen_places
from snnir.dialects.assembly import int_list
from snnir.dialects.snn import (
    ConvOp,
    DenseOp,
    EncodeOp,
    FireOp,
    MaxPoolOp,
    ReadoutOp,
    SumPoolOp,
    SynapseOp,
)
from snnir.interpreters.images import (
    input_values,
    padded_images,
    per_channel,
    pixels_of,
    words_of,
)
from snnir.interpreters.snn import delayed, pool_window, transmit
from snnir.interpreters.windows import first_largest, max_windows, pad_or_crop, sum_windows
from snnir.interpreters.words import planes_of, spike_count

Correction = Literal["affine", "bias", "none"]


class RoundedPrefix:
    """What each train holds, in steps of the train, while layers are rounded one after the other.

    A step is what the least spike stands for (of a direct train, one pixel above the zero point; of
    a rate train, a spike in every timestep). Trains of neurons that fire while they integrate are
    computed spike by spike, all others with the values that they stand for.

    Args:
        values: the real value of a step, per channel of each train.
    """

    def __init__(self, module: ModuleOp, images: np.ndarray, values: dict[SSAValue, np.ndarray]):
        self.module, self.images, self.values = module, images, values
        self.trains: dict[SSAValue, np.ndarray] = {}
        self.words: dict[SSAValue, np.ndarray] = {}

    def layers(self) -> Iterator[LayerOp]:
        """Each layer when its inputs are known; `finish` must be called before the next."""
        ops = list(network_of(self.module).body.block.ops)
        last: dict[SSAValue, int] = {}
        for index, op in enumerate(ops):
            if isinstance(op, MaxPoolOp | SumPoolOp):
                last[op.source] = index
            elif isinstance(op, FireOp | ReadoutOp):
                last |= {synapse.source: index for synapse in branches(op)}
        for index, op in enumerate(ops):
            match op:
                case EncodeOp():
                    self.trains[op.train] = self.encoded(op)
                case MaxPoolOp() | SumPoolOp():
                    pool = max_windows if isinstance(op, MaxPoolOp) else sum_windows
                    self.trains[op.results[0]] = pool(self.trains[op.source], **pool_window(op))
                    if isinstance(op, MaxPoolOp) and op.source in self.words:
                        steps = op.train.type.steps.data
                        keys = spike_count(self.words[op.source], steps)
                        words = first_largest(self.words[op.source], keys, **pool_window(op))
                        self.words[op.train] = words
                case FireOp() | ReadoutOp():
                    yield op
            for value in [value for value in self.trains if last.get(value, 0) <= index]:
                del self.trains[value]
                # A sum of pools is made of its source's words when it is used.
                if not any(isinstance(use.operation, SumPoolOp) for use in value.uses):
                    self.words.pop(value, None)

    def encoded(self, op: EncodeOp) -> np.ndarray:
        zero = per_channel(op.zero)
        zero = np.zeros(op.train.type.dims[0]) if zero is None else zero
        steps = input_values(op, self.images)
        if op.train.type.coding_name == "rate":
            self.words[op.train] = padded_images(op, words_of(op, pixels_of(op, self.images)))
        return padded_images(op, steps - zero.astype(np.float32).reshape(-1, 1, 1))

    def finish(
        self,
        op: LayerOp,
        integers: list[np.ndarray],
        unit: np.ndarray,
        bias: np.ndarray,
        real: np.ndarray,
        *,
        correction: Correction,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Runs a rounded layer, and gives its unit and bias, corrected as is wanted.

        `bias` makes each channel's mean current the float one's. `affine` also takes the unit at
        which the current is nearest to the float one (least squares): a rounded layer whose inputs
        were rounded is fainter or louder than the float one, and a bias cannot mend that. Where
        neurons fire while they integrate, the bias is then moved until the spikes are right.

        Args:
            integers: of each branch, (M, terms).
            real: the float network's currents at the chosen places, without the bias.
        """
        currents = self.currents(op, integers)
        current = currents[0] if len(currents) == 1 else sum(currents) / np.float32(len(currents))
        if correction != "none":
            n, channels, height, width = current.shape
            image, inner = np.divmod(chosen_places(n * height * width), height * width)

            def at_places(values: np.ndarray) -> np.ndarray:
                return values.reshape(n, channels, -1)[image, :, inner].T

            found = at_places(current)
            float_bias = bias
            if correction == "affine" and isinstance(op, FireOp):
                unit = nearest_unit(real, found, unit)
            means = [values.mean(axis=1, dtype=np.float64) for values in (real, found)]
            bias = bias + means[0] - means[1] * unit
            if is_causal(op):
                top = self.values[op.train] if op.ceiling is None else op.ceiling.value.data
                wanted = np.clip(real + float_bias[:, None], 0, np.reshape(top, (-1, 1)))
                bias = shifted_bias(
                    op, [at_places(c) for c in currents], wanted, unit, bias, self.values[op.train]
                )
        if is_causal(op):
            value = self.values[op.train]
            steps = op.train.type.steps.data
            self.words[op.train] = causal_words(op, currents, unit, bias, value)
            self.trains[op.train] = np.float32(
                spike_count(self.words[op.train], steps)
            ) / np.float32(steps)
        elif isinstance(op, FireOp):
            value = self.values[op.train]
            scale, shift = (
                (array / value).astype(np.float32).reshape(-1, 1, 1) for array in (unit, bias)
            )
            current = current * scale
            current += shift
            self.trains[op.train] = rounded_train(current, op)
        return unit, bias

    def currents(self, op: LayerOp, integers: list[np.ndarray]) -> list[np.ndarray]:
        """Currents of each step, or once where only their mean matters or all are alike."""
        parts = []
        for synapse, rows in zip(branches(op), integers, strict=True):
            rows = rows.astype(np.float32).reshape(synapse.weights.get_shape())
            planes = self.planes(synapse.source) if is_causal(op) else [self.trains[synapse.source]]
            if len(planes) > 1:
                planes = delayed(planes, synapse.delay_steps)
            parts.append([transmit(synapse, rows, plane) for plane in planes])
        count = max(map(len, parts))
        return [sum(part[t if len(part) > 1 else 0] for part in parts) for t in range(count)]

    def planes(self, source: SSAValue) -> list[np.ndarray]:
        """What a train, or a sum of trains, holds in each step; once where all steps are alike."""
        op = source.owner
        if isinstance(op, SumPoolOp) and op.source in self.words:
            return [sum_windows(plane, **pool_window(op)) for plane in self.planes(op.source)]
        if source not in self.words:
            return [self.trains[source]]
        return planes_of(self.words[source], source.type.steps.data)

    def inputs(self, synapse: SynapseOp) -> np.ndarray | None:
        """What a synapse's weights see at the chosen places; see `window_inputs`."""
        return window_inputs(synapse, self.trains[synapse.source])


def window_inputs(
    synapse: SynapseOp, plane: np.ndarray, most: int | None = None
) -> np.ndarray | None:
    """What a synapse's weights see at the chosen places of a plane, (K, places).

    None where outputs see different inputs.
    """
    height, width = synapse.current.type.dims[1:]
    places = chosen_places(len(plane) * height * width, most)
    if isinstance(synapse, DenseOp):
        return np.ascontiguousarray(plane.reshape(len(plane), -1)[places].T)
    if not isinstance(synapse, ConvOp) or synapse.groups.value.data != 1:
        return None
    x = pad_or_crop(plane.reshape(len(plane), *synapse.seen), int_list(synapse.pads))
    strides, dilations = int_list(synapse.strides), int_list(synapse.dilations)
    kernel = synapse.weights.get_shape()[2:]
    image, place = np.divmod(places, height * width)
    corner = np.unravel_index(place, int_list(synapse.current.type.shape)[1:])
    found = np.empty((x.shape[1], math.prod(kernel), len(places)), np.float32)
    for tap, at in enumerate(np.ndindex(*kernel)):
        inside = (
            c * stride + k * dilation
            for c, stride, k, dilation in zip(corner, strides, at, dilations, strict=True)
        )
        found[:, tap] = x[(image, slice(None), *inside)].T
    return found.reshape(-1, len(places))


def nearest_unit(real: np.ndarray, found: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """The unit per channel at which integer currents are nearest to the real ones, but for a bias.

    It stays within half and twice of what it is, and is kept where the current hardly changes.

    Args:
        real, found: (M, places).
    """
    real, found = (values.astype(np.float64) for values in (real, found))
    mean = found.mean(axis=1, keepdims=True)
    centred = found - mean
    square = np.einsum("mn,mn->m", centred, centred)
    product = np.einsum("mn,mn->m", real, centred)
    varies = square > 1e-6 * (mean[:, 0] ** 2 * found.shape[1] + 1e-30)
    best = np.divide(product, square, out=unit.astype(np.float64), where=varies)
    return np.clip(best, unit / 2, unit * 2)


def rounded_train(steps: np.ndarray, op: FireOp) -> np.ndarray:
    """What a layer's trains hold when its neurons are driven by `steps`."""
    train = op.train.type
    if train.coding_name == "rate":
        count = train.steps.data
        return np.clip(np.floor(steps * count + np.float32(0.5)), 0, count) / np.float32(count)
    return np.clip(np.floor(steps + np.float32(0.5)), 0, np.float32(train.peak))
