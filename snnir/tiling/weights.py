"""Weights in the order in which the banks fetch them, and the runs that point at them.

Row-to-bank maps are those of docs/machine.md: `aligned` and `fixed` keep each channel's row in the
bank of its events, `rotated` keeps all rows in every bank.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snnir.dialects.pe_types import MapType
from snnir.tiling.layers import Synapse


@dataclass(frozen=True)
class Digit:
    """A piece of the weights that the array can hold; it counts 2^shift."""

    shift: int
    weights: np.ndarray


def digits(weights: np.ndarray, bits: int) -> list[Digit]:
    """The weights as balanced digits of `bits` bits, the most significant first.

    Each digit is in -2^(bits-1) .. 2^(bits-1) - 1. Digits that are zero everywhere are left out,
    but for the last one.
    """
    half, rest, shift = 1 << (bits - 1), weights, 0
    found: list[Digit] = []
    while not found or rest.any():
        digit = ((rest + half) & (2 * half - 1)) - half
        if digit.any() or shift == 0:
            found.append(Digit(shift, digit))
        rest = (rest - digit) >> bits
        shift += bits
    return found[::-1]


def addressing(columns_stride: int, outputs_x: int, pitch: int, banks: int) -> tuple[int, bool]:
    """(advance, by_bank) of a stream: which row-to-bank map it uses."""
    if pitch % banks == 0:
        return pitch // banks, False
    if outputs_x == 1:
        return 0, False
    return pitch, True


@dataclass(frozen=True)
class StreamPlan:
    """The rows and runs of one synapse over one map, the same for all tiles and digits.

    Args:
        runs: (R, 4) block, dy, dx, length; `key` which rows each run reads; `origin` what is added
            to the first row of its key to give the run's `row`.
        channel, tap: (banks, rows) what each row holds; channel -1 where nothing.
        first: first row of each key, with the total at the end.
    """

    advance: int
    by_bank: bool
    runs: np.ndarray
    key: np.ndarray
    origin: np.ndarray
    channel: np.ndarray
    tap: np.ndarray
    first: np.ndarray

    def fetch(self, weights: np.ndarray) -> np.ndarray:
        """(banks, rows, tile channels) from a tile's weights (tile channels, C, taps)."""
        taken = weights[:, np.maximum(self.channel, 0), self.tap]
        return np.where(self.channel < 0, 0, taken).transpose(1, 2, 0)

    def keep(self, rows: np.ndarray, least_one: bool) -> tuple[np.ndarray, np.ndarray] | None:
        """Runs (R', 5) and rows (banks, rows', channels) without those that are all zero.

        Returns None where nothing remains, unless `least_one` asks for one run all the same.
        """
        busy = np.logical_or.reduceat(rows.any(axis=(0, 2)), self.first[:-1])
        if not busy.any():
            if not least_one:
                return None
            busy[np.argmin(np.diff(self.first))] = True
        size = np.diff(self.first)
        base = np.cumsum(np.where(busy, size, 0)) - np.where(busy, size, 0)
        used = busy[self.key]
        row = base[self.key[used]] + self.origin[used]
        runs = np.concatenate([self.runs[used], row[:, None]], axis=1)
        return runs.astype(np.int32), rows[:, np.repeat(busy, size)]


def plan_stream(synapse: Synapse, source: MapType, outputs_x: int, banks: int) -> StreamPlan:
    """Lays out rows for each (block, kernel row, kernel columns, bank of the first pixel)."""
    block, pitch = source.block.data, source.pitch.data
    channels = source.dims[0]
    advance, by_bank = addressing(synapse.columns.stride, outputs_x, pitch, banks)
    taps_x = synapse.weights.shape[3]
    runs, keys, origins = [], [], []
    known: dict[tuple, int] = {}
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    across = synapse.columns.runs()
    for b in range(source.blocks):
        held = min(block, channels - b * block)
        for dy, ky in zip(synapse.rows.offsets, synapse.rows.kernel, strict=True):
            for dx, columns in across:
                # Bank of the run's first position; 0 where that does not depend on the run.
                phase = 0 if by_bank else dx * pitch % banks
                key = (b, ky, columns, phase)
                if key not in known:
                    known[key] = len(parts)
                    taps = ky * taps_x + np.array(columns)
                    parts.append(_rows(b * block, held, taps, pitch, phase, banks, by_bank))
                runs.append((b, dy, dx, len(columns)))
                keys.append(known[key])
                origins.append(-(dx * pitch) if by_bank else -(dx * pitch // banks))
    # Runs are walked block by block, from top to bottom, from left to right.
    table = np.array(runs, np.int64)
    order = np.lexsort((table[:, 2], table[:, 1], table[:, 0]))
    return StreamPlan(
        advance,
        by_bank,
        table[order],
        np.array(keys)[order],
        np.array(origins, np.int64)[order],
        np.concatenate([channel for channel, _ in parts], axis=1),
        np.concatenate([tap for _, tap in parts], axis=1),
        np.cumsum([0, *(channel.shape[1] for channel, _ in parts)]),
    )


def _rows(
    channel: int, held: int, taps: np.ndarray, pitch: int, phase: int, banks: int, by_bank: bool
) -> tuple[np.ndarray, np.ndarray]:
    """(channel, tap) of each bank's rows for one run of neighbouring pixels."""
    pixel, within = np.repeat(np.arange(len(taps)), held), np.tile(np.arange(held), len(taps))
    position = pixel * pitch + within + phase
    count = int(position[-1]) + 1
    rows = count if by_bank else -(-count // banks)
    shape = (banks, rows)
    held_channel, held_tap = np.full(shape, -1), np.zeros(shape, np.int64)
    where = (slice(None), position) if by_bank else (position % banks, position // banks)
    held_channel[where] = channel + within
    held_tap[where] = taps[pixel]
    return held_channel, held_tap


def tile_weights(weights: np.ndarray, groups: int, first: int, count: int) -> np.ndarray:
    """A tile's weights (count, C, taps), with zeros for the channels of other groups."""
    outputs, per_group = weights.shape[:2]
    flat = weights.reshape(outputs, per_group, -1)
    tile = flat[first : first + count]
    if groups == 1:
        return tile
    group = np.arange(first, first + count) // (outputs // groups)
    spread = np.zeros((count, groups, *tile.shape[1:]), weights.dtype)
    spread[np.arange(count), group] = tile
    return spread.reshape(count, groups * per_group, -1)
