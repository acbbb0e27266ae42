"""The memories of a program by estimate: as `event-schedule` would lay it out, only without it."""

from __future__ import annotations

import numpy as np

from snnir.dialects.pe_types import ArrayParameters
from snnir.schedule.memories import Memory
from snnir.schedule.places import Lifetime, place
from snnir.tiling.shape import IMAGE, LayerShape, NetworkShape, word_shifts


def memories_of(
    shape: NetworkShape,
    array: ArrayParameters,
    weight_rows: int,
    known: dict[tuple[int, ...], Places] | None = None,
) -> list[Memory]:
    """The memories whose size depends on the network; as `snnir.schedule.memories` counts them.

    Args:
        weight_rows: depth of the weight memories.
        known: where maps are placed, for arrays of other lanes of the drain; more is noted.
    """
    words = word_shifts(shape.image_bits, array.planes)
    key = (array.banks, array.channels, array.planes)
    places = known.get(key) if known else None
    if places is None:
        places = Places(shape, array, len(words))
        if known is not None:
            known[key] = places
    lanes = array.drain
    outputs, rows, states = 0, 0, 0
    for layer in shape.layers:
        clocks = [array.drain_clocks(count) for _, count in layer.tiles(array.channels)]
        rows += sum(clocks)
        outputs = sum(clocks) * layer.dims[1] * layer.dims[2]
        states += outputs if layer.kept else 0
    kept = max(layer.kept for layer in shape.layers)
    return [
        Memory("weights", array.banks, array.channels * array.weight_bits, weight_rows),
        _events(shape, array, places),
        Memory("pointers", 2, array.banks * _bits(places.capacity), places.pointers),
        Memory("runs", 1, *_runs(shape, array, len(words), places)),
        Memory("parameters", 1, lanes * _parameter_bits(shape), rows),
        Memory("potentials", lanes, 32, outputs),
        *([Memory("states", lanes, kept, states)] if states else []),
    ]


def _events(shape: NetworkShape, array: ArrayParameters, places: Places) -> Memory:
    """The event memory, with no more bits of positions than runs need where that saves blocks."""
    reach = 1
    for layer in shape.layers:
        for synapse in layer.synapses:
            pitch = shape.pitch(synapse.source, array)
            for _, columns in synapse.runs:
                positions = (len(columns) - 1) * pitch + shape.block(synapse.source, array)
                reach = max(reach, -(-positions // array.banks))
    whole = _bits(places.capacity - 1)
    found = [
        Memory("events", array.banks, bits + array.planes, places.events)
        for bits in (whole, min(whole, 1 + max(reach - 1, 0).bit_length()))
    ]
    return min(found, key=lambda memory: memory.bram36)


class Places:
    """Where maps would be kept: how deep the event and the pointer memory are.

    A map is (index, word); only the image has more than one word.
    """

    def __init__(self, shape: NetworkShape, array: ArrayParameters, words: int):
        self.shape, self.array = shape, array
        self.lives: list[Lifetime] = []
        synapses = [synapse for layer in shape.layers for synapse in layer.synapses]
        self.kept = {(synapse.source, 0) for synapse in synapses if synapse.previous}
        self.rows: dict[tuple[int, int], int] = {}
        capacities, widths = {}, {}
        for index, (channels, height, width) in enumerate(shape.maps):
            writers = [i for i, layer in enumerate(shape.layers, 1) if layer.out == index]
            readers = [
                i for i, p in enumerate(shape.layers, 1) for s in p.synapses if s.source == index
            ]
            born = 0 if index == IMAGE else writers[0]
            for word in range(words if index == IMAGE else 1):
                value = (index, word)
                if value in self.kept:
                    self.lives.append(Lifetime(value, 0, len(shape.layers) + 1))
                else:
                    self.lives.append(Lifetime(value, born, max(readers, default=born)))
                self.rows[value] = -(-channels // shape.block(index, array)) * height
                capacities[value] = -(-width * shape.pitch(index, array) // array.banks)
                widths[value] = width
        self.capacity = max(capacities.values())
        self.events, self.pointers = self._depth(capacities), self._depth(widths)

    def _depth(self, row: dict[tuple[int, int], int]) -> int:
        """Words of a memory in which a row of each map takes so many."""
        # The next window needs some maps as well, which have two places then.
        sizes = {v: self.rows[v] * row[v] * (2 if v in self.kept else 1) for v in row}
        found = place(self.lives, sizes, self._above(row, sizes), reuse=True)
        return max(found[value] + sizes[value] for value in sizes)

    def _above(self, row, sizes) -> dict:
        """The maps that may be written over a source; as `snnir.schedule.places.in_place`."""
        found = {}
        dies = {life.value: life.dies for life in self.lives}
        for step, layer in enumerate(self.shape.layers, 1):
            if layer.out is None:
                continue
            out = (layer.out, 0)
            if out in self.kept:
                continue
            ends, least = np.arange(1, 1 + self.rows[out]) * row[out], sizes[out]
            for source in (v for v in dies if dies[v] == step):
                if not any(s.source == source[0] for s in layer.synapses):
                    continue
                needed = ends - self._first_needed(layer, source[0]) * row[source]
                gap = max(0, int(needed.max()))
                if gap < least:
                    found[out], least = (source, gap), gap
        return found

    def _first_needed(self, layer: LayerShape, source: int) -> np.ndarray:
        """For each row of the layer's map the first of a source that it or a later one reads."""
        never, rows = 1 << 40, self.shape.maps[layer.out][1]
        height, extent = layer.dims[1], self.shape.maps[source][1]
        block = self.shape.block(source, self.array)
        tiles = layer.tiles(self.array.channels)
        first = np.full((len(tiles), rows), never)
        top = np.arange(rows) * layer.pool.strides[0] - layer.pool.pads[0]
        pixel = top[:, None] + np.arange(layer.pool.kernel[0])
        for synapse in (s for s in layer.synapses if s.source == source):
            if synapse.slices:
                # A row of what is seen lies in all slices.
                first[:] = 0
                continue
            y = pixel[..., None] * synapse.rows.stride + np.array(synapse.rows.offsets)
            read = (y >= 0) & (y < min(synapse.rows.bound, extent))
            read &= ((pixel >= 0) & (pixel < height))[..., None]
            lowest = np.where(read, y, never).min(axis=(1, 2))
            for index, (start, count) in enumerate(tiles):
                low = synapse.inputs(start, count)[0] // block * extent
                first[index] = np.minimum(first[index], lowest + low)
        return np.minimum.accumulate(first.ravel()[::-1])[::-1]


def _runs(shape: NetworkShape, array: ArrayParameters, words: int, places: Places):
    """(width, depth) of the run table; runs over nothing but zero weights are in it here."""
    depth, reach, rows, strides = 0, 1, 1, 1
    for layer in shape.layers:
        spans = set()
        for first, count in layer.tiles(array.channels):
            blocks = []
            for s in layer.synapses:
                low, high = s.inputs(first, count)
                block = shape.block(s.source, array)
                blocks.append((low // block, -(-high // block)))
            spans.add(tuple(blocks))
        for span in spans:
            for s, (low, high) in zip(layer.synapses, span, strict=True):
                pieces = len(s.shifts) * (words if s.source == IMAGE else 1)
                depth += pieces * (high - low) * len(s.rows.offsets) * len(s.runs)
        for s in layer.synapses:
            _, height, width = shape.maps[s.source]
            reach = max(reach, height, width)
            strides = max(strides, s.rows.stride, s.columns.stride)
            rows = max(rows, -(-s.weights[1] * s.weights[2] * s.weights[3] // array.banks))
    # Flags and shift; offsets; length and bounds; strides; addresses and their strides; rows.
    width = 2 + 3 + 2 * 3 + 2 + 2 * _bits(reach) + 2 * _bits(strides)
    width += _bits(places.pointers) + _bits(places.events) + 2 * _bits(reach)
    return width + _bits(rows) + 4, depth


def _parameter_bits(shape: NetworkShape) -> int:
    spans: dict[str, tuple[int, int]] = {}
    for layer in shape.layers:
        for name, low, high in layer.params:
            known = spans.get(name, (0, 0))
            spans[name] = (min(known[0], low), max(known[1], high))
    return sum(_bits(max(high, ~low)) + (low < 0) for low, high in spans.values() if low or high)


def _bits(largest: int) -> int:
    return max(1, int(largest).bit_length())
