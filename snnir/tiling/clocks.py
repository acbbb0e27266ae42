"""Clocks of an array by estimate: what each pixel waits for, without a program.

An output pixel takes the longest of three: the events of the fullest bank, one after another; one
clock for each run; the drain of the pixel before. This is docs/machine.md without the queues
between resolver and emitters, which can only add what a pixel starves for within its runs. Where
trains are given, events are counted bank by bank as the machine would meet them; without, every
neuron is taken to be silent with the same chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from snnir.dialects.pe_types import ArrayParameters
from snnir.hardware import timing
from snnir.schedule.loading import (
    BURST,
    FREE,
    FULL_RATE,
    OUTSTANDING,
    READY,
    REQUEST,
    SWITCH,
    Ddr,
    row_layout,
)
from snnir.tiling.geometry import AxisTaps
from snnir.tiling.shape import IMAGE, LayerShape, NetworkShape, SynapseShape, word_shifts
from snnir.tiling.weights import addressing

DENSITY = 0.5
"""Assumed share of neurons that are not silent, where no trains are known."""

IMBALANCE = 1.15
"""Longest bank list over the mean, as measured on trained networks; where no trains are known."""


@dataclass(frozen=True)
class Activity:
    """What some images do in a network: for each map, which neurons are not silent.

    Args:
        image: uint8 (N, C, H, W), the pixels.
        trains: bool (N, C, H, W) of each further map.
    """

    image: np.ndarray
    trains: tuple[np.ndarray, ...]

    def events(self, source: int, bits: int, shift: int) -> np.ndarray:
        """bool (N, C, H, W): the events of a map; of the image, those of a word of its bits."""
        if source == IMAGE:
            return (self.image >> shift) & ((1 << bits) - 1) != 0
        return self.trains[source - 1]


@dataclass(frozen=True)
class LayerClocks:
    """Clocks of one layer, without those that wait for weights; each (N,) for N images.

    Args:
        tiles: of each tile, one behind the other.
        around: of the layer besides, from its start to its first run and behind its last pixel.
        busy: clocks in which the fullest bank has an event, of the whole layer.
    """

    label: str
    tiles: tuple[np.ndarray, ...]
    around: int
    busy: np.ndarray

    @property
    def total(self) -> np.ndarray:
        return sum(self.tiles) + self.around


class Estimator:
    """Estimates for one network and one activity; what arrays have in common is computed once."""

    def __init__(self, shape: NetworkShape, activity: Activity | None = None):
        self.shape = shape
        self.activity = activity
        self._fullest: dict[tuple, np.ndarray] = {}

    def layers(self, array: ArrayParameters) -> list[LayerClocks]:
        """The clocks of receiving the image and of each layer."""
        words = word_shifts(self.shape.image_bits, array.planes)
        layers = (self.layer(layer, array, words) for layer in self.shape.layers)
        return [self.receiving(array), *layers]

    def receiving(self, array: ArrayParameters) -> LayerClocks:
        """The clocks of receiving the image."""
        words = word_shifts(self.shape.image_bits, array.planes)
        channels, height, width = self.shape.maps[IMAGE]
        receive = np.array([float(channels * height * width + timing.RECEIVE)])
        return LayerClocks("input", (receive * len(words),), 0, receive * 0)

    def layer(self, layer: LayerShape, array: ArrayParameters, words) -> LayerClocks:
        """The clocks of one layer."""
        stored = self.shape.maps[layer.out] if layer.out is not None else layer.dims
        visits = visit_counts(layer, stored[1:])
        steps = array.planes if layer.out is not None else 0
        around = (
            timing.WALK + timing.RESOLVE + array.drain_clocks(layer.tiles(array.channels)[-1][1])
        )
        around += timing.EMIT + timing.accumulate_stages(array.banks) + timing.DRAIN
        around += array.planes + 2 + steps + timing.POOL + timing.WRITE
        tiles, busy = [], 0.0
        known: dict[tuple, tuple[np.ndarray, np.ndarray]] = {}
        for first, count in layer.tiles(array.channels):
            spans = tuple(self._blocks(s, array, first, count) for s in layer.synapses)
            if (spans, count) not in known:
                events = self._phases(layer, array, words, spans)
                runs = self._runs(layer, words, spans)
                pixel = np.maximum(events, array.drain_clocks(count))
                pixel = _resolved(pixel, runs, array.fifo)
                known[spans, count] = _visited(pixel, visits), _visited(events, visits)
            clocks, filled = known[spans, count]
            tiles.append(clocks)
            busy = busy + filled
        return LayerClocks(layer.label, tuple(tiles), around, busy)

    def rows(self, array: ArrayParameters) -> list[int]:
        """Weight rows of each tile of each layer, rows of zeros included."""
        return [rows for layer in self.shape.layers for rows in self.layer_rows(layer, array)]

    def kept_rows(self, array: ArrayParameters) -> int:
        """Weight rows of all tiles where equal ones are kept once."""
        total = 0
        for layer in self.shape.layers:
            tiles = zip(layer.tiles(array.channels), self.layer_rows(layer, array), strict=True)
            total += sum(
                {self._contents(layer, array, *tile): rows for tile, rows in tiles}.values()
            )
        return total

    def _contents(self, layer: LayerShape, array: ArrayParameters, first: int, count: int) -> tuple:
        """What tiles have in common whose weight rows are the same; where unknown, their place."""
        found: list[object] = [count]
        for synapse in layer.synapses:
            if synapse.spans is None:
                return (first,)
            (low, _), block = synapse.inputs(first, count), self.shape.block(synapse.source, array)
            begin = low // block * block
            found += [
                (low - begin, high - begin, digest)
                for low, high, digest in synapse.spans[first : first + count]
            ]
        return tuple(found)

    def layer_rows(self, layer: LayerShape, array: ArrayParameters) -> list[int]:
        """Weight rows of each tile of one layer."""
        found, known = [], {}
        for first, count in layer.tiles(array.channels):
            spans = tuple(self._blocks(s, array, first, count) for s in layer.synapses)
            if spans not in known:
                parts = zip(layer.synapses, spans, strict=True)
                known[spans] = sum(len(s.shifts) * self._rows(s, array, x) for s, x in parts)
            found.append(known[spans])
        return found

    def _blocks(self, synapse: SynapseShape, array: ArrayParameters, first: int, count: int):
        """The blocks, from and up to, that a tile reads."""
        low, high = synapse.inputs(first, count)
        block = self.shape.block(synapse.source, array)
        return low // block, -(-high // block)

    def _phases(self, layer: LayerShape, array: ArrayParameters, words, spans) -> np.ndarray:
        """(N, H, W): the events of the fullest bank, added up over the phases of a pixel."""
        phases: dict[int, list[_Part]] = {}
        for synapse, span in zip(layer.synapses, spans, strict=True):
            maps = words if synapse.source == IMAGE else [(array.planes, 0)]
            for digit in synapse.shifts:
                for bits, shift in maps:
                    part = self._part(synapse, array, bits, shift, span)
                    phases.setdefault(digit + shift, []).append(part)
        found = 0
        for parts in phases.values():
            key = (layer.label, *((p.map, p.banks, p.taken, p.layout) for p in parts))
            if key not in self._fullest:
                banks = sum(self._window(part, layer) for part in parts)
                self._fullest[key] = np.maximum(banks.max(axis=1), 1)
            found = found + self._fullest[key]
        return found

    def _part(self, synapse: SynapseShape, array: ArrayParameters, bits, shift, span) -> _Part:
        source, banks = synapse.source, array.banks
        block, pitch = self.shape.block(source, array), self.shape.pitch(source, array)
        channels = synapse.seen(self.shape.maps[source])[0]
        taken = (span[0] * block, min(span[1] * block, channels))
        # Where channels keep their bank, nothing else of the layout matters.
        aligned = pitch % banks == 0 and (block % banks == 0 or taken[1] - taken[0] <= block)
        return _Part(
            synapse, (source, bits, shift), banks, taken, None if aligned else (block, pitch)
        )

    def _window(self, part: _Part, layer: LayerShape) -> np.ndarray:
        """(N, K, H, W): events of each bank in the window of each output pixel."""
        _, height, width = part.synapse.seen(self.shape.maps[part.map[0]])
        rows = tap_counts(part.synapse.rows, layer.dims[1], height)
        columns = tap_counts(part.synapse.columns, layer.dims[2], width)
        first, last = part.taken
        if self.activity is None:
            # Each row is the same but for the taps that it loses at the rim.
            every = np.full((1, last - first, 1, width), DENSITY * IMBALANCE, np.float32)
            return rows.sum(axis=1)[:, None] * (bank_counts(every, part) @ columns.T)
        events = part.synapse.seen_events(self.activity.events(*part.map))
        counts = bank_counts(events[:, first:last], part)
        return rows @ (counts @ columns.T)

    def _runs(self, layer: LayerShape, words, spans) -> int:
        total = 0
        for synapse, (low, high) in zip(layer.synapses, spans, strict=True):
            pieces = len(synapse.shifts) * (len(words) if synapse.source == IMAGE else 1)
            total += pieces * (high - low) * len(synapse.rows.offsets) * len(synapse.runs)
        return total

    def _rows(self, synapse: SynapseShape, array: ArrayParameters, span: tuple[int, int]) -> int:
        """Rows in each bank for one digit: what `plan_stream` lays out."""
        source, banks = synapse.source, array.banks
        block, pitch = self.shape.block(source, array), self.shape.pitch(source, array)
        by_bank = addressing(synapse.columns.stride, synapse.outputs_x, pitch, banks)[1]
        starts = {(columns, 0 if by_bank else dx * pitch % banks) for dx, columns in synapse.runs}
        # All blocks are alike but for the last one of the map.
        channels = synapse.seen(self.shape.maps[source])[0]
        last = min(block, channels - (span[1] - 1) * block)
        total = 0
        for held, times in ((block, span[1] - span[0] - 1), (last, 1)):
            for columns, phase in starts:
                length = (len(columns) - 1) * pitch + held + phase
                total += times * (length if by_bank else -(-length // banks))
        return total * len(set(synapse.rows.kernel))


@dataclass(frozen=True)
class _Part:
    """What one digit reads of one word of a map: the channels `taken`, in which banks.

    `layout` is the block and pitch where a channel's bank depends on them.
    """

    synapse: SynapseShape
    map: tuple[int, int, int]
    banks: int
    taken: tuple[int, int]
    layout: tuple[int, int] | None


def bank_counts(events: np.ndarray, part: _Part) -> np.ndarray:
    """float32 (N, K, H, W): events (N, C, H, W) of whole blocks, bank by bank."""
    images, channels, height, width = events.shape
    banks, (block, pitch) = part.banks, part.layout or (channels, 0)
    inside = np.arange(channels) % block % banks
    counts = np.zeros((images, banks, height, width), np.float32)
    for bank in range(min(banks, channels)):
        counts[:, bank] = events[:, inside == bank].sum(axis=1, dtype=np.float32)
    if pitch % banks == 0:
        return counts
    x = np.arange(width)
    origin = (np.arange(banks)[:, None] - x * pitch) % banks
    return counts[:, origin, :, x].transpose(2, 0, 3, 1)


def _resolved(pixels: np.ndarray, runs: int, fifo: int) -> np.ndarray:
    """Clocks of pixels (N, H, W) of which each has so many runs, resolved one in a clock.

    The queues hold the runs of some pixels, so short ones may take the time that long ones leave.
    """
    if runs <= pixels.min():
        return pixels
    flat = pixels.reshape(len(pixels), -1)
    ahead = max(1, min(fifo // runs, flat.shape[1]))
    starts = np.arange(0, flat.shape[1], ahead)
    size = np.diff(starts, append=flat.shape[1])
    mean = np.add.reduceat(flat, starts, axis=1) / size
    return np.repeat(np.maximum(mean, runs), size, axis=1).reshape(pixels.shape)


def _visited(pixels: np.ndarray, visits: np.ndarray) -> np.ndarray:
    return (pixels * visits).sum(axis=(1, 2), dtype=np.float64)


def tap_counts(taps: AxisTaps, outputs: int, extent: int) -> np.ndarray:
    """float32 (outputs, extent): how often each coordinate of a map counts for each output."""
    counts = np.zeros((outputs, extent), np.float32)
    at = np.arange(outputs)[:, None] * taps.stride + np.array(taps.offsets)
    inside = (at >= 0) & (at < min(taps.bound, extent))
    where = np.broadcast_to(np.arange(outputs)[:, None], at.shape)
    np.add.at(counts, (where[inside], at[inside]), 1)
    return counts


def visit_counts(layer: LayerShape, stored: tuple[int, int]) -> np.ndarray:
    """float32 (H, W): how often each output pixel is computed, for a tile.

    Args:
        stored: (H, W) behind the pool.
    """
    axes = []
    for axis, (extent, pooled) in enumerate(zip(layer.dims[1:], stored, strict=True)):
        first = np.arange(pooled) * layer.pool.strides[axis] - layer.pool.pads[axis]
        inside = first[:, None] + np.arange(layer.pool.kernel[axis])
        seen = inside[(inside >= 0) & (inside < extent)]
        axes.append(np.bincount(seen, minlength=extent).astype(np.float32))
    return np.multiply.outer(*axes)


def loaded_clocks(
    tiles: Sequence[tuple[int, np.ndarray]], around: Sequence[int], beats: int, ring: int, ddr: Ddr
) -> np.ndarray:
    """Clocks of an image whose weights come from DDR while tiles are computed.

    The loader runs ahead as far as the ring has room: the rows of a tile are taken as those of
    earlier tiles are freed. Bursts are averaged: a beat takes 256 / rate clocks, or more where the
    outstanding bursts do not cover the latency.

    Args:
        tiles: of each tile in order, its weight rows and its clocks for N images.
        around: clocks that pass in front of each tile besides.
        beats: beats of a row.
    """
    beat = FULL_RATE / ddr.rate
    each = max(beat, (BURST * beat + REQUEST + ddr.latency) / (OUTSTANDING * BURST)) * beats
    behind = np.cumsum([rows for rows, _ in tiles])
    loaded = np.full_like(tiles[0][1], 1.0 + ddr.latency)
    clock, ends, oldest, row = loaded * 0, [], 0, 0
    for (rows, busy), extra, last in zip(tiles, around, behind, strict=True):
        while row < last:
            free = min(last, ring) if row < ring else min(last, int(behind[oldest]) + ring)
            if row >= ring:
                loaded = np.maximum(loaded, ends[oldest] + FREE)
            if free > row:
                loaded = loaded + (free - row) * each
                row = int(free)
            if row >= ring and row - ring >= behind[oldest]:
                oldest += 1
        clock = np.maximum(clock + extra + (SWITCH if rows else 0), loaded + READY) + busy
        ends.append(clock)
    return clock


def streamed_cycles(
    layers: Sequence[LayerClocks], rows: list[int], array: ArrayParameters, ring: int, ddr: Ddr
) -> float:
    """Clocks of an image whose weights come from DDR."""
    left = iter(rows)
    images = max(len(layer.busy) for layer in layers)
    tiles, around = [], []
    for layer in layers:
        for index, clocks in enumerate(layer.tiles):
            # What comes first is the image, which has no weights.
            tiles.append((next(left) if layer is not layers[0] else 0, clocks))
            around.append(0 if index else layer.around)
    tiles = [(count, np.broadcast_to(clocks, (images,))) for count, clocks in tiles]
    return float(loaded_clocks(tiles, around, row_layout(array).beats, ring, ddr).mean())
