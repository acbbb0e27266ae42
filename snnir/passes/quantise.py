"""quantise: weights, biases and thresholds become integers whose widths are proven."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import DenseArrayBase, DictionaryAttr, ModuleOp, f64
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from snnir.analysis.intervals import signed_bits
from snnir.analysis.network import (
    LayerOp,
    branches,
    encode_of,
    is_rate,
    layers,
    neuron_of,
    schedule,
)
from snnir.analysis.neuron_parameters import neuron_parameters
from snnir.analysis.ranges import current_range, neuron_ranges
from snnir.analysis.synapses import offset_current, term_matrix, with_weights
from snnir.analysis.windows import kept_windows
from snnir.calibration.gathering import counted, gather
from snnir.calibration.images import load_calibration
from snnir.calibration.layerwise import RoundedPrefix
from snnir.calibration.rounding import round_weights, top_level, weight_units
from snnir.calibration.second_order import round_second_order
from snnir.calibration.sensitivity import IMAGES, NARROWEST, allot, record, sensitivities
from snnir.dialects.assembly import integer
from snnir.dialects.dense import from_dense, to_dense
from snnir.dialects.snn import FireOp, OneToOneOp
from snnir.errors import UserError
from snnir.passes._by_layer import ByLayer, by_layer, check_known
from snnir.passes._layer_in_work import (
    IDENTITY_BITS,
    MAX_FRACTION,
    LayerInWork,
    as_given,
    levels_of,
    train_values,
    wanted_fraction,
)

MEMBRANE_BITS = 31

SECOND_ORDER_BITS = 6
"""Above, rounding errors are too small for their order to matter."""


@dataclass(frozen=True)
class QuantisePass(ModulePass):
    """Makes the network an exact integer machine.

    What: weights become symmetric integers of `weight-bits` bits with one scale for each output
    channel; thresholds and biases become integers on the same scale; the widths of accumulators and
    membranes follow by range analysis and hold for any input.

    Algorithm. A spike of least weight of a train stands for q = A / (2^T - 1) in radix and A in
    rate coding, A being the threshold that threshold-balance found; a pixel step stands for the
    input's scale. Input scales are multiplied into the float weights, the weights of channel c are
    divided by their unit u_c and rounded, and then

        theta_c = q_c / u_c * 2^fraction        bias_c = b_c / u_c * 2^fraction - offset_c

    (b_c enters once in radix, at every step in rate coding). offset_c is the current that the
    input's zero point causes, from the rounded weights, so that it cancels exactly. One `fraction`
    serves the network: as many bits as keep the scale error of every channel below an eighth of an
    output step at full-scale, and fewer if a membrane would exceed 31 bits otherwise.

    Joined layers (snn.add) need one unit for all branches: the largest that a convolution or dense
    branch needs. Identity branches then get integers of up to 16 bits; the machine cuts them into
    digits. A lone one-to-one synapse (a relay) gets weight 1 and repeats trains exactly.

    The readout's potentials become real by its `scale`. With `readout=layer` all outputs share a
    unit, so the largest integer is the largest output; with `readout=channel` each has its own.

    With `calibration` images the rounded network runs on them a layer at a time, so that each layer
    is rounded for the trains that the rounded layers before it make. The float network's currents
    are those that threshold-balance gathered (2,048 places of each map; `snnc compile` keeps them):

      - `rounding=gptq` rounds a layer's weights one input after the other, and each takes up what
        the errors of those before it make of the current (`snnir.calibration.second_order`);
      - `correction=affine` then gives each channel the unit and the bias at which its current is
        nearest to the float one's, whatever rounding and clipping have done so far; `bias` shifts
        its mean alone. Units of the readout stay. Neurons that fire while they integrate run spike
        by spike; both corrections then move their biases on until the spikes' mean is the float
        network's activation, as far as that brings them nearer (`snnir.calibration.causal`).

    A layer whose integers training has fixed (`given`) keeps them, whatever the options say.

    Assumptions: threshold-balance has run.

    With `mean-bits=4.5` each layer gets bits of its own, from 2 to `weight-bits`, so that all
    weights of convolutions and dense layers together have 4.5 bits in the mean or less. For each
    width the error of a layer's currents is measured on calibration images, as a share of their
    variance. From the widest on, the layer is narrowed that pays least error for the bits it gives
    back; the attribute `by_bits` records what was measured (`snnir.calibration.sensitivity`).

    Options: `weight-bits` 2 to 8; `bits-of=conv2:3,fc:8` for single layers, or `mean-bits`;
    `rounding` minmax (the largest weight is the largest integer), mse (clip where the squared error
    is least), gptq (the units of mse; mse itself where there are no images and for grouped
    convolutions), or auto: gptq for up to 6 bits, mse for more, where it makes no difference;
    `correction` affine, bias or none; `fraction` fixed instead of chosen; `readout`; `calibration`
    file and `samples` read from it, as in threshold-balance.

    Source: Jacob et al., CVPR 2018 (integer arithmetic and zero points); Gerlinghoff et al., IEEE
    TPDS 2022 (radix); Frantar et al., ICLR 2023 (GPTQ); Nagel et al., ICCV 2019 (bias correction);
    Li et al., ICML 2021 (biases shifted for spikes).
    """

    name = "quantise"
    weight_bits: int = 8
    rounding: Literal["auto", "minmax", "mse", "gptq"] = "auto"
    correction: Literal["affine", "bias", "none"] = "affine"
    fraction: int | None = None
    readout: Literal["layer", "channel"] = "layer"
    calibration: str | None = None
    samples: int = 128
    mean_bits: float | None = None
    bits_of: ByLayer = None

    def __post_init__(self) -> None:
        if not 2 <= self.weight_bits <= 8:
            raise UserError(f"weight-bits is {self.weight_bits}, allowed are 2 to 8")
        if self.fraction is not None and not 0 <= self.fraction <= MAX_FRACTION:
            raise UserError(f"fraction is {self.fraction}, allowed are 0 to {MAX_FRACTION}")
        if self.samples < 1:
            raise UserError(f"samples is {self.samples}, at least one image is needed")
        if self.mean_bits is not None and not NARROWEST <= self.mean_bits <= 8:
            raise UserError(f"mean-bits is {self.mean_bits:g}, allowed are {NARROWEST} to 8")
        if by_layer("bits-of", self.bits_of, NARROWEST, 8) and self.mean_bits is not None:
            raise UserError("bits-of and mean-bits both give layers their bits, use one of them")

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        values = train_values(op)
        pending = list(self.rounded(op, values))
        for ready in pending:
            for synapse, rows, bits in zip(ready.synapses, ready.integers, ready.bits, strict=True):
                with_weights(synapse, rows, bits)
        fraction = self.fraction
        if fraction is None:
            fraction = max((wanted_fraction(ready) for ready in pending), default=0)
        zero = encode_of(op).zero
        zeros = None if zero is None else np.array(zero.get_values())
        while True:
            widest = max((self.finish(ready, fraction, zeros) for ready in pending), key=_bits)
            if _bits(widest) <= MEMBRANE_BITS:
                return
            if self.fraction is not None or fraction == 0:
                raise UserError(
                    f"membranes of {_bits(widest)} bits, the machine has at most {MEMBRANE_BITS}",
                    where=f"layer '{widest.label.data}'",
                    hint="use fewer timesteps, fewer weight-bits or a smaller fraction",
                )
            fraction -= 1

    def widths(self, module: ModuleOp, values: dict[SSAValue, np.ndarray]) -> list[int]:
        """Bits of each layer's weights; where they are chosen, by what is recorded."""
        ops = list(layers(module))
        own = by_layer("bits-of", self.bits_of, NARROWEST, 8)
        check_known("bits-of", own, [op.label.data for op in ops])
        if self.mean_bits is None:
            return [own.get(op.label.data, self.weight_bits) for op in ops]
        if self.calibration is None:
            raise UserError(
                "mean-bits needs calibration data, to measure what each bit is worth",
                hint="give quantise{calibration=FILE.npz}",
            )
        images = load_calibration(self.calibration, IMAGES, encode_of(module))
        found = sensitivities(module, images, values, self.weight_bits)
        for op, one in zip(ops, found, strict=True):
            record(op, one)
        return allot(found, self.mean_bits)

    def rounded(
        self, module: ModuleOp, values: dict[SSAValue, np.ndarray]
    ) -> Iterator[LayerInWork]:
        """The layers with their integers, in order; with data, each knows what is before it."""
        widths = self.widths(module, values)
        if self.calibration is None or all(op.given is not None for op in layers(module)):
            for op, bits in zip(layers(module), widths, strict=True):
                ready = self.prepare(op, values)
                self.round(ready, bits)
                yield ready
            return
        images = load_calibration(self.calibration, self.samples, encode_of(module))
        currents = gather(module, images).currents
        prefix = RoundedPrefix(module, images, values)
        work = zip(counted(currents, len(currents)), prefix.layers(), widths, strict=True)
        for real, op, bits in work:
            ready = self.prepare(op, values)
            self.round(ready, bits, prefix)
            correction = self.correction if op.given is None else "none"
            ready.unit, ready.bias = prefix.finish(
                op, ready.integers, ready.unit, ready.bias, real, correction=correction
            )
            yield ready

    def prepare(self, op: LayerOp, values: dict[SSAValue, np.ndarray]) -> LayerInWork:
        """The layer's real weights per input step, bias and output step."""
        label = op.label.data
        synapses = branches(op)
        weights = []
        for synapse in synapses:
            if synapse.weight_bits is not None:
                raise UserError("the weights are integers already", where=f"layer '{label}'")
            matrix, channel = term_matrix(synapse)
            weights.append(matrix.astype(np.float64) * values[synapse.source][channel])
        channels = op.current.type.dims[0]
        bias = np.zeros(channels) if op.bias is None else from_dense(op.bias)
        if not all(np.isfinite(array).all() for array in (*weights, bias)):
            raise UserError("weights or biases are NaN or infinite", where=f"layer '{label}'")
        spike = values[op.train] if isinstance(op, FireOp) else None
        return LayerInWork(op, synapses, weights, bias.astype(np.float64), spike)

    def round(self, layer: LayerInWork, bits: int, prefix: RoundedPrefix | None = None) -> None:
        """Chooses the unit of each output channel and rounds the weights to it."""
        if layer.op.given is not None:
            as_given(layer)
            return
        wide = [isinstance(s, OneToOneOp) for s in layer.synapses]
        if len(wide) == 1 and wide[0] and self.units_may_differ(layer):
            units = [np.abs(layer.weights[0][:, 0])]
        else:
            chosen = [
                weights
                for weights, identity in zip(layer.weights, wide, strict=True)
                if not identity or all(wide)
            ]
            method = "minmax" if self.rounding == "minmax" else "mse"
            units = [weight_units(weights, bits, method) for weights in chosen]
        unit = np.max(units, axis=0)
        identities = [w for w, identity in zip(layer.weights, wide, strict=True) if identity]
        for weights in identities:
            unit = np.maximum(unit, np.abs(weights).max(axis=1) / top_level(IDENTITY_BITS))
        layer.unit = self.bounded(layer, unit)
        second = self.rounding == "gptq" or (self.rounding == "auto" and bits <= SECOND_ORDER_BITS)
        error = None
        for synapse, weights, identity in zip(layer.synapses, layer.weights, wide, strict=True):
            inputs = prefix.inputs(synapse) if prefix and second and not identity else None
            if inputs is None:
                rows = round_weights(weights, layer.unit, IDENTITY_BITS if identity else bits)
            else:
                rows, error = round_second_order(weights, layer.unit, bits, inputs, error)
            layer.integers.append(rows)
            needed = max(2, signed_bits(int(rows.min()), int(rows.max())))
            layer.bits.append(needed if identity else bits)

    def units_may_differ(self, layer: LayerInWork) -> bool:
        """Whether each channel of a lone one-to-one synapse can have its weight as its unit."""
        rows = np.abs(layer.weights[0])
        return layer.spike is not None or self.readout == "channel" or bool(np.all(rows == rows[0]))

    def bounded(self, layer: LayerInWork, unit: np.ndarray) -> np.ndarray:
        """Units that are neither 0 nor so small that thresholds and biases become huge.

        A channel whose weights are (almost) all zero would otherwise ask for a membrane that holds
        its bias in units of nothing.
        """
        levels = levels_of(layer.op)
        if layer.spike is not None:
            # The membrane has to hold `levels` thresholds and some more.
            bound = 2.0 ** min(16, 29 - levels.bit_length())
            return np.maximum(unit, np.maximum(layer.spike, np.abs(layer.bias) / levels) / bound)
        if self.readout == "layer":
            unit = np.full_like(unit, unit.max())
        floor = max(unit.max() / 256, np.abs(layer.bias).max() / 2**22)
        return np.maximum(unit, floor if floor > 0 else 1.0)

    def finish(self, layer: LayerInWork, fraction: int, zeros: np.ndarray | None) -> LayerOp:
        """Writes parameters and widths; may be repeated with another fraction."""
        op = layer.op
        if op.given is not None:
            fraction = op.given.data["fraction"].value.data
        step = 2.0**fraction
        offset = np.zeros(len(layer.unit))
        for synapse in layer.synapses:
            if zeros is not None and synapse.source.type.coding_name == "direct":
                offset = offset + offset_current(synapse, zeros)
        bias = layer.bias / layer.unit - offset
        params = {"bias": np.rint(bias * step)}
        if layer.spike is not None:
            params["theta"] = np.maximum(np.rint(layer.spike / layer.unit * step), 1)
        if op.given is not None:
            given = op.given.data
            params = {name: np.array(given[name].get_values()) for name in given if name in params}
            params["bias"] = params["bias"] - np.rint(offset * step)
        params = neuron_parameters(op, params)
        limit = 2.0**MEMBRANE_BITS
        arrays = {
            name: np.rint(np.clip(values, -limit, limit)).astype(np.int64)
            for name, values in params.items()
        }
        op.properties["fraction"] = integer(fraction)
        if isinstance(op, FireOp):
            op.properties["unit"] = DenseArrayBase.from_list(f64, layer.spike.tolist())
        else:
            steps = op.current.type.steps.data if is_rate(op) else 1
            scale = layer.unit / (step * steps)
            if op.decision is not None:
                # Scores are what they are.
                scale = np.ones_like(scale)
            op.properties["scale"] = DenseArrayBase.from_list(f64, scale.tolist())
        current = current_range(op.current.owner)
        try:
            ranges = neuron_ranges(
                neuron_of(op), arrays, current, **schedule(op), windows=kept_windows(op)
            )
        except UserError as error:
            where = f"layer '{op.label.data}'"
            raise UserError(error.what, where=where, hint=error.hint) from error
        op.properties["acc_bits"] = integer(signed_bits(current[0].min(), current[1].max()))
        op.properties["membrane_bits"] = integer(ranges.bits)
        fits = ranges.bits <= MEMBRANE_BITS
        dtype = np.int32 if fits else np.int64
        op.properties["params"] = DictionaryAttr(
            {name: to_dense(array.astype(dtype)) for name, array in arrays.items()}
        )
        if fits:
            for name in ("bias", "threshold", "ceiling", "given", "settings"):
                op.properties.pop(name, None)
        return op


def _bits(op: LayerOp) -> int:
    return op.membrane_bits.value.data
