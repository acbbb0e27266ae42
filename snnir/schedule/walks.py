"""What a stream's runs really read: the weight of each tap, found through the row-to-bank map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.ir import SSAValue

from snnir.dialects.assembly import int_list
from snnir.dialects.dense import from_dense
from snnir.dialects.pe_layers import StreamOp
from snnir.errors import UserError

_REACH = 1 << 18
"""More than any two offsets of a window differ."""


@dataclass(frozen=True)
class Taps:
    """The taps of a stream, relative to the output pixel's position times the stride.

    Args:
        place: (taps,) one number for each block, dy, dx and channel.
        weights: int64 (taps, tile channels), shifted as the stream's phase counts.
    """

    place: np.ndarray
    weights: np.ndarray


def stream_taps(op: StreamOp, banks: int) -> Taps:
    """The taps of a stream, through the very formula by which the machine finds a weight's row.

    Raises:
        UserError: a run reaches rows that the stream does not have.
    """
    source = op.seen
    pitch, block, channels = source.pitch.data, source.block.data, source.dims[0]
    weights = from_dense(op.weights)
    places, values = [], []
    by_bank, shift = bool(op.by_bank.value.data), op.shift.value.data
    for b, dy, dx, length, row in from_dense(op.runs).astype(np.int64):
        held = min(block, channels - b * block)
        pixel = np.repeat(np.arange(length), held)
        channel = np.tile(np.arange(held), length)
        position = (dx + pixel) * pitch + channel
        rows = row + (position if by_bank else position // banks)
        if rows.min() < 0 or rows.max() >= weights.shape[1]:
            raise UserError(
                f"the run of block {b} at dy={dy}, dx={dx} reads weight rows {rows.min()} to "
                f"{rows.max()}, the stream has {weights.shape[1]}"
            )
        places.append(((b * _REACH + dy) * _REACH + dx + pixel) * channels + channel)
        values.append(weights[position % banks, rows].astype(np.int64) << shift)
    return Taps(np.concatenate(places), np.concatenate(values))


def check_moves(op: StreamOp, banks: int, outputs_x: int) -> None:
    """Whether a run finds the same weights at each output pixel of a row.

    Raises:
        UserError: the stream's advance is not that of its row-to-bank map.
    """
    pitch, advance = op.source.type.pitch.data, op.advance.value.data
    by_bank = bool(op.by_bank.value.data)
    moved = int_list(op.strides)[1] * pitch
    if outputs_x == 1:
        return
    if by_bank:
        if advance != pitch:
            raise UserError(f"a rotated stream advances by its pitch {pitch}, not by {advance}")
        rows = from_dense(op.weights)
        if not (rows == rows[:1]).all():
            raise UserError("a rotated stream needs the same rows in every bank")
    elif moved % banks or advance * banks != pitch:
        raise UserError(
            f"the window moves by {moved} positions, which {banks} banks do not divide, "
            f"or advance {advance} is not pitch / banks"
        )


Read = tuple[SSAValue, int]
"""A map that a stream reads, and its delay."""


def acting_together(sources: Sequence[Read]) -> list[list[int]]:
    """Which streams of a tile act in the same step, by number; each set that there is once.

    What the window before has left late acts in the first steps of this one, and what is delayed in
    the last ones.
    """
    if all(delay >= 0 for _, delay in sources):
        return [list(range(len(sources)))]
    steps = [value.type.steps.data for value, _ in sources]

    def acts(number: int, step: int) -> bool:
        delay = sources[number][1]
        return step >= delay if delay >= 0 else step < steps[number] + delay

    found = (
        tuple(number for number in range(len(sources)) if acts(number, step))
        for step in range(max(steps))
    )
    return [list(numbers) for numbers in dict.fromkeys(found) if numbers]


def current_ranges(taps: list[Taps], sources: Sequence[Read]) -> tuple[np.ndarray, np.ndarray]:
    """(lo, hi) of one plane's current, per channel of the tile.

    Digits of one weight act on one spike, so they are added before the sign is looked at; different
    maps (words of the image too), and different steps of one, spike independently.

    Args:
        taps: of each stream of the tile; `sources`: what they read.
    """
    found = [
        _current_range([taps[i] for i in numbers], [sources[i] for i in numbers])
        for numbers in acting_together(sources)
    ]
    lows, highs = zip(*found, strict=True)
    return np.min(lows, axis=0), np.max(highs, axis=0)


def _current_range(taps: list[Taps], sources: Sequence[Read]) -> tuple[np.ndarray, np.ndarray]:
    low = high = 0
    for source in dict.fromkeys(sources):
        mine = [t for t, read in zip(taps, sources, strict=True) if read == source]
        places = np.concatenate([part.place for part in mine])
        weights = np.concatenate([part.weights for part in mine])
        order = np.argsort(places, kind="stable")
        first = np.flatnonzero(np.diff(places[order], prepend=places[order[0]] - 1))
        merged = weights
        if len(first) < len(places):
            merged = np.add.reduceat(weights[order], first, axis=0)
        low = low + merged.clip(max=0).sum(0)
        high = high + merged.clip(min=0).sum(0)
    return low, high


def accumulator_range(taps: list[Taps], sources: Sequence[Read]) -> tuple[int, int]:
    """(lo, hi) of the accumulators at any time: each piece of a weight may come first."""
    low = high = 0
    for numbers in acting_together(sources):
        weights = [taps[i].weights for i in numbers]
        low = min(low, int(np.min(sum(part.clip(max=0).sum(0) for part in weights))))
        high = max(high, int(np.max(sum(part.clip(min=0).sum(0) for part in weights))))
    return low, high
