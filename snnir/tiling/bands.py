"""Which feature maps are kept in DDR, and the bands in which layers over them are computed.

A band is some neighbouring rows of a layer's result. It needs the rows of its sources that its
windows reach, the halo included, and only these are on the chip at the same time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from xdsl.ir import SSAValue

from snnir.dialects.pe_types import ArrayParameters
from snnir.errors import UserError
from snnir.schedule.ram_parts import ram_bram36
from snnir.tiling.choose import pitch_of, word_shifts
from snnir.tiling.layers import LayerPlan, NetworkPlan

MAPS = ("auto", "onchip", "ddr")
"""Where feature maps may be kept."""

HIDDEN = 1 / 8
"""Of the clocks in which maps are loaded, what is not hidden behind computing, about."""


@dataclass(frozen=True)
class BandPlan:
    """A part of the rows of a layer's result.

    Args:
        row, rows: the first row behind the pool, and how many.
        first, pixels: the same before the pool.
        pads: padding of the pool's windows over these pixels.
        sources: first row and number of rows of each source that the band needs.
    """

    row: int
    rows: int
    first: int
    pixels: int
    pads: tuple[int, ...]
    sources: Mapping[SSAValue, tuple[int, int]]


@dataclass
class MapPlan:
    """Where maps are kept, and how layers are cut.

    Args:
        ddr: the maps in DDR; the image among them stays in its buffer and is received in parts.
        rows: rows of the result in each band, for layers whose result is in DDR.
        needed: block RAM that they take by estimate [BRAM36].
        alone: layers that have no room for the maps of the next band while one is computed.
    """

    ddr: set[SSAValue] = field(default_factory=set)
    rows: dict[str, int] = field(default_factory=dict)
    alone: set[str] = field(default_factory=set)
    needed: float = 0

    def bands(self, layer: LayerPlan) -> list[BandPlan]:
        """The bands of a layer, from top to bottom."""
        height = layer.stored[1]
        step = self.rows.get(layer.label, height)
        return [
            band_of(layer, row, min(step, height - row), whole=step >= height)
            for row in range(0, height, step)
        ]


def band_of(layer: LayerPlan, row: int, rows: int, whole: bool = False) -> BandPlan:
    """The band of a layer that begins at a row of its result; a `whole` one has all its pixels."""
    kernel, stride = layer.pool.kernel[0], layer.pool.strides[0]
    top, left, bottom, right = layer.pool.pads
    low, high = row * stride - top, (row + rows - 1) * stride - top + kernel
    first, end = (0, layer.dims[1]) if whole else (max(low, 0), min(high, layer.dims[1]))
    pads = layer.pool.pads if whole else (first - low, left, high - end, right)
    sources: dict[SSAValue, tuple[int, int]] = {}
    for synapse in layer.synapses:
        taps = synapse.rows
        begin = min(max(first * taps.stride + min(taps.offsets), 0), taps.bound - 1)
        behind = min((end - 1) * taps.stride + max(taps.offsets) + 1, taps.bound)
        behind = max(behind, begin + 1)
        if synapse.source in sources:
            other, count = sources[synapse.source]
            begin, behind = min(begin, other), max(behind, other + count)
        sources[synapse.source] = (begin, behind - begin)
    return BandPlan(row, rows, first, end - first, pads, sources)


def plan_maps(
    plan: NetworkPlan,
    array: ArrayParameters,
    maps: str,
    bands: int,
    room: float,
    overlap: bool = True,
) -> MapPlan:
    """Where maps are kept so that they fit some block RAM.

    Step by step: where what a layer needs at once does not fit, the largest map on the chip goes to
    DDR, its own sources and result among them; where no such map is left, the layer is cut into
    one band more. Where maps are to move while bands are computed, there must be room for those of
    two bands as well; a layer for which there never is has its bands as if they were not.

    Args:
        maps: `ddr` keeps all maps there, `auto` those that do not fit.
        bands: of every layer whose result is in DDR; 0 for as few as fit.
        room: block RAM for events and their pointers [BRAM36].
        overlap: whether maps are to move while bands are computed.

    Raises:
        UserError: a layer does not fit in bands of one row.
    """
    if any(layer.turned for layer in plan.layers):
        raise UserError(
            "maps that a max pool across slices reads are kept on the chip, and do not fit",
            hint="pool within the slices, use fewer banks or channels, or a larger target",
        )
    return _Planner(plan, array, bands, room, overlap).plan(maps)


class _Planner:
    def __init__(
        self, plan: NetworkPlan, array: ArrayParameters, bands: int, room: float, overlap: bool
    ):
        self.layers, self.array, self.fixed, self.room = plan.layers, array, bands, room
        self.overlap = overlap and not bands
        self.image = plan.encode.train
        self.words = len(word_shifts(plan.image_bits, array.planes))
        self.result = MapPlan()
        self.born: dict[SSAValue, int] = {self.image: 0}
        self.dies: dict[SSAValue, int] = {}
        for step, layer in enumerate(plan.layers, 1):
            self.dies |= {synapse.source: step for synapse in layer.synapses}
            if layer.out is not None:
                self.born[layer.out] = self.dies[layer.out] = step
        self.pitch = {
            source: pitch_of(plan, source, min(self.block(source), source.type.dims[0]), array)
            for source in self.born
        }

    def plan(self, maps: str) -> MapPlan:
        if maps == "ddr":
            self.result.ddr = set(self.born)
        for layer in self.layers if maps == "ddr" and self.fixed else ():
            self.cut(layer, self.fixed)
        done = False
        while not done:
            done = all([self.fits(step, layer) for step, layer in enumerate(self.layers, 1)])
        if self.overlap and self.result.ddr - {self.image}:
            self.plan_twice()
        else:
            steps = enumerate(self.layers, 1)
            self.result.needed = max(self.needed(step, layer) for step, layer in steps)
        return self.result

    def cut(self, layer: LayerPlan, bands: int) -> None:
        if layer.out is not None:
            self.result.rows[layer.label] = -(-layer.stored[1] // bands)

    def fits(self, step: int, layer: LayerPlan) -> bool:
        """Whether a step fits; if not, something is changed."""
        over = self.needed(step, layer) - self.room
        if over <= 0:
            return True
        live = [
            value
            for value, born in self.born.items()
            if value not in self.result.ddr and born <= step <= self.dies[value]
        ]
        if live:
            largest = max(live, key=lambda value: self.words_of(value, value.type.dims[1]))
            self.result.ddr.add(largest)
            for other in self.layers if self.fixed else ():
                if other.out is largest:
                    self.cut(other, self.fixed)
            return False
        height = layer.stored[1]
        rows = self.result.rows.get(layer.label, height)
        if layer.out is None or rows == 1 or self.fixed:
            cut = f" in {self.fixed} bands" if self.fixed else ""
            what = "all of its input" if layer.out is None else "a row of its result"
            raise UserError(
                f"the maps that {what if not cut else 'it'} needs at once take {over:g} BRAM36 "
                f"too many{cut}",
                where=layer.label,
                hint="use fewer banks or channels, more bands, or a larger target",
            )
        self.cut_more(layer, rows)
        return False

    def cut_more(self, layer: LayerPlan, rows: int) -> None:
        """One band more, of fewer rows."""
        height = layer.stored[1]
        bands = -(-height // rows) + 1
        while -(-height // bands) == rows:
            bands += 1
        self.cut(layer, bands)

    def plan_twice(self) -> None:
        """More bands, until the maps of two fit where they move while one is computed.

        What bands read is in one half of the memories, what they make in the other; each half is as
        large as the layer that needs the most of it wants. Of the two layers that do, the one is
        cut that costs less. Where neither can be, one goes alone: it keeps the bands that it had.
        """
        before, ddr = dict(self.result.rows), set(self.result.ddr)
        while True:
            halves = [self.halves(step, layer) for step, layer in enumerate(self.layers, 1)]
            sizes = [[self.bram(*words) for words in half] for half in zip(*halves, strict=True)]
            self.result.needed = sum(map(max, sizes))
            if self.result.needed <= self.room:
                return
            largest = [self.layers[half.index(max(half))] for half in sizes]
            able = [one for one in largest if one.out is not None and self.rows_of(one) > 1]
            if able:
                layer = min(able, key=self.cost)
                # Only what is stored is made in bands.
                self.result.ddr.add(layer.out)
                self.cut_more(layer, self.rows_of(layer))
                continue
            together = [one for one in largest if one.label not in self.result.alone]
            if not together:
                self.result.rows, self.result.ddr = before, ddr
                self.result.alone = {layer.label for layer in self.layers}
                return
            label = together[0].label
            self.result.alone.add(label)
            self.result.rows.pop(label, None)
            self.result.rows |= {key: rows for key, rows in before.items() if key == label}

    def rows_of(self, layer: LayerPlan) -> int:
        """Rows of the result of a band."""
        return self.result.rows.get(layer.label, layer.stored[1])

    def cost(self, layer: LayerPlan) -> float:
        """Clocks that more and smaller bands take to read what they share, by estimate."""
        before, rows = self.read(layer), self.result.rows.get(layer.label)
        self.cut_more(layer, self.rows_of(layer))
        more = self.read(layer) - before
        self.result.rows.pop(layer.label)
        if rows is not None:
            self.result.rows[layer.label] = rows
        return more

    def read(self, layer: LayerPlan) -> float:
        """Clocks in which all bands get their rows: a neuron of the image, or a beat of a map."""
        total = 0.0
        for band in self.result.bands(layer):
            for source, (_, rows) in band.sources.items():
                channels, _, width = source.type.dims
                if source is self.image:
                    total += self.words * rows * channels * width
                else:
                    groups, pixels = self.words_of(source, rows)
                    total += HIDDEN * self.array.banks * (groups + pixels) / 8
        return total

    def halves(self, step: int, layer: LayerPlan) -> tuple[list[int], list[int]]:
        """Words of what a layer reads, what stays on the chip among it, and of what it makes.

        Where it receives the image, what it makes is stored meanwhile and is there once.
        """
        bands = self.result.bands(layer)
        read, made = [], []
        for band in bands:
            sources = [item for item in band.sources.items() if item[0] in self.result.ddr]
            words = [self.words_of(source, rows) for source, (_, rows) in sources]
            read.append(_most(words, len(words)) if words else [0, 0])
            made.append([0, 0])
            if layer.out in self.result.ddr:
                made[-1] = self.words_of(layer.out, band.rows)
        receives = any(self.image in band.sources for band in bands)
        receives = receives and self.image in self.result.ddr
        times = 1 if receives or layer.label in self.result.alone else 2
        return _add(self.kept(step), _most(read, times)), _most(made, times)

    def kept(self, step: int) -> list[int]:
        """Words of what stays on the chip."""
        kept = [0, 0]
        for value, born in self.born.items():
            if value not in self.result.ddr and born <= step <= self.dies[value]:
                kept = _add(kept, self.words_of(value, value.type.dims[1]))
        return kept

    def needed(self, step: int, layer: LayerPlan) -> float:
        """Block RAM of what has to be on the chip for a layer."""
        kept = self.kept(step)
        most = [0, 0]
        for band in self.result.bands(layer):
            own = [0, 0]
            for source, (_, rows) in band.sources.items():
                if source in self.result.ddr:
                    own = _add(own, self.words_of(source, rows))
            if layer.out in self.result.ddr:
                own = _add(own, self.words_of(layer.out, band.rows))
            most = [max(a, b) for a, b in zip(most, own, strict=True)]
        return self.bram(*_add(kept, most))

    def block(self, source: SSAValue) -> int:
        if source is self.image:
            return source.type.dims[0]
        writer = next(layer for layer in self.layers if layer.out is source)
        return writer.block(self.array.channels)

    def capacity(self, source: SSAValue) -> int:
        return -(-source.type.dims[2] * self.pitch[source] // self.array.banks)

    def words_of(self, source: SSAValue, rows: int) -> tuple[int, int]:
        """Words of the event memory and entries of the pointer memory that rows of a map take."""
        channels, _, width = source.type.dims
        blocks = -(-channels // self.block(source)) * (self.words if source is self.image else 1)
        return blocks * rows * self.capacity(source), blocks * rows * width

    def bram(self, events: int, pointers: int) -> float:
        banks, longest = self.array.banks, max(map(self.capacity, self.born))
        position = max(1, min((longest - 1).bit_length(), self.position_bits()))
        return banks * ram_bram36(position + self.array.planes, max(events, 1)) + 2 * ram_bram36(
            banks * longest.bit_length(), max(pointers, 1)
        )

    def position_bits(self) -> int:
        """As many as the longest run of pixels needs; see `least_position_bits`."""
        reach = 1
        for layer in self.layers:
            for synapse in layer.synapses:
                pixels = max(len(columns) for _, columns in synapse.columns.runs())
                span = pixels * self.pitch[synapse.source]
                reach = max(reach, -(-span // self.array.banks))
        return 1 + reach.bit_length()


def _most(words: list, together: int) -> list[int]:
    """The most that so many neighbours take."""
    most = [0, 0]
    for first in range(max(1, len(words) - together + 1)):
        own = [0, 0]
        for one in words[first : first + together]:
            own = _add(own, one)
        most = [max(a, b) for a, b in zip(most, own, strict=True)]
    return most


def _add(a, b) -> list[int]:
    return [x + y for x, y in zip(a, b, strict=True)]
