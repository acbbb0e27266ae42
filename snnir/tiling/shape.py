"""A network as plain numbers: what estimates need of a plan, without weights and without IR.

It is small and can be sent to another process, which then judges arrays for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from snnir.analysis.network import train_labels
from snnir.dialects.pe_types import ArrayParameters
from snnir.tiling.geometry import AxisTaps
from snnir.tiling.layers import LayerPlan, NetworkPlan, Pool, Synapse, block_of
from snnir.tiling.weights import digits

ROTATED_ROWS = 1024
"""Rows per bank that the copies of rotated weights may take in all; see `pitch_of`."""

IMAGE = 0
"""Index of the image among the maps."""


@dataclass(frozen=True)
class SynapseShape:
    """One branch into a layer.

    Args:
        source: index of the map that is read.
        weights: shape of the weights (M, C / groups, KH, KW).
        outputs_x: width of the layer's map.
        shifts: of each digit of the weights.
        previous: whether it sees the map of the window before.
        spans: of each output channel the input channels, from and up to, that have weights, and a
            number for these weights, which channels of equal ones share; None where all have some.
        slices, across: as of `Synapse`.
    """

    source: int
    weights: tuple[int, int, int, int]
    groups: int
    outputs_x: int
    rows: AxisTaps
    columns: AxisTaps
    shifts: tuple[int, ...]
    previous: bool = False
    spans: tuple[tuple[int, int, int], ...] | None = None
    slices: int = 0
    across: int = 0

    @cached_property
    def runs(self) -> list[tuple[int, tuple[int, ...]]]:
        """Neighbouring taps along x, joined."""
        return self.columns.runs()

    def inputs(self, first: int, count: int) -> tuple[int, int]:
        """The input channels, from and up to, that so many output channels see."""
        if self.spans is not None:
            low, high, _ = zip(*self.spans[first : first + count], strict=True)
            return min(low), max(high)
        return seen_inputs(self.weights, self.groups, first, count)

    def reach(self, count: int) -> tuple[int, int]:
        """The input channels that so many output channels see, those without weights included."""
        return seen_inputs(self.weights, self.groups, 0, count)

    def seen_events(self, events: np.ndarray) -> np.ndarray:
        """(N, C, H, W) of the map's trains as they are seen: with slices as rows, perhaps."""
        if not self.across:
            return events
        images, channels, height, width = events.shape
        inner = channels // self.across
        volumes = events.reshape(images, self.across, inner, height, width)
        return volumes.transpose(0, 3, 2, 1, 4).reshape(images, -1, self.across, width)

    def seen(self, stored: tuple[int, int, int]) -> tuple[int, int, int]:
        """(C, H, W) of the map as it is seen, by what is stored."""
        channels, height, width = stored
        return (channels // self.slices * height, self.slices, width) if self.slices else stored


@dataclass(frozen=True)
class LayerShape:
    """One layer: output channels and pixels before pooling, the pool, the map that it writes.

    Args:
        out: index of the map; None for the readout.
        inner: as of `LayerPlan`.
        params: least and largest value of each parameter of the neurons.
        kept: bits of a neuron's states that are kept between windows.
    """

    label: str
    dims: tuple[int, int, int]
    synapses: tuple[SynapseShape, ...]
    pool: Pool
    out: int | None
    params: tuple[tuple[str, int, int], ...]
    kept: int = 0
    inner: int = 0

    def tiles(self, channels: int) -> list[tuple[int, int]]:
        """(first, count) of the output channels of each tile of an array of so many."""
        total, channels = self.dims[0], block_of(self.inner, channels)
        return [(first, min(channels, total - first)) for first in range(0, total, channels)]


@dataclass(frozen=True)
class NetworkShape:
    """A network on arrays with weights of so many bits.

    Args:
        rate: whether trains are rate-coded.
        maps: (C, H, W) of each map as it is stored, the image first; `labels` the names of their
            trains.
    """

    name: str
    image_bits: int
    weight_bits: int
    rate: bool
    maps: tuple[tuple[int, int, int], ...]
    labels: tuple[str, ...]
    layers: tuple[LayerShape, ...]

    def readers(self, source: int) -> Iterator[tuple[LayerShape, SynapseShape]]:
        """Who reads a map."""
        return ((p, s) for p in self.layers for s in p.synapses if s.source == source)

    def block(self, source: int, array: ArrayParameters) -> int:
        """Channels of a block of a map; the image is one block."""
        if source == IMAGE:
            return self.maps[source][0]
        writer = next(layer for layer in self.layers if layer.out == source)
        return block_of(writer.inner, array.channels)

    def pitch(self, source: int, array: ArrayParameters) -> int:
        """Positions per pixel of a map."""
        block = min(self.block(source, array), self.maps[source][0])
        readers = [
            (
                layer.dims,
                s.weights,
                s.reach(min(block_of(layer.inner, array.channels), layer.dims[0])),
            )
            for layer, s in self.readers(source)
        ]
        return pitch_of(readers, block, array)


def seen_inputs(weights: tuple[int, ...], groups: int, first: int, count: int) -> tuple[int, int]:
    """The input channels, from and up to, that a synapse's output channels see."""
    outputs, per_group = weights[:2]
    size = outputs // groups
    return first // size * per_group, ((first + count - 1) // size + 1) * per_group


def pitch_of(readers, block: int, array: ArrayParameters) -> int:
    """Positions per pixel of a map in blocks of `block` channels.

    A multiple of the banks needs no decision, nor does a map over which no window moves along x.
    Otherwise neighbouring pixels share banks (pitch = block, all weights copied into every bank)
    while that takes at most `ROTATED_ROWS` rows; beyond, pixels are padded to a multiple of the
    banks, and some banks idle.

    Args:
        readers: of each synapse that reads the map, the dimensions of its layer, the shape of its
            weights and the span of input channels that a tile sees.
    """
    moving = [reader for reader in readers if reader[0][2] > 1]
    if block % array.banks == 0 or not moving:
        return block
    copies = 0
    for dims, weights, (low, high) in moving:
        copies += -(-dims[0] // array.channels) * weights[2] * weights[3] * (high - low)
    return block if copies <= ROTATED_ROWS else -(-block // array.banks) * array.banks


def word_shifts(image_bits: int, planes: int) -> list[tuple[int, int]]:
    """(bits, shift) of each word of the image, the most significant first."""
    count = -(-image_bits // planes)
    first = image_bits - (count - 1) * planes
    return [
        (first if index == 0 else planes, (count - 1 - index) * planes) for index in range(count)
    ]


def _spans(synapse: Synapse) -> tuple[tuple[int, int, int], ...] | None:
    """The input channels, from the first to behind the last, that have weights for each output.

    Only of interest where slices of a volume are channels: elsewhere hardly any channel has none.
    """
    if synapse.groups > 1:
        return None
    used = synapse.weights.any(axis=(2, 3))
    if used[:, 0].all() and used[:, -1].all():
        return None
    some, count = used.any(axis=1), used.shape[1]
    low = np.where(some, used.argmax(axis=1), 0)
    high = np.where(some, count - used[:, ::-1].argmax(axis=1), 1)
    known: dict[bytes, int] = {}
    spans = []
    for weights, begin, end in zip(synapse.weights, low.tolist(), high.tolist(), strict=True):
        contents = np.ascontiguousarray(weights[begin:end]).tobytes()
        spans.append((begin, end, known.setdefault(contents, len(known))))
    return tuple(spans)


def shape_of(plan: NetworkPlan, weight_bits: int) -> NetworkShape:
    """The shape of a plan, its weights cut into digits of `weight_bits`."""
    sources = [plan.encode.train, *(p.out for p in plan.layers if p.out is not None)]
    index = {source: number for number, source in enumerate(sources)}
    names = train_labels(plan.encode.get_toplevel_object())

    def synapse(one: Synapse, outputs_x: int) -> SynapseShape:
        return SynapseShape(
            source=index[one.source],
            weights=tuple(one.weights.shape),
            groups=one.groups,
            outputs_x=outputs_x,
            rows=one.rows,
            columns=one.columns,
            shifts=tuple(digit.shift for digit in digits(one.weights, weight_bits)),
            previous=one.previous,
            spans=_spans(one),
            slices=one.slices,
            across=one.across,
        )

    def layer(one: LayerPlan) -> LayerShape:
        return LayerShape(
            label=one.label,
            dims=one.dims,
            synapses=tuple(synapse(s, one.dims[2]) for s in one.synapses),
            pool=one.pool,
            out=None if one.out is None else index[one.out],
            params=tuple((k, int(v.min()), int(v.max())) for k, v in one.params.items()),
            kept=sum(one.kept),
            inner=one.inner,
        )

    return NetworkShape(
        name=plan.name,
        image_bits=plan.image_bits,
        weight_bits=weight_bits,
        rate=any(p.schedule["rate"] for p in plan.layers if p.out is not None),
        maps=tuple(plan.stored(source) for source in sources),
        labels=tuple(names[source] for source in sources),
        layers=tuple(map(layer, plan.layers)),
    )
