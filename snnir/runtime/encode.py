"""Between real numbers and the machine's integers: images in, potentials out.

The dictionaries are `input` and `output` of a build folder's manifest. A pixel u of channel c
stands for `scale[c] * (u - zero[c])`, or, where it is the word of a train (`coding` rate), its n
spikes of T for `scale[c] * n / T`; a potential V of output c for `activation(scale[c] * V)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snnir.interpreters.images import checked_words
from snnir.interpreters.snn import activate


def encode_frames(input: Mapping[str, Any], x: np.ndarray) -> np.ndarray:
    """The machine's input, uint8 (N, H, W, C): quantised and padded, in the order of the wire.

    A volume (C, D, H, W) comes with its slices as channels, d * C + c.

    Args:
        x: uint8 pixels, or floats as the model takes them; (N, *anything of the image's size).
    """
    scale, zero, top = _pixel(input)
    images = x.reshape(len(x), *input["image"])
    if input["coding"] == "rate":
        pixels = checked_words(images, input["bits"])
    elif images.dtype == np.uint8:
        pixels = images if top == 255 else np.rint(images * (top / 255))
    else:
        pixels = np.clip(np.rint(images / scale + zero), 0, top)
    channels, *extents = input["image"]
    pads, rank = input["pads"], len(input["pads"]) // 2
    extents = [1] * (3 - len(extents)) + extents
    begins, ends = ([0] * (3 - rank) + pads[at : at + rank] for at in (0, rank))
    depth, height, width = (n + a + b for n, a, b in zip(extents, begins, ends, strict=True))
    inside = tuple(slice(a, a + n) for n, a in zip(extents, begins, strict=True))
    # A volume's slices lie one behind the other in the channels of a pixel.
    frames = np.empty((len(x), depth, height, width, channels), np.uint8)
    frames[:] = np.clip(np.rint(zero), 0, top).reshape(-1)
    volumes = pixels.reshape(len(x), channels, *extents)
    frames[(slice(None), *inside)] = np.moveaxis(volumes, 1, -1)
    return frames.transpose(0, 2, 3, 1, 4).reshape(len(x), height, width, depth * channels)


def real_inputs(input: Mapping[str, Any], x: np.ndarray) -> np.ndarray:
    """Inputs as the float model takes them, from pixels or from such inputs themselves."""
    if input.get("windows", 1) != 1:
        # The float model knows no time: it sees the mean.
        each = real_inputs({**input, "windows": 1}, x.reshape(-1, *x.shape[2:]))
        return each.reshape(*x.shape[:2], *each.shape[1:]).mean(axis=1, dtype=np.float32)
    if x.dtype != np.uint8:
        return x
    scale, zero, top = _pixel(input)
    pixels = x.reshape(len(x), *input["image"]).astype(np.float64) * (top / 255)
    if input["coding"] == "rate":
        pixels = np.bitwise_count(x.reshape(len(x), *input["image"])) / input["bits"]
    return ((pixels - zero) * scale).astype(np.float32).reshape(len(x), *input["shape"])


def real_outputs(output: Mapping[str, Any], potentials: np.ndarray) -> np.ndarray:
    """The network's outputs, in the shape that the model gives them."""
    values = potentials.reshape(len(potentials), len(output["scale"]), -1)
    real = values * np.array(output["scale"]).reshape(-1, 1)
    return activate(real.reshape(len(potentials), *output["shape"]), output["activation"])


def _pixel(input: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray, int]:
    """Scale and zero as arrays (C, 1, 1) or (C, 1, 1, 1), and the largest pixel."""
    per_channel = (-1, *(1 for _ in input["image"][1:]))
    scale = np.array(input["scale"], np.float64).reshape(per_channel)
    zero = np.array(input["zero"], np.float64).reshape(per_channel)
    return scale, zero, (1 << input["bits"]) - 1
