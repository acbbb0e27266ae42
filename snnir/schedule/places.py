"""Where maps live: which are needed at the same time, and addresses that keep them apart.

A layer may write its map over one that it reads, where it is done with each row by then; see
`in_place`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from xdsl.ir import SSAValue

from snnir.dialects.assembly import int_list
from snnir.dialects.dense import from_dense
from snnir.dialects.pe import ProgramOp, ReceiveOp
from snnir.dialects.pe_layers import LayerOp
from snnir.dialects.pe_moves import LoadOp, StoreOp
from snnir.dialects.pe_types import MapType


@dataclass(frozen=True)
class Lifetime:
    """A map is written in step `born` and read for the last time in step `dies`.

    Step 0 receives the image, those behind it are layers and moves; see `ProgramOp.steps`.
    """

    value: Hashable
    born: int
    dies: int

    def meets(self, other: Lifetime) -> bool:
        """Whether both are needed in some step: a layer reads one while it writes the other."""
        return self.born <= other.dies and other.born <= self.dies


def lifetimes(program: ProgramOp, longer: Mapping[SSAValue, int] | None = None) -> list[Lifetime]:
    """The lifetime of each map, in the order in which they are written.

    Args:
        longer: steps until which maps are to be kept at least.
    """
    born: dict[SSAValue, int] = {}
    dies: dict[SSAValue, int] = {}
    for step, op in enumerate(program.steps):
        for value in sources_of(op):
            dies[value] = step
        for value in op.results:
            if isinstance(value.type, MapType):
                born[value] = dies[value] = step
    for value, step in (longer or {}).items():
        dies[value] = max(dies[value], step)
    for value in kept_maps(program):
        born[value], dies[value] = 0, len(program.steps)
    return [Lifetime(value, born[value], dies[value]) for value in born]


def kept_maps(program: ProgramOp) -> list[SSAValue]:
    """The maps that are needed in the next window as well."""
    return [op.written for op in program.previous]


def sources_of(op: ReceiveOp | LayerOp | LoadOp | StoreOp) -> list[SSAValue]:
    """The maps on the chip that a step reads."""
    if isinstance(op, LayerOp):
        return [stream.source for tile in op.tiles for stream in tile.streams]
    return [op.source] if isinstance(op, StoreOp) else []


RowSize = Callable[[MapType], int]
"""Words that a row of a map takes in one of the memories."""


def event_rows(banks: int) -> RowSize:
    """Event addresses of a row, in every bank."""
    return lambda kind: kind.capacity(banks)


def pointer_row(kind: MapType) -> int:
    """Entries of the pointer memory of a row."""
    return kind.dims[2]


def in_place(
    program: ProgramOp,
    row: RowSize,
    longer: Mapping[SSAValue, int] | None = None,
    among: Callable[[SSAValue], bool] = lambda _: True,
) -> dict[SSAValue, list[tuple[SSAValue, int]]]:
    """The maps that may be written over a map which the same layer reads for the last time.

    A layer writes the rows of its map in order, and reads rows of its sources that it needs no more
    a while later. Row R of the map, of `row` words, lies in words that it may use if its end is not
    behind the first row of the source that row R or a later one still reads:

        start + (R + 1) * row(map) <= source's start + first(R) * row(source)

    Returns:
        {map: [(source, gap)]}: the map may begin `gap` words or more below its source; of several
        sources the one of least gap first. A gap is smaller than the map itself.
    """
    last = {life.value: life.dies for life in lifetimes(program, longer)}
    found: dict[SSAValue, list[tuple[SSAValue, int]]] = {}
    kept = kept_maps(program)
    for step, layer in enumerate(program.steps):
        if not isinstance(layer, LayerOp) or not isinstance(layer.out.type, MapType):
            continue
        if not among(layer.out) or not _tile_is_block(layer) or layer.out in kept:
            continue
        ends = np.arange(1, 1 + layer.out.type.blocks * layer.out.type.dims[1])
        size = len(ends) * row(layer.out.type)
        for source in dict.fromkeys(s.source for tile in layer.tiles for s in tile.streams):
            if last.get(source) != step or not among(source):
                continue
            needed = ends * row(layer.out.type) - _first_needed(layer, source) * row(source.type)
            gap = max(0, int(needed.max()))
            if gap < size:
                found.setdefault(layer.out, []).append((source, gap))
    return {value: sorted(links, key=lambda link: link[1]) for value, links in found.items()}


def _tile_is_block(layer: LayerOp) -> bool:
    """Whether each tile writes one block of the map."""
    block = layer.out.type.block.data
    return all(int_list(tile.channels)[0] == i * block for i, tile in enumerate(layer.tiles))


_NEVER = 1 << 40
"""Stands for a row behind all others."""


def _first_needed(layer: LayerOp, source: SSAValue) -> np.ndarray:
    """For each row of the layer's map the first row of `source` that it or a later one reads."""
    rows = layer.out.type.dims[1]
    first = np.full((len(layer.tiles), rows), _NEVER)
    height, kernel = int_list(layer.pixels)[0], int_list(layer.kernel)[0]
    top = np.arange(rows) * int_list(layer.strides)[0] - int_list(layer.pads)[0]
    for index, tile in enumerate(layer.tiles):
        for stream in (s for s in tile.streams if s.source is source):
            block, dy = from_dense(stream.runs)[:, :2].T.astype(np.int64)
            for pixel in (top + i for i in range(kernel)):
                y = pixel[:, None] * int_list(stream.strides)[0] + dy
                read = (y >= 0) & (y < int_list(stream.bounds)[0])
                read &= ((pixel >= 0) & (pixel < height))[:, None]
                row = np.where(read, stream.stored_row(block, y), _NEVER).min(1)
                first[index] = np.minimum(first[index], row)
    return np.minimum.accumulate(first.ravel()[::-1])[::-1]


SHARES = (0, 1 / 16, 1 / 8, 1 / 4, 1)
"""Shares of a map that may be its gap for it to be written in place: long chains of large gaps hold
more memory than they save."""


@dataclass(frozen=True)
class _Part:
    """A map in a region, `offset` words behind the region's first."""

    life: Lifetime
    offset: int
    size: int


def place_maps(
    program: ProgramOp,
    row: RowSize,
    reuse: bool,
    among: Callable[[SSAValue], bool] = lambda _: True,
    longer: Mapping[SSAValue, int] | None = None,
) -> dict[SSAValue, int]:
    """An address for each map, by first fit; maps that are written in place form one region.

    Which maps are written in place (those whose gap is at most some share of them, see `SHARES`),
    and whether regions are placed in the order of writing or the largest first: what needs the
    least memory is taken, the first of these where several do.

    Args:
        row: words of a row of a map.
        reuse: whether what is no longer needed is overwritten.
        among: the maps that are placed.
        longer: steps until which maps are to be kept at least.
    """
    lives = [life for life in lifetimes(program, longer) if among(life.value)]
    sizes = {life.value: map_size(life.value.type, row) for life in lives}
    links = in_place(program, row, longer, among) if reuse else {}
    above = {value: found[0] for value, found in links.items()}
    return place(lives, sizes, above, reuse) if lives else {}


Gaps = Mapping[Hashable, tuple[Hashable, int]]
"""{map: (source, gap)} as `in_place` finds it; any value may stand for a map."""


def place(
    lives: list[Lifetime], sizes: Mapping[Hashable, int], above: Gaps, reuse: bool
) -> dict[Hashable, int]:
    """An address for each map of some sizes; see `place_maps`."""
    best: dict[Hashable, int] = {}
    depth = _NEVER
    for share in SHARES if above else (0,):
        chosen = {value: link for value, link in above.items() if link[1] <= share * sizes[value]}
        regions = _regions(lives, chosen, sizes)
        by_size = sorted(regions, key=lambda parts: -max(p.offset + p.size for p in parts))
        for order in (regions, by_size) if reuse else (regions,):
            addresses = fit_regions(order, reuse)
            found = {
                part.life.value: address + part.offset
                for address, parts in zip(addresses, order, strict=True)
                for part in parts
            }
            needed = max(found[life.value] + sizes[life.value] for life in lives)
            if needed < depth:
                best, depth = found, needed
    return best


def map_size(kind: MapType, row: RowSize) -> int:
    """Words of a map whose rows have `row(kind)`."""
    return kind.blocks * kind.dims[1] * row(kind)


def _regions(
    lives: list[Lifetime], above: Gaps, sizes: Mapping[Hashable, int]
) -> list[list[_Part]]:
    """Maps that lie at fixed distances from each other, in the order of their first ones."""
    chains: list[list[_Part]] = []
    of: dict[Hashable, list[_Part]] = {}
    for life in lives:
        source, gap = above.get(life.value, (None, 0))
        if source is None:
            chains.append([])
            parts, offset = chains[-1], 0
        else:
            parts = of[source]
            offset = next(p.offset for p in parts if p.life.value is source) - gap
        parts.append(_Part(life, offset, sizes[life.value]))
        of[life.value] = parts
    lowest = [min(part.offset for part in parts) for parts in chains]
    return [
        [replace(part, offset=part.offset - low) for part in parts]
        for low, parts in zip(lowest, chains, strict=True)
    ]


def fit_regions(regions: list[list[_Part]], reuse: bool) -> list[int]:
    """An address for each region: the lowest at which none of its maps meets one that is placed."""
    placed: list[tuple[Lifetime, int, int]] = []
    found = []
    for parts in regions:
        # Addresses between which a part would overlap what is placed, both ends excluded.
        taken = sorted(
            (start - part.offset - part.size, end - part.offset)
            for part in parts
            for other, start, end in placed
            if not reuse or part.life.meets(other)
        )
        address = 0
        for low, high in taken:
            if address <= low:
                break
            address = max(address, high)
        found.append(address)
        placed += [(p.life, address + p.offset, address + p.offset + p.size) for p in parts]
    return found


def first_fit(lives: list[Lifetime], sizes: list[int], reuse: bool) -> list[int]:
    """An address for each map: the lowest that no map of an overlapping lifetime takes."""
    regions = [[_Part(life, 0, size)] for life, size in zip(lives, sizes, strict=True)]
    return fit_regions(regions, reuse)
