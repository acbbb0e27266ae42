"""Calibration images, and histograms of what the float network makes of them."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from snnir.analysis.npz import read_npz
from snnir.analysis.windows import split_windows
from snnir.dialects.snn import EncodeOp
from snnir.errors import UserError
from snnir.interpreters.images import shaped_images

BINS = 2048
"""Bins of a histogram; its range is at most twice the largest value, so 1/1024 of it or finer."""


def load_calibration(path: str, samples: int, encode: EncodeOp) -> np.ndarray:
    """The first images of an .npz file: its array `x`, float as the model takes them or uint8.

    Raises:
        UserError: if the file cannot be read, or the images do not fit the network.
    """
    if not Path(path).is_file():
        raise UserError("no such calibration file", where=path)
    images = read_npz(path)["x"]
    try:
        if encode.window_count != 1 and images.ndim:
            # Each window is an image of its own here.
            size = math.prod(encode.unpadded)
            split = split_windows(images[:samples], size, encode.window_count)
            images = split.reshape(-1, *split.shape[2:])
            samples = len(images)
        images = shaped_images(encode, images[:samples])
    except UserError as error:
        raise UserError(f"array 'x': {error.what}", where=path, hint=error.hint) from error
    if len(images) == 0:
        raise UserError("array 'x' holds no image", where=path)
    if images.dtype != np.uint8:
        images = images.astype(np.float32)
        if not np.isfinite(images).all():
            raise UserError("array 'x' holds NaN or infinite values", where=path)
    return images


def synthetic_images(encode: EncodeOp, samples: int) -> np.ndarray:
    """Uniform random pixels, the same in every run; what is left without calibration data."""
    print(
        "warning: no calibration data: thresholds come from random images and will fit badly; "
        "give threshold-balance{calibration=FILE.npz}",
        file=sys.stderr,
    )
    generator = np.random.default_rng(2022)
    channels, *_, width = encode.unpadded
    shape = (samples, channels, math.prod(encode.unpadded) // (channels * width), width)
    train = encode.train.type
    top = (1 << train.steps.data) - 1 if train.coding_name == "rate" else 255
    pixels = generator.integers(0, top + 1, shape, dtype=np.uint8)
    pixels.flat[0] = top
    return pixels if encode.scale is not None else pixels.astype(np.float32) / 255


@dataclass
class Histogram:
    """Counts of positive values, per channel, over a range that grows with the data.

    `counts[c, b]` counts values of channel c in (b, b + 1] * top / BINS; zeros are not counted.
    """

    top: float = 0.0
    counts: np.ndarray = field(default_factory=lambda: np.zeros((0, BINS), np.int64))
    peaks: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def add(self, values: np.ndarray) -> None:
        """Counts an array (N, C, H, W) of values that are not negative."""
        channels = values.shape[1]
        if not len(self.counts):
            self.counts, self.peaks = np.zeros((channels, BINS), np.int64), np.zeros(channels)
        self.peaks = np.maximum(self.peaks, values.max(axis=(0, 2, 3)))
        peak = float(self.peaks.max())
        if peak <= 0:
            return
        if self.top == 0:
            self.top = peak
        while self.top < peak:
            # Twice the range: two neighbouring bins become one.
            halves = self.counts.reshape(channels, BINS // 2, 2).sum(2)
            self.counts = np.concatenate([halves, np.zeros_like(halves)], axis=1)
            self.top *= 2
        scaled = np.ceil(values * np.float32(BINS / self.top)).astype(np.int32) - 1
        np.minimum(scaled, BINS - 1, out=scaled)
        flat = scaled + BINS * np.arange(channels, dtype=np.int32).reshape(1, -1, 1, 1)
        counted = np.bincount(flat[scaled >= 0].ravel(), minlength=channels * BINS)
        self.counts += counted.reshape(channels, BINS)

    def merged(self) -> Histogram:
        """All channels as one."""
        peaks = self.peaks.max(keepdims=True) if len(self.peaks) else self.peaks
        return Histogram(self.top, self.counts.sum(0, keepdims=True), peaks)

    def percentile(self, percentile: float) -> np.ndarray:
        """Per channel, the value that this share of the positive values does not exceed."""
        cumulated = self.counts.cumsum(1)
        wanted = cumulated[:, -1:] * (percentile / 100)
        index = (cumulated < wanted).sum(1)
        return np.minimum((index + 1) * self.top / BINS, self.peaks)

    def least_error(self, levels: int, candidates: int = 64) -> np.ndarray:
        """Per channel, the full-scale at which `levels` steps lose least in mean square.

        Values are rounded to multiples of full-scale / levels and clipped at full-scale, which is
        what a spiking neuron does to them.
        """
        centres = (np.arange(BINS) + 0.5) * (self.top / BINS)
        best, best_error = self.peaks.copy(), np.full(len(self.peaks), np.inf)
        for ratio in np.linspace(1, 0.2, candidates):
            full = (self.peaks * ratio).reshape(-1, 1)
            step = np.where(full > 0, full / levels, 1.0)
            error = centres - np.clip(np.rint(centres / step), 0, levels) * step
            total = (self.counts * error * error).sum(1)
            better = total < best_error
            best = np.where(better, full[:, 0], best)
            best_error = np.where(better, total, best_error)
        return best
