"""threshold-balance: the activation that a full train stands for, from calibration data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import DenseArrayBase, ModuleOp, f64
from xdsl.passes import ModulePass

from snnir.analysis.network import branches, encode_of, layers, neuron_of, producer
from snnir.calibration.causal import is_causal
from snnir.calibration.clipping import learned
from snnir.calibration.gathering import gather
from snnir.calibration.images import Histogram, load_calibration, synthetic_images
from snnir.dialects.dense import from_dense, to_dense
from snnir.dialects.snn import EncodeOp, FireOp, OneToOneOp
from snnir.dialects.snn_types import SumType
from snnir.errors import UserError
from snnir.passes._input_padding import move_input_padding
from snnir.passes._layer_in_work import train_values

UNEVEN = 2
"""By how much fewer steps would lose as much as the uneven spikes of causal neurons."""


@dataclass(frozen=True)
class ThresholdBalancePass(ModulePass):
    """Chooses each layer's threshold: the full-scale activation A, where the train is all spikes.

    What: a train of T steps has a finite number of values (2^T in radix, T + 1 in rate coding) that
    are spread evenly over 0..A. A large A wastes them, a small one clips. The pass runs the float
    network on calibration images, counts each layer's activations in a histogram and takes A by

      - `max`: the largest activation seen,
      - `percentile`: the value that `percentile` per cent of the positive activations stay below,
      - `mse`: the A of least mean square error when the activations are rounded to the train's
        values and clipped, searched over 64 candidates down to a fifth of the maximum. Neurons that
        fire in the step that they integrate are counted as if they had half of the steps, since
        their spikes come too early or too late; those that listen ahead have all of them.

      - `learned`: the A of `mse`, then made larger or smaller by 15 % at a time, layer after layer,
        as long as the network's outputs come nearer to the float network's by a hundredth of
        their error. The trains are those that will be, spike by spike where neurons fire while
        they integrate; weights are not rounded, and means are corrected as in quantise
        (`snnir.calibration.clipping`). It takes as long as some runs of the network for each layer.

    Algorithm: one run over the images, which also gathers what quantise needs. Where all a layer's
    trains go through a max pool, the pooled activations are counted, because only these are used.
    `per-channel` makes one A per output channel; the weights of the next layer take up the factors
    in quantise. A channel that never fires gets its layer's A. An identity relay keeps its source's
    A, so that it repeats trains exactly. A Clip's ceiling bounds A.

    The pass also gives the input its scale, if convert-onnx-to-snn was not told: max / 255 for
    images without negative values, else offset binary with zero point 128. uint8 images are taken
    as the pixels themselves (scale 1).

    A layer keeps the threshold that a trained or quantised file gives it; where all layers are
    `given`, nothing is measured.

    Assumptions: the images in array `x` of the .npz file are of the kind that the network will see;
    a few hundred are enough. Without a file, seeded uniform noise is used, with a warning.

    Options: `calibration` file, `samples` read from it, `method`, `percentile`, `per-channel`.

    Source: Diehl et al., IJCNN 2015 (max); Nagel et al., arXiv:2106.08295 (mse; outputs decide);
    Rueckauer et al., Frontiers in Neuroscience 2017 (percentile); per channel: Kim et al., AAAI
    2020 (Spiking-YOLO).
    """

    name = "threshold-balance"
    calibration: str | None = None
    samples: int = 128
    method: Literal["max", "percentile", "mse", "learned"] = "mse"
    percentile: float = 99.9
    per_channel: bool = False

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise UserError(f"samples is {self.samples}, at least one image is needed")
        if not 0 < self.percentile <= 100:
            raise UserError(f"percentile is {self.percentile}, allowed is above 0 up to 100")

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        encode = encode_of(op)
        if encode.scale is not None and all(layer.given is not None for layer in layers(op)):
            return
        if self.calibration is None:
            images = synthetic_images(encode, min(self.samples, 64))
        else:
            images = load_calibration(self.calibration, self.samples, encode)
        if encode.scale is None:
            _scale_input(encode, images)
            move_input_padding(encode)
        fires = [layer for layer in layers(op) if isinstance(layer, FireOp)]
        fixed = {layer for layer in fires if layer.threshold is not None}
        for layer, histogram in zip(fires, gather(op, images).histograms, strict=True):
            layer.properties["threshold"] = to_dense(self.full_scale(layer, histogram))
        if self.method == "learned":
            repeats = {layer for layer in fires if _repeated(layer) is not None}
            for layer, factor in learned(op, images, train_values(op), fixed | repeats).items():
                rescale(layer, factor)

    def full_scale(self, layer: FireOp, histogram: Histogram) -> np.ndarray:
        """A per channel, or one for the layer, as float32."""
        if layer.threshold is not None:
            return from_dense(layer.threshold)
        source = _repeated(layer)
        if source is not None:
            return from_dense(source.threshold)
        chosen = self.choose(histogram.merged(), layer)
        if self.per_channel:
            layer_wide = float(chosen[0])
            chosen = self.choose(histogram, layer)
            # A channel that hardly ever fires must not blow up the next layer's weights.
            chosen = np.where(chosen > layer_wide / 64, chosen, layer_wide / 64)
            chosen = np.where(histogram.peaks > 0, chosen, layer_wide)
        chosen = np.where(chosen > 0, chosen, 1.0)
        if layer.ceiling is not None:
            chosen = np.minimum(chosen, layer.ceiling.value.data)
        return chosen.astype(np.float32)

    def choose(self, histogram: Histogram, layer: FireOp) -> np.ndarray:
        train = layer.train.type
        match self.method:
            case "max":
                return histogram.peaks
            case "percentile":
                return histogram.percentile(self.percentile)
            case _:
                # Spikes that come too early or too late err like a train of fewer steps.
                hasty = is_causal(layer) and neuron_of(layer).emission.data == "causal"
                steps = max(1, round(train.peak / UNEVEN)) if hasty else train.peak
                return histogram.least_error(steps)


def rescale(layer: FireOp, factor: float) -> None:
    """Gives a layer another full-scale, and the layers that repeat its trains."""
    threshold = from_dense(layer.threshold) * np.float32(factor)
    if layer.ceiling is not None:
        threshold = np.minimum(threshold, np.float32(layer.ceiling.value.data))
    layer.properties["threshold"] = to_dense(threshold)
    for other in layer.train.uses:
        if isinstance(other.operation, OneToOneOp):
            for user in other.operation.current.uses:
                if isinstance(user.operation, FireOp) and _repeated(user.operation) is layer:
                    rescale(user.operation, factor)


def _scale_input(encode: EncodeOp, images: np.ndarray) -> None:
    """Maps the calibration images' range on the pixels."""
    channels, bits = encode.train.type.dims[0], encode.train.type.steps.data
    top = (1 << bits) - 1
    if images.dtype == np.uint8:
        scale, zero = 255 / top, 0.0
    else:
        low, high = float(images.min()), float(images.max())
        zero = 0.0 if low >= 0 else float(1 << (bits - 1))
        largest = high if low >= 0 else max(high, -low)
        scale = largest / (top if low >= 0 else top - zero)
    scale = scale if scale > 0 and math.isfinite(scale) else 1.0
    for name, value in (("scale", scale), ("zero", zero)):
        encode.properties[name] = DenseArrayBase.from_list(f64, [value] * channels)


def _repeated(layer: FireOp) -> FireOp | None:
    """The layer whose trains this one repeats, if it is an identity relay."""
    synapses = branches(layer)
    if len(synapses) > 1 or not isinstance(synapses[0], OneToOneOp) or layer.bias is not None:
        return None
    synapse = synapses[0]
    source = producer(synapse.source)
    exact = not isinstance(synapse.source.type, SumType) and layer.ceiling is None
    if exact and isinstance(source, FireOp) and np.all(from_dense(synapse.weights) == 1):
        return source
    return None
